//! Real Bitcoin Core nodes on regtest for tests, in this project and in others.
//!
//! - [`Bitcoind`] finds a bitcoind on the machine, or builds one from source, once per user.
//! - [`Node`] is one running bitcoind: mine, reorganise, fund, inspect, connect, part, restart.
//! - [`wait_for`] waits for a condition with a deadline and says what it saw last.
//! - [`story`] is a whole DAO on top of them: hub and members in processes of their own, from the founding to verified
//!   decisions. The demo (`cargo demo`) and the end-to-end tests are made of it.
//!
//! Development only: nothing of this is part of what a member, hub or treasurer runs. Unix only: a small shell
//! script watches over each bitcoind so that none outlives its test.
//!
//! ```no_run
//! use althing_regtest::{Node, bitcoin::Amount};
//! use std::time::Duration;
//!
//! let alice = Node::start()?;
//! let bob = Node::start()?;
//! alice.connect(&bob)?;
//!
//! let coin = alice.fund(&bob.miner_address(), Amount::from_sat(100_000))?;
//! Node::wait_same_tip(&[&alice, &bob], Duration::from_secs(30))?;
//! assert_eq!(bob.inclusion(&coin.txid)?.map(|found| found.depth), Some(1));
//! # Ok::<(), althing_regtest::Error>(())
//! ```

mod electrs;
mod error;
mod loopback;
mod miner;
mod node;
mod process;
mod program;
mod provision;
pub mod story;
mod version;
mod wait;

pub use bdk_bitcoind_rpc::bitcoincore_rpc;
pub use bitcoin;

pub use electrs::Electrs;
pub use error::{Error, WaitTimeout};
pub use loopback::Loopback;
pub use node::{Inclusion, Node, NodeConfig, Tip};
pub use program::Program;
pub use provision::{Bitcoind, BuildBitcoind, CoreFromSource, Progress, ProvisionError, Provisioner};
pub use version::Version;
pub use wait::{Look, wait_for};
