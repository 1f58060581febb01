//! Guards, rewards, deposits, the bond, and staged payments.

use std::collections::BTreeSet;

use super::{MAX_PERIOD_BLOCKS, Problems};
use crate::charter::{ALL_BP, Charter};

/// Largest deposit in satoshis: one bitcoin.
const MAX_DEPOSIT_SAT: u64 = 100_000_000;
/// Largest support that a deposit's return may demand: a quarter of the roll.
const MAX_SUPPORT_BP: u64 = 2500;
/// Largest growth of a deposit per failure, in parts of 10,000: threefold.
const MAX_DEPOSIT_GROWTH_BP: u64 = 20_000;
/// Least factor of a step for numbers, in parts of 10,000.
const LEAST_STEP_BP: u64 = 11_000;
/// Least factor of a step for shares of the votes, in parts of 10,000.
const LEAST_SHARE_STEP_BP: u64 = 10_500;
/// Longest pause in blocks that a charter can allow: a month.
pub const MAX_PAUSE_BLOCKS: u32 = 4320;
/// Longest rest of a staged payment in blocks: a month.
const MAX_STAGED_BLOCKS: u64 = 4320;
/// Most guardians of staged payments: as many keys as a treasury may have.
const MAX_STAGING_KEYS: usize = 15;
/// Most epochs before a change of eligibility counts.
const MAX_DELAY_EPOCHS: u64 = 52;

pub(super) fn check(charter: &Charter, p: &mut Problems) {
    guards(charter, p);
    // by its type the pool is fixed per epoch, so that no number of proposals can make it grow.
    p.sat("rewards.pool_sat_per_epoch", charter.rewards.pool_sat_per_epoch);
    p.sat("rewards.dues_sat_per_epoch", charter.rewards.dues_sat_per_epoch);
    let min_stake_sat = charter.admission.min_stake_sat();
    if charter.rewards.dues_sat_per_epoch > min_stake_sat {
        let dues = charter.rewards.dues_sat_per_epoch;
        let what = format!("is {dues}; must be at most the smallest stake of {min_stake_sat}");
        p.add("R-72", "rewards.dues_sat_per_epoch", what);
    }
    p.sat("hub_bond_sat", charter.hub_bond_sat);
    staging(charter, p);
    for (i, rule) in charter.classes.iter().enumerate() {
        //
        p.within("R-70", &format!("classes[{i}].deposit_sat"), rule.deposit_sat, 0, MAX_DEPOSIT_SAT);
        p.within("R-70", &format!("classes[{i}].min_support_bp"), rule.min_support_bp, 0, MAX_SUPPORT_BP);
    }
}

/// G-122: a wait that somebody can use, and guardians who are not the treasurers.
fn staging(charter: &Charter, p: &mut Problems) {
    let Some(staging) = &charter.staging else { return };
    p.sat("staging.from_sat", staging.from_sat);
    p.within("G-122", "staging.delay_blocks", staging.delay_blocks, charter.least_period(), MAX_STAGED_BLOCKS);
    p.within("G-122", "staging.threshold", staging.threshold, 1, staging.keys.len() as u64);
    if staging.keys.is_empty() || staging.keys.len() > MAX_STAGING_KEYS {
        let what = format!("has {} keys; must have 1 to {MAX_STAGING_KEYS}", staging.keys.len());
        p.add("G-122", "staging.keys", what);
    }
    let mut seen = BTreeSet::new();
    for (i, key) in staging.keys.iter().enumerate() {
        let field = format!("staging.keys[{i}]");
        let x_only = key.x_only_public_key().0;
        if !seen.insert(x_only.serialize()) {
            p.add("G-122", &field, format!("{key} appears twice; must stand once"));
        }
        if charter.treasurers.iter().any(|treasurer| treasurer.key.x_only_public_key().0 == x_only) {
            p.add("G-122", &field, format!("{key} is a treasurer's; must be somebody else's"));
        }
    }
}

fn guards(charter: &Charter, p: &mut Problems) {
    let guards = &charter.guards;
    if let Some(cap) = guards.spending_cap {
        p.within("R-71", "guards.spending_cap.window_blocks", cap.window_blocks, 1, u64::from(MAX_PERIOD_BLOCKS));
        p.sat("guards.spending_cap.max_sat", cap.max_sat);
        if cap.max_sat == 0 {
            p.add("R-71", "guards.spending_cap.max_sat", "is 0; must be at least 1".into());
        }
    }
    p.sat("guards.active_stake_min_sat", guards.active_stake_min_sat);
    // a factor near 1 would forbid every change, this limit's own included; one above 4 (2 for shares) hardly any.
    let one = u64::from(ALL_BP);
    p.within("R-71", "guards.step_limit_factor_bp", guards.step_limit_factor_bp, LEAST_STEP_BP, 4 * one);
    p.within("R-71", "guards.threshold_step_factor_bp", guards.threshold_step_factor_bp, LEAST_SHARE_STEP_BP, 2 * one);
    p.within("R-71", "guards.electorate_shrink_bp", guards.electorate_shrink_bp, 0, one / 2);
    p.within("R-71", "guards.eligibility_delay_epochs", guards.eligibility_delay_epochs, 1, MAX_DELAY_EPOCHS);
    p.period("guards.cooldown_blocks", guards.cooldown_blocks, 0);
    //
    p.within("R-70", "guards.deposit_growth_bp", guards.deposit_growth_bp, 0, MAX_DEPOSIT_GROWTH_BP);
    //
    p.within("R-68", "guards.pause_max_blocks", guards.pause_max_blocks, 1, u64::from(MAX_PAUSE_BLOCKS));
}
