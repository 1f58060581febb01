//! Open votes, head by head: which of them are still open, and when each ends.

use std::borrow::Cow;

use super::LogState;
use crate::charter::Body;
use crate::entry::LogHead;
use crate::id::ProposalId;
use crate::ledger::{Course, poll};
use crate::tally::Poll;

impl LogState {
    /// A new head, the last one's tip height being `before`: one look at each open vote.
    pub(super) fn follow_endings(&mut self, before: u32, head: &LogHead) {
        let open: Vec<ProposalId> = self.open.iter().copied().collect();
        for id in open {
            self.follow_ending(&id, before, head);
            let is_over =
                self.proposals.get(&id).and_then(|p| p.schedule).is_none_or(|s| head.tip_height >= s.latest_close);
            if is_over {
                self.open.remove(&id);
            }
        }
    }

    fn follow_ending(&mut self, id: &ProposalId, before: u32, head: &LogHead) {
        let Some(proposal) = self.proposals.get(id) else { return };
        let Some((course, mut ending)) = Course::of(self, proposal).zip(proposal.ending) else { return };
        let Some(live) = &proposal.live else { return };
        let count = || Some(Cow::Borrowed(live.count()));
        let own = || Some(Cow::Borrowed(live.own_count()));
        ending.follow(&course, (before, head.tip_height), !live.has_changed(), count, own);
        if let Some(proposal) = self.proposals.get_mut(id) {
            proposal.ending = Some(ending);
            if let Some(live) = &mut proposal.live {
                live.settle();
            }
        }
    }

    /// Follows the heads so far anew, when the roll or the schedule becomes known.
    pub(super) fn recount_ending(&mut self, id: &ProposalId) {
        let Some(proposal) = self.proposals.get(id) else { return };
        let (Some(course), Some((roll, _))) = (Course::of(self, proposal), self.rolls.get(&proposal.snapshot_epoch))
        else {
            return;
        };
        let mut ending = course.begin();
        let first = self.heads.partition_point(|record| record.head.size <= proposal.position);
        let mut before = first.checked_sub(1).map_or(0, |place| self.heads[place].head.tip_height);
        for record in &self.heads[first..] {
            let head = &record.head;
            let members = || poll(self, proposal, Body::Members, roll, head.size);
            let own = || Poll { delegations: None, ..members() }.count().ok().map(Cow::Owned);
            let count = || members().count().ok().map(Cow::Owned);
            ending.follow(&course, (before, head.tip_height), false, count, own);
            before = head.tip_height;
        }
        if let Some(proposal) = self.proposals.get_mut(id) {
            proposal.ending = Some(ending);
            if let Some(live) = &mut proposal.live {
                live.settle();
            }
        }
    }
}
