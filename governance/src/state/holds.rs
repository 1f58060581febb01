//! What has become of each deposit: what the money lane does with the satoshis held for it.

use std::collections::BTreeSet;

use super::{HoldRecord, LogState};
use crate::id::{ChannelId, MemberId, ProposalId};

/// What has become of a hold (G-96, G-104).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldFate {
    /// Nothing has settled it.
    Held,
    /// Its owner has it back, or it lapsed unused.
    Free,
    /// So many of its satoshis are the treasury's, at least 1; its owner has the rest back.
    Forfeited(u64),
}

impl LogState {
    /// What has become of a hold, by the final epochs in the log. What a thread's author forfeits is taken from the holds for it
    /// in the order of the log; once it is settled, it stays so. Of many, [`LogState::hold_fates`] tells at once.
    #[must_use]
    pub fn hold_fate(&self, hold: &HoldRecord) -> HoldFate {
        let fates = self.fates_for(&hold.thread, &hold.member);
        let own = fates.into_iter().find(|(known, _)| known.position == hold.position);
        own.map_or(HoldFate::Held, |(_, fate)| fate)
    }

    /// The holds of a channel in the order of the log, with what has become of them. Every thread is looked at once.
    #[must_use]
    pub fn hold_fates(&self, channel: &ChannelId) -> Vec<(&HoldRecord, HoldFate)> {
        let threads: BTreeSet<(ProposalId, MemberId)> =
            self.holds_of(channel).map(|hold| (hold.thread, hold.member)).collect();
        let of_thread = |(thread, member): &(ProposalId, MemberId)| self.fates_for(thread, member);
        let mut fates: Vec<(&HoldRecord, HoldFate)> =
            threads.iter().flat_map(of_thread).filter(|(hold, _)| hold.channel == *channel).collect();
        fates.sort_unstable_by_key(|(hold, _)| hold.position);
        fates
    }

    /// Satoshis of a channel that are held (G-96): as deposits of threads whose newest version is not over by the log's height, or
    /// which are still to be logged; and what was forfeited and its newest checkpoint has not given the hub.
    #[must_use]
    pub fn held_sat(&self, channel: &ChannelId) -> u64 {
        let newest = self.channels.get(channel).and_then(|record| record.checkpoints.last());
        self.held_beside(channel, newest.map_or(0, |(_, newest)| newest.forfeited_sat))
    }

    /// The same with a checkpoint that has given the hub so much.
    pub(super) fn held_beside(&self, channel: &ChannelId, collected_sat: u64) -> u64 {
        let tip = self.tip_height().unwrap_or(0);
        let (mut held, mut forfeited) = (0u64, 0u64);
        for (hold, fate) in self.hold_fates(channel) {
            match fate {
                HoldFate::Forfeited(lost) => forfeited = forfeited.saturating_add(lost),
                HoldFate::Held if self.is_held(hold, tip) => held = held.saturating_add(hold.amount_sat),
                HoldFate::Held | HoldFate::Free => {}
            }
        }
        held.saturating_add(forfeited.saturating_sub(collected_sat))
    }

    /// What has become of all that a member held for a thread, in one pass: a hold is behind those before it.
    fn fates_for(&self, thread: &ProposalId, member: &MemberId) -> Vec<(&HoldRecord, HoldFate)> {
        let settlement = self.ledger().settlement(thread, member).copied().unwrap_or_default();
        let forfeited = settlement.forfeited_sat;
        let settled = forfeited.saturating_add(settlement.returned_sat);
        let (size, tip) = (self.size(), self.tip_height().unwrap_or(0));
        let mut before = 0u64;
        let fate = |hold: &HoldRecord| {
            if self.has_lapsed(hold, size) {
                return HoldFate::Free;
            }
            let from = before;
            before = before.saturating_add(hold.amount_sat);
            match forfeited.saturating_sub(from).min(hold.amount_sat) {
                0 if from < settled => HoldFate::Free,
                // What came after the settlement is held by nothing that could settle it (G-96).
                0 if settled > 0 && !self.is_held(hold, tip) => HoldFate::Free,
                0 => HoldFate::Held,
                lost => HoldFate::Forfeited(lost),
            }
        };
        let holds: Vec<&HoldRecord> = self.holds_for(thread, member).collect();
        let fates: Vec<HoldFate> = holds.iter().copied().map(fate).collect();
        holds.into_iter().zip(fates).collect()
    }
}
