//! A stake channel in detail: what is in it, where both sides stand, what leaving it costs.

use serde::{Deserialize, Serialize};

use super::Curve;

/// What the list of channels does not say of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelDetail {
    /// BOLT 8 node id of the other side, hex.
    pub peer: String,
    /// Number of the newest checkpoint; 0 is the opening's.
    pub checkpoint: u64,
    /// The hub's part of the funding output, by the newest checkpoint.
    pub hub_sat: u64,
    /// Of the member's part: held as deposits.
    pub held_sat: u64,
    /// Of this side's part: what it could give away now, beside the reserve and what is being paid already.
    pub spendable_sat: u64,
    /// What this side ordered to pay the other and no checkpoint of both has yet.
    #[serde(default)]
    pub paying_sat: u64,
    /// What each side has to keep once it had more (C-107).
    pub reserve_sat: u64,
    /// Blocks that this side's part waits after a close alone.
    pub lock_blocks: u16,
    /// Fundings beside the first one: top-ups and withdrawals under way.
    pub splices: Vec<PendingFunding>,
    /// What a close together costs at the usual size and fee rate, out of the member's part.
    pub close_fee_sat: u64,
    /// Size of what a close alone puts on Bitcoin in total (commitment, child, sweep), vB; the wallet pays for it.
    pub close_alone_vb: u64,
    /// What that costs at the fee rates of the newest block, satoshis: when there is time, and in the next blocks; absent before a block.
    #[serde(default)]
    pub close_alone_sat: Option<(u64, u64)>,
    /// What bringing the commitment into a block may cost at most, however long it waits, satoshis (C-76).
    #[serde(default)]
    pub close_alone_most_sat: Option<u64>,
    /// Votes under way for which the part that a close by the other side left stays where it is (N-191).
    #[serde(default)]
    pub votes_with: usize,
    /// Why a close alone wants to be answered for: nobody has shown that this folder is the newest with its keys (C-150).
    #[serde(default)]
    pub doubts: Vec<String>,
    /// The most of the member's weight on the newest final roll that ends with this channel, decimal; absent when it has none.
    pub weight_lost: Option<String>,
    /// The move to another hub that is under way.
    pub migration: Option<MigrationState>,
    /// Balances by checkpoint; only where one channel was asked for.
    pub balances: Option<Curve>,
}

/// A funding that is to replace the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingFunding {
    /// `txid:vout` of the new funding output.
    pub funding_outpoint: String,
    /// What it holds more, in satoshis.
    pub added_sat: u64,
    /// What it holds less, in satoshis.
    pub removed_sat: u64,
    /// Blocks on top of and with the one that has it; 0 while it is in none.
    pub confirmations: u32,
    /// The same in a sentence.
    pub words: String,
}

/// How far the move of a channel to another hub has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationState {
    /// The hub that it goes to: `node_id@host:port`.
    pub to: String,
    /// agreeing, signing, confirming, waiting, closing, sweeping, opening, done or failed.
    pub step: String,
    /// The same in a sentence.
    pub words: String,
    /// Id of the channel there, hex; absent until it has one.
    pub channel: Option<String>,
}
