//! One shard's part of a tally.

use std::collections::BTreeMap;
use std::ops::Range;

use super::shards::Shards;
use crate::delegation::{Graph, MAX_STEPS, Receiver, Seat};
use crate::voting::{Count, CountError, System};

/// The members of one shard, their ballots, and the weight that has come to them.
///
/// In each of [`MAX_STEPS`] rounds every shard calls [`TallyShard::send`], and, when all have, [`TallyShard::receive`] with what
/// the others sent it. Then [`TallyShard::count`] counts.
#[derive(Debug, Clone)]
pub struct TallyShard<'a> {
    graph: &'a Graph,
    shards: Shards,
    range: Range<usize>,
    ballots: BTreeMap<Seat, &'a [u16]>,
    /// Weight that was sent on to a seat in the step that is over, by index in `range`; 0 where none was.
    arrivals: Vec<u128>,
    /// Seats with an arrival, each once.
    arrived: Vec<Seat>,
    /// Delegated weight that rests at a seat.
    resting: Vec<u128>,
    /// Weight that abstains by the delegation of a seat.
    abstaining: Vec<u128>,
    /// Steps that are over.
    steps: usize,
}

/// Weight on its way from one shard to another, by receiving seat.
///
/// A seat may be in it more than once. The order of parcels, and of what is in them, does not matter.
pub type Parcel = Vec<(Seat, u128)>;

impl<'a> TallyShard<'a> {
    /// Shard number `shard` with those of the `ballots` (the counted one of each voter, in any order) that are its own.
    ///
    /// # Panics
    /// When there is no such shard.
    #[must_use]
    pub fn new(
        graph: &'a Graph,
        shards: Shards,
        shard: usize,
        ballots: impl IntoIterator<Item = (Seat, &'a [u16])>,
    ) -> Self {
        let range = shards.range(shard);
        let ballots = ballots.into_iter().filter(|(seat, _)| range.contains(&seat.index())).collect();
        let none = || vec![0; range.len()];
        let (arrivals, resting, abstaining) = (none(), none(), none());
        Self { graph, shards, range, ballots, arrivals, arrived: Vec::new(), resting, abstaining, steps: 0 }
    }

    /// Passes on what arrived in the step before (at first, everybody's own weight); one parcel for each shard, its own
    /// included. Empty parcels after the last step.
    #[must_use]
    pub fn send(&mut self) -> Vec<Parcel> {
        let mut parcels = vec![Parcel::new(); self.shards.count()];
        if self.steps == 0 {
            for index in self.range.clone() {
                let seat = Seat(u32::try_from(index).expect("an electorate's seats are numbered in 32 bits"));
                if self.passes_on(seat) {
                    self.divide(seat, self.graph.electorate().weight(seat), &mut parcels);
                }
            }
        }
        for seat in std::mem::take(&mut self.arrived) {
            let weight = std::mem::take(&mut self.arrivals[seat.index() - self.range.start]);
            if self.passes_on(seat) {
                self.divide(seat, weight, &mut parcels);
            } else {
                self.rest(seat, weight);
            }
        }
        self.steps += 1;
        parcels
    }

    /// Takes in what this shard was sent in the present step.
    ///
    /// # Panics
    /// When a parcel is for another shard.
    pub fn receive<'p>(&mut self, parcels: impl IntoIterator<Item = &'p Parcel>) {
        for (seat, weight) in parcels.into_iter().flatten() {
            let arrival = &mut self.arrivals[seat.index() - self.range.start];
            if *arrival == 0 {
                self.arrived.push(*seat);
            }
            // Fits, because all weights of an electorate together do.
            *arrival += weight;
        }
        if self.steps == MAX_STEPS {
            for seat in std::mem::take(&mut self.arrived) {
                let weight = std::mem::take(&mut self.arrivals[seat.index() - self.range.start]);
                self.rest(seat, weight);
            }
        }
    }

    /// Weight with which the ballot of a seat of this shard is counted; 0 when it has none. Right after the last step.
    #[must_use]
    pub fn received(&self, seat: Seat) -> u128 {
        if !self.ballots.contains_key(&seat) {
            return 0;
        }
        self.graph.electorate().weight(seat) + self.resting[seat.index() - self.range.start]
    }

    /// Weight that abstains by the delegation of a seat of this shard (L-17). Right after the last step.
    #[must_use]
    pub fn abstained_at(&self, seat: Seat) -> u128 {
        self.abstaining[seat.index() - self.range.start]
    }

    /// Counts this shard's ballots, what abstains by its members' delegations, and its members' weight as the roll's.
    ///
    /// # Errors
    /// [`CountError`].
    pub fn count(&self, system: System, options: u16) -> Result<Count, CountError> {
        let mut count = Count::new(system, options)?;
        for seat in self.seats() {
            count.add_roll(self.graph.electorate().weight(seat))?;
        }
        for weight in &self.abstaining {
            count.add_standing(*weight)?;
        }
        for (seat, fields) in &self.ballots {
            count.add(fields, self.received(*seat))?;
        }
        Ok(count)
    }

    /// The seats of this shard, ascending.
    pub fn seats(&self) -> impl Iterator<Item = Seat> + use<> {
        self.range.clone().map(|index| Seat(u32::try_from(index).expect("seats are numbered in 32 bits")))
    }

    // L-10
    fn passes_on(&self, seat: Seat) -> bool {
        self.steps < MAX_STEPS && !self.graph.edges(seat).is_empty() && !self.ballots.contains_key(&seat)
    }

    fn divide(&mut self, from: Seat, weight: u128, parcels: &mut [Parcel]) {
        for (to, part) in self.graph.edges(from).divide(weight).filter(|(_, part)| *part > 0) {
            match to {
                Receiver::Seat(to) => parcels[self.shards.of(to)].push((to, part)),
                Receiver::Outside => self.rest(from, part),
                // Fits, because all weights of an electorate together do.
                Receiver::Abstention => self.abstaining[from.index() - self.range.start] += part,
            }
        }
    }

    fn rest(&mut self, seat: Seat, weight: u128) {
        self.resting[seat.index() - self.range.start] += weight;
    }
}
