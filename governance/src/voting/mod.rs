//! Voting systems: what a ballot may say, how ballots add up, and what the sums decide.
//!
//! Every system shares one ballot, a list of naturals, and one counter, [`Count`], whose sums do not depend on the order of
//! arrival. A counter knows nothing of members, logs or heights: ballots and weights go in, an [`Outcome`] under a
//! [`Rule`] comes out.
//!
//! The order of reading: [`System`] (which systems there are), [`BallotSchema`] (what their ballots look like), [`Count`],
//! [`Rule`], [`Outcome`]. The clauses cited as `V-n` are in `docs/spec/voting.md`.

mod apportion;
mod count;
mod early;
mod outcome;
mod rule;
mod runoff;
mod schema;
mod schulze;
mod share;
mod system;
mod tie;
mod workings;

pub use apportion::apportion;
pub use count::{Count, CountError, Rankings};
pub use early::Leader;
pub use outcome::{Outcome, Undecided};
pub(crate) use rule::share_at_least;
pub use rule::{ALL_BP, Quorum, Rule, Threshold};
pub use runoff::{Round, RunOff, RunOffEnd};
pub use schema::{BallotFault, BallotSchema, CostLimit};
pub use schulze::Duels;
pub use system::{MAX_OPTIONS, MAX_SCHULZE_OPTIONS, MIN_OPTIONS, System, SystemFault};
pub use tie::{TIE_DEPTH, TieBreak};
pub use workings::Measure;
