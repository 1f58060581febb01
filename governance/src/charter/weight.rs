//! What stakes weigh.

use super::{Charter, WeightRule};

impl Charter {
    /// Weight of a stake (G-34, R-12). `aged` is the sum of satoshis times capped age.
    pub(crate) fn weight(&self, stake_sat: u64, aged: u128) -> u128 {
        let weight = match self.weight_rule {
            WeightRule::Stake => u128::from(stake_sat),
            WeightRule::OneMemberOneVote => 1,
            WeightRule::SqrtStake => u128::from(stake_sat.isqrt()),
            WeightRule::StakeAge { .. } => aged,
        };
        self.per_member_cap.map_or(weight, |cap| weight.min(u128::from(cap)))
    }

    /// What `stake_sat` satoshis weigh when they are as old as counts.
    #[must_use]
    pub fn greatest_weight(&self, stake_sat: u64) -> u128 {
        let blocks = match self.weight_rule {
            WeightRule::StakeAge { cap_blocks } => cap_blocks,
            _ => 0,
        };
        self.weight(stake_sat, u128::from(stake_sat) * u128::from(blocks))
    }

    /// What the smallest stake of a member weighs when it is as old as counts.
    #[must_use]
    pub fn smallest_weight(&self) -> u128 {
        self.greatest_weight(self.admission.min_stake_sat())
    }
}
