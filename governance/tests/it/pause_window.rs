//! Hazard: a pause as a veto without a vote on what it stops, because time runs out meanwhile; or one pause after the other that
//! keeps a payment alive for ever (G-87).

use althing_governance::ProposalId;
use althing_governance::charter::Class;
use althing_governance::entry::{Budget, Choice, Effect, Milestone, Pause, ProposalContent};
use althing_governance::ledger::{Fate, PaymentState, Standing};

use crate::world::{EPOCH, World, spend, text};

const LONGEST: u32 = 4 * EPOCH;

fn world() -> World {
    World::founded(&[5000, 4000], |charter| charter.guards.pause_max_blocks = LONGEST)
}

fn pause(blocks: u32) -> ProposalContent {
    let effect = Effect::Pause(Pause { blocks, classes: vec![Class::Spend, Class::Budget] });
    ProposalContent::question(Class::Pause, "Wait", "", vec![effect])
}

/// A payment that may wait for one epoch.
fn short_lived(title: &str) -> ProposalContent {
    let mut content = spend(title, 5000);
    let Some(Effect::Spend(spend)) = content.options[0].effects.first_mut() else { panic!("it pays") };
    spend.expiry_blocks = EPOCH;
    content
}

/// Proposes these now, and lets all pass at the next close. Returns them and the height of that.
fn pass(world: &mut World, contents: Vec<ProposalContent>) -> (Vec<ProposalId>, u32) {
    let ids: Vec<ProposalId> = contents.into_iter().map(|content| world.propose(1, content)).collect();
    world.mine();
    for id in &ids {
        world.vote(1, *id, Choice::Yes).unwrap();
    }
    let close = world.state.proposals()[&ids[0]].schedule.unwrap().close;
    (ids, close)
}

fn close_at(world: &mut World, height: u32) {
    while world.state.ledger().closing_height() < height {
        world.finish_epoch();
    }
    assert_eq!(world.state.ledger().closing_height(), height);
}

fn standing(world: &World, id: ProposalId) -> Standing {
    world.state.ledger().standing(&id).unwrap().clone()
}

#[test]
fn one_pause_only_delays() {
    for blocks in [2 * EPOCH, LONGEST] {
        let mut world = world();
        let (ids, close) = pass(&mut world, vec![pause(blocks), short_lived("Nets")]);
        close_at(&mut world, close + blocks - EPOCH);
        assert_eq!(standing(&world, ids[1]).fate, Fate::Waiting);
        close_at(&mut world, close + blocks);
        let paid = standing(&world, ids[1]);
        assert_eq!((paid.fate, paid.payments[0].state), (Fate::Effective, PaymentState::Authorised));
        // All the time that it would have had is still before it.
        assert_eq!(paid.payments[0].authorisation.unwrap().expires_height, close + EPOCH + blocks);
        world.assert_reproducible();
    }
}

#[test]
fn heights_in_two_pauses_count_once() {
    let mut world = world();
    let contents = vec![pause(2 * EPOCH), ProposalContent { title: "Wait too".into(), ..pause(2 * EPOCH) }];
    let (ids, close) = pass(&mut world, [contents, vec![short_lived("Nets")]].concat());
    close_at(&mut world, close + 2 * EPOCH);
    assert_eq!(standing(&world, ids[2]).payments[0].authorisation.unwrap().expires_height, close + 3 * EPOCH);
}

#[test]
fn another_vote_for_another_pause_lets_it_expire() {
    let mut world = world();
    let (ids, close) = pass(&mut world, vec![pause(LONGEST), short_lived("Nets")]);
    close_at(&mut world, close + EPOCH);
    let (again, second) = pass(&mut world, vec![ProposalContent { title: "Wait on".into(), ..pause(LONGEST) }]);
    assert!(second < close + LONGEST, "it would come too late");
    close_at(&mut world, close + LONGEST);
    assert_eq!(standing(&world, again[0]).fate, Fate::Effective);
    assert_eq!(standing(&world, ids[1]).fate, Fate::Waiting, "a pause of the longest kind is put off in full");
    close_at(&mut world, close + LONGEST + EPOCH);
    assert_eq!(standing(&world, ids[1]).fate, Fate::Expired, "no row of pauses keeps it alive");
    world.assert_reproducible();
}

#[test]
fn a_milestone_that_comes_due_in_a_pause_waits_for_its_end() {
    for paused in [true, false] {
        let mut world = world();
        let milestone =
            |what: &str, after_blocks| Milestone { description: what.into(), amount_sat: 5000, after_blocks };
        let budget = Budget {
            payee: spend("", 5000).options[0].effects.iter().find_map(script_of).unwrap(),
            milestones: vec![milestone("keel", 0), milestone("mast", 2 * EPOCH)],
            fee_cap_sat: 500,
            expiry_blocks: EPOCH,
        };
        let content = ProposalContent::question(Class::Budget, "A boat", "", vec![Effect::Budget(budget)]);
        let (ids, close) = pass(&mut world, vec![content]);
        close_at(&mut world, close);
        let stop = if paused { pause(LONGEST) } else { text("Go on") };
        let (_, from) = pass(&mut world, vec![stop]);
        assert!(from <= close + 2 * EPOCH);
        let due = close + 2 * EPOCH;
        let (until, put_off) = if paused { (from + LONGEST, from + LONGEST - due) } else { (due, 0) };
        close_at(&mut world, until);
        let payments = standing(&world, ids[0]).payments;
        assert_eq!(payments[0].authorisation.unwrap().expires_height, close + EPOCH, "it was authorised before");
        let second = payments[1].authorisation.unwrap();
        assert_eq!((second.height, second.expires_height), (due, due + EPOCH + put_off));
    }
}

fn script_of(effect: &Effect) -> Option<bitcoin::ScriptBuf> {
    let Effect::Spend(spend) = effect else { return None };
    Some(spend.outputs[0].script.clone())
}

#[test]
fn what_no_pause_held_back_expires_when_it_would() {
    // Due two blocks after the close, in a pause that is over when the next epoch closes.
    let mut world = World::founded(&[5000, 4000], |charter| {
        charter.guards.pause_max_blocks = LONGEST;
        charter.classes.iter_mut().find(|rule| rule.class == Class::Spend).unwrap().veto_blocks = 2;
    });
    let (ids, close) = pass(&mut world, vec![pause(4), short_lived("Nets")]);
    close_at(&mut world, close + EPOCH);
    let paid = standing(&world, ids[1]).payments[0].authorisation.unwrap();
    assert_eq!((paid.height, paid.expires_height), (close + 2, close + 2 + EPOCH));
}
