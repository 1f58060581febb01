//! Hazard: a vote closed early that could still have turned. The library's answer against every possible continuation.

use althing_governance::voting::{Count, Leader, Outcome, Quorum, Rule, System, Threshold};
use proptest::prelude::*;

use crate::voting_oracle::elections;
use crate::voting_outcomes::{ANY, rule};

/// Every valid ballot of a system with fields up to `limit`.
fn every_ballot(system: System, options: u16) -> Vec<Vec<u16>> {
    let values: Vec<u16> = if system == System::Split { vec![0, 5000, 10_000] } else { (0..4).collect() };
    let mut all = vec![vec![]];
    let mut longest = all.clone();
    for _ in 0..=options {
        longest = longest.iter().flat_map(|b| values.iter().map(|v| [&b[..], &[*v]].concat())).collect();
        all.extend(longest.clone());
    }
    all.retain(|fields| system.validate(options, fields).is_ok());
    all
}

/// All outcomes that votes of at most `weight` more can lead to, in whatever portions it is held; what does not vote may stand
/// aside.
fn reachable(count: &Count, ballots: &[Vec<u16>], weight: u128, rule: &Rule, found: &mut Vec<Option<Outcome>>) {
    let outcome = count.outcome(rule, None).ok();
    if !found.contains(&outcome) {
        found.push(outcome);
    }
    for portion in 1..=weight {
        let mut aside = count.clone();
        aside.add_standing(portion).unwrap();
        reachable(&aside, ballots, weight - portion, rule, found);
        for fields in ballots {
            let mut next = count.clone();
            next.add(fields, portion).unwrap();
            reachable(&next, ballots, weight - portion, rule, found);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn early_means_that_nothing_can_change(election in elections(), remaining in 0u128..3) {
        let options = election.options.min(2);
        let mut election = election;
        if election.options > 2 || matches!(election.system, System::Score { max: 4.. } | System::Quadratic { credits: 16.. }) {
            election.options = options;
            election.votes.clear();
            election.absent = 4;
            election.system = match election.system {
                System::Score { .. } => System::Score { max: 2 },
                System::Quadratic { .. } => System::Quadratic { credits: 5 },
                other => other,
            };
        }
        election.absent += remaining; // what remains is of the roll
        let count = election.count();
        let mut outcomes = Vec::new();
        reachable(&count, &every_ballot(election.system, election.options), remaining, &election.rule, &mut outcomes);
        let certain = outcomes.len() == 1 && outcomes[0].is_some();
        let early = count.decided_early(&election.rule, remaining);
        if election.system.is_ranked() && remaining > 0 {
            prop_assert!(!early, "not for rankings");
        } else {
            prop_assert_eq!(early, certain, "{:?}", outcomes);
        }
    }
}

/// Name, system, sums, rule, remaining weight, and whether that is certain.
type Edge = (&'static str, System, &'static [u128], Rule, u128, bool);

#[test]
fn edges() {
    let two_thirds = rule(Threshold::PercentBp(6667), Quorum::ParticipationBp(1));
    let half = rule(Threshold::Majority, Quorum::YesOfTotalBp(5000));
    let voters = Rule { distinct_voters_min: 4, ..ANY };
    let (yna, veto, single) = (System::YesNoAbstain, System::YesNoVeto, System::SingleChoice);
    let score = System::Score { max: 9 };
    let schulze: &[u128] = &[0, 99, 99, 0, 0, 0, 0, 0, 0, 99, 0, 0, 3, 100];
    let fifth = rule(Threshold::Majority, Quorum::ParticipationBp(2000));
    let table: [Edge; 31] = [
        ("majority out of reach", yna, &[51, 0, 0, 0, 3, 101], ANY, 50, true),
        ("could come out level", yna, &[50, 0, 0, 0, 3, 100], ANY, 50, false),
        ("nothing remains", yna, &[50, 50, 0, 0, 3, 100], ANY, 0, true),
        ("level, and something remains", yna, &[50, 50, 0, 0, 3, 101], ANY, 1, false),
        ("two thirds still in doubt", yna, &[66, 0, 0, 0, 3, 100], two_thirds, 34, false),
        ("two thirds certain", yna, &[67, 0, 0, 0, 3, 100], two_thirds, 33, true),
        ("two thirds out of reach, but not a tie", yna, &[0, 34, 0, 0, 3, 100], two_thirds, 66, false),
        ("two thirds and a tie out of reach", yna, &[10, 55, 0, 0, 3, 109], two_thirds, 44, true),
        ("a tie within reach", yna, &[10, 55, 0, 0, 3, 110], two_thirds, 45, false),
        ("quorum still to come", yna, &[20, 0, 0, 0, 3, 100], half, 30, false),
        ("quorum out of reach", yna, &[20, 0, 0, 0, 3, 100], half, 29, true),
        ("what stands aside may make the quorum", yna, &[3, 0, 0, 0, 1, 100], fifth, 17, false),
        ("neither all that remains nor less of the roll makes it", yna, &[3, 0, 0, 0, 1, 100], fifth, 16, true),
        ("a quorum without who stands aside", yna, &[20, 0, 0, 50, 1, 100], fifth, 19, true),
        ("and out of reach", yna, &[2, 0, 0, 50, 1, 100], fifth, 7, true),
        ("voters still to come", yna, &[60, 0, 0, 0, 3, 100], voters, 1, false),
        ("voters came", yna, &[60, 0, 0, 0, 4, 100], voters, 1, true),
        ("a veto may still come", veto, &[66, 0, 0, 0, 0, 3, 100], ANY, 34, false),
        ("a veto may not", veto, &[67, 0, 0, 0, 0, 3, 100], ANY, 33, true),
        ("a veto may be diluted", veto, &[0, 0, 34, 66, 0, 3, 102], ANY, 68, false),
        ("a veto stands", veto, &[0, 0, 34, 66, 0, 3, 101], ANY, 67, true),
        ("a choice within reach", single, &[6, 5, 0, 11, 0, 0, 3, 12], ANY, 1, false),
        ("a choice out of reach", single, &[7, 5, 0, 12, 0, 0, 3, 13], ANY, 1, true),
        ("none of these within reach", single, &[7, 0, 5, 12, 0, 0, 3, 14], ANY, 2, false),
        ("grades within reach", score, &[18, 0, 0, 12, 0, 0, 3, 14], ANY, 2, false),
        ("grades out of reach", score, &[19, 0, 0, 12, 0, 0, 3, 14], ANY, 2, true),
        ("opposition within reach", System::Optimistic, &[0, 5, 0, 0, 2, 100], ANY, 5, false),
        ("opposition out of reach", System::Optimistic, &[0, 5, 0, 0, 2, 100], ANY, 4, true),
        ("rankings, however clear", System::Schulze, schulze, ANY, 1, false),
        ("rankings, and nothing remains", System::Schulze, schulze, ANY, 0, true),
        ("opposed for good", System::Optimistic, &[0, 10, 0, 0, 2, 100], ANY, 90, true),
    ];
    for (name, system, sums, rule, remaining, expected) in table {
        let options = if system.has_options() { 2 } else { 0 };
        let count = Count::from_sums(system, options, sums).unwrap();
        assert_eq!(count.decided_early(&rule, remaining), expected, "{name}");
    }
    let full = Count::from_sums(yna, 0, &[u128::MAX, 0, 0, 0, 3, u128::MAX]).unwrap();
    assert!(!full.decided_early(&ANY, 1), "more remains than there can be");
}

#[test]
fn leaders() {
    let single = System::SingleChoice;
    let passes = |option| Some(Leader::Passes { option });
    let table: [(&str, System, &[u128], Option<Leader>); 7] = [
        ("for", System::YesNoAbstain, &[6, 5, 0, 0, 2, 20], passes(None)),
        ("against", System::YesNoAbstain, &[5, 6, 0, 0, 2, 20], Some(Leader::Fails)),
        ("a tie fails", System::YesNoAbstain, &[5, 5, 0, 0, 2, 20], Some(Leader::Fails)),
        ("no quorum yet", System::YesNoAbstain, &[0, 0, 0, 0, 0, 20], Some(Leader::Fails)),
        ("an option", single, &[5, 6, 0, 11, 0, 0, 2, 20], passes(Some(1))),
        ("level options", single, &[6, 6, 0, 12, 0, 0, 2, 20], None),
        ("none of these", single, &[5, 6, 7, 18, 0, 0, 2, 20], Some(Leader::Fails)),
    ];
    for (name, system, sums, expected) in table {
        let options = if system.has_options() { 2 } else { 0 };
        assert_eq!(Count::from_sums(system, options, sums).unwrap().leading(&ANY), expected, "{name}");
    }
}

#[test]
fn support_that_returns_a_deposit() {
    let table: [(&str, System, &[u128], bool); 10] = [
        ("a tenth for it", System::YesNoAbstain, &[10, 90, 0, 0, 2, 100], true),
        ("just less", System::YesNoAbstain, &[9, 0, 91, 0, 2, 100], false),
        ("an empty roll", System::YesNoAbstain, &[0, 0, 0, 0, 0, 0], false),
        ("vetoes are no support", System::YesNoVeto, &[9, 0, 90, 0, 0, 2, 100], false),
        ("the best option", System::SingleChoice, &[9, 10, 81, 100, 0, 0, 2, 100], true),
        ("just less for the best", System::SingleChoice, &[9, 9, 82, 100, 0, 0, 2, 100], false),
        ("grades count per best grade", System::Score { max: 5 }, &[50, 0, 0, 100, 0, 0, 2, 100], true),
        ("one grade less", System::Score { max: 5 }, &[49, 0, 0, 100, 0, 0, 2, 100], false),
        ("rankings: above none of these", System::Schulze, &[0, 0, 0, 5, 0, 10, 95, 95, 0, 100, 0, 0, 2, 100], true),
        ("rankings: just less", System::Schulze, &[0, 0, 9, 5, 0, 9, 95, 95, 0, 100, 0, 0, 2, 100], false),
    ];
    for (name, system, sums, expected) in table {
        let options = if system.has_options() { 2 } else { 0 };
        assert_eq!(Count::from_sums(system, options, sums).unwrap().is_supported(1000), expected, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// A vote that ends early is judged without the weight of who is dormant by then (G-46). What was certain stays so, however
    /// much of the weight that did not vote is dormant, and whatever the rest would still have voted.
    #[test]
    fn what_is_certain_is_so_for_any_dormant_weight(
        parts in proptest::collection::vec(0u128..9, 3), abstain in 0u128..4, remaining in 0u128..7, kind in 0usize..3,
        bp in 1u16..=10_000, threshold in prop_oneof![Just(Threshold::Majority), (5001u16..=10_000).prop_map(Threshold::PercentBp)],
    ) {
        let (system, options) =
            [(System::YesNoAbstain, 0), (System::YesNoVeto, 0), (System::SingleChoice, 2)][kind];
        let rule = Rule { veto_bp: 3334, ..rule(threshold, Quorum::YesOfTotalBp(bp)) };
        let sides = if kind == 0 { 2 } else { 3 };
        let outcome = |parts: &[u128], weight: u128| {
            let cast: u128 = parts.iter().sum();
            let mut sums = parts.to_vec();
            sums.extend(system.has_options().then_some(cast));
            sums.extend([abstain, 0, 99, weight]);
            Count::from_sums(system, options, &sums).unwrap()
        };
        let parts = &parts[..sides];
        let all = parts.iter().sum::<u128>() + abstain + remaining;
        let now = outcome(parts, all);
        prop_assume!(now.decided_early(&rule, remaining));
        let expected = now.outcome(&rule, None).unwrap();
        for more in (0..=remaining).flat_map(|a| (0..=remaining).flat_map(move |b| (0..=remaining).map(move |c| [a, b, c]))) {
            let more = &more[..sides];
            let voted: u128 = more.iter().sum();
            for dormant in 0..=remaining.saturating_sub(voted) {
                if voted <= remaining {
                    let parts: Vec<u128> = parts.iter().zip(more).map(|(had, gets)| had + gets).collect();
                    let found = outcome(&parts, all - dormant).outcome(&rule, None);
                    prop_assert_eq!(found, Ok(expected), "{:?} more, {} dormant", more, dormant);
                }
            }
        }
    }
}
