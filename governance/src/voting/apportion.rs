//! Dividing weight into parts without losing any.

use super::rule::ALL_BP;

/// Divides `weight` into `parts` of 10,000 by the cumulative-floor rule (V-12): part i is
/// `floor(w * C(i) / 10000) - floor(w * C(i-1) / 10000)`, where C(i) is the sum of the first i parts.
///
/// Parts that add up to 10,000 give back exactly `weight`; each differs from its true share by less than 1. `parts` must
/// not add up to more than 10,000; what is above counts as nothing.
pub fn apportion(weight: u128, parts: &[u16]) -> impl Iterator<Item = u128> {
    let mut sum = 0u32;
    let mut given = 0u128;
    parts.iter().map(move |part| {
        sum = sum.saturating_add(u32::from(*part)).min(u32::from(ALL_BP));
        let upto = floor_of(weight, sum);
        let share = upto - given;
        given = upto;
        share
    })
}

/// `floor(weight * sum / 10000)` for `sum` up to 10,000, without a product that could overflow.
fn floor_of(weight: u128, sum: u32) -> u128 {
    let (whole, rest) = (weight / u128::from(ALL_BP), weight % u128::from(ALL_BP));
    whole * u128::from(sum) + rest * u128::from(sum) / u128::from(ALL_BP)
}
