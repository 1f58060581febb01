//! Collects the parts of a tree in whatever order they are done.

use std::collections::BTreeMap;

use crate::tree::{SumError, SumFragment, SumTree, TreePurpose};

/// Parts that came in so far, neighbours joined.
#[derive(Debug, Clone)]
pub struct Fragments {
    purpose: TreePurpose,
    by_start: BTreeMap<usize, SumFragment>,
}

impl Fragments {
    /// None yet.
    #[must_use]
    pub fn new(purpose: TreePurpose) -> Self {
        Self { purpose, by_start: BTreeMap::new() }
    }

    /// Takes a part in, and joins it with its neighbours if they are there. A part without leaves is dropped.
    ///
    /// # Errors
    /// [`SumError::Gap`] when it overlaps one that is there, [`SumError::Order`] or [`SumError::DuplicateKey`] when its keys do not
    /// fit between its neighbours', [`SumError::Overflow`]. The parts of a tree that failed are of no further use.
    pub fn insert(&mut self, fragment: SumFragment) -> Result<(), SumError> {
        if fragment.start() == fragment.end() {
            return Ok(());
        }
        let mut fragment = fragment;
        if let Some((&start, before)) = self.by_start.range(..=fragment.start()).next_back() {
            if before.end() > fragment.start() {
                return Err(SumError::Gap { expected: before.end(), found: fragment.start() });
            }
            if before.end() == fragment.start() {
                let before = self.by_start.remove(&start).expect("it was found a moment ago");
                fragment = before.join(fragment)?;
            }
        }
        if let Some((&start, _)) = self.by_start.range(fragment.start()..).next() {
            if start < fragment.end() {
                return Err(SumError::Gap { expected: fragment.end(), found: start });
            }
            if start == fragment.end() {
                let after = self.by_start.remove(&start).expect("it was found a moment ago");
                fragment = fragment.join(after)?;
            }
        }
        self.by_start.insert(fragment.start(), fragment);
        Ok(())
    }

    /// The tree, once all parts are in.
    ///
    /// # Errors
    /// [`SumError::Gap`] when one is missing between others or at the start, [`SumError::Overflow`]. That none is missing at
    /// the end, only the count of the root can tell.
    pub fn finish(mut self) -> Result<SumTree, SumError> {
        let Some((_, first)) = self.by_start.pop_first() else { return SumTree::build(self.purpose, Vec::new()) };
        if let Some((&found, _)) = self.by_start.first_key_value() {
            return Err(SumError::Gap { expected: first.end(), found });
        }
        first.finish()
    }
}
