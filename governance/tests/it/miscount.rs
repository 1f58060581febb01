//! Hazard: a wrong total. The library's count against one written another way, on random votes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use althing_governance::ballots::Ballots;
use althing_governance::entry::Choice;
use althing_governance::long_list::LongList;
use althing_governance::tally::Poll;
use althing_governance::voting::System;
use althing_governance::{EntryId, MemberId, Roll};
use proptest::prelude::*;

use crate::world::{World, text};

/// One vote as it happened: position, member, choice.
type Vote = (u64, u8, u8);

fn choice(number: u8) -> Choice {
    [Choice::Abstain, Choice::Yes, Choice::No][usize::from(number % 3)]
}

fn member(number: u8) -> MemberId {
    MemberId([number; 32])
}

/// Counts backward from the cutoff and ignores whoever was seen; no shared code with the library. Nobody stands aside.
fn reference(weights: &BTreeMap<u8, u64>, votes: &[Vote], cutoff: u64) -> [u128; 6] {
    let mut seen = Vec::new();
    let mut sums = [0u128; 6];
    let mut backward: Vec<&Vote> = votes.iter().filter(|(position, ..)| *position < cutoff).collect();
    backward.sort();
    for (_, who, what) in backward.into_iter().rev() {
        let weight = u128::from(weights.get(who).copied().unwrap_or(0));
        if weight == 0 || seen.contains(who) {
            continue;
        }
        seen.push(*who);
        sums[match what % 3 {
            0 => 2,
            1 => 0,
            _ => 1,
        }] += weight;
        sums[4] += 1;
    }
    sums[5] = weights.values().map(|w| u128::from(*w)).sum();
    sums
}

fn records(votes: &[Vote]) -> Ballots {
    let mut sorted = votes.to_vec();
    sorted.sort_unstable();
    let mut ballots = Ballots::new();
    for (position, who, what) in sorted {
        ballots.push(member(who), position, &[choice(what).field()]);
    }
    ballots
}

fn roll(weights: &BTreeMap<u8, u64>) -> Roll {
    Roll::from_stakes(weights.iter().map(|(who, weight)| (member(*who), *weight, u128::from(*weight))))
}

/// More than any of these logs has.
static ENTRIES: LazyLock<LongList<EntryId>> = LazyLock::new(|| [EntryId([7; 32]); 256].into_iter().collect());

fn poll<'a>(roll: &'a Roll, ballots: &'a Ballots, cutoff: u64) -> Poll<'a> {
    Poll { system: System::YesNoAbstain, options: 0, roll, ballots, entries: &ENTRIES, cutoff, delegations: None }
}

fn votes() -> impl Strategy<Value = Vec<Vote>> {
    proptest::collection::vec((0u8..20, 0u8..3), 0..60)
        .prop_map(|votes| (0u64..).zip(votes).map(|(position, (who, what))| (3 * position, who, what)).collect())
}

proptest! {
    #[test]
    fn agrees_with_the_reference(
        weights in proptest::collection::btree_map(0u8..16, 0u64..1_000_000, 0..16), votes in votes(), cutoff in 0u64..200,
    ) {
        let (roll, ballots) = (roll(&weights), records(&votes));
        let expected = reference(&weights, &votes, cutoff);
        let poll = poll(&roll, &ballots, cutoff);
        prop_assert_eq!(poll.count().unwrap().sums(), expected.to_vec());
        // The tree's root is the tally.
        prop_assert_eq!(poll.tree().unwrap().root().sums, expected.to_vec());
    }

    #[test]
    fn order_between_members_does_not_matter(
        weights in proptest::collection::btree_map(0u8..16, 1u64..1_000_000, 1..16), votes in votes(), rotate in 0usize..60,
    ) {
        // Deal the same votes out to other positions; only each member's own order is kept.
        let mut order: Vec<u8> = votes.iter().map(|v| v.1).collect();
        if !order.is_empty() {
            let by = rotate % order.len();
            order.rotate_left(by);
        }
        let mut queues: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        votes.iter().rev().for_each(|(_, who, what)| queues.entry(*who).or_default().push(*what));
        let shuffled: Vec<Vote> =
            (0u64..).zip(order).map(|(p, who)| (p, who, queues.get_mut(&who).unwrap().pop().unwrap())).collect();
        let roll = roll(&weights);
        let (before, after) = (records(&votes), records(&shuffled));
        let count = |ballots| poll(&roll, ballots, u64::MAX).count().unwrap();
        prop_assert_eq!(count(&before), count(&after));
    }
}

proptest! {
    // Each case signs dozens of entries.
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn live_totals_are_those_counted_from_scratch(
        votes in proptest::collection::vec((1u8..6, 0u8..3), 1..25), late_roll in any::<bool>(),
    ) {
        let stakes = [5000, 3000, 2000, 1500];
        let mut world = World::with_stakes(&stakes);
        world.join(5, 7000); // too late for the snapshot
        let id = world.open_vote(1, text("A new boat"));
        for (who, what) in &votes {
            world.vote(*who, id, choice(*what)).unwrap();
        }
        if late_roll {
            let mut blind = althing_governance::LogState::replay(world.state.params().clone(), world.log.clone()).unwrap();
            prop_assert_eq!(&blind.proposals()[&id].live, &None);
            blind.set_roll(1, world.rolls[0].clone());
            prop_assert_eq!(&blind, &world.state);
        }
        let weights: BTreeMap<u8, u64> = (1u8..).zip(stakes).collect();
        let positioned: Vec<Vote> = (0..).zip(&votes).map(|(p, (who, what))| (p, *who, *what)).collect();
        let expected = reference(&weights, &positioned, u64::MAX).to_vec();
        let proposal = &world.state.proposals()[&id];
        prop_assert_eq!(&proposal.live.as_ref().unwrap().count().sums(), &expected);
        prop_assert_eq!(poll(&world.rolls[0], &proposal.ballots, u64::MAX).count().unwrap().sums(), expected);
    }
}
