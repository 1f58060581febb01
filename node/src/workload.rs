//! How a hub does its work: sizes of batches, and how long an entry waits for its receipt (docs/spec/node.md, N-173).

use std::collections::VecDeque;
use std::time::Instant;

use crate::api::HubWork;

/// Batches that are remembered.
const KEPT: usize = 1_024;

/// The newest batches of a hub.
#[derive(Debug, Default)]
pub struct Workload {
    batches: VecDeque<Batch>,
    began: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Batch {
    entries: u64,
    // From its first entry to the acknowledgements, and of that in the store.
    wait_us: u64,
    store_us: u64,
}

impl Workload {
    /// An entry came into the batch.
    pub fn came(&mut self) {
        self.began.get_or_insert_with(Instant::now);
    }

    /// The batch of so many entries is stored and acknowledged; `stored` is when the store was asked for it.
    pub fn done(&mut self, entries: usize, stored: Instant) {
        let micros = |since: Instant| u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let Some(began) = self.began.take() else { return };
        if self.batches.len() == KEPT {
            self.batches.pop_front();
        }
        let entries = u64::try_from(entries).unwrap_or(u64::MAX);
        self.batches.push_back(Batch { entries, wait_us: micros(began), store_us: micros(stored) });
    }

    /// The batch was not stored.
    pub fn failed(&mut self) {
        self.began = None;
    }

    /// What an operator sees; nothing before the first batch.
    #[must_use]
    pub fn view(&self) -> Option<HubWork> {
        if self.batches.is_empty() {
            return None;
        }
        let sorted = |of: fn(&Batch) -> u64| {
            let mut values: Vec<u64> = self.batches.iter().map(of).collect();
            values.sort_unstable();
            values
        };
        let (waits, stores, sizes) = (sorted(|b| b.wait_us), sorted(|b| b.store_us), sorted(|b| b.entries));
        let newest = self.batches.iter().rev().take(HubWork::NEWEST).rev();
        Some(HubWork {
            batches: self.batches.len() as u64,
            entries: sizes.iter().fold(0, |sum, size| sum.saturating_add(*size)),
            largest: sizes.last().copied().unwrap_or(0),
            wait_us: [at(&waits, 50), at(&waits, 99), at(&waits, 100)],
            store_us: [at(&stores, 50), at(&stores, 99), at(&stores, 100)],
            newest: newest.map(|batch| (batch.entries, batch.wait_us)).collect(),
        })
    }
}

/// The value below which so many of a hundred are.
fn at(sorted: &[u64], percent: usize) -> u64 {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_counts_once_it_is_stored() {
        let mut work = Workload::default();
        assert_eq!(work.view(), None);
        work.came();
        work.failed();
        work.done(1, Instant::now());
        assert_eq!(work.view(), None, "a batch that was not stored is none");
        for entries in 1..=3 {
            work.came();
            work.done(entries, Instant::now());
        }
        let view = work.view().unwrap();
        assert_eq!((view.batches, view.entries, view.largest), (3, 6, 3));
        assert_eq!(view.newest.iter().map(|(entries, _)| *entries).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(view.wait_us[0] <= view.wait_us[1] && view.wait_us[1] <= view.wait_us[2]);
    }

    #[test]
    fn the_value_that_so_many_are_below() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!(
            [at(&values, 50), at(&values, 99), at(&values, 100), at(&[7], 50), at(&[], 50)],
            [50, 99, 100, 7, 0]
        );
    }
}
