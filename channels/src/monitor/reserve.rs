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
    fee_for_closing(rate) + Amount::from_sat(DUST_SAT)
}

/// Rate for which a coin is kept at least, however low the estimates of the day are: fees have risen tenfold within days, and a coin that is
/// made when they do comes too late. What other channel programs keep for the same (LDK: 50 sat/vB; LND: 10,000 sat for each channel).
const LEAST_RATE: FeeRate = FeeRate::from_sat_per_vb_u32(50);

/// Least values of the coin that a wallet keeps for closing one channel alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoinForClosing {
    /// One that is there counts from this value on.
    pub kept: Amount,
    /// One that is made has this value where there is enough: fees may double, and it still counts.
    pub made: Amount,
}

impl CoinForClosing {
    /// The coin while `urgent` is the rate of what has to be mined soon.
    pub fn at(urgent: FeeRate) -> Self {
        let twice = FeeRate::from_sat_per_kwu(urgent.to_sat_per_kwu().saturating_mul(2));
        let worth = |rate: FeeRate| reserve_per_close(rate.max(LEAST_RATE));
        Self { kept: worth(urgent), made: worth(twice) }
    }
}

/// The highest rate at which a coin of that value pays for closing alone; the other way round of [`reserve_per_close`].
pub fn rate_with(value: Amount) -> FeeRate {
    rate_with_fee(value.checked_sub(Amount::from_sat(DUST_SAT)).unwrap_or(Amount::ZERO))
}

/// The rate at which a commitment and its child pay that together.
pub(super) fn rate_with_fee(fee: Amount) -> FeeRate {
    rate_limit(fee, COMMITMENT + CHILD)
}

/// What a commitment and its child pay together at a rate.
pub fn fee_for_closing(rate: FeeRate) -> Amount {
    fee(rate, COMMITMENT + CHILD)
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
