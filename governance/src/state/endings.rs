//! Open votes, head by head: which of them are still open, and when each ends.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::refusal::{Refusal, invalid};
use super::{LogState, ProposalRecord};
use crate::ballots::BallotRecord;
use crate::charter::Body;
use crate::entry::LogHead;
use crate::id::{MemberId, ProposalId};
use crate::ledger::{Course, poll};
use crate::tally::Poll;

impl LogState {
    /// A new head, the last one's tip height being `before`: one look at each open vote.
    pub(super) fn follow_endings(&mut self, before: u32, head: &LogHead) {
        let open: Vec<ProposalId> = self.open.iter().copied().collect();
        for id in open {
            self.follow_ending(&id, before, head);
            let cutoff = self.proposals.get(&id).and_then(|proposal| self.vote_cutoff(proposal));
            let live = self.proposals.get_mut(&id).and_then(|proposal| proposal.live.as_mut());
            if let Some((live, cutoff)) = live.zip(cutoff) {
                live.end(cutoff);
            }
            let is_past =
                self.proposals.get(&id).and_then(|p| p.schedule).is_none_or(|s| head.tip_height >= s.latest_close);
            if is_past {
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
        }
    }

    /// The height at which the vote on a proposal ended: known, and for good, from the first head on that reaches it. `None`
    /// while the vote is open, and where only a roll could tell that is not given.
    #[must_use]
    pub fn ended_at(&self, proposal: &ProposalRecord) -> Option<u32> {
        let end = match (proposal.ending, Course::of(self, proposal)) {
            (Some(ending), _) => ending.end(),
            (None, Some(_)) => return None,
            (None, None) => proposal.schedule?.close,
        };
        (self.tip_height()? >= end).then_some(end)
    }

    /// Position below which ballots count for a proposal whose vote ended (G-42): those behind it are too late.
    #[must_use]
    pub fn vote_cutoff(&self, proposal: &ProposalRecord) -> Option<u64> {
        self.first_head_at(self.ended_at(proposal)?).map(|record| record.head.size)
    }

    /// The ballot of a member that counts for a proposal by now: of those that are not void, the last one before the vote ended.
    #[must_use]
    pub fn counted_ballot<'a>(&self, proposal: &'a ProposalRecord, member: &MemberId) -> Option<BallotRecord<'a>> {
        proposal.ballots.counted(member, self.cutoff_so_far(proposal))
    }

    /// Position below which entries count for a proposal by now.
    pub(super) fn cutoff_so_far(&self, proposal: &ProposalRecord) -> u64 {
        self.vote_cutoff(proposal).unwrap_or(u64::MAX)
    }

    /// Whether a guardian who speaks now is still heard (G-95): of what was withdrawn or is authorised by a head in the log nobody is.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with the height from which nobody is.
    pub(super) fn check_heard(&self, id: &ProposalId) -> Result<(), Refusal> {
        let Some(proposal) = self.proposals.get(id) else { return Ok(()) };
        if let Some(dropped) = proposal.dropped {
            return invalid("G-95", format!("proposal {id} is not voted on: it {}", dropped.cause.words()));
        }
        match (self.heard_until(proposal), self.tip_height()) {
            (Some(until), Some(tip)) if tip >= until => {
                let what = format!(
                    "guardians of proposal {id} were heard below height {until}, the log is at {tip}: it is too late"
                );
                invalid("G-95", what)
            }
            _ => Ok(()),
        }
    }

    /// The height at which guardians are heard no more, once the vote has ended: the authorisation's, put off by them or not.
    fn heard_until(&self, proposal: &ProposalRecord) -> Option<u32> {
        let (schedule, rule) = (proposal.schedule?, self.rule_of(proposal)?);
        let (authorised_at, _) = schedule.after_close(rule, &proposal.content, self.ended_at(proposal)?);
        let guardians = &self.charter_of(proposal).guardians;
        let cutoff = self.first_head_at(authorised_at).map_or(u64::MAX, |record| record.head.size);
        let acts = proposal.guardian_acts.iter().filter(|(position, ..)| *position < cutoff);
        let heard = acts.map(|(_, guardian, _)| guardian).collect::<BTreeSet<_>>().len();
        let is_put_off = guardians.threshold > 0 && heard >= usize::from(guardians.threshold);
        Some(authorised_at.saturating_add(if is_put_off { guardians.delay_blocks } else { 0 }))
    }

    /// Whether a ballot logged now would still count, as far as the roll given tells (G-35).
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with the height at which the vote ended.
    pub fn check_in_time(&self, proposal: &ProposalRecord) -> Result<(), Refusal> {
        let (Some(end), Some(schedule), Some(tip)) = (self.ended_at(proposal), proposal.schedule, self.tip_height())
        else {
            return Ok(());
        };
        let why = match schedule {
            s if end < s.close => "early, since nothing could change its outcome any more (G-44)".to_owned(),
            s if end < s.latest_close => {
                format!(
                    "and only another late surge would have kept it open, to height {} at most (G-43)",
                    s.latest_close
                )
            }
            _ => "as late as it could".to_owned(),
        };
        invalid(
            "G-35",
            format!("the vote ended at height {end}, {why}; the log is at {tip}, and a ballot does not count"),
        )
    }
}
