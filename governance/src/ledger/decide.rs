//! Deciding votes that ended.

use super::grounds::Bodies;
use super::poll::{Electors, poll};
use super::{Fate, Ledger, LedgerError, Question, Stakes, Standing, Step, StepPolls, vote_end};
use crate::charter::{Body, ClassRule, Quorum};
use crate::id::ProposalId;
use crate::roll::Roll;
use crate::state::{DropCause, ProposalRecord};
use crate::voting::{Count, Outcome, TIE_DEPTH};

/// What the bodies of a proposal decided together.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    /// Totals of the first body.
    pub(super) count: Count,
    pub(super) dormant_weight: u128,
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
        Ok(Some(Standing {
            outcome: verdict.outcome,
            is_final: false,
            announced: verdict.outcome,
            bar,
            closed_at: close,
            decided_epoch: step.boundary.epoch,
            enacted_epoch: None,
            count: verdict.count,
            dormant_weight: verdict.dormant_weight,
            authorised_at,
            expires_at,
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
    let mut together: Option<Verdict> = None;
    let mut agree = true;
    for (electors, count) in bodies {
        let Some(one) = body_verdict(step, question, rule, &electors, count?)? else { return Ok(None) };
        together = Some(match together {
            None => one,
            // G-45: every body has to pass it, and the same option of it.
            Some(first) if first.outcome.has_passed() && one.outcome.has_passed() => {
                agree &= one.outcome == first.outcome;
                first
            }
            Some(first) if first.outcome.has_passed() => Verdict { outcome: one.outcome, ..first },
            Some(first) => first,
        });
    }
    // What a body did not pass came to what that body says.
    if let Some(all) = together.as_mut().filter(|all| !agree && all.outcome.has_passed()) {
        all.outcome = Outcome::Rejected;
    }
    Ok(together)
}

fn body_verdict(
    step: &Step<'_>,
    question: &Question<'_>,
    rule: &ClassRule,
    electors: &Electors<'_>,
    count: Count,
) -> Result<Option<Verdict>, LedgerError> {
    let Question { proposal, close, .. } = *question;
    let cutoff = step.cutoff(close);
    let mut voting_rule = rule.voting_rule();
    let mut dormant_weight = 0;
    match electors.body {
        Body::Members if matches!(rule.quorum, Quorum::YesOfTotalBp(_)) => {
            dormant_weight = dormant(step, proposal, &electors.roll, cutoff);
        }
        Body::Members => {}
        // There are as many voters as offices.
        Body::Treasurers | Body::Founders => voting_rule.distinct_voters_min = 0,
    }
    let judged = count.without_roll(dormant_weight);
    // An epoch that closed before that block must not know it, even when it is computed again later.
    let height = close.saturating_add(TIE_DEPTH);
    let is_there = height <= step.boundary.closing_height;
    let tie = step.state.tie_break(close).filter(|_| is_there);
    match judged.outcome(&voting_rule, tie) {
        Ok(outcome) => Ok(Some(Verdict { outcome, count, dormant_weight })),
        // V-31: the outcome enters the first header after the block that decides.
        Err(_) if !is_there => Ok(None),
        Err(_) => Err(LedgerError::BlockHashMissing { height, proposal: proposal.id }),
    }
}

/// G-46: weight of members who are dormant and whose weight is not cast.
fn dormant(step: &Step<'_>, proposal: &ProposalRecord, roll: &Roll, cutoff: u64) -> u128 {
    let charter = step.state.charter_of(proposal);
    if charter.dormant_after_epochs == 0 {
        return 0;
    }
    let poll = poll(step.state, proposal, Body::Members, roll, cutoff);
    let voted: std::collections::BTreeSet<_> = poll.ballots.all_counted(cutoff).map(|(member, _)| member).collect();
    let silent = roll.iter().filter(|(member, _)| !voted.contains(*member) && poll.delegation_of(member).is_none());
    let dormant = silent.filter(|(member, _)| step.state.is_dormant(charter, member, cutoff));
    dormant.fold(0, |sum, (_, entry)| sum.saturating_add(entry.weight))
}

/// Whether it was taken off the list before its vote ended. A proof of equivocation after the close changes nothing.
fn is_dropped(step: &Step<'_>, proposal: &ProposalRecord, close: u32) -> bool {
    proposal.dropped.is_some_and(|dropped| match dropped.cause {
        DropCause::Withdrawn | DropCause::Superseded { .. } => true,
        DropCause::Void => dropped.position < step.cutoff(close),
    })
}
