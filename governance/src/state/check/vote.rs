//! Ballots, delegations and guardians.

use super::super::LogState;
use super::super::refusal::{Refusal, invalid, not_now};
use crate::delegation::Delegation;
use crate::entry::{Ballot, GuardianAct, LaneEntry};
use crate::ledger::Fate;

impl LogState {
    pub(super) fn check_ballot(&self, e: &LaneEntry<Ballot>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        let Some(proposal) = self.proposals.get(&e.body.proposal) else {
            return invalid("G-29", format!("proposal {} is not in the log", e.body.proposal));
        };
        if let Some(dropped) = proposal.dropped {
            // G-89: only the newest version is voted on.
            return invalid("G-29", format!("proposal {} is not voted on: it {}", proposal.id, dropped.cause.words()));
        }
        let content = &proposal.content;
        if let Err(fault) = content.system.validate(content.option_count(), &e.body.fields) {
            return invalid("G-29", fault.to_string());
        }
        if self.rule_of(proposal).is_some_and(|rule| rule.final_ballots) && proposal.ballots.has_cast(&member) {
            return invalid("G-44", format!("{member} has voted, and ballots of this class are final"));
        }
        // G-41: open and closed are told by heads in the log before this entry, so that everybody agrees.
        match (proposal.schedule, self.tip_height()) {
            (Some(schedule), Some(tip)) if tip >= schedule.latest_close => {
                invalid("G-41", format!("voting closed at height {}, the log is at {tip}", schedule.latest_close))
            }
            (Some(schedule), Some(tip)) if tip < schedule.open => {
                not_now("G-41", format!("voting opens at height {}, the log is at {tip}", schedule.open))
            }
            (Some(_), Some(_)) => Ok(()),
            _ => not_now("G-41", "voting is not open: no head covers the proposal yet".into()),
        }
    }

    pub(super) fn check_delegation(&self, e: &LaneEntry<Delegation>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        let limits = &self.charter().delegation;
        if !limits.enabled {
            return invalid("R-41", "the charter does not let members delegate".into());
        }
        if let Err(error) = e.body.check_by(&member) {
            return invalid("L-2", error.to_string());
        }
        // A key that came by rotation is in no roll: what is given to it would be lost.
        if let Some(part) = e.body.parts.iter().find(|part| self.member_of_key(&part.to) != part.to) {
            let named = self.member_of_key(&part.to);
            return invalid("L-5", format!("{} is a vote key of member {named}; name the member", part.to));
        }
        match e.body.parts.len() {
            found if found > usize::from(limits.max_parts) => {
                invalid("R-41", format!("{found} parts, the charter allows {}", limits.max_parts))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_guardian_act(&self, e: &LaneEntry<GuardianAct>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        let Some(proposal) = self.proposals.get(&e.body.proposal) else {
            return invalid("G-95", format!("proposal {} is not in the log", e.body.proposal));
        };
        if !self.is_guardian(self.charter_of(proposal), &member) {
            return invalid("G-95", format!("{} is no guardian", e.lane.member));
        }
        let fate = self.ledger().standing(&proposal.id).map(|standing| standing.fate);
        if let Some(fate) = fate.filter(|fate| *fate != Fate::Waiting) {
            let words = fate.words();
            return invalid(
                "G-95",
                format!("proposal {} is decided for good: {words}; nothing can stop it", proposal.id),
            );
        }
        match (proposal.schedule, self.tip_height()) {
            (Some(schedule), Some(tip)) if tip >= schedule.open => Ok(()),
            _ => not_now("G-95", "voting has not opened, so there is nothing to stop".into()),
        }
    }
}
