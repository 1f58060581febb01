//! Key rotation: a member whose vote key is lost or stolen speaks with another.

use bitcoin::secp256k1::{Keypair, PublicKey, Secp256k1, Signing, schnorr};

use super::EntryKind;
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::{ChannelId, DaoId, MemberId, NetworkId};
use crate::signing::{SignatureCheck, read_prefix, sign};

/// Another key speaks for a member from here on (G-90). The member stays the one whom rolls, ballots and deposits name; only
/// the key that signs changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRotation {
    /// Network of the DAO.
    pub network: NetworkId,
    /// The DAO.
    pub dao: DaoId,
    /// The vote key that speaks for the member so far.
    pub old_key: MemberId,
    /// The vote key that speaks from now on; nobody's yet.
    pub new_key: MemberId,
    /// A channel of the member.
    pub channel: ChannelId,
    /// The member's key in that channel's funding output.
    pub member_funding_key: PublicKey,
}

/// A key rotation with both signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedKeyRotation {
    /// What both keys signed.
    pub rotation: KeyRotation,
    /// By the funding key (x-only), which holds the coins and so decides who speaks for them.
    pub funding_signature: schnorr::Signature,
    /// By the new vote key, so that nobody is made to speak.
    pub new_key_signature: schnorr::Signature,
}

impl KeyRotation {
    /// The rotation signed by both keys. `aux_rand` is BIP340's auxiliary randomness.
    pub fn sign<C: Signing>(
        self,
        secp: &Secp256k1<C>,
        funding_key: &Keypair,
        new_key: &Keypair,
        aux_rand: &[u8; 32],
    ) -> SignedKeyRotation {
        let bytes = self.signed_bytes();
        SignedKeyRotation {
            rotation: self,
            funding_signature: sign(secp, tag::SIGN_KEY_ROTATION, &bytes, funding_key, aux_rand),
            new_key_signature: sign(secp, tag::SIGN_KEY_ROTATION, &bytes, new_key, aux_rand),
        }
    }

    /// Exactly the bytes that are signed.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u8(1);
        w.u8(EntryKind::KeyRotation as u8);
        self.encode(&mut w);
        w.into_bytes()
    }
}

impl SignedKeyRotation {
    /// The funding key's and the new vote key's signature.
    #[must_use]
    pub fn signature_checks(&self) -> [SignatureCheck; 2] {
        let bytes = self.rotation.signed_bytes();
        let funding_key = self.rotation.member_funding_key.x_only_public_key().0.serialize();
        let check = |what, key, signature| SignatureCheck::new(what, key, tag::SIGN_KEY_ROTATION, &bytes, signature);
        [
            check("funding key of a key rotation", funding_key, self.funding_signature),
            check("new key of a key rotation", self.rotation.new_key.0, self.new_key_signature),
        ]
    }
}

impl Canonical for SignedKeyRotation {
    fn encode(&self, w: &mut Writer) {
        w.fixed(&self.rotation.signed_bytes());
        w.signature(&self.funding_signature);
        w.signature(&self.new_key_signature);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        read_prefix(r, &[1, EntryKind::KeyRotation as u8])?;
        Ok(Self {
            rotation: Canonical::decode(r)?,
            funding_signature: r.signature()?,
            new_key_signature: r.signature()?,
        })
    }
}

impl Canonical for KeyRotation {
    fn encode(&self, w: &mut Writer) {
        self.network.encode(w);
        self.dao.encode(w);
        self.old_key.encode(w);
        self.new_key.encode(w);
        self.channel.encode(w);
        w.public_key(&self.member_funding_key);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: Canonical::decode(r)?,
            dao: Canonical::decode(r)?,
            old_key: Canonical::decode(r)?,
            new_key: Canonical::decode(r)?,
            channel: Canonical::decode(r)?,
            member_funding_key: r.public_key("member_funding_key")?,
        })
    }
}
