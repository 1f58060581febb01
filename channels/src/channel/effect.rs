//! What the shell is asked to do, in order.

use bitcoin::{OutPoint, ScriptBuf, Transaction, Txid};

use crate::wire::Msg;

/// One thing to do. Effects are carried out in the order given; when one fails, the rest are not carried out and the
/// channel is loaded again from what was last stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "few effects exist at a time, and most are sends")]
pub enum Effect {
    /// Store `Channel::encode()` durably before anything that follows (C-61).
    Persist,
    /// Send to the peer; nothing is lost when the peer is away, since a reconnect sends again.
    Send(Msg),
    /// Member: build (not broadcast) a transaction with this output, then call `Channel::fund`.
    BuildFunding {
        /// Script of the funding output.
        script_pubkey: ScriptBuf,
        /// Its value in satoshis.
        amount_sat: u64,
    },
    /// Check checkpoint 0 and the peer's signature on it, then call `checkpoint_accepted`, `checkpoint_signed` (hub) or
    /// `checkpoint_refused`.
    CheckCheckpoint(CheckpointRequest),
    /// Member: commitment 0 is signed by the hub, so the funding transaction may be broadcast.
    BroadcastFunding(OutPoint),
    /// Both sides have seen the funding confirmed.
    Ready,
    /// The peer wants to close: call `Channel::close` with a script.
    CloseRequested,
    /// Member: both scripts and the hub's nonce are here; choose a fee and call `Channel::propose_close`.
    ProposeClose,
    /// Broadcast the signed cooperative close.
    BroadcastClose(Transaction),
    /// Broadcast the signed own commitment together with a child that pays (it has no fee of its own).
    BroadcastCommitment(Transaction),
    /// The funding output is spent for good.
    Closed {
        /// By which transaction.
        txid: Txid,
        /// What that transaction is.
        spend: FundingSpend,
    },
    /// A step of the peer was refused; the channel goes on unchanged.
    Refused {
        /// Clause broken.
        rule: &'static str,
        /// Text with the values.
        detail: String,
    },
    /// The peer reports that it refused something; untrusted text.
    PeerReported {
        /// Clause the peer names.
        rule: String,
        /// The peer's words.
        detail: String,
    },
    /// The opening ended before anything was broadcast; no coins are in the channel.
    Failed {
        /// Clause broken.
        rule: &'static str,
        /// Text with the values.
        detail: String,
    },
}

/// Checkpoint 0 and the facts it must state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRequest {
    /// The checkpoint, canonical bytes.
    pub checkpoint: Vec<u8>,
    /// The peer's signature on it.
    pub peer_signature: [u8; 64],
    /// Funding outpoint.
    pub funding: OutPoint,
    /// Commitment 0 of both sides.
    pub commitments: CommitmentTxids,
}

/// Transaction ids of both sides' commitments of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitmentTxids {
    /// The one the member can broadcast.
    pub member: Txid,
    /// The one the hub can broadcast.
    pub hub: Txid,
}

/// What spent the funding output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FundingSpend {
    /// The cooperative close this side holds signed.
    CooperativeClose,
    /// Own commitment.
    OwnCommitment,
    /// The peer's current commitment.
    PeerCommitment,
    /// None of these: a close the peer finished alone, or a revoked commitment.
    Other,
}
