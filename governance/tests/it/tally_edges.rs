//! Hazard: a ballot that counts a moment too long or too short, and leaves of the ballot tree that say something else than they
//! should (G-42, G-76, G-98).

use althing_governance::ballots::Ballots;
use althing_governance::charter::Class;
use althing_governance::delegation::{Book, Delegation, Part, Scope, Topic};
use althing_governance::entry::{Ballot, Choice};
use althing_governance::long_list::LongList;
use althing_governance::tally::{BallotLeaf, CountedBallot, Delegations, Poll, Sums};
use althing_governance::voting::{Count, Outcome, System};
use althing_governance::{Canonical as _, DecodeError, EntryId, MemberId, ProposalId, Roll};

fn member(number: u8) -> MemberId {
    MemberId([number; 32])
}

/// Ballots of one field: who, where, what, and where the proof is that makes it void.
fn ballots(all: &[(u8, u64, u16, Option<u64>)]) -> Ballots {
    let mut ballots = Ballots::new();
    for (who, position, field, proof) in all {
        ballots.push(member(*who), *position, &[*field]);
        if let Some(proof) = proof {
            ballots.void(*position, *proof);
        }
    }
    ballots
}

#[test]
fn the_last_ballot_below_the_cutoff_that_is_not_void_by_then() {
    let ballots = ballots(&[(1, 3, 1, None), (2, 5, 1, Some(5)), (1, 8, 2, Some(12))]);
    let counted = |cutoff| -> Vec<(MemberId, u64)> {
        ballots.all_counted(cutoff).map(|(member, record)| (member, record.position)).collect()
    };
    assert_eq!(counted(0), []);
    assert_eq!(counted(3), []);
    assert_eq!(counted(4), [(member(1), 3)]);
    // The proof at 5 came after a count up to 5.
    assert_eq!(counted(5), [(member(1), 3)]);
    assert_eq!(counted(6), [(member(1), 3)]);
    assert_eq!(counted(8), [(member(1), 3)]);
    assert_eq!(counted(9), [(member(1), 8)]);
    assert_eq!(counted(12), [(member(1), 8)]);
    // From the proof at 12 on, the one before counts again.
    assert_eq!(counted(13), [(member(1), 3)]);
    assert_eq!(counted(u64::MAX), [(member(1), 3)]);
}

#[test]
fn a_choice_has_one_field_and_a_field_one_choice() {
    let all = [(Choice::Abstain, 0), (Choice::Yes, 1), (Choice::No, 2), (Choice::Veto, 3)];
    for (choice, field) in all {
        assert_eq!((choice.field(), Choice::from_fields(&[field])), (field, Some(choice)));
        let ballot = Ballot::new(ProposalId([1; 32]), choice, Some("Why.".into()));
        assert_eq!((ballot.fields.clone(), ballot.reason.as_deref()), (vec![field], Some("Why.")));
        assert_eq!(Ballot::from_bytes(&ballot.to_bytes()).unwrap(), ballot);
    }
    for fields in [&[][..], &[4], &[0, 0], &[u16::MAX]] {
        assert_eq!(Choice::from_fields(fields), None, "{fields:?}");
    }
    let reason = |length: usize| {
        let ballot = Ballot::new(ProposalId([1; 32]), Choice::Yes, Some("x".repeat(length)));
        Ballot::from_bytes(&ballot.to_bytes()).is_ok()
    };
    assert_eq!([0, 1, 1024, 1025].map(reason), [false, true, true, false]);
    let fields = |count: usize| {
        let ballot = Ballot { proposal: ProposalId([1; 32]), fields: vec![0; count], reason: None };
        Ballot::from_bytes(&ballot.to_bytes()).is_ok()
    };
    assert_eq!([0, 1, 64, 65].map(fields), [true, true, true, false]);
}

#[test]
fn every_leaf_of_a_ballot_tree_says_its_own() {
    let roll = Roll::from_stakes((1..=4).map(|who| (member(who), 100, 100 * u128::from(who))));
    let ballots = ballots(&[(2, 4, 1, None), (9, 5, 1, None)]);
    let entries: LongList<EntryId> = (0..10).map(|position| EntryId([position; 32])).collect();
    let mut book = Book::new();
    let to = |who| vec![Part { to: member(who), share_bp: 10_000 }];
    let give = |who, expires_height| Delegation { scope: Scope::All, parts: to(who), expires_height };
    book.record(member(1), 2, EntryId([21; 32]), give(2, None));
    // A delegation of whoever votes is overridden; one that expires before the close holds no more.
    book.record(member(2), 3, EntryId([22; 32]), give(3, None));
    book.record(member(3), 3, EntryId([23; 32]), give(2, Some(50)));
    let topic = Topic { class: Class::Text, tags: Vec::new() };
    let delegations = Some(Delegations { book: &book, topic, cutoff: 10, close_height: 50 });
    let poll = |delegations| Poll {
        system: System::YesNoAbstain,
        options: 0,
        roll: &roll,
        ballots: &ballots,
        entries: &entries,
        cutoff: 10,
        delegations,
    };
    let (with, without) = (poll(delegations), poll(None));
    assert_eq!(with.delegation_of(&member(1)), Some(EntryId([21; 32])));
    assert_eq!((with.delegation_of(&member(3)), with.delegation_of(&member(4))), (None, None));
    assert_eq!(without.delegation_of(&member(1)), None);
    let own = |weight| BallotLeaf::Own(CountedBallot { position: 4, entry: EntryId([4; 32]), fields: vec![1], weight });
    let given = BallotLeaf::Delegated { entry: EntryId([21; 32]) };
    for (poll, leaves, yes) in [
        (with, [given.clone(), own(300), BallotLeaf::None, BallotLeaf::None], 300),
        (without, [BallotLeaf::None, own(200), BallotLeaf::None, BallotLeaf::None], 200),
    ] {
        let tree = poll.tree().unwrap();
        assert_eq!(tree.leaves().len(), 4);
        for (who, expected) in (1u8..).zip(&leaves) {
            let leaf = tree.leaf(&member(who).0).unwrap();
            assert_eq!(BallotLeaf::from_bytes(&leaf.value).as_ref(), Ok(expected), "{who}");
            let weight = 100 * u128::from(who);
            let voted = if who == 2 { [yes, 0, 0, 0, 1] } else { [0; 5] };
            assert_eq!(leaf.sums, [&voted[..], &[weight]].concat());
            assert_eq!(expected.sums(System::YesNoAbstain, 0, weight).unwrap(), leaf.sums);
            assert_eq!(expected.ballot().is_some(), who == 2);
        }
        let count = poll.count().unwrap();
        assert_eq!(count.sums(), tree.root().sums);
        assert_eq!(Sums::of(&count), Some(Sums { yes, no: 0, abstain: 0, standing: 0, ballots: 1, weight: 1000 }));
    }
    assert_eq!(given.to_bytes(), [&[2][..], &[21; 32]].concat());
    assert_eq!(BallotLeaf::None.to_bytes(), [0]);
    let unknown = DecodeError::UnknownVariant { field: "ballot leaf", found: 4 };
    assert_eq!(BallotLeaf::from_bytes(&[4]), Err(unknown));
}

/// G-76, L-17: the leaf of whoever abstains by delegation carries what abstains there, and no ballot.
#[test]
fn an_abstention_is_in_the_leaf_of_whoever_gave_it() {
    let roll = Roll::from_stakes((1..=4).map(|who| (member(who), 100, 100 * u128::from(who))));
    let ballots = ballots(&[(2, 4, 1, None)]);
    let entries: LongList<EntryId> = (0..10).map(|position| EntryId([position; 32])).collect();
    let mut book = Book::new();
    let give = |parts| Delegation { scope: Scope::All, parts, expires_height: None };
    book.record(member(1), 2, EntryId([21; 32]), give(vec![Part { to: member(3), share_bp: 10_000 }]));
    let split = vec![Part::abstaining(2500), Part { to: member(2), share_bp: 7500 }];
    book.record(member(3), 3, EntryId([23; 32]), give(split));
    let topic = Topic { class: Class::Text, tags: Vec::new() };
    let poll = |system, options| Poll {
        system,
        options,
        roll: &roll,
        ballots: &ballots,
        entries: &entries,
        cutoff: 10,
        delegations: Some(Delegations { book: &book, topic: topic.clone(), cutoff: 10, close_height: 50 }),
    };
    let abstained = BallotLeaf::Abstained { entry: EntryId([23; 32]), weight: 100 };
    assert_eq!(abstained.to_bytes(), [&[3][..], &[23; 32], &100u128.to_be_bytes()].concat());
    for (system, options, parts) in
        [(System::YesNoAbstain, 0, vec![500, 0]), (System::SingleChoice, 2, vec![0, 500, 0, 500])]
    {
        let tree = poll(system, options).tree().unwrap();
        let leaf = tree.leaf(&member(3).0).unwrap();
        assert_eq!(BallotLeaf::from_bytes(&leaf.value).as_ref(), Ok(&abstained));
        assert_eq!(leaf.sums[parts.len()..], [0, 100, 0, 300]);
        assert_eq!(abstained.sums(system, options, 300).unwrap(), leaf.sums);
        // The hundred that abstain are a quarter of 3's own 300 and of the 100 that 1 handed to 3.
        let sums = [&parts[..], &[0, 100, 1, 1000]].concat();
        assert_eq!((tree.root().sums, poll(system, options).count().unwrap().sums()), (sums.clone(), sums));
    }
    let none = [&[3][..], &[23; 32], &[0; 16]].concat();
    assert!(BallotLeaf::from_bytes(&none).unwrap_err().to_string().starts_with("G-76"));
}

#[test]
fn a_question_has_sums_and_a_choice_has_none() {
    let mut count = Count::new(System::YesNoVeto, 0).unwrap();
    count.add_roll(100).unwrap();
    for (field, weight) in [(1, 30), (2, 20), (3, 7), (0, 5)] {
        count.add(&[field], weight).unwrap();
    }
    assert_eq!(Sums::of(&count), Some(Sums { yes: 30, no: 27, abstain: 5, standing: 0, ballots: 4, weight: 100 }));
    for system in [System::Approval, System::SingleChoice, System::Split, System::InstantRunoff, System::Schulze] {
        assert_eq!(Sums::of(&Count::new(system, 3).unwrap()), None);
    }
}

#[test]
fn an_outcome_has_one_number_and_one_name_and_one_of_them_passes() {
    let all = [
        (Outcome::Passed { option: None }, 1, "passed", true),
        (Outcome::Passed { option: Some(3) }, 1, "passed", true),
        (Outcome::Rejected, 2, "rejected", false),
        (Outcome::NoQuorum, 3, "no_quorum", false),
        (Outcome::Tied, 4, "tied", false),
        (Outcome::Vetoed, 5, "vetoed", false),
    ];
    for (outcome, number, name, passes) in all {
        assert_eq!((outcome.number(), outcome.name(), outcome.has_passed()), (number, name, passes));
        assert_eq!(Outcome::from_bytes(&outcome.to_bytes()), Ok(outcome));
    }
    let unknown = DecodeError::UnknownVariant { field: "outcome", found: 6 };
    assert_eq!(Outcome::from_bytes(&[6]), Err(unknown));
}
