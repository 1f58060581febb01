//! The flow of an open proposal, kept up to date: a ballot or a delegation that changes costs the edges it affects.

use std::collections::{BTreeMap, BTreeSet};

use super::MAX_STEPS;
use super::electorate::Seat;
use super::graph::{EdgeList, Graph, OutEdges};

/// What one proposal's voters receive, for a graph that other proposals may share.
///
/// Equal at any time to what [`super::resolve`] says of the same voters and edges (L-14).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Live {
    voters: BTreeSet<Seat>,
    /// What arrives at a seat in step 1, 2, ...; seats where nothing arrives are left out.
    arrivals: BTreeMap<Seat, [u128; MAX_STEPS]>,
    work: Work,
}

/// Seats and edges looked at. How a flow came to be is no part of what it is.
#[derive(Debug, Clone, Copy, Default)]
struct Work(u64);

impl PartialEq for Work {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Work {}

/// The weight of a ballot changed. The counter is to take the ballot of `before` back and to add that of `after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// Whose ballot.
    pub seat: Seat,
    /// Its weight until now; 0 when there was no ballot.
    pub before: u128,
    /// Its weight from now on; 0 when there is no ballot any more.
    pub after: u128,
}

impl Live {
    /// Nobody has voted.
    #[must_use]
    pub fn new(graph: &Graph) -> Self {
        let mut live = Self::default();
        let mut layer: BTreeMap<Seat, u128> =
            graph.delegators().map(|seat| (seat, graph.electorate().weight(seat))).collect();
        for step in 0..MAX_STEPS {
            let mut next = BTreeMap::new();
            for (from, weight) in layer {
                for (to, part) in graph.edges(from).divide(weight) {
                    if let Some(to) = to.filter(|_| part > 0) {
                        live.arrivals.entry(to).or_default()[step] += part;
                        *next.entry(to).or_default() += part;
                    }
                }
            }
            layer = next;
        }
        live
    }

    /// Seats and edges that changes have looked at so far: what it has cost to keep this up to date, the beginning aside.
    #[must_use]
    pub const fn work(&self) -> u64 {
        self.work.0
    }

    /// Whether `seat` has a counted ballot.
    #[must_use]
    pub fn votes(&self, seat: Seat) -> bool {
        self.voters.contains(&seat)
    }

    /// Weight with which the ballot of `seat` is counted; 0 when it has none.
    #[must_use]
    pub fn received(&self, graph: &Graph, seat: Seat) -> u128 {
        match self.votes(seat) {
            // Fits, because all weights of an electorate together do.
            true => graph.electorate().weight(seat) + self.arrivals.get(&seat).map_or(0, |steps| steps.iter().sum()),
            false => 0,
        }
    }

    /// `seat` votes, or its ballot is withdrawn; returns every ballot whose weight changed, `seat`'s included, by seat. No
    /// change when it is so already.
    pub fn set_votes(&mut self, graph: &Graph, seat: Seat, votes: bool) -> Vec<Shift> {
        if votes == self.votes(seat) {
            return Vec::new();
        }
        let mut shifts = Shifts::default();
        shifts.note(self, graph, seat);
        if votes {
            self.voters.insert(seat);
            self.rewire(graph, seat, graph.edges(seat), OutEdges::NONE, &mut shifts);
        } else {
            self.voters.remove(&seat);
            self.rewire(graph, seat, OutEdges::NONE, graph.edges(seat), &mut shifts);
        }
        shifts.finish(self, graph)
    }

    /// What a ballot of `seat` would weigh and which other ballots would change with it, without casting it; none changes where
    /// it votes already. Costs what lies behind the seat, not the electorate.
    #[must_use]
    pub fn if_votes(&self, graph: &Graph, seat: Seat) -> (u128, Vec<Shift>) {
        let mut part = self.behind(graph, seat);
        let mut shifts = part.set_votes(graph, seat, true);
        shifts.retain(|shift| shift.seat != seat);
        (part.received(graph, seat), shifts)
    }

    /// The part of this flow that a change at `seat` can reach.
    fn behind(&self, graph: &Graph, seat: Seat) -> Self {
        let mut part = Self::default();
        let (mut seen, mut layer) = (BTreeSet::from([seat]), vec![seat]);
        for _ in 0..=MAX_STEPS {
            let mut next = Vec::new();
            for from in layer {
                if let Some(steps) = self.arrivals.get(&from) {
                    part.arrivals.insert(from, *steps);
                }
                if self.votes(from) {
                    part.voters.insert(from);
                    if from != seat {
                        continue;
                    }
                }
                let receivers = graph.edges(from).receivers();
                next.extend(receivers.filter(|to| seen.insert(*to)));
            }
            layer = next;
        }
        part
    }

    /// The delegation of `seat` is about to become `edges`; to be called before [`Graph::set`] for every proposal that
    /// shares the graph. Returns every ballot whose weight changed, by seat.
    pub fn before_set(&mut self, graph: &Graph, seat: Seat, edges: &EdgeList) -> Vec<Shift> {
        // The owner's ballot overrides: nothing passes through a voter, before or after (L-10).
        if self.votes(seat) {
            return Vec::new();
        }
        let mut shifts = Shifts::default();
        self.rewire(graph, seat, graph.edges(seat), edges.as_edges(), &mut shifts);
        shifts.finish(self, graph)
    }

    /// Lets what passes through `seat` go over `after` instead of `before`, step by step; everything downstream follows.
    fn rewire(&mut self, graph: &Graph, seat: Seat, before: OutEdges<'_>, after: OutEdges<'_>, shifts: &mut Shifts) {
        // Seats whose arrival in this step changed, with what it was.
        let mut changed = BTreeMap::new();
        for step in 0..MAX_STEPS {
            changed.entry(seat).or_insert_with(|| self.arrival(graph, seat, step));
            let mut next = BTreeMap::new();
            for (from, old) in changed {
                let new = self.arrival(graph, from, step);
                self.work.0 += 1;
                let (before, after) = match () {
                    () if from == seat => (before, after),
                    () if self.votes(from) => (OutEdges::NONE, OutEdges::NONE),
                    () => (graph.edges(from), graph.edges(from)),
                };
                // Old parts first, so that no sum is above the electorate's total in between.
                for (to, part) in before.divide(old) {
                    if let Some(arrival) = self.arrival_mut(graph, to, step, &mut next, shifts) {
                        *arrival -= part;
                    }
                }
                for (to, part) in after.divide(new) {
                    if let Some(arrival) = self.arrival_mut(graph, to, step, &mut next, shifts) {
                        *arrival += part;
                    }
                }
            }
            next.retain(|to, old| self.arrivals.get(to).map_or(0, |steps| steps[step]) != *old);
            changed = next;
        }
    }
    /// What arrives at `seat` after `step` delegations; in step 0 that is its own weight.
    fn arrival(&self, graph: &Graph, seat: Seat, step: usize) -> u128 {
        match step.checked_sub(1) {
            None => graph.electorate().weight(seat),
            Some(place) => self.arrivals.get(&seat).map_or(0, |steps| steps[place]),
        }
    }

    /// The arrival that a part sent in `step` is in, noted in `next` and `shifts` as it was; none outside the roll.
    fn arrival_mut(
        &mut self,
        graph: &Graph,
        to: Option<Seat>,
        step: usize,
        next: &mut BTreeMap<Seat, u128>,
        shifts: &mut Shifts,
    ) -> Option<&mut u128> {
        self.work.0 += 1;
        let to = to?;
        shifts.note(self, graph, to);
        let arrival = &mut self.arrivals.entry(to).or_default()[step];
        next.entry(to).or_insert(*arrival);
        Some(arrival)
    }
}

/// What ballots weighed before a change.
#[derive(Debug, Default)]
struct Shifts {
    before: BTreeMap<Seat, u128>,
}

impl Shifts {
    fn note(&mut self, live: &Live, graph: &Graph, seat: Seat) {
        self.before.entry(seat).or_insert_with(|| live.received(graph, seat));
    }

    fn finish(self, live: &mut Live, graph: &Graph) -> Vec<Shift> {
        let mut shifts = Vec::new();
        for (seat, before) in self.before {
            if live.arrivals.get(&seat).is_some_and(|steps| *steps == [0; MAX_STEPS]) {
                live.arrivals.remove(&seat);
            }
            let after = live.received(graph, seat);
            if before != after {
                shifts.push(Shift { seat, before, after });
            }
        }
        shifts
    }
}
