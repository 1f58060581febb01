//! Who runs the pieces: the caller's threads, or nobody but the caller.

use super::shards::Shards;

/// A piece of work that needs nothing from the others.
pub type Piece<'p> = Box<dyn FnOnce() + Send + 'p>;

/// Runs pieces side by side. The shell has one with threads; what comes out does not depend on which it is (L-14).
pub trait Workers: Sync {
    /// Into how many shards work over `seats` seats is worth dividing; at least 1.
    fn shards(&self, seats: usize) -> usize;

    /// How many pieces run at the same time; at least 1.
    fn hands(&self) -> usize {
        self.shards(usize::MAX)
    }

    /// Runs every piece once, in any order, and returns when all have run.
    fn run<'p>(&self, pieces: Vec<Piece<'p>>);
}

/// No workers: one piece after the other, in one shard.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Workers for Alone {
    fn shards(&self, _: usize) -> usize {
        1
    }

    fn run<'p>(&self, pieces: Vec<Piece<'p>>) {
        pieces.into_iter().for_each(|piece| piece());
    }
}

/// Does `work` with each item, and gives the results in the order of the items.
///
/// # Panics
/// When the workers leave a piece out.
pub fn each<T: Send, R: Send>(
    workers: &dyn Workers,
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let items: Vec<T> = items.into_iter().collect();
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let work = &work;
    let pieces = items
        .into_iter()
        .zip(&mut results)
        .map(|(item, result)| -> Piece<'_> { Box::new(move || *result = Some(work(item))) });
    let pieces = pieces.collect();
    workers.run(pieces);
    results.into_iter().map(|result| result.expect("workers run every piece")).collect()
}

/// The division of `seats` seats that suits the workers.
#[must_use]
pub(super) fn divide(workers: &dyn Workers, seats: usize) -> Shards {
    Shards::new(seats, workers.shards(seats))
}
