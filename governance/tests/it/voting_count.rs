//! Hazard: sums that depend on the order of arrival, lose weight, or cannot be taken back.

use althing_governance::voting::{Count, CountError, Rankings, System, SystemFault, apportion};
use proptest::prelude::*;

use crate::voting_oracle::elections;

const MULTI: [System; 7] = [
    System::SingleChoice,
    System::Approval,
    System::Score { max: 9 },
    System::InstantRunoff,
    System::Schulze,
    System::Split,
    System::Quadratic { credits: 81 },
];

fn counted(system: System, options: u16, votes: &[(&[u16], u128)]) -> Count {
    let mut count = Count::new(system, options).unwrap();
    for (fields, weight) in votes {
        count.add(fields, *weight).unwrap();
    }
    count
}

#[test]
fn sums_stand_where_the_clause_says() {
    let table: [(&str, Count, &[u128]); 10] = [
        (
            "yes no abstain standing ballots weight",
            counted(System::YesNoAbstain, 0, &[(&[1], 5), (&[2], 3), (&[0], 2), (&[1], 1)]),
            &[6, 3, 2, 0, 4, 0],
        ),
        (
            "veto third",
            counted(System::YesNoVeto, 0, &[(&[1], 5), (&[3], 3), (&[0], 2), (&[2], 1)]),
            &[5, 1, 3, 2, 0, 4, 0],
        ),
        ("optimistic", counted(System::Optimistic, 0, &[(&[2], 5), (&[1], 3)]), &[3, 5, 0, 0, 2, 0]),
        (
            "options, cast, abstain, standing, ballots, weight",
            counted(System::SingleChoice, 2, &[(&[0], 5), (&[2], 3), (&[], 2)]),
            &[5, 0, 3, 8, 2, 0, 3, 0],
        ),
        ("approval", counted(System::Approval, 2, &[(&[1, 1, 0], 5), (&[0, 0, 0], 3)]), &[5, 5, 0, 8, 0, 0, 2, 0]),
        (
            "score",
            counted(System::Score { max: 9 }, 2, &[(&[9, 1, 0], 5), (&[0, 2, 3], 3)]),
            &[45, 11, 9, 8, 0, 0, 2, 0],
        ),
        (
            "split rounds so that nothing is lost",
            counted(System::Split, 2, &[(&[3333, 3333, 3334], 10)]),
            &[3, 3, 4, 10, 0, 0, 1, 0],
        ),
        (
            "quadratic counts votes, not credits",
            counted(System::Quadratic { credits: 10 }, 2, &[(&[3, 1, 0], 5)]),
            &[15, 5, 0, 5, 0, 0, 1, 0],
        ),
        (
            "first preferences",
            counted(System::InstantRunoff, 2, &[(&[2, 1], 5), (&[1], 3), (&[], 1)]),
            &[0, 3, 5, 8, 1, 0, 3, 0],
        ),
        (
            "pairs; the unlisted are below the listed and level among themselves",
            counted(System::Schulze, 2, &[(&[1], 5), (&[2, 0], 3), (&[], 1)]),
            &[0, 3, 0, 5, 0, 5, 3, 3, 0, 8, 1, 0, 3, 0],
        ),
    ];
    for (name, count, sums) in table {
        assert_eq!(count.sums(), sums, "{name}");
        assert_eq!(count.parts(), &sums[..count.parts().len()], "{name}");
        let [.., abstained, standing, ballots, weight] = *sums else { panic!() };
        let told = (count.abstained(), count.standing(), count.ballots(), count.weight());
        assert_eq!(told, (abstained, standing, ballots, weight), "{name}");
    }
    assert_eq!(counted(System::YesNoVeto, 0, &[(&[1], 5), (&[3], 3), (&[0], 2), (&[2], 1)]).cast(), 9);
    assert_eq!(counted(System::Approval, 2, &[(&[1, 1, 0], 5), (&[], 2)]).cast(), 5);
}

#[test]
fn systems_and_their_numbers_of_options() {
    for system in MULTI {
        let max = if system == System::Schulze { 15 } else { 62 };
        for (options, fits) in [(0, false), (1, false), (2, true), (max, true), (max + 1, false), (u16::MAX, false)] {
            assert_eq!(system.check(options).is_ok(), fits, "{} with {options}", system.name());
            assert_eq!(Count::new(system, options).is_ok(), fits, "{} with {options}", system.name());
        }
        assert_eq!(system.check(1), Err(SystemFault::Options { system, found: 1, min: 2, max }));
    }
    for system in [System::YesNoAbstain, System::YesNoVeto, System::Optimistic] {
        assert_eq!((system.check(0).is_ok(), system.check(1).is_ok(), system.check(2).is_ok()), (true, false, false));
    }
    assert_eq!(
        System::Score { max: 0 }.check(2).unwrap_err().to_string(),
        "V-1: score with max 0 lets no ballot say anything; must be at least 1"
    );
    let broke = System::Quadratic { credits: 0 }.check(2).unwrap_err();
    assert_eq!(broke.to_string(), "V-1: quadratic with credits 0 lets no ballot say anything; must be at least 1");
    assert_eq!(System::Schulze.check(16).unwrap_err().to_string(), "V-2: schulze takes 2 to 15 options, not 16");
}

#[test]
fn a_ballot_without_weight_leaves_no_trace() {
    let mut count = Count::new(System::InstantRunoff, 2).unwrap();
    count.add(&[1, 0], 0).unwrap();
    count.remove(&[1, 0], 0).unwrap();
    assert_eq!(count, Count::new(System::InstantRunoff, 2).unwrap());
    assert!(matches!(count.add(&[9], 0), Err(CountError::Ballot(_))), "but it must be a ballot");
    assert!(matches!(count.remove(&[9], 0), Err(CountError::Ballot(_))));
}

#[test]
fn what_was_not_counted_cannot_be_taken_back() {
    let mut runoff = counted(System::InstantRunoff, 2, &[(&[1, 0], 5), (&[1, 2], 5)]);
    let before = runoff.clone();
    for (fields, weight) in [(vec![1, 0], 6), (vec![1], 5), (vec![0], 1), (vec![], 1)] {
        let refused = CountError::NotCounted { fields: fields.clone(), weight };
        assert_eq!(runoff.remove(&fields, weight), Err(refused));
        assert_eq!(runoff, before, "and nothing changes");
    }
    runoff.remove(&[1, 0], 4).unwrap();
    assert_eq!(runoff.rankings(), &Rankings::from([(vec![1, 0], 1), (vec![1, 2], 5)]));
    let mut question = counted(System::YesNoAbstain, 0, &[(&[1], 5)]);
    assert!(matches!(question.remove(&[2], 5), Err(CountError::NotCounted { .. })));
    assert!(matches!(question.remove(&[1], 6), Err(CountError::NotCounted { .. })));
    question.remove(&[1], 5).unwrap();
    assert_eq!(question.sums(), [0; 6]);
}

#[test]
fn weights_at_the_limit_of_128_bits() {
    for system in MULTI.into_iter().chain([System::YesNoAbstain, System::YesNoVeto, System::Optimistic]) {
        let options = if system.has_options() { 2 } else { 0 };
        let fields = match system {
            System::InstantRunoff | System::Schulze => vec![1, 0],
            System::Split => vec![5000, 5000, 0],
            System::Approval | System::Score { .. } | System::Quadratic { .. } => vec![0, 1, 0],
            _ => vec![1],
        };
        let mut count = Count::new(system, options).unwrap();
        count.add(&fields, u128::MAX - 1).unwrap();
        count.add(&fields, 1).unwrap();
        let full = count.clone();
        assert_eq!(full.cast(), u128::MAX);
        let abstention = if system.has_options() { vec![] } else { vec![0] };
        assert_eq!(count.add(&fields, 1), Err(CountError::Overflow), "{}", system.name());
        assert_eq!(
            count.add(&abstention, 1),
            Err(CountError::Overflow),
            "{}: the weight that voted has to fit",
            system.name()
        );
        assert_eq!(count.reweigh(&fields, 1, 2), Err(CountError::Overflow));
        assert_eq!(count, full, "{}: and nothing changes", system.name());
        let mut one = Count::new(system, options).unwrap();
        one.add(&abstention, 1).unwrap();
        assert_eq!(count.merge(&one), Err(CountError::Overflow));
        assert_eq!(count, full);
        count.remove(&fields, 1).unwrap();
        count.merge(&one).unwrap();
        assert_eq!(count.cast() + count.abstained(), u128::MAX);
        count.add_roll(u128::MAX).unwrap();
        assert_eq!(count.add_roll(1), Err(CountError::Overflow));
        assert_eq!(count.weight(), u128::MAX);
    }
    let mut score = Count::new(System::Score { max: u16::MAX }, 2).unwrap();
    assert_eq!(score.add(&[u16::MAX, 0, 0], u128::MAX / 65_535 + 1), Err(CountError::Overflow));
    score.add(&[u16::MAX, 0, 0], u128::MAX / 65_535).unwrap();
    assert_eq!(score.add(&[1, 0, 0], 1), Err(CountError::Overflow), "one sum overflows though the weight fits");
}

#[test]
fn sums_from_a_stranger() {
    let sums = |sums: &[u128]| Count::from_sums(System::YesNoAbstain, 0, sums);
    assert_eq!(sums(&[1, 2, 3, 4, 5]), Err(CountError::SumsLength { wanted: 6, found: 5 }));
    assert_eq!(sums(&[1, 2, 3, 4, 5, 6, 7]), Err(CountError::SumsLength { wanted: 6, found: 7 }));
    assert_eq!(sums(&[u128::MAX, 1, 0, 0, 2, 0]), Err(CountError::Overflow));
    assert_eq!(sums(&[u128::MAX, 0, 1, 0, 2, 0]), Err(CountError::Overflow));
    assert_eq!(sums(&[u128::MAX, 0, 0, 1, 2, 0]), Err(CountError::Overflow));
    assert!(sums(&[u128::MAX - 3, 1, 1, 1, u128::MAX, u128::MAX]).is_ok());
    assert_eq!(Count::from_sums(System::Approval, 1, &[0; 7]), Err(System::Approval.check(1).unwrap_err().into()));
    assert_eq!(Count::from_sums(System::Approval, 2, &[0, 0, 0, u128::MAX, 1, 0, 2, 0]), Err(CountError::Overflow));

    let rankings = Rankings::from([(vec![1, 0], 5), (vec![2], 3)]);
    let runoff =
        |sums: &[u128], rankings: &Rankings| Count::from_parts(System::InstantRunoff, 2, sums, rankings.clone());
    let count = runoff(&[0, 5, 3, 8, 1, 2, 3, 20], &rankings).unwrap();
    assert_eq!(
        count.sums(),
        [0, 5, 3, 8, 1, 2, 3, 20],
        "abstentions, who stands aside, ballots and roll are taken from the sums"
    );
    assert_eq!(runoff(&[0, 5, 3, 8, 1, 0, 3, 20], &Rankings::new()), Err(CountError::RankingsDiffer));
    assert_eq!(runoff(&[0, 4, 4, 8, 1, 0, 3, 20], &rankings), Err(CountError::RankingsDiffer));
    assert_eq!(runoff(&[0, 5, 3, 9, 1, 0, 3, 20], &rankings), Err(CountError::RankingsDiffer));
    let weightless = Rankings::from([(vec![1], 0)]);
    assert_eq!(runoff(&[0; 8], &weightless), Err(CountError::RankingsDiffer));
    assert!(matches!(runoff(&[0; 8], &Rankings::from([(vec![7], 1)])), Err(CountError::Ballot(_))));
    assert!(matches!(runoff(&[0; 8], &Rankings::from([(vec![], 1)])), Err(CountError::RankingsDiffer)));
    assert_eq!(
        Count::from_parts(System::Approval, 2, &[0; 8], Rankings::from([(vec![1], 1)])),
        Err(CountError::RankingsDiffer),
        "no other system has rankings"
    );
}

#[test]
fn only_like_counts_merge() {
    let mut three = Count::new(System::Approval, 3).unwrap();
    for other in [Count::new(System::Approval, 2).unwrap(), Count::new(System::SingleChoice, 3).unwrap()] {
        let error = three.merge(&other).unwrap_err();
        assert!(matches!(error, CountError::Different { .. }), "{error}");
    }
    let error = three.merge(&Count::new(System::Split, 2).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "V-13: a count of split with 2 options cannot be added to one of approval with 3");
    assert_eq!((three.system(), three.options()), (System::Approval, 3));
}

#[test]
fn parts_of_10_000() {
    let table: [(u128, &[u16], &[u128]); 8] = [
        (10, &[3333, 3333, 3334], &[3, 3, 4]),
        (1, &[5000, 5000], &[0, 1]),
        (1, &[10_000], &[1]),
        (0, &[1, 9999], &[0, 0]),
        (3, &[2500, 2500, 2500, 2500], &[0, 1, 1, 1]),
        (u128::MAX, &[10_000], &[u128::MAX]),
        (u128::MAX, &[1, 9999], &[u128::MAX / 10_000, u128::MAX - u128::MAX / 10_000]),
        (100, &[6000, 6000, 6000], &[60, 40, 0]), // more than the whole counts as nothing
    ];
    for (weight, parts, shares) in table {
        assert_eq!(apportion(weight, parts).collect::<Vec<_>>(), shares, "{weight} over {parts:?}");
    }
}

/// L-18: what abstains by delegation is in one sum, as nobody's ballot, and goes as it came.
#[test]
fn who_stands_aside_is_in_one_sum_and_no_ballot() {
    for (system, options) in [(System::YesNoVeto, 0), (System::Optimistic, 0), (System::InstantRunoff, 3)] {
        let mut count = Count::new(system, options).unwrap();
        let empty = count.clone();
        count.add_standing(u128::MAX - 1).unwrap();
        let mut sums = empty.sums();
        let at = sums.len() - 3;
        sums[at] = u128::MAX - 1;
        assert_eq!((count.sums(), count.ballots()), (sums, 0));
        let full = count.clone();
        assert_eq!(count.add_standing(2), Err(CountError::Overflow));
        assert_eq!(count.add(&[1], 2), Err(CountError::Overflow));
        assert_eq!(count.remove_standing(u128::MAX), Err(CountError::NotStanding { weight: u128::MAX }));
        assert_eq!(count, full, "what was refused changed nothing");
        count.remove_standing(u128::MAX - 1).unwrap();
        assert_eq!(count, empty);
    }
}

proptest! {
    #[test]
    fn apportioning_loses_nothing_and_rounds_by_less_than_one(weight in any::<u64>(), cuts in proptest::collection::vec(0u16..=10_000, 0..15)) {
        let mut cuts = cuts;
        cuts.push(10_000);
        cuts.sort_unstable();
        let parts: Vec<u16> = cuts.iter().scan(0, |before, cut| Some(cut - std::mem::replace(before, *cut))).collect();
        let shares: Vec<u128> = apportion(u128::from(weight), &parts).collect();
        prop_assert_eq!(shares.iter().sum::<u128>(), u128::from(weight));
        for (share, part) in shares.iter().zip(&parts) {
            let exact = u128::from(weight) * u128::from(*part);
            prop_assert!(share * 10_000 < exact + 10_000 && share * 10_000 + 10_000 > exact);
        }
    }

    #[test]
    fn order_shards_and_changes_of_mind_do_not_matter(election in elections(), by in 0usize..9, cut in 0usize..9) {
        let whole = election.count();
        let mut shuffled = election.clone();
        shuffled.votes.rotate_left(by.min(election.votes.len()));
        shuffled.votes.reverse();
        prop_assert_eq!(&shuffled.count(), &whole);

        let (mut left, mut right) = (election.clone(), election.clone());
        right.votes = left.votes.split_off(cut.min(left.votes.len()));
        (right.absent, right.standing) = (0, 0);
        let mut merged = right.count();
        merged.merge(&left.count()).unwrap();
        prop_assert_eq!(&merged, &whole);

        let mut emptied = whole.clone();
        for (fields, weight) in &election.votes {
            emptied.reweigh(fields, *weight, weight + 3).unwrap();
            emptied.remove(fields, weight + 3).unwrap();
        }
        emptied.remove_standing(election.standing).unwrap();
        let mut none = Count::new(election.system, election.options).unwrap();
        none.add_roll(election.roll()).unwrap();
        prop_assert_eq!(emptied, none);
    }

    #[test]
    fn weight_is_conserved(election in elections()) {
        let count = election.count();
        let voted: u128 = election.votes.iter().map(|(_, weight)| weight).sum();
        prop_assert_eq!((count.cast() + count.abstained(), count.standing()), (voted, election.standing));
        prop_assert_eq!(count.weight(), election.roll());
        if matches!(election.system, System::SingleChoice | System::Split | System::InstantRunoff) {
            prop_assert_eq!(count.parts().iter().sum::<u128>(), count.cast());
        }
        prop_assert_eq!(count.rankings().values().sum::<u128>(), if election.system == System::InstantRunoff { count.cast() } else { 0 });
        let again = Count::from_parts(election.system, election.options, &count.sums(), count.rankings().clone());
        prop_assert_eq!(again, Ok(count));
    }
}

#[test]
fn a_mean_is_the_sum_over_the_weight_that_voted() {
    // V-33: 45/8 = 5.625, 11/8 = 1.375, 9/8 = 1.125; who abstains is not in it.
    let mut score = counted(System::Score { max: 9 }, 2, &[(&[9, 1, 0], 5), (&[0, 2, 3], 3), (&[], 7)]);
    let means = |count: &Count| [0, 1, 2].map(|option| count.mean_hundredths(option));
    assert_eq!(means(&score), [Some(562), Some(137), Some(112)]);
    assert_eq!((score.figure(0), score.ahead(None)), (45, vec![0]));
    // A ballot of zeros takes part: 45/10.
    score.add(&[0, 0, 0], 2).unwrap();
    assert_eq!(means(&score), [Some(450), Some(110), Some(90)]);
    let votes = counted(System::Quadratic { credits: 100 }, 2, &[(&[6, 8, 0], 3), (&[10, 0, 0], 1)]);
    assert_eq!(means(&votes), [Some(700), Some(600), Some(0)]);
    let nobody = counted(System::Score { max: 9 }, 2, &[(&[], 7)]);
    assert_eq!(means(&nobody), [None; 3]);
    assert!(nobody.ahead(None).is_empty());
    let weight = counted(System::Approval, 2, &[(&[1, 0, 0], 5)]);
    assert_eq!(means(&weight), [None; 3], "weight has no mean");
    const MAX: u128 = u128::MAX;
    let whole = Count::from_sums(System::Score { max: 1 }, 2, &[MAX, MAX - 1, MAX / 2, MAX, 0, 0, 1, MAX]).unwrap();
    assert_eq!(means(&whole), [Some(100), Some(99), Some(49)]);
}
