//! What a hub owes the treasury: the deposits that the log forfeited and the hub keeps in its channels (G-110).

use std::collections::BTreeMap;

use super::{Ledger, Step};
use crate::state::LogState;

/// Less than this is not paid by itself: it would cost more on Bitcoin than it brings.
pub const LEAST_SETTLEMENT_SAT: u64 = 1000;

/// Blocks within which a hub pays, from the head on that shows it as owed.
pub const SETTLE_WITHIN_BLOCKS: u32 = 144;

/// What an epoch's decisions forfeited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochForfeit {
    /// Which epoch.
    pub epoch: u32,
    /// Which hub keeps it: 0 for the founding one, then the successions before the epoch are counted.
    pub office: u32,
    /// Satoshis, above 0.
    pub sat: u64,
}

/// What the hub of an office owes the treasury.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreasuryDebt {
    /// Which hub: 0 for the founding one, 1 for the first that a succession put in.
    pub office: u32,
    /// Satoshis of deposits that the final epochs in the log forfeited.
    pub forfeited_sat: u64,
    /// Satoshis that its settlements have brought the treasury.
    pub paid_sat: u64,
    /// Height of the head that shows [`LEAST_SETTLEMENT_SAT`] or more as owed; `None` while less is.
    pub since_height: Option<u32>,
}

impl TreasuryDebt {
    /// What is left to pay.
    #[must_use]
    pub fn owed_sat(&self) -> u64 {
        self.forfeited_sat.saturating_sub(self.paid_sat)
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

impl Ledger {
    /// What the epochs decided have forfeited; those that forfeited nothing are left out.
    #[must_use]
    pub fn forfeited(&self) -> &[EpochForfeit] {
        &self.forfeited
    }

    pub(super) fn note_forfeit(&mut self, step: &Step<'_>, sat: u64) {
        let epoch = step.boundary.epoch;
        match self.forfeited.last_mut().filter(|last| last.epoch == epoch) {
            Some(last) => last.sat = last.sat.saturating_add(sat),
            None => self.forfeited.push(EpochForfeit { epoch, office: step.state.office_of(epoch), sat }),
        }
    }
}

impl LogState {
    /// How many successions came before an epoch: which hub closed it.
    #[must_use]
    pub fn office_of(&self, epoch: u32) -> u32 {
        let before = self.successors().iter().filter(|record| record.successor.after_epoch < epoch);
        u32::try_from(before.count()).unwrap_or(u32::MAX)
    }

    /// What each hub owes the treasury, by office, given what its settlements on Bitcoin have brought.
    #[must_use]
    pub fn treasury_debts(&self, paid_sat: &BTreeMap<u32, u64>) -> Vec<TreasuryDebt> {
        let mut debts: BTreeMap<u32, TreasuryDebt> = BTreeMap::new();
        for forfeit in self.ledger().forfeited() {
            let office = forfeit.office;
            let paid_sat = paid_sat.get(&office).copied().unwrap_or(0);
            let new = TreasuryDebt { office, forfeited_sat: 0, paid_sat, since_height: None };
            let debt = debts.entry(office).or_insert(new);
            debt.forfeited_sat = debt.forfeited_sat.saturating_add(forfeit.sat);
            // Payments count against what was owed first, so this is the epoch that the rest begins with.
            if debt.since_height.is_none() && debt.owed_sat() >= LEAST_SETTLEMENT_SAT {
                debt.since_height = self.final_since(forfeit.epoch);
            }
        }
        debts.into_values().collect()
    }

    /// Height of the first head over the entry by which an epoch is final; the newest one's before there is one.
    #[must_use]
    pub fn final_since(&self, epoch: u32) -> Option<u32> {
        let at = self.anchored().binary_search_by_key(&epoch, |record| record.header.epoch).ok()?;
        let position = self.anchored().get(at)?.position;
        self.entry_height(position).or(self.tip_height())
    }
}
