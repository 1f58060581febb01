//! A whole DAO at random, over many epochs, against a recomputation from its log that shares no code with the machine: cutoffs,
//! rolls as locked, delegations, sums, outcomes.

use althing_governance::charter::Class;
use althing_governance::delegation::{Delegation, Part, Scope};
use althing_governance::entry::{Choice, Entry};
use althing_governance::ledger::Fate;
use althing_governance::voting::Outcome;
use althing_governance::{LogState, ProposalId};
use proptest::prelude::*;

use crate::naive_delegation::{ABSTAIN, Edges, NaiveFlow, naive_flow};
use crate::world::{World, member_id, text};

const STAKES: [u64; 5] = [5000, 3000, 2000, 1500, 4000];

/// What somebody does: kind, who, what.
type Act = (u8, u8, u8);

fn play(acts: &[Act]) -> World {
    let mut world = World::with_stakes(&STAKES);
    let mut proposals: Vec<ProposalId> = Vec::new();
    for (number, (kind, who, what)) in acts.iter().enumerate() {
        let member = 1 + who % 5;
        match kind % 12 {
            0 | 1 => proposals.push(world.propose(member, text(&format!("Motion {number}")))),
            2 => world.finish_epoch(),
            3 | 4 => world.mine(),
            5 | 6 => {
                let to = 1 + what % 5;
                let parts = match what / 5 % 4 {
                    0 => Vec::new(),
                    1 => vec![Part::abstaining(10_000)],
                    _ if to == member => continue,
                    _ => vec![Part { to: member_id(to), share_bp: 10_000 }],
                };
                let delegation = Delegation { scope: Scope::All, parts, expires_height: None };
                world.say(member, delegation).unwrap();
            }
            7 if what % 4 == 0 => {
                let fact = &mut world.facts[usize::from(member) - 1];
                fact.released_height = fact.released_height.or(Some(world.height + 1));
            }
            _ => {
                let choice = [Choice::Yes, Choice::Yes, Choice::No, Choice::Abstain][usize::from(what % 4)];
                // Too early or too late for some: the log refuses those.
                let newest = proposals.iter().rev().nth(usize::from(what / 4 % 3));
                let _ = newest.map(|id| world.vote(member, *id, choice));
            }
        }
    }
    for _ in 0..3 {
        world.finish_epoch();
    }
    world
}

/// Weights by seat of the members 1 to 5, as locked where a height is given.
fn weights(world: &World, locked_at: Option<u32>) -> Vec<u64> {
    let left = |at: usize| locked_at.zip(world.facts[at].released_height).is_some_and(|(height, left)| left <= height);
    (0..STAKES.len()).map(|at| if left(at) { 0 } else { STAKES[at] }).collect()
}

/// Yes, no, abstained, aside, ballots and weight of one vote over the first `cutoff` entries.
fn sums(world: &World, id: ProposalId, cutoff: usize, weights: &[u64]) -> [u128; 6] {
    let params = world.state.params();
    let mut ballots: Vec<Option<u16>> = vec![None; weights.len()];
    let mut edges: Vec<Edges> = vec![Vec::new(); weights.len()];
    let seat = |key| (1..=5u8).position(|number| member_id(number) == key).unwrap();
    for entry in &world.log[..cutoff] {
        match entry {
            Entry::Ballot(e) if e.body.proposal == id => ballots[seat(e.lane.member)] = Some(e.body.fields[0]),
            Entry::Delegation(e) => {
                let to = |part: &Part| u32::try_from(seat(part.to)).unwrap();
                // Whoever has no weight is in no roll: what is given to them is nobody's.
                let receiver = |part: &Part| match part.abstains() {
                    true => Some(ABSTAIN),
                    false => Some(to(part)).filter(|to| weights[*to as usize] > 0),
                };
                edges[seat(e.lane.member)] = e.body.parts.iter().map(|part| (receiver(part), part.share_bp)).collect();
            }
            Entry::Proposal(e) if e.body.id(params.network, params.dao_id, e.lane.member) == id => {
                assert_eq!(e.body.class, Class::Text);
            }
            _ => {}
        }
    }
    let voters: Vec<u32> =
        (0..5).filter(|seat| ballots[*seat as usize].is_some() && weights[*seat as usize] > 0).collect();
    let NaiveFlow { received, abstained, .. } = naive_flow(weights, &edges, &voters);
    let of = |field: u16| (0..5).filter(|seat| ballots[*seat] == Some(field)).map(|seat| received[seat]).sum::<u128>();
    let total = weights.iter().map(|weight| u128::from(*weight)).sum();
    [of(1), of(2), of(0), abstained.iter().sum(), voters.len() as u128, total]
}

/// A plain majority, a fifth of those who do not stand aside taking part.
fn outcome([yes, no, abstained, aside, _, weight]: [u128; 6]) -> Outcome {
    match () {
        () if weight == aside || (yes + abstained) * 10_000 < (weight - aside) * 2000 => Outcome::NoQuorum,
        () if yes == no && yes > 0 => Outcome::Tied,
        () if yes > no => Outcome::Passed { option: None },
        () => Outcome::Rejected,
    }
}

proptest! {
    // Each case signs hundreds of entries.
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn what_the_machine_decides_is_what_its_log_says(
        acts in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 10..90),
    ) {
        let world = play(&acts);
        let mut decided = 0;
        for (id, standing) in world.state.ledger().standings() {
            decided += 1;
            let heads = || world.log.iter().filter_map(|entry| match entry {
                Entry::Head(head) => Some(&head.statement),
                _ => None,
            });
            let schedule = world.state.proposals()[id].schedule.unwrap();
            // Opened by the first head that covers it, closed at the first boundary after six blocks.
            prop_assert_eq!(schedule.close, (schedule.open + 6).div_ceil(6) * 6);
            let cutoff = heads().find(|head| head.tip_height >= schedule.close).unwrap().size;
            let cutoff = usize::try_from(cutoff).unwrap();
            let expected = sums(&world, *id, cutoff, &weights(&world, None));
            prop_assert_eq!(standing.count.sums(), expected.to_vec());
            let deciding = world.headers.iter().find(|header| header.closing_height >= schedule.close).unwrap();
            prop_assert_eq!(standing.decided_epoch, deciding.epoch);
            let again = outcome(sums(&world, *id, cutoff, &weights(&world, Some(deciding.closing_height))));
            let passed = Outcome::Passed { option: None };
            let (expected_outcome, fate) = match (outcome(expected), again) {
                (first, _) if first != passed => (first, Fate::Failed),
                (_, second) if second == passed => (passed, Fate::Effective),
                (_, second) => (second, Fate::Failed),
            };
            prop_assert_eq!((standing.outcome, standing.fate), (expected_outcome, fate));
        }
        prop_assert_eq!(decided, world.state.proposals().values().filter(|p| {
            p.schedule.is_some_and(|s| s.close <= world.headers.last().unwrap().closing_height)
        }).count());
        // The same log again, and the same epochs again.
        world.assert_reproducible();
        let mut again = LogState::replay(world.state.params().clone(), world.log.clone()).unwrap();
        for (epoch, roll) in (1..).zip(&world.rolls) {
            again.set_roll(epoch, roll.clone());
        }
        prop_assert_eq!(again.ledger(), world.state.ledger());
    }
}
