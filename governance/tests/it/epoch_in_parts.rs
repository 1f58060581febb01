//! Hazard: an epoch whose trees depend on how many cores closed it, or on which of them was done first (L-14).

use std::sync::Mutex;

use althing_governance::ballots::Ballots;
use althing_governance::charter::{Body, Class};
use althing_governance::delegation::{Book, Delegation, Part, Scope, Topic};
use althing_governance::entry::Choice;
use althing_governance::epoch::{close, close_by};
use althing_governance::parallel::{Alone, Piece, Workers};
use althing_governance::tally::{BallotLeaf, Delegations, Poll};
use althing_governance::tree::{SumTree, TreePurpose};
use althing_governance::voting::System;
use althing_governance::{Canonical as _, EntryId, MemberId, Roll};
use proptest::prelude::*;

use crate::world::{World, charter, member_id, spend, text};

/// Divides everything into so many shards, and runs the pieces in some order, on two threads or on none.
struct Shuffled {
    shards: usize,
    random: Mutex<u64>,
    threads: bool,
}

impl Shuffled {
    fn new(shards: usize, seed: u64, threads: bool) -> Self {
        Self { shards, random: Mutex::new(seed | 1), threads }
    }

    fn below(&self, n: usize) -> usize {
        let mut random = self.random.lock().unwrap();
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        (*random % n as u64) as usize
    }
}

impl Workers for Shuffled {
    fn shards(&self, _: usize) -> usize {
        self.shards
    }

    fn run<'p>(&self, mut pieces: Vec<Piece<'p>>) {
        for i in (1..pieces.len()).rev() {
            pieces.swap(i, self.below(i + 1));
        }
        let other = if self.threads { pieces.split_off(pieces.len() / 2) } else { Vec::new() };
        std::thread::scope(|scope| {
            scope.spawn(|| other.into_iter().for_each(|piece| piece()));
            pieces.into_iter().for_each(|piece| piece());
        });
    }
}

const SYSTEMS: [(System, u16); 5] = [
    (System::YesNoAbstain, 0),
    (System::YesNoVeto, 0),
    (System::Approval, 3),
    (System::Split, 2),
    (System::Schulze, 2),
];

fn member(number: u8) -> MemberId {
    MemberId([number; 32])
}

/// An entry for each position of these logs.
fn entries() -> Vec<EntryId> {
    (0..=255).map(|position| EntryId([position; 32])).collect()
}

fn ballot(system: System, options: u16, what: u16) -> Vec<u16> {
    match system {
        System::YesNoAbstain | System::YesNoVeto => vec![what % 3],
        System::Approval => (0..=options).map(|bit| what >> bit & 1).collect(),
        System::Split => vec![what % 10_001, 10_000 - what % 10_001, 0],
        _ => vec![what % (options + 1)],
    }
}

/// Members 0.. with these weights; votes and delegations by random numbers, in the order of the log.
fn votes_and_delegations(system: System, options: u16, acts: &[(u8, u8, u16)]) -> (Ballots, Book) {
    let (mut ballots, mut book) = (Ballots::new(), Book::new());
    for (position, (who, whom, what)) in (0u64..).zip(acts) {
        let entry = EntryId([u8::try_from(position % 256).unwrap(); 32]);
        if what % 2 == 0 {
            let fields = ballot(system, options, what / 2);
            ballots.push(member(*who), position, &fields);
        } else if who != whom {
            let share_bp = 1 + what % 9_999;
            let third = member(whom.wrapping_add(1));
            let mut parts = vec![Part { to: member(*whom), share_bp }, Part { to: third, share_bp: 10_000 - share_bp }];
            parts.sort_by_key(|part| part.to);
            book.record(member(*who), position, entry, Delegation { scope: Scope::All, parts, expires_height: None });
        }
    }
    (ballots, book)
}

proptest! {
    #[test]
    fn the_ballot_tree_does_not_depend_on_the_division(
        (system, options) in proptest::sample::select(SYSTEMS.to_vec()),
        weights in proptest::collection::btree_map(0u8..40, 1u64..1_000_000, 0..40),
        acts in proptest::collection::vec((0u8..44, 0u8..44, any::<u16>()), 0..120),
        cutoff in 0u64..140, delegating in any::<bool>(),
        shards in 1..50usize, seed in any::<u64>(), threads in any::<bool>(),
    ) {
        let roll = Roll::from_stakes(weights.iter().map(|(who, weight)| (member(*who), *weight, u128::from(*weight))));
        let (ballots, book) = votes_and_delegations(system, options, &acts);
        let topic = Topic { class: Class::Text, tags: Vec::new() };
        let delegations = delegating.then_some(Delegations { book: &book, topic, cutoff, close_height: 1000 });
        let poll = Poll { system, options, roll: &roll, ballots: &ballots, entries: &entries(), cutoff, delegations };
        let whole = poll.tree().unwrap();
        // The count resolves delegations in another way, by the whole graph at once.
        prop_assert_eq!(&whole.root().sums, &poll.count().unwrap().sums());
        prop_assert_eq!(&SumTree::build(whole.purpose(), whole.leaves().to_vec()).unwrap(), &whole);
        let workers = Shuffled::new(shards, seed, threads);
        prop_assert_eq!(&poll.tree_by(&workers).unwrap(), &whole);
        let roll_tree = roll.tree_by(&workers).unwrap();
        prop_assert_eq!(&roll_tree, &roll.tree().unwrap());
        prop_assert_eq!((roll_tree.purpose(), roll_tree.root().count), (TreePurpose::Roll, roll.len() as u64));
    }
}

#[test]
fn each_leaf_carries_what_its_member_was_handed() {
    // 0 -> 1 -> 2 votes; 3 votes alone; 4 delegates to nobody who votes.
    let roll = Roll::from_stakes((0..5).map(|who| (member(who), 10, 10 + u128::from(who))));
    let (mut ballots, mut book) = (Ballots::new(), Book::new());
    for who in [2, 3] {
        ballots.push(member(who), 7 + u64::from(who), &[1]);
    }
    for (from, to) in [(0, 1), (1, 2), (4, 9)] {
        let parts = vec![Part { to: member(to), share_bp: 10_000 }];
        let delegation = Delegation { scope: Scope::All, parts, expires_height: None };
        book.record(member(from), u64::from(from), EntryId([from; 32]), delegation);
    }
    let topic = Topic { class: Class::Text, tags: Vec::new() };
    let delegations = Some(Delegations { book: &book, topic, cutoff: 100, close_height: 1000 });
    let entries = entries();
    let (system, ballots, roll) = (System::YesNoAbstain, &ballots, &roll);
    let poll = Poll { system, options: 0, roll, ballots, entries: &entries, cutoff: 100, delegations };
    for shards in 1..8 {
        let tree = poll.tree_by(&Shuffled::new(shards, 3, false)).unwrap();
        let carried = |who: u8| {
            let leaf = BallotLeaf::from_bytes(&tree.leaf(&member(who).0).unwrap().value).unwrap();
            leaf.ballot().map(|ballot| ballot.weight)
        };
        assert_eq!([0, 1, 2, 3, 4].map(carried), [None, None, Some(10 + 11 + 12), Some(13), None], "{shards}");
        // Yes of 2 and 3; what 4 gave to a stranger is nobody's.
        assert_eq!(tree.root().sums, [33 + 13, 0, 0, 2, 60], "{shards}");
    }
}

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
