//! Hazard: rankings counted wrongly. Published examples, cycles, partial and exhausted ballots.

use althing_governance::voting::{
    Count, Outcome, Quorum, Round, Rule, RunOffEnd, System, Threshold, TieBreak, Undecided,
};
use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;

use crate::voting_outcomes::{ANY, elected};

/// Ballots as letters, best first; `Z` is none of these.
fn election(system: System, options: u16, votes: &[(u128, &str)]) -> Count {
    let mut count = Count::new(system, options).unwrap();
    for (weight, letters) in votes {
        let index = |letter| if letter == b'Z' { options } else { u16::from(letter - b'A') };
        let fields: Vec<u16> = letters.bytes().map(index).collect();
        count.add(&fields, *weight).unwrap();
        count.add_roll(*weight).unwrap();
    }
    count
}

fn outcome(system: System, options: u16, votes: &[(u128, &str)]) -> Result<Outcome, Undecided> {
    election(system, options, votes).outcome(&ANY, None)
}

fn level(tied: &[u16]) -> Result<Outcome, Undecided> {
    Err(Undecided { tied: tied.to_vec() })
}

const A: Outcome = elected(0);
const B: Outcome = elected(1);
const C: Outcome = elected(2);

/// Schulze 2011, example 1: 45 voters, five candidates, E wins.
const SCHULZE_2011: [(u128, &str); 8] =
    [(5, "ACBED"), (5, "ADECB"), (8, "BEDAC"), (3, "CABED"), (7, "CAEBD"), (2, "CBADE"), (7, "DCEBA"), (8, "EBADC")];

#[test]
fn schulze_elects_e_among_45_voters() {
    let count = election(System::Schulze, 5, &SCHULZE_2011);
    assert_eq!(count.outcome(&ANY, None), Ok(elected(4)));
    // The paper's matrix, with a column and row for none of these, which nobody listed.
    let matrix = [
        [0, 20, 26, 30, 22, 45],
        [25, 0, 16, 33, 18, 45],
        [19, 29, 0, 17, 24, 45],
        [15, 12, 28, 0, 14, 45],
        [23, 27, 21, 31, 0, 45],
        [0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(count.parts(), matrix.concat());
    // An instant run-off of the same ballots drops D and then has B and E level at 8.
    assert_eq!(outcome(System::InstantRunoff, 5, &SCHULZE_2011), level(&[1, 4]));
}

/// Name, ballots, and what they come to.
type Ranked = (&'static str, &'static [(u128, &'static str)], Result<Outcome, Undecided>);

#[test]
fn schulze() {
    let table: [Ranked; 12] = [
        ("all prefer B", &[(1, "BA"), (1, "BC"), (1, "B")], Ok(B)),
        ("a Condorcet winner without a majority of first places", &[(4, "AB"), (3, "CB"), (2, "B")], Ok(B)),
        // A beats B 7:3, B beats C 7:3, C beats A 6:4: the weakest link is C over A.
        ("a cycle breaks at its weakest link", &[(4, "ABC"), (3, "BCA"), (3, "CAB")], Ok(A)),
        ("a cycle of equals", &[(1, "ABC"), (1, "BCA"), (1, "CAB")], level(&[0, 1, 2])),
        ("two level", &[(1, "AB"), (1, "BA")], level(&[0, 1])),
        // A beats B 3:1, C beats A 2:1, B and C are level at 2: no path leads from A by way of B to C.
        ("a level pair is no link", &[(1, "AB"), (1, "B"), (2, "CA")], Ok(C)),
        ("none of these beats all", &[(3, "ZAB"), (2, "AZ")], Ok(Outcome::Rejected)),
        ("none of these is unlisted and so below", &[(1, "A")], Ok(A)),
        // No lot is needed to see that nothing passes.
        ("level with none of these", &[(1, "AZ"), (1, "ZA")], Ok(Outcome::Rejected)),
        ("all abstained", &[(5, "")], Ok(Outcome::Rejected)),
        ("unlisted are level among themselves", &[(2, "C"), (1, "AB")], Ok(C)),
        // A beats B 4:2, B beats C 5:3, C beats A 5:4. The win with the fewest votes is A's, that with the smallest margin C's.
        ("winning votes, not margins", &[(3, "AB"), (1, "A"), (3, "C"), (2, "BC")], Ok(B)),
    ];
    for (name, votes, expected) in table {
        assert_eq!(outcome(System::Schulze, 3, votes), expected, "{name}");
    }
}

#[test]
fn instant_runoff() {
    let table: [Ranked; 16] = [
        ("a majority at once", &[(3, "A"), (2, "B")], Ok(A)),
        ("exactly half is no majority, the others go out", &[(4, "AB"), (3, "BC"), (1, "CB")], level(&[0, 1])),
        ("second preferences decide", &[(4, "AC"), (3, "BC"), (2, "CB")], Ok(B)),
        ("the winner of the first round can lose", &[(40, "A"), (35, "BC"), (25, "CB")], Ok(B)),
        // C goes out and its ballots name nobody else: A has 4 of the 7 left.
        ("exhausted ballots leave the race", &[(4, "A"), (3, "B"), (2, "C")], Ok(A)),
        ("without exhaustion it would be the other", &[(4, "A"), (3, "B"), (2, "CB")], Ok(B)),
        ("partial rankings", &[(3, "A"), (2, "BA"), (2, "C"), (1, "BC")], level(&[0, 1])),
        ("the weakest level", &[(4, "A"), (2, "B"), (2, "C"), (1, "Z")], level(&[1, 2])),
        ("nobody's first choice needs no lot", &[(3, "AB"), (2, "CB")], Ok(A)),
        ("the last two level", &[(1, "A"), (1, "B")], level(&[0, 1])),
        ("all abstained", &[(5, "")], Ok(Outcome::Rejected)),
        ("abstentions are no votes against", &[(5, ""), (1, "A")], Ok(A)),
        ("none of these wins", &[(3, "Z"), (2, "A")], Ok(Outcome::Rejected)),
        ("none of these wins the last round", &[(4, "AZ"), (3, "ZA"), (2, "BZ")], Ok(Outcome::Rejected)),
        // B wins the rounds, but more would rather have none of these.
        ("the winner has to beat none of these", &[(4, "B"), (3, "AZ"), (2, "CZB")], Ok(Outcome::Rejected)),
        ("and may beat it narrowly", &[(5, "B"), (2, "AZ"), (2, "CZB")], Ok(B)),
    ];
    for (name, votes, expected) in table {
        assert_eq!(outcome(System::InstantRunoff, 3, votes), expected, "{name}");
    }
}

#[test]
fn the_lot_eliminates() {
    let votes: [(u128, &str); 3] = [(4, "A"), (3, "BC"), (3, "CB")];
    let count = election(System::InstantRunoff, 3, &votes);
    let mut seen = [false; 2];
    for block in 0..16 {
        let tie = TieBreak::new(BlockHash::from_byte_array([block; 32]));
        let stays = if tie.rank(1) < tie.rank(2) { 1 } else { 2 };
        assert_eq!(count.outcome(&ANY, Some(tie)), Ok(elected(stays)), "the highest hash goes out");
        seen[usize::from(stays) - 1] = true;
    }
    assert_eq!(seen, [true; 2]);
}

/// The class's threshold and quorum measure the winner head to head against none of these.
#[test]
fn thresholds_of_rankings() {
    let votes: [(u128, &str); 4] = [(60, "AZ"), (30, "ZA"), (10, "B"), (20, "")];
    for system in [System::InstantRunoff, System::Schulze] {
        let count = election(system, 2, &votes);
        let under = |threshold, quorum| count.outcome(&Rule { threshold, quorum, ..ANY }, None);
        let one = Quorum::ParticipationBp(1);
        assert_eq!(under(Threshold::PercentBp(6666), one), Ok(A), "60 of 90");
        assert_eq!(under(Threshold::PercentBp(6667), one), Ok(Outcome::Rejected));
        assert_eq!(under(Threshold::Majority, Quorum::YesOfTotalBp(5000)), Ok(A), "60 of 120");
        assert_eq!(under(Threshold::Majority, Quorum::YesOfTotalBp(5001)), Ok(Outcome::NoQuorum));
        let part = Quorum::ParticipationBp(7500);
        assert_eq!(
            under(Threshold::Majority, part),
            Ok(A),
            "90 of 120: abstentions take part, ZA is for none of these"
        );
        assert_eq!(under(Threshold::Majority, Quorum::ParticipationBp(7501)), Ok(Outcome::NoQuorum));
        let mut absent = count.clone();
        absent.add_roll(1).unwrap();
        assert_eq!(absent.outcome(&Rule { quorum: part, ..ANY }, None), Ok(Outcome::NoQuorum));
    }
}

/// Options with their weights, what is exhausted, who falls, and who gets how much.
fn round(standing: &[(u16, u128)], exhausted: u128, fallen: &[u16], transfers: &[(u16, u128)]) -> Round {
    Round { standing: standing.to_vec(), exhausted, fallen: fallen.to_vec(), transfers: transfers.to_vec() }
}

#[test]
fn rounds_are_those_worked_out_by_hand() {
    // V-33. 39 voters; Z is 4. D falls with 3: 2 to A, 1 names nobody else. Then C falls with 7: 5 to B, 2 to A.
    let votes: [(u128, &str); 6] = [(14, "A"), (15, "B"), (5, "CB"), (2, "CDA"), (2, "DA"), (1, "D")];
    let count = election(System::InstantRunoff, 4, &votes);
    let run_off = count.run_off(None).unwrap();
    let expected = [
        // Nobody lists none of these first: it falls beside the weakest, and moves nothing.
        round(&[(0, 14), (1, 15), (2, 7), (3, 3), (4, 0)], 0, &[3, 4], &[(0, 2)]),
        round(&[(0, 16), (1, 15), (2, 7)], 1, &[2], &[(0, 2), (1, 5)]),
        round(&[(0, 18), (1, 20)], 1, &[], &[]),
    ];
    assert_eq!(run_off.rounds, expected);
    assert_eq!((run_off.end, count.ahead(None)), (RunOffEnd::Elected(1), vec![1]));

    // Two level with the least: nobody falls before the block is known, and then the one of the highest hash.
    let level = election(System::InstantRunoff, 3, &[(4, "A"), (3, "BC"), (3, "CB")]);
    let run_off = level.run_off(None).unwrap();
    assert_eq!(run_off.rounds, [round(&[(0, 4), (1, 3), (2, 3), (3, 0)], 0, &[], &[])]);
    assert_eq!((run_off.end, level.ahead(None)), (RunOffEnd::Level(vec![1, 2]), vec![1, 2]));
    let tie = TieBreak::new(BlockHash::from_byte_array([7; 32]));
    let (falls, stays) = if tie.rank(1) < tie.rank(2) { (2, 1) } else { (1, 2) };
    let run_off = level.run_off(Some(tie)).unwrap();
    assert_eq!(run_off.rounds[0], round(&[(0, 4), (1, 3), (2, 3), (3, 0)], 0, &[falls, 3], &[(stays, 3)]));
    assert_eq!(level.ahead(Some(tie)), [stays]);

    let nobody = election(System::InstantRunoff, 2, &[(5, "")]);
    assert_eq!(nobody.run_off(None).unwrap().end, RunOffEnd::Nobody);
    assert!(nobody.ahead(None).is_empty() && nobody.duels().is_none());
}

#[test]
fn duels_are_those_of_the_published_example() {
    // The paper's matrix of strongest paths: E, at 4, is the only one whom nobody beats by a stronger one.
    let count = election(System::Schulze, 5, &SCHULZE_2011);
    let duels = count.duels().unwrap();
    let paths: [[u128; 5]; 5] =
        [[0, 28, 28, 30, 24], [25, 0, 28, 33, 24], [25, 29, 0, 29, 24], [25, 28, 28, 0, 24], [25, 28, 28, 31, 0]];
    for (from, row) in (0u16..).zip(paths) {
        for (to, strength) in (0u16..).zip(row).filter(|(to, _)| *to != from) {
            assert_eq!(duels.strength(from, to), strength, "from {from} to {to}");
        }
    }
    assert_eq!(count.ahead(None), [4]);
    assert_eq!([0, 1, 2, 3, 4, 5].map(|option| duels.won(option)), WON);
    assert_eq!((duels.preferring(0, 2), duels.preferring(2, 0), duels.preferring(9, 0)), (26, 19, 0));
    assert_eq!(count.figure(4), u128::from(WON[4]));
}

/// Pairs won in the paper's matrix, row by row: a number counts where it is greater than its mirror image.
const WON: [u16; 6] = [3, 3, 3, 2, 4, 0];
