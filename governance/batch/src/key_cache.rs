//! Public keys with their y coordinate, so that a known key costs no square root.

use crate::arith::{Affine, Field};

/// Keys that share a place.
const WAYS: usize = 4;

/// A bounded set of decompressed public keys: 64 bytes each, allocated at once.
///
/// A key has few places, found by its x coordinate; a newcomer takes the oldest of them. Whoever grinds keys for the same
/// places only makes those keys slow.
#[derive(Debug, Clone)]
pub struct KeyCache {
    sets: Vec<Set>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Set {
    points: [Affine; WAYS],
    next: u8,
}

impl KeyCache {
    /// A cache for about `keys` keys, rounded up to a power of two; 0 for none.
    #[must_use]
    pub fn with_capacity(keys: usize) -> Self {
        let sets = if keys == 0 { 0 } else { keys.div_ceil(WAYS).next_power_of_two() };
        Self { sets: vec![Set::default(); sets] }
    }

    /// Most keys it can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// The point with this x coordinate and an even y, if it is known.
    #[must_use]
    pub fn point(&self, x: Field) -> Option<Affine> {
        let set = self.sets.get(self.place(x)?)?;
        set.points.iter().find(|point| point.x == x && !point.is_infinity()).copied()
    }

    /// Remembers `point` as the decompressed form of the key `x`.
    ///
    /// The caller vouches that it is `lift_x(x)`; it is used unchecked. [`crate::Verifier`] does so itself for keys it meets.
    pub fn insert(&mut self, point: Affine) {
        let Some(place) = self.place(point.x) else { return };
        let set = &mut self.sets[place];
        set.points[usize::from(set.next)] = point;
        set.next = (set.next + 1) % WAYS as u8;
    }

    /// Index of the set for a key; `None` without any.
    fn place(&self, x: Field) -> Option<usize> {
        let last = self.sets.len().checked_sub(1)?;
        // The odd multiplier (2^64 / golden ratio) spreads keys that were ground to share their low bits.
        Some((x.0[1].wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & last)
    }
}
