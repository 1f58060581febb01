//! Log entries: everything that is ever said in a DAO, each signed, each with one byte form.

mod anchored;
mod author_update;
mod ballot;
mod bind;
mod checkpoint;
mod comment;
mod comment_vote;
mod deposit_hold;
pub mod effect;
mod equivocation;
mod execution;
mod gate_refill;
mod guardian_act;
mod head;
mod hub_fraud;
mod invitation;
mod key_rotation;
mod kind;
mod lane;
mod proposal;
mod seen_note;
mod text;
mod withdrawal;

use bitcoin::secp256k1::XOnlyPublicKey;

pub use anchored::Anchored;
pub use author_update::AuthorUpdate;
pub use ballot::{Ballot, Choice, MAX_FIELDS, MAX_REASON};
pub use bind::{Bind, BindTerms, MAX_MEMBER_NAME, check_member_name};
pub use checkpoint::{Checkpoint, CheckpointFunding, MAX_FUNDINGS, SignedCheckpoint};
pub use comment::{Comment, MAX_COMMENT};
pub use comment_vote::{CommentVote, Opinion};
pub use deposit_hold::DepositHold;
pub use effect::{
    Budget, Confiscate, Effect, ElectTreasurers, MAX_MILESTONES, MAX_OUTPUTS, MAX_SCRIPT, Milestone, Pause,
    ReplaceKeys, Request, RuleChange, Spend, SpendOutput,
};
pub use equivocation::Equivocation;
pub use execution::Execution;
pub use gate_refill::{GateRefill, MAX_REFILL};
pub use guardian_act::{GuardianAct, GuardianVoice};
pub use head::LogHead;
pub use hub_fraud::{FraudEvidence, HubFraud, OtherEntry};
pub use invitation::{Acceptance, Invitation};
pub use key_rotation::{KeyRotation, SignedKeyRotation};
pub use kind::EntryKind;
pub use lane::{LaneBody, LaneEntry, LaneHeader, lane_start, next_lane_head};
pub use proposal::{MAX_BODY, MAX_LABEL, MAX_TAGS, MAX_TITLE, ProposalContent, ProposalOption, Version};
pub use seen_note::{MAX_SEEN, SeenNote};
pub use withdrawal::Withdrawal;

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::delegation::Delegation;
use crate::hash::{TagPrefix, tag};
use crate::id::{EntryId, TreeHash};
use crate::signing::{SignatureCheck, Signed};
use crate::tree::leaf_hash;

/// Largest entry in bytes, but for a proof that holds two others (G-20).
pub const MAX_ENTRY: usize = 20 * 1024;
/// Largest entry of any kind in bytes (G-98).
pub const MAX_EQUIVOCATION: usize = 2 * MAX_ENTRY + 10;

/// One entry of the log (G-20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A member ties a stake channel to their vote key.
    Bind(LaneEntry<Bind>),
    /// Member and hub state a channel's balances.
    Checkpoint(SignedCheckpoint),
    /// A member proposes something.
    Proposal(LaneEntry<ProposalContent>),
    /// A member comments on a proposal.
    Comment(LaneEntry<Comment>),
    /// A member votes.
    Ballot(LaneEntry<Ballot>),
    /// The hub signs the log's size and root at a block.
    Head(Signed<LogHead>),
    /// The hub states that an epoch's link is final on Bitcoin.
    Anchored(Signed<Anchored>),
    /// A member hands on the weight that they do not use.
    Delegation(LaneEntry<Delegation>),
    /// A member votes on a comment.
    CommentVote(LaneEntry<CommentVote>),
    /// An author tells what became of a proposal.
    AuthorUpdate(LaneEntry<AuthorUpdate>),
    /// An author takes a proposal back.
    Withdrawal(LaneEntry<Withdrawal>),
    /// Another key speaks for a member.
    KeyRotation(SignedKeyRotation),
    /// A member invites somebody.
    Invitation(LaneEntry<Invitation>),
    /// Somebody accepts an invitation.
    Acceptance(LaneEntry<Acceptance>),
    /// A guardian delays or vetoes.
    GuardianAct(LaneEntry<GuardianAct>),
    /// Proof that a member signed two entries for one place.
    Equivocation(Equivocation),
    /// A member holds satoshis as a deposit.
    DepositHold(LaneEntry<DepositHold>),
    /// A member has seen an entry that the log does not have.
    SeenNote(LaneEntry<SeenNote>),
    /// The hub states that a payment of the treasury is mined.
    Execution(Signed<Execution>),
    /// The hub states that the treasury made other gates.
    GateRefill(Signed<GateRefill>),
    /// Proof that the hub signed what no honest hub signs.
    HubFraud(HubFraud),
}

/// `$then` with `$e` bound to the lane entry of every kind that has one, else `$otherwise`.
macro_rules! in_lane {
    ($entry:expr, $e:ident => $then:expr, $otherwise:expr) => {
        match $entry {
            Entry::Bind($e) => $then,
            Entry::Proposal($e) => $then,
            Entry::Comment($e) => $then,
            Entry::Ballot($e) => $then,
            Entry::Delegation($e) => $then,
            Entry::CommentVote($e) => $then,
            Entry::AuthorUpdate($e) => $then,
            Entry::Withdrawal($e) => $then,
            Entry::Invitation($e) => $then,
            Entry::Acceptance($e) => $then,
            Entry::GuardianAct($e) => $then,
            Entry::DepositHold($e) => $then,
            Entry::SeenNote($e) => $then,
            Entry::Checkpoint(_)
            | Entry::Head(_)
            | Entry::Anchored(_)
            | Entry::KeyRotation(_)
            | Entry::Equivocation(_)
            | Entry::Execution(_)
            | Entry::GateRefill(_)
            | Entry::HubFraud(_) => $otherwise,
        }
    };
}

impl Entry {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> EntryKind {
        match self {
            Self::Bind(_) => EntryKind::Bind,
            Self::Checkpoint(_) => EntryKind::Checkpoint,
            Self::Proposal(_) => EntryKind::Proposal,
            Self::Comment(_) => EntryKind::Comment,
            Self::Ballot(_) => EntryKind::Ballot,
            Self::Head(_) => EntryKind::Head,
            Self::Anchored(_) => EntryKind::Anchored,
            Self::Delegation(_) => EntryKind::Delegation,
            Self::CommentVote(_) => EntryKind::CommentVote,
            Self::AuthorUpdate(_) => EntryKind::AuthorUpdate,
            Self::Withdrawal(_) => EntryKind::Withdrawal,
            Self::KeyRotation(_) => EntryKind::KeyRotation,
            Self::Invitation(_) => EntryKind::Invitation,
            Self::Acceptance(_) => EntryKind::Acceptance,
            Self::GuardianAct(_) => EntryKind::GuardianAct,
            Self::Equivocation(_) => EntryKind::Equivocation,
            Self::DepositHold(_) => EntryKind::DepositHold,
            Self::SeenNote(_) => EntryKind::SeenNote,
            Self::Execution(_) => EntryKind::Execution,
            Self::GateRefill(_) => EntryKind::GateRefill,
            Self::HubFraud(_) => EntryKind::HubFraud,
        }
    }

    /// Hash that names this entry, signature included (G-20).
    #[must_use]
    pub fn id(&self) -> EntryId {
        entry_id(&self.to_bytes())
    }

    /// The place in a member's lane, for the kinds that have one.
    #[must_use]
    pub fn lane(&self) -> Option<&LaneHeader> {
        in_lane!(self, e => Some(&e.lane), None)
    }

    /// The vote key's signature, for the kinds that stand in a lane.
    #[must_use]
    pub fn lane_signature_check(&self) -> Option<SignatureCheck> {
        in_lane!(self, e => Some(e.signature_check(self.kind().name())), None)
    }

    /// Every signature this entry needs. Acceptable only if all verify; the rules are checked by
    /// [`crate::LogState::check`].
    #[must_use]
    pub fn signature_checks(&self, hub_log_key: &XOnlyPublicKey) -> Vec<SignatureCheck> {
        let mut checks = self.own_signature_checks();
        match self {
            Self::Checkpoint(e) => checks.extend(e.signature_checks(hub_log_key)),
            Self::Head(e) => checks.push(e.signature_check(hub_log_key, "log head")),
            Self::Anchored(e) => checks.push(e.signature_check(hub_log_key, "anchored entry")),
            Self::Execution(e) => checks.push(e.signature_check(hub_log_key, "execution entry")),
            Self::GateRefill(e) => checks.push(e.signature_check(hub_log_key, "gate refill")),
            Self::SeenNote(e) => checks.extend(e.body.entry().signature_checks(hub_log_key)),
            _ => {}
        }
        checks
    }

    /// The checks for the signatures by keys that the entry itself names. These are all, of every kind that can be forced
    /// (G-107).
    #[must_use]
    pub fn own_signature_checks(&self) -> Vec<SignatureCheck> {
        let mut checks: Vec<SignatureCheck> = self.lane_signature_check().into_iter().collect();
        match self {
            Self::Bind(e) => checks.push(e.body.funding_signature_check(&e.lane)),
            Self::HubFraud(e) => checks.extend(e.signature_checks()),
            Self::KeyRotation(e) => checks.extend(e.signature_checks()),
            Self::Equivocation(e) => checks.extend(e.signature_checks()),
            _ => {}
        }
        checks
    }
}

/// The id of an entry with these canonical bytes (G-20).
#[must_use]
pub fn entry_id(bytes: &[u8]) -> EntryId {
    const PREFIX: TagPrefix = TagPrefix::new(tag::ENTRY);
    EntryId(PREFIX.hash(&[bytes]))
}

/// What the log needs of an entry's canonical bytes. It can be computed before the entry's turn, where there is time for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// The entry's id (G-20).
    pub id: EntryId,
    /// Its leaf in the log tree (RFC 9162).
    pub leaf: TreeHash,
    /// Number of bytes.
    pub length: usize,
}

impl Digests {
    /// Those of an entry's canonical bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { id: entry_id(bytes), leaf: leaf_hash(bytes), length: bytes.len() }
    }
}

impl LaneBody for Delegation {
    const KIND: EntryKind = EntryKind::Delegation;
    const TAG: &'static str = tag::SIGN_DELEGATION;
}

impl Canonical for Entry {
    fn encode(&self, w: &mut Writer) {
        in_lane!(self, e => e.encode(w), match self {
            Self::Checkpoint(e) => e.encode(w),
            Self::Head(e) => e.encode(w),
            Self::Anchored(e) => e.encode(w),
            Self::KeyRotation(e) => e.encode(w),
            Self::Equivocation(e) => e.encode(w),
            Self::Execution(e) => e.encode(w),
            Self::GateRefill(e) => e.encode(w),
            Self::HubFraud(e) => e.encode(w),
            _ => {}
        });
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // Each variant reads version and kind again itself, so that it has the same bytes alone as in the log.
        let before = r.left();
        let found = r.peek(1).ok_or(DecodeError::EndOfInput { wanted: 2, left: before })?;
        let kind = EntryKind::from_number(found).ok_or(DecodeError::UnknownVariant { field: "entry kind", found })?;
        let entry = match kind {
            EntryKind::Bind => Self::Bind(Canonical::decode(r)?),
            EntryKind::Checkpoint => Self::Checkpoint(Canonical::decode(r)?),
            EntryKind::Proposal => Self::Proposal(Canonical::decode(r)?),
            EntryKind::Comment => Self::Comment(Canonical::decode(r)?),
            EntryKind::Ballot => Self::Ballot(Canonical::decode(r)?),
            EntryKind::Head => Self::Head(Canonical::decode(r)?),
            EntryKind::Anchored => Self::Anchored(Canonical::decode(r)?),
            EntryKind::Delegation => Self::Delegation(Canonical::decode(r)?),
            EntryKind::CommentVote => Self::CommentVote(Canonical::decode(r)?),
            EntryKind::AuthorUpdate => Self::AuthorUpdate(Canonical::decode(r)?),
            EntryKind::Withdrawal => Self::Withdrawal(Canonical::decode(r)?),
            EntryKind::KeyRotation => Self::KeyRotation(Canonical::decode(r)?),
            EntryKind::Invitation => Self::Invitation(Canonical::decode(r)?),
            EntryKind::Acceptance => Self::Acceptance(Canonical::decode(r)?),
            EntryKind::GuardianAct => Self::GuardianAct(Canonical::decode(r)?),
            EntryKind::Equivocation => Self::Equivocation(Canonical::decode(r)?),
            EntryKind::DepositHold => Self::DepositHold(Canonical::decode(r)?),
            EntryKind::SeenNote => Self::SeenNote(Canonical::decode(r)?),
            EntryKind::Execution => Self::Execution(Canonical::decode(r)?),
            EntryKind::GateRefill => Self::GateRefill(Canonical::decode(r)?),
            EntryKind::HubFraud => Self::HubFraud(Canonical::decode(r)?),
        };
        let (found, max) = (before - r.left(), kind.max_length());
        if found > max {
            return Err(DecodeError::TooLong { field: "entry", found, max });
        }
        Ok(entry)
    }
}
