//! Hazard: a proposal that passes when it should not. Thresholds, quorums and ties at their edges.

use althing_governance::charter::{Quorum, Threshold};
use althing_governance::voting::{Count, Outcome, System};

use Outcome::{NoQuorum, Rejected, Tied};
use Quorum::{ParticipationBp, YesOfTotalBp};
use Threshold::{Majority, PercentBp};

fn outcome(threshold: Threshold, quorum: Quorum, distinct: u32, sums: [u128; 5]) -> Outcome {
    let mut rule = crate::world::charter().classes[0].clone();
    (rule.threshold, rule.quorum, rule.distinct_voters_min) = (threshold, quorum, distinct);
    let count = Count::from_sums(System::YesNoAbstain, 0, &sums).unwrap();
    count.outcome(&rule.voting_rule(), None).unwrap()
}

const PASSED: Outcome = Outcome::Passed { option: None };

#[test]
fn edges() {
    // yes, no, abstain, ballots, weight
    let table = [
        ("one more yes than no", Majority, ParticipationBp(1), 0, [51, 50, 0, 2, 101], PASSED),
        ("one less", Majority, ParticipationBp(1), 0, [50, 51, 0, 2, 101], Rejected),
        ("a tie fails", Majority, ParticipationBp(1), 0, [50, 50, 0, 2, 100], Tied),
        ("a tie fails under percent too", PercentBp(5001), ParticipationBp(1), 0, [50, 50, 0, 2, 100], Tied),
        ("nobody voted", Majority, ParticipationBp(1), 0, [0, 0, 0, 0, 100], NoQuorum),
        ("an empty roll", Majority, ParticipationBp(1), 0, [0, 0, 0, 0, 0], NoQuorum),
        ("all abstained", Majority, ParticipationBp(1), 0, [0, 0, 100, 2, 100], Rejected),
        ("all abstained, percent", PercentBp(10_000), ParticipationBp(1), 0, [0, 0, 100, 2, 100], Rejected),
        ("exactly 2/3 rounded up", PercentBp(6667), ParticipationBp(1), 0, [6667, 3333, 0, 2, 10_000], PASSED),
        ("just below", PercentBp(6667), ParticipationBp(1), 0, [6666, 3334, 0, 2, 10_000], Rejected),
        ("unanimity", PercentBp(10_000), ParticipationBp(1), 0, [10, 0, 5, 2, 100], PASSED),
        ("unanimity but one", PercentBp(10_000), ParticipationBp(1), 0, [1_000_000, 1, 0, 2, 1_000_001], Rejected),
        ("participation exactly", Majority, ParticipationBp(2000), 0, [15, 0, 5, 2, 100], PASSED),
        ("participation one short", Majority, ParticipationBp(2000), 0, [15, 0, 4, 2, 100], NoQuorum),
        // Tornado-style quorum games: opponents who vote no must not help to reach the quorum.
        ("no does not help participation", Majority, ParticipationBp(2000), 0, [15, 14, 4, 3, 100], NoQuorum),
        ("yes of total exactly", Majority, YesOfTotalBp(3000), 0, [30, 20, 50, 3, 100], PASSED),
        ("yes of total one short", Majority, YesOfTotalBp(3000), 0, [29, 0, 71, 3, 100], NoQuorum),
        ("enough voters", Majority, YesOfTotalBp(1), 3, [30, 20, 50, 3, 100], PASSED),
        ("too few voters", Majority, YesOfTotalBp(1), 4, [30, 20, 50, 3, 100], NoQuorum),
        ("sums out of this world", Majority, YesOfTotalBp(1), 0, [u128::MAX, 0, 0, 1, u128::MAX], PASSED),
    ];
    for (name, threshold, quorum, distinct, sums, expected) in table {
        assert_eq!(outcome(threshold, quorum, distinct, sums), expected, "{name}");
    }
}
