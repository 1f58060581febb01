//! What has become of each deposit: what the money lane does with the satoshis held for it.

use super::{HoldRecord, LogState};
use crate::ledger::{AccountEntry, AccountKind};

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
    /// in the order of the log; once it is settled, it stays so.
    #[must_use]
    pub fn hold_fate(&self, hold: &HoldRecord) -> HoldFate {
        let about = |entry: &&AccountEntry| entry.thread == Some(hold.thread) && entry.member == hold.member;
        let entries = || self.ledger().accounts().iter().flat_map(|account| account.entries.iter().filter(about));
        let sum = |kind| entries().filter(|e| e.kind == kind).fold(0u64, |sum, entry| sum.saturating_add(entry.sat));
        let forfeited = sum(AccountKind::DepositForfeited);
        let settled = forfeited.saturating_add(sum(AccountKind::DepositReturned));
        let size = self.size();
        if self.has_lapsed(hold, size) {
            return HoldFate::Free;
        }
        let before = self.holds().iter().filter(|other| other.thread == hold.thread && other.member == hold.member);
        let before = before.filter(|other| other.position < hold.position && !self.has_lapsed(other, size));
        let before = before.fold(0u64, |sum, other| sum.saturating_add(other.amount_sat));
        match forfeited.saturating_sub(before).min(hold.amount_sat) {
            0 if before < settled => HoldFate::Free,
            // What came after the settlement is held by nothing that could settle it (G-96).
            0 if settled > 0 && !self.is_held(hold, self.tip_height().unwrap_or(0)) => HoldFate::Free,
            0 => HoldFate::Held,
            lost => HoldFate::Forfeited(lost),
        }
    }
}
