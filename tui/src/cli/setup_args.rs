//! Options of the commands that make a folder, run its node and show its screens.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::theme::ThemeName;

/// Options of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// bitcoin, testnet4, signet or regtest.
    #[arg(long, default_value = "bitcoin")]
    pub network: String,
    /// This is real money: needed with the network bitcoin.
    #[arg(long)]
    pub mainnet: bool,
    /// This machine's own Bitcoin Core.
    #[command(flatten)]
    pub bitcoind: Bitcoind,
    /// File with the words of a backup, `-` for the standard input; else new words are made.
    #[arg(long, value_name = "FILE")]
    pub words_file: Option<PathBuf>,
}

/// How to reach a Bitcoin Core.
#[derive(Debug, Clone, Args)]
pub struct Bitcoind {
    /// Address of Bitcoin Core's RPC, like http://127.0.0.1:8332.
    #[arg(long = "bitcoind", env = "ALTHING_BITCOIND", value_name = "URL")]
    pub url: String,
    /// The credentials.
    #[command(flatten)]
    pub login: Login,
}

/// The credentials of a Bitcoin Core.
#[derive(Debug, Clone, Args)]
pub struct Login {
    /// Bitcoin Core's cookie file.
    #[arg(long, env = "ALTHING_COOKIE", value_name = "FILE")]
    pub cookie: Option<PathBuf>,
    /// User of the RPC, where there is no cookie.
    #[arg(long, env = "ALTHING_RPC_USER", value_name = "NAME", requires = "rpc_password_file")]
    pub rpc_user: Option<String>,
    /// File whose first line is the password of that user.
    #[arg(long, value_name = "FILE", requires = "rpc_user")]
    pub rpc_password_file: Option<PathBuf>,
}

/// `keys`.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Show the public keys of this folder.
    Show {
        /// The vote, log and anchor key after so many replacements.
        #[arg(long, default_value_t = 0)]
        replacement: u32,
    },
}

/// `charter`.
#[derive(Debug, Subcommand)]
pub enum Charter {
    /// Print a charter with comments, to start from.
    Template {
        /// association, cooperative, grants or starter.
        #[arg(default_value = "starter")]
        kind: String,
        /// regtest, signet, testnet4 or bitcoin: its periods are the charter's. The first line names the keys
        /// to put in.
        #[arg(long, value_name = "NET", default_value = "regtest")]
        network: String,
    },
    /// Check a charter: exit 1 names what is wrong.
    Check {
        /// The charter, TOML.
        file: PathBuf,
    },
    /// Say in sentences what a charter lays down.
    #[command(alias = "print")]
    Explain {
        /// The charter, TOML.
        file: PathBuf,
    },
    /// Say field by field what another charter changes, and whether a vote may change it so.
    Diff {
        /// The charter as it is, TOML.
        old: PathBuf,
        /// The charter as it would be, TOML.
        new: PathBuf,
    },
    /// Print the charter in force, TOML.
    Show,
}

/// `dao`.
#[derive(Debug, Subcommand)]
pub enum Dao {
    /// Found a DAO: broadcasts the genesis transaction.
    Found {
        /// The charter, TOML.
        #[arg(long, value_name = "FILE")]
        charter: PathBuf,
        /// Address that members will reach the hub at, HOST:PORT.
        #[arg(long, value_name = "ADDRESS")]
        listen: String,
    },
    /// Verify a DAO file against Bitcoin and make this folder a member of it.
    Join {
        /// The DAO file that the founder published.
        file: PathBuf,
        /// The name the others see.
        #[arg(long)]
        name: String,
    },
    /// The DAO of this folder.
    Show,
    /// The invitation to the DAO of this folder, as text and QR code.
    Invitation,
}

/// `hub`.
#[derive(Debug, Subcommand)]
pub enum HubCommand {
    /// Run until stopped.
    Run {
        /// Listen elsewhere than the founding said, HOST:PORT.
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<String>,
    },
    /// Say that the log of this folder is the newest there is, when no member can show so. Only if the folder was never put back
    /// from a copy: else the hub proves its own fraud.
    Confirm,
}

/// `member`.
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// Run until stopped.
    Run,
}

/// `tui`.
#[derive(Debug, Args)]
pub struct Tui {
    /// Colours; NO_COLOR turns them off.
    #[arg(long, value_enum, env = "ALTHING_THEME")]
    pub theme: Option<ThemeName>,
    /// Leave the mouse to the terminal.
    #[arg(long)]
    pub no_mouse: bool,
    /// With the ten steps of the tutorial above the screens.
    #[arg(long)]
    pub learn: bool,
}
