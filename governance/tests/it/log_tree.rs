//! Hazard: a log tree that is not RFC 9162's, or proofs that prove too much.

use althing_governance::TreeHash;
use althing_governance::tree::{HistoryTree, leaf_hash, verify_consistency, verify_inclusion};
use bitcoin::hashes::{Hash as _, sha256};
use proptest::prelude::*;

/// The definition of RFC 9162 section 2.1.1, word for word, over the leaves themselves.
fn oracle_root(leaves: &[Vec<u8>]) -> TreeHash {
    let sha = |bytes: &[u8]| sha256::Hash::hash(bytes).to_byte_array();
    match leaves {
        [] => TreeHash(sha(b"")),
        [leaf] => TreeHash(sha(&[&[0], leaf.as_slice()].concat())),
        _ => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            let (left, right) = (oracle_root(&leaves[..k]), oracle_root(&leaves[k..]));
            TreeHash(sha(&[&[1], left.0.as_slice(), right.0.as_slice()].concat()))
        }
    }
}

/// `PATH(m, D_n)` of RFC 9162 section 2.1.3.1.
fn oracle_path(m: usize, leaves: &[Vec<u8>]) -> Vec<TreeHash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    match m < k {
        true => [oracle_path(m, left), vec![oracle_root(right)]].concat(),
        false => [oracle_path(m - k, right), vec![oracle_root(left)]].concat(),
    }
}

/// `SUBPROOF(m, D_n, b)` of RFC 9162 section 2.1.4.1.
fn oracle_subproof(m: usize, leaves: &[Vec<u8>], complete: bool) -> Vec<TreeHash> {
    if m == leaves.len() {
        return if complete { Vec::new() } else { vec![oracle_root(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    match m <= k {
        true => [oracle_subproof(m, left, complete), vec![oracle_root(right)]].concat(),
        false => [oracle_subproof(m - k, right, false), vec![oracle_root(left)]].concat(),
    }
}

fn leaves(n: usize) -> Vec<Vec<u8>> {
    (0..n).map(|i| format!("leaf {i}").into_bytes()).collect()
}

fn tree(leaves: &[Vec<u8>]) -> HistoryTree {
    let mut tree = HistoryTree::new();
    leaves.iter().for_each(|leaf| {
        tree.push(leaf);
    });
    tree
}

#[test]
fn published_roots_of_certificate_transparency() {
    // The reference inputs and roots of the Certificate Transparency project's own Merkle tree tests.
    let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = HistoryTree::new();
    for (input, root) in inputs.iter().zip(roots) {
        let bytes: Vec<u8> = bitcoin::hex::FromHex::from_hex(input).unwrap();
        tree.push(&bytes);
        assert_eq!(tree.root().to_string(), root);
    }
}

#[test]
fn every_root_and_proof_up_to_forty_leaves() {
    let all = leaves(40);
    let tree = tree(&all);
    for size in 0..=40u64 {
        let root = tree.root_at(size).unwrap();
        assert_eq!(root, oracle_root(&all[..size as usize]), "size {size}");
        for position in 0..size {
            let path = tree.inclusion_proof(position, size).unwrap();
            let leaf = leaf_hash(&all[position as usize]);
            verify_inclusion(leaf, position, size, &path, root).unwrap();
            // The same path proves no other position, size or leaf.
            assert!(verify_inclusion(leaf, position + 1, size, &path, root).is_err());
            assert!(verify_inclusion(leaf_hash(b"x"), position, size, &path, root).is_err());
            if let Some(shorter) = path.len().checked_sub(1) {
                assert!(verify_inclusion(leaf, position, size, &path[..shorter], root).is_err());
            }
        }
        for old in 0..=size {
            let path = tree.consistency_proof(old, size).unwrap();
            let old_root = tree.root_at(old).unwrap();
            verify_consistency(old, old_root, size, root, &path).unwrap();
            assert!(verify_consistency(old, TreeHash([9; 32]), size, root, &path).is_err(), "{old} {size}");
            if old > 0 {
                assert!(verify_consistency(old, old_root, size, TreeHash([9; 32]), &path).is_err());
            }
        }
    }
    assert_eq!(tree.root_at(41), None);
    assert_eq!(tree.inclusion_proof(40, 40), None);
    assert_eq!(tree.consistency_proof(3, 41), None);
}

#[test]
fn every_proof_up_to_sixty_four_leaves_is_the_standards() {
    let all = leaves(64);
    let tree = tree(&all);
    for n in 1..=64usize {
        for m in 0..n {
            let path = tree.inclusion_proof(m as u64, n as u64).unwrap();
            assert_eq!(path, oracle_path(m, &all[..n]), "PATH({m}, D_{n})");
        }
        for m in 1..=n {
            let path = tree.consistency_proof(m as u64, n as u64).unwrap();
            assert_eq!(path, oracle_subproof(m, &all[..n], true), "PROOF({m}, D_{n})");
            let root = |size| tree.root_at(size as u64).unwrap();
            verify_consistency(m as u64, root(m), n as u64, root(n), &path).unwrap();
            // Nor does it show anything about sizes next to these.
            if m > 1 && m < n {
                assert!(verify_consistency(m as u64 - 1, root(m - 1), n as u64, root(n), &path).is_err());
            }
        }
    }
}

#[test]
fn an_edited_past_is_inconsistent() {
    let honest = leaves(20);
    let mut edited = honest.clone();
    edited[3] = b"another past".to_vec();
    let (honest, edited) = (tree(&honest), tree(&edited));
    let path = edited.consistency_proof(10, 20).unwrap();
    assert!(verify_consistency(10, honest.root_at(10).unwrap(), 20, edited.root(), &path).is_err());
}

proptest! {
    #[test]
    fn random_paths_prove_nothing(
        position in 0u64..100, size in 0u64..100, path in proptest::collection::vec(any::<[u8; 32]>(), 0..10),
    ) {
        let path: Vec<TreeHash> = path.into_iter().map(TreeHash).collect();
        prop_assert!(verify_inclusion(leaf_hash(b"x"), position, size, &path, TreeHash([1; 32])).is_err());
        if position > 0 || size == 0 {
            prop_assert!(verify_consistency(position, TreeHash([1; 32]), size, TreeHash([2; 32]), &path).is_err());
        }
    }
}
