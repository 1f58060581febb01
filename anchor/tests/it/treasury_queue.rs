//! Hazard: two treasurers open transactions over the same coins, and each machine prefers another one.

use std::collections::BTreeMap;

use althing_anchor::{Candidate, SpendPlan, finalise, queue, worst_weight};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, FeeRate, OutPoint, Txid, Weight};
use proptest::prelude::*;

use crate::treasury_world::{Chest, sign, tr, wsh};

fn candidate((id, inputs, payments, fee, weight): (u8, Vec<u8>, usize, u64, u64)) -> Candidate {
    let outpoint = |n: &u8| OutPoint { txid: Txid::from_byte_array([*n; 32]), vout: 0 };
    Candidate {
        txid: Txid::from_byte_array([id; 32]),
        inputs: inputs.iter().map(outpoint).collect(),
        payments,
        fee: Amount::from_sat(fee),
        weight: Weight::from_wu(weight),
    }
}

fn shares(a: &Candidate, b: &Candidate) -> bool {
    a.inputs.iter().any(|input| b.inputs.contains(input))
}

/// The order by a rule written differently: a whole number of micro-satoshis for each weight unit is exact for these values.
fn rank(c: &Candidate) -> (bool, std::cmp::Reverse<num_rank::Ratio>, Txid) {
    (c.payments == 0, std::cmp::Reverse(num_rank::Ratio(c.fee.to_sat(), c.weight.to_wu())), c.txid)
}

mod num_rank {
    /// A fraction compared by continued division, without multiplying.
    #[derive(PartialEq, Eq, Clone, Copy)]
    pub(super) struct Ratio(pub(super) u64, pub(super) u64);

    impl Ord for Ratio {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            let (q, r) = (self.0 / self.1, self.0 % self.1);
            let (p, s) = (other.0 / other.1, other.0 % other.1);
            q.cmp(&p).then_with(|| match (r, s) {
                (0, 0) => std::cmp::Ordering::Equal,
                (0, _) => std::cmp::Ordering::Less,
                (_, 0) => std::cmp::Ordering::Greater,
                _ => Ratio(self.1, r).cmp(&Ratio(other.1, s)).reverse(),
            })
        }
    }

    impl PartialOrd for Ratio {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
}

proptest! {
    /// T-300, T-301: all machines agree whatever the order in which they heard; what goes on shares nothing; whoever yields
    /// shares a coin with one that goes on and ranks before it.
    #[test]
    fn everybody_prefers_the_same(
        raw in prop::collection::vec((prop::collection::vec(0u8..6, 1..4), 0usize..3, 1u64..40, 1u64..9), 1..9),
        seed in any::<u64>(),
    ) {
        let all: Vec<Candidate> =
            (1u8..).zip(raw).map(|(id, (inputs, payments, fee, weight))| candidate((id, inputs, payments, fee, weight))).collect();
        let by_id = |all: &[Candidate]| -> BTreeMap<Txid, Option<Txid>> {
            all.iter().map(|c| c.txid).zip(queue(all)).collect()
        };
        let found = by_id(&all);
        let mut other = all.clone();
        other.rotate_left((seed % all.len() as u64) as usize);
        other.reverse();
        prop_assert_eq!(&by_id(&other), &found);
        let going: Vec<&Candidate> = all.iter().filter(|c| found[&c.txid].is_none()).collect();
        for (i, a) in going.iter().enumerate() {
            prop_assert!(going[i + 1..].iter().all(|b| !shares(a, b)));
        }
        for c in &all {
            let rivals: Vec<&&Candidate> = going.iter().filter(|g| shares(g, c) && rank(g) < rank(c)).collect();
            match found[&c.txid] {
                Some(to) => prop_assert!(rivals.iter().any(|g| g.txid == to)),
                None => prop_assert!(rivals.is_empty()),
            }
        }
    }
}

#[test]
fn a_replacement_stands_before_what_it_replaces_and_housekeeping_last() {
    let slow = candidate((1, vec![1, 2], 1, 200, 400));
    let fast = candidate((2, vec![1, 2], 1, 900, 400));
    let tidy = candidate((3, vec![2, 3], 0, 9_000, 400));
    let apart = candidate((4, vec![9], 0, 1, 400));
    let found = queue(&[slow.clone(), fast.clone(), tidy.clone(), apart]);
    assert_eq!(found, [Some(fast.txid), None, Some(fast.txid), None]);
    // What yields holds nothing: a third that shares a coin with it alone goes on.
    let third = candidate((5, vec![3], 0, 1, 400));
    assert_eq!(queue(&[fast, tidy, third])[2], None);
}

/// T-14: outpoint, empty script and sequence of an input stand in the unsigned transaction, so that each adds its witness alone, and one
/// byte for the number of its elements is where witnesses are: two weight units frame the whole.
#[test]
fn the_worst_weight_counts_every_part_once() {
    for treasury in [wsh(), tr()] {
        let chest = Chest::new(treasury.clone());
        let psbt = chest.psbt();
        let parts = psbt.inputs.len() as u64 * (treasury.size().unwrap().input.to_wu() - 4 * 41);
        let whole = worst_weight(&psbt, &chest.generations).unwrap();
        assert_eq!(whole.to_wu(), psbt.unsigned_tx.weight().to_wu() + 2 + parts);
    }
}

/// T-14: no finished transaction is heavier, and none is lighter by more than what signatures vary.
#[test]
fn the_worst_weight_bounds_the_finished_one() {
    for (treasury, signers) in [(wsh(), vec![1, 2]), (tr(), vec![1, 2, 3])] {
        let chest = Chest::new(treasury);
        let payments = [(chest.intent.clone(), chest.gate.clone())];
        let plan = SpendPlan { fee_rate: FeeRate::from_sat_per_vb_u32(5), ..chest.plan(&payments) };
        let psbt = plan.build().unwrap();
        let worst = worst_weight(&psbt, &chest.generations).unwrap();
        let real = finalise(&sign(&psbt, &signers), &chest.generations).unwrap().weight();
        let inputs = psbt.inputs.len() as u64;
        assert!(real <= worst && worst.to_wu() - real.to_wu() <= 8 * inputs, "{real} {worst}");
        let mut hidden = psbt.clone();
        hidden.inputs[0].witness_utxo = None;
        hidden.inputs[0].non_witness_utxo = None;
        assert_eq!(worst_weight(&hidden, &chest.generations), None);
    }
}
