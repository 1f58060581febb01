//! What open proposals share: the delegations in force for them, and where weight would come to while nobody votes.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::electorate::Seat;
use super::graph::{EdgeList, Graph, Receiver};
use super::live::{Live, Rerouted, Shift};
use super::{Arrivals, MAX_STEPS};

/// A graph with its flow without any ballot. A [`Live`] holds of one proposal only what its ballots make different.
#[derive(Debug, Clone)]
pub struct Basin {
    graph: Graph,
    /// Made when it is first asked for: a whole tally does not need it.
    silent: OnceLock<Silent>,
    /// Seats and edges looked at by changes.
    work: u64,
}

/// The flow while nobody votes.
#[derive(Debug, Clone, Default)]
struct Silent {
    arrivals: Arrivals,
    /// Weight that abstains.
    abstained: u128,
}

impl Basin {
    /// Over these delegations.
    #[must_use]
    pub const fn new(graph: Graph) -> Self {
        Self { graph, silent: OnceLock::new(), work: 0 }
    }

    /// Who delegates to whom.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Seats and edges that changes have looked at so far, those of single proposals aside.
    #[must_use]
    pub const fn work(&self) -> u64 {
        self.work
    }

    /// What arrives where while nobody votes.
    pub(super) fn silent(&self) -> &Arrivals {
        &self.silently().arrivals
    }

    /// All weight that abstains by a delegation while nobody votes (L-17).
    #[must_use]
    pub fn abstained(&self) -> u128 {
        self.silently().abstained
    }

    /// The part of it that abstains by the delegation of `seat`.
    #[must_use]
    pub fn abstained_at(&self, seat: Seat) -> u128 {
        Live::new().abstained_at(self, seat)
    }

    fn silently(&self) -> &Silent {
        self.silent.get_or_init(|| silent(&self.graph))
    }

    /// The delegation of `seat` becomes `edges` for all proposals that share this, which `lives` are. Returns, in their
    /// order, every ballot whose weight changed, by seat. Costs the edges affected, not the electorate.
    ///
    /// # Panics
    /// As [`Graph::set`].
    pub fn set(&mut self, seat: Seat, edges: &EdgeList, lives: &mut [Live]) -> Vec<Vec<Shift>> {
        let touched: Vec<_> = lives.iter_mut().map(|live| live.before_set(self, seat, edges)).collect();
        let arrivals = std::mem::take(&mut self.silent_mut().arrivals);
        let Rerouted { arrivals, were, abstained, work } = Live::silent_set(&self.graph, arrivals, seat, edges);
        let silent = self.silent_mut();
        silent.arrivals = arrivals;
        silent.abstained = silent.abstained.wrapping_add(abstained);
        self.work += work;
        self.graph.set(seat, edges);
        let settled =
            lives.iter_mut().zip(touched).map(|(live, touched)| live.after_set(self, touched, &were, abstained));
        settled.collect()
    }

    fn silent_mut(&mut self) -> &mut Silent {
        self.silently();
        self.silent.get_mut().expect("it was made just now")
    }
}

fn silent(graph: &Graph) -> Silent {
    let Silent { mut arrivals, mut abstained } = Silent::default();
    let mut layer: BTreeMap<Seat, u128> =
        graph.delegators().map(|seat| (seat, graph.electorate().weight(seat))).collect();
    for step in 0..MAX_STEPS {
        let mut next = BTreeMap::new();
        for (from, weight) in layer {
            for (to, part) in graph.edges(from).divide(weight) {
                match to {
                    Receiver::Seat(to) if part > 0 => {
                        arrivals.entry(to).or_default()[step] += part;
                        *next.entry(to).or_default() += part;
                    }
                    Receiver::Abstention => abstained += part,
                    Receiver::Seat(_) | Receiver::Outside => {}
                }
            }
        }
        layer = next;
    }
    Silent { arrivals, abstained }
}
