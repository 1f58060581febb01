//! Hazard: proofs that grow beyond what a member can be expected to fetch, or sums too many to be carried.

use althing_governance::Canonical as _;
use althing_governance::tree::{SumLeaf, SumProof, SumTree, TreePurpose};
use althing_governance::voting::{Count, MAX_SCHULZE_OPTIONS, System};

/// A leaf whose value is as long as that of a member who voted (G-76).
fn leaf(n: u64, sums: usize) -> SumLeaf {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_be_bytes());
    SumLeaf { key, value: vec![1; 63], sums: vec![1; sums] }
}

/// A proof with `levels` siblings, which is what a tree of `2^levels` leaves has.
fn proof_bytes(levels: u32, sums: usize) -> usize {
    let leaves = (0..1 << 4).map(|n| leaf(n, sums)).collect();
    let tree = SumTree::build(TreePurpose::Ballots { sums }, leaves).unwrap();
    let small = tree.prove(&leaf(3, sums).key).unwrap();
    assert_eq!(small.siblings.len(), 4);
    let siblings = small.siblings.iter().cycle().take(levels as usize).cloned().collect();
    let proof = SumProof { count: 1 << levels, siblings, ..small };
    proof.root(TreePurpose::Ballots { sums }).unwrap();
    let bytes = proof.to_bytes();
    assert_eq!(SumProof::from_bytes(&bytes).unwrap(), proof);
    bytes.len()
}

#[test]
fn a_ballot_among_a_million() {
    // Leaf 32 + (4 + 63) + (4 + 6 * 16), index and count 16, siblings 4 + 20 * (32 + 4 + 6 * 16).
    assert_eq!(proof_bytes(20, 6), 2_859);
}

#[test]
fn the_widest_matrix_of_pairs_fits() {
    let sums = Count::new(System::Schulze, MAX_SCHULZE_OPTIONS).unwrap().sums().len();
    assert_eq!(sums, 16 * 16 + 5);
    // Leaf 32 + (4 + 63) + (4 + 261 * 16), index and count 16, siblings 4 + 20 * (32 + 4 + 261 * 16).
    assert_eq!(proof_bytes(20, sums), 88_539);
}
