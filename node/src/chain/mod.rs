//! This node's own view of Bitcoin: a source of one of three kinds, followed block by block.

pub mod answer;
mod bitcoind;
mod electrum;
mod esplora;
mod follower;
mod socket;
mod source;

pub use follower::{ChainEvent, Follower};
pub use source::{Access, Bitcoind, BitcoindError, Source, SubmitError};
