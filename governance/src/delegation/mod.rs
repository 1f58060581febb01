//! Delegation: who speaks with whose weight when its owner does not vote (`L-n`, docs/spec/delegation.md).
//!
//! Weight flows over the frozen roll in steps. What arrives at a member with a counted ballot rests there and is cast with
//! it; what arrives at anyone else is divided among the receivers of their delegation in force, for at most [`MAX_STEPS`]
//! steps, and may abstain there; the rest is not cast. Streams that meet at a member in the same step are joined before they are divided, so
//! that the cost is bounded by steps times edges, order never matters, and cycles end by themselves.
//!
//! The order of reading: [`Delegation`] (what a member says), [`Book`] (what is in force for a proposal), [`Electorate`] and
//! [`Graph`] (the roll and its delegations by seat), [`Resolver`] (a whole tally), [`Basin`] and [`Live`] (the
//! same, kept up to date: what open proposals share, and what one's ballots make different), [`Route`] (where one member's
//! weight goes).

mod basin;
mod body;
mod book;
mod circle;
mod electorate;
mod flow;
mod graph;
mod live;
mod route;

pub use basin::Basin;
pub use body::{Delegation, MAX_PARTS, MAX_TAG, Part, Scope, Tag};
pub use book::{Book, DelegationRecord, Topic, View};
pub use electorate::{Electorate, ElectorateError, Seat};
pub use flow::{Flow, Resolver, resolve};
pub use graph::{EdgeList, Graph, OutEdges, Receiver};
pub use live::{Live, Shift};
pub use route::{MAX_ROUTE_EDGES, Route, RouteEnd, RouteEndKind};

/// Most delegations that weight passes on its way to a ballot (L-10).
pub const MAX_STEPS: usize = 8;

/// What arrives at a seat after 1, 2, ... delegations.
type Steps = [u128; MAX_STEPS];
/// The same of all seats at which something arrives.
type Arrivals = std::collections::BTreeMap<Seat, Steps>;
