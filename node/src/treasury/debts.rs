//! What hubs owe the treasury, and the payments on Bitcoin that settle it (G-110).

use std::collections::BTreeMap;

use althing_governance::DaoId;
use althing_governance::state::TreasuryDebt;
use bitcoin::{Amount, ScriptBuf, Transaction};

use super::marks::Mark;
use super::movements::movement;
use crate::api::HubDebt;
use crate::shell::Shell;

/// The output that marks a transaction as a settlement of this office's debts.
pub(crate) fn mark(dao: &DaoId, office: u32) -> (ScriptBuf, Amount) {
    Mark::Settlement.output(dao, office)
}

/// Which office's debts a transaction settles, if it is marked; of several marks the first counts.
pub(crate) fn settles(transaction: &Transaction, dao: &DaoId) -> Option<u32> {
    Some(Mark::Settlement.find(transaction, dao)?.1)
}

/// What each hub owes, by the log and the blocks that this node knows. Empty while nothing was collected.
pub(crate) fn debts(shell: &Shell) -> Vec<TreasuryDebt> {
    let state = shell.ledger.state();
    if !state.has_collected() {
        return Vec::new();
    }
    let generations = shell.treasury.treasuries();
    let mut paid: BTreeMap<u32, u64> = BTreeMap::new();
    for (txid, (height, transaction)) in shell.treasury.mined() {
        let Some(office) = settles(&transaction, &shell.dao.params.dao_id) else { continue };
        let brought = movement(shell, &generations, txid, height, &transaction).in_sat;
        let sum = paid.entry(office).or_default();
        *sum = sum.saturating_add(brought);
    }
    state.treasury_debts(&paid)
}

/// The same as people and programs get it.
pub(crate) fn hub_debts(shell: &Shell) -> Vec<HubDebt> {
    let tip = shell.tip_height();
    let view = |debt: TreasuryDebt| HubDebt {
        office: debt.office,
        collected_sat: debt.collected_sat,
        paid_sat: debt.paid_sat,
        owed_sat: debt.owed_sat(),
        due_height: debt.due_height(),
        is_overdue: debt.is_overdue(tip),
    };
    debts(shell).into_iter().map(view).collect()
}

/// Debts that were not paid in time, in sentences.
pub(super) fn alarms(shell: &Shell) -> Vec<String> {
    let tip = shell.tip_height();
    let overdue = debts(shell).into_iter().filter(|debt| debt.is_overdue(tip));
    overdue.map(|debt| overdue_words(&debt, shell.ledger.state().successors().len())).collect()
}

fn overdue_words(debt: &TreasuryDebt, successions: usize) -> String {
    let hub = match usize::try_from(debt.office) {
        Ok(office) if office == successions => "The hub".to_owned(),
        _ => format!("A former hub (the one before succession {})", debt.office.saturating_add(1)),
    };
    format!(
        "G-110: {hub} owes the treasury {} sat of forfeited deposits, which it had to pay by height {}.",
        debt.owed_sat(),
        debt.due_height().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_late_is_named() {
        let debt = TreasuryDebt { office: 1, collected_sat: 5000, paid_sat: 1000, since_height: Some(100) };
        let words = |successions| overdue_words(&debt, successions);
        let rest = "owes the treasury 4000 sat of forfeited deposits, which it had to pay by height 244.";
        assert_eq!(words(1), format!("G-110: The hub {rest}"));
        assert_eq!(words(2), format!("G-110: A former hub (the one before succession 2) {rest}"));
    }
}
