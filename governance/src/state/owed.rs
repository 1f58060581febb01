//! What a hub owes the treasury: the forfeited deposits that it collected in its channels (G-110).

use std::collections::BTreeMap;

use super::LogState;
use crate::entry::Checkpoint;

/// Less than this is not paid by itself: it would cost more on Bitcoin than it brings.
pub const LEAST_SETTLEMENT_SAT: u64 = 1000;

/// Blocks within which a hub pays, from the head on that shows it as owed.
pub const SETTLE_WITHIN_BLOCKS: u32 = 144;

/// What a hub came to have of forfeited deposits with one checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Collected {
    /// Position of the checkpoint.
    position: u64,
    /// Which hub: the successions before it are counted.
    office: u32,
    /// Satoshis, above 0.
    sat: u64,
}

/// What the hub of an office owes the treasury.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreasuryDebt {
    /// Which hub: 0 for the founding one, 1 for the first that a succession put in.
    pub office: u32,
    /// Satoshis of forfeited deposits that checkpoints in the log gave it.
    pub collected_sat: u64,
    /// Satoshis that its settlements have brought the treasury.
    pub paid_sat: u64,
    /// Height of the head that shows [`LEAST_SETTLEMENT_SAT`] or more as owed; `None` while less is.
    pub since_height: Option<u32>,
}

impl TreasuryDebt {
    /// What is left to pay.
    #[must_use]
    pub fn owed_sat(&self) -> u64 {
        self.collected_sat.saturating_sub(self.paid_sat)
    }

    /// The last height at which it is paid in time; `None` while there is nothing to pay by itself.
    #[must_use]
    pub fn due_height(&self) -> Option<u32> {
        self.since_height.map(|since| since.saturating_add(SETTLE_WITHIN_BLOCKS))
    }

    /// Whether a chain of this height shows that it was not paid in time.
    #[must_use]
    pub fn is_overdue(&self, tip_height: u32) -> bool {
        self.due_height().is_some_and(|due| due < tip_height)
    }
}

impl LogState {
    /// What each hub owes the treasury, by office, given what its settlements on Bitcoin have brought.
    #[must_use]
    pub fn treasury_debts(&self, paid_sat: &BTreeMap<u32, u64>) -> Vec<TreasuryDebt> {
        let mut debts: BTreeMap<u32, TreasuryDebt> = BTreeMap::new();
        for Collected { position, office, sat } in self.collected.iter().copied() {
            let paid_sat = paid_sat.get(&office).copied().unwrap_or(0);
            let new = TreasuryDebt { office, collected_sat: 0, paid_sat, since_height: None };
            let debt = debts.entry(office).or_insert(new);
            debt.collected_sat = debt.collected_sat.saturating_add(sat);
            // Payments count against what was owed first, so this is the checkpoint that the rest begins with.
            if debt.since_height.is_none() && debt.owed_sat() >= LEAST_SETTLEMENT_SAT {
                debt.since_height = self.entry_height(position).or(self.tip_height());
            }
        }
        debts.into_values().collect()
    }

    /// Whether the log shows that any hub collected anything.
    #[must_use]
    pub fn has_collected(&self) -> bool {
        !self.collected.is_empty()
    }

    /// Height of the first head over the entry by which an epoch is final; the newest one's before there is one.
    #[must_use]
    pub fn final_since(&self, epoch: u32) -> Option<u32> {
        let at = self.anchored().binary_search_by_key(&epoch, |record| record.header.epoch).ok()?;
        let position = self.anchored().get(at)?.position;
        self.entry_height(position).or(self.tip_height())
    }

    /// A checkpoint of a channel is logged behind those that the channel has.
    pub(super) fn note_collected(&mut self, position: u64, checkpoint: &Checkpoint) {
        let before = self.channels.get(&checkpoint.channel).and_then(|channel| channel.checkpoints.last());
        let sat = checkpoint.forfeited_sat.saturating_sub(before.map_or(0, |(_, before)| before.forfeited_sat));
        if sat > 0 {
            let office = u32::try_from(self.successors.len()).unwrap_or(u32::MAX);
            self.collected.push(Collected { position, office, sat });
        }
    }
}
