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
        match self.proven.contains(&proof.place()) {
            true => invalid("G-98", format!("{key} was proven to have equivocated at {incarnation}/{sequence} before")),
            false => Ok(()),
        }
    }

    /// G-97.
    pub(super) fn check_seen_note(&self, e: &LaneEntry<SeenNote>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        let (entry, tip) = (e.body.entry, self.tip_height().unwrap_or(0));
        if let Some(position) = self.positions.get(&entry) {
            return invalid("G-97", format!("entry {entry} is in the log at position {position}"));
        }
        if self.seen.get(&entry).is_some_and(|notes| notes.contains_key(&member)) {
            return invalid("G-97", format!("{member} noted entry {entry} before"));
        }
        match e.body.height <= tip {
            true => Ok(()),
            false => not_now("G-97", format!("seen at height {}, the log is at {tip}", e.body.height)),
        }
    }
}
