//! Hazard: a poll that comes out otherwise because others are counted with it, because few or many voted in it, or because of
//! how the work was divided (L-14). The naive path, one poll by itself from its clauses, is the oracle.

use std::collections::BTreeSet;
use std::sync::Arc;

use althing_governance::ballots::Ballots;
use althing_governance::charter::Class;
use althing_governance::delegation::{Book, Delegation, Electorate, Part, Scope, Tag, Topic, View};
use althing_governance::long_list::LongList;
use althing_governance::parallel::Alone;
use althing_governance::tally::{BallotLeaf, Delegations, Grounds, Poll, TallyError};
use althing_governance::tree::{SumTree, TreePurpose};
use althing_governance::voting::System;
use althing_governance::{Canonical as _, EntryId, MemberId, Roll};
use proptest::prelude::*;

use crate::shuffled::Shuffled;

const SYSTEMS: [(System, u16); 6] = [
    (System::YesNoAbstain, 0),
    (System::YesNoVeto, 0),
    (System::Approval, 3),
    (System::Split, 2),
    (System::Schulze, 2),
    (System::InstantRunoff, 2),
];

fn member(number: u8) -> MemberId {
    MemberId([number; 32])
}

fn tag(number: u16) -> Tag {
    Tag::new(["boats", "nets"][usize::from(number % 2)]).unwrap()
}

/// An entry for each position of these logs.
fn entries() -> LongList<EntryId> {
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

/// Votes by (who, what), in the order of the log.
fn votes(system: System, options: u16, acts: &[(u8, u16)]) -> Ballots {
    let mut ballots = Ballots::new();
    for (position, (who, what)) in (0u64..).step_by(3).zip(acts) {
        ballots.push(member(*who), position, &ballot(system, options, *what));
    }
    ballots
}

/// Delegations by (who, whom, what), of every scope, some of which expire.
fn delegations(acts: &[(u8, u8, u16)]) -> Book {
    let mut book = Book::new();
    for (position, (who, whom, what)) in (1u64..).step_by(3).zip(acts) {
        if who == whom {
            continue;
        }
        let share_bp = 1 + what % 9_999;
        let third = member(whom.wrapping_add(1));
        let mut parts = vec![Part { to: member(*whom), share_bp }, Part { to: third, share_bp: 10_000 - share_bp }];
        if what % 3 == 0 {
            parts[0] = Part::abstaining(share_bp);
        }
        parts.sort_by_key(|part| part.to);
        if what % 11 == 0 {
            parts.clear(); // taken back
        }
        let scope = match what % 5 {
            0 => Scope::Class(Class::Text),
            1 => Scope::Class(Class::Spend),
            2 => Scope::Tag(tag(what / 5)),
            _ => Scope::All,
        };
        let expires_height = (what % 7 == 0).then_some(u32::from(what % 40));
        let entry = EntryId([u8::try_from(position % 256).unwrap(); 32]);
        book.record(member(*who), position, entry, Delegation { scope, parts, expires_height });
    }
    book
}

/// One poll to be: its ballots, its cutoff, height of close and topic.
type Asked = (usize, Vec<(u8, u16)>, u64, u32, u16, bool);

fn topic(number: u16) -> Topic {
    let tags = match number % 4 {
        0 => vec![],
        1 => vec![tag(0)],
        2 => vec![tag(1), tag(0)],
        _ => vec![Tag::new("never").unwrap()],
    };
    Topic { class: if number % 8 < 4 { Class::Text } else { Class::Spend }, tags }
}

fn roll(weights: &[(u8, u64)]) -> Roll {
    Roll::from_stakes(weights.iter().map(|(who, weight)| (member(*who), *weight, u128::from(*weight))))
}

type Key = (usize, Option<View>);

/// Counted by itself and with the others.
fn agree(polls: &[(Key, Poll<'_>)], electorates: &[Arc<Electorate>], workers: &Shuffled) -> Result<(), TestCaseError> {
    let mut grounds = Grounds::new();
    for (key, poll) in polls {
        grounds.lay(key.clone(), &electorates[key.0], poll);
    }
    let keys: BTreeSet<&Key> = polls.iter().map(|(key, _)| key).collect();
    prop_assert_eq!((grounds.len(), grounds.is_empty()), (keys.len(), keys.is_empty()));
    let (counts, trees) = (grounds.counts(workers, polls), grounds.trees(workers, polls));
    prop_assert_eq!((counts.len(), trees.len()), (polls.len(), polls.len()));
    for (((_, poll), count), tree) in polls.iter().zip(counts).zip(trees) {
        let (expected, tree) = (poll.tree().unwrap(), tree.unwrap());
        prop_assert_eq!(count.unwrap(), poll.count().unwrap());
        prop_assert_eq!((tree.purpose(), tree.root()), (expected.purpose(), expected.root()));
        prop_assert!(tree.leaves().eq(expected.leaves()));
        // The count resolves delegations in another way, by the whole graph at once.
        prop_assert_eq!(&expected.root().sums, &poll.count().unwrap().sums());
        for who in 0..44 {
            prop_assert_eq!(tree.prove(&member(who).0), expected.prove(&member(who).0));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn polls_together_are_what_each_is_by_itself(
        weights in prop::collection::vec(prop::collection::btree_map(0u8..40, 1u64..1_000_000, 0..40), 2),
        said in prop::collection::vec((0u8..44, 0u8..44, any::<u16>()), 0..40),
        asked in prop::collection::vec(
            (0usize..2, prop::collection::vec((0u8..44, any::<u16>()), 0..30), 0u64..140, 0u32..50, 0u16..8, any::<bool>()),
            0..9,
        ),
        systems in prop::collection::vec(prop::sample::select(SYSTEMS.to_vec()), 9),
        shards in 1..50usize, seed in any::<u64>(), threads in any::<bool>(),
    ) {
        let rolls: Vec<Roll> = weights.into_iter().map(|weights| roll(&weights.into_iter().collect::<Vec<_>>())).collect();
        let electorates: Vec<Arc<Electorate>> =
            rolls.iter().map(|roll| Arc::new(Electorate::of_roll(roll).unwrap())).collect();
        let (book, entries) = (delegations(&said), entries());
        let ballots: Vec<Ballots> =
            asked.iter().zip(&systems).map(|((_, acts, ..), (system, options))| votes(*system, *options, acts)).collect();
        let poll = |(number, asked): (usize, &Asked)| {
            let (of, _, cutoff, close_height, about, delegating) = asked;
            let (book, topic, cutoff, close_height) = (&book, topic(*about), *cutoff, *close_height);
            let delegations = delegating.then_some(Delegations { book, topic, cutoff, close_height });
            let view = delegations.as_ref().map(Delegations::view);
            let ((system, options), roll, ballots) = (systems[number], &rolls[*of], &ballots[number]);
            ((*of, view), Poll { system, options, roll, ballots, entries: &entries, cutoff, delegations })
        };
        let polls: Vec<(Key, Poll<'_>)> = asked.iter().enumerate().map(poll).collect();
        agree(&polls, &electorates, &Shuffled::new(shards, seed, threads))?;
        for roll in &rolls {
            let tree = roll.tree_by(&Shuffled::new(shards, seed, threads)).unwrap();
            prop_assert_eq!(&tree, &roll.tree().unwrap());
            prop_assert_eq!((tree.purpose(), tree.root().count), (TreePurpose::Roll, roll.len() as u64));
        }
    }
}

#[test]
fn what_no_delegation_tells_apart_shares_one_ground() {
    let mut book = Book::new();
    let parts = vec![Part { to: member(2), share_bp: 10_000 }];
    let said = |scope, expires_height| Delegation { scope, parts: parts.clone(), expires_height };
    book.record(member(1), 5, EntryId([5; 32]), said(Scope::All, None));
    book.record(member(3), 9, EntryId([9; 32]), said(Scope::Tag(tag(0)), Some(100)));
    let plain = topic(0);
    let view = |topic: &Topic, cutoff, close| book.view(topic, cutoff, close);
    // Nobody said anything about the class or about nets.
    assert_eq!(view(&plain, 20, 50), view(&topic(4), 20, 50));
    assert_eq!(view(&plain, 20, 50), view(&topic(3), 20, 50));
    // What comes after the last delegation about it, or before the first expiry, changes nothing.
    assert_eq!(view(&plain, 6, 50), view(&plain, 1000, 5000));
    assert_eq!(view(&topic(1), 10, 1), view(&topic(1), 70, 99));
    // These do.
    assert_ne!(view(&plain, 5, 50), view(&plain, 6, 50));
    assert_ne!(view(&topic(1), 9, 50), view(&topic(1), 10, 50));
    assert_ne!(view(&topic(1), 10, 99), view(&topic(1), 10, 100));
    assert_ne!(view(&plain, 20, 50), view(&topic(1), 20, 50));
}

#[test]
fn each_leaf_carries_what_its_member_was_handed() {
    // 0 -> 1 -> 2 votes; 3 votes alone; 4 delegates to nobody who votes; the others are silent.
    for silent in [0, 7] {
        let roll = Roll::from_stakes((0..5 + silent).map(|who| (member(who), 10, 10 + u128::from(who))));
        let (mut ballots, mut book) = (Ballots::new(), Book::new());
        for who in [2, 3] {
            ballots.push(member(who), 7 + u64::from(who), &[1]);
        }
        for (from, to) in [(0, 1), (1, 2), (4, 99)] {
            let parts = vec![Part { to: member(to), share_bp: 10_000 }];
            let delegation = Delegation { scope: Scope::All, parts, expires_height: None };
            book.record(member(from), u64::from(from), EntryId([from; 32]), delegation);
        }
        let delegations = Some(Delegations { book: &book, topic: topic(0), cutoff: 100, close_height: 1000 });
        let (system, ballots, roll, entries) = (System::YesNoAbstain, &ballots, &roll, &entries());
        let poll = Poll { system, options: 0, roll, ballots, entries, cutoff: 100, delegations };
        let electorate = Arc::new(Electorate::of_roll(roll).unwrap());
        for shards in 1..8 {
            let mut grounds = Grounds::new();
            grounds.lay((), &electorate, &poll);
            let workers = Shuffled::new(shards, 3, false);
            let tree = grounds.trees(&workers, &[((), poll.clone())]).pop().unwrap().unwrap();
            let carried = |who: u8| {
                let leaf = BallotLeaf::from_bytes(&tree.leaf(&member(who).0).unwrap().value).unwrap();
                leaf.ballot().map(|ballot| ballot.weight)
            };
            assert_eq!([0, 1, 2, 3, 4].map(carried), [None, None, Some(10 + 11 + 12), Some(13), None], "{shards}");
            // Yes of 2 and 3; what 4 gave to a stranger is nobody's.
            assert_eq!(tree.root().sums, [33 + 13, 0, 0, 0, 2, roll.total()], "{shards}");
        }
    }
}

/// L-17: who votes hands nothing on to an abstention any more, and the leaf of the one by whose delegation it abstained says less.
#[test]
fn a_voter_behind_an_abstention_changes_its_leaf() {
    // 1 -> 2 -> abstains; 3 abstains; the others are silent. Only 1 votes.
    let roll = Roll::from_stakes((1..40).map(|who| (member(who), 10, 10 + u128::from(who))));
    let (mut ballots, mut book) = (Ballots::new(), Book::new());
    ballots.push(member(1), 7, &[1]);
    let to = |to| vec![Part { to: member(to), share_bp: 10_000 }];
    for (from, parts) in [(1, to(2)), (2, vec![Part::abstaining(10_000)]), (3, vec![Part::abstaining(10_000)])] {
        let delegation = Delegation { scope: Scope::All, parts, expires_height: None };
        book.record(member(from), u64::from(from), EntryId([from; 32]), delegation);
    }
    let delegations = Some(Delegations { book: &book, topic: topic(0), cutoff: 100, close_height: 1000 });
    let (system, ballots, roll, entries) = (System::YesNoAbstain, &ballots, &roll, &entries());
    let poll = Poll { system, options: 0, roll, ballots, entries, cutoff: 100, delegations };
    let electorates = [Arc::new(Electorate::of_roll(roll).unwrap())];
    agree(&[((0, None), poll.clone())], &electorates, &Shuffled::new(3, 3, false)).unwrap();
    // Yes of 1; 2 and 3 stand aside; one ballot.
    assert_eq!(poll.tree().unwrap().root().sums, [11, 0, 0, 12 + 13, 1, roll.total()]);
}

#[test]
fn a_ballot_that_is_none_or_not_in_the_log_stops_the_count_wherever_it_is() {
    // Few of 20 vote, or all of 2; by a member of the roll, or by a stranger.
    for (members, stranger) in [(20, false), (20, true), (2, false), (2, true)] {
        let roll = Roll::from_stakes((0..members).map(|who| (member(who), 10, 10)));
        let electorate = Arc::new(Electorate::of_roll(&roll).unwrap());
        let who = member(if stranger { 77 } else { 1 });
        let (mut bad, mut lost) = (Ballots::new(), Ballots::new());
        bad.push(who, 1, &[9]);
        lost.push(who, 400, &[1]);
        for (ballots, is_bad) in [(&bad, true), (&lost, false)] {
            let (system, entries) = (System::YesNoAbstain, &entries());
            let poll = Poll { system, options: 0, roll: &roll, ballots, entries, cutoff: 1000, delegations: None };
            let mut grounds = Grounds::new();
            grounds.lay((), &electorate, &poll);
            let polls = [((), poll.clone())];
            let count = grounds.counts(&Alone, &polls).pop().unwrap();
            assert_eq!(count, poll.count());
            assert_eq!(count.is_err(), is_bad);
            let tree = grounds.trees(&Alone, &polls).pop().unwrap();
            if !is_bad && !stranger {
                assert_eq!(tree.unwrap_err(), TallyError::NoEntry { position: 400 });
            } else if is_bad {
                assert!(matches!(tree, Err(TallyError::Count(_))), "{tree:?}");
            } else {
                assert_eq!(tree.unwrap().root(), poll.tree().unwrap().root());
            }
        }
    }
}

#[test]
fn a_naive_tree_is_what_its_leaves_make() {
    let roll = Roll::from_stakes((0..5).map(|who| (member(who), 10, 10)));
    let ballots = votes(System::Split, 2, &[(1, 77), (3, 9_000), (4, 0)]);
    let (system, entries) = (System::Split, &entries());
    let poll = Poll { system, options: 2, roll: &roll, ballots: &ballots, entries, cutoff: 100, delegations: None };
    let tree = poll.tree().unwrap();
    assert_eq!(SumTree::build(tree.purpose(), tree.leaves().to_vec()).unwrap(), tree);
}
