//! The delegations in force for one proposal, as a graph over the seats of its roll.

use std::sync::Arc;

use super::body::Part;
use super::book::{Book, Topic};
use super::electorate::{Electorate, Seat};
use crate::voting::apportion;

/// Who delegates to whom. Proposals with the same roll, topic, cutoff and close share one.
///
/// All edges lie in one arena in the order in which they were set, because a tally reads nearly all of them once.
#[derive(Debug, Clone)]
pub struct Graph {
    electorate: Arc<Electorate>,
    spans: Vec<Span>,
    receivers: Vec<u32>,
    shares_bp: Vec<u16>,
    /// Seats that have or had edges, each once.
    listed: Vec<Seat>,
    /// Edges in the arena that no span holds any more.
    stale: usize,
}

/// Edges that are not in a graph yet, in the order of the delegation's parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EdgeList {
    receivers: Vec<u32>,
    shares_bp: Vec<u16>,
}

/// The edges out of one seat, in the order of the delegation's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutEdges<'a> {
    receivers: &'a [u32],
    shares_bp: &'a [u16],
}

#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    count: u16,
    listed: bool,
}

/// Where a part of a delegation leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// To a member of the roll.
    Seat(Seat),
    /// To somebody who is not in the roll: it is not cast (L-12).
    Outside,
    /// To nobody: it abstains (L-17).
    Abstention,
}

/// Stand for receivers that are no seats, because an electorate has fewer than 2^32 - 1 members.
const OUTSIDE: u32 = u32::MAX;
const ABSTENTION: u32 = u32::MAX - 1;

impl Receiver {
    const fn number(self) -> u32 {
        match self {
            Self::Seat(seat) => seat.0,
            Self::Outside => OUTSIDE,
            Self::Abstention => ABSTENTION,
        }
    }

    const fn of_number(number: u32) -> Self {
        match number {
            OUTSIDE => Self::Outside,
            ABSTENTION => Self::Abstention,
            seat => Self::Seat(Seat(seat)),
        }
    }

    const fn seat(self) -> Option<Seat> {
        match self {
            Self::Seat(seat) => Some(seat),
            Self::Outside | Self::Abstention => None,
        }
    }
}

impl From<Option<Seat>> for Receiver {
    fn from(seat: Option<Seat>) -> Self {
        seat.map_or(Self::Outside, Self::Seat)
    }
}

impl Graph {
    /// Nobody delegates.
    #[must_use]
    pub fn new(electorate: Arc<Electorate>) -> Self {
        let spans = vec![Span::default(); electorate.len()];
        Self { electorate, spans, receivers: Vec::new(), shares_bp: Vec::new(), listed: Vec::new(), stale: 0 }
    }

    /// What the book holds in force for a proposal about `topic` that closes at `close_height`, counting the log before
    /// position `cutoff` (L-6 to L-8).
    #[must_use]
    pub fn of_book(electorate: Arc<Electorate>, book: &Book, topic: &Topic, cutoff: u64, close_height: u32) -> Self {
        let mut graph = Self::new(electorate);
        for (member, record) in book.all_in_force(topic, cutoff, close_height) {
            // Those who are not in the roll have no weight to give and cannot be passed through (L-12).
            let Some(seat) = graph.electorate.seat(&member) else { continue };
            let edges = graph.edge_list(record.parts());
            graph.set(seat, &edges);
        }
        graph
    }

    /// The seats and weights it is over.
    #[must_use]
    pub fn electorate(&self) -> &Arc<Electorate> {
        &self.electorate
    }

    /// The parts of a delegation as edges of this graph.
    #[must_use]
    pub fn edge_list(&self, parts: &[Part]) -> EdgeList {
        let receiver = |part: &Part| match part.abstains() {
            true => Receiver::Abstention,
            false => self.electorate.seat(&part.to).into(),
        };
        EdgeList::new(parts.iter().map(|part| (receiver(part), part.share_bp)))
    }

    /// Replaces the edges out of `seat`; an empty list takes its delegation away. An open proposal that shares this graph
    /// is told first (`Live::before_set`).
    ///
    /// # Panics
    /// When there are more than 65,535 edges; a delegation has at most 16.
    pub fn set(&mut self, seat: Seat, edges: &EdgeList) {
        let count = u16::try_from(edges.receivers.len()).expect("a delegation has at most 16 parts");
        let span = &mut self.spans[seat.index()];
        self.stale += usize::from(span.count);
        // An empty span stays valid whatever is compacted.
        let start = if count == 0 { 0 } else { self.receivers.len() };
        let start = u32::try_from(start).expect("fewer than 2^32 edges, stale ones being removed");
        if count > 0 && !span.listed {
            self.listed.push(seat);
        }
        *span = Span { start, count, listed: span.listed || count > 0 };
        self.receivers.extend_from_slice(&edges.receivers);
        self.shares_bp.extend_from_slice(&edges.shares_bp);
        // Half of the arena at most is stale, so that a change costs amortised its own edges only.
        if self.stale > self.receivers.len() / 2 {
            self.compact();
        }
    }

    /// The edges out of a seat.
    #[must_use]
    pub fn edges(&self, seat: Seat) -> OutEdges<'_> {
        let span = self.spans[seat.index()];
        let range = span.start as usize..span.start as usize + usize::from(span.count);
        OutEdges { receivers: &self.receivers[range.clone()], shares_bp: &self.shares_bp[range] }
    }

    /// Every seat that delegates, in no particular order.
    pub fn delegators(&self) -> impl Iterator<Item = Seat> {
        self.listed.iter().copied().filter(|seat| self.spans[seat.index()].count > 0)
    }

    /// Number of edges.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.receivers.len() - self.stale
    }

    fn compact(&mut self) {
        let (mut receivers, mut shares_bp, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        for seat in std::mem::take(&mut self.listed) {
            let edges = self.edges(seat);
            let start = u32::try_from(receivers.len()).expect("fewer than there were");
            receivers.extend_from_slice(edges.receivers);
            shares_bp.extend_from_slice(edges.shares_bp);
            let span = &mut self.spans[seat.index()];
            *span = Span { start: if span.count == 0 { 0 } else { start }, count: span.count, listed: span.count > 0 };
            if span.listed {
                listed.push(seat);
            }
        }
        (self.receivers, self.shares_bp, self.listed, self.stale) = (receivers, shares_bp, listed, 0);
    }
}

impl EdgeList {
    /// Receivers with their shares in basis points; `None` stands for [`Receiver::Outside`]. Shares add up to 10,000, as [`super::Delegation::check`] makes sure; what is missing would be lost.
    #[must_use]
    pub fn new<R: Into<Receiver>>(edges: impl IntoIterator<Item = (R, u16)>) -> Self {
        let (receivers, shares_bp) = edges.into_iter().map(|(to, share_bp)| (to.into().number(), share_bp)).unzip();
        Self { receivers, shares_bp }
    }

    /// A view of them.
    #[must_use]
    pub fn as_edges(&self) -> OutEdges<'_> {
        OutEdges { receivers: &self.receivers, shares_bp: &self.shares_bp }
    }
}

impl<'a> OutEdges<'a> {
    /// The edges of a seat that does not delegate.
    pub const NONE: Self = Self { receivers: &[], shares_bp: &[] };

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.receivers.is_empty()
    }

    /// How many there are, at most [`super::MAX_PARTS`].
    #[must_use]
    pub fn len(self) -> usize {
        self.receivers.len()
    }

    /// To whom they lead within the roll.
    pub fn receivers(self) -> impl Iterator<Item = Seat> + 'a {
        self.receivers.iter().filter_map(|to| Receiver::of_number(*to).seat())
    }

    /// Whether a part of it abstains.
    #[must_use]
    pub fn abstains(self) -> bool {
        self.receivers.contains(&ABSTENTION)
    }

    /// What of `weight` abstains.
    pub(super) fn abstention(self, weight: u128) -> u128 {
        self.divide(weight).filter(|(to, _)| *to == Receiver::Abstention).map(|(_, part)| part).sum()
    }

    /// Divides `weight` over the edges (L-11). The parts add up to `weight`.
    pub fn divide(self, weight: u128) -> impl Iterator<Item = (Receiver, u128)> + 'a {
        let receivers = self.receivers.iter().map(|to| Receiver::of_number(*to));
        receivers.zip(apportion(weight, self.shares_bp))
    }
}
