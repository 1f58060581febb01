//! When a vote ends: at its close, later after a late surge, or earlier where nothing can change it any more.
//!
//! Followed head by head with the live totals, so that a head costs one look at each open vote, and no ballot is counted twice.

use std::borrow::Cow;

use crate::charter::{Body, Charter, ClassRule};
use crate::lifecycle::{Schedule, boundary};
use crate::state::{LogState, ProposalRecord};
use crate::voting::{Count, Leader};

/// The end of a vote as far as the heads tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    end: u32,
    /// Who led at the newest head at which somebody did, from the last one before the last quarter on.
    leader: Option<Leader>,
    /// No later head can change the end.
    is_over: bool,
}

/// The height at which voting ends, as far as the log and the roll tell by now; an epoch boundary. `None` before a head covers
/// the proposal.
pub(crate) fn vote_end(_: &LogState, proposal: &ProposalRecord) -> Option<u32> {
    let schedule = proposal.schedule?;
    Some(proposal.ending.map_or(schedule.close, |ending| ending.end()))
}

/// What an ending follows from, beside the ballots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course<'a> {
    charter: &'a Charter,
    rule: &'a ClassRule,
    schedule: Schedule,
}

impl<'a> Course<'a> {
    /// `None` for a vote that ends at its close, whatever happens.
    pub(crate) fn of(state: &'a LogState, proposal: &ProposalRecord) -> Option<Self> {
        let rule = state.rule_of(proposal)?;
        let course = Self { charter: state.charter_of(proposal), rule, schedule: proposal.schedule? };
        (rule.late_surge || course.may_end_early()).then_some(course)
    }

    /// G-44: only where members alone decide, since others may still have to.
    pub(crate) fn may_end_early(&self) -> bool {
        self.rule.early_decision && self.rule.final_ballots && self.rule.bodies == [Body::Members]
    }

    pub(crate) fn begin(&self) -> Ending {
        Ending { end: self.schedule.close, leader: None, is_over: false }
    }
}

impl Ending {
    /// The height at which the vote ends as far as the heads tell.
    pub(crate) const fn end(&self) -> u32 {
        self.end
    }

    /// The next head has tip height `tip`, the one before it `before`. `members` is the count of the ballots below it, and `own`
    /// the same without delegations; `None` where nothing can be counted. `is_unchanged` says that no ballot or delegation came
    /// since the head before.
    pub(crate) fn follow<'a>(
        &mut self,
        course: &Course<'_>,
        (before, tip): (u32, u32),
        is_unchanged: bool,
        members: impl FnOnce() -> Option<Cow<'a, Count>>,
        own: impl FnOnce() -> Option<Cow<'a, Count>>,
    ) {
        if self.is_over {
            return;
        }
        if course.may_end_early()
            && let Some(at) = first_boundary_within(course, before, tip)
            && own().is_some_and(|count| is_certain(&count, course.rule))
        {
            (self.end, self.is_over) = (at, true);
            return;
        }
        // The head that reaches the end is looked at too: the ballots since the one before it count.
        if course.rule.late_surge && !is_unchanged {
            self.watch_leader(course, tip, members().as_deref());
        }
        self.is_over = tip >= self.end;
    }

    /// G-43: when the leading outcome flips between two heads in the last quarter, the one that reaches the end included, voting
    /// goes on for another quarter, up to the latest close.
    fn watch_leader(&mut self, course: &Course<'_>, tip: u32, count: Option<&Count>) {
        let (rule, schedule) = (course.rule.voting_rule(), &course.schedule);
        let leader = count.and_then(|count| count.leading(&rule));
        let quarter = schedule.close.saturating_sub(schedule.open).div_ceil(4);
        if tip < schedule.close.saturating_sub(quarter) {
            self.leader = leader;
            return;
        }
        // While options are level nobody leads, and whoever led before has not lost the lead to anybody.
        let Some(leader) = leader else { return };
        let has_flipped = self.leader.replace(leader).is_some_and(|before| before != leader);
        if has_flipped && tip >= self.end.saturating_sub(quarter) {
            let extended = boundary(course.charter, tip.saturating_add(quarter));
            self.end = extended.clamp(self.end, schedule.latest_close);
        }
    }
}

/// The first boundary inside the vote that a head of `tip` reaches and the one before it did not.
fn first_boundary_within(course: &Course<'_>, before: u32, tip: u32) -> Option<u32> {
    let from = before.max(course.schedule.open).saturating_add(1);
    let at = boundary(course.charter, from);
    (at <= tip && at < course.schedule.close).then_some(at)
}

/// G-44: no remaining weight can change the outcome. Whoever delegates can still vote, so that only the weight of own ballots
/// is final.
fn is_certain(own: &Count, rule: &ClassRule) -> bool {
    let remaining = own.weight().saturating_sub(own.cast()).saturating_sub(own.abstained());
    own.decided_early(&rule.voting_rule(), remaining)
}
