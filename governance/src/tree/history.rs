//! The log tree (G-70): RFC 9162 section 2.1 (SHA-256), unchanged, so that any Certificate Transparency tool can check it.
//!
//! Leaves are the canonical bytes of entries. The hashes of complete subtrees are kept, so that appending costs amortised one
//! hash, and the root, an inclusion proof or a consistency proof for any earlier size costs O(log n) hashes.

use bitcoin::hashes::{Hash, HashEngine, sha256};

use crate::id::TreeHash;
use crate::long_list::LongList;

/// An append-only Merkle tree over byte strings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryTree {
    /// `levels[k][i]` is the hash of the complete subtree over leaves `i * 2^k .. (i + 1) * 2^k`, where [`is_kept`] says so.
    levels: Vec<LongList<TreeHash>>,
}

/// Why a Merkle path does not prove what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InclusionError {
    /// There is no such leaf in a tree of that size.
    #[error("RFC 9162: position {position} is not in a log of size {size}")]
    OutOfRange {
        /// Position claimed.
        position: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The path has too few or too many hashes for position and size.
    #[error("RFC 9162: a path of {found} hashes does not fit position {position} in a log of size {size}")]
    PathLength {
        /// Position (or old size) claimed.
        position: u64,
        /// Size of the tree.
        size: u64,
        /// Hashes in the path.
        found: usize,
    },
    /// The path leads to another root.
    #[error("RFC 9162: path leads to root {found}, not {expected}")]
    OtherRoot {
        /// Root that should have come out.
        expected: TreeHash,
        /// Root that came out.
        found: TreeHash,
    },
}

impl HistoryTree {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree over leaf hashes known already, in order (a store that kept them need not hash the entries again).
    #[must_use]
    pub fn from_leaf_hashes(leaves: impl IntoIterator<Item = TreeHash>) -> Self {
        let mut tree = Self::new();
        leaves.into_iter().for_each(|leaf| tree.push_hash(leaf));
        tree
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends a leaf and returns its position.
    pub fn push(&mut self, leaf: &[u8]) -> u64 {
        let position = self.size();
        self.push_hash(leaf_hash(leaf));
        position
    }

    /// Appends a leaf by its hash (see [`leaf_hash`]).
    pub fn push_hash(&mut self, leaf: TreeHash) {
        self.keep(0, leaf);
        let size = self.size();
        // The subtrees that this leaf completes.
        for level in (1..=size.trailing_zeros() as usize).filter(|level| is_kept(*level)) {
            let hash = self.parent(level, self.levels.get(level).map_or(0, LongList::len));
            self.keep(level, hash);
        }
    }

    fn keep(&mut self, level: usize, hash: TreeHash) {
        while self.levels.len() <= level {
            self.levels.push(LongList::new());
        }
        self.levels[level].push(hash);
    }

    /// Hash of a complete subtree.
    fn node(&self, level: usize, index: usize) -> TreeHash {
        if is_kept(level) { self.levels[level][index] } else { self.parent(level, index) }
    }

    fn parent(&self, level: usize, index: usize) -> TreeHash {
        node_hash(&self.node(level - 1, 2 * index), &self.node(level - 1, 2 * index + 1))
    }

    /// Hash of the leaf at `position`.
    #[must_use]
    pub fn leaf(&self, position: u64) -> Option<TreeHash> {
        self.levels.first()?.get(usize::try_from(position).ok()?).copied()
    }

    /// Root now.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        self.root_at(self.size()).expect("the tree has its own size")
    }

    /// Root over the first `size` leaves; `None` if there are fewer.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<TreeHash> {
        if size > self.size() {
            return None;
        }
        if size == 0 {
            return Some(empty_root());
        }
        Some(self.range(0, size))
    }

    /// Proof that the leaf at `position` is in the tree of the first `size` leaves (RFC 9162, 2.1.3.1).
    #[must_use]
    pub fn inclusion_proof(&self, position: u64, size: u64) -> Option<Vec<TreeHash>> {
        if position >= size || size > self.size() {
            return None;
        }
        let (mut start, mut len, mut path) = (0, size, Vec::new());
        while len > 1 {
            let left = split(len);
            if position - start < left {
                path.push(self.range(start + left, len - left));
                len = left;
            } else {
                path.push(self.range(start, left));
                start += left;
                len -= left;
            }
        }
        path.reverse();
        Some(path)
    }

    /// Proof that the tree of `new` leaves continues the tree of `old` leaves (RFC 9162, 2.1.4.1). Empty when the sizes are
    /// equal or `old` is 0.
    #[must_use]
    pub fn consistency_proof(&self, old: u64, new: u64) -> Option<Vec<TreeHash>> {
        if old > new || new > self.size() {
            return None;
        }
        if old == new || old == 0 {
            return Some(Vec::new());
        }
        let (mut start, mut len, mut rest, mut whole, mut path) = (0, new, old, true, Vec::new());
        while rest != len {
            let left = split(len);
            if rest <= left {
                path.push(self.range(start + left, len - left));
                len = left;
            } else {
                path.push(self.range(start, left));
                start += left;
                len -= left;
                rest -= left;
                whole = false;
            }
        }
        // The verifier knows the old root only if the old tree is itself this subtree.
        if !whole {
            path.push(self.range(start, len));
        }
        path.reverse();
        Some(path)
    }

    /// Hash over `len >= 1` leaves from `start`, a multiple of the smallest power of two not below `len`.
    fn range(&self, start: u64, len: u64) -> TreeHash {
        if len.is_power_of_two() {
            let level = len.trailing_zeros() as usize;
            let index = usize::try_from(start >> level).expect("the index of a node held in memory");
            return self.node(level, index);
        }
        let left = split(len);
        node_hash(&self.range(start, left), &self.range(start + left, len - left))
    }
}

/// `SHA256(0x00 || leaf)`
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> TreeHash {
    let mut engine = sha256::Hash::engine();
    engine.input(&[0]);
    engine.input(leaf);
    TreeHash(sha256::Hash::from_engine(engine).to_byte_array())
}

/// Root of the tree without leaves: `SHA256("")`.
#[must_use]
pub fn empty_root() -> TreeHash {
    TreeHash(sha256::Hash::hash(&[]).to_byte_array())
}

/// Checks an inclusion proof (RFC 9162, 2.1.3.2).
///
/// # Errors
/// [`InclusionError`] when the leaf is not shown to be at `position` in the tree with this size and root.
pub fn verify_inclusion(
    leaf: TreeHash,
    position: u64,
    size: u64,
    path: &[TreeHash],
    root: TreeHash,
) -> Result<(), InclusionError> {
    if position >= size {
        return Err(InclusionError::OutOfRange { position, size });
    }
    let bad_length = InclusionError::PathLength { position, size, found: path.len() };
    let (mut index, mut last, mut hash) = (position, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return Err(bad_length);
        }
        if index % 2 == 1 || index == last {
            hash = node_hash(sibling, &hash);
            while index % 2 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(bad_length);
    }
    same_root(root, hash)
}

/// Checks a consistency proof (RFC 9162, 2.1.4.2).
///
/// # Errors
/// [`InclusionError`] when the new tree is not shown to continue the old one.
pub fn verify_consistency(
    old: u64,
    old_root: TreeHash,
    new: u64,
    new_root: TreeHash,
    path: &[TreeHash],
) -> Result<(), InclusionError> {
    if old > new {
        return Err(InclusionError::OutOfRange { position: old, size: new });
    }
    let bad_length = InclusionError::PathLength { position: old, size: new, found: path.len() };
    if old == new || old == 0 {
        if !path.is_empty() {
            return Err(bad_length);
        }
        // Every log continues the empty one, whose root is a constant.
        if old == 0 {
            same_root(empty_root(), old_root)?;
        }
        return if old == new { same_root(old_root, new_root) } else { Ok(()) };
    }
    let mut path = path.iter();
    let (mut index, mut last) = (old - 1, new - 1);
    while index % 2 == 1 {
        index >>= 1;
        last >>= 1;
    }
    let start = if old.is_power_of_two() { old_root } else { *path.next().ok_or(bad_length.clone())? };
    let (mut old_hash, mut new_hash) = (start, start);
    for sibling in path {
        if last == 0 {
            return Err(bad_length);
        }
        if index % 2 == 1 || index == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while index % 2 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(bad_length);
    }
    same_root(old_root, old_hash)?;
    same_root(new_root, new_hash)
}

/// Pairs of leaves are hashed again when they are asked for: half of all inner nodes, for one hash more in a proof.
const fn is_kept(level: usize) -> bool {
    level != 1
}

/// Largest power of two below `len >= 2`.
fn split(len: u64) -> u64 {
    1 << (63 - (len - 1).leading_zeros())
}

fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    let mut engine = sha256::Hash::engine();
    engine.input(&[1]);
    engine.input(&left.0);
    engine.input(&right.0);
    TreeHash(sha256::Hash::from_engine(engine).to_byte_array())
}

fn same_root(expected: TreeHash, found: TreeHash) -> Result<(), InclusionError> {
    if expected == found { Ok(()) } else { Err(InclusionError::OtherRoot { expected, found }) }
}
