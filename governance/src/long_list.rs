//! A list that nobody waits for while it grows: what there is one of for each entry of a log.
//!
//! A `Vec` that is full is moved to a place twice as large. At ten million entries that copies hundreds of megabytes while the one
//! thread that applies votes stands still, and for that time takes the memory of both. Here what is put down stays where it is.

use std::ops::Index;

/// Items of a part; a power of two. Of 32 bytes each they take a megabyte.
const PART: usize = 1 << 15;

/// Items by number; a part is moved at most while it is the first and not full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongList<T> {
    /// All but the last have [`PART`] items. The first grows as a `Vec` does, so that a short list is small.
    parts: Vec<Vec<T>>,
}

impl<T> Default for LongList<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> LongList<T> {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { parts: Vec::new() }
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.last().map_or(0, |last| (self.parts.len() - 1) * PART + last.len())
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Puts an item at the end.
    pub fn push(&mut self, item: T) {
        match self.parts.last_mut() {
            Some(last) if last.len() < PART => last.push(item),
            before => {
                let mut part = if before.is_some() { Vec::with_capacity(PART) } else { Vec::new() };
                part.push(item);
                self.parts.push(part);
            }
        }
    }

    /// The item with a number.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&T> {
        self.parts.get(number / PART)?.get(number % PART)
    }
}

/// # Panics
/// If there is no item with this number.
impl<T> Index<usize> for LongList<T> {
    type Output = T;

    fn index(&self, number: usize) -> &T {
        &self.parts[number / PART][number % PART]
    }
}

impl<T> FromIterator<T> for LongList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut list = Self::new();
        items.into_iter().for_each(|item| list.push(item));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Around each end of a part: as a `Vec`, and nothing has moved.
    #[test]
    fn it_is_a_list_whose_items_stay_where_they_are() {
        let (mut list, mut vec) = (LongList::new(), Vec::new());
        assert_eq!((list.len(), list.is_empty(), list.get(0)), (0, true, None));
        let mut first_of_full_parts = Vec::new();
        for number in 0..3 * PART + 2 {
            list.push(number);
            vec.push(number);
            if number % PART >= PART - 2 || number % PART <= 2 {
                assert_eq!((list.len(), list.is_empty()), (vec.len(), false));
                for near in number.saturating_sub(3)..number + 3 {
                    assert_eq!(list.get(near), vec.get(near), "{near} of {}", vec.len());
                }
                assert_eq!((list[number], list[number / 2]), (number, number / 2));
                assert_eq!(list, vec.iter().copied().collect(), "{number}");
            }
            if number % PART == PART - 1 {
                first_of_full_parts.push((number + 1 - PART, &raw const list[number + 1 - PART]));
            }
        }
        assert_eq!(first_of_full_parts.len(), 3);
        for (number, place) in first_of_full_parts {
            assert!(std::ptr::eq(&raw const list[number], place), "part of {number} has moved");
        }
        assert_ne!(list, vec[1..].iter().copied().collect());
    }
}
