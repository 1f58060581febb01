//! A sum tree in which some leaves are replaced, without a copy of the rest.
//!
//! Ballot trees of one roll differ only in the leaves of those who voted, and one epoch's from the next only in the ballots
//! that came in between: either costs the changed paths, not the roll.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::sum::{SumError, SumLeaf, SumNode, SumProof, SumRoot, SumTree, TreePurpose};

/// A tree with the same keys as its base and other values under some of them.
#[derive(Debug, Clone)]
pub struct SumOverlay {
    base: Arc<SumTree>,
    leaves: BTreeMap<usize, SumLeaf>,
    /// Nodes that differ from the base, by level and index.
    levels: Vec<BTreeMap<usize, SumNode>>,
}

impl SumOverlay {
    /// The base as it is.
    #[must_use]
    pub fn new(base: Arc<SumTree>) -> Self {
        let levels = vec![BTreeMap::new(); base.levels().len()];
        Self { base, leaves: BTreeMap::new(), levels }
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> TreePurpose {
        self.base.purpose()
    }

    /// Leaves by ascending key.
    pub fn leaves(&self) -> impl ExactSizeIterator<Item = &SumLeaf> {
        let replaced = |(index, leaf)| self.leaves.get(&index).unwrap_or(leaf);
        self.base.leaves().iter().enumerate().map(replaced)
    }

    /// Replaces leaves by others with the same keys; of several with one key the last stays. On an error nothing is replaced.
    ///
    /// # Errors
    /// [`SumError::UnknownKey`], a wrong number of sums or an overflow.
    pub fn replace(&mut self, leaves: impl IntoIterator<Item = SumLeaf>) -> Result<(), SumError> {
        let mut replaced = BTreeMap::new();
        let mut fresh = BTreeMap::new();
        for leaf in leaves {
            let index = self.base.find(&leaf.key).map_err(|_| SumError::UnknownKey(leaf.key))?;
            fresh.insert(index, leaf.node(self.base.purpose())?);
            replaced.insert(index, leaf);
        }
        let mut levels = vec![fresh];
        for level in 1..self.levels.len() {
            let below = &levels[level - 1];
            let child = |index: usize| below.get(&index).or_else(|| self.node(level - 1, index));
            let mut fresh = BTreeMap::new();
            for index in below.keys().map(|index| index / 2) {
                // Two changed children have one parent.
                if let Entry::Vacant(vacant) = fresh.entry(index) {
                    let left = child(2 * index).expect("every node above the leaves has a left child");
                    vacant.insert(match child(2 * index + 1) {
                        Some(right) => left.join(right)?,
                        None => left.clone(),
                    });
                }
            }
            levels.push(fresh);
        }
        self.leaves.extend(replaced);
        self.levels.iter_mut().zip(levels).for_each(|(nodes, fresh)| nodes.extend(fresh));
        Ok(())
    }

    /// Count, top hash and totals.
    #[must_use]
    pub fn root(&self) -> SumRoot {
        let base = self.base.root();
        match self.levels.last().and_then(|top| top.get(&0)) {
            Some(top) => SumRoot { count: base.count, hash: top.hash, sums: top.sums.clone() },
            None => base,
        }
    }

    /// The 32 bytes that stand for this tree (G-72).
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        self.root().commitment(self.base.purpose())
    }

    /// The leaf with this key.
    #[must_use]
    pub fn leaf(&self, key: &[u8; 32]) -> Option<&SumLeaf> {
        let index = self.base.find(key).ok()?;
        self.leaves.get(&index).or_else(|| self.base.leaves().get(index))
    }

    /// Proof of the leaf with this key, if there is one (G-73).
    #[must_use]
    pub fn prove(&self, key: &[u8; 32]) -> Option<SumProof> {
        let index = self.base.find(key).ok()?;
        let siblings =
            (0..self.levels.len()).filter_map(|level| self.node(level, (index >> level) ^ 1).cloned()).collect();
        let count = self.base.leaves().len() as u64;
        Some(SumProof { leaf: self.leaf(key)?.clone(), index: index as u64, count, siblings })
    }

    /// Node by node, whichever leaves were replaced.
    fn is_same(&self, other: &Self) -> bool {
        let nodes = |overlay: &Self, level: usize| -> Vec<SumNode> {
            let count = overlay.base.levels()[level].len();
            (0..count).filter_map(|index| overlay.node(level, index).cloned()).collect()
        };
        let levels = self.levels.len();
        self.purpose() == other.purpose()
            && levels == other.levels.len()
            && self.leaves().eq(other.leaves())
            && (0..levels).all(|level| nodes(self, level) == nodes(other, level))
    }

    fn node(&self, level: usize, index: usize) -> Option<&SumNode> {
        self.levels[level].get(&index).or_else(|| self.base.levels()[level].get(index))
    }
}

impl From<SumTree> for SumOverlay {
    fn from(tree: SumTree) -> Self {
        Self::new(Arc::new(tree))
    }
}

/// Two are equal that say the same, whatever their bases are.
impl PartialEq for SumOverlay {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
    }
}

impl Eq for SumOverlay {}
