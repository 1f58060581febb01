//! Coins for closing alone: each own commitment needs one of the wallet's, whatever else closes at the time. Clause C-77.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, FeeRate, OutPoint, Weight};

use super::child::WalletCoin;
use crate::fees::{fee, rate_limit};
use crate::ids::DUST_SAT;

/// Weight of a commitment with both outputs.
const COMMITMENT: Weight = Weight::from_wu(4 * 167);
/// Weight of a child with one key-path coin and one P2TR output.
const CHILD: Weight = Weight::from_wu(4 * 153);

/// A commitment that needs a coin for its child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The funding that the commitment spends.
    pub funding: OutPoint,
    /// Least value of the coin, in satoshis.
    pub least_sat: u64,
    /// The coin its child used so far, if any.
    pub held: Option<OutPoint>,
}

/// What a wallet keeps for each channel in a coin of its own, so that it can close alone while fees are at `rate`.
///
/// Coins are not shared: a child with two unconfirmed parents is not relayed (BIP431), so as many channels can close at one
/// time as there are coins.
pub fn reserve_per_close(rate: FeeRate) -> Amount {
    fee(rate, COMMITMENT + CHILD) + Amount::from_sat(DUST_SAT)
}

/// The highest rate at which a coin of that value pays for closing alone; the other way round of [`reserve_per_close`].
pub fn rate_with(value: Amount) -> FeeRate {
    rate_limit(value.checked_sub(Amount::from_sat(DUST_SAT)).unwrap_or(Amount::ZERO), COMMITMENT + CHILD)
}

/// Gives each need a coin of its own, as far as there are coins; the rest waits for the next block.
///
/// A child keeps the coin it had while that coin is enough: a replacement with other coins would leave the first coin bound
/// in mempools that did not see the replacement. Others get the smallest coin that is enough, the neediest first.
pub fn assign_coins(needs: &[Need], coins: &[WalletCoin]) -> BTreeMap<OutPoint, WalletCoin> {
    let mut given = BTreeMap::new();
    let mut used = BTreeSet::new();
    let enough = |coin: &WalletCoin, need: &Need| coin.output.value.to_sat() >= need.least_sat;
    for need in needs {
        let kept = coins.iter().find(|coin| Some(coin.outpoint) == need.held && enough(coin, need));
        if let Some(coin) = kept.filter(|coin| used.insert(coin.outpoint)) {
            given.insert(need.funding, coin.clone());
        }
    }
    let mut waiting: Vec<&Need> = needs.iter().filter(|need| !given.contains_key(&need.funding)).collect();
    waiting.sort_by_key(|need| (core::cmp::Reverse(need.least_sat), need.funding));
    for need in waiting {
        let fitting = coins.iter().filter(|coin| enough(coin, need) && !used.contains(&coin.outpoint));
        if let Some(coin) = fitting.min_by_key(|coin| (coin.output.value, coin.outpoint)) {
            used.insert(coin.outpoint);
            given.insert(need.funding, coin.clone());
        }
    }
    given
}
