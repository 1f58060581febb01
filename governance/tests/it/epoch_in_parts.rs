//! Hazard: an epoch whose trees depend on how many cores closed it, or on which of them was done first (L-14).

use althing_governance::charter::Body;
use althing_governance::delegation::{Delegation, Part, Scope};
use althing_governance::entry::{Choice, Entry};
use althing_governance::epoch::{close, close_by};
use althing_governance::ledger::{Fate, Ledger};
use althing_governance::parallel::{Alone, Workers};
use althing_governance::{LogState, ProposalId};
use proptest::prelude::*;

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

/// Payments by the dozen that are decided in one epoch and counted again in another, with stakes that left between them.
fn due_together(stakes: &[u64], votes: &[(u8, u8)], left: &[bool]) -> World {
    let mut world = World::founded(stakes, |rules| {
        rules.gates = 3;
        rules.classes.iter_mut().for_each(|rule| rule.veto_blocks = 6);
    });
    let motions = votes.len().div_ceil(3).max(1);
    let ids: Vec<ProposalId> =
        (0..motions).map(|n| world.propose(1, spend(&format!("Net {n}"), 5000 + n as u64))).collect();
    world.mine();
    for (number, (who, what)) in votes.iter().enumerate() {
        let choice = [Choice::Yes, Choice::Yes, Choice::No, Choice::Abstain][usize::from(what % 4)];
        world.vote(1 + who % stakes.len() as u8, ids[number % motions], choice).unwrap();
    }
    while world.state.ledger().standing(&ids[0]).is_none() {
        world.finish_epoch();
    }
    let height = world.height;
    for (fact, _) in world.facts.iter_mut().zip(left).filter(|(_, left)| **left) {
        fact.released_height = Some(height);
    }
    (0..2).for_each(|_| world.finish_epoch());
    world
}

proptest! {
    // Each case signs a whole log.
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// G-106: what is counted again is counted together, on as many cores as there are.
    #[test]
    fn what_is_due_together_is_counted_again_as_it_would_be_one_by_one(
        stakes in prop::collection::vec(1000u64..9000, 2..9),
        votes in prop::collection::vec((any::<u8>(), any::<u8>()), 6..60),
        left in prop::collection::vec(any::<bool>(), 9),
        shards in 1..9usize, seed in any::<u64>(), threads in any::<bool>(),
    ) {
        let world = due_together(&stakes, &votes, &left);
        for (index, closed) in world.closes.iter().enumerate() {
            let (header, roll) = (closed.header, &world.rolls[index]);
            let (height, hash) = (header.closing_height, header.closing_hash);
            let workers = Shuffled::new(shards, seed, threads);
            let again = close_by(&workers, &world.state, &world.headers[..index], height, hash, roll).unwrap();
            prop_assert_eq!(&again, closed);
        }
    }
}

/// The property above would hold of epochs in which nothing is counted again.
#[test]
fn many_are_counted_again_in_one_epoch() {
    let votes: Vec<(u8, u8)> = (0..36).map(|n| (n, 0)).collect();
    let world = due_together(&[5000, 4000, 3000], &votes, &[true, false, false]);
    let last = &world.closes.last().unwrap().ledger;
    let fates = |fate| last.standings().values().filter(|standing| standing.fate == fate).count();
    let again = last.standings().values().filter(|standing| standing.is_final).count();
    let enacted: Vec<Option<u32>> = last.standings().values().map(|standing| standing.enacted_epoch).collect();
    // Those for which the one who left alone said yes have failed.
    assert_eq!((again, fates(Fate::Effective), fates(Fate::Failed)), (12, 8, 4), "{enacted:?}");
    assert!(enacted.iter().all(|epoch| *epoch == enacted[0]), "{enacted:?}");
    assert!(last.standings().values().any(|standing| standing.again.is_some()), "no stake was gone");
}

/// The log of a world once more, told on the way what an epoch decided. Each final epoch is decided as it was closed.
fn replayed(world: &World, told: impl Fn(usize) -> Option<usize>) -> LogState {
    let mut state = LogState::new(world.state.params().clone());
    for entry in &world.log {
        if let Entry::Anchored(anchored) = entry {
            let index = anchored.header.epoch as usize - 1;
            state.set_roll(anchored.header.epoch, world.rolls[index].clone());
            if let Some(close) = told(index).map(|index| &world.closes[index]) {
                state.set_decided(close);
            }
        }
        state.apply(state.size(), entry.clone()).unwrap();
        if let Some(epoch) = state.newest_anchored().map(|record| record.header.epoch) {
            assert_eq!(*state.ledger(), world.closes[epoch as usize - 1].ledger, "epoch {epoch}");
        }
    }
    state
}

#[test]
fn what_a_close_decided_is_taken_over_when_its_header_is_final() {
    let world = story();
    let own = replayed(&world, |_| None);
    assert_eq!(own.ledger(), world.state.ledger());
    assert_eq!(replayed(&world, Some), own, "told of each epoch");
    // What is told of another epoch is of no use here, and comes to nothing.
    replayed(&world, |index| index.checked_sub(1));
    replayed(&world, |index| Some(index + 1).filter(|next| *next < world.closes.len()));
    // It is taken over as it is, and nothing is counted for it.
    let mut state = LogState::new(world.state.params().clone());
    let mut empty = world.closes[0].clone();
    let closes = &world.closes;
    empty.ledger = closes[1].ledger.clone();
    state.set_roll(1, world.rolls[0].clone());
    state.set_decided(&empty);
    for entry in &world.log {
        state.apply(state.size(), entry.clone()).unwrap();
        if matches!(entry, Entry::Anchored(_)) {
            break;
        }
    }
    assert_eq!(state.ledger(), &closes[1].ledger);
    assert_ne!(closes[0].ledger, Ledger::new());
}
