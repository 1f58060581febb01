//! Hazard: a vote that changes the rules so that the next vote is no longer one.

use althing_governance::NetworkId;
use althing_governance::charter::{
    Admission, Body, Charter, Class, ClassRule, Quorum, SpendingCap, Template, Threshold, WeightRule,
    changes_eligibility, check_change, diff,
};
use althing_governance::voting::System;
use bitcoin::Network;
use proptest::prelude::*;

use crate::charter_document::arguments;
use crate::world::{keypair, member_id};

type Change = fn(&mut Charter);

/// SNS BOOM DAO, 2025: proposal 617 raised the minimum lock to more than 54 years by an ordinary vote, and nobody but its
/// author could vote any more; 653 then minted with two voters.
#[test]
fn boom_dao() {
    let charter = in_force();
    let mut attack = charter.clone();
    attack.admission = Admission::Open { min_stake_sat: 2_000_000_000 };
    assert_eq!(rules(&charter, &attack), ["R-103"]);
    let mut attack = charter.clone();
    attack.rewards.dues_sat_per_epoch = 10_000;
    assert_eq!(rules(&charter, &attack), ["R-103"]);
    // A step is allowed, and counts as one that changes who is eligible.
    let mut step = charter.clone();
    step.admission = Admission::Open { min_stake_sat: 20_000 };
    assert_eq!(rules(&charter, &step), [""; 0]);
    assert!(changes_eligibility(&charter, &step));
    // With a weight that depends on age, the age cannot be stretched at once either.
    let mut aged = charter.clone();
    aged.weight_rule = WeightRule::StakeAge { cap_blocks: 1000 };
    let mut attack = aged.clone();
    attack.weight_rule = WeightRule::StakeAge { cap_blocks: 2001 };
    assert_eq!(rules(&aged, &attack), ["R-103"]);
}

/// Lazy Summer, April 2026: among twelve calls of one proposal was one that made its author governor.
#[test]
fn lazy_summer() {
    let charter = in_force();
    let power: [(Change, Class); 5] = [
        (|c| c.hub_log_key = keypair(5).x_only_public_key().0, Class::ReplaceKeys),
        (|c| c.hub_node_key = keypair(5).public_key(), Class::ReplaceKeys),
        (|c| c.anchor_key = keypair(5).x_only_public_key().0, Class::ReplaceKeys),
        (|c| c.treasurers[0].key = keypair(5).public_key(), Class::ElectTreasurers),
        (|c| c.treasury_descriptor.push('x'), Class::ElectTreasurers),
    ];
    for (change, its_class) in power {
        let mut attack = charter.clone();
        change(&mut attack);
        for class in Class::ALL {
            let problems = check_change(class, &charter, &attack);
            let found: Vec<&str> = problems.iter().map(|p| p.rule).collect();
            let expected: &[&str] = if class == its_class { &[] } else { &["R-102"] };
            assert_eq!(found, expected, "{}: {problems:?}", class.name());
        }
        // Hidden among harmless changes it is refused as well.
        attack.name.push('x');
        for class in Class::ALL {
            assert!(!check_change(class, &charter, &attack).is_empty());
        }
    }
}

#[test]
fn what_the_dao_is_never_changes() {
    let charter = in_force();
    let identity: [Change; 10] = [
        |c| c.network = NetworkId::of(Network::Regtest),
        |c| c.founders.push(member_id(9)),
        |c| c.epoch_blocks += 1,
        |c| c.gates += 1,
        |c| c.gate_sat += 1,
        |c| c.seal_sat += 1,
        |c| c.spare_seal_sat += 1,
        |c| c.stake_confirmations += 1,
        |c| c.final_depth += 1,
        |c| c.hub_funding_sat += 1,
    ];
    for change in identity {
        let mut attack = charter.clone();
        change(&mut attack);
        for class in Class::ALL {
            assert!(check_change(class, &charter, &attack).iter().any(|p| p.rule == "R-101"));
        }
    }
}

#[test]
fn a_change_obeys_its_rule() {
    let charter = in_force();
    // Places of rules: 0 text, 1 to 3 spend, 4 rule_change, 5 elect, 6 keys, 7 confiscate, 8 pause.
    let table: [(&[&str], Change); 33] = [
        (&["R-100"], |_| {}),
        (&["R-63"], |c| c.classes[0].threshold = Threshold::PercentBp(5000)),
        (&[], |c| c.name.push('x')),
        (&[], |c| c.classes[1].voting_blocks = 864),
        (&["R-103"], |c| c.classes[1].voting_blocks = 865),
        (&[], |c| c.classes[1].voting_blocks = 216),
        (&["R-103"], |c| c.classes[1].voting_blocks = 215),
        (&["R-103"], |c| c.classes[4].veto_blocks = 10),
        (&[], |c| c.classes[1].threshold = Threshold::PercentBp(6001)),
        (&["R-104"], |c| c.classes[1].threshold = Threshold::PercentBp(6002)),
        (&["R-104"], |c| c.classes[4].threshold = Threshold::PercentBp(6249)),
        (&[], |c| c.classes[4].threshold = Threshold::PercentBp(6250)),
        (&["R-104"], |c| c.classes[4].quorum = Quorum::YesOfTotalBp(10)),
        (&["R-103"], |c| c.classes[0].deposit_sat = 1_000_000),
        // From nothing a least weight comes as if it had been the smallest stake's, 10,000: nobody closes a class at once.
        (&[], |c| c.classes[4].min_proposer_weight = 20_000),
        (&["R-103"], |c| c.classes[4].min_proposer_weight = 20_001),
        (&["R-79", "R-103"], |c| c.classes[4].min_proposer_weight = u64::MAX),
        (&["R-71"], |c| c.guards.step_limit_factor_bp = 10_999),
        (&[], |c| c.guards.step_limit_factor_bp = 40_000),
        (&["R-107"], |c| c.guards.spending_cap = None),
        (&["R-103"], |c| c.guards.spending_cap = Some(SpendingCap { window_blocks: 4320, max_sat: 200_000_001 })),
        (&["R-108"], |c| drop(c.classes.remove(4))),
        // Another way to the same: a looser band slipped between strict ones, or one band gone.
        (&["R-104"], |c| c.classes[2].max_amount_sat = Some(2_000_000_000)),
        (&["R-104", "R-104"], |c| {
            c.classes[2] = ClassRule { max_amount_sat: Some(1_000_000_000), ..c.classes[1].clone() };
        }),
        (&[], |c| c.classes[1].max_amount_sat = Some(20_000_000)),
        (&["R-106", "R-106", "R-106", "R-106"], |c| c.classes.push(ClassRule::new(Class::Expel))),
        (&[], |c| c.classes.push(ClassRule { class: Class::Expel, ..c.classes[4].clone() })),
        (&[], |c| drop(c.classes.remove(0))),
        (&["R-103"], |c| c.dormant_after_epochs = 2),
        (&["R-103"], |c| c.dormant_after_epochs = 0),
        (&[], |c| c.dormant_after_epochs = 13),
        (&[], |c| c.guardians.delay_blocks = 864),
        (&["R-103"], |c| c.guardians.delay_blocks = 865),
    ];
    for (i, (expected, change)) in table.into_iter().enumerate() {
        let mut next = charter.clone();
        change(&mut next);
        assert_eq!(rules(&charter, &next), expected, "row {i}: {:?}", check_change(Class::RuleChange, &charter, &next));
    }
}

#[test]
fn only_some_changes_touch_who_is_eligible() {
    let charter = in_force();
    let table: [(bool, Change); 8] = [
        (true, |c| c.admission = Admission::Vote { min_stake_sat: 10_000 }),
        (true, |c| c.weight_rule = WeightRule::StakeAge { cap_blocks: 5 }),
        (true, |c| c.per_member_cap = Some(5)),
        (true, |c| c.guards.excluded_members.push(member_id(4))),
        (true, |c| c.dormant_after_epochs += 1),
        (false, |c| c.name.push('x')),
        (false, |c| c.guards.cooldown_blocks += 1),
        (false, |c| c.classes[0].voting_blocks += 1),
    ];
    for (expected, change) in table {
        let mut next = charter.clone();
        change(&mut next);
        assert_eq!(changes_eligibility(&charter, &next), expected);
    }
}

#[test]
fn the_difference_is_named_field_by_field() {
    let charter = in_force();
    let mut next = charter.clone();
    next.name = "x\u{202e}".into();
    next.classes[2].threshold = Threshold::Majority;
    next.classes[0].systems = vec![System::Score { max: 5 }];
    next.classes[0].min_proposer_weight = 50_000;
    next.classes[8].bodies = vec![Body::Members, Body::Founders];
    next.guards.spending_cap = None;
    next.dormant_after_epochs = 0;
    next.per_member_cap = Some(7);
    let lines: Vec<String> = diff(&charter, &next).iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            r#"name: "Fjord \"Fishers\" \\ Co" -> "x\u{202e}""#,
            "guards.spending_cap.window_blocks: 4320 -> (absent)",
            "guards.spending_cap.max_sat: 100000000 -> (absent)",
            "dormant_after_epochs: 26 -> never",
            "classes.text[0].systems: yes_no_abstain, single_choice, schulze, split -> score 0 to 5",
            "classes.text[0].min_proposer_weight: 0 -> 50000",
            "classes.spend[1].threshold: 6000 bp -> majority",
            "classes.pause[0].bodies: members -> members, founders",
            "per_member_cap: (absent) -> 7",
        ]
    );
    assert_eq!(diff(&charter, &charter), []);
}

proptest! {
    /// However often the rules change, no single change takes a majority of 75 % below a bound that the steps give.
    #[test]
    fn no_single_change_is_long(bp in 5001u16..=10_000, blocks in 6u32..=52_560, sat in 1u64..1_000_000_000) {
        let charter = in_force();
        let mut next = charter.clone();
        next.classes[4].threshold = Threshold::PercentBp(bp);
        next.classes[4].voting_blocks = blocks;
        next.admission = Admission::Open { min_stake_sat: sat };
        if check_change(Class::RuleChange, &charter, &next).is_empty() {
            prop_assert!((6250..=9000).contains(&bp));
            prop_assert!((216..=864).contains(&blocks));
            prop_assert!((5000..=20_000).contains(&sat));
        }
    }

    /// A band of any size and any threshold never lets an amount pass that needed much more before, unless about half or
    /// twice that amount passed as easily.
    #[test]
    fn no_band_slips_between(limit in 1u64..1_000_000_000, bp in 5001u16..=10_000) {
        let charter = in_force();
        let mut next = charter.clone();
        next.classes[2].max_amount_sat = Some(limit);
        next.classes[2].threshold = Threshold::PercentBp(bp);
        if check_change(Class::RuleChange, &charter, &next).is_empty() {
            for amount in [1, 9_999_999, 10_000_001, limit, limit + 1, 99_999_999, 100_000_001, 400_000_000, 2_000_000_000] {
                let share = |c: &Charter, amount| match c.rule_for(Class::Spend, amount).unwrap().1.threshold {
                    Threshold::Majority => 5001,
                    Threshold::PercentBp(bp) => u32::from(bp),
                };
                let least = [amount / 2, amount, amount * 2].map(|near| share(&charter, near)).into_iter().min().unwrap();
                prop_assert!(share(&next, amount) * 12 >= least * 10 - 12, "{amount}");
            }
        }
    }
}

/// A co-operative on signet with three founders, who are guardians.
fn in_force() -> Charter {
    let mut arguments = arguments();
    arguments.network = "signet".into();
    (arguments.stake_confirmations, arguments.final_depth) = (6, 6);
    (arguments.epoch_blocks, arguments.voting_blocks, arguments.veto_blocks) = (144, 432, 432);
    arguments.founders = (1..=3).map(member_id).collect();
    Charter::from_toml(&Template::Cooperative.document(&arguments)).unwrap()
}

fn rules(old: &Charter, new: &Charter) -> Vec<&'static str> {
    check_change(Class::RuleChange, old, new).into_iter().map(|problem| problem.rule).collect()
}
