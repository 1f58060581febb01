//! A hub's bond: a coin of the treasury that nobody may spend but by its own rule (T-90 to T-93).

use std::collections::BTreeMap;

use bitcoin::{OutPoint, Script, ScriptBuf, Transaction};

/// A coin that a hub put into the treasury as its bond and that was not taken from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bond {
    /// The way back: where it goes when it is free.
    pub back: ScriptBuf,
    /// Whether it is free to go back; `None` where the log is not known.
    pub is_free: Option<bool>,
}

/// T-93: the bonds that a transaction spends, in the order of its inputs.
pub(super) fn bonds_in<'a>(
    transaction: &'a Transaction,
    bonds: &'a BTreeMap<OutPoint, Bond>,
) -> impl Iterator<Item = (usize, OutPoint, &'a Bond)> {
    let inputs = transaction.input.iter().enumerate();
    inputs.filter_map(|(at, txin)| Some((at, txin.previous_output, bonds.get(&txin.previous_output)?)))
}

/// T-93: whether a transaction spends bonds of one way back and nothing else, into one output that goes there.
pub(super) fn goes_back(transaction: &Transaction, bonds: &BTreeMap<OutPoint, Bond>, back: &Script) -> bool {
    let [output] = transaction.output.as_slice() else { return false };
    let is_its = |outpoint: &OutPoint| bonds.get(outpoint).is_some_and(|bond| *bond.back == *back);
    *output.script_pubkey == *back && transaction.input.iter().all(|txin| is_its(&txin.previous_output))
}
