//! Hazard: a hub that decides ties by what it writes into its heads, or stops decisions by leaving a head out.

use std::collections::BTreeMap;

use althing_governance::charter::Class;
use althing_governance::entry::{Ballot, Entry, LogHead, ProposalContent, ProposalOption};
use althing_governance::signing::Statement as _;
use althing_governance::state::{MissingFact, STALE_HEADS};
use althing_governance::voting::{Outcome, System, TieBreak};
use althing_governance::{LogState, ProposalId};

use crate::world::{AUX, World, block_hash, charter, hub, text};

fn world() -> World {
    let mut charter = charter();
    charter.classes.iter_mut().filter(|rule| rule.class == Class::Text).for_each(|rule| {
        rule.systems = vec![System::SingleChoice];
    });
    charter.final_depth = 3;
    let mut world = World::with_charter(charter);
    (1..=2).for_each(|member| world.join(member, 5000));
    world.finish_epoch();
    world
}

/// A choice that two members of the same weight leave level.
fn tied(world: &mut World) -> (ProposalId, u32) {
    let option = |label: &str| ProposalOption { label: label.into(), effects: Vec::new() };
    let options = vec![option("boat"), option("nets")];
    let id = world.open_vote(1, ProposalContent { system: System::SingleChoice, options, ..text("What to buy") });
    for (member, option) in [(1, 0), (2, 1)] {
        world.say(member, Ballot { proposal: id, fields: vec![option], reason: None }).unwrap();
    }
    (id, world.state.proposals()[&id].schedule.unwrap().close)
}

fn outcome(world: &mut World, id: ProposalId) -> Outcome {
    for _ in 0..6 {
        if let Some(standing) = world.state.ledger().standing(&id) {
            let outcome = standing.outcome;
            world.assert_reproducible();
            return outcome;
        }
        world.finish_epoch();
    }
    unreachable!("nothing was decided")
}

/// A hub tries hashes until its option wins.
#[test]
fn what_a_head_says_of_its_block_decides_no_tie() {
    for lie in 0..8 {
        let mut world = world();
        let (id, close) = tied(&mut world);
        world.mine_to(close + 5);
        world.height += 1;
        let head = LogHead { tip_hash: block_hash(1000 + lie), ..world.log_head() };
        world.append(Entry::Head(head.sign(&world.secp, &hub(), &AUX))).unwrap();
        let winner = TieBreak::new(block_hash(close + 6)).first(&[0, 1]);
        assert_eq!(outcome(&mut world, id), Outcome::Passed { option: winner });
    }
}

#[test]
fn a_tie_is_broken_where_no_head_is_of_that_block() {
    let mut world = world();
    let (id, close) = tied(&mut world);
    world.mine_to(close);
    world.mine_without_heads(close + 7);
    let winner = TieBreak::new(block_hash(close + 6)).first(&[0, 1]);
    assert_eq!(outcome(&mut world, id), Outcome::Passed { option: winner });
}

/// Whoever replays the log is told what is missing, and goes on with it.
#[test]
fn a_replay_that_lacks_the_block_says_so() {
    let mut world = world();
    let (id, close) = tied(&mut world);
    outcome(&mut world, id);
    let mut other = LogState::replay(world.state.params().clone(), world.log.clone()).unwrap();
    let mut told = Vec::new();
    while let Some(fact) = other.missing_fact() {
        told.push(fact);
        match fact {
            MissingFact::Block { height } => other.set_block_hash(height, block_hash(height)),
            MissingFact::Roll { epoch } => other.set_roll(epoch, world.rolls[epoch as usize - 1].clone()),
        }
    }
    assert!(told.contains(&MissingFact::Block { height: close + 6 }), "{told:?}");
    assert_eq!(other.ledger(), world.state.ledger());
}

/// Tips become stale and the log keeps their heads, of several reorganisations one after another too; but not for a day.
#[test]
fn heads_beside_the_chain_are_refused_when_they_cannot_be_stale() {
    let mut world = world();
    let best: BTreeMap<u32, _> = (0..2000).map(|height| (height, block_hash(height))).collect();
    let lie = |world: &World, offset: u32| LogHead { tip_hash: block_hash(9000 + offset), ..world.log_head() };
    for round in 0..2 {
        let last = u32::try_from(STALE_HEADS).unwrap() - 1;
        assert!(last > 2 * world.state.charter().final_depth);
        for offset in 0..=last {
            world.height += 1;
            let head = lie(&world, offset);
            match world.state.check_head_block(&head, &best) {
                Ok(()) => assert!(offset < last, "a day in a row"),
                Err(refusal) => {
                    assert_eq!((refusal.rule(), offset), ("G-30", last));
                    let told = refusal.to_string();
                    assert!(told.contains(&block_hash(world.height).to_string()), "{told}");
                    continue;
                }
            }
            world.append(Entry::Head(head.sign(&world.secp, &hub(), &AUX))).unwrap();
        }
        assert!(world.state.heights_behind().contains(&(world.height - 1)), "round {round}");
        world.height -= 1;
        world.mine();
        assert_eq!(world.state.check_head_block(&world.log_head(), &best), Ok(()));
    }
    // Whoever knows nothing of a block cannot refuse its head.
    world.height += 1;
    assert_eq!(world.state.check_head_block(&lie(&world, 0), &BTreeMap::new()), Ok(()));
}
