//! Hazard: a proposal that passes when it should not, by question or by choice. Every comparison at equality and on both
//! sides of it.

use althing_governance::voting::{Count, Outcome, Quorum, Rule, System, Threshold, TieBreak, Undecided};
use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;

use Outcome::{NoQuorum, Rejected, Tied, Vetoed};
use Quorum::{ParticipationBp, YesOfTotalBp};
use Threshold::{Majority, PercentBp};

pub(crate) const PASSED: Outcome = Outcome::Passed { option: None };

pub(crate) const fn rule(threshold: Threshold, quorum: Quorum) -> Rule {
    Rule { threshold, quorum, distinct_voters_min: 0, veto_bp: 3334, oppose_bp: 1000 }
}

pub(crate) const ANY: Rule = rule(Majority, ParticipationBp(1));

pub(crate) const fn elected(option: u16) -> Outcome {
    Outcome::Passed { option: Some(option) }
}

fn outcome(system: System, options: u16, sums: &[u128], rule: Rule) -> Result<Outcome, Undecided> {
    Count::from_sums(system, options, sums).unwrap().outcome(&rule, None)
}

#[test]
fn questions() {
    const MAX: u128 = u128::MAX;
    // yes, no, abstain, standing, ballots, weight
    let table = [
        ("one more yes than no", ANY, [51, 50, 0, 0, 2, 101], PASSED),
        ("one less", ANY, [50, 51, 0, 0, 2, 101], Rejected),
        ("a tie fails", ANY, [50, 50, 0, 0, 2, 100], Tied),
        ("a tie fails under percent too", rule(PercentBp(5001), ParticipationBp(1)), [50, 50, 0, 0, 2, 100], Tied),
        ("nobody voted", ANY, [0, 0, 0, 0, 0, 100], NoQuorum),
        ("an empty roll", ANY, [0, 0, 0, 0, 0, 0], NoQuorum),
        ("an empty roll without quorum", rule(Majority, ParticipationBp(0)), [0, 0, 0, 0, 0, 0], NoQuorum),
        ("all abstained", ANY, [0, 0, 100, 0, 2, 100], Rejected),
        ("all abstained, percent", rule(PercentBp(10_000), ParticipationBp(1)), [0, 0, 100, 0, 2, 100], Rejected),
        ("exactly 2/3 rounded up", rule(PercentBp(6667), ParticipationBp(1)), [6667, 3333, 0, 0, 2, 10_000], PASSED),
        ("just below", rule(PercentBp(6667), ParticipationBp(1)), [6666, 3334, 0, 0, 2, 10_000], Rejected),
        ("unanimity", rule(PercentBp(10_000), ParticipationBp(1)), [10, 0, 5, 0, 2, 100], PASSED),
        (
            "unanimity but one",
            rule(PercentBp(10_000), ParticipationBp(1)),
            [1_000_000, 1, 0, 0, 2, 1_000_001],
            Rejected,
        ),
        ("more than all is never reached", rule(PercentBp(10_001), ParticipationBp(1)), [10, 0, 0, 0, 2, 10], Rejected),
        ("participation exactly", rule(Majority, ParticipationBp(2000)), [15, 0, 5, 0, 2, 100], PASSED),
        ("participation one short", rule(Majority, ParticipationBp(2000)), [15, 0, 4, 0, 2, 100], NoQuorum),
        ("no does not help participation", rule(Majority, ParticipationBp(2000)), [15, 14, 4, 0, 3, 100], NoQuorum),
        ("yes of total exactly", rule(Majority, YesOfTotalBp(3000)), [30, 20, 50, 0, 3, 100], PASSED),
        ("yes of total one short", rule(Majority, YesOfTotalBp(3000)), [29, 0, 71, 0, 3, 100], NoQuorum),
        ("all of 128 bits", rule(PercentBp(10_000), YesOfTotalBp(10_000)), [MAX, 0, 0, 0, 1, MAX], PASSED),
        ("all but one of them", rule(Majority, YesOfTotalBp(10_000)), [MAX - 1, 0, 0, 0, 1, MAX], NoQuorum),
        ("half of 128 bits and one", ANY, [MAX / 2 + 1, MAX / 2, 0, 0, 2, MAX], PASSED),
        ("half of 128 bits", ANY, [MAX / 2, MAX / 2, 1, 0, 2, MAX], Tied),
        (
            "a share of 128 bits",
            rule(PercentBp(7500), ParticipationBp(1)),
            [MAX / 4 * 3, MAX / 4, 0, 0, 2, MAX],
            PASSED,
        ),
        (
            "one less of it",
            rule(PercentBp(7500), ParticipationBp(1)),
            [MAX / 4 * 3 - 1, MAX / 4, 0, 0, 2, MAX],
            Rejected,
        ),
        ("64 bits exactly", rule(Majority, YesOfTotalBp(5000)), [1 << 63, 0, 0, 0, 1, 1 << 64], PASSED),
        ("64 bits one short", rule(Majority, YesOfTotalBp(5000)), [(1 << 63) - 1, 0, 0, 0, 1, 1 << 64], NoQuorum),
    ];
    for (name, rule, sums, expected) in table {
        assert_eq!(outcome(System::YesNoAbstain, 0, &sums, rule), Ok(expected), "{name}");
    }
}

/// The half products of 3333 * yes carry into the upper 128 bits, those of 6667 * no do not.
#[test]
fn shares_whose_products_carry() {
    let yes = 0xcfb0_1eb9_1b44_4833_ffff_ffff_ffff_ffff;
    let no = 0x67d4_1295_acfb_bce1_0000_0000_0000_0000;
    assert!(PercentBp(6667).is_met(yes, no));
    assert!(!PercentBp(6667).is_met(yes, no + (1 << 64)));
}

#[test]
fn distinct_voters() {
    for (ballots, expected) in [(2, NoQuorum), (3, PASSED), (4, PASSED)] {
        let rule = Rule { distinct_voters_min: 3, ..ANY };
        assert_eq!(outcome(System::YesNoAbstain, 0, &[30, 20, 50, 0, ballots, 100], rule), Ok(expected));
        let chosen = if expected == PASSED { elected(0) } else { expected };
        assert_eq!(outcome(System::SingleChoice, 2, &[30, 20, 0, 50, 50, 0, ballots, 100], rule), Ok(chosen));
    }
}

#[test]
fn vetoes() {
    let third = Rule { veto_bp: 3333, ..ANY };
    let over_third = Rule { veto_bp: 3334, ..ANY };
    let quorum = Rule { quorum: YesOfTotalBp(5000), ..third };
    // yes, no, veto, abstain, standing, ballots, weight
    let table = [
        ("no veto at all", third, [2, 1, 0, 0, 0, 3, 3], PASSED),
        ("no veto at all, whatever the limit", Rule { veto_bp: 0, ..ANY }, [2, 1, 0, 0, 0, 3, 3], PASSED),
        ("nobody voted for anything", Rule { veto_bp: 0, ..ANY }, [0, 0, 0, 3, 0, 3, 3], Rejected),
        ("exactly a third reaches 3333", third, [2, 0, 1, 0, 0, 3, 3], Vetoed),
        ("exactly a third misses 3334", over_third, [2, 0, 1, 0, 0, 3, 3], PASSED),
        ("exactly at the limit", third, [6667, 0, 3333, 0, 0, 3, 10_000], Vetoed),
        ("just below the limit", third, [6668, 0, 3332, 0, 0, 3, 10_000], PASSED),
        ("abstentions do not dilute a veto", third, [6667, 0, 3333, 50_000, 0, 3, 60_000], Vetoed),
        ("no dilutes a veto", third, [6667, 1, 3333, 0, 0, 3, 10_001], PASSED),
        ("a veto is a no as well: tied", Rule { veto_bp: 5000, ..ANY }, [50, 10, 40, 0, 0, 3, 100], Tied),
        ("a veto is a no as well: rejected", Rule { veto_bp: 5000, ..ANY }, [50, 11, 40, 0, 0, 3, 101], Rejected),
        ("a veto is a no as well: passed", Rule { veto_bp: 5000, ..ANY }, [51, 10, 40, 0, 0, 3, 101], PASSED),
        ("vetoed comes before tied", Rule { veto_bp: 5000, ..ANY }, [50, 0, 50, 0, 0, 3, 100], Vetoed),
        ("no quorum comes before vetoed", quorum, [49, 0, 51, 0, 0, 3, 100], NoQuorum),
        ("quorum and vetoed", quorum, [50, 0, 50, 0, 0, 3, 100], Vetoed),
    ];
    for (name, rule, sums, expected) in table {
        assert_eq!(outcome(System::YesNoVeto, 0, &sums, rule), Ok(expected), "{name}");
    }
}

#[test]
fn optimism() {
    let hard = Rule { distinct_voters_min: 9, quorum: YesOfTotalBp(10_000), threshold: PercentBp(10_000), ..ANY };
    // yes, no, abstain, standing, ballots, weight
    let table = [
        ("silence passes", ANY, [0, 0, 0, 0, 0, 100], PASSED),
        ("silence passes whatever the quorum", hard, [0, 0, 0, 0, 0, 100], PASSED),
        ("a tenth against", ANY, [90, 10, 0, 0, 9, 100], Rejected),
        ("just less than a tenth", ANY, [0, 9, 0, 0, 9, 100], PASSED),
        ("more than a tenth", ANY, [0, 11, 0, 0, 9, 100], Rejected),
        ("silence of who stands aside", ANY, [0, 0, 0, 100, 0, 100], PASSED),
        ("a tenth of all against, the others aside", ANY, [0, 10, 0, 90, 1, 100], Rejected),
        ("less than a tenth of all against", ANY, [0, 9, 0, 91, 1, 100], PASSED),
        ("nobody there", ANY, [0, 0, 0, 0, 0, 0], NoQuorum),
        ("all of 128 bits", Rule { oppose_bp: 10_000, ..ANY }, [0, u128::MAX, 0, 0, 1, u128::MAX], Rejected),
        ("all but one of them", Rule { oppose_bp: 10_000, ..ANY }, [1, u128::MAX - 1, 0, 0, 2, u128::MAX], PASSED),
    ];
    for (name, rule, sums, expected) in table {
        assert_eq!(outcome(System::Optimistic, 0, &sums, rule), Ok(expected), "{name}");
    }
}

#[test]
fn choices() {
    let level = |tied: &[u16]| Err(Undecided { tied: tied.to_vec() });
    let two_thirds = rule(PercentBp(6667), ParticipationBp(1));
    // option 0, option 1, none of these, cast, abstain, standing, ballots, weight
    let table = [
        ("most weight wins", ANY, [3, 4, 2, 9, 0, 0, 9, 9], Ok(elected(1))),
        ("less than half is enough against many", ANY, [4, 3, 3, 10, 0, 0, 9, 10], Ok(elected(0))),
        ("none of these wins", ANY, [3, 4, 5, 12, 0, 0, 9, 12], Ok(Rejected)),
        ("level with none of these", ANY, [3, 4, 4, 11, 0, 0, 9, 11], Ok(Rejected)),
        ("two level with none of these", ANY, [4, 4, 4, 12, 0, 0, 9, 12], Ok(Rejected)),
        ("level options", ANY, [4, 4, 3, 11, 0, 0, 9, 11], level(&[0, 1])),
        ("level options that miss the threshold", two_thirds, [4, 4, 3, 11, 0, 0, 9, 11], Ok(Rejected)),
        (
            "level options that miss the quorum",
            rule(Majority, YesOfTotalBp(5000)),
            [4, 4, 3, 11, 0, 0, 9, 11],
            Ok(NoQuorum),
        ),
        ("nobody voted", ANY, [0, 0, 0, 0, 0, 0, 0, 9], Ok(NoQuorum)),
        ("an empty roll", ANY, [0, 0, 0, 0, 0, 0, 0, 0], Ok(NoQuorum)),
        ("all abstained", ANY, [0, 0, 0, 0, 9, 0, 9, 9], Ok(Rejected)),
        (
            "threshold against none of these, exactly",
            two_thirds,
            [6667, 0, 3333, 10_000, 0, 0, 9, 10_000],
            Ok(elected(0)),
        ),
        ("threshold just missed", two_thirds, [6666, 0, 3334, 10_000, 0, 0, 9, 10_000], Ok(Rejected)),
        ("other options do not count toward the threshold", two_thirds, [20, 19, 10, 49, 0, 0, 9, 49], Ok(Rejected)),
        ("participation exactly", rule(Majority, ParticipationBp(2000)), [9, 6, 0, 15, 5, 0, 9, 100], Ok(elected(0))),
        ("participation one short", rule(Majority, ParticipationBp(2000)), [9, 6, 0, 15, 4, 0, 9, 100], Ok(NoQuorum)),
        // The DAO's quorum, for choices: who is against all options helps none of them.
        (
            "with none of these exactly",
            rule(Majority, ParticipationBp(2000)),
            [9, 6, 3, 18, 5, 0, 9, 100],
            Ok(elected(0)),
        ),
        (
            "none of these does not help",
            rule(Majority, ParticipationBp(2000)),
            [9, 6, 3, 18, 4, 0, 9, 100],
            Ok(NoQuorum),
        ),
        // L-18: the same among half of the roll, the other half standing aside.
        ("everything aside", ANY, [0, 0, 0, 0, 0, 9, 0, 9], Ok(NoQuorum)),
        ("half aside, exactly", rule(Majority, ParticipationBp(2000)), [9, 6, 3, 18, 5, 100, 9, 200], Ok(elected(0))),
        ("half aside, one short", rule(Majority, ParticipationBp(2000)), [9, 6, 3, 18, 4, 100, 9, 200], Ok(NoQuorum)),
        (
            "half aside, turnout missed",
            rule(Majority, ParticipationBp(2000)),
            [9, 6, 0, 15, 4, 100, 9, 200],
            Ok(NoQuorum),
        ),
        ("half aside, of total", rule(Majority, YesOfTotalBp(900)), [9, 3, 3, 15, 5, 80, 9, 100], Ok(elected(0))),
        ("half aside, of total missed", rule(Majority, YesOfTotalBp(901)), [9, 3, 3, 15, 5, 80, 9, 100], Ok(NoQuorum)),
        ("rejected comes before it", rule(Majority, ParticipationBp(2000)), [3, 6, 9, 18, 4, 0, 9, 100], Ok(Rejected)),
        ("of total exactly", rule(Majority, YesOfTotalBp(900)), [9, 3, 3, 15, 5, 0, 9, 100], Ok(elected(0))),
        ("of total one short", rule(Majority, YesOfTotalBp(901)), [9, 3, 3, 15, 85, 0, 9, 100], Ok(NoQuorum)),
        (
            "rejected comes before of total",
            rule(Majority, YesOfTotalBp(901)),
            [3, 3, 9, 15, 85, 0, 9, 100],
            Ok(Rejected),
        ),
    ];
    for (name, rule, sums, expected) in table {
        assert_eq!(outcome(System::SingleChoice, 2, &sums, rule), expected, "{name}");
    }
}

/// Of total is measured against what the whole roll could have given.
#[test]
fn grades_and_bought_votes_of_total() {
    for (bp, expected) in [(4000, elected(0)), (4001, NoQuorum)] {
        let rule = rule(Majority, YesOfTotalBp(bp));
        // Forty of a hundred gave the best grade, 5; or three votes, the most that 10 credits buy.
        assert_eq!(outcome(System::Score { max: 5 }, 2, &[200, 0, 0, 90, 0, 0, 9, 100], rule), Ok(expected));
        assert_eq!(outcome(System::Quadratic { credits: 10 }, 2, &[120, 0, 0, 90, 0, 0, 9, 100], rule), Ok(expected));
        assert_eq!(outcome(System::Approval, 2, &[40, 0, 0, 90, 0, 0, 9, 100], rule), Ok(expected));
    }
    // V-26.4 in grades: (20 + 5) * 5 - none of 5 * (200 - 100), a fifth.
    for (none, expected) in [(25, elected(0)), (26, NoQuorum)] {
        let fifth = rule(Majority, ParticipationBp(2000));
        assert_eq!(outcome(System::Score { max: 5 }, 2, &[50, 0, none, 20, 5, 100, 9, 200], fifth), Ok(expected));
    }
    let most = rule(Majority, YesOfTotalBp(10_000));
    let sums = [u128::MAX, 0, 0, 1, 0, 0, 9, u128::MAX / 65_535];
    assert_eq!(outcome(System::Score { max: u16::MAX }, 2, &sums, most), Ok(elected(0)));
    let sums = [u128::MAX - 1, 0, 0, 1, 0, 0, 9, u128::MAX / 65_535];
    assert_eq!(outcome(System::Score { max: u16::MAX }, 2, &sums, most), Ok(NoQuorum));
}

#[test]
fn the_lot_decides_between_level_options() {
    let count = Count::from_sums(System::Approval, 3, &[7, 7, 1, 2, 9, 0, 0, 9, 9]).unwrap();
    let undecided = count.outcome(&ANY, None).unwrap_err();
    assert_eq!(undecided.to_string(), "V-31: options [0, 1] are level; the block six above the close decides");
    let mut winners = [0, 0];
    for block in 0..32 {
        let tie = TieBreak::new(BlockHash::from_byte_array([block; 32]));
        let winner = if tie.rank(0) < tie.rank(1) { 0 } else { 1 };
        assert_eq!(count.outcome(&ANY, Some(tie)), Ok(elected(winner)));
        assert_eq!((tie.first(&[0, 1]), tie.last(&[1, 0])), (Some(winner), Some(1 - winner)));
        winners[usize::from(winner)] += 1;
    }
    assert!(winners.iter().all(|won| *won > 5), "either may win: {winners:?}");
    let tie = TieBreak::new(BlockHash::all_zeros());
    assert_eq!((tie.first(&[]), tie.last(&[]), tie.first(&[9]), tie.last(&[9])), (None, None, Some(9), Some(9)));
}
