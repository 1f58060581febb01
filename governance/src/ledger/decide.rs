//! Deciding votes that ended.

use std::collections::BTreeSet;

use super::grounds::Bodies;
use super::poll::poll;
use super::{BodyStanding, Fate, Ledger, LedgerError, Question, Stakes, Standing, Step, StepPolls, vote_end};
use crate::charter::{Body, ClassRule, Quorum};
use crate::id::{MemberId, ProposalId};
use crate::roll::Roll;
use crate::state::{DropCause, LogState, ProposalRecord};
use crate::voting::{Count, Outcome, Rule, TIE_DEPTH};

/// What the bodies of a proposal decided together.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    /// What each said, the first's totals being the proposal's.
    pub(super) bodies: Vec<BodyStanding>,
    pub(super) dormant_weight: u128,
}

/// G-45: what several bodies, in the order of the rule, decide together: what the first that does not pass it says; rejected when they
/// pass different options; else passed. `None` without any.
#[must_use]
pub fn together(outcomes: &[Outcome]) -> Option<Outcome> {
    let first = *outcomes.first()?;
    let failed = outcomes.iter().find(|outcome| !outcome.has_passed());
    Some(match failed {
        Some(failed) => *failed,
        None if outcomes.iter().any(|outcome| *outcome != first) => Outcome::Rejected,
        None => first,
    })
}

impl Ledger {
    /// Decides every vote that ended at or below the boundary, in the order of (end, position). Returns which.
    pub(super) fn decide(&mut self, step: &Step<'_>, polls: &mut StepPolls) -> Result<Vec<ProposalId>, LedgerError> {
        let mut ended = Vec::new();
        for proposal in step.state.proposals().values() {
            if proposal.position >= step.boundary.log_size || self.standings.contains_key(&proposal.id) {
                continue;
            }
            // No close is earlier than the opening or later than the latest one.
            let Some(schedule) = proposal.schedule.filter(|s| s.open <= step.boundary.closing_height) else { continue };
            let close = vote_end(step.state, proposal).unwrap_or(schedule.close);
            if close <= step.boundary.closing_height && !is_dropped(step, proposal, close) {
                ended.push((close, proposal.position, proposal.id));
            }
        }
        ended.sort_unstable();
        let question = |(close, _, id): &(u32, u64, ProposalId)| -> Option<Result<Question<'_>, LedgerError>> {
            let proposal = step.state.proposals().get(id)?;
            let epoch = proposal.snapshot_epoch;
            let missing = LedgerError::RollMissing { epoch, proposal: *id };
            let members = step.state.roll(epoch).ok_or(missing);
            Some(members.map(|members| Question { proposal, close: *close, members, stakes: Stakes::Snapshot }))
        };
        let questions = ended.iter().filter_map(question).collect::<Result<Vec<_>, _>>()?;
        let counted = polls.counts(step, &questions)?;
        let mut decided = Vec::new();
        for (question, bodies) in questions.iter().zip(counted) {
            let id = question.proposal.id;
            if let Some(standing) = self.judge(step, question, bodies)? {
                if standing.fate == Fate::Waiting {
                    self.pending.insert(id);
                }
                self.standings.insert(id, standing);
                decided.push(id);
            }
        }
        Ok(decided)
    }

    /// The decision; `None` while a tie waits for its block.
    fn judge(
        &self,
        step: &Step<'_>,
        question: &Question<'_>,
        bodies: Bodies<'_, Count>,
    ) -> Result<Option<Standing>, LedgerError> {
        let Question { proposal, close, .. } = *question;
        let Some(verdict) = verdict(step, question, bodies)? else { return Ok(None) };
        let (schedule, rule) = (proposal.schedule, step.state.rule_of(proposal));
        let heights = schedule.zip(rule).map(|(s, rule)| s.after_close(rule, &proposal.content, close));
        let (authorised_at, expires_at) = heights.unwrap_or((close, close));
        let bar = self.bar(step, proposal, verdict.outcome.has_passed());
        let fate = if verdict.outcome.has_passed() && bar.is_none() { Fate::Waiting } else { Fate::Failed };
        // Where the members alone decide, their totals are all there is to say.
        let bodies = if rule.is_some_and(ClassRule::has_offices) { verdict.bodies.clone() } else { Vec::new() };
        let Some(first) = verdict.bodies.into_iter().next() else { return Ok(None) };
        Ok(Some(Standing {
            outcome: verdict.outcome,
            is_final: false,
            announced: verdict.outcome,
            bar,
            closed_at: close,
            decided_epoch: step.boundary.epoch,
            enacted_epoch: None,
            count: first.count,
            bodies,
            dormant_weight: verdict.dormant_weight,
            again: None,
            authorised_at,
            expires_at,
            behind_until: 0,
            fate,
            fate_epoch: step.boundary.epoch,
            payments: Vec::new(),
        }))
    }
}

/// What all bodies decide by what was counted; `None` while a tie waits for its block.
pub(super) fn verdict(
    step: &Step<'_>,
    question: &Question<'_>,
    bodies: Bodies<'_, Count>,
) -> Result<Option<Verdict>, LedgerError> {
    let Some(rule) = step.state.rule_of(question.proposal) else { return Ok(None) };
    let (mut said, mut left_out) = (Vec::new(), 0);
    for (electors, count) in bodies {
        let count = count?;
        let cutoff = step.cutoff(question.close);
        let dormant = dormant_weight(step.state, question.proposal, electors.body, &electors.roll, cutoff, None);
        let judged = count.without_roll(dormant);
        let Some(outcome) = body_outcome(step, question, &rule.voting_rule_of(electors.body), &judged)? else {
            return Ok(None);
        };
        if said.is_empty() {
            left_out = dormant;
        }
        said.push(BodyStanding { body: electors.body, count, outcome });
    }
    let outcomes: Vec<Outcome> = said.iter().map(|body| body.outcome).collect();
    Ok(together(&outcomes).map(|outcome| Verdict { outcome, bodies: said, dormant_weight: left_out }))
}

/// `None` while a tie waits for its block.
fn body_outcome(
    step: &Step<'_>,
    question: &Question<'_>,
    rule: &Rule,
    judged: &Count,
) -> Result<Option<Outcome>, LedgerError> {
    // An epoch that closed before that block must not know it, even when it is computed again later.
    let height = question.close.saturating_add(TIE_DEPTH);
    let is_there = height <= step.boundary.closing_height;
    let tie = step.state.tie_break(question.close).filter(|_| is_there);
    match judged.outcome(rule, tie) {
        Ok(outcome) => Ok(Some(outcome)),
        // V-31: the outcome enters the first header after the block that decides.
        Err(_) if !is_there => Ok(None),
        Err(_) => Err(LedgerError::BlockHashMissing { height, proposal: question.proposal.id }),
    }
}

/// G-46: weight of members who are dormant and whose weight is not cast below position `cutoff`, where the quorum asks for a share
/// of all; `casting` casts a ballot now.
pub(crate) fn dormant_weight(
    state: &LogState,
    proposal: &ProposalRecord,
    body: Body,
    roll: &Roll,
    cutoff: u64,
    casting: Option<&MemberId>,
) -> u128 {
    let charter = state.charter_of(proposal);
    let is_of_total = state.rule_of(proposal).is_some_and(|rule| matches!(rule.quorum, Quorum::YesOfTotalBp(_)));
    if charter.dormant_after_epochs == 0 || body != Body::Members || !is_of_total {
        return 0;
    }
    let poll = poll(state, proposal, body, roll, cutoff);
    let mut voted: BTreeSet<MemberId> = poll.ballots.all_counted(cutoff).map(|(member, _)| member).collect();
    voted.extend(casting);
    let silent = roll.iter().filter(|(member, _)| !voted.contains(*member) && poll.delegation_of(member).is_none());
    let dormant = silent.filter(|(member, _)| state.is_dormant(charter, member, cutoff));
    dormant.fold(0, |sum, (_, entry)| sum.saturating_add(entry.weight))
}

/// Whether it was taken off the list before its vote ended. A proof of equivocation after the close changes nothing.
fn is_dropped(step: &Step<'_>, proposal: &ProposalRecord, close: u32) -> bool {
    proposal.dropped.is_some_and(|dropped| match dropped.cause {
        DropCause::Withdrawn | DropCause::Superseded { .. } => true,
        DropCause::Void => dropped.position < step.cutoff(close),
    })
}
