//! Where each entry is: its position by its id.

use crate::id::EntryId;
use crate::index::Places;
use crate::long_list::LongList;

/// Tables that grow each for itself, so that no single entry waits for all to be moved.
const SHARDS: usize = 256;

/// Positions of entries by id, 40 to 48 bytes an entry. Entries are added in the order of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryIndex {
    ids: LongList<EntryId>,
    shards: Vec<Places>,
}

impl EntryIndex {
    pub(super) fn new() -> Self {
        Self { ids: LongList::new(), shards: vec![Places::default(); SHARDS] }
    }

    /// The next entry of the log. A log of 2^32 entries or more is not found by id beyond that.
    pub(super) fn push(&mut self, id: EntryId) {
        let number = u32::try_from(self.ids.len()).ok().filter(|number| *number < u32::MAX);
        self.ids.push(id);
        let Some(number) = number else { return };
        self.shards[usize::from(id.0[0])].put(&self.ids, number);
    }

    pub(super) fn get(&self, id: &EntryId) -> Option<u64> {
        self.shards[usize::from(id.0[0])].find(&self.ids, id).map(|number| number as u64)
    }

    /// As [`Places::touch`].
    pub(super) fn touch(&self, id: &EntryId) -> u32 {
        self.shards[usize::from(id.0[0])].touch(id)
    }

    pub(super) fn contains(&self, id: &EntryId) -> bool {
        self.get(id).is_some()
    }

    /// All entries, by position.
    pub(super) const fn ids(&self) -> &LongList<EntryId> {
        &self.ids
    }

    /// The entry at a position.
    pub(super) fn at(&self, position: u64) -> Option<EntryId> {
        self.ids.get(usize::try_from(position).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_map_finds(seeds in prop::collection::vec((0u8..3, 0u8..4, any::<u16>()), 0..600)) {
            let id = |(shard, place, rest): (u8, u8, u16)| {
                let mut bytes = [0; 32];
                (bytes[0], bytes[4]) = (shard, place);
                bytes[30..].copy_from_slice(&rest.to_be_bytes());
                EntryId(bytes)
            };
            let (mut index, mut map) = (EntryIndex::new(), BTreeMap::new());
            for seed in &seeds {
                if !map.contains_key(&id(*seed)) {
                    map.insert(id(*seed), map.len() as u64);
                    index.push(id(*seed));
                }
            }
            for (id, position) in &map {
                prop_assert_eq!(index.get(id), Some(*position));
                prop_assert_eq!(index.at(*position), Some(*id));
            }
            for other in (0..200u16).map(|rest| id((1, 9, rest))) {
                prop_assert_eq!(index.get(&other), None);
                prop_assert!(!index.contains(&other));
            }
        }
    }
}
