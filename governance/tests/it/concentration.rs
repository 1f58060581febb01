//! Measures of concentration against their definitions. F-10.

use althing_governance::report::concentration::{Concentration, concentration};
use proptest::prelude::*;

/// Gini by its definition as mean difference: sum of |a - b| over all pairs / (2 n sum), in basis points.
fn gini_by_pairs(weights: &[u128]) -> u128 {
    let sum: u128 = weights.iter().sum();
    let difference: u128 = weights.iter().flat_map(|a| weights.iter().map(move |b| a.abs_diff(*b))).sum();
    difference * 10_000 / (2 * weights.len() as u128 * sum)
}

/// The smallest set with more than half, by trying every subset.
fn nakamoto_by_subsets(weights: &[u128]) -> u64 {
    let sum: u128 = weights.iter().sum();
    (1u32..1 << weights.len())
        .filter(|set| {
            let part: u128 = weights.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, w)| w).sum();
            2 * part > sum
        })
        .map(|set| u64::from(set.count_ones()))
        .min()
        .unwrap()
}

#[test]
fn worked_examples() {
    let rows: [(&[u128], Concentration); 6] = [
        (&[], Concentration::default()),
        (&[0, 0], Concentration::default()),
        (&[5], Concentration { members: 1, total: 5, largest_bp: 10_000, top3_bp: 10_000, gini_bp: 0, nakamoto: 1 }),
        (
            &[1, 1, 1, 1],
            Concentration { members: 4, total: 4, largest_bp: 2500, top3_bp: 7500, gini_bp: 0, nakamoto: 3 },
        ),
        // Exactly half is not more than half.
        (
            &[2, 1, 1],
            Concentration { members: 3, total: 4, largest_bp: 5000, top3_bp: 10_000, gini_bp: 1666, nakamoto: 2 },
        ),
        (
            &[97, 1, 1, 1, 0],
            Concentration { members: 4, total: 100, largest_bp: 9700, top3_bp: 9900, gini_bp: 7200, nakamoto: 1 },
        ),
    ];
    for (weights, expected) in rows {
        assert_eq!(concentration(weights.iter().copied()), Some(expected), "{weights:?}");
    }
}

#[test]
fn what_does_not_fit_is_said_and_does_not_panic() {
    assert_eq!(concentration([u128::MAX, 1]), None);
    assert_eq!(concentration([u128::MAX]), None);
    // The largest that satoshis can reach: every satoshi in each of a million channels is far beyond it.
    assert!(concentration(std::iter::repeat_n(2_100_000_000_000_000, 1_000_000)).is_some());
}

proptest! {
    #[test]
    fn measures_equal_their_definitions(weights in prop::collection::vec(1u128..1_000_000, 1..11)) {
        let measured = concentration(weights.iter().copied()).unwrap();
        prop_assert_eq!(u128::from(measured.gini_bp), gini_by_pairs(&weights));
        prop_assert_eq!(measured.nakamoto, nakamoto_by_subsets(&weights));
        prop_assert_eq!(measured.total, weights.iter().sum::<u128>());
        let mut reversed = weights.clone();
        reversed.reverse();
        prop_assert_eq!(concentration(reversed).unwrap(), measured);
    }
}
