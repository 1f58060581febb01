//! The flow of an open proposal, kept up to date: a ballot or a delegation that changes costs the edges it affects.

use std::collections::{BTreeMap, BTreeSet};

use super::basin::Basin;
use super::electorate::Seat;
use super::graph::{EdgeList, Graph, OutEdges, Receiver};
use super::{Arrivals, MAX_STEPS, Steps};

/// What one proposal's voters receive, over a basin that other proposals may share.
///
/// Equal at any time to what [`super::resolve`] says of the same voters and edges (L-14).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Live {
    voters: BTreeSet<Seat>,
    /// What arrives at a seat in step 1, 2, ..., where it is not what arrives there while nobody votes.
    arrivals: Arrivals,
    /// What abstains more than while nobody votes, modulo 2^128, because it may be less.
    abstained: u128,
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
    pub fn new() -> Self {
        Self::default()
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
    pub fn received(&self, basin: &Basin, seat: Seat) -> u128 {
        self.received_in(Bed::of(basin), seat)
    }

    /// All weight that abstains by a delegation (L-17).
    #[must_use]
    pub fn abstained(&self, basin: &Basin) -> u128 {
        basin.abstained().wrapping_add(self.abstained)
    }

    /// The part of it that abstains by the delegation of `seat`.
    #[must_use]
    pub fn abstained_at(&self, basin: &Basin, seat: Seat) -> u128 {
        let (bed, edges) = (Bed::of(basin), basin.graph().edges(seat));
        if self.votes(seat) || !edges.abstains() {
            return 0;
        }
        (0..MAX_STEPS).map(|step| edges.abstention(self.arrival(bed, seat, step))).sum()
    }

    /// Seats without a ballot by whose delegation something else may abstain than while nobody votes, ascending.
    pub fn shifted_abstainers<'a>(&'a self, basin: &'a Basin) -> impl Iterator<Item = Seat> + 'a {
        let shifted = self.arrivals.keys().copied();
        shifted.filter(|seat| !self.votes(*seat) && basin.graph().edges(*seat).abstains())
    }

    /// `seat` votes, or its ballot is withdrawn; returns every ballot whose weight changed, `seat`'s included, by seat. No
    /// change when it is so already.
    pub fn set_votes(&mut self, basin: &Basin, seat: Seat, votes: bool) -> Vec<Shift> {
        if votes == self.votes(seat) {
            return Vec::new();
        }
        let bed = Bed::of(basin);
        let mut touched = Touched::default();
        touched.note(self, bed, seat);
        if votes {
            self.voters.insert(seat);
            self.rewire(bed, seat, bed.graph.edges(seat), OutEdges::NONE, &mut touched);
        } else {
            self.voters.remove(&seat);
            self.rewire(bed, seat, OutEdges::NONE, bed.graph.edges(seat), &mut touched);
        }
        self.settle(bed, touched)
    }

    /// What a ballot of `seat` would weigh, which other ballots would change with it, and all that would abstain by delegations,
    /// without casting it; none changes where it votes already. Costs what lies behind the seat, not the electorate.
    #[must_use]
    pub fn if_votes(&self, basin: &Basin, seat: Seat) -> (u128, Vec<Shift>, u128) {
        let mut part = self.behind(basin.graph(), seat);
        let mut shifts = part.set_votes(basin, seat, true);
        shifts.retain(|shift| shift.seat != seat);
        (part.received(basin, seat), shifts, part.abstained(basin))
    }

    /// The part of this flow that a change at `seat` can reach.
    fn behind(&self, graph: &Graph, seat: Seat) -> Self {
        let mut part = Self { abstained: self.abstained, ..Self::default() };
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

    /// The delegation of `seat` is about to become `edges`. [`Live::after_set`] follows when the basin has them.
    pub(super) fn before_set(&mut self, basin: &Basin, seat: Seat, edges: &EdgeList) -> Touched {
        let mut touched = Touched::default();
        // The owner's ballot overrides: nothing passes through a voter, before or after (L-10).
        if !self.votes(seat) {
            let bed = Bed::of(basin);
            self.rewire(bed, seat, bed.graph.edges(seat), edges.as_edges(), &mut touched);
        }
        touched
    }

    /// The basin has the edges now, and `were` is what arrived in it where that changed: here it still does, unless the
    /// change came here as well. `abstained` is what abstains more in it than before. Returns every ballot whose weight changed, by seat.
    pub(super) fn after_set(
        &mut self,
        basin: &Basin,
        touched: Touched,
        were: &Arrivals,
        abstained: u128,
    ) -> Vec<Shift> {
        let bed = Bed::of(basin);
        self.abstained = self.abstained.wrapping_sub(abstained);
        for (seat, steps) in were {
            self.arrivals.entry(*seat).or_insert(*steps);
        }
        let shifts = self.settle(bed, touched);
        were.keys().for_each(|seat| self.forget_same(bed, *seat));
        shifts
    }

    /// The same change where nobody votes and nothing lies beneath.
    pub(super) fn silent_set(graph: &Graph, arrivals: Arrivals, seat: Seat, edges: &EdgeList) -> Rerouted {
        let bed = Bed { graph, silent: &Arrivals::new() };
        let mut live = Self { arrivals, ..Self::default() };
        let mut touched = Touched::default();
        live.rewire(bed, seat, graph.edges(seat), edges.as_edges(), &mut touched);
        let were = touched.before.into_iter().map(|(seat, (_, steps))| (seat, steps)).collect::<Arrivals>();
        were.keys().for_each(|seat| live.forget_same(bed, *seat));
        Rerouted { arrivals: live.arrivals, were, abstained: live.abstained, work: live.work.0 }
    }

    /// Lets what passes through `seat` go over `after` instead of `before`, step by step; everything downstream follows.
    fn rewire(&mut self, bed: Bed<'_>, seat: Seat, before: OutEdges<'_>, after: OutEdges<'_>, touched: &mut Touched) {
        // Seats whose arrival in this step changed, with what it was.
        let mut changed = BTreeMap::new();
        for step in 0..MAX_STEPS {
            changed.entry(seat).or_insert_with(|| self.arrival(bed, seat, step));
            let mut next = BTreeMap::new();
            for (from, old) in changed {
                let new = self.arrival(bed, from, step);
                self.work.0 += 1;
                let (before, after) = match () {
                    () if from == seat => (before, after),
                    () if self.votes(from) => (OutEdges::NONE, OutEdges::NONE),
                    () => (bed.graph.edges(from), bed.graph.edges(from)),
                };
                // Old parts first, so that no sum is above the electorate's total in between.
                for (to, part) in before.divide(old) {
                    match self.receiver_mut(bed, to, step, &mut next, touched) {
                        Some(Place::Arrival(arrival)) => *arrival -= part,
                        Some(Place::Abstained(abstained)) => *abstained = abstained.wrapping_sub(part),
                        None => {}
                    }
                }
                for (to, part) in after.divide(new) {
                    match self.receiver_mut(bed, to, step, &mut next, touched) {
                        Some(Place::Arrival(arrival)) => *arrival += part,
                        Some(Place::Abstained(abstained)) => *abstained = abstained.wrapping_add(part),
                        None => {}
                    }
                }
            }
            next.retain(|to, old| self.steps(bed, *to)[step] != *old);
            changed = next;
        }
    }

    fn steps(&self, bed: Bed<'_>, seat: Seat) -> Steps {
        self.arrivals.get(&seat).copied().unwrap_or_else(|| bed.steps(seat))
    }

    /// What arrives at `seat` after `step` delegations; in step 0 that is its own weight.
    fn arrival(&self, bed: Bed<'_>, seat: Seat, step: usize) -> u128 {
        match step.checked_sub(1) {
            None => bed.graph.electorate().weight(seat),
            Some(place) => self.steps(bed, seat)[place],
        }
    }

    /// What a part sent in `step` is in, an arrival noted in `next` and `touched` as it was; none outside the roll.
    fn receiver_mut(
        &mut self,
        bed: Bed<'_>,
        to: Receiver,
        step: usize,
        next: &mut BTreeMap<Seat, u128>,
        touched: &mut Touched,
    ) -> Option<Place<'_>> {
        self.work.0 += 1;
        let to = match to {
            Receiver::Seat(to) => to,
            Receiver::Outside => return None,
            Receiver::Abstention => return Some(Place::Abstained(&mut self.abstained)),
        };
        touched.note(self, bed, to);
        let arrival = &mut self.arrivals.entry(to).or_insert_with(|| bed.steps(to))[step];
        next.entry(to).or_insert(*arrival);
        Some(Place::Arrival(arrival))
    }

    fn received_in(&self, bed: Bed<'_>, seat: Seat) -> u128 {
        match self.votes(seat) {
            // Fits, because all weights of an electorate together do.
            true => bed.graph.electorate().weight(seat) + self.steps(bed, seat).iter().sum::<u128>(),
            false => 0,
        }
    }

    fn settle(&mut self, bed: Bed<'_>, touched: Touched) -> Vec<Shift> {
        let mut shifts = Vec::new();
        for (seat, (before, _)) in touched.before {
            self.forget_same(bed, seat);
            let after = self.received_in(bed, seat);
            if before != after {
                shifts.push(Shift { seat, before, after });
            }
        }
        shifts
    }

    /// Only what differs is held.
    fn forget_same(&mut self, bed: Bed<'_>, seat: Seat) {
        if self.arrivals.get(&seat).is_some_and(|steps| *steps == bed.steps(seat)) {
            self.arrivals.remove(&seat);
        }
    }
}

/// Where a part of a weight is added.
enum Place<'a> {
    Arrival(&'a mut u128),
    Abstained(&'a mut u128),
}

/// A basin's flow after a delegation changed.
pub(super) struct Rerouted {
    pub(super) arrivals: Arrivals,
    /// What arrived where that differs.
    pub(super) were: Arrivals,
    /// What abstains more than before, modulo 2^128.
    pub(super) abstained: u128,
    /// Seats and edges looked at.
    pub(super) work: u64,
}

/// What lies beneath a flow.
#[derive(Clone, Copy)]
struct Bed<'a> {
    graph: &'a Graph,
    silent: &'a Arrivals,
}

impl<'a> Bed<'a> {
    fn of(basin: &'a Basin) -> Self {
        Self { graph: basin.graph(), silent: basin.silent() }
    }

    fn steps(self, seat: Seat) -> Steps {
        self.silent.get(&seat).copied().unwrap_or_default()
    }
}

/// What ballots weighed before a change, and what arrived there.
#[derive(Debug, Default)]
pub(super) struct Touched {
    before: BTreeMap<Seat, (u128, Steps)>,
}

impl Touched {
    fn note(&mut self, live: &Live, bed: Bed<'_>, seat: Seat) {
        self.before.entry(seat).or_insert_with(|| (live.received_in(bed, seat), live.steps(bed, seat)));
    }
}
