//! Load on a real hub: a DAO made for it, votes signed beforehand, and what came back.
//!
//! The hub that runs here is the hub: intake, engine, ledger, store and receipts are those of every other. [`world`] makes it a
//! data directory, [`votes`] signs, [`load`] sends and counts. docs/performance.md says how the figures are to be read.

mod chain;
pub mod cpu;
mod desk;
pub mod load;
mod strangers;
pub mod votes;
pub mod world;

pub use load::{Forgers, Latency, LoadReport, Pace, Session, Way};
pub use votes::{Vote, Voting};
pub use world::{PASSWORD, Scale, Voter, World};
