//! Taking effect: what passed, after its veto window, with the stakes that are still locked.

use std::collections::BTreeSet;

use super::decide::Verdict;
use super::pay::Payment;
use super::recount::{Verdicts, count_again};
use super::{EpochBoundary, Fate, Ledger, LedgerError, MembershipChange, PauseWindow, Standing, Step, StepPolls};
use crate::charter::{Charter, check_change};
use crate::entry::{Confiscate, Effect, GuardianVoice};
use crate::id::{MemberId, ProposalId};
use crate::state::{LogState, ProposalRecord};
use crate::tally::Sums;
use crate::voting::{Outcome, TIE_DEPTH, TieBreak};

impl Ledger {
    /// Lets every proposal take effect whose time has come, in the order of (authorisation, end of vote, position).
    pub(super) fn enact(&mut self, step: &Step<'_>, polls: &mut StepPolls) -> Result<(), LedgerError> {
        // G-97: a header that keeps out what members have seen authorises nothing.
        let is_censoring = !step.state.overdue_entries(step.boundary.log_size).is_empty();
        let until = if is_censoring { 0 } else { step.boundary.closing_height };
        self.hear_guardians(step);
        // G-85: one change of the charter in each epoch, so that each names the one before.
        let mut charter_changed = false;
        let mut turn = self.waiting(step);
        while !turn.is_empty() {
            let mut counted = self.count_ahead(step, polls, &turn, until)?;
            for id in &turn {
                let Some((proposal, mut standing)) =
                    step.state.proposals().get(id).zip(self.standings.get(id).cloned())
                else {
                    continue;
                };
                let changes_charter = proposal.content.class.changes_charter();
                let is_due = standing.authorised_at <= until;
                if is_due && self.stopped.contains(id) {
                    // G-84: a stop that came first holds.
                    standing.fate = Fate::Lapsed;
                } else if is_due && !(changes_charter && charter_changed) && self.has_turn(step, proposal)? {
                    let verdict = match counted.remove(id) {
                        Some(verdict) => verdict?,
                        None => count_again(step, polls, &[(proposal, standing.closed_at)])?
                            .remove(id)
                            .transpose()?
                            .flatten(),
                    };
                    self.enact_one(step, proposal, &mut standing, verdict);
                    charter_changed |= changes_charter && standing.fate == Fate::Effective;
                }
                self.expire(step, proposal, &mut standing)?;
                self.note_fate(step, *id, standing);
            }
            turn = self.freed(step, &turn);
        }
        self.note_who_is_behind(step)?;
        self.drop_losers(step);
        Ok(())
    }

    /// What waits, in the order in which it takes effect.
    fn waiting(&self, step: &Step<'_>) -> Vec<ProposalId> {
        let waiting = self.pending.iter().filter_map(|id| {
            let standing = self.standings.get(id).filter(|standing| standing.fate == Fate::Waiting)?;
            let position = step.state.proposals().get(id)?.position;
            Some((standing.authorised_at, standing.closed_at, position, *id))
        });
        let mut waiting: Vec<(u32, u32, u64, ProposalId)> = waiting.collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, _, _, id)| id).collect()
    }

    /// Whether neither a pause nor another answer keeps it back.
    fn has_turn(&self, step: &Step<'_>, proposal: &ProposalRecord) -> Result<bool, LedgerError> {
        let is_paused = self.is_paused(proposal.content.class, step.boundary.closing_height);
        Ok(!is_paused && self.is_best_answer(step.state, &step.boundary, proposal)? == Some(true))
    }

    /// Counts again together what is due by `until` and has its turn: side by side, where one by one would be one after the other.
    fn count_ahead(
        &self,
        step: &Step<'_>,
        polls: &mut StepPolls,
        turn: &[ProposalId],
        until: u32,
    ) -> Result<Verdicts, LedgerError> {
        let mut ahead = Vec::new();
        for id in turn {
            let Some((proposal, standing)) = step.state.proposals().get(id).zip(self.standings.get(id)) else {
                continue;
            };
            // Of changes of the charter all but the first would be counted in vain.
            let is_alone = proposal.content.class.changes_charter();
            if !is_alone && standing.authorised_at <= until && self.has_turn(step, proposal)? {
                ahead.push((proposal, standing.closed_at));
            }
        }
        count_again(step, polls, &ahead)
    }

    /// G-106: where an answer ended, those that it stood before have their turn in the same epoch.
    fn freed(&self, step: &Step<'_>, turn: &[ProposalId]) -> Vec<ProposalId> {
        let request = |id: &ProposalId| step.state.proposals().get(id).and_then(|proposal| proposal.content.request);
        let fate = |id: &ProposalId| self.standings.get(id).map(|standing| standing.fate);
        let ended = turn.iter().filter(|id| !matches!(fate(id), Some(Fate::Waiting | Fate::Effective)));
        let freed: BTreeSet<ProposalId> = ended.filter_map(request).collect();
        let mut waiting = self.waiting(step);
        waiting.retain(|id| request(id).is_some_and(|request| freed.contains(&request)));
        waiting
    }

    /// What waits past its time has expired. The time of an answer runs only while it is the best (G-88): nobody may lose a
    /// race by waiting for its end.
    fn expire(&self, step: &Step<'_>, proposal: &ProposalRecord, standing: &mut Standing) -> Result<(), LedgerError> {
        let height = step.boundary.closing_height;
        if standing.fate != Fate::Waiting || self.is_best_answer(step.state, &step.boundary, proposal)? != Some(true) {
            return Ok(());
        }
        let longest = step.state.charter_of(proposal).guards.pause_max_blocks;
        let put_off = self.put_off(proposal.content.class, standing.runs_from(), height, longest);
        if standing.expiry().saturating_add(put_off) <= height {
            standing.fate = Fate::Expired;
        }
        Ok(())
    }

    fn note_fate(&mut self, step: &Step<'_>, id: ProposalId, mut standing: Standing) {
        if standing.fate != Fate::Waiting {
            standing.fate_epoch = step.boundary.epoch;
            if standing.payments.is_empty() {
                self.pending.remove(&id);
            }
        }
        self.standings.insert(id, standing);
    }

    /// G-88: answers that others still stand before.
    fn note_who_is_behind(&mut self, step: &Step<'_>) -> Result<(), LedgerError> {
        for id in self.waiting(step) {
            let Some(proposal) = step.state.proposals().get(&id) else { continue };
            if self.is_best_answer(step.state, &step.boundary, proposal)? != Some(true)
                && let Some(standing) = self.standings.get_mut(&id)
            {
                standing.behind_until = step.boundary.closing_height;
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

    /// `verdict` is that of the count at enactment; a tie without its block goes on waiting, and what waits has no effect (G-106).
    fn enact_one(
        &mut self,
        step: &Step<'_>,
        proposal: &ProposalRecord,
        standing: &mut Standing,
        verdict: Option<Verdict>,
    ) {
        let Some(verdict) = verdict else { return };
        standing.take_again(step.boundary.epoch, verdict);
        let Outcome::Passed { option } = standing.outcome else { return };
        standing.fate = Fate::Effective;
        for effect in proposal.content.effects(option) {
            self.take_effect(step, proposal, standing, effect);
        }
    }

    /// G-95: enough guardians before the authorisation, each counted once. A veto stands in nobody's way: all are heard before
    /// anything takes effect.
    fn hear_guardians(&mut self, step: &Step<'_>) {
        for id in self.waiting(step) {
            let Some((proposal, mut standing)) = step.state.proposals().get(&id).zip(self.standings.get(&id).cloned())
            else {
                continue;
            };
            hear_guardians_of(step, proposal, &mut standing);
            self.note_fate(step, id, standing);
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

fn hear_guardians_of(step: &Step<'_>, proposal: &ProposalRecord, standing: &mut Standing) {
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
