//! Which of several transactions over the same coins goes on (T-300 to T-302).
//!
//! Treasurers open sessions without asking each other. Every machine orders what it knows by the transactions alone, so that all
//! prefer the same one, and none waits for a word of another.

use std::collections::BTreeSet;

use bitcoin::psbt::Psbt;
use bitcoin::{Amount, OutPoint, Txid, Weight};

use super::descriptor::Treasury;
use super::signature::input_origins;

/// What the order of sessions depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Id of the transaction.
    pub txid: Txid,
    /// What it spends.
    pub inputs: Vec<OutPoint>,
    /// How many decisions it pays; none for housekeeping.
    pub payments: usize,
    /// Its fee.
    pub fee: Amount,
    /// Its weight at worst.
    pub weight: Weight,
}

/// T-300, T-301: for each candidate the one that it yields to, if it shares a coin with one that goes on and stands before it.
///
/// Payments stand before housekeeping, then the higher fee rate before the lower, so that a replacement stands before what it
/// replaces, then the lower id in hashing order.
pub fn queue(candidates: &[Candidate]) -> Vec<Option<Txid>> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|a, b| before(&candidates[*a], &candidates[*b]));
    let mut yields = vec![None; candidates.len()];
    let mut going: Vec<(Txid, BTreeSet<OutPoint>)> = Vec::new();
    for place in order {
        let candidate = &candidates[place];
        let rival = going.iter().find(|(_, taken)| candidate.inputs.iter().any(|input| taken.contains(input)));
        match rival {
            Some((txid, _)) => yields[place] = Some(*txid),
            None => going.push((candidate.txid, candidate.inputs.iter().copied().collect())),
        }
    }
    yields
}

/// T-14: the weight of the finished transaction at worst; `None` when an input is not shown or not the treasury's.
pub fn worst_weight(psbt: &Psbt, generations: &[Treasury]) -> Option<Weight> {
    // Outpoint, empty script and sequence are in the unsigned transaction already.
    let bare = Weight::from_non_witness_data_size(32 + 4 + 1 + 4);
    let unsigned = psbt.unsigned_tx.weight().checked_add(Weight::from_wu(2))?;
    input_origins(psbt, generations).ok()?.iter().try_fold(unsigned, |sum, origin| {
        let input = generations.get(origin.generation)?.input_weight().ok()?;
        sum.checked_add(input.checked_sub(bare)?)
    })
}

fn before(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    // Fee rates as fractions: nothing is rounded, so that the order is one.
    let product = |fee: Amount, weight: Weight| u128::from(fee.to_sat()) * u128::from(weight.to_wu());
    (a.payments == 0)
        .cmp(&(b.payments == 0))
        .then_with(|| product(b.fee, a.weight).cmp(&product(a.fee, b.weight)))
        .then_with(|| a.txid.cmp(&b.txid))
}
