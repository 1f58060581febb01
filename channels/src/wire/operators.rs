//! Messages by which several operators sign a link together, through the hub. What is signed is opaque here.

use lightning::impl_writeable_tlv_based;

use super::list::List;

/// Most nonces of one session: one of each operator.
pub const MAX_OPERATOR_NONCES: usize = 15;

/// An operator says so to the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorHello {
    /// The operator's key, compressed.
    pub key: [u8; 33],
    /// Its signature for this connection's two ends.
    pub signature: [u8; 64],
    /// The epoch header that it pledged its newest signature to; a hub that lost its own memory goes on with that one.
    pub pledged: Option<Vec<u8>>,
}

impl_writeable_tlv_based!(OperatorHello, {
    (0, key, required),
    (2, signature, required),
    (4, pledged, option),
});

/// The hub offers a version of a link to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkOffer {
    /// Names the session; chosen anew for each.
    pub session: [u8; 32],
    /// The epoch header that the link commits to.
    pub header: Vec<u8>,
    /// The transaction, without witness.
    pub transaction: Vec<u8>,
    /// The outputs that its inputs from the second on spend, each as Bitcoin serialises it, one after the other.
    pub coins: Vec<u8>,
    /// Whether the seal is spent by its leaf.
    pub reveal: bool,
}

impl_writeable_tlv_based!(LinkOffer, {
    (0, session, required),
    (2, header, required),
    (4, transaction, required),
    (6, coins, required),
    (8, reveal, required),
});

/// An operator takes part in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkNonce {
    /// The session.
    pub session: [u8; 32],
    /// Its public nonce (BIP327): two compressed points.
    pub nonce: OperatorNonce,
}

impl_writeable_tlv_based!(LinkNonce, {
    (0, session, required),
    (2, nonce, required),
});

/// The hub hands on everybody's nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkNonces {
    /// The session.
    pub session: [u8; 32],
    /// In the order of the operators' keys.
    pub nonces: List<OperatorNonce, MAX_OPERATOR_NONCES>,
}

impl_writeable_tlv_based!(LinkNonces, {
    (0, session, required),
    (2, nonces, required),
});

/// An operator's share of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkShare {
    /// The session.
    pub session: [u8; 32],
    /// One scalar (BIP327).
    pub share: [u8; 32],
}

impl_writeable_tlv_based!(LinkShare, {
    (0, session, required),
    (2, share, required),
});

/// A public nonce: two compressed points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorNonce(pub [u8; 66]);

impl lightning::util::ser::Writeable for OperatorNonce {
    fn write<W: lightning::util::ser::Writer>(&self, writer: &mut W) -> Result<(), lightning::io::Error> {
        writer.write_all(&self.0)
    }
}

impl lightning::util::ser::Readable for OperatorNonce {
    fn read<R: lightning::io::Read>(reader: &mut R) -> Result<Self, lightning::ln::msgs::DecodeError> {
        let mut bytes = [0; 66];
        reader.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }
}
