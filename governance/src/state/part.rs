//! What part a member has in a vote: a ballot that counts, one that does not, none, or no say at all.

use super::{LogState, ProposalRecord};
use crate::ballots::BallotRecord;
use crate::charter::Body;
use crate::id::MemberId;

/// A member's part in a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VotePart<'a> {
    /// The ballot that counts.
    Counted(BallotRecord<'a>),
    /// Every ballot that was in time is void: one of two signed for one place (G-98).
    Void,
    /// The first ballot came when the vote had ended (G-42).
    TooLate,
    /// No ballot.
    Silent,
}

impl LogState {
    /// What a member said in the vote on a proposal, by now. `None` where no body that decides it counts the member: not on the members'
    /// roll, or only offices decide (G-45). Saying nothing there is no absence.
    #[must_use]
    pub fn part_in<'a>(&self, proposal: &'a ProposalRecord, member: &MemberId) -> Option<VotePart<'a>> {
        let bodies = self.rule_of(proposal).map_or(&[Body::Members][..], |rule| &rule.bodies);
        if !bodies.iter().any(|body| self.votes_in(proposal, *body, member) == Some(true)) {
            return None;
        }
        if let Some(ballot) = self.counted_ballot(proposal, member) {
            return Some(VotePart::Counted(ballot));
        }
        let cutoff = self.cutoff_so_far(proposal);
        // The oldest: one that was in time and does not count is void.
        Some(match proposal.ballots.of(member).last() {
            None => VotePart::Silent,
            Some(first) if first.position < cutoff => VotePart::Void,
            Some(_) => VotePart::TooLate,
        })
    }
}
