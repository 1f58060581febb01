//! Numbers of ids, in the order in which they came: looked up for every vote, so that one place in memory is touched and not a
//! path through a tree.
//!
//! Ids are hashes and keys, so they need no hashing. Who grinds ids to share places makes those few slow, and nothing wrong. Nothing
//! is iterated in the order of places: the order of ids, where it matters, is made by sorting.

use std::ops;

use crate::id::{EntryId, MemberId, ProposalId};

/// Places of a table in its beginning; a power of two.
const FIRST_PLACES: usize = 8;

/// What can be looked up.
pub(crate) trait Id: Copy + Eq {
    /// Its 32 bytes, evenly spread.
    fn bytes(&self) -> &[u8; 32];

    /// Where in a table it is looked for first.
    fn start(&self) -> usize {
        let bytes = self.bytes();
        u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize
    }
}

impl Id for EntryId {
    fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Id for MemberId {
    fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Id for ProposalId {
    fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Ids with their numbers, 38 to 43 bytes for each of 32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index<T> {
    ids: Vec<T>,
    places: Places,
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self { ids: Vec::new(), places: Places::default() }
    }
}

impl<T: Id> Index<T> {
    pub(crate) fn number(&self, id: &T) -> Option<usize> {
        self.places.find(&self.ids, id)
    }

    /// The number of an id, which gets the next one if it has none; `None` when 2^32 - 1 have one.
    pub(crate) fn insert(&mut self, id: T) -> Option<usize> {
        if let Some(number) = self.number(&id) {
            return Some(number);
        }
        let number = u32::try_from(self.ids.len()).ok().filter(|number| *number < u32::MAX)?;
        self.ids.push(id);
        self.places.put(&self.ids, number);
        Some(number as usize)
    }

    /// As [`Places::touch`].
    pub(crate) fn touch(&self, id: &T) -> u32 {
        self.places.touch(id)
    }

    /// The ids by number.
    pub(crate) fn ids(&self) -> &[T] {
        &self.ids
    }
}

/// A table of numbers plus one, each at the first free place from where its id says; 0 where none is. Never more than three quarters full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    places: Vec<u32>,
    used: usize,
}

impl Places {
    /// The number of an id; `ids` are those of which this table has numbers, and perhaps others.
    pub(crate) fn find<T: Id>(&self, ids: &impl ops::Index<usize, Output = T>, id: &T) -> Option<usize> {
        let mask = self.places.len().checked_sub(1)?;
        let mut place = id.start() & mask;
        loop {
            let number = self.places[place].checked_sub(1)? as usize;
            if ids[number] == *id {
                return Some(number);
            }
            place = (place + 1) & mask;
        }
    }

    /// Reads where an id is looked for first and finds nothing out, so that the place is near when it is looked for: many such
    /// reads wait for memory together. The number keeps them from being left out.
    pub(crate) fn touch<T: Id>(&self, id: &T) -> u32 {
        self.places.get(id.start() & self.places.len().wrapping_sub(1)).copied().unwrap_or(0)
    }

    /// Takes in the number, below 2^32 - 1, of an id that is not there.
    pub(crate) fn put<T: Id>(&mut self, ids: &impl ops::Index<usize, Output = T>, number: u32) {
        if 4 * (self.used + 1) > 3 * self.places.len() {
            self.grow(ids);
        }
        self.place(ids, number + 1);
    }

    fn place<T: Id>(&mut self, ids: &impl ops::Index<usize, Output = T>, number_and_one: u32) {
        let mask = self.places.len() - 1;
        let mut place = ids[number_and_one as usize - 1].start() & mask;
        while self.places[place] != 0 {
            place = (place + 1) & mask;
        }
        self.places[place] = number_and_one;
        self.used += 1;
    }

    fn grow<T: Id>(&mut self, ids: &impl ops::Index<usize, Output = T>) {
        let size = (2 * self.places.len()).max(FIRST_PLACES);
        let old = std::mem::replace(&mut self.places, vec![0; size]);
        self.used = 0;
        old.into_iter().filter(|number| *number != 0).for_each(|number| self.place(ids, number));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The id with this number where ids are looked for, and another one at the end.
    fn id(start: u32, rest: u8) -> MemberId {
        let mut bytes = [0; 32];
        bytes[1..5].copy_from_slice(&start.to_be_bytes());
        bytes[31] = rest;
        MemberId(bytes)
    }

    /// What looking up rests on, and what it may cost.
    fn assert_is_table(index: &Index<MemberId>) {
        let Places { places, used } = &index.places;
        let size = places.len();
        assert_eq!((*used, places.iter().filter(|number| **number != 0).count()), (index.ids.len(), index.ids.len()));
        assert!(size == 0 || size.is_power_of_two(), "{size} places");
        assert!(4 * used <= 3 * size, "{used} of {size} places are more than three quarters");
        assert!(size <= FIRST_PLACES || 8 * used > 3 * size, "{used} of {size} places: half as many would do");
        for (number, id) in (1u32..).zip(&index.ids) {
            // No free place from where it is looked for first to where it is.
            let mut place = id.start() & (size - 1);
            while places[place] != number {
                assert_ne!(places[place], 0, "{id:?} is behind a free place");
                place = (place + 1) % size;
            }
        }
    }

    #[test]
    fn an_id_is_looked_for_where_its_bytes_say() {
        for start in [0, 1, 6, 7, 0x0102_0304, u32::MAX] {
            let bytes = id(start, 9).0;
            let starts = [MemberId(bytes).start(), EntryId(bytes).start(), ProposalId(bytes).start()];
            assert_eq!(starts, [start as usize; 3]);
            let mut index = Index::default();
            assert_eq!(index.insert(id(start, 9)), Some(0));
            assert_eq!(index.places.places[start as usize % FIRST_PLACES], 1, "{start}");
        }
        // Behind the last place comes the first.
        let mut index = Index::default();
        (0..3).for_each(|rest| assert_eq!(index.insert(id(7, rest)), Some(rest.into())));
        assert_eq!(index.places.places, [2, 3, 0, 0, 0, 0, 0, 1]);
        assert_eq!([0, 1, 2, 3].map(|rest| index.number(&id(7, rest))), [Some(0), Some(1), Some(2), None]);
    }

    #[test]
    fn it_grows_when_it_is_three_quarters_full() {
        let mut index = Index::default();
        assert_eq!((index.number(&id(0, 0)), index.places.places.len()), (None, 0));
        let mut sizes = Vec::new();
        for number in 0..25 {
            index.insert(id(number * 5, 0)).unwrap();
            assert_is_table(&index);
            sizes.push(index.places.places.len());
        }
        assert_eq!(sizes, [vec![8; 6], vec![16; 6], vec![32; 12], vec![64]].concat());
    }

    proptest! {
        #[test]
        fn it_numbers_as_a_map_does(seeds in prop::collection::vec((0u8..4, any::<u8>()), 0..400)) {
            // Few starts, so that places are shared.
            let id = |(start, rest): (u8, u8)| id(start.into(), rest);
            let (mut index, mut map) = (Index::default(), BTreeMap::new());
            for seed in seeds {
                let next = map.len();
                let number = *map.entry(id(seed)).or_insert(next);
                prop_assert_eq!(index.insert(id(seed)), Some(number));
            }
            assert_is_table(&index);
            for (id, number) in &map {
                prop_assert_eq!(index.number(id), Some(*number));
                prop_assert_eq!(index.ids().get(*number), Some(id));
            }
            for other in (0..200).map(|rest| id((7, rest))) {
                prop_assert_eq!(index.number(&other), None);
            }
        }
    }
}
