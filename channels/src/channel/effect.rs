//! What the shell is asked to do, in order.

use bitcoin::{OutPoint, ScriptBuf, Transaction, Txid};

use super::checkpoint::{Change, CheckpointFacts, SignedCheckpoint};
use crate::commitment::CommitmentContext;
use crate::wire::{CheckpointShown, LaneStatus, Msg};

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
    /// Check a later checkpoint, then call `answer_checkpoint` (it is the peer's proposal), `finish_checkpoint` (it is the
    /// own one) or `refuse_checkpoint`.
    ReviewCheckpoint(Box<CheckpointReview>),
    /// Both sides have signed this checkpoint and revoked the one before: log it.
    Checkpointed(SignedCheckpoint),
    /// The peer's commitment of this number is revoked: queue what a watchtower needs to punish it (C-112), in the same durable
    /// step as the [`Effect::Persist`] before it (C-85).
    PeerRevoked {
        /// The number.
        number: u64,
        /// Every funding that it stands over; the amounts of the terms are its balances there.
        over: Vec<CommitmentContext>,
    },
    /// It is this side's turn to propose a checkpoint.
    TurnGained,
    /// The peer promises to pay this much more; a checkpoint settles it (C-104).
    VoucherReceived {
        /// In satoshis.
        amount_sat: u64,
    },
    /// Member: the hub agrees to the announced splice; propose a checkpoint with this change.
    SpliceAgreed {
        /// The change.
        change: Change,
    },
    /// Both sides have signed the old funding's input: the wallet signs the others and broadcasts.
    SpliceSigned(Transaction),
    /// Both sides see a new funding confirmed: whoever has the turn proposes a checkpoint with this change.
    SpliceLocked {
        /// The change.
        change: Change,
    },
    /// The peer's view of the member's lane.
    PeerLane(LaneStatus),
    /// The peer has proved that this side's state is old. Nothing of it may be broadcast; the peer is asked to close
    /// (C-132).
    Behind,
    /// The peer's state is old: only this side can close (C-133).
    PeerBehind {
        /// The newest commitment that the peer remembers.
        number: u64,
        /// The oldest that it must have.
        expected: u64,
    },
    /// Hub: the member shows this checkpoint to this side, which is behind. Verify it (C-163), then call `Channel::take_division` or
    /// `Channel::refuse_shown`.
    CheckpointShown(Box<CheckpointShown>),
    /// The peer wants to close: call `Channel::close` with a script.
    CloseRequested,
    /// Member: both scripts and the hub's nonce are here; choose a fee and call `Channel::propose_close`. Either side may
    /// do so later again, with a higher fee.
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

/// A checkpoint after checkpoint 0, and what it must state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointReview {
    /// The checkpoint, canonical bytes.
    pub checkpoint: Vec<u8>,
    /// What it changes; the channel has checked that the facts follow from this.
    pub changes: Vec<Change>,
    /// Number, fundings, commitments, balances and lane position it must state. That the lane's position is acknowledged
    /// and extends the one before is for the shell to check, which has the lane (C-108).
    pub facts: CheckpointFacts,
    /// The peer's signature on it.
    pub peer_signature: [u8; 64],
    /// This side's, when it proposed the checkpoint.
    pub own_signature: Option<[u8; 64]>,
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
