//! Ballot: a member's vote.

use super::text::check_lines;
use super::{EntryKind, LaneBody};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::ProposalId;

/// Most fields of a ballot; yes/no/abstain uses one.
pub const MAX_FIELDS: usize = 64;
/// Longest reason in bytes.
pub const MAX_REASON: usize = 1024;

/// A vote on a proposal (G-29). It carries no weight: weight is a function of log and chain, so nothing that a voter
/// sends can add to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot {
    /// On which proposal.
    pub proposal: ProposalId,
    /// The choice as a vector of naturals, the one form for all voting systems.
    pub fields: Vec<u16>,
    /// Why, 1 to 1024 bytes.
    pub reason: Option<String>,
}

/// A vote on a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Choice {
    /// Counted as present only.
    Abstain,
    /// For.
    Yes,
    /// Against.
    No,
    /// Against, and more than that; only under yes/no/veto.
    Veto,
}

impl Choice {
    /// Its number in a ballot's field.
    #[must_use]
    pub const fn field(self) -> u16 {
        match self {
            Self::Abstain => 0,
            Self::Yes => 1,
            Self::No => 2,
            Self::Veto => 3,
        }
    }

    /// The choice that a ballot's fields mean; `None` when they are no vote on a question (V-3).
    #[must_use]
    pub fn from_fields(fields: &[u16]) -> Option<Self> {
        match fields {
            [0] => Some(Self::Abstain),
            [1] => Some(Self::Yes),
            [2] => Some(Self::No),
            [3] => Some(Self::Veto),
            _ => None,
        }
    }
}

impl Ballot {
    /// A ballot on a question.
    #[must_use]
    pub fn new(proposal: ProposalId, choice: Choice, reason: Option<String>) -> Self {
        Self { proposal, fields: vec![choice.field()], reason }
    }
}

impl LaneBody for Ballot {
    const KIND: EntryKind = EntryKind::Ballot;
    const TAG: &'static str = tag::SIGN_BALLOT;
}

impl Canonical for Ballot {
    fn encode(&self, w: &mut Writer) {
        self.proposal.encode(w);
        w.list(&self.fields);
        w.option(self.reason.as_deref(), Writer::text);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            proposal: Canonical::decode(r)?,
            fields: r.list("ballot fields", MAX_FIELDS)?,
            reason: r.option("ballot reason", |r| {
                let reason = r.text("ballot reason", MAX_REASON)?;
                check_lines("ballot reason", &reason, 1, MAX_REASON)?;
                Ok(reason)
            })?,
        })
    }
}
