//! Hazard: what is shown of a choice is not what decides it (V-33). Whoever is shown as ahead wins, and rounds, pairs and means add up.

use althing_governance::voting::{Count, Measure, Outcome, RunOffEnd, System, TieBreak};
use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;
use proptest::prelude::*;

use crate::voting_oracle::{Election, elections};

/// Every system, what its numbers are, and what they are called.
const MEASURES: [(System, Measure, &str); 10] = [
    (System::YesNoAbstain, Measure::Weight, "weight"),
    (System::YesNoVeto, Measure::Weight, "weight"),
    (System::Optimistic, Measure::Weight, "weight"),
    (System::SingleChoice, Measure::Weight, "weight"),
    (System::Approval, Measure::Weight, "weight"),
    (System::Split, Measure::Weight, "weight"),
    (System::Score { max: 5 }, Measure::Points, "points"),
    (System::Quadratic { credits: 9 }, Measure::Votes, "votes bought"),
    (System::InstantRunoff, Measure::FirstPlaces, "first places"),
    (System::Schulze, Measure::PairsWon, "pairs won"),
];

fn counted(system: System, options: u16, votes: &[(&[u16], u128)]) -> Count {
    let mut count = Count::new(system, options).unwrap();
    for (fields, weight) in votes {
        count.add(fields, *weight).unwrap();
        count.add_roll(*weight).unwrap();
    }
    count
}

#[test]
fn each_system_has_its_measure_and_its_workings() {
    for (system, measure, name) in MEASURES {
        assert_eq!((system.measure(), system.measure().name()), (measure, name), "{system:?}");
        let count = Count::new(system, if system.has_options() { 2 } else { 0 }).unwrap();
        assert_eq!(count.run_off(None).is_some(), system == System::InstantRunoff, "{system:?}");
        assert_eq!(count.duels().is_some(), system == System::Schulze, "{system:?}");
    }
}

/// A circle of wins is told through the option that is ahead, and none where that option beats all others or is level with them.
#[test]
fn a_circle_of_wins_is_found() {
    let circle = |votes: &[(&[u16], u128)]| counted(System::Schulze, 3, votes).duels().unwrap().circle();
    let condorcet: [(&[u16], u128); 3] = [(&[0, 1, 2], 4), (&[1, 2, 0], 3), (&[2, 0, 1], 2)];
    assert_eq!(circle(&condorcet), [0, 1, 2]);
    assert_eq!(circle(&[(&[0, 1, 2], 4), (&[1, 0, 2], 3)]), [0; 0], "the first beats all");
    assert_eq!(circle(&[(&[0, 1], 4), (&[1, 0], 4)]), [0; 0], "two are level");
    assert_eq!(circle(&[]), [0; 0]);
    // Of four in two circles the shorter one: 0 beats 1, 1 beats 2, 2 beats 0; 3 is beaten by 1 alone and beats 0.
    let four: [(&[u16], u128); 4] = [(&[0, 1, 2, 3], 5), (&[1, 2, 3, 0], 4), (&[2, 3, 0, 1], 3), (&[3, 0, 1, 2], 2)];
    let found = circle(&four);
    assert!(
        (3..=4).contains(&found.len()) && found[0] == counted(System::Schulze, 3, &four).ahead(None)[0],
        "{found:?}"
    );
    let duels = counted(System::Schulze, 3, &four).duels().unwrap();
    let next = found.iter().cycle().skip(1);
    assert!(found.iter().zip(next).all(|(one, other)| duels.preferring(*one, *other) > duels.preferring(*other, *one)));
}

#[test]
fn what_is_not_there_is_nothing() {
    let duels = counted(System::Schulze, 2, &[(&[0, 1, 2], 5), (&[2, 1], 3)]).duels().unwrap();
    // None of these is option 2, and the last; a row or a column behind it is none.
    assert_eq!((duels.preferring(0, 2), duels.preferring(2, 0), duels.strength(1, 2)), (5, 3, 5));
    for beyond in [3, 4, u16::MAX] {
        assert_eq!((duels.preferring(0, beyond), duels.preferring(beyond, 0)), (0, 0), "{beyond}");
        assert_eq!((duels.strength(0, beyond), duels.strength(beyond, 0)), (0, 0), "{beyond}");
    }
    let approval = counted(System::Approval, 2, &[(&[1, 1, 0], 7)]);
    assert_eq!([0, 1, 2, 3, u16::MAX].map(|option| approval.figure(option)), [7, 7, 0, 0, 0]);
    // A question has nobody ahead, and neither has a choice on which nobody says anything.
    assert!(counted(System::YesNoAbstain, 0, &[(&[1], 5)]).ahead(None).is_empty());
    assert!(counted(System::Approval, 2, &[(&[], 5)]).ahead(None).is_empty());
    assert!(counted(System::Schulze, 2, &[(&[], 5)]).ahead(None).is_empty());
}

#[test]
fn a_strength_is_that_of_the_strongest_path() {
    // Each beats the next, the last the first: 8 to 4, 9 to 3, 7 to 5.
    let duels = counted(System::Schulze, 3, &[(&[0, 1, 2], 5), (&[1, 2, 0], 4), (&[2, 0, 1], 3)]).duels().unwrap();
    assert_eq!([(0, 1), (1, 2), (2, 0)].map(|(from, to)| duels.strength(from, to)), [8, 9, 7]);
    assert_eq!([(1, 0), (2, 1), (0, 2)].map(|(from, to)| duels.preferring(from, to)), [4, 3, 5]);
    assert_eq!([(1, 0), (2, 1), (0, 2)].map(|(from, to)| duels.strength(from, to)), [7, 7, 8]);
}

#[test]
fn who_is_level_is_ahead_together_until_the_block() {
    let tie = TieBreak::new(BlockHash::from_byte_array([9; 32]));
    for count in [
        counted(System::Approval, 3, &[(&[1, 0, 0, 0], 5), (&[0, 0, 1, 0], 5), (&[0, 1, 0, 0], 4)]),
        // Each is above the other with 5, and above all else.
        counted(System::Schulze, 3, &[(&[0, 2], 5), (&[2, 0], 5)]),
    ] {
        assert_eq!(count.ahead(None), [0, 2], "{:?}", count.system());
        let first = if tie.rank(0) < tie.rank(2) { 0 } else { 2 };
        assert_eq!(count.ahead(Some(tie)), [first], "{:?}", count.system());
    }
}

/// The option that an outcome speaks of, where one does.
fn winner(outcome: Outcome) -> Option<u16> {
    match outcome {
        Outcome::Passed { option } => option,
        _ => None,
    }
}

/// A run-off, round by round, against what a person would check with a pencil.
fn check_rounds(election: &Election, count: &Count) -> Result<(), TestCaseError> {
    let run_off = count.run_off(Some(election.tie())).unwrap();
    let standing_first: Vec<u16> = run_off.rounds[0].standing.iter().map(|(option, _)| *option).collect();
    prop_assert_eq!(standing_first, (0..=count.options()).collect::<Vec<_>>());
    for (number, round) in run_off.rounds.iter().enumerate() {
        let continuing: u128 = round.standing.iter().map(|(_, weight)| weight).sum();
        prop_assert_eq!(continuing + round.exhausted, count.cast(), "all weight is somewhere");
        let Some(next) = run_off.rounds.get(number + 1) else {
            prop_assert!(round.fallen.is_empty() && round.transfers.is_empty(), "nobody falls behind the last");
            continue;
        };
        prop_assert!(!round.fallen.is_empty());
        let left: Vec<u16> =
            round.standing.iter().map(|(option, _)| *option).filter(|option| !round.fallen.contains(option)).collect();
        prop_assert_eq!(left, next.standing.iter().map(|(option, _)| *option).collect::<Vec<_>>());
        let of = |list: &[(u16, u128)], option: u16| {
            list.iter().find(|(other, _)| *other == option).map_or(0, |(_, weight)| *weight)
        };
        let mut moved = next.exhausted - round.exhausted;
        for (option, weight) in &next.standing {
            let gain = of(&round.transfers, *option);
            prop_assert_eq!(of(&round.standing, *option) + gain, *weight);
            moved += gain;
        }
        let fallen: u128 = round.fallen.iter().map(|option| of(&round.standing, *option)).sum();
        prop_assert_eq!(moved, fallen, "what the fallen had is somebody's, or exhausted");
        prop_assert!(round.transfers.iter().all(|(_, weight)| *weight > 0));
    }
    match run_off.end {
        RunOffEnd::Elected(option) => {
            let last = run_off.rounds.last().unwrap();
            let has = last.standing.iter().find(|(other, _)| *other == option).unwrap().1;
            prop_assert!(2 * has > count.cast() - last.exhausted);
        }
        RunOffEnd::Nobody => prop_assert_eq!(count.cast(), 0),
        RunOffEnd::Level(tied) => prop_assert!(false, "the block is known, and {:?} are level", tied),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn who_wins_is_ahead(election in elections()) {
        let count = election.count();
        let tie = election.tie();
        let ahead = count.ahead(Some(tie));
        prop_assert!(ahead.len() <= 1, "with the block nobody is level: {:?}", ahead);
        if let Ok(Some(won)) = count.outcome(&election.rule, Some(tie)).map(winner) {
            prop_assert_eq!(&ahead, &[won]);
        }
        let so_far = count.ahead(None);
        prop_assert!(so_far.windows(2).all(|pair| pair[0] < pair[1]), "ascending: {:?}", so_far);
        match count.outcome(&election.rule, None) {
            Ok(outcome) => {
                if let Some(won) = winner(outcome) {
                    prop_assert_eq!(so_far, [won]);
                }
            }
            Err(undecided) => prop_assert_eq!(so_far, undecided.tied),
        }
    }

    #[test]
    fn rounds_and_means_add_up(election in elections()) {
        let count = election.count();
        if count.system() == System::InstantRunoff {
            check_rounds(&election, &count)?;
        }
        for option in 0..=count.options() {
            let mean = (count.cast() > 0).then(|| count.figure(option) * 100 / count.cast());
            let expected = mean.filter(|_| matches!(count.system(), System::Score { .. } | System::Quadratic { .. }));
            prop_assert_eq!(count.mean_hundredths(option), expected);
        }
    }
}
