//! Hazard: a builder of sum trees who shifts weight, hides a leaf or invents one.

use althing_governance::hash::{tag, tagged_hash};
use althing_governance::tree::{SumError, SumLeaf, SumProof, SumTree, TreePurpose};
use althing_governance::{Canonical as _, tree::SumAbsence};
use proptest::prelude::*;

const ROLL: TreePurpose = TreePurpose::Roll;

fn leaf(key: u8, sum: u128) -> SumLeaf {
    SumLeaf { key: [key; 32], value: vec![key], sums: vec![sum] }
}

fn tree(n: u8) -> SumTree {
    SumTree::build(ROLL, (0..n).map(|i| leaf(2 * i + 1, u128::from(i) + 1)).collect()).unwrap()
}

/// Written from the clauses, without the library's tree code: recursive, top down.
fn oracle(leaves: &[SumLeaf]) -> ([u8; 32], u128) {
    if let [leaf] = leaves {
        let sum = leaf.sums[0];
        let bytes = [
            leaf.key.to_vec(),
            (leaf.value.len() as u32).to_be_bytes().to_vec(),
            leaf.value.clone(),
            1u32.to_be_bytes().to_vec(),
            sum.to_be_bytes().to_vec(),
        ]
        .concat();
        return (tagged_hash("althing/sum-leaf/v1", &[&bytes]), sum);
    }
    let k = leaves.len().next_power_of_two() / 2;
    let ((left, left_sum), (right, right_sum)) = (oracle(&leaves[..k]), oracle(&leaves[k..]));
    let node = |hash: [u8; 32], sum: u128| [hash.to_vec(), vec![0, 0, 0, 1], sum.to_be_bytes().to_vec()].concat();
    let bytes = [node(left, left_sum), node(right, right_sum)].concat();
    (tagged_hash("althing/sum-node/v1", &[&bytes]), left_sum + right_sum)
}

#[test]
fn agrees_with_the_definition() {
    for n in 1..=33 {
        let tree = tree(n);
        let (hash, sum) = oracle(tree.leaves());
        assert_eq!((tree.root().hash, tree.root().sums), (hash, vec![sum]), "{n} leaves");
    }
}

#[test]
fn every_leaf_and_every_gap_up_to_thirty_three_leaves() {
    for n in 0..=33u8 {
        let tree = tree(n);
        let commitment = tree.commitment();
        for i in 0..n {
            let key = [2 * i + 1; 32];
            let proof = tree.prove(&key).unwrap();
            assert_eq!(proof.verify(ROLL, &key, &commitment).unwrap(), tree.root());
            assert_eq!(SumProof::from_bytes(&proof.to_bytes()).unwrap(), proof);
            assert!(tree.prove_absence(&key).is_none());
        }
        for i in 0..=n {
            let key = [2 * i; 32];
            let absence = tree.prove_absence(&key).unwrap();
            absence.verify(ROLL, &key, &commitment).unwrap();
            assert_eq!(SumAbsence::from_bytes(&absence.to_bytes()).unwrap(), absence);
            if n > 0 {
                // Says nothing of another gap.
                let other = [2 * ((i + 1) % (n + 1)); 32];
                assert!(absence.verify(ROLL, &other, &commitment).is_err(), "{n} leaves, gap {i}");
            }
        }
    }
}

#[test]
fn weight_cannot_be_shifted_between_siblings() {
    // The attack on trees whose node binds only the total: hash(L || R || sumL + sumR). Moving one unit from the right
    // child to the left keeps the total, and such a tree cannot tell.
    let honest = tree(4);
    let key = [1; 32];
    let mut forged = honest.prove(&key).unwrap();
    forged.leaf.sums[0] += 1;
    forged.siblings[0].sums[0] -= 1;
    assert_eq!(forged.root(ROLL).unwrap().sums, honest.root().sums, "the total is the same");
    assert!(matches!(forged.verify(ROLL, &key, &honest.commitment()), Err(SumError::OtherRoot { .. })));
}

#[test]
fn a_node_cannot_pass_for_a_leaf() {
    let honest = tree(4);
    // A "leaf" whose bytes would be those of the left inner node, had leaf and node the same tag.
    let inner = honest.prove(&[5; 32]).unwrap().siblings[1].clone();
    let forged = SumProof {
        leaf: SumLeaf { key: inner.hash, value: Vec::new(), sums: inner.sums },
        index: 0,
        count: 2,
        siblings: vec![honest.prove(&[1; 32]).unwrap().siblings[1].clone()],
    };
    assert!(forged.verify(ROLL, &forged.leaf.key, &honest.commitment()).is_err());
}

#[test]
fn a_path_fits_one_index_and_one_count() {
    let honest = tree(7);
    for i in 0..7u8 {
        let key = [2 * i + 1; 32];
        let proof = honest.prove(&key).unwrap();
        for index in 0..9 {
            for count in 0..9 {
                let forged = SumProof { index, count, ..proof.clone() };
                let accepted = forged.verify(ROLL, &key, &honest.commitment()).is_ok();
                assert_eq!(accepted, index == u64::from(i) && count == 7, "leaf {i} as {index} of {count}");
            }
        }
    }
}

#[test]
fn a_leaf_cannot_be_hidden_by_neighbours_further_apart() {
    let honest = tree(5);
    let hidden = [5; 32];
    let forged = SumAbsence { below: honest.prove(&[3; 32]), above: honest.prove(&[7; 32]) };
    assert!(matches!(forged.verify(ROLL, &hidden, &honest.commitment()), Err(SumError::NotAbsent { .. })));
    for edge in [
        SumAbsence { below: honest.prove(&[3; 32]), above: None },
        SumAbsence { below: None, above: honest.prove(&[7; 32]) },
        SumAbsence { below: None, above: None },
    ] {
        assert!(matches!(edge.verify(ROLL, &hidden, &honest.commitment()), Err(SumError::NotAbsent { .. })));
    }
}

#[test]
fn every_false_absence_up_to_nine_leaves() {
    // All pairs of honest neighbours (or none), for all keys: accepted only for the gap between two that stand side by side.
    for n in 0..=9u8 {
        let tree = tree(n);
        let ends = || (0..n).map(|i| tree.prove(&[2 * i + 1; 32])).chain([None]);
        for (below, above) in ends().flat_map(|below| ends().map(move |above| (below.clone(), above))) {
            let absence = SumAbsence { below, above };
            for key in 0..=2 * n {
                let accepted = absence.verify(ROLL, &[key; 32], &tree.commitment()).is_ok();
                assert_eq!(
                    accepted,
                    tree.prove_absence(&[key; 32]).as_ref() == Some(&absence),
                    "{n} leaves, key {key}"
                );
            }
        }
    }
}

#[test]
fn trees_of_other_purposes_have_other_commitments() {
    let leaves = vec![leaf(1, 5)];
    let roll = SumTree::build(ROLL, leaves.clone()).unwrap();
    let decisions = SumTree::build(TreePurpose::Decisions, leaves).unwrap();
    assert_eq!(roll.root(), decisions.root());
    assert_ne!(roll.commitment(), decisions.commitment());
    assert!(roll.prove(&[1; 32]).unwrap().verify(TreePurpose::Decisions, &[1; 32], &roll.commitment()).is_err());
}

#[test]
fn bad_leaves_make_no_tree() {
    assert_eq!(SumTree::build(ROLL, vec![leaf(1, 1), leaf(1, 2)]), Err(SumError::DuplicateKey([1; 32])));
    assert_eq!(SumTree::build(ROLL, vec![leaf(1, u128::MAX), leaf(2, 1)]), Err(SumError::Overflow));
    let two_sums = SumLeaf { sums: vec![1, 2], ..leaf(1, 1) };
    assert_eq!(SumTree::build(ROLL, vec![two_sums]), Err(SumError::SumCount { expected: 1, found: 2 }));
}

#[test]
fn an_overflowing_proof_is_refused() {
    let mut proof = tree(2).prove(&[1; 32]).unwrap();
    proof.siblings[0].sums[0] = u128::MAX;
    assert_eq!(proof.root(ROLL), Err(SumError::Overflow));
}

#[test]
fn node_binds_both_children() {
    // G-71 as written: the node's bytes are hL || sumsL || hR || sumsR.
    let t = tree(2);
    let l = tagged_hash(tag::SUM_LEAF, &[&t.leaves()[0].to_bytes()]);
    let r = tagged_hash(tag::SUM_LEAF, &[&t.leaves()[1].to_bytes()]);
    let one = [vec![0, 0, 0, 1], 1u128.to_be_bytes().to_vec()].concat();
    let two = [vec![0, 0, 0, 1], 2u128.to_be_bytes().to_vec()].concat();
    assert_eq!(t.root().hash, tagged_hash(tag::SUM_NODE, &[&l, &one, &r, &two]));
}

proptest! {
    #[test]
    fn any_change_to_a_proof_is_refused(n in 2u8..20, which in any::<u8>(), at in any::<usize>(), flip in 1u8..) {
        let honest = tree(n);
        let key = [2 * (which % n) + 1; 32];
        let mut bytes = honest.prove(&key).unwrap().to_bytes();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(forged) = SumProof::from_bytes(&bytes) {
            prop_assert!(forged.verify(ROLL, &key, &honest.commitment()).is_err());
        }
    }

    #[test]
    fn order_of_leaves_does_not_matter(keys in proptest::collection::btree_set(any::<u8>(), 0..30)) {
        let forward: Vec<SumLeaf> = keys.iter().map(|k| leaf(*k, u128::from(*k))).collect();
        let mut backward = forward.clone();
        backward.reverse();
        prop_assert_eq!(SumTree::build(ROLL, forward), SumTree::build(ROLL, backward));
    }
}
