//! Hazard: an epoch whose trees depend on how many cores closed it, or on which of them was done first (L-14).

use althing_governance::charter::Body;
use althing_governance::delegation::{Delegation, Part, Scope};
use althing_governance::entry::Choice;
use althing_governance::epoch::{close, close_by};
use althing_governance::parallel::{Alone, Workers};

use crate::shuffled::Shuffled;
use crate::world::{World, charter, member_id, spend, text};

/// Three epochs with a question, a payment that takes effect later, two bodies, and delegations.
fn story() -> World {
    let mut rules = charter();
    rules.founders = vec![member_id(1), member_id(2)];
    rules.classes[0].bodies = vec![Body::Members, Body::Founders];
    let mut world = World::with_charter(rules);
    for (who, stake) in (1..).zip([5000, 3000, 2000, 1500]) {
        world.join(who, stake);
    }
    world.finish_epoch();
    let votes = [
        world.propose(1, text("A new boat")),
        world.propose(2, spend("Nets", 20_000)),
        world.propose(3, spend("Harbour", 5_000_000)),
    ];
    world.mine();
    let parts = vec![Part { to: member_id(2), share_bp: 10_000 }];
    world.say(4, Delegation { scope: Scope::All, parts, expires_height: None }).unwrap();
    for proposal in votes {
        world.vote(1, proposal, Choice::Yes).unwrap();
        world.vote(2, proposal, Choice::No).unwrap();
        world.vote(3, proposal, Choice::Yes).unwrap();
    }
    for _ in 0..4 {
        world.finish_epoch();
    }
    world
}

#[test]
fn every_part_of_a_closed_epoch_is_the_same_in_any_division() {
    let world = story();
    assert!(world.closes.iter().any(|close| !close.body_ballots.is_empty()), "no second body voted");
    assert!(world.closes.iter().any(|close| !close.locked_rolls.is_empty()), "nothing took effect");
    for (index, closed) in world.closes.iter().enumerate() {
        let (header, earlier, roll) = (closed.header, &world.headers[..index], &world.rolls[index]);
        let (height, hash) = (header.closing_height, header.closing_hash);
        let again = |workers: &dyn Workers| close_by(workers, &world.state, earlier, height, hash, roll).unwrap();
        let whole = close(&world.state, earlier, height, hash, roll).unwrap();
        assert_eq!(again(&Alone), whole);
        for shards in [1, 2, 3, 7, 100] {
            for threads in [false, true] {
                assert_eq!(again(&Shuffled::new(shards, index as u64 + 5, threads)), whole, "{shards} shards");
            }
        }
    }
}
