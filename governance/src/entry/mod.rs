//! Log entries: everything that is ever said in a DAO, each signed, each with one byte form.

mod anchored;
mod ballot;
mod bind;
mod checkpoint;
mod comment;
mod head;
mod lane;
mod proposal;
mod sentences;

use bitcoin::secp256k1::XOnlyPublicKey;

pub use anchored::Anchored;
pub use ballot::{Ballot, Choice, MAX_FIELDS, MAX_REASON};
pub use bind::{Bind, BindTerms, MAX_MEMBER_NAME};
pub use checkpoint::{Checkpoint, CheckpointFunding, MAX_FUNDINGS, SignedCheckpoint};
pub use comment::{Comment, MAX_COMMENT};
pub use head::LogHead;
pub use lane::{LaneBody, LaneEntry, LaneHeader, lane_start, next_lane_head};
pub use proposal::{Effect, MAX_BODY, MAX_OUTPUTS, MAX_SCRIPT, MAX_TITLE, ProposalContent, Spend, SpendOutput};

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::{tag, tagged_hash};
use crate::id::EntryId;
use crate::signing::{SignatureCheck, Signed};

/// Largest entry in bytes (G-20).
pub const MAX_ENTRY: usize = 20 * 1024;

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
}

/// The kind byte of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum EntryKind {
    /// [`Entry::Bind`]
    Bind = 1,
    /// [`Entry::Checkpoint`]
    Checkpoint = 2,
    /// [`Entry::Proposal`]
    Proposal = 3,
    /// [`Entry::Comment`]
    Comment = 4,
    /// [`Entry::Ballot`]
    Ballot = 5,
    /// [`Entry::Head`]
    Head = 6,
    /// [`Entry::Anchored`]
    Anchored = 7,
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
        match self {
            Self::Bind(e) => Some(&e.lane),
            Self::Proposal(e) => Some(&e.lane),
            Self::Comment(e) => Some(&e.lane),
            Self::Ballot(e) => Some(&e.lane),
            Self::Checkpoint(_) | Self::Head(_) | Self::Anchored(_) => None,
        }
    }

    /// Every signature this entry needs. Acceptable only if all verify; the rules are checked by
    /// [`crate::LogState::check`].
    #[must_use]
    pub fn signature_checks(&self, hub_log_key: &XOnlyPublicKey) -> Vec<SignatureCheck> {
        match self {
            Self::Bind(e) => {
                let by_member = e.signature_check("bind entry");
                vec![by_member, e.body.funding_signature_check(&e.lane)]
            }
            Self::Checkpoint(e) => e.signature_checks(hub_log_key).to_vec(),
            Self::Proposal(e) => vec![e.signature_check("proposal entry")],
            Self::Comment(e) => vec![e.signature_check("comment entry")],
            Self::Ballot(e) => vec![e.signature_check("ballot entry")],
            Self::Head(e) => vec![e.signature_check(hub_log_key, "log head")],
            Self::Anchored(e) => vec![e.signature_check(hub_log_key, "anchored entry")],
        }
    }
}

/// The id of an entry with these canonical bytes (G-20).
#[must_use]
pub fn entry_id(bytes: &[u8]) -> EntryId {
    EntryId(tagged_hash(tag::ENTRY, &[bytes]))
}

impl Canonical for Entry {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Bind(e) => e.encode(w),
            Self::Checkpoint(e) => e.encode(w),
            Self::Proposal(e) => e.encode(w),
            Self::Comment(e) => e.encode(w),
            Self::Ballot(e) => e.encode(w),
            Self::Head(e) => e.encode(w),
            Self::Anchored(e) => e.encode(w),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // Each variant reads version and kind again itself, so that it has the same bytes alone as in the log.
        let before = r.left();
        let kind = r.peek(1).ok_or(DecodeError::EndOfInput { wanted: 2, left: before })?;
        let entry = match kind {
            1 => Self::Bind(Canonical::decode(r)?),
            2 => Self::Checkpoint(Canonical::decode(r)?),
            3 => Self::Proposal(Canonical::decode(r)?),
            4 => Self::Comment(Canonical::decode(r)?),
            5 => Self::Ballot(Canonical::decode(r)?),
            6 => Self::Head(Canonical::decode(r)?),
            7 => Self::Anchored(Canonical::decode(r)?),
            found => return Err(DecodeError::UnknownVariant { field: "entry kind", found }),
        };
        let found = before - r.left();
        if found > MAX_ENTRY {
            return Err(DecodeError::TooLong { field: "entry", found, max: MAX_ENTRY });
        }
        Ok(entry)
    }
}
