//! Options of the commands that check what somebody says.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::setup_args::{Bitcoind, Login};

/// What a check leans on. Without any, what cannot be known is said.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// The Bitcoin source in the settings of this folder.
    #[arg(long, conflicts_with_all = ["headers", "url"])]
    pub own: bool,
    /// File of block headers.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub headers: Option<PathBuf>,
    /// Address of Bitcoin Core's RPC.
    #[arg(long = "bitcoind", value_name = "URL")]
    pub url: Option<String>,
    /// The credentials.
    #[command(flatten)]
    pub login: Login,
}

/// `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// What to check it against.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Only look at so many entries, chosen by the hash of the block that anchors the log.
    #[arg(long, value_name = "ENTRIES", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub random: Option<u32>,
    /// Keep how far it came in this file, and go on there when it was stopped.
    #[arg(long, value_name = "FILE", conflicts_with = "random")]
    pub resume: Option<PathBuf>,
    /// Write a proof of the first difference to this file, if what the hub signed proves it.
    #[arg(long, value_name = "FILE", conflicts_with = "random")]
    pub proof: Option<PathBuf>,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The proof file.
    pub file: PathBuf,
    /// For a short proof file: the file with the links that lead to its epoch.
    #[arg(long, value_name = "FILE")]
    pub links: Option<PathBuf>,
    /// Founding file of the DAO that it must be about. Without it the DAO that the file names is told.
    #[arg(long, value_name = "FILE")]
    pub dao: Option<PathBuf>,
    /// What to check it against.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// `headers`.
#[derive(Debug, Subcommand)]
pub enum Headers {
    /// Write all block headers of a Bitcoin Core to a file.
    Export {
        /// The file to write.
        file: PathBuf,
        /// The Bitcoin Core.
        #[command(flatten)]
        bitcoind: Bitcoind,
    },
}
