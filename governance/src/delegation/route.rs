//! Where one member's own weight goes: for showing it to them, not for counting.

use std::collections::BTreeMap;

use super::MAX_STEPS;
use super::electorate::Seat;
use super::graph::{Graph, Receiver};

/// Most edges that a [`Route`] follows; a stranger's delegations must not decide how long a screen takes.
pub const MAX_ROUTE_EDGES: usize = 4096;

/// Where the own weight of one member goes, followed by itself (L-15).
///
/// In the tally it is joined with the weight of others before it is divided, so that parts here and there may differ by
/// the rounding of one unit per division.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it rests, by seat, steps and kind. The weights add up to the member's own, unless it is cut short.
    pub ends: Vec<RouteEnd>,
    /// Whether it stopped after [`MAX_ROUTE_EDGES`] edges; what was on its way then is in no end.
    pub cut_short: bool,
}

/// One place where weight rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteEnd {
    /// Where. For [`RouteEndKind::Abstention`] and [`RouteEndKind::OutsideRoll`], whose delegation says so.
    pub seat: Seat,
    /// Over how many delegations it came there, 0 for the member's own ballot.
    pub steps: usize,
    /// Why it rests there.
    pub kind: RouteEndKind,
    /// How much.
    pub weight: u128,
}

/// Why weight rests where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteEndKind {
    /// It is cast with the ballot of that seat.
    Ballot,
    /// It abstains by the delegation of that seat (L-17).
    Abstention,
    /// Not cast: that seat has neither a ballot nor a delegation in force.
    NoDelegation,
    /// Not cast: it came over [`MAX_STEPS`] delegations already, as it does in a cycle.
    TooManySteps,
    /// Not cast: the delegation names somebody who is not in the roll.
    OutsideRoll,
}

impl Route {
    /// The way of the own weight of `seat` when `votes` tells who has a counted ballot.
    #[must_use]
    pub fn of(graph: &Graph, seat: Seat, votes: impl Fn(Seat) -> bool) -> Self {
        let mut route = Self { ends: Vec::new(), cut_short: false };
        let mut layer = BTreeMap::from([(seat, graph.electorate().weight(seat))]);
        let mut edges_left = MAX_ROUTE_EDGES;
        for steps in 0..=MAX_STEPS {
            let mut next: BTreeMap<Seat, u128> = BTreeMap::new();
            for (seat, weight) in layer {
                let mut rest = |kind, weight| route.ends.push(RouteEnd { seat, steps, kind, weight });
                let edges = graph.edges(seat);
                if votes(seat) {
                    rest(RouteEndKind::Ballot, weight);
                } else if edges.is_empty() {
                    rest(RouteEndKind::NoDelegation, weight);
                } else if steps == MAX_STEPS {
                    rest(RouteEndKind::TooManySteps, weight);
                } else if let Some(left) = edges_left.checked_sub(edges.len()) {
                    edges_left = left;
                    let (mut outside, mut abstained) = (0, 0);
                    for (to, part) in edges.divide(weight).filter(|(_, part)| *part > 0) {
                        match to {
                            Receiver::Seat(to) => *next.entry(to).or_default() += part,
                            Receiver::Outside => outside += part,
                            Receiver::Abstention => abstained += part,
                        }
                    }
                    if abstained > 0 {
                        rest(RouteEndKind::Abstention, abstained);
                    }
                    if outside > 0 {
                        rest(RouteEndKind::OutsideRoll, outside);
                    }
                } else {
                    route.cut_short = true;
                }
            }
            layer = next;
        }
        route.ends.sort_unstable();
        route
    }

    /// How much of it is cast.
    #[must_use]
    pub fn cast(&self) -> u128 {
        self.ends.iter().filter(|end| end.kind == RouteEndKind::Ballot).map(|end| end.weight).sum()
    }
}
