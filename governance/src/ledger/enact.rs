//! Taking effect: what passed, after its veto window, with the stakes that are still locked.

use std::collections::BTreeSet;

use super::decide::{Verdict, verdict};
use super::pay::Payment;
use super::{
    EpochBoundary, Fate, Ledger, LedgerError, MembershipChange, PauseWindow, Question, Recount, Stakes, Standing, Step,
    StepPolls,
};
use crate::charter::{Charter, check_change};
use crate::entry::{Confiscate, Effect, GuardianVoice};
use crate::id::{MemberId, ProposalId};
use crate::roll::Roll;
use crate::state::{LogState, ProposalRecord};
use crate::tally::Sums;
use crate::voting::{Outcome, TIE_DEPTH, TieBreak};

impl Ledger {
    /// Lets every proposal take effect whose time has come, in the order of (authorisation, end of vote, position).
    pub(super) fn enact(&mut self, step: &Step<'_>, polls: &mut StepPolls) -> Result<(), LedgerError> {
        // G-97: a header that keeps out what members have seen authorises nothing.
        let is_censoring = !step.state.overdue_entries(step.boundary.log_size).is_empty();
        let waiting = self.pending.iter().filter_map(|id| {
            let standing = self.standings.get(id).filter(|standing| standing.fate == Fate::Waiting)?;
            let position = step.state.proposals().get(id)?.position;
            Some((standing.authorised_at, standing.closed_at, position, *id))
        });
        let mut waiting: Vec<(u32, u32, u64, ProposalId)> = waiting.collect();
        waiting.sort_unstable();
        // G-85: one change of the charter in each epoch, so that each names the one before.
        let mut charter_changed = false;
        for (_, _, _, id) in waiting {
            let Some((proposal, mut standing)) = step.state.proposals().get(&id).zip(self.standings.get(&id).cloned())
            else {
                continue;
            };
            self.hear_guardians(step, proposal, &mut standing);
            let is_due = standing.authorised_at <= step.boundary.closing_height;
            if standing.fate == Fate::Waiting && is_due && !is_censoring {
                self.enact_one(step, polls, proposal, &mut standing, &mut charter_changed)?;
            }
            self.expire(step, proposal, &mut standing)?;
            if standing.fate != Fate::Waiting {
                standing.fate_epoch = step.boundary.epoch;
            }
            if standing.fate != Fate::Waiting && standing.payments.is_empty() {
                self.pending.remove(&id);
            }
            self.standings.insert(id, standing);
        }
        self.drop_losers(step);
        Ok(())
    }

    /// What waits past its time has expired. The time of an answer runs only while it is the best (G-88): nobody may lose a
    /// race by waiting for its end.
    fn expire(&self, step: &Step<'_>, proposal: &ProposalRecord, standing: &mut Standing) -> Result<(), LedgerError> {
        let height = step.boundary.closing_height;
        if standing.fate != Fate::Waiting {
            return Ok(());
        }
        if self.is_best_answer(step.state, &step.boundary, proposal)? != Some(true) {
            standing.behind_until = height;
        } else {
            let longest = step.state.charter_of(proposal).guards.pause_max_blocks;
            let put_off = self.put_off(proposal.content.class, standing.runs_from(), height, longest);
            if standing.expiry().saturating_add(put_off) <= height {
                standing.fate = Fate::Expired;
            }
        }
        Ok(())
    }

    /// G-88: with the winner in effect, the race is over.
    fn drop_losers(&mut self, step: &Step<'_>) {
        let of_request = |id: &ProposalId| step.state.proposals().get(id).and_then(|p| p.content.request);
        let fate = |id: &ProposalId| self.standings.get(id).map(|standing| standing.fate);
        let has_fate = |wanted| move |id: &&ProposalId| fate(id) == Some(wanted);
        let decided: BTreeSet<ProposalId> =
            self.standings.keys().filter(has_fate(Fate::Effective)).filter_map(of_request).collect();
        let lost: Vec<ProposalId> = self
            .pending
            .iter()
            .filter(has_fate(Fate::Waiting))
            .filter(|id| of_request(id).is_some_and(|request| decided.contains(&request)))
            .copied()
            .collect();
        for id in lost {
            self.pending.remove(&id);
            if let Some(standing) = self.standings.get_mut(&id) {
                (standing.fate, standing.fate_epoch) = (Fate::Lapsed, step.boundary.epoch);
            }
        }
    }

    fn enact_one(
        &mut self,
        step: &Step<'_>,
        polls: &mut StepPolls,
        proposal: &ProposalRecord,
        standing: &mut Standing,
        charter_changed: &mut bool,
    ) -> Result<(), LedgerError> {
        // G-84: a stop that came first holds.
        if self.stopped.contains(&proposal.id) {
            standing.fate = Fate::Lapsed;
            return Ok(());
        }
        if self.is_paused(proposal.content.class, step.boundary.closing_height) {
            return Ok(());
        }
        if self.is_best_answer(step.state, &step.boundary, proposal)? != Some(true) {
            return Ok(());
        }
        let changes_charter = proposal.content.class.changes_charter();
        if changes_charter && *charter_changed {
            return Ok(());
        }
        if !count_again(step, polls, proposal, standing)? {
            return Ok(());
        }
        let Outcome::Passed { option } = standing.outcome else { return Ok(()) };
        standing.fate = Fate::Effective;
        for effect in proposal.content.effects(option) {
            self.take_effect(step, proposal, standing, effect);
        }
        *charter_changed |= changes_charter && standing.fate == Fate::Effective;
        Ok(())
    }

    /// G-95: enough guardians before the authorisation, each counted once.
    fn hear_guardians(&self, step: &Step<'_>, proposal: &ProposalRecord, standing: &mut Standing) {
        let guardians = &step.state.charter_of(proposal).guardians;
        let threshold = usize::from(guardians.threshold);
        let before = |height: u32, wanted: &[GuardianVoice]| -> usize {
            let cutoff = step.cutoff(height);
            let acts = proposal.guardian_acts.iter().filter(|(at, _, voice)| *at < cutoff && wanted.contains(voice));
            acts.map(|(_, guardian, _)| *guardian).collect::<BTreeSet<MemberId>>().len()
        };
        if threshold == 0 {
            return;
        }
        let (own_authorised_at, own_expires_at) = match proposal.schedule.zip(step.state.rule_of(proposal)) {
            Some((schedule, rule)) => schedule.after_close(rule, &proposal.content, standing.closed_at),
            None => return,
        };
        if before(own_authorised_at, &[GuardianVoice::Delay, GuardianVoice::Veto]) >= threshold {
            // Once: always counted from the heights of the rule.
            standing.authorised_at = own_authorised_at.saturating_add(guardians.delay_blocks);
            standing.expires_at = own_expires_at.saturating_add(guardians.delay_blocks);
        }
        if before(standing.authorised_at, &[GuardianVoice::Veto]) >= threshold {
            standing.fate = Fate::Vetoed;
        }
    }

    /// G-88: of the answers to one request that passed and can still take effect, the one with the greatest lead of yes over
    /// no; one that was vetoed, failed, lapsed or expired stands in nobody's way. `None` while one of them is still undecided.
    pub(super) fn is_best_answer(
        &self,
        state: &LogState,
        boundary: &EpochBoundary,
        proposal: &ProposalRecord,
    ) -> Result<Option<bool>, LedgerError> {
        let Some(request) = proposal.content.request else { return Ok(Some(true)) };
        let mut passed: Vec<(u128, ProposalId, u32)> = Vec::new();
        for other in state.proposals().values() {
            if other.content.request != Some(request) {
                continue;
            }
            let Some(standing) = self.standing(&other.id) else {
                match other.dropped {
                    Some(dropped) if dropped.position < boundary.log_size => continue,
                    _ => return Ok(None),
                }
            };
            if matches!(standing.fate, Fate::Waiting | Fate::Effective) {
                let lead = Sums::of(&standing.count).map_or(0, |sums| sums.yes.saturating_sub(sums.no));
                passed.push((lead, other.id, standing.closed_at));
            }
        }
        let best = passed.iter().map(|(lead, _, _)| *lead).max();
        let mut level: Vec<&(u128, ProposalId, u32)> =
            passed.iter().filter(|(lead, _, _)| Some(*lead) == best).collect();
        level.sort_by_key(|(_, id, _)| *id);
        let [first, .., last] = level.as_slice() else {
            return Ok(Some(level.first().is_some_and(|(_, id, _)| *id == proposal.id)));
        };
        // V-30, with the answers by ascending id in the place of options.
        let height = first.2.max(last.2).saturating_add(TIE_DEPTH);
        if height > boundary.closing_height {
            return Ok(None);
        }
        let hash = state.given_block_hash(height);
        let tie = TieBreak::new(hash.ok_or(LedgerError::BlockHashMissing { height, proposal: proposal.id })?);
        let numbered = (0u16..).zip(&level).min_by_key(|(number, _)| tie.rank(*number));
        Ok(Some(numbered.is_some_and(|(_, (_, id, _))| *id == proposal.id)))
    }

    fn take_effect(&mut self, step: &Step<'_>, proposal: &ProposalRecord, standing: &mut Standing, effect: &Effect) {
        let epoch = step.boundary.epoch;
        match effect {
            Effect::Spend(spend) => {
                let (due_at, behind_until) = (standing.authorised_at, standing.behind_until);
                let expiry_blocks = standing.expires_at.saturating_sub(due_at);
                standing.payments.push(Payment::new(due_at, behind_until, expiry_blocks, spend.clone()));
            }
            Effect::Budget(budget) => {
                for (index, milestone) in budget.milestones.iter().enumerate() {
                    let due_at = standing.authorised_at.saturating_add(milestone.after_blocks);
                    let payment = |spend| Payment::new(due_at, standing.behind_until, budget.expiry_blocks, spend);
                    let payment = budget.payment(index).map(payment);
                    standing.payments.extend(payment);
                }
            }
            Effect::StopBudget { proposal } => self.stop(proposal),
            Effect::RuleChange(_) | Effect::ElectTreasurers(_) | Effect::ReplaceKeys(_) => {
                // G-85: another charter in force, or one that would break rules, and this comes to nothing.
                let before = self.charter(step.state);
                let is_allowed = |after: &Charter| check_change(effect.class(), before, after).is_empty();
                match effect.charter_after(before).filter(is_allowed) {
                    Some(after) => self.charter = Some(after),
                    None => standing.fate = Fate::Lapsed,
                }
            }
            Effect::Admit { member } | Effect::Expel { member } => {
                // G-83: whom the key named when the members read it.
                let member = step.state.member_of_key_at(member, proposal.position);
                let admitted = matches!(effect, Effect::Admit { .. });
                self.memberships.push(MembershipChange { epoch, member, admitted });
            }
            Effect::Confiscate(target) => {
                let member = step.state.member_of_key_at(&target.member, proposal.position);
                self.confiscate(step, &Confiscate { member, ..*target });
            }
            Effect::Pause(pause) => {
                let longest = step.state.charter_of(proposal).guards.pause_max_blocks;
                let from = step.boundary.closing_height;
                let until = from.saturating_add(pause.blocks.min(longest));
                self.pauses.push(PauseWindow { from, until, classes: pause.classes.clone() });
            }
            Effect::Request(_) => {}
        }
    }
}

/// G-37: the same ballots with what is still locked. Only what passed can change, and only to its disadvantage. Whether it
/// could be counted: a tie waits for its block, and what waits has no effect (G-106).
fn count_again(
    step: &Step<'_>,
    polls: &mut StepPolls,
    proposal: &ProposalRecord,
    standing: &mut Standing,
) -> Result<bool, LedgerError> {
    let members = polls.locked(step, proposal)?;
    let question = Question { proposal, close: standing.closed_at, members: &members, stakes: Stakes::Locked };
    let Some(bodies) = polls.counts(step, &[question])?.pop() else { return Ok(false) };
    let Some(again) = verdict(step, &question, bodies)? else { return Ok(false) };
    standing.is_final = true;
    standing.enacted_epoch = Some(step.boundary.epoch);
    if again.outcome != standing.outcome {
        standing.fate = Fate::Failed;
        standing.outcome = match again.outcome {
            // Another option than the one announced must not win by others leaving.
            Outcome::Passed { .. } => Outcome::Rejected,
            failed => failed,
        };
    }
    let Verdict { bodies, dormant_weight, .. } = again;
    let Some(count) = bodies.first().map(|first| first.count.clone()) else { return Ok(true) };
    let bodies = if standing.bodies.is_empty() { Vec::new() } else { bodies };
    let same = (&count, &bodies, dormant_weight) == (&standing.count, &standing.bodies, standing.dormant_weight);
    standing.again = (!same).then_some(Recount { count, bodies, dormant_weight });
    Ok(true)
}

/// The roll of a proposal's snapshot without the stakes that had gone elsewhere when the epoch closed (G-37).
pub(crate) fn locked_roll(step: &Step<'_>, proposal: &ProposalRecord) -> Result<Roll, LedgerError> {
    let epoch = proposal.snapshot_epoch;
    let missing = LedgerError::RollMissing { epoch, proposal: proposal.id };
    let roll = step.state.roll(epoch).ok_or(missing)?;
    let snapshot = step.state.anchored().iter().find(|record| record.header.epoch == epoch);
    let charter =
        snapshot.map_or(&step.state.params().charter, |record| step.state.roll_charter(record.header.log_size));
    Ok(roll.still_locked(charter, step.roll))
}
