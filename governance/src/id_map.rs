//! A map by ids: asked for every vote, told in the order of ids.

use std::collections::BTreeMap;

use crate::index::{Id, Index};

/// Values by id. Looking one up touches one place of a table, where a tree would take a path; iteration is in the order of ids.
/// Values stay: a log takes nothing back.
#[derive(Debug, Clone)]
pub struct IdMap<K, V> {
    numbers: Index<K>,
    /// By number.
    values: Vec<V>,
    order: BTreeMap<K, usize>,
}

#[expect(private_bounds, reason = "the ids are a closed list")]
impl<K: Id + Ord, V> IdMap<K, V> {
    /// The value of an id.
    #[must_use]
    pub fn get(&self, id: &K) -> Option<&V> {
        self.values.get(self.numbers.number(id)?)
    }

    /// The value of an id, to be changed.
    pub(crate) fn get_mut(&mut self, id: &K) -> Option<&mut V> {
        self.values.get_mut(self.numbers.number(id)?)
    }

    /// Whether an id has a value.
    #[must_use]
    pub fn contains_key(&self, id: &K) -> bool {
        self.numbers.number(id).is_some()
    }

    /// The value of an id, which gets this one if it has none.
    pub(crate) fn get_or_insert_with(&mut self, id: K, value: impl FnOnce() -> V) -> &mut V {
        let number = self.numbers.insert(id).expect("memory ends long before 2^32 values");
        if number == self.values.len() {
            self.values.push(value());
            self.order.insert(id, number);
        }
        &mut self.values[number]
    }

    /// Gives an id a value, in the place of the one that it has.
    pub(crate) fn insert(&mut self, id: K, value: V) {
        let mut value = Some(value);
        let place = self.get_or_insert_with(id, || value.take().expect("called once"));
        if let Some(value) = value {
            *place = value;
        }
    }

    /// How many ids have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether no id has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Ids and values, by id.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.order.iter().map(|(id, number)| (id, &self.values[*number]))
    }

    /// Ids, ascending.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.order.keys()
    }

    /// Values, by id.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// As [`Places::touch`](crate::index::Places::touch).
    pub(crate) fn touch(&self, id: &K) -> u32 {
        self.numbers.touch(id)
    }
}

impl<K, V> Default for IdMap<K, V> {
    fn default() -> Self {
        Self { numbers: Index::default(), values: Vec::new(), order: BTreeMap::new() }
    }
}

/// In which order they came makes no difference.
impl<K: Id + Ord, V: PartialEq> PartialEq for IdMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Id + Ord, V: Eq> Eq for IdMap<K, V> {}

/// As of any map: an id without a value is the caller's mistake.
impl<K: Id + Ord, V> std::ops::Index<&K> for IdMap<K, V> {
    type Output = V;

    fn index(&self, id: &K) -> &V {
        self.get(id).expect("no value for this id")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::ProposalId;

    proptest! {
        #[test]
        fn it_is_a_map(changes in prop::collection::vec((0u8..12, any::<u16>(), any::<bool>()), 0..80)) {
            let id = |seed: u8| ProposalId([seed.wrapping_mul(97); 32]);
            let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
            for (seed, value, keeps) in changes {
                if keeps {
                    prop_assert_eq!(map.get_or_insert_with(id(seed), || value), model.entry(id(seed)).or_insert(value));
                } else {
                    map.insert(id(seed), value);
                    model.insert(id(seed), value);
                }
                prop_assert_eq!((map.len(), map.is_empty()), (model.len(), false));
            }
            prop_assert!(map.iter().eq(model.iter()) && map.keys().eq(model.keys()) && map.values().eq(model.values()));
            prop_assert!(map.iter().rev().eq(model.iter().rev()));
            for seed in 0..14 {
                prop_assert_eq!(map.get(&id(seed)), model.get(&id(seed)));
                prop_assert_eq!(map.get_mut(&id(seed)), model.get_mut(&id(seed)));
                prop_assert_eq!(map.contains_key(&id(seed)), model.contains_key(&id(seed)));
            }
            // The order in which they came makes no difference; a value does.
            let mut back = IdMap::default();
            model.iter().rev().for_each(|(id, value)| back.insert(*id, *value));
            prop_assert_eq!(&back, &map);
            if let Some((id, value)) = model.iter().next() {
                back.insert(*id, value ^ 1);
                prop_assert_ne!(&back, &map);
                prop_assert_eq!(&map[id], value);
            }
        }
    }
}
