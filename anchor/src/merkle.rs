//! Branches of Bitcoin's Merkle trees: of transaction ids, and of witness ids (BIP141).

use bitcoin::hashes::{Hash, sha256d};

/// Siblings from the leaves' level upwards, each with whether it is the left one.
pub(crate) type Branch = Vec<([u8; 32], bool)>;

/// The branch of the leaf at `position`; `None` when there is no such leaf.
pub(crate) fn branch_of(leaves: Vec<[u8; 32]>, position: usize) -> Option<Branch> {
    leaves.get(position)?;
    let (mut level, mut at, mut branch) = (leaves, position, vec![]);
    while level.len() > 1 {
        // An odd level is filled with a copy of its last node.
        branch.push((*level.get(at ^ 1).unwrap_or(&level[at]), at % 2 == 1));
        level = level.chunks(2).map(|pair| parent(&pair[0], pair.last().expect("chunks are not empty"))).collect();
        at /= 2;
    }
    Some(branch)
}

fn parent(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256d::Hash::hash(&[*left, *right].concat()).to_byte_array()
}
