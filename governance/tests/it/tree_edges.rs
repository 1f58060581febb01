//! Hazard: a tree that is right in the middle and wrong at an edge: the first and last leaf, sizes around powers of two, limits
//! that are just kept or just broken. Each refusal by its own reason.

use std::sync::Arc;

use althing_governance::TreeHash;
use althing_governance::tree::{
    HistoryTree, InclusionError, SumError, SumFragment, SumLeaf, SumOverlay, SumRoot, SumTree, TreePurpose, leaf_hash,
    verify_consistency, verify_inclusion,
};

const PURPOSE: TreePurpose = TreePurpose::Roll;
/// The limits of G-71.
const MAX_SUMS: usize = 261;
const MAX_VALUE: usize = 4096;

fn history(size: u64) -> HistoryTree {
    let mut tree = HistoryTree::new();
    (0..size).for_each(|n| assert_eq!(tree.push(&n.to_be_bytes()), n));
    tree
}

/// The root by the definition of RFC 9162, 2.1.1, written anew.
fn defined_root(leaves: &[TreeHash]) -> TreeHash {
    use bitcoin::hashes::{Hash as _, sha256};
    match leaves {
        [] => TreeHash(sha256::Hash::hash(b"").to_byte_array()),
        [one] => *one,
        many => {
            let mut cut = 1;
            while cut * 2 < many.len() {
                cut *= 2;
            }
            let (left, right) = (defined_root(&many[..cut]), defined_root(&many[cut..]));
            let bytes = [&[1][..], &left.0, &right.0].concat();
            TreeHash(sha256::Hash::hash(&bytes).to_byte_array())
        }
    }
}

#[test]
fn every_inclusion_proof_of_small_logs_holds_and_none_other() {
    for size in 0..20 {
        let tree = history(size);
        let leaves: Vec<TreeHash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let root = defined_root(&leaves);
        assert_eq!((tree.root(), tree.size()), (root, size));
        assert_eq!(HistoryTree::from_leaf_hashes(leaves.clone()), tree);
        assert_eq!((tree.leaf(size), tree.root_at(size + 1)), (None, None));
        assert_eq!(tree.inclusion_proof(size, size), None);
        assert_eq!(tree.inclusion_proof(0, size + 1), None);
        for (position, leaf) in (0..).zip(&leaves) {
            assert_eq!(tree.leaf(position), Some(*leaf));
            let path = tree.inclusion_proof(position, size).unwrap();
            let check = |position, size, path: &[TreeHash]| verify_inclusion(*leaf, position, size, path, root);
            assert_eq!(check(position, size, &path), Ok(()));
            let out = InclusionError::OutOfRange { position: size, size };
            assert_eq!(check(size, size, &path), Err(out));
            let longer = [&path[..], &[root]].concat();
            let length = |found| InclusionError::PathLength { position, size, found };
            assert_eq!(check(position, size, &longer), Err(length(path.len() + 1)));
            if let Some((_, shorter)) = path.split_last() {
                assert_eq!(check(position, size, shorter), Err(length(path.len() - 1)));
            }
            for index in 0..path.len() {
                let mut other = path.clone();
                other[index].0[31] ^= 1;
                let refused = check(position, size, &other);
                assert!(matches!(refused, Err(InclusionError::OtherRoot { expected, .. }) if expected == root));
            }
            for other in (0..size).filter(|other| *other != position) {
                assert!(check(other, size, &path).is_err(), "{position} passes for {other} of {size}");
            }
        }
    }
}

#[test]
fn every_consistency_proof_of_small_logs_holds_and_none_other() {
    let tree = history(20);
    let root = |size| tree.root_at(size).unwrap();
    assert_eq!(tree.consistency_proof(3, 21), None);
    assert_eq!(tree.consistency_proof(4, 3), None);
    assert_eq!(root(0), defined_root(&[]));
    for new in 0..=20 {
        for old in 0..=new {
            let path = tree.consistency_proof(old, new).unwrap();
            let check = |path: &[TreeHash]| verify_consistency(old, root(old), new, root(new), path);
            assert_eq!(check(&path), Ok(()), "{old} {new}");
            assert_eq!(path.is_empty(), old == new || old == 0, "{old} {new}");
            let length = |found| InclusionError::PathLength { position: old, size: new, found };
            let longer = [&path[..], &[root(new)]].concat();
            assert_eq!(check(&longer), Err(length(path.len() + 1)), "{old} {new}");
            if let Some((_, shorter)) = path.split_last() {
                assert_eq!(check(shorter), Err(length(path.len() - 1)), "{old} {new}");
            }
            let wrong = TreeHash([9; 32]);
            let refused = verify_consistency(old, wrong, new, root(new), &path);
            assert!(matches!(refused, Err(InclusionError::OtherRoot { .. })), "{old} {new}: {refused:?}");
            if old > 0 {
                let refused = verify_consistency(old, root(old), new, wrong, &path);
                assert!(matches!(refused, Err(InclusionError::OtherRoot { .. })), "{old} {new}: {refused:?}");
            }
            for index in 0..path.len() {
                let mut other = path.clone();
                other[index].0[0] ^= 1;
                assert!(matches!(check(&other), Err(InclusionError::OtherRoot { .. })), "{old} {new} {index}");
            }
        }
        let (older, refused) = (new + 1, verify_consistency(new + 1, root(new), new, root(new), &[]));
        assert_eq!(refused, Err(InclusionError::OutOfRange { position: older, size: new }));
    }
}

fn key(number: u8) -> [u8; 32] {
    [number; 32]
}

fn leaf(number: u8) -> SumLeaf {
    SumLeaf { key: key(number), value: vec![number], sums: vec![u128::from(number)] }
}

/// Leaves 10, 20, ... so that keys between them are absent.
fn leaves(count: u8) -> Vec<SumLeaf> {
    (1..=count).map(|n| leaf(10 * n)).collect()
}

#[test]
fn presence_and_absence_of_every_key_in_small_trees() {
    for count in 0..10 {
        let tree = SumTree::build(PURPOSE, leaves(count)).unwrap();
        let commitment = tree.commitment();
        assert_eq!(commitment, tree.root().commitment(PURPOSE));
        assert_eq!(tree.root().count, u64::from(count));
        assert_eq!(tree.root().sums, [(1..=u128::from(count)).map(|n| 10 * n).sum::<u128>()]);
        for number in 0..=110 {
            let wanted = key(number);
            let is_there = number > 0 && number % 10 == 0 && number / 10 <= count;
            assert_eq!(tree.leaf(&wanted).is_some(), is_there);
            assert_eq!(tree.prove(&wanted).is_some(), is_there);
            assert_eq!(tree.prove_absence(&wanted).is_none(), is_there);
            if let Some(proof) = tree.prove(&wanted) {
                assert_eq!(proof.verify(PURPOSE, &wanted, &commitment).unwrap(), tree.root());
                let other = SumError::OtherKey { expected: key(1), found: wanted };
                assert_eq!(proof.verify(PURPOSE, &key(1), &commitment), Err(other));
                let refused = proof.verify(PURPOSE, &wanted, &key(1));
                assert_eq!(refused, Err(SumError::OtherRoot { expected: key(1), found: commitment }));
                let refused = proof.verify(TreePurpose::Decisions, &wanted, &commitment);
                assert!(matches!(refused, Err(SumError::OtherRoot { .. })));
            }
            if let Some(absence) = tree.prove_absence(&wanted) {
                assert_eq!(absence.verify(PURPOSE, &wanted, &commitment), Ok(()));
                assert_eq!(
                    (absence.below.is_some(), absence.above.is_some()),
                    ((1..=count).any(|n| 10 * n < number), (1..=count).any(|n| 10 * n > number),)
                );
            }
        }
    }
}

#[test]
fn neighbours_that_enclose_nothing_name_what_is_missing() {
    let tree = SumTree::build(PURPOSE, leaves(4)).unwrap();
    let commitment = tree.commitment();
    let proof = |number: u8| Some(tree.prove(&key(number)).unwrap());
    let absent = |below, above, number: u8| {
        let absence = althing_governance::tree::SumAbsence { below, above };
        match absence.verify(PURPOSE, &key(number), &commitment) {
            Err(SumError::NotAbsent { key: found, why }) if found == key(number) => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(absent(proof(20), proof(30), 20), "the lower neighbour is not lower");
    assert_eq!(absent(proof(20), proof(30), 15), "the lower neighbour is not lower");
    assert_eq!(absent(proof(20), proof(30), 30), "the upper neighbour is not greater");
    assert_eq!(absent(proof(20), proof(30), 35), "the upper neighbour is not greater");
    assert_eq!(absent(None, None, 20), "the tree is not empty");
    assert_eq!(absent(proof(20), None, 25), "the lower neighbour is not the last leaf");
    assert_eq!(absent(None, proof(30), 25), "the upper neighbour is not the first leaf");
    assert_eq!(absent(proof(10), proof(30), 20), "the neighbours are not side by side");
    // A neighbour that is proven elsewhere is none.
    let other = SumTree::build(PURPOSE, leaves(5)).unwrap();
    for absence in [
        althing_governance::tree::SumAbsence { below: other.prove(&key(20)), above: proof(30) },
        althing_governance::tree::SumAbsence { below: proof(20), above: other.prove(&key(30)) },
    ] {
        let refused = absence.verify(PURPOSE, &key(25), &commitment);
        assert!(matches!(refused, Err(SumError::OtherRoot { .. })), "{refused:?}");
    }
}

#[test]
fn proofs_of_another_shape_are_refused_by_their_shape() {
    for count in 1..10u8 {
        let tree = SumTree::build(PURPOSE, leaves(count)).unwrap();
        for number in 1..=count {
            let proof = tree.prove(&key(10 * number)).unwrap();
            let (index, siblings) = (proof.index, proof.siblings.len());
            let shape = |index, found| SumError::Shape { index, count: u64::from(count), found };
            let mut longer = proof.clone();
            longer.siblings.push(longer.siblings.first().cloned().unwrap_or_else(|| {
                SumTree::build(PURPOSE, leaves(2)).unwrap().prove(&key(10)).unwrap().siblings[0].clone()
            }));
            assert_eq!(longer.root(PURPOSE), Err(shape(index, siblings + 1)), "{number} of {count}");
            if siblings > 0 {
                let mut shorter = proof.clone();
                shorter.siblings.pop();
                assert_eq!(shorter.root(PURPOSE), Err(shape(index, siblings - 1)), "{number} of {count}");
            }
            let mut outside = proof.clone();
            outside.index = u64::from(count);
            assert_eq!(outside.root(PURPOSE), Err(shape(u64::from(count), siblings)), "{number} of {count}");
            let mut more = proof.clone();
            more.leaf.sums.push(0);
            assert_eq!(more.root(PURPOSE), Err(SumError::SumCount { expected: 1, found: 2 }));
            if let Some(sibling) = more.siblings.first_mut() {
                more.leaf.sums.pop();
                sibling.sums.clear();
                assert_eq!(more.root(PURPOSE), Err(SumError::SumCount { expected: 1, found: 0 }));
            }
        }
    }
}

#[test]
fn limits_that_are_just_kept_and_just_broken() {
    let with = |value: usize, sums: Vec<u128>| SumLeaf { key: key(1), value: vec![0; value], sums };
    let build = |purpose, leaf: SumLeaf| SumTree::build(purpose, vec![leaf]).map(|tree| tree.root().sums);
    assert_eq!(build(PURPOSE, with(MAX_VALUE, vec![1])), Ok(vec![1]));
    assert_eq!(build(PURPOSE, with(MAX_VALUE + 1, vec![1])), Err(SumError::ValueLength(MAX_VALUE + 1)));
    let most = TreePurpose::Ballots { sums: MAX_SUMS };
    assert_eq!(build(most, with(0, vec![3; MAX_SUMS])), Ok(vec![3; MAX_SUMS]));
    let fewer = SumError::SumCount { expected: MAX_SUMS, found: MAX_SUMS - 1 };
    assert_eq!(build(most, with(0, vec![3; MAX_SUMS - 1])), Err(fewer));
    for purpose in [TreePurpose::BallotRoots, TreePurpose::Rolls] {
        assert_eq!(build(purpose, with(0, vec![])), Ok(vec![]));
        assert_eq!(build(purpose, with(0, vec![1])), Err(SumError::SumCount { expected: 0, found: 1 }));
    }
    let full = |number: u8, sum: u128| SumLeaf { sums: vec![sum], ..leaf(number) };
    let sums = |a, b| SumTree::build(PURPOSE, vec![full(1, a), full(2, b)]).map(|tree| tree.root().sums);
    assert_eq!(sums(u128::MAX - 7, 7), Ok(vec![u128::MAX]));
    assert_eq!(sums(u128::MAX - 6, 7), Err(SumError::Overflow));
    assert_eq!(SumTree::build(PURPOSE, vec![leaf(2), leaf(1), leaf(2)]), Err(SumError::DuplicateKey(key(2))));
    let empty = SumTree::build(most, Vec::new()).unwrap().root();
    assert_eq!(empty, SumRoot { count: 0, hash: [0; 32], sums: vec![0; MAX_SUMS] });
    assert_eq!(empty, SumRoot::empty(most));
    let names = [most, TreePurpose::BallotRoots, PURPOSE, TreePurpose::Rolls, TreePurpose::Decisions];
    assert_eq!(names.map(TreePurpose::name), ["ballots", "ballot-roots", "roll", "rolls", "decisions"]);
    assert_eq!(names.map(TreePurpose::sum_count), [MAX_SUMS, 0, 1, 0, 1]);
}

#[test]
fn fragments_say_where_they_are_and_what_does_not_fit() {
    let all = leaves(9);
    let part = |a: usize, b: usize| SumFragment::hash(PURPOSE, a, all[a..b].to_vec()).unwrap();
    let (left, right) = (part(2, 5), part(5, 9));
    assert_eq!((left.start(), left.end(), right.start(), right.end()), (2, 5, 5, 9));
    assert_eq!(left.clone().join(part(6, 9)), Err(SumError::Gap { expected: 5, found: 6 }));
    assert_eq!(left.clone().join(part(4, 9)), Err(SumError::Gap { expected: 5, found: 4 }));
    assert_eq!(left.clone().finish(), Err(SumError::Gap { expected: 0, found: 2 }));
    // Keys that fall or come again, within a part and across.
    let at = |start: usize, keys: &[u8]| SumFragment::hash(PURPOSE, start, keys.iter().map(|k| leaf(*k)).collect());
    assert_eq!(at(0, &[1, 3, 2]), Err(SumError::Order(key(2))));
    assert_eq!(at(0, &[1, 3, 3]), Err(SumError::DuplicateKey(key(3))));
    let first = at(0, &[1, 3]).unwrap();
    assert_eq!(first.clone().join(at(2, &[2]).unwrap()), Err(SumError::Order(key(2))));
    assert_eq!(first.clone().join(at(2, &[3]).unwrap()), Err(SumError::DuplicateKey(key(3))));
    assert!(first.join(at(2, &[4]).unwrap()).is_ok());
    // Empty parts change nothing.
    let empty = at(2, &[]).unwrap();
    assert_eq!((empty.start(), empty.end()), (2, 2));
    assert_eq!(empty.clone().join(left.clone()).unwrap(), left);
    assert_eq!(left.clone().join(at(5, &[]).unwrap()).unwrap(), left);
    for count in 0..=9usize {
        let whole = SumTree::build(PURPOSE, all[..count].to_vec()).unwrap();
        for a in 0..=count {
            assert_eq!(part(0, a).join(part(a, count)).unwrap().finish().unwrap(), whole, "{a} of {count}");
            for b in a..=count {
                let parts = part(0, a).join(part(a, b).join(part(b, count)).unwrap()).unwrap();
                assert_eq!(parts.finish().unwrap(), whole, "{a} and {b} of {count}");
            }
        }
    }
}

#[test]
fn a_fragment_whose_sums_do_not_fit_fails_wherever_they_meet() {
    let full = |number: u8| SumLeaf { sums: vec![u128::MAX], ..leaf(number) };
    let one = |at: usize, number: u8| SumFragment::hash(PURPOSE, at, vec![full(number)]).unwrap();
    assert_eq!(SumFragment::hash(PURPOSE, 0, vec![full(1), full(2)]), Err(SumError::Overflow));
    assert_eq!(one(0, 1).join(one(1, 2)), Err(SumError::Overflow));
    // Not complete as a pair, so that only the whole can tell.
    let three = SumFragment::hash(PURPOSE, 0, vec![leaf(1), leaf(2)]).unwrap().join(one(2, 3)).unwrap();
    assert_eq!(three.finish(), Err(SumError::Overflow));
    let wrong = SumLeaf { sums: vec![], ..leaf(1) };
    assert_eq!(SumFragment::hash(PURPOSE, 0, vec![wrong]), Err(SumError::SumCount { expected: 1, found: 0 }));
}

#[test]
fn an_overlay_is_the_tree_with_other_leaves() {
    let changed = |number: u8| SumLeaf { value: vec![7; 3], sums: vec![1000 + u128::from(number)], ..leaf(number) };
    for count in 1..=9u8 {
        let base = Arc::new(SumTree::build(PURPOSE, leaves(count)).unwrap());
        for chosen in 0..1u32 << count {
            let is_chosen = |n: u8| chosen >> (n - 1) & 1 == 1;
            let replaced: Vec<SumLeaf> = (1..=count).filter(|n| is_chosen(*n)).map(|n| changed(10 * n)).collect();
            let mut all = leaves(count);
            all.iter_mut().for_each(|leaf| {
                if let Some(other) = replaced.iter().find(|other| other.key == leaf.key) {
                    *leaf = other.clone();
                }
            });
            let expected = SumTree::build(PURPOSE, all).unwrap();
            let mut overlay = SumOverlay::new(Arc::clone(&base));
            // In two steps, the second over nodes of the first.
            let (first, second) = replaced.split_at(replaced.len() / 2);
            overlay.replace(first.to_vec()).unwrap();
            overlay.replace(second.to_vec()).unwrap();
            assert_eq!((overlay.root(), overlay.commitment()), (expected.root(), expected.commitment()));
            for number in 0..=100 {
                assert_eq!(overlay.leaf(&key(number)), expected.leaf(&key(number)), "{number}");
                assert_eq!(overlay.prove(&key(number)), expected.prove(&key(number)), "{number}");
            }
            assert!(overlay.leaves().eq(expected.leaves()));
            let (same, other) = (SumOverlay::from(expected.clone()), SumOverlay::new(Arc::clone(&base)));
            assert_eq!((overlay == same, overlay == other), (true, replaced.is_empty()));
            let unknown = overlay.replace(vec![changed(10), leaf(5)]);
            assert_eq!(unknown, Err(SumError::UnknownKey(key(5))));
            assert_eq!(overlay.root(), expected.root(), "a refused replacement left something");
        }
    }
}

/// Two are not the same for having the same nodes, or the same as far as one of them goes.
#[test]
fn overlays_of_another_purpose_or_size_are_others() {
    let of = |purpose, count| SumOverlay::from(SumTree::build(purpose, leaves(count)).unwrap());
    for count in 0..=5u8 {
        assert_eq!(of(PURPOSE, count), of(PURPOSE, count));
        assert_ne!(of(PURPOSE, count), of(TreePurpose::Decisions, count), "{count} leaves");
        for other in (0..=5).filter(|other| *other != count) {
            assert_ne!(of(PURPOSE, count), of(PURPOSE, other), "{count} leaves and {other}");
        }
    }
}

#[test]
fn a_refusal_names_the_key_in_full() {
    let (one, other) = ("01".repeat(32), "02".repeat(32));
    for (error, keys) in [
        (SumError::DuplicateKey(key(1)), vec![&one]),
        (SumError::Order(key(2)), vec![&other]),
        (SumError::UnknownKey(key(1)), vec![&one]),
        (SumError::OtherKey { expected: key(1), found: key(2) }, vec![&one, &other]),
        (SumError::OtherRoot { expected: key(2), found: key(1) }, vec![&one, &other]),
        (SumError::NotAbsent { key: key(2), why: "it is there" }, vec![&other]),
    ] {
        let message = error.to_string();
        assert!(keys.iter().all(|key| message.contains(key.as_str())), "{message}");
    }
}
