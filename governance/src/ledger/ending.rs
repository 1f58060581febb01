//! When a vote ends: at its close, later after a late surge, or earlier where nothing can change it any more.

use super::poll::poll;
use crate::charter::{Body, ClassRule};
use crate::lifecycle::{Schedule, boundary};
use crate::roll::Roll;
use crate::state::{LogState, ProposalRecord};
use crate::tally::Poll;
use crate::voting::{Count, Leader, Rule};

/// The height at which voting ends, as far as the log and the roll tell by now; an epoch boundary. `None` before a head covers
/// the proposal.
pub(crate) fn vote_end(state: &LogState, proposal: &ProposalRecord) -> Option<u32> {
    let schedule = proposal.schedule?;
    let (Some(rule), Some(roll)) = (state.rule_of(proposal), state.roll(proposal.snapshot_epoch)) else {
        return Some(schedule.close);
    };
    if rule.early_decision
        && rule.final_ballots
        && let Some(end) = early_end(state, proposal, rule, roll, &schedule)
    {
        return Some(end);
    }
    Some(if rule.late_surge { surge_end(state, proposal, rule, roll, &schedule) } else { schedule.close })
}

/// G-44: the first boundary at which no remaining weight can change the outcome. Only where members alone decide, since
/// others may still have to.
fn early_end(
    state: &LogState,
    proposal: &ProposalRecord,
    rule: &ClassRule,
    roll: &Roll,
    schedule: &Schedule,
) -> Option<u32> {
    if rule.bodies != [Body::Members] {
        return None;
    }
    let charter = state.charter_of(proposal);
    let mut at = boundary(charter, schedule.open.saturating_add(1));
    while at < schedule.close {
        let head = state.first_head_at(at)?.head;
        // Whoever delegates can still vote, so that only the weight of own ballots is final.
        let own = Poll { delegations: None, ..poll(state, proposal, Body::Members, roll, head.size) };
        let count = own.count().ok()?;
        let remaining = count.weight().saturating_sub(count.cast()).saturating_sub(count.abstained());
        if count.decided_early(&rule.voting_rule(), remaining) {
            return Some(at);
        }
        at = boundary(charter, at.saturating_add(1));
    }
    None
}

/// G-43: when the leading outcome flips between two heads in the last quarter, voting goes on for another quarter, up to the
/// latest close.
fn surge_end(state: &LogState, proposal: &ProposalRecord, rule: &ClassRule, roll: &Roll, schedule: &Schedule) -> u32 {
    let quarter = schedule.close.saturating_sub(schedule.open).div_ceil(4);
    let (charter, rule) = (state.charter_of(proposal), rule.voting_rule());
    let mut close = schedule.close;
    let mut leaders = Leaders { before: None, size: None, rule };
    let heads = state.heads();
    // From the last head before the quarter on, which is what the first flip is measured by.
    let first = heads.partition_point(|record| record.head.tip_height < close.saturating_sub(quarter));
    for record in &heads[first.saturating_sub(1)..] {
        let head = record.head;
        if head.tip_height >= close {
            break;
        }
        let count = |size| poll(state, proposal, Body::Members, roll, size).count().ok();
        let flipped = leaders.flips(head.size, count);
        if flipped && head.tip_height >= close.saturating_sub(quarter) {
            let extended = boundary(charter, head.tip_height.saturating_add(quarter));
            close = extended.clamp(close, schedule.latest_close);
        }
    }
    close
}

/// Who led at the head before.
struct Leaders {
    before: Option<Leader>,
    size: Option<u64>,
    rule: Rule,
}

impl Leaders {
    /// Whether somebody else leads than at the head before. While options are level nobody does.
    fn flips(&mut self, size: u64, count: impl Fn(u64) -> Option<Count>) -> bool {
        let counted_before = self.size.replace(size);
        // Nothing but the last head itself was logged since.
        if counted_before.is_some_and(|before| before + 1 >= size) {
            return false;
        }
        let Some(leader) = count(size).and_then(|count| count.leading(&self.rule)) else { return false };
        let before = self.before.replace(leader);
        before.is_some_and(|before| before != leader)
    }
}
