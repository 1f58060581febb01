//! This node's own view of Bitcoin: a bitcoind over RPC, followed block by block.

mod bitcoind;
mod follower;
mod market;

pub use bitcoind::{Access, Bitcoind, BitcoindError, SubmitError};
pub use follower::{ChainEvent, Follower};
