//! Part of a sum tree that is built by itself: any run of leaves, hashed as far up as they determine nodes alone.
//!
//! Runs may be cut anywhere and joined in any grouping; a join computes at most one node per level, so that a tree built in
//! parts costs what it costs in one.

use super::sum::{SumError, SumLeaf, SumNode, SumTree, TreePurpose};

/// The leaves from one index on, and every complete node above them alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumFragment {
    purpose: TreePurpose,
    start: usize,
    leaves: Vec<SumLeaf>,
    /// `levels[k]` holds the nodes over leaves `i * 2^k .. (i + 1) * 2^k` for all i for which these are all here.
    levels: Vec<Vec<SumNode>>,
}

impl SumFragment {
    /// Hashes leaves, by ascending key, of which the first has index `start` in the whole tree.
    ///
    /// # Errors
    /// [`SumError`] on keys out of order, a wrong number of sums or an overflow.
    pub fn hash(purpose: TreePurpose, start: usize, leaves: Vec<SumLeaf>) -> Result<Self, SumError> {
        if let Some(pair) = leaves.windows(2).find(|pair| pair[0].key >= pair[1].key) {
            return Err(order_error(&pair[0], &pair[1]));
        }
        let bottom = leaves.iter().map(|leaf| leaf.node(purpose)).collect::<Result<Vec<_>, _>>()?;
        let mut fragment = Self { purpose, start, leaves, levels: vec![bottom] };
        loop {
            let level = fragment.levels.len();
            let complete = fragment.complete(level);
            if complete.is_empty() {
                return Ok(fragment);
            }
            let nodes = complete.map(|index| fragment.join_children(level, index)).collect::<Result<_, _>>()?;
            fragment.levels.push(nodes);
        }
    }

    /// Index of its first leaf in the whole tree.
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }

    /// Index of the leaf behind its last one.
    #[must_use]
    pub fn end(&self) -> usize {
        self.start + self.leaves.len()
    }

    /// This part and the one that follows it.
    ///
    /// # Errors
    /// [`SumError::Gap`] when `right` does not follow, [`SumError::Order`] or [`SumError::DuplicateKey`] when its keys do not,
    /// [`SumError::Overflow`].
    pub fn join(mut self, right: Self) -> Result<Self, SumError> {
        if right.start != self.end() {
            return Err(SumError::Gap { expected: self.end(), found: right.start });
        }
        if let (Some(last), Some(first)) = (self.leaves.last(), right.leaves.first())
            && last.key >= first.key
        {
            return Err(order_error(last, first));
        }
        let cut = right.start;
        self.leaves.extend(right.leaves);
        let mut from_right = right.levels.into_iter();
        for level in 0.. {
            let complete = self.complete(level);
            let theirs = from_right.next().unwrap_or_default();
            if complete.is_empty() {
                return Ok(self);
            }
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            // Of the nodes that are complete only now, each level has at most the one across the cut.
            let across = cut >> level;
            if across << level != cut && complete.contains(&across) {
                let node = self.join_children(level, across)?;
                self.levels[level].push(node);
            }
            self.levels[level].extend(theirs);
        }
        unreachable!("above some level no node is complete")
    }

    /// The whole tree; the same, node for node, as [`SumTree::build`] makes of all the leaves.
    ///
    /// # Errors
    /// [`SumError::Gap`] when leaves before this part are missing, [`SumError::Overflow`].
    pub fn finish(self) -> Result<SumTree, SumError> {
        if self.start != 0 {
            return Err(SumError::Gap { expected: 0, found: self.start });
        }
        let mut levels = self.levels;
        let mut level = 0;
        while levels[level].len() > 1 {
            if levels.len() == level + 1 {
                levels.push(Vec::new());
            }
            // The last node of a level may be over fewer leaves than a complete one.
            if levels[level + 1].len() < levels[level].len().div_ceil(2) {
                let node = match &levels[level][2 * levels[level + 1].len()..] {
                    [left, right] => left.join(right)?,
                    rest => rest[0].clone(),
                };
                levels[level + 1].push(node);
            }
            level += 1;
        }
        Ok(SumTree::from_levels(self.purpose, self.leaves, levels))
    }

    /// Indexes of the nodes of a level all of whose leaves are here.
    fn complete(&self, level: usize) -> std::ops::Range<usize> {
        match 1usize.checked_shl(u32::try_from(level).unwrap_or(u32::MAX)) {
            Some(width) => self.start.div_ceil(width)..self.end() / width,
            None => 0..0,
        }
    }

    fn join_children(&self, level: usize, index: usize) -> Result<SumNode, SumError> {
        let children = &self.levels[level - 1];
        let first = self.start.div_ceil(1 << (level - 1));
        children[2 * index - first].join(&children[2 * index + 1 - first])
    }
}

fn order_error(before: &SumLeaf, after: &SumLeaf) -> SumError {
    if before.key == after.key { SumError::DuplicateKey(after.key) } else { SumError::Order(after.key) }
}
