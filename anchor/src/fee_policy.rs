//! Which fee rate to pay, when to pay more, and when to wait.

use bitcoin::{Amount, FeeRate, Weight};

use crate::fee::INCREMENTAL_RELAY_RATE;

/// The DAO's limits for the fees of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeePolicy {
    /// Rate without an estimate, and the least ever paid.
    pub floor: FeeRate,
    /// Highest rate ever paid.
    pub cap: FeeRate,
    /// Most that one link may cost, whatever its weight: the cap per epoch.
    pub link_cap: Amount,
}

/// What the node knows about fees. All of it is advice: nobody's rate is paid above the policy's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeMarket {
    /// Rate at which the node expects confirmation in the wanted number of blocks; `None` when it has no estimate.
    pub estimate: Option<FeeRate>,
    /// Least rate that its mempool takes now.
    pub mempool_minimum: FeeRate,
}

/// What to do about the fee of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeDecision {
    /// Pay this rate.
    Pay(FeeRate),
    /// Pay this rate, the most that is allowed; it is below the estimate, so it may take long.
    PayLimit(FeeRate),
    /// The mempool takes nothing at the rate allowed. The epoch is late; no header is skipped, and later epochs wait
    /// their turn.
    Wait {
        /// Least rate that the mempool takes.
        needed: FeeRate,
        /// Most that is allowed.
        limit: FeeRate,
    },
}

impl FeePolicy {
    /// Highest rate for a link of `weight` under both caps.
    pub fn limit(&self, weight: Weight) -> FeeRate {
        // Rounded down, so that the fee, which is rounded up, stays within the cap.
        let per_link = self.link_cap.to_sat().saturating_mul(1_000).checked_div(weight.to_wu()).unwrap_or(0);
        self.cap.min(FeeRate::from_sat_per_kwu(per_link))
    }

    /// Rate for the first version of a link of `weight`.
    pub fn first_rate(&self, market: FeeMarket, weight: Weight) -> FeeDecision {
        self.at_most_limit(self.wanted(market), market, weight)
    }

    /// Rate for a replacement of a version that paid `paid`; `None` when it is good enough or nothing can be done.
    ///
    /// The rate rises by at least a half each time, so that a rise from the floor to any cap takes few versions: 20
    /// from 1 to 3000 sat/vB, of the [`crate::MAX_VERSIONS`] that are followed.
    pub fn replacement_rate(&self, paid: FeeRate, market: FeeMarket, weight: Weight) -> Option<FeeRate> {
        let wanted = self.wanted(market);
        if wanted <= paid {
            return None;
        }
        let step = (paid.to_sat_per_kwu() / 2).max(INCREMENTAL_RELAY_RATE.to_sat_per_kwu());
        let least = FeeRate::from_sat_per_kwu(paid.to_sat_per_kwu().saturating_add(step));
        match self.at_most_limit(wanted.max(least), market, weight) {
            FeeDecision::Pay(rate) => Some(rate),
            // The last step, to the limit itself, may be smaller, but not below what nodes relay.
            FeeDecision::PayLimit(rate) => {
                let relayed = paid.to_sat_per_kwu().saturating_add(INCREMENTAL_RELAY_RATE.to_sat_per_kwu());
                (rate.to_sat_per_kwu() >= relayed).then_some(rate)
            }
            FeeDecision::Wait { .. } => None,
        }
    }

    fn wanted(&self, market: FeeMarket) -> FeeRate {
        market.estimate.unwrap_or(self.floor).max(market.mempool_minimum).max(self.floor)
    }

    fn at_most_limit(&self, wanted: FeeRate, market: FeeMarket, weight: Weight) -> FeeDecision {
        let limit = self.limit(weight);
        if wanted <= limit {
            FeeDecision::Pay(wanted)
        } else if market.mempool_minimum <= limit {
            FeeDecision::PayLimit(limit)
        } else {
            FeeDecision::Wait { needed: market.mempool_minimum, limit }
        }
    }
}
