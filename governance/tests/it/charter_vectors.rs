//! Hazard: two implementations that read, hash or change one charter differently.

use althing_governance::Canonical as _;
use althing_governance::charter::{
    Admission, Charter, Class, ClassRule, RewardShare, SpendingCap, Staging, Template, Threshold, WeightRule,
    check_change, diff,
};
use althing_governance::voting::System;
use bitcoin::hex::DisplayHex as _;
use serde_json::{Value, json};

use crate::charter_document::arguments;
use crate::world::{charter, keypair, member_id};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec/vectors/charter.json");

#[test]
fn committed_vectors_are_current() {
    let generated = format!("{:#}\n", generate());
    if std::env::var_os("ALTHING_WRITE_VECTORS").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap();
    assert!(committed == generated, "docs/spec/vectors/charter.json is stale; run with ALTHING_WRITE_VECTORS=1");
}

fn generate() -> Value {
    let templates = Template::ALL.map(|template| {
        let document = template.document(&arguments());
        vector(template.name(), document.clone(), &Charter::from_toml(&document).unwrap())
    });
    let every = every_variant();
    let forms = vector("every form of every field", every.to_toml().unwrap(), &every);
    let keys = (71..=73).map(|n| keypair(n).public_key()).collect();
    let staging = Some(Staging { from_sat: 1_000_000, delay_blocks: 144, threshold: 2, keys });
    let staged = Charter { staging, ..every };
    let staged = vector("with staged payments", staged.to_toml().unwrap(), &staged);
    json!({
        "about": "Vectors of docs/spec/charter.md. A charter is its document, canonical bytes (R-2, G-121), hash (G-13) and the \
                  clauses of problems and advice. A change names the clauses that refuse it (R-100 to R-108).",
        "charters": templates.into_iter().chain([forms, staged]).collect::<Vec<_>>(),
        "changes": changes(),
    })
}

fn vector(name: &str, document: String, charter: &Charter) -> Value {
    json!({
        "name": name,
        "document": document,
        "charter": charter.to_bytes().to_lower_hex_string(),
        "charter_hash": charter.hash(),
        "problems": charter.check().iter().map(|p| [p.rule.to_owned(), p.field.clone()]).collect::<Vec<_>>(),
        "advice": charter.advice().iter().map(|a| [a.rule.to_owned(), a.field.clone()]).collect::<Vec<_>>(),
    })
}

/// One charter in which every option is present and every enumeration has a form that the templates do not have. It breaks
/// rules, because some forms exclude each other.
fn every_variant() -> Charter {
    let mut c = charter();
    c.admission = Admission::Vote { min_stake_sat: 5 };
    c.weight_rule = WeightRule::SqrtStake;
    c.per_member_cap = Some(1000);
    c.classes = Class::ALL.map(ClassRule::new).to_vec();
    c.classes[0].systems = vec![System::Score { max: 9 }, System::Quadratic { credits: 100 }, System::Approval];
    c.classes[1].early_decision = true;
    c.classes[2].final_ballots = true;
    c.classes[3].min_proposer_weight = 30;
    c.guards.spending_cap = Some(SpendingCap { window_blocks: 144, max_sat: 7 });
    c.guards.excluded_members = vec![member_id(7)];
    c.guardians.members = (1..=3).map(member_id).collect();
    c.guardians.threshold = 2;
    c.rewards.share = RewardShare::ByWeight;
    c.hub_bond_sat = 1_000_000;
    c
}

fn changes() -> Vec<Value> {
    type Change = fn(&mut Charter);
    let table: [(&str, Class, Change); 7] = [
        ("nothing", Class::RuleChange, |_| {}),
        ("a step", Class::RuleChange, |c| c.classes[1].voting_blocks *= 2),
        ("a leap", Class::RuleChange, |c| c.classes[1].voting_blocks *= 3),
        ("a share leaps", Class::RuleChange, |c| c.classes[4].threshold = Threshold::Majority),
        ("a band slips in", Class::RuleChange, |c| c.classes[2].max_amount_sat = Some(2_000_000_000)),
        ("another treasury", Class::ElectTreasurers, |c| c.treasury_descriptor.push('x')),
        ("another treasury by another class", Class::RuleChange, |c| c.treasury_descriptor.push('x')),
    ];
    let old = Charter::from_toml(&Template::Cooperative.document(&arguments())).unwrap();
    table
        .into_iter()
        .map(|(name, class, change)| {
            let mut new = old.clone();
            change(&mut new);
            let problems = check_change(class, &old, &new);
            json!({
                "name": name,
                "class": class.number(),
                "old": old.hash(),
                "new": new.to_bytes().to_lower_hex_string(),
                "differences": diff(&old, &new).iter().map(ToString::to_string).collect::<Vec<_>>(),
                "refused_by": problems.iter().map(|p| p.rule).collect::<Vec<_>>(),
            })
        })
        .collect()
}
