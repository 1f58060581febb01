//! What can go wrong while a test talks to its nodes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bdk_bitcoind_rpc::bitcoincore_rpc;
use bitcoin::Amount;

use crate::ProvisionError;

/// Why a node did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no bitcoind to start.
    #[error("no bitcoind: {0}")]
    Provision(#[from] ProvisionError),
    /// bitcoind or electrs ended, or did not answer, while starting.
    #[error("{program} did not start after {attempts} attempts: {reason}\n{log}")]
    Start {
        /// What was started.
        program: &'static str,
        /// How often it was tried, each time on other ports.
        attempts: u32,
        /// What happened the last time.
        reason: String,
        /// The end of its log.
        log: String,
    },
    /// The node is stopped; [`Node::restart`](crate::Node::restart) starts it again.
    #[error("the node is stopped")]
    Stopped,
    /// bitcoind refused a call, or could not be reached.
    #[error("{call}: {source}")]
    Rpc {
        /// Name of the RPC.
        call: &'static str,
        /// Its answer.
        source: bitcoincore_rpc::Error,
    },
    /// bitcoind's answer lacks something expected; another version of bitcoind, most likely.
    #[error("{call}: unexpected answer: {answer}")]
    Answer {
        /// Name of the RPC.
        call: &'static str,
        /// What came.
        answer: String,
    },
    /// A condition did not come true in time.
    #[error(transparent)]
    Timeout(#[from] WaitTimeout),
    /// A reorg would reach below the genesis block, or replace nothing.
    #[error("cannot replace {depth} blocks of a chain of height {height}")]
    ReorgDepth {
        /// Blocks to replace.
        depth: u32,
        /// Height of the tip.
        height: u32,
    },
    /// The miner cannot pay this much even after mining for it; the regtest subsidy halves every 150 blocks.
    #[error("the miner has {available} to spend, {wanted} wanted")]
    Funds {
        /// Amount with fee.
        wanted: Amount,
        /// Sum of the miner's mature coins.
        available: Amount,
    },
    /// A file operation of ours failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

/// A condition did not come true before its deadline.
#[derive(Debug, thiserror::Error)]
#[error("waited {waited:?} for {what}; last seen: {last_seen}")]
pub struct WaitTimeout {
    /// The condition, in words.
    pub what: String,
    /// How long it was waited for.
    pub waited: Duration,
    /// What held instead, the last time one looked.
    pub last_seen: String,
}

impl Error {
    /// For `map_err` on a file operation at `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// For `map_err` on an RPC.
    pub(crate) fn rpc(call: &'static str) -> impl FnOnce(bitcoincore_rpc::Error) -> Self {
        move |source| Self::Rpc { call, source }
    }

    /// For an answer without the expected field.
    pub(crate) fn answer(call: &'static str, answer: &serde_json::Value) -> Self {
        Self::Answer { call, answer: answer.to_string() }
    }
}
