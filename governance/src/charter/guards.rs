//! Guards: limits that no vote of the moment can lift.

use bitcoin::Amount;

use super::{ALL_BP, MAX_LIST};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::id::MemberId;

/// Failures of one effect beyond which its deposit grows no more.
const MAX_COUNTED_FAILURES: u32 = 64;

/// Limits on what votes can do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// Most that leaves the treasury within a number of blocks; no limit when `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spending_cap: Option<SpendingCap>,
    /// Least stake in satoshis, over all members who are not dormant, without which no class that pays opens for voting.
    pub active_stake_min_sat: u64,
    /// Largest factor, in parts of 10,000, by which one rule change may raise or lower a number.
    pub step_limit_factor_bp: u32,
    /// The same for thresholds, quorums and other shares of the votes.
    pub threshold_step_factor_bp: u32,
    /// Largest share of the eligible weight, in basis points, that one rule change may cut.
    pub electorate_shrink_bp: u16,
    /// Epochs after which a change of who is eligible begins to count.
    pub eligibility_delay_epochs: u32,
    /// Blocks after a proposal's failure before the same effect may be proposed again.
    pub cooldown_blocks: u32,
    /// By how much, in parts of 10,000, the deposit grows with every failure of the same effect.
    pub deposit_growth_bp: u32,
    /// Longest pause in blocks that one proposal of class pause can order.
    pub pause_max_blocks: u32,
    /// Members whose stake is the treasury's or the hub's; their weight is zero.
    pub excluded_members: Vec<MemberId>,
}

/// Most that leaves the treasury within a sliding window. A spend above what is left takes effect in part: outputs are
/// paid in their order as far as the rest reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpendingCap {
    /// Length of the window in blocks, at least 1.
    pub window_blocks: u32,
    /// Most within it, in satoshis, at least 1.
    pub max_sat: u64,
}

/// Members who may delay or veto a passed proposal in its veto window, and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardians {
    /// Vote keys; empty for no guardians.
    pub members: Vec<MemberId>,
    /// How many of them have to agree.
    pub threshold: u16,
    /// Blocks by which they can put off an authorisation, once per proposal; 0 when they can only veto.
    #[serde(default)]
    pub delay_blocks: u32,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            spending_cap: None,
            active_stake_min_sat: 0,
            step_limit_factor_bp: 20_000,
            threshold_step_factor_bp: 12_000,
            electorate_shrink_bp: 1000,
            eligibility_delay_epochs: 1,
            cooldown_blocks: 0,
            deposit_growth_bp: 0,
            pause_max_blocks: 1008,
            excluded_members: Vec::new(),
        }
    }
}

impl Guards {
    /// The deposit in satoshis for an effect that has failed `failures` times before: `deposit_sat`, grown that often
    /// and rounded down each time, at most all bitcoin there are.
    #[must_use]
    pub fn deposit_after(&self, deposit_sat: u64, failures: u32) -> u64 {
        let factor = u128::from(ALL_BP) + u128::from(self.deposit_growth_bp);
        let most = u128::from(Amount::MAX_MONEY.to_sat());
        let mut sat = u128::from(deposit_sat).min(most);
        for _ in 0..failures.min(MAX_COUNTED_FAILURES) {
            sat = (sat * factor / u128::from(ALL_BP)).min(most);
        }
        u64::try_from(sat).expect("at most all bitcoin, which fit 64 bits")
    }
}

impl Canonical for Guards {
    fn encode(&self, w: &mut Writer) {
        w.option(self.spending_cap, |w, cap| {
            w.u32(cap.window_blocks);
            w.u64(cap.max_sat);
        });
        w.u64(self.active_stake_min_sat);
        w.u32(self.step_limit_factor_bp);
        w.u32(self.threshold_step_factor_bp);
        w.u16(self.electorate_shrink_bp);
        w.u32(self.eligibility_delay_epochs);
        w.u32(self.cooldown_blocks);
        w.u32(self.deposit_growth_bp);
        w.u32(self.pause_max_blocks);
        w.list(&self.excluded_members);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            spending_cap: r
                .option("spending_cap", |r| Ok(SpendingCap { window_blocks: r.u32()?, max_sat: r.u64()? }))?,
            active_stake_min_sat: r.u64()?,
            step_limit_factor_bp: r.u32()?,
            threshold_step_factor_bp: r.u32()?,
            electorate_shrink_bp: r.u16()?,
            eligibility_delay_epochs: r.u32()?,
            cooldown_blocks: r.u32()?,
            deposit_growth_bp: r.u32()?,
            pause_max_blocks: r.u32()?,
            excluded_members: r.list("excluded_members", MAX_LIST)?,
        })
    }
}

impl Canonical for Guardians {
    fn encode(&self, w: &mut Writer) {
        w.list(&self.members);
        w.u16(self.threshold);
        w.u32(self.delay_blocks);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { members: r.list("guardians", MAX_LIST)?, threshold: r.u16()?, delay_blocks: r.u32()? })
    }
}
