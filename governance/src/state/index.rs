//! Where each entry is: its position by its id.

use crate::id::EntryId;

/// Tables that grow each for itself, so that no single entry waits for all to be moved.
const SHARDS: usize = 256;

/// Places of a table in its beginning; a power of two.
const FIRST_PLACES: usize = 16;

/// Positions of entries by id, 40 to 48 bytes an entry. Entries are added in the order of the log.
///
/// The tables hold positions only; the id at a position decides. Ids are hashes, so they need no hashing; who grinds ids to share
/// places makes those few slow, and nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryIndex {
    ids: Vec<EntryId>,
    shards: Vec<Shard>,
}

/// Positions plus one, each at the first free place from where its id says; 0 where none is. Never more than three quarters full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shard {
    places: Vec<u32>,
    used: usize,
}

impl EntryIndex {
    pub(super) fn new() -> Self {
        Self { ids: Vec::new(), shards: vec![Shard::default(); SHARDS] }
    }

    /// The next entry of the log. A log of 2^32 entries or more is not found by id beyond that.
    pub(super) fn push(&mut self, id: EntryId) {
        self.ids.push(id);
        let Ok(number) = u32::try_from(self.ids.len()) else { return };
        let shard = &mut self.shards[usize::from(id.0[0])];
        if 4 * (shard.used + 1) > 3 * shard.places.len() {
            shard.grow(&self.ids);
        }
        shard.put(number, &id);
    }

    pub(super) fn get(&self, id: &EntryId) -> Option<u64> {
        let shard = &self.shards[usize::from(id.0[0])];
        let mask = shard.places.len().checked_sub(1)?;
        let mut place = start(id) & mask;
        loop {
            let before = shard.places[place].checked_sub(1)?;
            if self.ids.get(before as usize) == Some(id) {
                return Some(u64::from(before));
            }
            place = (place + 1) & mask;
        }
    }

    pub(super) fn contains(&self, id: &EntryId) -> bool {
        self.get(id).is_some()
    }

    /// All entries, by position.
    pub(super) fn ids(&self) -> &[EntryId] {
        &self.ids
    }

    /// The entry at a position.
    pub(super) fn at(&self, position: u64) -> Option<EntryId> {
        self.ids.get(usize::try_from(position).ok()?).copied()
    }
}

impl Shard {
    fn put(&mut self, number: u32, id: &EntryId) {
        let mask = self.places.len() - 1;
        let mut place = start(id) & mask;
        while self.places[place] != 0 {
            place = (place + 1) & mask;
        }
        self.places[place] = number;
        self.used += 1;
    }

    fn grow(&mut self, ids: &[EntryId]) {
        let size = (2 * self.places.len()).max(FIRST_PLACES);
        let old = std::mem::replace(&mut self.places, vec![0; size]);
        self.used = 0;
        for number in old.into_iter().filter(|number| *number != 0) {
            self.put(number, &ids[number as usize - 1]);
        }
    }
}

fn start(id: &EntryId) -> usize {
    u32::from_be_bytes([id.0[1], id.0[2], id.0[3], id.0[4]]) as usize
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
