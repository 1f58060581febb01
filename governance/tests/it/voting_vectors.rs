//! The test vectors of docs/spec/voting.md: generated from fixed elections, and checked to be the committed ones.

use althing_governance::Canonical;
use althing_governance::voting::{Count, CountError, Outcome, Quorum, Rule, System, Threshold, TieBreak, apportion};
use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;
use bitcoin::hex::DisplayHex as _;
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec/vectors/voting.json");

#[test]
fn committed_vectors_are_current() {
    let generated = format!("{:#}\n", generate());
    if std::env::var_os("ALTHING_WRITE_VECTORS").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap();
    assert!(committed == generated, "docs/spec/vectors/voting.json is stale; run with ALTHING_WRITE_VECTORS=1");
}

fn generate() -> Value {
    json!({
        "about": "Vectors of docs/spec/voting.md. Weights and sums are decimal strings, encodings and hashes hex, all else numbers.",
        "systems": systems(),
        "refused_ballots": refused(),
        "apportioned": apportioned(),
        "ties": ties(),
        "outcomes": outcomes(),
        "elections": elections(),
    })
}

fn systems() -> Vec<Value> {
    let options = [0, 0, 3, 3, 3, 3, 3, 3, 3, 0];
    let all = [
        System::YesNoAbstain,
        System::YesNoVeto,
        System::SingleChoice,
        System::Approval,
        System::Score { max: 10 },
        System::InstantRunoff,
        System::Schulze,
        System::Split,
        System::Quadratic { credits: 100 },
        System::Optimistic,
    ];
    let one = |(system, options): (System, u16)| {
        json!({
            "name": system.name(),
            "bytes": hex(&system),
            "options": options,
            "sums": Count::new(system, options).unwrap().sums().len(),
        })
    };
    all.into_iter().zip(options).map(one).collect()
}

fn refused() -> Vec<Value> {
    let table: [(System, u16, &[u16]); 10] = [
        (System::YesNoAbstain, 0, &[]),
        (System::YesNoAbstain, 0, &[3]),
        (System::YesNoVeto, 0, &[4]),
        (System::SingleChoice, 3, &[4]),
        (System::Approval, 3, &[1, 1, 1]),
        (System::Score { max: 10 }, 3, &[11, 0, 0, 0]),
        (System::InstantRunoff, 3, &[2, 1, 2]),
        (System::Schulze, 3, &[0, 1, 2, 3, 0]),
        (System::Split, 3, &[5000, 4999, 0, 0]),
        (System::Quadratic { credits: 100 }, 3, &[7, 7, 1, 2]),
    ];
    let one = |(system, options, fields): (System, u16, &[u16])| {
        let fault = system.validate(options, fields).unwrap_err().to_string();
        json!({ "system": hex(&system), "options": options, "fields": fields, "fault": fault })
    };
    table.into_iter().map(one).collect()
}

fn apportioned() -> Vec<Value> {
    let table: [(u128, &[u16]); 4] =
        [(10, &[3333, 3333, 3334]), (1, &[5000, 5000]), (999_999_937, &[1, 2499, 0, 7500]), (u128::MAX, &[1, 9999])];
    let one = |(weight, parts): (u128, &[u16])| json!({ "weight": weight.to_string(), "parts": parts, "shares": texts(apportion(weight, parts)) });
    table.into_iter().map(one).collect()
}

fn ties() -> Vec<Value> {
    let mut hashes = Vec::new();
    for block in [0u8, 9, 255] {
        let tie = tie(block);
        for option in [0u16, 1, 2, 258] {
            hashes.push(json!({
                "block_hash_bytes": ([block; 32].to_lower_hex_string()),
                "option": option,
                "hash": tie.rank(option).to_lower_hex_string(),
            }));
        }
    }
    hashes
}

fn outcomes() -> Vec<Value> {
    let all = [
        Outcome::Passed { option: None },
        Outcome::Passed { option: Some(2) },
        Outcome::Rejected,
        Outcome::NoQuorum,
        Outcome::Tied,
        Outcome::Vetoed,
    ];
    all.iter().map(|outcome| json!({ "name": outcome.name(), "bytes": hex(outcome) })).collect()
}

/// A few ballots under each system, with a roll of 120.
fn elections() -> Vec<Value> {
    let half = Rule {
        threshold: Threshold::Majority,
        quorum: Quorum::ParticipationBp(5000),
        distinct_voters_min: 3,
        veto_bp: 3334,
        oppose_bp: 1000,
    };
    let few = Rule { distinct_voters_min: 0, ..half };
    let two_thirds = Rule { threshold: Threshold::PercentBp(6667), quorum: Quorum::YesOfTotalBp(2500), ..half };
    let questions: [(&[u16], u128); 4] = [(&[1], 40), (&[2], 12), (&[0], 15), (&[2], 8)];
    let vetoes: [(&[u16], u128); 4] = [(&[1], 30), (&[2], 10), (&[3], 20), (&[0], 30)];
    let choices: [(&[u16], u128); 5] = [(&[0], 40), (&[1], 30), (&[2], 10), (&[3], 15), (&[], 5)];
    let level: [(&[u16], u128); 3] = [(&[0], 40), (&[2], 40), (&[3], 5)];
    let approvals: [(&[u16], u128); 4] =
        [(&[1, 1, 0, 0], 40), (&[0, 1, 1, 0], 30), (&[0, 0, 0, 1], 20), (&[0, 0, 0, 0], 10)];
    let scores: [(&[u16], u128); 3] = [(&[10, 3, 0, 1], 40), (&[0, 9, 10, 2], 30), (&[0, 0, 0, 10], 7)];
    let rankings: [(&[u16], u128); 6] = [(&[0, 2], 40), (&[1, 2], 35), (&[2, 1], 20), (&[3], 5), (&[1], 2), (&[], 3)];
    let cycle: [(&[u16], u128); 3] = [(&[0, 1, 2], 30), (&[1, 2, 0], 30), (&[2, 0, 1], 30)];
    let splits: [(&[u16], u128); 3] = [(&[3333, 3333, 3334, 0], 40), (&[0, 10_000, 0, 0], 35), (&[1, 9998, 1, 0], 7)];
    let votes: [(&[u16], u128); 3] = [(&[6, 8, 0, 0], 40), (&[10, 0, 0, 0], 30), (&[0, 0, 5, 5], 20)];
    let quadratic = System::Quadratic { credits: 100 };
    [
        election(System::YesNoAbstain, 0, &questions, 0, half),
        election(System::YesNoAbstain, 0, &questions, 0, two_thirds),
        election(System::YesNoVeto, 0, &vetoes, 0, half),
        election(System::YesNoVeto, 0, &vetoes, 0, Rule { veto_bp: 3333, ..half }),
        election(System::Optimistic, 0, &questions, 0, half),
        election(System::Optimistic, 0, &[(&[2], 11)], 0, half),
        election(System::SingleChoice, 3, &choices, 0, half),
        election(System::SingleChoice, 3, &choices, 0, two_thirds),
        election(System::SingleChoice, 3, &level, 0, half),
        election(System::Approval, 3, &approvals, 0, half),
        election(System::Score { max: 10 }, 3, &scores, 0, half),
        election(System::InstantRunoff, 3, &rankings, 0, half),
        election(System::InstantRunoff, 3, &cycle, 0, half),
        election(System::Schulze, 3, &rankings, 0, half),
        election(System::Schulze, 3, &cycle, 0, half),
        election(System::Split, 3, &splits, 0, half),
        election(quadratic, 3, &votes, 0, two_thirds),
        // Who stands aside (L-18): a quorum of half of the rest, met, missed by half and of nothing; other systems.
        election(System::YesNoAbstain, 0, &[(&[1], 15)], 90, few),
        election(System::YesNoAbstain, 0, &[(&[1], 15)], 89, few),
        election(System::YesNoAbstain, 0, &[], 120, few),
        election(System::YesNoAbstain, 0, &questions, 45, two_thirds),
        election(System::Optimistic, 0, &[(&[2], 12)], 108, few),
        election(System::Score { max: 10 }, 3, &scores, 43, half),
    ]
    .into_iter()
    .collect::<Result<_, _>>()
    .unwrap()
}

fn election(
    system: System,
    options: u16,
    votes: &[(&[u16], u128)],
    standing: u128,
    rule: Rule,
) -> Result<Value, CountError> {
    let mut count = Count::new(system, options)?;
    count.add_roll(120)?;
    count.add_standing(standing)?;
    for (fields, weight) in votes {
        count.add(fields, *weight)?;
    }
    let outcome = match count.outcome(&rule, None) {
        Ok(outcome) => json!(hex(&outcome)),
        Err(undecided) => json!({
            "tied": undecided.tied,
            "with_block_of_zeros": count.outcome(&rule, Some(tie(0))).map(|o| hex(&o)).ok(),
            "with_block_of_nines": count.outcome(&rule, Some(tie(9))).map(|o| hex(&o)).ok(),
        }),
    };
    Ok(json!({
        "system": hex(&system),
        "options": options,
        "ballots": votes.iter().map(|(fields, weight)| json!({ "fields": fields, "weight": weight.to_string() })).collect::<Vec<_>>(),
        "standing": standing.to_string(),
        "rule": {
            "threshold": hex(&rule.threshold),
            "quorum": hex(&rule.quorum),
            "distinct_voters_min": rule.distinct_voters_min,
            "veto_bp": rule.veto_bp,
            "oppose_bp": rule.oppose_bp,
        },
        "sums": texts(count.sums()),
        "outcome": outcome,
    }))
}

fn tie(byte: u8) -> TieBreak {
    TieBreak::new(BlockHash::from_byte_array([byte; 32]))
}

fn texts(numbers: impl IntoIterator<Item = u128>) -> Vec<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

fn hex<T: Canonical>(value: &T) -> String {
    value.to_bytes().to_lower_hex_string()
}
