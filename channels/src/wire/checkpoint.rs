//! Messages of the money lane after the opening: checkpoints, revocation, vouchers, reestablish. Clauses C-100 to C-133.

use bitcoin::OutPoint;
use bitcoin::secp256k1::PublicKey;
use lightning::impl_writeable_tlv_based;

use super::List;
use crate::channel::{AppPosition, Change, MAX_FUNDINGS_IN_FORCE, Voucher};
use crate::ids::ChannelId;
use crate::life::{Life, MAX_LIVES};
use crate::musig::{PartialSignatureWithNonce, PublicNonce};

/// Most changes in one checkpoint. Clause C-101.
pub const MAX_CHANGES: usize = 64;

/// Signs a checkpoint and the receiver's commitments of its number: first the proposer, then the other side. C-110.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointSign {
    /// The channel.
    pub channel: ChannelId,
    /// The new number.
    pub number: u64,
    /// On the receiver's commitment over every funding in force, in the order of the ledger.
    pub signatures: List<FundingSignature, MAX_FUNDINGS_IN_FORCE>,
    /// The sender's signature on the checkpoint (BIP340), opaque here.
    pub checkpoint_signature: [u8; 64],
    /// What is proposed; absent in the answer, which signs the same.
    pub proposal: Option<CheckpointProposal>,
}

impl_writeable_tlv_based!(CheckpointSign, {
    (0, channel, required),
    (2, number, required),
    (4, signatures, required),
    (6, checkpoint_signature, required),
    (7, proposal, option),
});

/// The content of a checkpoint. It never changes once sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointProposal {
    /// Applied to the ledger in this order.
    pub changes: List<Change, MAX_CHANGES>,
    /// Position of the member's lane that is folded.
    pub app: AppPosition,
    /// The checkpoint, canonical bytes, opaque here; at most [`MAX_CHECKPOINT_BYTES`](crate::MAX_CHECKPOINT_BYTES).
    pub checkpoint: Vec<u8>,
}

impl_writeable_tlv_based!(CheckpointProposal, {
    (0, changes, required),
    (2, app, required),
    (4, checkpoint, required),
});

/// A partial signature on one commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingSignature {
    /// The funding that the commitment spends.
    pub funding: OutPoint,
    /// The signature, with the nonce made for it.
    pub signature: PartialSignatureWithNonce,
}

impl_writeable_tlv_based!(FundingSignature, {
    (0, funding, required),
    (2, signature, required),
});

/// Reveals the secret of a commitment that is replaced, and announces the one after next. C-111.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRevoke {
    /// The channel.
    pub channel: ChannelId,
    /// The revoked number.
    pub number: u64,
    /// Its per-commitment secret.
    pub secret: [u8; 32],
    /// What the peer needs to sign commitment `number + 2`.
    pub next: NextNonces,
}

impl_writeable_tlv_based!(CheckpointRevoke, {
    (0, channel, required),
    (2, number, required),
    (4, secret, required),
    (6, next, required),
});

/// What the receiver needs to sign the sender's next commitments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextNonces {
    /// Per-commitment point.
    pub point: PublicKey,
    /// Verification nonce over every funding in force.
    pub nonces: List<FundingNonce, MAX_FUNDINGS_IN_FORCE>,
}

impl_writeable_tlv_based!(NextNonces, {
    (0, point, required),
    (2, nonces, required),
});

/// A verification nonce for one commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingNonce {
    /// The funding that the commitment spends.
    pub funding: OutPoint,
    /// The nonce.
    pub nonce: PublicNonce,
}

impl_writeable_tlv_based!(FundingNonce, {
    (0, funding, required),
    (2, nonce, required),
});

/// Asks for the turn, or gives it. C-113.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointTurn {
    /// The channel.
    pub channel: ChannelId,
    /// Number of the turn that is asked for, or given.
    pub turn: u64,
    /// Whether it is given.
    pub given: bool,
}

impl_writeable_tlv_based!(CheckpointTurn, {
    (0, channel, required),
    (2, turn, required),
    (4, given, required),
});

/// A promise to pay. C-104.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GiveVoucher {
    /// The channel.
    pub channel: ChannelId,
    /// The promise; it replaces the sender's earlier ones.
    pub voucher: Voucher,
}

impl_writeable_tlv_based!(GiveVoucher, {
    (0, channel, required),
    (2, voucher, required),
});

/// First message about a channel in use after every reconnect. C-130.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reestablish {
    /// The channel.
    pub channel: ChannelId,
    /// Number of the sender's newest commitment that the receiver has signed.
    pub number: u64,
    /// How many of the receiver's secrets the sender has: those of the numbers below.
    pub revoked: u64,
    /// The newest of them; absent when there is none.
    pub last_secret: Option<[u8; 32]>,
    /// The turn that the sender counts.
    pub turn: u64,
    /// For the sender's commitment `number + 1`.
    pub next: NextNonces,
    /// The member's lane as the sender sees it.
    pub lane: Option<LaneStatus>,
    /// The highest number of the receiver's commitments that the sender has signed; absent where it takes no further life of the receiver.
    pub signed: Option<u64>,
    /// The receiver's lives that the sender knows; absent where it knows none (C-155).
    pub lives: Option<List<Life, MAX_LIVES>>,
    /// The life that the sender begins (C-153).
    pub life: Option<NewLife>,
}

impl_writeable_tlv_based!(Reestablish, {
    (0, channel, required),
    (2, number, required),
    (4, revoked, required),
    (5, last_secret, option),
    (6, turn, required),
    (8, next, required),
    (9, lane, option),
    (11, signed, option),
    (13, lives, option),
    (15, life, option),
});

/// A life that begins. C-153.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLife {
    /// Its value.
    pub value: [u8; 32],
    /// The lowest number that it can begin with.
    pub from: u64,
    /// For the sender's commitment `number + 1`, if it begins with that one.
    pub next: NextNonces,
}

impl_writeable_tlv_based!(NewLife, {
    (0, value, required),
    (2, from, required),
    (4, next, required),
});

/// How far a side's view of the member's lane goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneStatus {
    /// Last entry that was sent (member) or arrived (hub).
    pub sent: u64,
    /// The lane up to the last acknowledged entry.
    pub acked: AppPosition,
}

impl_writeable_tlv_based!(LaneStatus, {
    (0, sent, required),
    (2, acked, required),
});

/// Member to a hub that is behind: the newest checkpoint that both sides signed. C-161.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointShown {
    /// The channel.
    pub channel: ChannelId,
    /// Its number.
    pub number: u64,
    /// The checkpoint, canonical bytes, opaque here; at most [`MAX_CHECKPOINT_BYTES`](crate::MAX_CHECKPOINT_BYTES).
    pub checkpoint: Vec<u8>,
    /// The member's signature on it (BIP340), opaque here.
    pub member_signature: [u8; 64],
    /// The hub's.
    pub hub_signature: [u8; 64],
}

impl_writeable_tlv_based!(CheckpointShown, {
    (0, channel, required),
    (2, number, required),
    (4, checkpoint, required),
    (6, member_signature, required),
    (8, hub_signature, required),
});
