//! What is paid to bring a transaction into a block in time: rates that rise toward a deadline and never fall. Clause C-76.

use bitcoin::{Amount, FeeRate, Weight};
use lightning::impl_writeable_tlv_based;

/// Blocks before a deadline from which on the rate rises above the economical one.
pub const RELAXED_BLOCKS: u32 = 144;
/// Blocks before a deadline from which on the rate rises above the urgent one, toward the cap.
pub const PRESSING_BLOCKS: u32 = 12;
/// A replacement pays at least this much more per weight: the incremental relay rate of 1 sat/vB (BIP125, rule 4).
pub const REPLACEMENT_STEP: FeeRate = FeeRate::from_sat_per_vb_u32(1);

/// What the shell's Bitcoin source says about fees now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeMarket {
    /// Least that is relayed and mined at all.
    pub floor: FeeRate,
    /// Expected to confirm within a day.
    pub economical: FeeRate,
    /// Expected to confirm within two blocks.
    pub urgent: FeeRate,
    /// Never more than this, whatever the estimates say: they can be wrong or manipulated.
    pub cap: FeeRate,
}

/// What one transaction pays at present. Clause C-76: it is kept over restarts and reorganisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bid {
    /// The rate of what was last broadcast.
    pub rate: FeeRate,
    /// Height of the tip when the first version was broadcast.
    pub since: u32,
}

impl Bid {
    /// The bid of the next block: the market's rate for the blocks that are left, and never below `previous`.
    ///
    /// `blocks_left` counts the blocks that may still be mined before the deadline, `None` when there is no deadline. `limit` is
    /// what the coins at stake allow. A raise is at least [`REPLACEMENT_STEP`]; less than that is no raise at all.
    pub fn next(
        previous: Option<Self>,
        market: &FeeMarket,
        blocks_left: Option<u32>,
        limit: FeeRate,
        tip_height: u32,
    ) -> Self {
        let wanted = market.rate(blocks_left).min(limit);
        let Some(previous) = previous else { return Self { rate: wanted, since: tip_height } };
        // C-76: one that is lowered would not replace what is in mempools, and would be lost when the higher one is evicted.
        if wanted <= previous.rate {
            return previous;
        }
        let least =
            FeeRate::from_sat_per_kwu(previous.rate.to_sat_per_kwu().saturating_add(REPLACEMENT_STEP.to_sat_per_kwu()));
        let rate = wanted.max(least);
        if rate > limit.min(market.cap) { previous } else { Self { rate, ..previous } }
    }
}

impl FeeMarket {
    /// Rate for a transaction that must be in a block within `blocks_left` blocks.
    ///
    /// Economical with a day or more, then rising to urgent, and in the last [`PRESSING_BLOCKS`] from urgent to the cap.
    pub fn rate(&self, blocks_left: Option<u32>) -> FeeRate {
        let economical = self.economical.max(self.floor).min(self.cap);
        let urgent = self.urgent.max(economical).min(self.cap);
        match blocks_left {
            None => economical,
            Some(left) if left >= RELAXED_BLOCKS => economical,
            Some(left) if left >= PRESSING_BLOCKS => {
                between(economical, urgent, RELAXED_BLOCKS - left, RELAXED_BLOCKS - PRESSING_BLOCKS)
            }
            Some(left) => between(urgent, self.cap, PRESSING_BLOCKS - left, PRESSING_BLOCKS),
        }
    }
}

/// The highest rate at which a transaction of `weight` costs at most `most`.
pub fn rate_limit(most: Amount, weight: Weight) -> FeeRate {
    let per_kwu = most.to_sat().saturating_mul(1000).checked_div(weight.to_wu()).unwrap_or(u64::MAX);
    FeeRate::from_sat_per_kwu(per_kwu)
}

/// Fee of `weight` at `rate`, rounded up; more than anybody has when it does not fit.
pub fn fee(rate: FeeRate, weight: Weight) -> Amount {
    rate.fee_wu(weight).unwrap_or(Amount::MAX_MONEY)
}

/// `part` of `whole` of the way from `low` to `high`.
fn between(low: FeeRate, high: FeeRate, part: u32, whole: u32) -> FeeRate {
    let (low_kwu, high_kwu) = (u128::from(low.to_sat_per_kwu()), u128::from(high.to_sat_per_kwu()));
    let way = high_kwu.saturating_sub(low_kwu) * u128::from(part) / u128::from(whole.max(1));
    FeeRate::from_sat_per_kwu(u64::try_from(low_kwu + way).unwrap_or(u64::MAX))
}

/// A bid as stored: the rate in satoshis per 1000 weight units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredBid {
    rate_sat_per_kwu: u64,
    since: u32,
}

impl_writeable_tlv_based!(StoredBid, {
    (0, rate_sat_per_kwu, required),
    (2, since, required),
});

impl From<Bid> for StoredBid {
    fn from(bid: Bid) -> Self {
        Self { rate_sat_per_kwu: bid.rate.to_sat_per_kwu(), since: bid.since }
    }
}

impl From<StoredBid> for Bid {
    fn from(stored: StoredBid) -> Self {
        Self { rate: FeeRate::from_sat_per_kwu(stored.rate_sat_per_kwu), since: stored.since }
    }
}
