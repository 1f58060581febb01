//! Hazard: a weight that is one off at an edge, or that a stake divided or topped up can enlarge.

use althing_governance::charter::{Admission, WeightRule};
use althing_governance::roll::StakeClaim;
use althing_governance::{ChannelId, Charter, FundingFact, Roll};
use bitcoin::OutPoint;
use proptest::prelude::*;

use crate::world::{charter, keypair, member_id, txid};

/// All satoshis that there can be.
const MOST_SAT: u64 = 2_100_000_000_000_000;

/// Outputs of member 1, each with its satoshis and the height of its block, at a closing height.
fn weight(rule: WeightRule, per_member_cap: Option<u64>, outputs: &[(u64, u32)], closing: u32) -> u128 {
    let admission = Admission::Open { min_stake_sat: 1 };
    let charter = Charter { weight_rule: rule, per_member_cap, admission, ..charter() };
    let outpoint = |number: u8| OutPoint { txid: txid(number), vout: 0 };
    let claims: Vec<StakeClaim> = (1u8..)
        .zip(outputs)
        .map(|(number, (sat, _))| StakeClaim {
            member: member_id(1),
            channel: ChannelId([number; 32]),
            outpoint: outpoint(number),
            member_funding_key: keypair(1).public_key(),
            hub_funding_key: keypair(99).public_key(),
            member_sat: *sat,
        })
        .collect();
    let fact = |(number, (value_sat, height)): (u8, &(u64, u32))| FundingFact {
        outpoint: outpoint(number),
        value_sat: *value_sat,
        height: *height,
        spent_height: None,
        successor: None,
        released_height: None,
    };
    let facts: Vec<FundingFact> = (1u8..).zip(outputs).map(fact).collect();
    Roll::compute(&charter, &claims, &facts, closing).weight(&member_id(1))
}

#[test]
fn the_root_of_a_stake_at_its_edges() {
    // The largest root: 45,825,756^2 = 2,099,999,912,971,536 and the next square is above all satoshis.
    for (sat, root) in [
        (1, 1),
        (2, 1),
        (3, 1),
        (4, 2),
        (8, 2),
        (9, 3),
        (999_999, 999),
        (1_000_000, 1000),
        (1_000_001, 1000),
        (2_099_999_912_971_535, 45_825_755),
        (2_099_999_912_971_536, 45_825_756),
        (MOST_SAT, 45_825_756),
    ] {
        assert_eq!(weight(WeightRule::SqrtStake, None, &[(sat, 50)], 200), root, "{sat} sat");
    }
    // The root is of the member's whole stake: two channels weigh less than two members would.
    assert_eq!(weight(WeightRule::SqrtStake, None, &[(50, 50), (50, 60)], 200), 10);
    assert_eq!(weight(WeightRule::SqrtStake, Some(7), &[(100, 50)], 200), 7, "capped by R-12");
}

#[test]
fn the_age_of_a_stake_at_its_edges() {
    let aged = |cap_blocks| WeightRule::StakeAge { cap_blocks };
    let confirmations = charter().stake_confirmations;
    // As young as may be: fewer confirmations are no stake at all.
    let youngest = 1000 + confirmations - 1;
    assert_eq!(weight(aged(100), None, &[(5, 1000)], youngest - 1), 0);
    assert_eq!(weight(aged(100), None, &[(5, 1000)], youngest), 5 * u128::from(confirmations - 1));
    for (closing, blocks) in [(1099, 99), (1100, 100), (1101, 100), (u32::MAX, 100)] {
        assert_eq!(weight(aged(100), None, &[(5, 1000)], closing), 5 * blocks, "at height {closing}");
    }
    // Each output has its own age, and only the whole is capped.
    assert_eq!(weight(aged(100), None, &[(5, 1000), (7, 1080)], 1100), 5 * 100 + 7 * 20);
    assert_eq!(weight(aged(100), Some(600), &[(5, 1000), (7, 1080)], 1100), 600);
    // Nothing overflows: all satoshis, as old as heights can tell.
    assert_eq!(weight(aged(u32::MAX), None, &[(MOST_SAT, 0)], u32::MAX), u128::from(MOST_SAT) * u128::from(u32::MAX));
}

proptest! {
    /// Whoever puts a stake into several outputs at once weighs neither more nor less; more coins never weigh less, and older ones
    /// neither.
    #[test]
    fn dividing_or_adding_gains_nothing(
        parts in prop::collection::vec(1u64..1_000_000, 1..6), more in 0u64..1_000_000, cap in 1u32..300, blocks in 10u32..400,
    ) {
        let all: u64 = parts.iter().sum();
        let divided: Vec<(u64, u32)> = parts.iter().map(|sat| (*sat, 50)).collect();
        for rule in [WeightRule::Stake, WeightRule::SqrtStake, WeightRule::StakeAge { cap_blocks: cap }] {
            let whole = weight(rule, None, &[(all, 50)], 50 + blocks);
            prop_assert_eq!(weight(rule, None, &divided, 50 + blocks), whole);
            prop_assert!(weight(rule, None, &[(all + more, 50)], 50 + blocks) >= whole);
            prop_assert!(weight(rule, None, &[(all, 50)], 51 + blocks) >= whole);
        }
        let root = weight(WeightRule::SqrtStake, None, &[(all, 50)], 50 + blocks);
        prop_assert!(root * root <= u128::from(all) && u128::from(all) < (root + 1) * (root + 1));
    }
}
