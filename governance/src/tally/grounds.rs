//! Many polls at once: each costs its ballots, not its roll, and they are counted side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ground::Ground;
use super::{Poll, TallyError};
use crate::delegation::Electorate;
use crate::parallel::{Alone, Workers, each};
use crate::tree::SumOverlay;
use crate::voting::Count;

/// What polls need beside their ballots, made once for all that share it. `K` says which do: those with the same roll and
/// the same [`View`](crate::delegation::View) of the delegations.
///
/// Law, tested: counts and trees are those of [`Poll::count`] and [`Poll::tree`], bit for bit, whatever the workers are and
/// whichever polls came before (L-14).
pub struct Grounds<K> {
    laid: BTreeMap<K, Ground>,
}

impl<K: Ord + Sync> Default for Grounds<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord + Sync> Grounds<K> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self { laid: BTreeMap::new() }
    }

    /// Makes ready for polls under `key`, which are over `electorate` and respect the delegations that `poll` does.
    pub fn lay(&mut self, key: K, electorate: &Arc<Electorate>, poll: &Poll<'_>) {
        let ground = || Ground::new(Arc::clone(electorate), poll.delegations.as_ref());
        self.laid.entry(key).or_insert_with(ground);
    }

    /// Number of different grounds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.laid.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.laid.is_empty()
    }

    /// The totals of each poll, in their order.
    ///
    /// # Panics
    /// When a poll's key was not laid.
    pub fn counts(&self, workers: &dyn Workers, polls: &[(K, Poll<'_>)]) -> Vec<Result<Count, TallyError>> {
        self.each_poll(workers, polls, Ground::count)
    }

    /// The ballot tree of each poll, in their order.
    ///
    /// # Panics
    /// As [`Grounds::counts`].
    pub fn trees(&mut self, workers: &dyn Workers, polls: &[(K, Poll<'_>)]) -> Vec<Result<SumOverlay, TallyError>> {
        for (key, poll) in polls {
            let ground = self.laid.get_mut(key).expect("the caller has laid it");
            if ground.is_thin(poll)
                && let Err(error) = ground.lay_tree(workers, poll)
            {
                return polls.iter().map(|_| Err(error.clone())).collect();
            }
        }
        self.each_poll(workers, polls, Ground::tree)
    }

    /// Large polls of large rolls are divided, one after the other; of all others each worker takes some.
    fn each_poll<R: Send>(
        &self,
        workers: &dyn Workers,
        polls: &[(K, Poll<'_>)],
        work: impl Fn(&Ground, &dyn Workers, &Poll<'_>) -> R + Sync,
    ) -> Vec<R> {
        let mut divided: Vec<(usize, &Ground)> = Vec::new();
        let mut whole: BTreeMap<&K, Vec<usize>> = BTreeMap::new();
        for (number, (key, poll)) in polls.iter().enumerate() {
            let ground = self.laid.get(key).expect("the caller has laid it");
            if ground.is_thin(poll) || workers.shards(ground.seats()) < 2 {
                whole.entry(key).or_default().push(number);
            } else {
                divided.push((number, ground));
            }
        }
        let pieces = whole.iter().flat_map(|(key, numbers)| {
            let each = numbers.len().div_ceil(workers.hands().max(1));
            numbers.chunks(each).map(move |some| (&self.laid[*key], some))
        });
        let run = |(ground, numbers): (&Ground, &[usize])| -> Vec<(usize, R)> {
            numbers.iter().map(|number| (*number, work(ground, &Alone, &polls[*number].1))).collect()
        };
        let mut results: Vec<(usize, R)> = each(workers, pieces, run).into_iter().flatten().collect();
        for (number, ground) in divided {
            results.push((number, work(ground, workers, &polls[number].1)));
        }
        results.sort_by_key(|(number, _)| *number);
        results.into_iter().map(|(_, result)| result).collect()
    }
}
