//! Hazard: something passed, its time has come, and nobody can tell why nothing happens (N-206).

use althing_governance::ProposalId;
use althing_governance::charter::{Class, SpendingCap};
use althing_governance::entry::{Ballot, Choice, Effect, Pause, ProposalContent, ProposalOption, SeenNote};
use althing_governance::ledger::{Fate, Obstacle, PaymentState};
use althing_governance::voting::System;

use crate::world::{EPOCH, IntoEntry, World, spend, text};

const LONGEST: u32 = 4 * EPOCH;

fn world(cap: Option<SpendingCap>) -> World {
    World::founded(&[5000, 4000, 3000, 2000, 1000], |charter| {
        charter.guards.pause_max_blocks = LONGEST;
        charter.guards.spending_cap = cap;
        charter.forced_entry_delay_blocks = 1;
        charter.classes.iter_mut().for_each(|rule| rule.systems = vec![System::YesNoAbstain, System::SingleChoice]);
    })
}

/// Lets these pass together; the epoch that decides them is the newest.
fn pass(world: &mut World, contents: Vec<ProposalContent>) -> Vec<ProposalId> {
    let ids: Vec<ProposalId> = contents.into_iter().map(|content| world.propose(1, content)).collect();
    world.mine();
    for id in &ids {
        world.vote(1, *id, Choice::Yes).unwrap();
        world.vote(2, *id, Choice::Yes).unwrap();
    }
    while world.state.ledger().standing(ids.last().unwrap()).is_none() {
        world.finish_epoch();
    }
    ids
}

fn of_payment(world: &World, id: ProposalId) -> Vec<Obstacle> {
    let ledger = world.state.ledger();
    ledger.payment_obstacles(&world.state, &id, &ledger.standing(&id).unwrap().payments[0])
}

fn payment_state(world: &World, id: ProposalId) -> PaymentState {
    world.state.ledger().standing(&id).unwrap().payments[0].state
}

#[test]
fn a_gate() {
    let mut world = world(None);
    let ids = pass(&mut world, vec![spend("Nets", 5000), spend("Oars", 6000), spend("Sails", 7000)]);
    assert_eq!(
        ids[..2].iter().map(|id| of_payment(&world, *id)).collect::<Vec<_>>(),
        [[], []],
        "two gates, two payments"
    );
    assert_eq!(of_payment(&world, ids[2]), [Obstacle::NoGate]);
    let ledger = world.state.ledger();
    let payment = &ledger.standing(&ids[2]).unwrap().payments[0];
    assert_eq!(ledger.expiry_of(&world.state, &ids[2], Some(payment)), Some(payment.due_at + 60));
    while payment_state(&world, ids[2]) == PaymentState::Waiting {
        world.finish_epoch();
    }
    assert_eq!(payment_state(&world, ids[2]), PaymentState::Expired);
    assert_eq!(world.state.ledger().closing_height(), world.state.ledger().standing(&ids[2]).unwrap().expiry());
}

/// Room is told from the first boundary on at which the payment is then really authorised.
#[test]
fn a_spending_cap() {
    let mut world = world(Some(SpendingCap { window_blocks: 20, max_sat: 10_000 }));
    let ids = pass(&mut world, vec![spend("Nets", 5000), spend("Oars", 6000), spend("Hall", 20_000)]);
    let authorised = world.state.ledger().closing_height();
    let fee = match &world.state.proposals()[&ids[0]].content.options[0].effects[0] {
        Effect::Spend(spend) => spend.fee_cap_sat,
        _ => unreachable!("it pays"),
    };
    let free = (authorised + 20).next_multiple_of(EPOCH);
    let (left_sat, least_sat) = (10_000 - 5000 - fee, 6000 + fee);
    assert_eq!(of_payment(&world, ids[1]), [Obstacle::Cap { left_sat, least_sat, from: Some(free) }]);
    let never = Obstacle::Cap { left_sat, least_sat: 20_000 + fee, from: None };
    assert_eq!(of_payment(&world, ids[2]), [never]);
    while payment_state(&world, ids[1]) == PaymentState::Waiting {
        world.finish_epoch();
    }
    assert_eq!(world.state.ledger().standing(&ids[1]).unwrap().payments[0].authorised_height, Some(free));
    assert_eq!(of_payment(&world, ids[1]), [], "what is authorised waits for nothing");
}

#[test]
fn a_pause() {
    let mut world = world(None);
    let pause = |title: &str, blocks| {
        let effect = Effect::Pause(Pause { blocks, classes: vec![Class::Spend] });
        ProposalContent::question(Class::Pause, title, "", vec![effect])
    };
    let ids =
        pass(&mut world, vec![pause("Wait", 2 * EPOCH), pause("Longer", LONGEST), spend("Nets", 5000), text("Aye")]);
    let close = world.state.ledger().closing_height();
    let of = |world: &World, id| world.state.ledger().obstacles(&world.state, &id);
    assert_eq!(of(&world, ids[2]), [Obstacle::Pause { until: close + LONGEST }], "the longer one of two");
    assert_eq!(of(&world, ids[3]), [], "another class");
    let due = world.state.ledger().standing(&ids[2]).unwrap().authorised_at;
    assert_eq!(world.state.ledger().expiry_of(&world.state, &ids[2], None), Some(due + 60 + LONGEST));
    while world.state.ledger().closing_height() < close + LONGEST - EPOCH {
        world.finish_epoch();
        assert_eq!(of(&world, ids[2]), [Obstacle::Pause { until: close + LONGEST }]);
    }
    world.finish_epoch();
    let paid = world.state.ledger().standing(&ids[2]).unwrap();
    assert_eq!((paid.fate, of(&world, ids[2]).len()), (Fate::Effective, 0));
    assert_eq!(paid.payments[0].authorisation.unwrap().expires_height, due + 60 + LONGEST);
}

/// One that was ordered while another lasts, and lasts longer, is told as one with it; one of another class is not.
#[test]
fn pauses_in_a_row() {
    let mut world = world(None);
    let pause = |title: &str, class, blocks| {
        let effect = Effect::Pause(Pause { blocks, classes: vec![class] });
        ProposalContent::question(Class::Pause, title, "", vec![effect])
    };
    let first = pause("Wait", Class::Spend, 3 * EPOCH);
    let ids = pass(&mut world, vec![first, pause("Silence", Class::Text, LONGEST), spend("Nets", 5000)]);
    let close = world.state.ledger().closing_height();
    let until = |world: &World| world.state.ledger().obstacles(&world.state, &ids[2]);
    assert_eq!(until(&world), [Obstacle::Pause { until: close + 3 * EPOCH }]);
    pass(&mut world, vec![pause("Wait on", Class::Spend, 3 * EPOCH)]);
    let again = world.state.ledger().closing_height();
    assert!(close < again && again < close + 3 * EPOCH, "the first one lasts: {close}, {again}");
    assert_eq!(until(&world), [Obstacle::Pause { until: again + 3 * EPOCH }]);
    while world.state.ledger().closing_height() < again + 3 * EPOCH {
        assert_eq!(world.state.ledger().standing(&ids[2]).unwrap().fate, Fate::Waiting);
        world.finish_epoch();
    }
    assert_eq!(world.state.ledger().standing(&ids[2]).unwrap().fate, Fate::Effective);
}

#[test]
fn an_entry_that_is_left_out() {
    let mut world = world(None);
    let id = world.open_vote(1, spend("Nets", 5000));
    world.vote(1, id, Choice::Yes).unwrap();
    let hidden = world.sign(2, Ballot::new(id, Choice::No, None)).into_entry();
    let note = SeenNote::new(hidden.clone(), world.height).unwrap();
    (3..=5).for_each(|member| {
        world.say(member, note.clone()).unwrap();
    });
    while world.state.ledger().standing(&id).is_none() {
        world.finish_epoch();
    }
    let found = world.state.ledger().obstacles(&world.state, &id);
    assert_eq!(found, [Obstacle::LeftOut { entries: vec![hidden.id()] }]);
}

#[test]
fn a_block_that_breaks_a_tie() {
    let mut world = World::founded(&[5000, 5000, 1000], |charter| {
        charter.classes.iter_mut().for_each(|rule| rule.systems = vec![System::SingleChoice]);
    });
    let options = ["Stone", "Turf"].map(|label| ProposalOption { label: label.into(), effects: Vec::new() }).into();
    let id = world.open_vote(1, ProposalContent { system: System::SingleChoice, options, ..text("Of what?") });
    for (member, field) in [(1, 0), (2, 1), (3, 0)] {
        world.say(member, Ballot { proposal: id, fields: vec![field], reason: None }).unwrap();
    }
    // Who made the difference is gone before it takes effect.
    let close = world.state.proposals()[&id].schedule.unwrap().close;
    world.facts[2].released_height = Some(close);
    while world.state.ledger().closing_height() < close {
        world.finish_epoch();
    }
    let of = |world: &World| world.state.ledger().obstacles(&world.state, &id);
    assert_eq!(world.state.ledger().standing(&id).unwrap().fate, Fate::Waiting);
    assert_eq!(of(&world), [Obstacle::TieBlock { height: close + 6 }]);
    world.finish_epoch();
    assert_ne!(world.state.ledger().standing(&id).unwrap().fate, Fate::Waiting);
    assert_eq!(of(&world), []);
}

#[test]
fn what_has_not_come_yet_waits_for_nothing_else() {
    let mut world = World::founded(&[5000, 4000], |charter| {
        charter.gates = 1;
        charter.classes.iter_mut().for_each(|rule| rule.veto_blocks = 3 * EPOCH);
    });
    let ids = pass(&mut world, vec![spend("Nets", 5000), spend("Oars", 6000)]);
    assert_eq!(world.state.ledger().standing(&ids[1]).unwrap().fate, Fate::Waiting);
    assert_eq!(world.state.ledger().obstacles(&world.state, &ids[1]), []);
}
