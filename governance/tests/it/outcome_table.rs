//! Hazard: a proposal that passes when it should not. Thresholds, quorums and ties at their edges.

use althing_governance::charter::{Quorum, Threshold};
use althing_governance::voting::{Count, Outcome, System};

use Outcome::{NoQuorum, Rejected, Tied};
use Quorum::{ParticipationBp, YesOfTotalBp};
use Threshold::{Majority, PercentBp};

fn outcome(threshold: Threshold, quorum: Quorum, distinct: u32, sums: [u128; 6]) -> Outcome {
    let mut rule = crate::world::charter().classes[0].clone();
    (rule.threshold, rule.quorum, rule.distinct_voters_min) = (threshold, quorum, distinct);
    let count = Count::from_sums(System::YesNoAbstain, 0, &sums).unwrap();
    count.outcome(&rule.voting_rule(), None).unwrap()
}

const MAX: u128 = u128::MAX;
const U64: u128 = u64::MAX as u128;
const PASSED: Outcome = Outcome::Passed { option: None };

#[test]
fn edges() {
    // yes, no, abstain, standing, ballots, weight
    let table = [
        ("one more yes than no", Majority, ParticipationBp(1), 0, [51, 50, 0, 0, 2, 101], PASSED),
        ("one less", Majority, ParticipationBp(1), 0, [50, 51, 0, 0, 2, 101], Rejected),
        ("a tie fails", Majority, ParticipationBp(1), 0, [50, 50, 0, 0, 2, 100], Tied),
        ("a tie fails under percent too", PercentBp(5001), ParticipationBp(1), 0, [50, 50, 0, 0, 2, 100], Tied),
        ("nobody voted", Majority, ParticipationBp(1), 0, [0, 0, 0, 0, 0, 100], NoQuorum),
        ("an empty roll", Majority, ParticipationBp(1), 0, [0, 0, 0, 0, 0, 0], NoQuorum),
        ("all abstained", Majority, ParticipationBp(1), 0, [0, 0, 100, 0, 2, 100], Rejected),
        ("all abstained, percent", PercentBp(10_000), ParticipationBp(1), 0, [0, 0, 100, 0, 2, 100], Rejected),
        ("exactly 2/3 rounded up", PercentBp(6667), ParticipationBp(1), 0, [6667, 3333, 0, 0, 2, 10_000], PASSED),
        ("just below", PercentBp(6667), ParticipationBp(1), 0, [6666, 3334, 0, 0, 2, 10_000], Rejected),
        ("unanimity", PercentBp(10_000), ParticipationBp(1), 0, [10, 0, 5, 0, 2, 100], PASSED),
        ("unanimity but one", PercentBp(10_000), ParticipationBp(1), 0, [1_000_000, 1, 0, 0, 2, 1_000_001], Rejected),
        ("participation exactly", Majority, ParticipationBp(2000), 0, [15, 0, 5, 0, 2, 100], PASSED),
        ("participation one short", Majority, ParticipationBp(2000), 0, [15, 0, 4, 0, 2, 100], NoQuorum),
        // Tornado-style quorum games: opponents who vote no must not help to reach the quorum.
        ("no does not help participation", Majority, ParticipationBp(2000), 0, [15, 14, 4, 0, 3, 100], NoQuorum),
        ("yes of total exactly", Majority, YesOfTotalBp(3000), 0, [30, 20, 50, 0, 3, 100], PASSED),
        ("yes of total one short", Majority, YesOfTotalBp(3000), 0, [29, 0, 71, 0, 3, 100], NoQuorum),
        // L-18: who stands aside is neither in what takes part nor in what that is measured by.
        ("everything stands aside", Majority, ParticipationBp(1), 0, [0, 0, 0, 100, 0, 100], NoQuorum),
        (
            "everything stands aside, and nothing is asked",
            Majority,
            ParticipationBp(0),
            0,
            [0, 0, 0, 9, 0, 9],
            NoQuorum,
        ),
        ("standing aside makes no quorum", Majority, ParticipationBp(2000), 0, [0, 0, 0, 99, 0, 100], NoQuorum),
        ("a fifth of the others", Majority, ParticipationBp(2000), 0, [6, 0, 4, 50, 2, 100], PASSED),
        ("one short of it", Majority, ParticipationBp(2000), 0, [6, 0, 3, 50, 2, 100], NoQuorum),
        ("a fifth of one less", Majority, ParticipationBp(2000), 0, [10, 0, 0, 49, 1, 100], NoQuorum),
        ("all of the others", Majority, ParticipationBp(10_000), 0, [1, 0, 0, 99, 1, 100], PASSED),
        ("half of them", Majority, ParticipationBp(10_000), 0, [1, 0, 0, 98, 1, 100], NoQuorum),
        ("of total is of all", Majority, YesOfTotalBp(3000), 0, [30, 0, 0, 70, 1, 100], PASSED),
        ("of total one short", Majority, YesOfTotalBp(3000), 0, [29, 0, 0, 71, 1, 100], NoQuorum),
        ("all of 64 bits aside", Majority, ParticipationBp(1), 0, [0, 0, 0, U64, 0, U64], NoQuorum),
        ("all but one of 64 bits", Majority, ParticipationBp(10_000), 0, [1, 0, 0, U64 - 1, 1, U64], PASSED),
        ("all but two of them", Majority, ParticipationBp(5001), 0, [1, 0, 0, U64 - 2, 1, U64], NoQuorum),
        ("all of 128 bits aside", Majority, ParticipationBp(1), 0, [0, 0, 0, MAX, 0, MAX], NoQuorum),
        ("all but one of 128 bits", Majority, ParticipationBp(10_000), 0, [1, 0, 0, MAX - 1, 1, MAX], PASSED),
        ("all but two", Majority, ParticipationBp(5001), 0, [1, 0, 0, MAX - 2, 1, MAX], NoQuorum),
        ("enough voters", Majority, YesOfTotalBp(1), 3, [30, 20, 50, 0, 3, 100], PASSED),
        ("too few voters", Majority, YesOfTotalBp(1), 4, [30, 20, 50, 0, 3, 100], NoQuorum),
        ("sums out of this world", Majority, YesOfTotalBp(1), 0, [MAX, 0, 0, 0, 1, MAX], PASSED),
    ];
    for (name, threshold, quorum, distinct, sums, expected) in table {
        assert_eq!(outcome(threshold, quorum, distinct, sums), expected, "{name}");
    }
}
