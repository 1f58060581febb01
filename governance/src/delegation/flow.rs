//! A whole tally's flow: where the weight of everybody who delegates comes to rest.

use super::MAX_STEPS;
use super::electorate::Seat;
use super::graph::{Graph, Receiver};

/// Where delegated weight rests (L-13, L-17). Own weight of those who vote themselves, and of those who neither vote nor
/// delegate, is not part of it.
///
/// Law: all that rests or abstains adds up to the weight of all seats that delegate and do not vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Weight that rests at a seat: cast with its ballot if it has one, else not cast.
    resting: Vec<u128>,
    /// Weight that abstains by the delegation of a seat.
    abstaining: Vec<u128>,
    abstained: u128,
    votes: Vec<bool>,
}

/// Resolves one tally after another with the same memory: each costs time by its ballots and edges, not by the roll.
#[derive(Debug, Clone)]
pub struct Resolver {
    flow: Flow,
    arrivals: Vec<u128>,
    next: Vec<u128>,
    /// Seats with an arrival, each once.
    arrived: Vec<Seat>,
    next_arrived: Vec<Seat>,
    /// Seats to be cleared before the next tally: with resting weight, with abstaining weight, and with a ballot.
    rested: Vec<Seat>,
    abstained: Vec<Seat>,
    voted: Vec<Seat>,
}

/// The flow over `graph` when the seats in `voters` have counted ballots. A [`Resolver`] is the faster way to many.
#[must_use]
pub fn resolve(graph: &Graph, voters: impl IntoIterator<Item = Seat>) -> Flow {
    let mut resolver = Resolver::new(graph.electorate().len());
    resolver.resolve(graph, voters);
    resolver.flow
}

impl Flow {
    pub(super) fn empty(seats: usize) -> Self {
        Self { resting: vec![0; seats], abstaining: vec![0; seats], abstained: 0, votes: vec![false; seats] }
    }

    /// Weight of others that the ballot of `seat` carries; 0 when it has none.
    #[must_use]
    pub fn gained(&self, seat: Seat) -> u128 {
        if self.votes[seat.index()] { self.resting[seat.index()] } else { 0 }
    }

    /// Weight with which the ballot of `seat` is counted: its own and what it gained; 0 when it has none.
    #[must_use]
    pub fn received(&self, graph: &Graph, seat: Seat) -> u128 {
        // Fits, because all weights of an electorate together do.
        if self.votes[seat.index()] { graph.electorate().weight(seat) + self.resting[seat.index()] } else { 0 }
    }

    /// Delegated weight that ends at `seat` without being cast (L-12): `seat` has neither ballot nor delegation, or the
    /// weight came over [`MAX_STEPS`] delegations already, or the delegation of `seat` names somebody outside the roll.
    #[must_use]
    pub fn stranded(&self, seat: Seat) -> u128 {
        if self.votes[seat.index()] { 0 } else { self.resting[seat.index()] }
    }

    /// Weight that abstains by the delegation of `seat` (L-17).
    #[must_use]
    pub fn abstained_at(&self, seat: Seat) -> u128 {
        self.abstaining[seat.index()]
    }

    /// All weight that abstains by a delegation.
    #[must_use]
    pub const fn abstained(&self) -> u128 {
        self.abstained
    }

    /// Whether `seat` has a counted ballot.
    #[must_use]
    pub fn votes(&self, seat: Seat) -> bool {
        self.votes[seat.index()]
    }
}

impl Resolver {
    /// For electorates of up to `seats` members.
    #[must_use]
    pub fn new(seats: usize) -> Self {
        Self {
            flow: Flow::empty(seats),
            arrivals: vec![0; seats],
            next: vec![0; seats],
            arrived: Vec::new(),
            next_arrived: Vec::new(),
            rested: Vec::new(),
            abstained: Vec::new(),
            voted: Vec::new(),
        }
    }

    /// The flow over `graph` when the seats in `voters` have counted ballots (L-10 to L-13). At most [`MAX_STEPS`] visits
    /// of each edge.
    ///
    /// # Panics
    /// When the graph has more seats than this resolver.
    pub fn resolve(&mut self, graph: &Graph, voters: impl IntoIterator<Item = Seat>) -> &Flow {
        self.clear();
        for seat in voters {
            self.flow.votes[seat.index()] = true;
            self.voted.push(seat);
        }
        // Step 0: everybody's own weight.
        for seat in graph.delegators() {
            if !self.flow.votes[seat.index()] {
                self.pass_on(graph, seat, graph.electorate().weight(seat));
            }
        }
        for step in 1..=MAX_STEPS {
            std::mem::swap(&mut self.arrivals, &mut self.next);
            let arrived = std::mem::replace(&mut self.arrived, std::mem::take(&mut self.next_arrived));
            self.next_arrived = arrived;
            self.next_arrived.clear();
            for at in 0..self.arrived.len() {
                let seat = self.arrived[at];
                let weight = std::mem::take(&mut self.arrivals[seat.index()]);
                // L-12: a ballot, no delegation, or too long a way ends it here.
                if self.flow.votes[seat.index()] || step == MAX_STEPS || graph.edges(seat).is_empty() {
                    self.rest(seat, weight);
                } else {
                    self.pass_on(graph, seat, weight);
                }
            }
        }
        &self.flow
    }

    /// The flow resolved last.
    #[must_use]
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    // All sums here are parts of the electorate's total, which fits.

    fn pass_on(&mut self, graph: &Graph, from: Seat, weight: u128) {
        for (to, part) in graph.edges(from).divide(weight) {
            match to {
                _ if part == 0 => {}
                Receiver::Outside => self.rest(from, part),
                Receiver::Abstention => self.abstain(from, part),
                Receiver::Seat(to) => {
                    let arrival = &mut self.next[to.index()];
                    if *arrival == 0 {
                        self.next_arrived.push(to);
                    }
                    *arrival += part;
                }
            }
        }
    }

    fn rest(&mut self, seat: Seat, weight: u128) {
        let resting = &mut self.flow.resting[seat.index()];
        if *resting == 0 {
            self.rested.push(seat);
        }
        *resting += weight;
    }

    fn abstain(&mut self, seat: Seat, weight: u128) {
        let abstaining = &mut self.flow.abstaining[seat.index()];
        if *abstaining == 0 {
            self.abstained.push(seat);
        }
        *abstaining += weight;
        self.flow.abstained += weight;
    }

    fn clear(&mut self) {
        for seat in self.rested.drain(..) {
            self.flow.resting[seat.index()] = 0;
        }
        for seat in self.abstained.drain(..) {
            self.flow.abstaining[seat.index()] = 0;
        }
        self.flow.abstained = 0;
        for seat in self.voted.drain(..) {
            self.flow.votes[seat.index()] = false;
        }
        self.arrived.clear();
        self.next_arrived.clear();
    }
}
