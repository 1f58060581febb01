//! Messages of the money lane: opening and closing a stake channel.

use bitcoin::secp256k1::PublicKey;
use bitcoin::{OutPoint, ScriptBuf};
use lightning::impl_writeable_tlv_based;

use crate::ids::{ChannelId, ChannelParams, OpeningId};
use crate::keys::ChannelPublicKeys;
use crate::musig::{PartialSignature, PartialSignatureWithNonce, PublicNonce};

/// Member asks to open a stake channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenStake {
    /// Drawn at random by the member; names the channel until its outpoint is known.
    pub opening: OpeningId,
    /// Amounts and locks the member proposes.
    pub params: ChannelParams,
    /// The member's keys.
    pub keys: ChannelPublicKeys,
}

impl_writeable_tlv_based!(OpenStake, {
    (0, opening, required),
    (2, params, required),
    (4, keys, required),
});

/// Hub accepts the parameters as proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptStake {
    /// From [`OpenStake`].
    pub opening: OpeningId,
    /// The hub's keys.
    pub keys: ChannelPublicKeys,
}

impl_writeable_tlv_based!(AcceptStake, {
    (0, opening, required),
    (2, keys, required),
});

/// Member names the funding output; the transaction is not broadcast yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundingCreated {
    /// From [`OpenStake`].
    pub opening: OpeningId,
    /// Output of the member's unbroadcast funding transaction.
    pub funding: OutPoint,
    /// The member's verification nonce for its own commitment 0.
    pub nonce: PublicNonce,
    /// Checkpoint 0, canonical bytes, opaque here.
    pub checkpoint: Vec<u8>,
    /// The member's signature on it (BIP340), opaque here.
    pub checkpoint_signature: [u8; 64],
}

impl_writeable_tlv_based!(FundingCreated, {
    (0, opening, required),
    (2, funding, required),
    (4, nonce, required),
    (6, checkpoint, required),
    (8, checkpoint_signature, required),
});

/// Hub's signature on the member's commitment 0: with it the member may broadcast the funding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundingSigned {
    /// The channel, named by its outpoint from here on.
    pub channel: ChannelId,
    /// The hub's partial signature on the member's commitment 0, with the nonce made for it.
    pub signature: PartialSignatureWithNonce,
    /// The hub's verification nonce for its own commitment 0.
    pub nonce: PublicNonce,
    /// The hub's signature on checkpoint 0 (BIP340), opaque here.
    pub checkpoint_signature: [u8; 64],
}

impl_writeable_tlv_based!(FundingSigned, {
    (0, channel, required),
    (2, signature, required),
    (4, nonce, required),
    (6, checkpoint_signature, required),
});

/// Member's signature on the hub's commitment 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitmentSigned {
    /// The channel.
    pub channel: ChannelId,
    /// The member's partial signature on the hub's commitment 0, with the nonce made for it.
    pub signature: PartialSignatureWithNonce,
}

impl_writeable_tlv_based!(CommitmentSigned, {
    (0, channel, required),
    (2, signature, required),
});

/// The sender has seen the funding confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelReady {
    /// The channel.
    pub channel: ChannelId,
    /// The sender's per-commitment point of commitment 1.
    pub next_point: PublicKey,
    /// The sender's verification nonce for its own commitment 1.
    pub next_nonce: PublicNonce,
}

impl_writeable_tlv_based!(ChannelReady, {
    (0, channel, required),
    (2, next_point, required),
    (4, next_nonce, required),
});

/// The sender wants to close together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// The channel.
    pub channel: ChannelId,
    /// Where the sender's part goes: P2WPKH, P2WSH or P2TR.
    pub script: ScriptBuf,
    /// The sender's nonce for the first close that the receiver proposes; the member's may be absent (then the hub proposes none).
    pub nonce: Option<PublicNonce>,
}

impl_writeable_tlv_based!(Shutdown, {
    (0, channel, required),
    (2, script, required),
    (4, nonce, option),
});

/// The sender proposes a close at a fee that it pays, and signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingComplete {
    /// The channel.
    pub channel: ChannelId,
    /// Fee in satoshis, taken from the sender's part.
    pub fee_sat: u64,
    /// The sender's partial signature against the receiver's announced nonce, with the nonce made for it.
    pub signature: PartialSignatureWithNonce,
}

impl_writeable_tlv_based!(ClosingComplete, {
    (0, channel, required),
    (2, fee_sat, required),
    (4, signature, required),
});

/// The receiver of a proposal signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingSig {
    /// The channel.
    pub channel: ChannelId,
    /// Fee of the close that is signed.
    pub fee_sat: u64,
    /// The sender's partial signature, made with its announced nonce.
    pub signature: PartialSignature,
    /// The sender's nonce for the next proposal, at a higher fee.
    pub next_nonce: PublicNonce,
}

impl_writeable_tlv_based!(ClosingSig, {
    (0, channel, required),
    (2, fee_sat, required),
    (4, signature, required),
    (6, next_nonce, required),
});
