//! Hazard: a charter that means something else than its author thinks, or can be gamed from the first day.

use althing_governance::charter::{
    AssociationArguments, Charter, CharterError, Class, Quorum, Threshold, WeightRule, association_template,
};
use althing_governance::{Canonical as _, DaoParams, NetworkId};
use bitcoin::Network;

use crate::world::{charter, keypair, member_id, txid};

fn template() -> String {
    association_template(&AssociationArguments {
        name: "Fjord \"Fishers\" \\ Co".into(),
        network: "regtest".into(),
        hub_node_key: keypair(98).public_key(),
        hub_log_key: keypair(99).x_only_public_key().0,
        anchor_key: keypair(97).x_only_public_key().0,
        treasury_descriptor: "wsh(multi(2,a,b,c))".into(),
        treasurers: vec![("Ása".into(), keypair(96).public_key()), ("Bo".into(), keypair(95).public_key())],
        founders: vec![member_id(1), member_id(2)],
        min_stake_sat: 10_000,
        epoch_blocks: 6,
        stake_confirmations: 1,
        final_depth: 2,
        voting_blocks: 6,
        veto_blocks: 0,
    })
}

#[test]
fn the_template_is_a_valid_charter() {
    let charter = Charter::from_toml(&template()).unwrap();
    assert_eq!(charter.name, "Fjord \"Fishers\" \\ Co");
    assert_eq!(charter.treasurers.len(), 2);
    assert_eq!(charter.founders, [member_id(1), member_id(2)]);
    assert_eq!(charter.classes.len(), 3);
    assert_eq!(Charter::from_bytes(&charter.to_bytes()).unwrap(), charter);
    let sentences = charter.to_plain_sentences().join("\n");
    for part in ["at least 10000 sat", "66.67 %", "up to 10000000 sat", "regtest", "Ása"] {
        assert!(sentences.contains(part), "{part} in {sentences}");
    }
}

#[test]
fn documents_that_are_no_charter_name_the_field() {
    let table = [
        ("version = 1", "version = 2", "version"),
        ("network = \"regtest\"", "network = \"mainnet\"", "network"),
        ("weight_rule = \"stake\"", "weight_rule = \"stakes\"", "weight_rule"),
        ("epoch_blocks = 6", "epoch_blocks = -6", "epoch_blocks"),
        ("epoch_blocks = 6", "", "epoch_blocks"),
        ("epoch_blocks = 6", "epoch_blocks = 6\nepoch_block = 6", "epoch_block"),
        ("hub_log_key = \"", "hub_log_key = \"zz", "hub_log_key"),
        ("participation_bp = 2000", "participation = 2000", "participation"),
        ("veto_blocks = 0", "veto_blocks = 0\nvetoes = 1", "vetoes"),
        ("{ open = {", "{ closed = {", "closed"),
    ];
    for (from, to, field) in table {
        let text = template();
        assert!(text.contains(from), "{from}");
        let error = Charter::from_toml(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(field), "{error} should name {field}");
    }
    assert!(matches!(Charter::from_toml("= = ="), Err(CharterError::Document(_))));
}

#[test]
fn each_rule_names_clause_and_field() {
    assert_eq!(charter().check(), []);
    type Change = fn(&mut Charter);
    let table: [(&str, &str, Change); 25] = [
        ("G-11.1", "name", |c| c.name = String::new()),
        ("G-11.1", "name", |c| c.name = "x".repeat(65)),
        ("G-11.1", "name", |c| c.name = "a\u{1b}[31m".into()),
        ("G-11.1", "network", |c| c.network = NetworkId([1; 32])),
        ("G-11.1", "treasury_descriptor", |c| c.treasury_descriptor = "x".repeat(2049)),
        ("G-11.1", "treasurers", |c| c.treasurers = Vec::new()),
        ("G-11.2", "treasurers[1].key", |c| c.treasurers.push(c.treasurers[0].clone())),
        ("G-11.1", "founders", |c| c.founders = Vec::new()),
        ("G-11.2", "founders[1]", |c| c.founders.push(c.founders[0])),
        ("G-11.2", "founders[0]", |c| c.founders[0].0 = [0xff; 32]),
        ("G-11.3", "epoch_blocks", |c| c.epoch_blocks = 0),
        ("G-11.4", "final_depth", |c| c.final_depth = 0),
        ("G-11.4", "stake_confirmations", |c| c.stake_confirmations = 0),
        ("G-11.5", "hub_funding_sat", |c| c.hub_funding_sat = 1),
        ("G-11.6", "gates", |c| c.gates = 0),
        ("G-11.6", "gates", |c| c.gates = 17),
        ("G-11.6", "seal_sat", |c| c.seal_sat = 545),
        ("G-11.7", "classes[0].voting_blocks", |c| c.classes[0].voting_blocks = 0),
        ("G-11.8", "weight_rule", |c| c.weight_rule = WeightRule::SqrtStake),
        ("G-11.8", "weight_rule", |c| c.weight_rule = WeightRule::OneMemberOneVote),
        ("G-11.8", "per_member_cap", |c| c.per_member_cap = Some(5)),
        ("G-11.9", "classes[1].max_amount_sat", |c| c.classes.swap(1, 2)),
        ("G-11.9", "classes[0].max_amount_sat", |c| c.classes[0].max_amount_sat = Some(1)),
        ("G-11.10", "classes[0].threshold.percent_bp", |c| c.classes[0].threshold = Threshold::PercentBp(5000)),
        ("G-11.10", "classes[0].quorum", |c| c.classes[0].quorum = Quorum::YesOfTotalBp(0)),
    ];
    for (rule, field, change) in table {
        let mut changed = charter();
        change(&mut changed);
        let problems = changed.check();
        // Swapping two bands is seen at the one that now follows.
        let found = problems.iter().any(|p| p.rule == rule && (p.field == field || rule == "G-11.9"));
        assert!(found, "{rule} {field}: {problems:?}");
    }
}

#[test]
fn periods_may_be_short_on_regtest_only() {
    let mut c = charter();
    c.classes[0].voting_blocks = 1;
    assert_eq!(c.check(), []);
    c.network = NetworkId::of(Network::Bitcoin);
    let fields: Vec<String> = c.check().into_iter().map(|p| p.field).collect();
    assert_eq!(fields, ["stake_confirmations", "final_depth", "classes[0].voting_blocks"]);
}

#[test]
fn the_tightest_band_decides() {
    let c = charter();
    let band = |sat| c.rule_for(Class::Spend, sat).map(|(index, _)| index);
    assert_eq!((band(0), band(100_000), band(100_001), band(u64::MAX)), (Some(1), Some(1), Some(2), Some(2)));
    assert_eq!(c.rule_for(Class::Text, 0).map(|(index, _)| index), Some(0));
}

#[test]
fn every_field_is_under_the_dao_id() {
    let id = |c: Charter| DaoParams::new(c, txid(1)).dao_id;
    let mut ids = vec![id(charter())];
    type Change = fn(&mut Charter);
    let changes: [Change; 8] = [
        |c| c.name.push('x'),
        |c| c.network = NetworkId::of(Network::Signet),
        |c| c.hub_log_key = keypair(5).x_only_public_key().0,
        |c| c.treasurers[0].name.push('x'),
        |c| c.founders.push(member_id(2)),
        |c| c.gates = 3,
        |c| c.classes[2].veto_blocks += 1,
        |c| c.classes[2].threshold = Threshold::Majority,
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
