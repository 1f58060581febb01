//! Options of the commands that change a channel in use.

use clap::Args;

/// `channel topup`.
#[derive(Debug, Clone, Args)]
pub struct TopUp {
    /// Satoshis that the wallet adds.
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
    #[arg(long, value_name = "HUB")]
    pub to: String,
    /// The channel's id or the beginning of it; not needed with one channel.
    #[arg(long, value_name = "ID")]
    pub channel: Option<String>,
    /// Fee rate of the transaction, sat/vB; taken from the stake. It cannot be raised afterwards.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub fee_rate: u64,
    /// Without the present hub: closes alone, waits for the coins, and stakes them with the other hub.
    #[arg(long)]
    pub alone: bool,
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
