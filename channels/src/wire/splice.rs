//! Messages that bring a new funding output into force. Clauses C-142 to C-144.

use bitcoin::{OutPoint, Transaction, TxOut};
use lightning::impl_writeable_tlv_based;

use super::List;
use crate::ids::ChannelId;
use crate::musig::{PartialSignature, PublicNonce};

/// Most inputs of a splice transaction. Clause C-142.
pub const MAX_SPLICE_INPUTS: usize = 64;

/// Member announces a transaction that spends the funding and creates the next one. C-142.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpliceInit {
    /// The channel.
    pub channel: ChannelId,
    /// Number of the first commitment over the new funding: the next one.
    pub number: u64,
    /// The transaction, without witnesses.
    pub transaction: Transaction,
    /// Outputs that its inputs spend, in the order of the inputs.
    pub prevouts: List<TxOut, MAX_SPLICE_INPUTS>,
    /// Index of the new funding output.
    pub vout: u32,
    /// The member's verification nonce for its commitment `number` over the new funding.
    pub nonce: PublicNonce,
}

impl_writeable_tlv_based!(SpliceInit, {
    (0, channel, required),
    (2, number, required),
    (4, transaction, required),
    (6, prevouts, required),
    (8, vout, required),
    (10, nonce, required),
});

/// Hub agrees to the announced transaction. C-142.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpliceAck {
    /// The channel.
    pub channel: ChannelId,
    /// The new funding output.
    pub funding: OutPoint,
    /// The hub's verification nonce for its first commitment over it.
    pub nonce: PublicNonce,
}

impl_writeable_tlv_based!(SpliceAck, {
    (0, channel, required),
    (2, funding, required),
    (4, nonce, required),
});

/// Hub's nonce for its signature on the splice transaction. C-143.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpliceNonce {
    /// The channel.
    pub channel: ChannelId,
    /// The new funding output.
    pub funding: OutPoint,
    /// Made for one signature; in memory only.
    pub nonce: PublicNonce,
}

impl_writeable_tlv_based!(SpliceNonce, {
    (0, channel, required),
    (2, funding, required),
    (4, nonce, required),
});

/// A side's partial signature on the splice transaction: first the member's, then the hub's. C-143.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpliceSign {
    /// The channel.
    pub channel: ChannelId,
    /// The new funding output.
    pub funding: OutPoint,
    /// The signature; the hub's is made with the nonce it announced.
    pub signature: PartialSignature,
    /// The nonce made for the member's; absent from the hub.
    pub nonce: Option<PublicNonce>,
}

impl_writeable_tlv_based!(SpliceSign, {
    (0, channel, required),
    (2, funding, required),
    (4, signature, required),
    (5, nonce, option),
});

/// The sender has seen the new funding confirmed. C-144.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpliceLocked {
    /// The channel.
    pub channel: ChannelId,
    /// The new funding output.
    pub funding: OutPoint,
}

impl_writeable_tlv_based!(SpliceLocked, {
    (0, channel, required),
    (2, funding, required),
});
