//! Options of `wait`.

use althing_node::api::WaitFor;
use clap::{Args, Subcommand};

/// `wait`.
#[derive(Debug, Args)]
pub struct Wait {
    /// Longest time to wait.
    #[arg(long, default_value_t = 600, value_name = "SECONDS", global = true)]
    pub timeout: u64,
    /// For what.
    #[command(subcommand)]
    pub until: WaitCommand,
}

/// What can be waited for.
#[derive(Debug, Clone, Subcommand)]
pub enum WaitCommand {
    /// The Bitcoin source and the verified log reached a height.
    Height {
        /// The height.
        height: u32,
    },
    /// The link of an epoch is final.
    EpochFinal {
        /// The epoch.
        epoch: u32,
    },
    /// I am on the roll of the newest final epoch.
    OnRoll,
    /// The log has that many verified entries.
    LogSize {
        /// Number of entries.
        entries: u64,
    },
    /// Voting on a proposal has begun.
    VotingOpen {
        /// Its id.
        proposal: String,
    },
    /// The outcome of a proposal is in a final epoch.
    Decided {
        /// Its id.
        proposal: String,
    },
}

impl From<WaitCommand> for WaitFor {
    fn from(until: WaitCommand) -> Self {
        match until {
            WaitCommand::Height { height } => WaitFor::Height(height),
            WaitCommand::EpochFinal { epoch } => WaitFor::EpochFinal(epoch),
            WaitCommand::OnRoll => WaitFor::OnRoll,
            WaitCommand::LogSize { entries } => WaitFor::LogSize(entries),
            WaitCommand::VotingOpen { proposal } => WaitFor::VotingOpen(proposal),
            WaitCommand::Decided { proposal } => WaitFor::Decided(proposal),
        }
    }
}
