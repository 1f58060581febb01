//! What each of the bodies that decide a proposal has said so far (G-45).

use super::{LogState, ProposalRecord};
use crate::charter::Body;
use crate::id::MemberId;
use crate::ledger::{dormant_weight, office_roll};
use crate::voting::Count;

/// One of the bodies that decide a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyVote {
    /// Which.
    pub body: Body,
    /// How many may vote in it.
    pub voters: u64,
    /// Its totals over the ballots that count by now.
    pub count: Count,
    /// Weight that its quorum leaves out by now (G-46, N-205).
    pub dormant_weight: u128,
}

impl LogState {
    /// What the bodies of a proposal's rule have said by now, in their order; the members are left out while their roll is not known.
    ///
    /// An office is counted by its few keys, however many ballots there are.
    #[must_use]
    pub fn bodies_so_far(&self, proposal: &ProposalRecord) -> Vec<BodyVote> {
        self.bodies_with(proposal, None)
    }

    /// The same if a member now cast these fields, in the place of the ballot of theirs that stands (L-16).
    #[must_use]
    pub fn bodies_with(&self, proposal: &ProposalRecord, cast: Option<(&MemberId, &[u16])>) -> Vec<BodyVote> {
        let bodies = self.rule_of(proposal).map_or(&[][..], |rule| &rule.bodies);
        bodies.iter().filter_map(|body| self.body_with(proposal, *body, cast)).collect()
    }

    /// How many may vote in a body; `None` while the roll of the members is not known.
    #[must_use]
    pub fn voters_in(&self, proposal: &ProposalRecord, body: Body) -> Option<u64> {
        let office = office_roll(self, proposal, body);
        Some(office.as_ref().or_else(|| self.roll(proposal.snapshot_epoch))?.len() as u64)
    }

    /// Whether a ballot of `member` counts in a body; in the members' also what others delegate needs a place in the roll (L-12). `None`
    /// while that roll is not known.
    #[must_use]
    pub fn votes_in(&self, proposal: &ProposalRecord, body: Body, member: &MemberId) -> Option<bool> {
        let office = office_roll(self, proposal, body);
        let roll = office.as_ref().or_else(|| self.roll(proposal.snapshot_epoch))?;
        Some(roll.weight(member) > 0)
    }

    fn body_with(&self, proposal: &ProposalRecord, body: Body, cast: Option<(&MemberId, &[u16])>) -> Option<BodyVote> {
        let Some(office) = office_roll(self, proposal, body) else {
            let (roll, live) = (self.roll(proposal.snapshot_epoch)?, proposal.live.as_ref()?);
            let count = match cast {
                Some((member, fields)) => {
                    live.count_with(member, roll.weight(member), fields, &proposal.ballots).ok()?
                }
                None => live.count().clone(),
            };
            let (cutoff, casting) = (self.cutoff_so_far(proposal), cast.map(|(member, _)| member));
            let dormant_weight = dormant_weight(self, proposal, body, roll, cutoff, casting);
            return Some(BodyVote { body, voters: roll.len() as u64, count, dormant_weight });
        };
        let mut count = Count::new(proposal.content.system, proposal.content.option_count()).ok()?;
        count.add_roll(office.total()).ok()?;
        for (member, seat) in office.iter() {
            let fields = match cast {
                Some((caster, fields)) if caster == member => Some(fields),
                _ => self.counted_ballot(proposal, member).map(|ballot| ballot.fields),
            };
            if let Some(fields) = fields {
                count.add(fields, seat.weight).ok()?;
            }
        }
        Some(BodyVote { body, voters: office.len() as u64, count, dormant_weight: 0 })
    }
}
