//! Hazard: a tree built in parts, or with leaves replaced, that is not the tree built in one.

use althing_governance::tree::{SumError, SumFragment, SumLeaf, SumOverlay, SumTree, TreePurpose};
use proptest::prelude::*;

const ROLL: TreePurpose = TreePurpose::Roll;

fn leaf(n: u16, sum: u128) -> SumLeaf {
    let mut key = [0; 32];
    key[..2].copy_from_slice(&n.to_be_bytes());
    SumLeaf { key, value: n.to_be_bytes().to_vec(), sums: vec![sum] }
}

fn leaves(count: u16) -> Vec<SumLeaf> {
    (0..count).map(|n| leaf(n, u128::from(n) + 1)).collect()
}

fn whole(leaves: &[SumLeaf]) -> SumTree {
    SumTree::build(ROLL, leaves.to_vec()).unwrap()
}

fn part(all: &[SumLeaf], range: std::ops::Range<usize>) -> SumFragment {
    SumFragment::hash(ROLL, range.start, all[range].to_vec()).unwrap()
}

#[test]
fn every_cut_in_two_and_three_up_to_twenty_leaves() {
    for count in 0..=20u16 {
        let all = leaves(count);
        let expected = whole(&all);
        let n = all.len();
        assert_eq!(part(&all, 0..n).finish().unwrap(), expected, "{count} leaves in one");
        for a in 0..=n {
            for b in a..=n {
                let parts = || (part(&all, 0..a), part(&all, a..b), part(&all, b..n));
                let (left, middle, right) = parts();
                let from_left = left.join(middle).unwrap().join(right).unwrap();
                let (left, middle, right) = parts();
                let from_right = left.join(middle.join(right).unwrap()).unwrap();
                assert_eq!(from_left, from_right, "{count} leaves cut at {a} and {b}");
                assert_eq!(from_left.finish().unwrap(), expected, "{count} leaves cut at {a} and {b}");
            }
        }
    }
}

#[test]
fn parts_that_do_not_fit() {
    let all = leaves(8);
    let gap = SumError::Gap { expected: 3, found: 4 };
    assert_eq!(part(&all, 0..3).join(part(&all, 4..8)), Err(gap));
    assert_eq!(part(&all, 2..8).finish(), Err(SumError::Gap { expected: 0, found: 2 }));
    let again = SumFragment::hash(ROLL, 3, vec![leaf(2, 1)]).unwrap();
    assert_eq!(part(&all, 0..3).join(again), Err(SumError::DuplicateKey(leaf(2, 1).key)));
    let lower = SumFragment::hash(ROLL, 3, vec![leaf(1, 1)]).unwrap();
    assert_eq!(part(&all, 0..3).join(lower), Err(SumError::Order(leaf(1, 1).key)));
    assert_eq!(SumFragment::hash(ROLL, 0, vec![leaf(1, 1), leaf(0, 1)]), Err(SumError::Order(leaf(0, 1).key)));
    assert_eq!(SumFragment::hash(ROLL, 0, vec![leaf(1, 1), leaf(1, 1)]), Err(SumError::DuplicateKey(leaf(1, 1).key)));
    // Cut so that the node whose sum is too large lies across the cut, or at the right edge.
    let large = [leaf(0, 1), leaf(1, u128::MAX), leaf(2, 1)];
    assert_eq!(part(&large, 0..1).join(part(&large, 1..3)), Err(SumError::Overflow));
    let edge = [leaf(0, 1), leaf(1, 1), leaf(2, u128::MAX)];
    assert_eq!(part(&edge, 0..3).finish(), Err(SumError::Overflow));
}

#[test]
fn an_overlay_that_fails_changes_nothing() {
    let base = whole(&leaves(5));
    let mut overlay = SumOverlay::from(base.clone());
    overlay.replace([leaf(1, 40)]).unwrap();
    let before = overlay.commitment();
    assert_eq!(overlay.replace([leaf(2, 7), leaf(9, 1)]), Err(SumError::UnknownKey(leaf(9, 1).key)));
    assert_eq!(overlay.replace([leaf(2, 7), leaf(3, u128::MAX)]), Err(SumError::Overflow));
    let two_sums = SumLeaf { sums: vec![1, 2], ..leaf(3, 1) };
    assert!(matches!(overlay.replace([leaf(2, 7), two_sums]), Err(SumError::SumCount { .. })));
    assert_eq!(overlay.commitment(), before);
    assert_eq!(overlay.leaf(&leaf(2, 0).key), base.leaf(&leaf(2, 0).key));
}

#[test]
fn an_overlay_on_nothing() {
    let base = whole(&[]);
    let mut overlay = SumOverlay::from(base.clone());
    overlay.replace([]).unwrap();
    assert_eq!(overlay.root(), base.root());
    assert!(overlay.prove(&[1; 32]).is_none());
    assert!(overlay.replace([leaf(1, 1)]).is_err());
}

proptest! {
    #[test]
    fn an_overlay_is_the_tree_with_those_leaves(
        count in 1..70u16, first in proptest::collection::btree_map(0..70u16, any::<u64>(), 0..20),
        second in proptest::collection::btree_map(0..70u16, any::<u64>(), 0..20),
    ) {
        let mut all = leaves(count);
        let base = whole(&all);
        let mut overlay = SumOverlay::from(base.clone());
        for changes in [first, second] {
            let changes: Vec<SumLeaf> =
                changes.into_iter().filter(|(n, _)| *n < count).map(|(n, sum)| leaf(n, u128::from(sum))).collect();
            overlay.replace(changes.clone()).unwrap();
            for change in changes {
                let at = all.iter().position(|leaf| leaf.key == change.key).unwrap();
                all[at] = change;
            }
            let expected = whole(&all);
            prop_assert_eq!(overlay.root(), expected.root());
            prop_assert_eq!(overlay.commitment(), expected.commitment());
            for leaf in &all {
                prop_assert_eq!(overlay.prove(&leaf.key), expected.prove(&leaf.key));
            }
        }
        prop_assert_eq!(base, whole(&leaves(count)));
    }
}
