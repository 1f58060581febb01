//! Proofs of equivocation, and notes of entries that the hub keeps out of the log.

use super::super::LogState;
use super::super::refusal::{Refusal, invalid, not_now};
use crate::entry::{Equivocation, LaneEntry, SeenNote};

impl LogState {
    /// G-98: the proof holds by itself; here it only has to be of this DAO and new.
    pub(super) fn check_equivocation(&self, proof: &Equivocation) -> Result<(), Refusal> {
        for lane in proof.entries().into_iter().filter_map(|entry| entry.lane()) {
            self.check_dao(lane.network, lane.dao)?;
        }
        let (key, incarnation, sequence) = proof.place();
        if !self.members.contains_key(&self.member_of_key(&key)) && !self.holds_office(&key) {
            return invalid("G-98", format!("{key} speaks for nobody here"));
        }
        // Whoever finds an old key must not be able to take anything from its member.
        let is_logged = proof.entries().into_iter().any(|entry| self.positions.contains(&entry.id()));
        if self.is_retired(&key) && !is_logged {
            return invalid("G-98", format!("{key} was replaced, and the log has neither of the entries"));
        }
        match self.proven.contains_key(&proof.place()) {
            true => invalid("G-98", format!("{key} was proven to have equivocated at {incarnation}/{sequence} before")),
            false => Ok(()),
        }
    }

    /// G-97: the log takes the note only of an entry that it could take as well, so that a hub is never without a way out.
    pub(super) fn check_seen_note(&self, e: &LaneEntry<SeenNote>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        let (seen, tip) = (e.body.entry(), self.tip_height().unwrap_or(0));
        let entry = seen.id();
        if let Some(position) = self.positions.get(&entry) {
            return invalid("G-97", format!("entry {entry} is in the log at position {position}"));
        }
        if self.seen.get(&entry).is_some_and(|noted| noted.by.contains_key(&member)) {
            return invalid("G-97", format!("{member} noted entry {entry} before"));
        }
        if seen.lane().is_some_and(|lane| lane.member == e.lane.member) {
            return invalid("G-97", "nobody notes an entry of their own lane, for whose place this one stands".into());
        }
        if e.body.height > tip {
            return not_now("G-97", format!("seen at height {}, the log is at {tip}", e.body.height));
        }
        self.check(seen)
    }
}
