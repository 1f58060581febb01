//! Coins that the seed words alone bring home: `to_remote` outputs of channels that this folder has no memory of, or of whose funding it has
//! none (C-21, C-93, C-132).
//!
//! Their scripts follow from the seed and a small index, so a folder looks for them in every block: it may have been made from the words, or
//! been put back from a copy made before a channel began or its funding was spliced.

use std::collections::{BTreeMap, BTreeSet};

use althing_channels::fees::{FeeMarket, fee};
use althing_channels::{SweepTo, sweep_to_remote, to_remote_script};
use anyhow::Result;
use bitcoin::{Block, OutPoint, ScriptBuf};

use super::{Stakes, channel_keys};
use crate::keys::Keys;
use crate::shell::Shell;
use crate::store::{SeedCoin, Store};

/// Indexes looked for beyond those that this folder knows: a member opens few channels.
const AHEAD_OF_MEMBER: u32 = 32;
/// A hub that lost everything may have had many, and one that was put back may have opened many since.
const AHEAD_OF_HUB: u32 = 512;

/// What to look for, and what was found.
#[derive(Default)]
pub struct SeedCoins {
    scripts: BTreeMap<ScriptBuf, u32>,
    coins: BTreeMap<OutPoint, SeedCoin>,
}

impl SeedCoins {
    /// Scripts of the indexes that `stakes` has, and of those after them.
    ///
    /// # Errors
    /// On I/O.
    pub fn load(store: &Store, stakes: &Stakes, keys: &Keys, is_hub: bool) -> Result<Self> {
        let ahead = if is_hub { AHEAD_OF_HUB } else { AHEAD_OF_MEMBER };
        let indexes = 0..stakes.next_number().saturating_add(ahead);
        let script = |index| {
            let known = stakes.channel(index).map(|channel| channel.machine.keys().public().payment);
            (to_remote_script(&known.unwrap_or_else(|| channel_keys(keys, index).public().payment)), index)
        };
        let coins = store.seed_coins()?.into_iter().map(|coin| (coin.outpoint, coin)).collect();
        Ok(Self { scripts: indexes.map(script).collect(), coins })
    }

    /// What a block shows: coins created and coins spent, each as it now is.
    pub fn scan(&self, height: u32, block: &Block) -> Vec<SeedCoin> {
        if self.scripts.is_empty() && self.coins.is_empty() {
            return Vec::new();
        }
        let mut seen: BTreeMap<OutPoint, SeedCoin> = BTreeMap::new();
        for tx in &block.txdata {
            for input in &tx.input {
                let outpoint = input.previous_output;
                let known = seen.get(&outpoint).or_else(|| self.coins.get(&outpoint)).cloned();
                if let Some(coin) = known {
                    seen.insert(outpoint, SeedCoin { spent_height: Some(height), ..coin });
                }
            }
            for (vout, output) in (0u32..).zip(&tx.output) {
                if let Some(seed) = self.scripts.get(&output.script_pubkey) {
                    let outpoint = OutPoint { txid: tx.compute_txid(), vout };
                    let coin = SeedCoin { outpoint, seed: *seed, height, tx: tx.clone(), spent_height: None };
                    seen.insert(outpoint, coin);
                }
            }
        }
        seen.into_values().collect()
    }

    /// Takes over what is stored.
    pub fn note(&mut self, seen: Vec<SeedCoin>) {
        self.coins.extend(seen.into_iter().map(|coin| (coin.outpoint, coin)));
    }

    /// Blocks from `height` upward are gone.
    pub fn disconnect(&mut self, height: u32) {
        self.coins.retain(|_, coin| coin.height < height);
        for coin in self.coins.values_mut() {
            coin.spent_height = coin.spent_height.filter(|spent| *spent < height);
        }
    }

    /// One above the highest index whose channel was seen to end: it is never used again (C-3).
    fn floor(&self) -> u32 {
        self.coins.values().map(|coin| coin.seed.saturating_add(1)).max().unwrap_or(0)
    }
}

impl Shell {
    /// Brings home what only the seed knows of, at every tip until it is done.
    pub(super) fn sweep_seed_coins(&mut self, market: &FeeMarket) {
        let open: Vec<SeedCoin> = self
            .seed_coins
            .coins
            .values()
            .filter(|coin| coin.spent_height.is_none() && !self.is_followed(coin) && !self.weighs_in_votes(coin.seed))
            .cloned()
            .collect();
        for coin in open {
            let swept = self.wallet.unused_script().and_then(|script| {
                let keys = channel_keys(&self.keys, coin.seed);
                // No randomness: the same transaction comes out each time (BIP340).
                let to = |fee_sat| SweepTo { script: script.clone(), fee_sat, aux_rand: [0; 32] };
                let weight = sweep_to_remote(&keys, &coin.tx, &to(0))?.weight();
                let sweep = sweep_to_remote(&keys, &coin.tx, &to(fee(market.economical, weight).to_sat()))?;
                Ok(self.bitcoind.submit(&sweep)?)
            });
            match swept {
                Ok(txid) => tracing::warn!(%txid, seed = coin.seed, "coins of a forgotten channel come home"),
                Err(error) => tracing::warn!(seed = coin.seed, error = format!("{error:#}"), "not taken; tried again"),
            }
        }
    }

    /// Whether the channel's own monitor looks after it: what has the coin spends a funding that the channel knows.
    fn is_followed(&self, coin: &SeedCoin) -> bool {
        let fundings = self.stakes.channel(coin.seed).map(|channel| channel.machine.fundings()).unwrap_or_default();
        coin.tx.input.iter().any(|input| fundings.contains(&input.previous_output))
    }

    /// Number of a new channel: one whose seed was never used, by this folder, by the log, or by the chain. A folder that was made
    /// anew from the words must not open a channel with secrets that somebody has seen already (C-3).
    ///
    /// # Errors
    /// Never yet; kept for the store's sake.
    pub fn fresh_number(&self) -> Result<u32> {
        let own = self.stakes.next_number().max(self.seed_coins.floor());
        let known: BTreeSet<_> = self.stakes.iter().map(|channel| channel.machine.keys().public().funding).collect();
        let is_forgotten = |key: &bitcoin::secp256k1::PublicKey| !known.contains(key);
        let records = self.ledger.state().channels().values();
        let mut forgotten: BTreeSet<_> = records
            .flat_map(|record| [record.bind.member_funding_key, record.bind.hub_funding_key])
            .filter(is_forgotten)
            .collect();
        // Of each channel one key is the other side's; they stay in the set, so the search ends by its bound.
        let bound = if self.stakes.iter().next().is_none() { AHEAD_OF_HUB } else { AHEAD_OF_MEMBER };
        if forgotten.len() <= known.len() {
            return Ok(own);
        }
        let used = (own..own.saturating_add(bound))
            .filter(|index| forgotten.remove(&channel_keys(&self.keys, *index).public().funding))
            .max();
        Ok(used.map_or(own, |index| index.saturating_add(1)))
    }
}
