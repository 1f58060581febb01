//! Hazard: a charter that can be gamed from the first day.

use std::collections::BTreeSet;

use althing_governance::charter::{
    Admission, Body, Charter, Class, ClassRule, EXAMPLE_KEYS, Quorum, RewardShare, SpendingCap, Threshold, Treasurer,
    WeightRule, example_key, example_public_key,
};
use althing_governance::voting::System;
use althing_governance::{DaoParams, MemberId, NetworkId};
use bitcoin::Network;

use crate::world::{charter, keypair, member_id, txid};

type Change = fn(&mut Charter);

#[test]
fn each_rule_names_clause_and_field() {
    assert_eq!(charter().check(), []);
    let table: [(&str, &str, Change); 89] = [
        ("R-50", "name", |c| c.name = String::new()),
        ("R-50", "name", |c| c.name = "x".repeat(65)),
        ("R-50", "name", |c| c.name = "a\u{1b}[31m".into()),
        ("R-50", "name", |c| c.name = "a\u{202e}b".into()),
        ("R-50", "treasurers[0].name", |c| c.treasurers[0].name = "\u{200b}".into()),
        ("R-50", "treasury_descriptor", |c| c.treasury_descriptor = "x".repeat(2049)),
        ("R-50", "treasurers", |c| c.treasurers = Vec::new()),
        ("R-50", "founders", |c| c.founders = Vec::new()),
        ("R-50", "classes", |c| c.classes = Vec::new()),
        ("R-50", "gossip_peers[0]", |c| c.gossip_peers[0] = "x".repeat(257)),
        ("R-51", "network", |c| c.network = NetworkId([1; 32])),
        ("R-52", "treasurers[1].key", |c| c.treasurers.push(c.treasurers[0].clone())),
        ("R-52", "treasurers[1].name", |c| {
            let name = c.treasurers[0].name.to_uppercase();
            c.treasurers.push(Treasurer { name, key: keypair(94).public_key() });
        }),
        ("R-52", "founders[1]", |c| c.founders.push(c.founders[0])),
        ("R-52", "founders[0]", |c| c.founders[0].0 = [0xff; 32]),
        ("R-52", "guardians.members[2]", |c| {
            c.guardians.members = vec![member_id(1), member_id(2), member_id(1)];
            c.guardians.threshold = 2;
        }),
        ("R-52", "guards.excluded_members[0]", |c| {
            c.guards.excluded_members = vec![althing_governance::MemberId([0xff; 32])]
        }),
        ("R-53", "epoch_blocks", |c| c.epoch_blocks = 0),
        ("R-53", "epoch_blocks", |c| c.epoch_blocks = 52_561),
        ("R-54", "final_depth", |c| c.final_depth = 0),
        ("R-54", "stake_confirmations", |c| c.stake_confirmations = 0),
        ("R-55", "hub_funding_sat", |c| c.hub_funding_sat = 1),
        ("R-56", "gates", |c| c.gates = 0),
        ("R-56", "gates", |c| c.gates = 17),
        ("R-56", "seal_sat", |c| c.seal_sat = 545),
        ("R-56", "max_link_fee_rate_sat_vb", |c| c.max_link_fee_rate_sat_vb = 0),
        ("R-57", "gate_sat", |c| c.gate_sat = 2_100_000_000_000_001),
        ("R-57", "hub_bond_sat", |c| c.hub_bond_sat = u64::MAX),
        ("R-57", "classes[1].max_amount_sat", |c| c.classes[1].max_amount_sat = Some(2_100_000_000_000_001)),
        ("R-57", "per_member_cap", |c| c.per_member_cap = Some(1 << 63)),
        ("R-57", "per_member_cap", |c| c.per_member_cap = Some(0)),
        ("R-58", "admission.min_stake_sat", |c| c.admission = Admission::Open { min_stake_sat: 0 }),
        ("R-58", "admission.invite.max_open_per_member", |c| {
            c.admission = Admission::Invite { min_stake_sat: 1, max_open_per_member: 0 };
        }),
        ("R-58", "weight_rule.stake_age.cap_blocks", |c| c.weight_rule = WeightRule::StakeAge { cap_blocks: 0 }),
        ("R-59", "weight_rule", |c| c.weight_rule = WeightRule::SqrtStake),
        ("R-59", "weight_rule", |c| c.weight_rule = WeightRule::OneMemberOneVote),
        ("R-59", "per_member_cap", |c| c.per_member_cap = Some(5)),
        ("R-60", "classes[0].systems", |c| c.classes[0].systems = vec![System::Quadratic { credits: 100 }]),
        ("R-60", "rewards.share", |c| {
            c.rewards.pool_sat_per_epoch = 1;
            c.rewards.share = RewardShare::Equal;
        }),
        ("R-61", "classes[0].voting_blocks", |c| c.classes[0].voting_blocks = 0),
        ("R-61", "classes[0].voting_blocks", |c| c.classes[0].voting_blocks = 52_561),
        ("R-61", "classes[1].expiry_blocks", |c| c.classes[1].expiry_blocks = 0),
        ("R-61", "classes[1].veto_blocks", |c| c.classes[1].veto_blocks = u32::MAX),
        ("R-61", "guards.cooldown_blocks", |c| c.guards.cooldown_blocks = u32::MAX),
        ("R-61", "forced_entry_delay_blocks", |c| c.forced_entry_delay_blocks = 0),
        ("R-63", "classes[0].threshold.percent_bp", |c| c.classes[0].threshold = Threshold::PercentBp(5000)),
        ("R-63", "classes[0].threshold.percent_bp", |c| c.classes[0].threshold = Threshold::PercentBp(10_001)),
        ("R-63", "classes[0].quorum.yes_of_total_bp", |c| c.classes[0].quorum = Quorum::YesOfTotalBp(0)),
        ("R-63", "classes[0].quorum.participation_bp", |c| c.classes[0].quorum = Quorum::ParticipationBp(0)),
        ("R-63", "classes[0].veto_bp", |c| c.classes[0].veto_bp = 5001),
        ("R-63", "classes[0].oppose_bp", |c| c.classes[0].oppose_bp = 0),
        ("R-64", "classes[2].max_amount_sat", |c| c.classes.swap(1, 2)),
        ("R-64", "classes[0].max_amount_sat", |c| c.classes[0].max_amount_sat = Some(1)),
        ("R-64", "classes[3].max_amount_sat", |c| c.classes.push(ClassRule::new(Class::Text))),
        ("R-65", "classes[0].systems", |c| c.classes[0].systems = Vec::new()),
        ("R-65", "classes[0].systems", |c| {
            c.classes[0].systems = vec![System::Score { max: 1 }, System::Score { max: 2 }]
        }),
        ("R-65", "classes[0].systems", |c| c.classes[0].systems = vec![System::Score { max: 0 }]),
        ("R-66", "classes[2].systems", |c| c.classes[2].systems = vec![System::Optimistic]),
        // Silence pays little, within a cap, and among members who are awake.
        ("R-66", "classes[1].systems", |c| silent(c, 1_000_001, Some(10_000_000), 1)),
        ("R-66", "classes[1].systems", |c| silent(c, 1_000_000, None, 1)),
        ("R-66", "classes[1].systems", |c| silent(c, 1_000_000, Some(10_000_000), 0)),
        ("R-66", "classes[3].systems", |c| {
            c.classes.push(ClassRule { systems: vec![System::Schulze], ..ClassRule::new(Class::RuleChange) });
        }),
        ("R-66", "classes[3].systems", |c| {
            c.classes.push(ClassRule { systems: vec![System::Optimistic], ..ClassRule::new(Class::Confiscate) });
        }),
        ("R-67", "classes[1].early_decision", |c| c.classes[1].early_decision = true),
        ("R-68", "classes[3].max_amount_sat", |c| {
            c.classes.push(ClassRule { max_amount_sat: Some(1), ..ClassRule::new(Class::Pause) });
        }),
        ("R-68", "guards.pause_max_blocks", |c| c.guards.pause_max_blocks = 4321),
        ("R-69", "guardians.threshold", |c| c.guardians.threshold = 1),
        ("R-69", "guardians.members", |c| {
            c.guardians.members = vec![member_id(1)];
            c.guardians.threshold = 1;
        }),
        ("R-69", "guardians.threshold", |c| {
            c.guardians.members = (1..=4).map(member_id).collect();
            c.guardians.threshold = 2;
        }),
        ("R-69", "guardians.threshold", |c| {
            c.guardians.members = (1..=4).map(member_id).collect();
            c.guardians.threshold = 5;
        }),
        ("R-70", "classes[1].deposit_sat", |c| c.classes[1].deposit_sat = 100_000_001),
        ("R-70", "classes[1].min_support_bp", |c| c.classes[1].min_support_bp = 2501),
        ("R-70", "guards.deposit_growth_bp", |c| c.guards.deposit_growth_bp = 20_001),
        ("R-71", "guards.spending_cap.max_sat", |c| {
            c.guards.spending_cap = Some(SpendingCap { window_blocks: 1, max_sat: 0 });
        }),
        ("R-71", "guards.step_limit_factor_bp", |c| c.guards.step_limit_factor_bp = 40_001),
        ("R-71", "guards.threshold_step_factor_bp", |c| c.guards.threshold_step_factor_bp = 10_499),
        ("R-71", "guards.electorate_shrink_bp", |c| c.guards.electorate_shrink_bp = 5001),
        ("R-71", "guards.eligibility_delay_epochs", |c| c.guards.eligibility_delay_epochs = 0),
        ("R-72", "rewards.dues_sat_per_epoch", |c| c.rewards.dues_sat_per_epoch = 1001),
        ("R-73", "delegation.max_parts", |c| c.delegation.max_parts = 17),
        ("R-74", "discussion.comment_bytes", |c| c.discussion.comment_bytes = 4097),
        ("R-75", "dormant_after_epochs", |c| c.dormant_after_epochs = 1),
        ("R-76", "classes[1].bodies", |c| c.classes[1].bodies = vec![Body::Treasurers]),
        ("R-76", "classes[1].bodies", |c| c.classes[1].bodies = vec![Body::Treasurers, Body::Members]),
        ("R-77", "classes", |c| c.admission = Admission::Vote { min_stake_sat: 1 }),
        ("R-79", "classes[1].min_proposer_weight", |c| c.classes[1].min_proposer_weight = 2_100_000_000_000_001),
        ("R-79", "classes[1].min_proposer_weight", |c| {
            (c.weight_rule, c.classes[1].min_proposer_weight) = (WeightRule::OneMemberOneVote, 2);
        }),
        ("R-79", "classes[1].min_proposer_weight", |c| {
            (c.weight_rule, c.classes[1].min_proposer_weight) = (WeightRule::SqrtStake, 45_825_757);
        }),
        ("R-79", "classes[1].min_proposer_weight", |c| {
            (c.per_member_cap, c.classes[1].min_proposer_weight) = (Some(5), 6);
        }),
    ];
    for (rule, field, change) in table {
        let mut changed = charter();
        change(&mut changed);
        let problems = changed.check();
        assert!(problems.iter().any(|p| p.rule == rule && p.field == field), "{rule} {field}: {problems:?}");
        // and what it may be.
        assert!(problems.iter().all(|p| p.what.contains("must")), "{problems:?}");
    }
    let rules: BTreeSet<&str> = table.iter().map(|(rule, _, _)| *rule).collect();
    let missing: Vec<String> =
        (50..=77).map(|n| format!("R-{n}")).filter(|rule| !rules.contains(rule.as_str())).collect();
    // R-62 holds outside regtest only and has a test of its own.
    assert_eq!(missing, ["R-62"]);
}

#[test]
fn each_limit_takes_the_value_at_it() {
    let table: [Change; 16] = [
        |c| c.name = "x".repeat(64),
        |c| c.epoch_blocks = 52_560,
        |c| c.seal_sat = 546,
        |c| c.gate_sat = 2_100_000_000_000_000,
        |c| c.classes[0].voting_blocks = 52_560,
        |c| c.classes[0].threshold = Threshold::PercentBp(5001),
        |c| c.classes[0].threshold = Threshold::PercentBp(10_000),
        |c| c.classes[0].quorum = Quorum::YesOfTotalBp(1),
        |c| c.classes[0].veto_bp = 5000,
        |c| c.guards.step_limit_factor_bp = 11_000,
        |c| c.guards.pause_max_blocks = 4320,
        |c| c.classes[1].deposit_sat = 100_000_000,
        |c| c.rewards.dues_sat_per_epoch = 1000,
        |c| c.classes[1].bodies = vec![Body::Members, Body::Treasurers, Body::Founders],
        |c| {
            c.classes[1].early_decision = true;
            c.classes[1].final_ballots = true;
        },
        |c| {
            c.guardians.members = vec![member_id(1), member_id(2), member_id(3)];
            c.guardians.threshold = 2;
        },
    ];
    for (i, change) in table.iter().enumerate() {
        let mut changed = charter();
        change(&mut changed);
        assert_eq!(changed.check(), [], "row {i}");
    }
}

#[test]
fn rules_against_splitting_end_where_members_are_admitted() {
    let changes: [Change; 5] = [
        |c| c.weight_rule = WeightRule::OneMemberOneVote,
        |c| c.weight_rule = WeightRule::SqrtStake,
        |c| c.per_member_cap = Some(5),
        |c| c.classes[0].systems = vec![System::Quadratic { credits: 100 }],
        |c| c.rewards.pool_sat_per_epoch = 5,
    ];
    for change in changes {
        let mut open = charter();
        change(&mut open);
        assert_eq!(open.check().len(), 1);
        let mut invited = open.clone();
        invited.admission = Admission::Invite { min_stake_sat: 1000, max_open_per_member: 1 };
        assert_eq!(invited.check(), []);
        let mut voted = open;
        voted.admission = Admission::Vote { min_stake_sat: 1000 };
        voted.classes.push(ClassRule::new(Class::Admit));
        assert_eq!(voted.check(), []);
    }
}

/// the greatest weight that somebody could have may be asked for, whatever it is made of.
#[test]
fn what_a_member_can_weigh_may_be_asked_for() {
    let aged = WeightRule::StakeAge { cap_blocks: 4000 };
    for (weight_rule, per_member_cap, most) in [
        (WeightRule::Stake, None, 2_100_000_000_000_000),
        (WeightRule::Stake, Some(5), 5),
        (WeightRule::OneMemberOneVote, None, 1),
        (WeightRule::SqrtStake, None, 45_825_756),
        (aged, None, 4000 * 2_100_000_000_000_000),
        (WeightRule::StakeAge { cap_blocks: 5000 }, None, i64::MAX as u64),
    ] {
        let mut c = charter();
        (c.weight_rule, c.per_member_cap) = (weight_rule, per_member_cap);
        let is_refused = |c: &Charter| c.check().iter().any(|problem| problem.rule == "R-79");
        c.classes[0].min_proposer_weight = most;
        assert!(!is_refused(&c), "{weight_rule:?}: {:?}", c.check());
        c.classes[0].min_proposer_weight = most + 1;
        assert!(is_refused(&c), "{weight_rule:?}");
    }
}

#[test]
fn periods_may_be_short_on_regtest_only() {
    let mut c = charter();
    c.classes[0].voting_blocks = 1;
    c.classes.push(ClassRule::new(Class::RuleChange));
    c.forced_entry_delay_blocks = 1;
    assert_eq!(c.check(), []);
    c.network = NetworkId::of(Network::Bitcoin);
    let found: Vec<(&str, String)> = c.check().into_iter().map(|p| (p.rule, p.field)).collect();
    let expected = [
        ("R-54", "stake_confirmations"),
        ("R-54", "final_depth"),
        ("R-61", "forced_entry_delay_blocks"),
        ("R-61", "classes[0].voting_blocks"),
        ("R-62", "classes[3].veto_blocks"),
    ];
    assert_eq!(found, expected.map(|(rule, field)| (rule, field.to_owned())));
}

#[test]
fn advice_warns_and_does_not_refuse() {
    let mut unwise = charter();
    unwise.network = NetworkId::of(Network::Signet);
    (unwise.stake_confirmations, unwise.final_depth) = (6, 6);
    unwise.rewards.pool_sat_per_epoch = 1;
    unwise.rewards.share = RewardShare::ByWeight;
    unwise.classes[0].quorum = Quorum::ParticipationBp(499);
    unwise.classes[0].deposit_sat = 1001;
    unwise.classes[0].min_proposer_weight = 1001;
    unwise.classes[2].distinct_voters_min = 1;
    let anchor_key = unwise.anchor_key;
    unwise.anchor_key = unwise.hub_log_key;
    unwise.classes.push(ClassRule { veto_blocks: 6, ..ClassRule::new(Class::ElectTreasurers) });
    unwise.classes.push(ClassRule::new(Class::Admit));
    unwise.classes.push(ClassRule::new(Class::Expel));
    assert_eq!(unwise.check(), []);
    let found: BTreeSet<&str> = unwise.advice().iter().map(|advice| advice.rule).collect();
    // R-82 speaks of charters without any deposit.
    let expected: Vec<String> = (80..=95).filter(|n| *n != 82).map(|n| format!("R-{n}")).collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    unwise.classes[0].deposit_sat = 0;
    assert!(unwise.advice().iter().any(|advice| advice.rule == "R-82"));
    unwise.classes[0].min_proposer_weight = 1000;
    assert!(unwise.advice().iter().all(|advice| advice.rule != "R-93"));
    let shared: Vec<String> = unwise.advice().iter().filter(|a| a.rule == "R-94").map(ToString::to_string).collect();
    assert_eq!(shared, ["anchor_key (R-94): is the same as hub_log_key; whoever gets one secret has both powers"]);
    unwise.anchor_key = anchor_key;
    assert!(unwise.advice().iter().all(|advice| advice.rule != "R-94"));
    // who may invite brings in own keys, wherever they weigh more as several than as one.
    let mut invited = charter();
    invited.admission = Admission::Invite { min_stake_sat: 1000, max_open_per_member: 1 };
    let told = |c: &Charter| c.advice().iter().any(|advice| advice.rule == "R-87");
    assert!(!told(&invited));
    for change in [
        (|c| c.weight_rule = WeightRule::OneMemberOneVote) as fn(&mut Charter),
        |c| c.weight_rule = WeightRule::SqrtStake,
        |c| c.per_member_cap = Some(5000),
    ] {
        let mut by_heads = invited.clone();
        change(&mut by_heads);
        assert!(told(&by_heads), "{:?}", by_heads.weight_rule);
    }
    // where anybody is admitted, who is expelled comes back with another key.
    for class in [Class::Admit, Class::Expel] {
        let mut open = charter();
        open.admission = Admission::Open { min_stake_sat: 1000 };
        open.classes.retain(|rule| ![Class::Admit, Class::Expel].contains(&rule.class));
        assert!(!told(&open));
        open.classes.push(ClassRule::new(class));
        assert!(told(&open), "{}", class.name());
        open.admission = Admission::Vote { min_stake_sat: 1000 };
        assert!(!told(&open), "{}", class.name());
    }
    // of ten equal members one weighs a tenth, and of nine more.
    for (founders, shrink_bp, hint) in
        [(9, 1000, "among fewer than 10"), (1, 0, "is 0"), (2, 4999, "among fewer than 3")]
    {
        unwise.founders = (1..=founders).map(member_id).collect();
        unwise.guards.electorate_shrink_bp = shrink_bp;
        let told = |c: &Charter| c.advice().iter().find(|advice| advice.rule == "R-95").map(ToString::to_string);
        assert!(told(&unwise).is_some_and(|words| words.contains(hint)), "{:?}", told(&unwise));
        unwise.founders.push(member_id(founders + 1));
        assert_eq!(told(&unwise).is_some(), shrink_bp == 0, "{founders} and one more");
    }
}

/// NNS, 2022: for a flat fee somebody bought one motion a day for ever.
#[test]
fn nns_spam() {
    let mut guards = charter().guards;
    assert_eq!((guards.deposit_after(1000, 0), guards.deposit_after(1000, 9)), (1000, 1000));
    guards.deposit_growth_bp = 5000;
    let deposits: Vec<u64> = (0..5).map(|failures| guards.deposit_after(1001, failures)).collect();
    assert_eq!(deposits, [1001, 1501, 2251, 3376, 5064]);
    guards.deposit_growth_bp = u32::MAX;
    assert_eq!(guards.deposit_after(u64::MAX, u32::MAX), 2_100_000_000_000_000);
    assert_eq!(guards.deposit_after(0, 5), 0);
}

#[test]
fn the_tightest_band_decides() {
    let c = charter();
    let band = |sat| c.rule_for(Class::Spend, sat).map(|(index, _)| index);
    assert_eq!((band(0), band(100_000), band(100_001), band(u64::MAX)), (Some(1), Some(1), Some(2), Some(2)));
    assert_eq!(c.rule_for(Class::Text, 0).map(|(index, _)| index), Some(0));
    assert_eq!(c.rule_for(Class::Pause, 0), None);
}

#[test]
fn every_field_is_under_the_dao_id() {
    let id = |c: Charter| DaoParams::new(c, txid(1)).dao_id;
    let mut ids = vec![id(charter())];
    let changes: [Change; 31] = [
        |c| c.name.push('x'),
        |c| c.network = NetworkId::of(Network::Signet),
        |c| c.hub_log_key = keypair(5).x_only_public_key().0,
        |c| c.treasurers[0].name.push('x'),
        |c| c.founders.push(member_id(2)),
        |c| c.admission = Admission::Vote { min_stake_sat: 1000 },
        |c| c.admission = Admission::Invite { min_stake_sat: 1000, max_open_per_member: 1 },
        |c| c.weight_rule = WeightRule::StakeAge { cap_blocks: 1 },
        |c| c.gates = 3,
        |c| c.classes[2].veto_blocks += 1,
        |c| c.classes[2].threshold = Threshold::Majority,
        |c| c.classes[2].systems.push(System::YesNoVeto),
        |c| c.classes[2].veto_bp += 1,
        |c| c.classes[2].oppose_bp += 1,
        |c| c.classes[2].final_ballots = true,
        |c| c.classes[2].early_decision = true,
        |c| c.classes[2].late_surge = true,
        |c| c.classes[2].bodies.push(Body::Founders),
        |c| c.classes[2].deposit_sat = 1,
        |c| c.classes[2].min_support_bp = 1,
        |c| c.classes[2].min_proposer_weight = 1,
        |c| c.guards.spending_cap = Some(SpendingCap { window_blocks: 1, max_sat: 1 }),
        |c| c.guards.excluded_members.push(member_id(3)),
        |c| c.guards.cooldown_blocks = 1,
        |c| c.guardians.delay_blocks = 1,
        |c| c.rewards.share = RewardShare::ByWeight,
        |c| c.delegation.enabled = false,
        |c| c.discussion.comment_bytes = 1,
        |c| c.hub_bond_sat = 1,
        |c| c.dormant_after_epochs = 2,
        |c| c.forced_entry_delay_blocks = 1,
    ];
    for change in changes {
        let mut c = charter();
        change(&mut c);
        ids.push(id(c));
    }
    ids.push(DaoParams::new(charter(), txid(2)).dao_id);
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

/// The first band of spending, decided by silence.
fn silent(c: &mut Charter, limit: u64, cap: Option<u64>, active_stake_min_sat: u64) {
    c.classes[1].systems = vec![System::YesNoAbstain, System::Optimistic];
    c.classes[1].max_amount_sat = Some(limit);
    c.guards.spending_cap = cap.map(|max_sat| SpendingCap { window_blocks: 4320, max_sat });
    c.guards.active_stake_min_sat = active_stake_min_sat;
}

#[test]
fn what_is_small_may_pass_in_silence() {
    let mut small = charter();
    silent(&mut small, 1_000_000, Some(10_000_000), 1);
    let problems = small.check();
    assert!(problems.iter().all(|problem| problem.rule != "R-66"), "{problems:?}");
}

/// whatever of a template is left in a charter where money is at stake.
#[test]
fn nobody_founds_with_the_keys_of_an_example() {
    type Put = fn(&mut Charter, u8);
    let places: [(&str, Put); 7] = [
        ("hub_node_key", |c, n| c.hub_node_key = example_public_key(n)),
        ("hub_log_key", |c, n| c.hub_log_key = example_key(n)),
        ("anchor_key", |c, n| c.anchor_key = example_key(n)),
        ("treasury_descriptor", |c, n| c.treasury_descriptor = format!("wsh(pk({}))", example_public_key(n))),
        ("treasurers[0]", |c, n| c.treasurers[0].key = example_public_key(n)),
        ("founders[0]", |c, n| c.founders[0] = MemberId::of(&example_key(n))),
        ("guardians.members[0]", |c, n| c.guardians.members = vec![MemberId::of(&example_key(n))]),
    ];
    let named = |c: &Charter| -> BTreeSet<String> {
        c.check().into_iter().filter(|problem| problem.rule == "R-78").map(|problem| problem.field).collect()
    };
    for number in 1..=EXAMPLE_KEYS {
        for (field, put) in places {
            let mut left = charter();
            put(&mut left, number);
            assert_eq!(named(&left), BTreeSet::new(), "regtest is for examples");
            left.network = NetworkId::of(Network::Signet);
            assert_eq!(named(&left), BTreeSet::from([field.to_owned()]), "key {number}");
        }
    }
    let mut own = charter();
    own.network = NetworkId::of(Network::Bitcoin);
    assert_eq!(named(&own), BTreeSet::new());
}
