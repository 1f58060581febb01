//! Which shard a seat belongs to.

use std::ops::Range;

use crate::delegation::Seat;

/// Seats in runs of nearly equal length. Seats ascend with the members' keys, so that a shard is a range of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shards {
    seats: usize,
    count: usize,
}

impl Shards {
    /// `seats` divided into `count` shards; some are empty when there are more shards than seats. None counts as one.
    #[must_use]
    pub fn new(seats: usize, count: usize) -> Self {
        Self { seats, count: count.max(1) }
    }

    /// How many shards.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The seats of shard number `shard`, as indexes.
    ///
    /// # Panics
    /// When there is no such shard.
    #[must_use]
    pub fn range(&self, shard: usize) -> Range<usize> {
        assert!(shard < self.count, "shard {shard} of {}", self.count);
        // The first `longer` shards have one seat more.
        let (length, longer) = (self.seats / self.count, self.seats % self.count);
        let start = shard * length + shard.min(longer);
        start..start + length + usize::from(shard < longer)
    }

    /// The shard of a seat.
    #[must_use]
    pub fn of(&self, seat: Seat) -> usize {
        let (length, longer) = (self.seats / self.count, self.seats % self.count);
        match seat.index().checked_sub(longer * (length + 1)) {
            None => seat.index() / (length + 1),
            Some(behind) => longer + behind / length.max(1),
        }
    }
}
