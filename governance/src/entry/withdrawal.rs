//! Withdrawal: the author takes a proposal back.

use super::{EntryKind, LaneBody};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::ProposalId;

/// The author takes a proposal back before its vote opens (G-93).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawal {
    /// Which proposal.
    pub proposal: ProposalId,
}

impl LaneBody for Withdrawal {
    const KIND: EntryKind = EntryKind::Withdrawal;
    const TAG: &'static str = tag::SIGN_WITHDRAWAL;
}

impl Canonical for Withdrawal {
    fn encode(&self, w: &mut Writer) {
        self.proposal.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { proposal: Canonical::decode(r)? })
    }
}
