//! Options of the commands about the wallet and the channels.

use althing_node::stakes::DEFAULT_CLOSE_FEE_SAT;
use clap::{Args, Subcommand};

use super::parse::MOST_SAT;

/// `wallet`.
#[derive(Debug, Subcommand)]
pub enum Wallet {
    /// A fresh receiving address.
    Address,
    /// The balances.
    Balance,
    /// Send coins to an address.
    Send(Send),
}

/// `wallet send`.
#[derive(Debug, Clone, Args)]
pub struct Send {
    /// The address, of the DAO's network.
    #[arg(long, value_name = "ADDRESS")]
    pub to: String,
    /// Satoshis that arrive there; the fee is paid besides.
    #[arg(long, value_name = "SATS", required_unless_present = "all", value_parser = clap::value_parser!(u64).range(1..=MOST_SAT))]
    pub amount_sat: Option<u64>,
    /// All coins, less the fee; only without stake channels, each of which needs a coin to be closed with.
    #[arg(long, conflicts_with = "amount_sat")]
    pub all: bool,
    /// Fee rate, sat/vB; the estimate of the Bitcoin source if absent.
    #[arg(long, value_name = "SAT_PER_VB", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub fee_rate: Option<u64>,
}

/// `stake`.
#[derive(Debug, Subcommand)]
pub enum StakeCommand {
    /// Lock bitcoin in a channel with the hub. It stays yours.
    Open {
        /// Amount in satoshis.
        #[arg(value_parser = clap::value_parser!(u64).range(1..=MOST_SAT))]
        amount_sat: u64,
        /// Fee rate of the funding transaction, sat/vB.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1000))]
        fee_rate: u64,
    },
    /// List my channels.
    List,
    /// Close a channel; the stake returns to the wallet and stops counting.
    Close {
        /// The channel, as `stake list` shows it.
        channel: String,
        /// Fee of the closing transaction, satoshis.
        #[arg(long, default_value_t = DEFAULT_CLOSE_FEE_SAT, value_parser = clap::value_parser!(u64).range(..=MOST_SAT))]
        fee_sat: u64,
    },
}

/// `channel`.
#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    /// List the channels: a member's own, a hub's all.
    List,
    /// One channel, and how far its end has come.
    Show {
        /// The channel's id or the beginning of it.
        channel: String,
    },
    /// Pay the other side out of a channel: dues from a member, a reward from the hub.
    Pay {
        /// The channel's id or the beginning of it.
        channel: String,
        /// Amount in satoshis.
        #[arg(value_parser = clap::value_parser!(u64).range(1..=MOST_SAT))]
        amount_sat: u64,
        /// At once, by a voucher that the other side folds later: paid ahead of dues or rewards that the log decides.
        #[arg(long)]
        voucher: bool,
    },
    /// Add coins of the wallet to a channel, which stays in use.
    #[command(name = "topup")]
    TopUp(TopUp),
    /// Take coins out of a channel, which stays in use.
    Withdraw(TakeOut),
    /// Replace a top-up or withdrawal that waits to be mined by one at a higher fee rate.
    Bump(Bump),
    /// Move a channel to another hub, which has to serve the same DAO. Asked for once; the node goes on with it by itself.
    Migrate(Migrate),
    /// Close a channel together with the other side, or alone.
    Close {
        /// The channel's id or the beginning of it.
        channel: String,
        /// Fee of the closing transaction, satoshis. Asked again with a higher fee, it replaces a close that waits.
        #[arg(long, default_value_t = DEFAULT_CLOSE_FEE_SAT, value_parser = clap::value_parser!(u64).range(..=MOST_SAT))]
        fee_sat: u64,
        /// Alone, when the other side does not answer: the wallet pays, and the coins wait for the channel's lock.
        #[arg(long, conflicts_with = "fee_sat")]
        force: bool,
        /// Alone: I know that no folder with these keys was used later than this one. Asked for where nobody has shown it.
        #[arg(long, requires = "force")]
        newest: bool,
    },
}

/// `channel topup`.
#[derive(Debug, Clone, Args)]
pub struct TopUp {
    /// Satoshis that the wallet adds.
    #[arg(value_parser = clap::value_parser!(u64).range(..=MOST_SAT))]
    pub amount_sat: u64,
    /// The channel's id or the beginning of it; not needed with one channel.
    #[arg(long, value_name = "ID")]
    pub channel: Option<String>,
    /// Fee rate of the transaction, sat/vB; the wallet pays it.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub fee_rate: u64,
}

/// `channel withdraw`.
#[derive(Debug, Clone, Args)]
pub struct TakeOut {
    /// Satoshis that leave the channel; the fee is taken from them.
    #[arg(value_parser = clap::value_parser!(u64).range(..=MOST_SAT))]
    pub amount_sat: u64,
    /// Where they go; to this folder's wallet if absent.
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    /// The channel's id or the beginning of it; not needed with one channel.
    #[arg(long, value_name = "ID")]
    pub channel: Option<String>,
    /// Fee rate of the transaction, sat/vB.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub fee_rate: u64,
}

/// `channel migrate`.
#[derive(Debug, Clone, Args)]
pub struct Migrate {
    /// The other hub: NODE_ID@HOST:PORT.
    #[arg(long, value_name = "HUB", required_unless_present = "cancel")]
    pub to: Option<String>,
    /// The channel's id or the beginning of it; not needed with one channel.
    #[arg(long, value_name = "ID")]
    pub channel: Option<String>,
    /// Fee rate of the transaction, sat/vB; taken from the stake. It cannot be raised afterwards.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub fee_rate: u64,
    /// Without the present hub: closes alone, waits for the coins, and stakes them with the other hub.
    #[arg(long)]
    pub alone: bool,
    /// Alone: I know that no folder with these keys was used later than this one. Asked for where nobody has shown it.
    #[arg(long, requires = "alone")]
    pub newest: bool,
    /// Take the order back, as long as both hubs are not signing it.
    #[arg(long, conflicts_with_all = ["to", "alone", "newest"])]
    pub cancel: bool,
}

/// `channel bump`.
#[derive(Debug, Clone, Args)]
pub struct Bump {
    /// Fee rate of the transaction, sat/vB.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub fee_rate: u64,
    /// The channel's id or the beginning of it; not needed with one channel.
    #[arg(long, value_name = "ID")]
    pub channel: Option<String>,
}
