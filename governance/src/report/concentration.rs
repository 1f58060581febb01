//! How evenly weight is spread, in integers.
//!
//! Sources: C. Gini, "Variabilità e mutabilità" (1912), in the form for sorted values; the Nakamoto number after
//! B. Srinivasan and L. Lee, "Quantifying Decentralization" (2017).

use crate::charter::ALL_BP;

/// Measures of a list of weights (F-10).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Concentration {
    /// Members with weight.
    pub members: u64,
    /// Sum of all weights.
    pub total: u128,
    /// Share of the largest, basis points rounded down.
    pub largest_bp: u32,
    /// Share of the three largest together, basis points rounded down.
    pub top3_bp: u32,
    /// Gini coefficient in basis points rounded down: 0 for equal weights, toward 10000 when one has all.
    pub gini_bp: u32,
    /// Fewest members who together have more than half; 0 without weight.
    pub nakamoto: u64,
}

/// Measures `weights`; zeros among them are left out. `None` when the arithmetic does not fit 128 bits, which satoshis of
/// fewer than 2^32 members cannot reach.
#[must_use]
pub fn concentration(weights: impl IntoIterator<Item = u128>) -> Option<Concentration> {
    let mut sorted: Vec<u128> = weights.into_iter().filter(|weight| *weight > 0).collect();
    sorted.sort_unstable();
    let total = sorted.iter().try_fold(0u128, |sum, weight| sum.checked_add(*weight))?;
    if total == 0 {
        return Some(Concentration::default());
    }
    let top = |n: usize| sorted.iter().rev().take(n).try_fold(0u128, |sum, weight| sum.checked_add(*weight));
    Some(Concentration {
        members: u64::try_from(sorted.len()).ok()?,
        total,
        largest_bp: share_bp(top(1)?, total)?,
        top3_bp: share_bp(top(3)?, total)?,
        gini_bp: gini_bp(&sorted, total)?,
        nakamoto: nakamoto(&sorted, total)?,
    })
}

/// `part` of `whole` in basis points, rounded down; 0 of nothing.
#[must_use]
pub fn share_bp(part: u128, whole: u128) -> Option<u32> {
    let scaled = part.checked_mul(u128::from(ALL_BP))?;
    u32::try_from(scaled.checked_div(whole).unwrap_or(0)).ok()
}

/// G = (2 * sum of i * x_i - (n + 1) * sum) / (n * sum), i from 1 over ascending x.
fn gini_bp(ascending: &[u128], total: u128) -> Option<u32> {
    let n = u128::try_from(ascending.len()).ok()?;
    let ranked =
        (1u128..).zip(ascending).try_fold(0u128, |sum, (i, weight)| sum.checked_add(i.checked_mul(*weight)?))?;
    // Never negative: the mean rank of an ascending list is at least that of a constant one.
    let numerator = ranked.checked_mul(2)?.checked_sub(n.checked_add(1)?.checked_mul(total)?)?;
    share_bp(numerator, n.checked_mul(total)?)
}

fn nakamoto(ascending: &[u128], total: u128) -> Option<u64> {
    let mut sum = 0u128;
    for (count, weight) in (1u64..).zip(ascending.iter().rev()) {
        sum = sum.checked_add(*weight)?;
        if sum > total - sum {
            return Some(count);
        }
    }
    None
}
