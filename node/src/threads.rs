//! This machine's cores as the workers of the pure core: the close of an epoch is hashed on all of them.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

use althing_governance::parallel::{Piece, Workers};

/// Fewer seats than this are one piece: dividing them costs more than it saves.
const WORTH_A_SHARD: usize = 4096;

/// Threads that live as long as the pieces they run.
#[derive(Debug, Clone, Copy)]
pub struct Threads {
    cores: usize,
}

impl Threads {
    /// One for each core.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, NonZero::get))
    }

    /// So many; none counts as one.
    #[must_use]
    pub const fn new(cores: usize) -> Self {
        Self { cores: if cores == 0 { 1 } else { cores } }
    }
}

impl Workers for Threads {
    fn shards(&self, seats: usize) -> usize {
        seats.div_ceil(WORTH_A_SHARD).clamp(1, self.cores)
    }

    /// # Panics
    /// When a piece does.
    fn run<'p>(&self, pieces: Vec<Piece<'p>>) {
        let threads = self.cores.min(pieces.len());
        let pieces = Mutex::new(pieces.into_iter());
        // Nothing runs under the lock that could panic.
        let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            while let Some(piece) = next() {
                piece();
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_piece_runs_once() {
        for cores in 0..5 {
            let ran: Vec<AtomicUsize> = (0..23).map(|_| AtomicUsize::new(0)).collect();
            let piece = |n: &'_ AtomicUsize| n.fetch_add(1, Ordering::Relaxed);
            let pieces = ran
                .iter()
                .map(|n| -> Piece<'_> {
                    Box::new(move || {
                        let _ = piece(n);
                    })
                })
                .collect();
            Threads::new(cores).run(pieces);
            assert!(ran.iter().all(|n| n.load(Ordering::Relaxed) == 1), "{cores}: {ran:?}");
        }
    }

    #[test]
    fn a_small_roll_is_one_shard() {
        let threads = Threads::new(4);
        for (seats, shards) in [(0, 1), (1, 1), (4096, 1), (4097, 2), (16_384, 4), (1_000_000, 4)] {
            assert_eq!(threads.shards(seats), shards, "{seats}");
        }
    }
}
