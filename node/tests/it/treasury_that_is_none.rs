//! A vote that puts a text into the charter that is no treasury: the treasury stays, and so does the DAO (T-7).

use althing_governance::charter::{Class, ClassRule, Treasurer};
use althing_governance::entry::{Choice, Effect, ElectTreasurers, ProposalContent};
use althing_node::treasury::generations;

use crate::refilled_gate::{note, treasurys};
use crate::world::{World, charter, keypair};

const BOGUS: &str = "wsh(the key under the mat)";

#[test]
fn the_log_goes_on_and_its_gates_with_the_treasury_before() {
    let mut rules = charter();
    let text = rules.classes.iter().find(|rule| rule.class == Class::Text).unwrap().clone();
    rules.classes.retain(|rule| rule.class != Class::ElectTreasurers);
    rules.classes.push(ClassRule { class: Class::ElectTreasurers, ..text });
    let mut world = World::founded_under(rules);
    let treasurers = vec![Treasurer { name: "Nobody".into(), key: keypair(95).public_key() }];
    let election = ElectTreasurers { descriptor: BOGUS.into(), treasurers };
    let effect = Effect::ElectTreasurers(election);
    world.finish_epoch();
    let id = world.propose(1, ProposalContent::question(Class::ElectTreasurers, "New keys", "", vec![effect]));
    world.block(vec![]);
    (1..=6).for_each(|member| world.vote(member, id, Choice::Yes));
    (0..4).for_each(|_| world.finish_epoch());
    assert_eq!(world.ledger.state().charter().treasury_descriptor, BOGUS);

    let tx = treasurys(&world);
    world.block(vec![tx.clone()]);
    world.append(&note(&world, &tx, vec![0])).unwrap();
    world.finish_epoch();
}

#[test]
fn what_is_no_treasury_is_passed_over_wherever_it_stands() {
    let founding = charter();
    let with = |descriptor: &str| {
        let mut other = founding.clone();
        other.treasury_descriptor = descriptor.into();
        other
    };
    let key = |number| keypair(number).public_key();
    let next = format!("wsh(sortedmulti(2,{},{}))", key(91), key(92));
    let charters = [founding.clone(), with(BOGUS), with(""), with(&next), with(BOGUS), with(&next), with("tr(")];
    let first = founding.treasury_descriptor.clone();
    assert_eq!(generations(&charters), [first.clone(), next.clone()]);
    assert_eq!(generations(&charters[..3]), [first]);
}
