//! What hubs owe the treasury, and the payments on Bitcoin that settle it (G-110).

use std::collections::BTreeMap;

use althing_governance::DaoId;
use althing_governance::ledger::TreasuryDebt;
use bitcoin::script::PushBytesBuf;
use bitcoin::{Amount, ScriptBuf, Transaction};

use super::movements::movement;
use crate::api::HubDebt;
use crate::forced::pushed;
use crate::shell::Shell;

/// What the mark of a settlement begins with.
const PREFIX: &[u8; 17] = b"althing/settle/v1";

/// The output that marks a transaction as a settlement of this office's debts.
pub(crate) fn mark(dao: &DaoId, office: u32) -> (ScriptBuf, Amount) {
    let mut bytes = [0u8; 17 + 32 + 4];
    bytes[..17].copy_from_slice(PREFIX);
    bytes[17..49].copy_from_slice(&dao.0);
    bytes[49..].copy_from_slice(&office.to_be_bytes());
    (ScriptBuf::new_op_return(PushBytesBuf::from(bytes)), Amount::ZERO)
}

/// Which office's debts a transaction settles, if it is marked; of several marks the first counts.
pub(crate) fn settles(transaction: &Transaction, dao: &DaoId) -> Option<u32> {
    let mut marks = transaction.output.iter().filter_map(|output| {
        let office = pushed(&output.script_pubkey)?.strip_prefix(PREFIX.as_slice())?.strip_prefix(dao.0.as_slice())?;
        office.try_into().ok().map(u32::from_be_bytes)
    });
    marks.next()
}

/// What each hub owes, by the log and the blocks that this node knows. Empty while nothing was forfeited.
pub(crate) fn debts(shell: &Shell) -> Vec<TreasuryDebt> {
    let state = shell.ledger.state();
    if state.ledger().forfeited().is_empty() {
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
        forfeited_sat: debt.forfeited_sat,
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
        let debt = TreasuryDebt { office: 1, forfeited_sat: 5000, paid_sat: 1000, since_height: Some(100) };
        let words = |successions| overdue_words(&debt, successions);
        let rest = "owes the treasury 4000 sat of forfeited deposits, which it had to pay by height 244.";
        assert_eq!(words(1), format!("G-110: The hub {rest}"));
        assert_eq!(words(2), format!("G-110: A former hub (the one before succession 2) {rest}"));
    }

    #[test]
    fn only_a_whole_mark_of_this_dao_settles() {
        let dao = DaoId([7; 32]);
        let marked = |scripts: Vec<ScriptBuf>| Transaction {
            version: bitcoin::transaction::Version::TWO,
            lock_time: bitcoin::absolute::LockTime::ZERO,
            input: Vec::new(),
            output: scripts
                .into_iter()
                .map(|script_pubkey| bitcoin::TxOut { value: Amount::ZERO, script_pubkey })
                .collect(),
        };
        let of = |office| mark(&dao, office).0;
        let spoiled = |change: fn(&mut Vec<u8>)| {
            let mut bytes = of(3).to_bytes();
            change(&mut bytes);
            ScriptBuf::from_bytes(bytes)
        };
        let table = [
            (vec![of(3)], Some(3)),
            (vec![ScriptBuf::new_p2a(), of(u32::MAX), of(3)], Some(u32::MAX)),
            (vec![mark(&DaoId([8; 32]), 3).0], None),
            (vec![spoiled(|bytes| bytes[2] ^= 1)], None),
            (vec![spoiled(|bytes| bytes.truncate(bytes.len() - 1))], None),
            (vec![spoiled(|bytes| bytes.push(0x51))], None),
            (vec![spoiled(|bytes| bytes[0] = 0x51)], None),
            (Vec::new(), None),
        ];
        for (scripts, expected) in table {
            assert_eq!(settles(&marked(scripts.clone()), &dao), expected, "{scripts:?}");
        }
    }
}
