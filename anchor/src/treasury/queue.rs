//! Which of several transactions over the same coins goes on (T-300 to T-302).
//!
//! Treasurers open sessions without asking each other. Every machine orders what it knows by the transactions alone, so that all
//! prefer the same one, and none waits for a word of another.

use std::collections::BTreeMap;

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
    let coins: Vec<&[OutPoint]> = order.iter().map(|place| candidates[*place].inputs.as_slice()).collect();
    let mut yields = vec![None; candidates.len()];
    for (place, rival) in order.iter().zip(rivals(&coins)) {
        yields[*place] = rival.map(|rival| candidates[order[rival]].txid);
    }
    yields
}

/// Of each set of coins, in order, the first before it that goes on and has one of them; none where it goes on itself. Everybody can open
/// sessions: each coin is looked up once.
fn rivals<C: Ord>(ordered: &[&[C]]) -> Vec<Option<usize>> {
    let mut taken: BTreeMap<&C, usize> = BTreeMap::new();
    let mut rivals = Vec::with_capacity(ordered.len());
    for (place, coins) in ordered.iter().enumerate() {
        let rival = coins.iter().filter_map(|coin| taken.get(coin)).min().copied();
        if rival.is_none() {
            taken.extend(coins.iter().map(|coin| (coin, place)));
        }
        rivals.push(rival);
    }
    rivals
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::cmp::Ordering;

    use super::*;

    /// A coin that counts how often it is compared.
    struct Counted<'a>(usize, &'a Cell<usize>);

    impl Ord for Counted<'_> {
        fn cmp(&self, other: &Self) -> Ordering {
            self.1.set(self.1.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Counted<'_> {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl PartialEq for Counted<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other) == Ordering::Equal
        }
    }

    impl Eq for Counted<'_> {}

    /// Twice as many sessions take hardly more than twice as many comparisons of coins, whether they share them or not.
    #[test]
    fn many_sessions_are_ordered_in_proportion_to_their_number() {
        let compared = |sessions: usize, step: usize| {
            let count = Cell::new(0);
            let coins: Vec<[Counted<'_>; 2]> = (0..sessions)
                .map(|session| [Counted(session * step, &count), Counted(session * step + 1, &count)])
                .collect();
            let ordered: Vec<&[Counted<'_>]> = coins.iter().map(|coins| coins.as_slice()).collect();
            let going = rivals(&ordered).iter().filter(|rival| rival.is_none()).count();
            assert_eq!(going, if step == 0 { 1 } else { sessions.div_ceil(if step == 1 { 2 } else { 1 }) });
            count.get()
        };
        // Of their own, in a chain, and all over the same.
        for step in [2, 1, 0] {
            let (few, many) = (compared(1_000, step), compared(2_000, step));
            assert!(many < 3 * few && many < 2_000 * 300, "{step}: {few} and {many}");
        }
    }
}
