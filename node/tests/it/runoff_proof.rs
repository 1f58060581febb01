//! Hazard: a proof file that calls something checked which nothing in it shows: who won an instant run-off, whose outcome needs the
//! ballots, or which of the options that are level (P-7).

use althing_governance::charter::Class;
use althing_governance::entry::{Ballot, Entry, LaneEntry, ProposalContent, ProposalOption};
use althing_governance::epoch::{DecisionLeaf, EpochClose};
use althing_governance::id::ProposalId;
use althing_governance::tally::Outcome;
use althing_governance::voting::System;
use althing_node::proof::bundle::{LoggedEntry, Statement, TallyPart};
use althing_node::proof::tallies::Tallies;
use althing_node::proof::{Finding, Rejection, verify};

use crate::forger::forge_decision;
use crate::world::{AUX, World, charter, keypair, member_id, text};

const PASSED: fn(u16) -> Outcome = |option| Outcome::Passed { option: Some(option) };

/// A verdict on the file of [`told`].
fn judged(system: System, ballots: &[(u8, &[u16])], change: impl Fn(&mut DecisionLeaf)) -> Result<Finding, Rejection> {
    let (world, file) = told(system, ballots, change);
    verify(&file, &world.chain)
}

/// What it is about, the system, the ballots, and what the hub makes of the decision.
type Vote<'a> = (&'static str, System, &'a [(u8, &'a [u16])], fn(&mut DecisionLeaf));

/// Headers and file of a vote by each system whose ballots choose among options, and the same of what cannot be.
pub(crate) fn vectors() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let ranked: &[(u8, &[u16])] = &[(6, &[0]), (5, &[1]), (4, &[2, 1])];
    let single: &[(u8, &[u16])] = &[(6, &[0]), (5, &[1]), (1, &[])];
    let points: &[(u8, &[u16])] = &[(6, &[3, 0, 5, 0]), (5, &[0, 4, 2, 1])];
    let parts: &[(u8, &[u16])] = &[(6, &[6000, 0, 4000, 0]), (5, &[0, 0, 9999, 1])];
    let honest: fn(&mut DecisionLeaf) = |_| {};
    let table: [Vote<'_>; 9] = [
        ("single choice", System::SingleChoice, single, honest),
        ("approval", System::Approval, &[(6, &[1, 0, 1, 0]), (5, &[0, 0, 1, 0])], honest),
        ("score", System::Score { max: 5 }, points, honest),
        ("split", System::Split, parts, honest),
        ("an instant run-off, whose winner sums do not show", System::InstantRunoff, ranked, honest),
        ("Schulze", System::Schulze, ranked, honest),
        ("two options that are level", System::SingleChoice, &[(6, &[0]), (5, &[1]), (1, &[1])], honest),
        ("single choice, another winner", System::SingleChoice, single, |leaf| leaf.outcome = PASSED(1)),
        ("Schulze, another winner", System::Schulze, ranked, |leaf| leaf.outcome = PASSED(2)),
    ];
    let file = |(what, system, ballots, change)| {
        let (world, file) = told(system, ballots, change);
        (what, world.chain.header_bytes(), file)
    };
    table.into_iter().map(file).collect()
}

/// The tally statement of a vote on a wall of stone, turf or wood with these ballots; the hub says of it what `change` makes of it.
fn told(system: System, ballots: &[(u8, &[u16])], change: impl Fn(&mut DecisionLeaf)) -> (World, Vec<u8>) {
    let mut rules = charter();
    let rule = rules.classes.iter_mut().find(|rule| rule.class == Class::Text).unwrap();
    rule.systems.push(system);
    let mut world = World::founded_under(rules);
    world.finish_epoch();
    let options = ["Stone", "Turf", "Wood"].map(|label| ProposalOption { label: label.into(), effects: Vec::new() });
    let id = world.propose(1, ProposalContent { system, options: options.into(), ..text("A wall") });
    world.block(vec![]);
    for (member, fields) in ballots {
        let lane = world.ledger.state().next_lane_header(member_id(*member), 1);
        let ballot = Ballot { proposal: id, fields: fields.to_vec(), reason: None };
        let ballot = LaneEntry::sign(&world.secp, lane, ballot, &keypair(*member), &AUX);
        world.append(&Entry::Ballot(ballot)).unwrap();
    }
    let close = loop {
        let mut close = world.close();
        if close.prove_decision(&id).is_some() {
            forge_decision(&mut close, id, &change);
            break close;
        }
        let entry = world.anchor(close);
        world.append(&entry).unwrap();
    };
    let epoch = close.header.epoch as usize;
    let statement = Statement::Tally(Box::new(part(&world, &close, id)));
    let _not_logged = world.anchor(close);
    world.block(vec![]);
    let file = world.file(epoch, statement);
    (world, file)
}

fn part(world: &World, close: &EpochClose, id: ProposalId) -> TallyPart {
    let position = world.ledger.state().proposals()[&id].position;
    let path = world.ledger.state().tree().inclusion_proof(position, close.header.log_size).unwrap();
    TallyPart {
        entry: LoggedEntry { position, bytes: world.log[position as usize].clone(), path },
        tally: Tallies::Members(Box::new(close.prove_tally(&id).unwrap())),
        decision: close.prove_decision(&id).unwrap(),
    }
}

/// What a file says that the sums of an instant run-off give, when its decision says `outcome`.
fn run_off(ballots: &[(u8, &[u16])], outcome: Outcome) -> Result<Finding, Rejection> {
    judged(System::InstantRunoff, ballots, |decision| decision.outcome = outcome)
}

#[test]
fn who_won_a_run_off_is_not_called_checked() {
    // 600,000 for stone, 500,000 for turf, 400,000 for wood, whose ballots go to turf.
    let ballots: [(u8, &[u16]); 3] = [(6, &[0]), (5, &[1]), (4, &[2, 1])];
    let honest = judged(System::InstantRunoff, &ballots, |_| {}).unwrap();
    assert!(honest.statement.contains("passed with option 2 (\"Turf\")"), "{}", honest.statement);
    let [unchecked] = honest.unchecked.as_slice() else { panic!("{:?}", honest.unchecked) };
    assert!(unchecked.contains("Who won") && unchecked.contains("V-15"), "{unchecked}");
    assert!(honest.checked.iter().all(|said| !said.contains("run-off, which")), "{:?}", honest.checked);
    // No part of the file can tell this lie, so it is what the file says that it does not show.
    assert!(run_off(&ballots, PASSED(0)).unwrap().unchecked[0].contains("Who won"));
    for impossible in [Outcome::Tied, Outcome::Vetoed, Outcome::Passed { option: None }] {
        run_off(&ballots, impossible).unwrap_err();
    }
}

#[test]
fn more_than_half_of_the_first_places_leaves_nobody_else() {
    let ballots: [(u8, &[u16]); 3] = [(6, &[0]), (2, &[1]), (1, &[2, 1])];
    let honest = judged(System::InstantRunoff, &ballots, |_| {}).unwrap();
    assert!(honest.statement.contains("passed with option 1"), "{}", honest.statement);
    assert!(honest.unchecked[0].contains("more than half"), "{:?}", honest.unchecked);
    let refused = run_off(&ballots, PASSED(1)).unwrap_err().to_string();
    assert!(refused.contains("P-7") && refused.contains("no other outcome than that option 1"), "{refused}");
    // None of these has won outright: that is rejected, and shown.
    let none: [(u8, &[u16]); 2] = [(6, &[3]), (5, &[0, 1])];
    assert_eq!(judged(System::InstantRunoff, &none, |_| {}).unwrap().unchecked, Vec::<String>::new());
    run_off(&none, PASSED(0)).unwrap_err();
}

#[test]
fn a_missed_turnout_is_shown() {
    let few: [(u8, &[u16]); 1] = [(1, &[0])];
    let honest = judged(System::InstantRunoff, &few, |_| {}).unwrap();
    assert!(honest.statement.contains("no_quorum") && honest.unchecked.is_empty(), "{honest:?}");
    run_off(&few, PASSED(0)).unwrap_err();
}

#[test]
fn which_of_the_level_ones_won_is_not_called_checked() {
    let level: [(u8, &[u16]); 3] = [(6, &[0]), (5, &[1]), (1, &[1])];
    let honest = judged(System::SingleChoice, &level, |_| {}).unwrap();
    let [unchecked] = honest.unchecked.as_slice() else { panic!("{:?}", honest.unchecked) };
    assert!(
        unchecked.contains("option 1 (\"Stone\") and option 2 (\"Turf\")") && unchecked.contains("V-30"),
        "{unchecked}"
    );
    judged(System::SingleChoice, &level, |decision| decision.outcome = PASSED(2)).unwrap_err();
    let clear: [(u8, &[u16]); 2] = [(6, &[0]), (5, &[1])];
    assert_eq!(judged(System::SingleChoice, &clear, |_| {}).unwrap().unchecked, Vec::<String>::new());
}
