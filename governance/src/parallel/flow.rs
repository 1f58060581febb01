//! Where delegated weight ends, resolved by shards.

use super::shards::Shards;
use super::tally_shard::{Parcel, TallyShard};
use super::workers::{Workers, divide, each};
use crate::delegation::{Graph, MAX_STEPS, Seat};
use crate::voting::{Count, CountError, System};

/// What every seat of an electorate carries, after all shards have exchanged their parcels (L-10 to L-13).
#[derive(Debug)]
pub struct ShardedFlow<'a> {
    shards: Shards,
    parts: Vec<TallyShard<'a>>,
}

impl<'a> ShardedFlow<'a> {
    /// Resolves the graph for these ballots (the counted one of each voter, in any order).
    #[must_use]
    pub fn resolve(workers: &dyn Workers, graph: &'a Graph, ballots: &[(Seat, &'a [u16])]) -> Self {
        let shards = divide(workers, graph.electorate().len());
        let start = |shard| TallyShard::new(graph, shards, shard, ballots.iter().copied());
        let mut parts = each(workers, 0..shards.count(), start);
        for _ in 0..MAX_STEPS {
            let sent: Vec<Vec<Parcel>> = each(workers, &mut parts, TallyShard::send);
            let inboxes = (0..shards.count()).map(|to| sent.iter().map(move |parcels| &parcels[to]));
            each(workers, parts.iter_mut().zip(inboxes), |(part, inbox)| part.receive(inbox));
        }
        Self { shards, parts }
    }

    /// Counts the ballots, what stands aside by delegations, and everybody's weight as the roll's: each shard its own, merged in any order (L-14).
    ///
    /// # Errors
    /// [`CountError`].
    pub fn count(&self, workers: &dyn Workers, system: System, options: u16) -> Result<Count, CountError> {
        let mut total = Count::new(system, options)?;
        for count in each(workers, &self.parts, |part| part.count(system, options)) {
            total.merge(&count?)?;
        }
        Ok(total)
    }

    /// Weight with which the ballot of a seat is counted; 0 when it has none.
    #[must_use]
    pub fn received(&self, seat: Seat) -> u128 {
        self.parts[self.shards.of(seat)].received(seat)
    }

    /// Weight that abstains by the delegation of a seat (L-17).
    #[must_use]
    pub fn abstained_at(&self, seat: Seat) -> u128 {
        self.parts[self.shards.of(seat)].abstained_at(seat)
    }
}
