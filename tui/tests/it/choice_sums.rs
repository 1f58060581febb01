//! Hazard: sums of a choice that are read as weight, and a winner whom nobody can follow (V-33). Examples worked out by hand.

use althing_node::api::*;

use crate::dao::{AtTheKeyboard, choice_tally, proposal, snapshot, tally};
use crate::stage::{Stage, althing};

/// A vote among Lake, Booth and Hill on 1,500,000 of weight, with the numbers of the options and what is ahead.
fn choice(system: System, sums: [u64; 4], ahead: &[u16], more: impl FnOnce(&mut ChoiceTally)) -> Proposal {
    let mut tally = tally(0, 0, 300_000, true);
    tally.total_weight = "1500000".to_owned();
    let mut choice = ChoiceTally { ahead: ahead.to_vec(), ..choice_tally(system, 1_200_000) };
    more(&mut choice);
    tally.choice = Some(choice);
    let mut proposal = proposal(4, "Where to meet", "text", ProposalState::Passed, Some(tally));
    proposal.vote.system = system;
    let labels = ["Lake", "Booth", "Hill", "none of these"];
    let option = |(label, sum): (&str, u64)| ProposalOption {
        label: label.to_owned(),
        sum: Some(sum.to_string()),
        sum_at_close: None,
        won: label == "Booth",
    };
    proposal.vote.options = labels.into_iter().zip(sums).map(option).collect();
    proposal
}

fn weights(all: &[(u16, u64)]) -> Vec<OptionWeight> {
    all.iter().map(|(option, weight)| OptionWeight { option: *option, weight: weight.to_string() }).collect()
}

/// Three falls with 300,000, of which 200,000 go to two and 100,000 to nobody.
fn run_off() -> Proposal {
    choice(System::InstantRunoff, [500_000, 400_000, 300_000, 0], &[2], |choice| {
        choice.rounds = vec![
            RunOffRound {
                standing: weights(&[(1, 500_000), (2, 400_000), (3, 300_000), (NONE, 0)]),
                exhausted: "0".to_owned(),
                fallen: vec![3, NONE],
                transfers: weights(&[(2, 200_000)]),
            },
            RunOffRound {
                standing: weights(&[(1, 500_000), (2, 600_000)]),
                exhausted: "100000".to_owned(),
                fallen: Vec::new(),
                transfers: Vec::new(),
            },
        ];
    })
}

fn score() -> Proposal {
    choice(System::Score { max: 5 }, [2_500_000, 3_500_000, 0, 0], &[2], |choice| {
        choice.means = ["2.08", "2.91", "0.00", "0.00"].map(str::to_owned).into();
    })
}

fn schulze() -> Proposal {
    let matrix = |rows: [[u64; 3]; 3]| rows.map(|row| row.map(|n| n.to_string()).to_vec()).to_vec();
    let mut proposal = choice(System::Schulze, [1, 2, 0, 0], &[2], |choice| {
        choice.pairs = matrix([[0, 500_000, 1_200_000], [700_000, 0, 1_200_000], [0, 0, 0]]);
        choice.strengths = matrix([[0, 0, 1_200_000], [700_000, 0, 1_200_000], [0, 0, 0]]);
    });
    proposal.vote.options.remove(2);
    proposal
}

fn shown(proposal: &Proposal) -> String {
    let outcome = althing(Stage::running().showing(proposal.clone()), "proposal show 949f", "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome.out
}

#[test]
fn a_command_tells_each_system_in_its_own_terms() {
    let table: [(Proposal, &[&str], &[&str]); 3] = [
        (
            score(),
            &[
                "Booth          3,500,000 points, mean 2.91",
                "2,500,000 points, mean 2.08",
                "cast     1,200,000  80.0 % of the roll",
            ],
            &["\n  yes", "233.3 %", "100.0 %"],
        ),
        (
            run_off(),
            &[
                "400,000 in first places",
                "round 1: 1 has 500,000, 2 has 400,000, 3 has 300,000, none has 0; out: 3, none, 200,000 to 2, 100,000 to nobody",
                "round 2: 1 has 500,000, 2 has 600,000, 100,000 exhausted; 2 has more than half",
            ],
            &["\n  yes"],
        ),
        (
            schulze(),
            &[
                "2 pairs won",
                "1 pair won",
                "2 beats 1: 700,000 to 500,000; strongest paths 700,000 to 0",
                "2 beats none: 1,200,000 to 0; strongest paths 1,200,000 to 0",
            ],
            &["\n  yes"],
        ),
    ];
    for (proposal, said, unsaid) in table {
        let out = shown(&proposal);
        for words in said {
            assert!(out.contains(words), "{:?} does not say {words:?}:\n{out}", proposal.vote.system);
        }
        for words in unsaid {
            assert!(!out.contains(words), "{:?} says {words:?}:\n{out}", proposal.vote.system);
        }
    }
}

#[test]
fn lists_say_who_is_ahead_and_by_what() {
    let table = [
        (score(), "2: mean 2.91"),
        (run_off(), "2: round 2"),
        (schulze(), "2: beats 2 of 2"),
        (choice(System::Approval, [500_000, 900_000, 0, 0], &[2], |_| ()), "2: 60.0 %"),
        (choice(System::Split, [500_000, 500_000, 0, 0], &[1, 2], |_| ()), "1, 2: level"),
        (choice(System::Approval, [0; 4], &[], |choice| choice.cast = "0".to_owned()), "–: no votes"),
    ];
    for (proposal, words) in table {
        let listed = Reply::Proposals { proposals: vec![proposal.clone()] };
        let outcome = althing(Stage::running().answer(Ok(listed)), "proposals", "");
        assert!(outcome.out.contains(&format!("ahead {words}")), "{words}: {}", outcome.out);
        let mut snapshot = snapshot();
        snapshot.proposals = vec![proposal];
        let mut member = AtTheKeyboard::seeing(snapshot);
        member.size = (120, 40);
        let text = member.press("2").text();
        assert!(text.contains(words), "{words}:\n{text}");
    }
}

#[test]
fn screens_tell_rounds_and_means() {
    let table: [(Proposal, &[&str]); 3] = [
        (score(), &["mean 2.91", "80.0 % of the roll voted, 20.0 % abstained"]),
        (run_off(), &["round 2: 1 has 500,000", "100,000 to nobody", "33.3 %"]),
        (schulze(), &["2 beats 1: 700,000 to 500,000", "80.0 % of the roll voted"]),
    ];
    for (proposal, said) in table {
        let mut snapshot = snapshot();
        snapshot.proposals = vec![proposal.clone()];
        let mut member = AtTheKeyboard::seeing(snapshot);
        member.size = (160, 60);
        let text = member.press("2<enter>").text();
        for words in said {
            assert!(text.contains(words), "{:?} does not say {words:?}:\n{text}", proposal.vote.system);
        }
    }
}

/// L-18: beside bars of weight as a bar, beside others in words.
#[test]
fn who_stands_aside_is_told_of_choices() {
    let in_words = ["10.0 % abstained, 8.0 %", "stands aside"];
    for (mut proposal, said) in [(score(), in_words), (run_off(), ["aside", "120,000 8.0 %"])] {
        let tally = proposal.tally.as_mut().unwrap();
        (tally.abstain, tally.standing) = ("150000".to_owned(), "120000".to_owned());
        let mut snapshot = snapshot();
        snapshot.proposals = vec![proposal.clone()];
        let mut member = AtTheKeyboard::seeing(snapshot);
        member.size = (160, 60);
        let text = member.press("2<enter>").text();
        let once = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.iter().all(|words| once.contains(words)), "{text}");
        assert!(shown(&proposal).contains("  aside"), "{}", shown(&proposal));
    }
}

/// Of a choice took part whoever cast a ballot or abstained; points and first places are no weight.
#[test]
fn home_draws_the_turnout_of_choices_as_of_questions() {
    let table = [
        (score(), "last 100.0 %"),
        (run_off(), "last 100.0 %"),
        (schulze(), "last 100.0 %"),
        (
            choice(System::Approval, [500_000, 900_000, 0, 0], &[2], |choice| choice.cast = "450000".to_owned()),
            "last 50.0 %",
        ),
    ];
    for (proposal, last) in table {
        let system = proposal.vote.system;
        let mut question = crate::dao::proposal(2, "Paint the boat", "text", ProposalState::Passed, None);
        let mut sums = tally(300_000, 75_000, 0, true);
        sums.total_weight = "1500000".to_owned();
        question.tally = Some(sums);
        let mut snapshot = snapshot();
        snapshot.proposals = vec![proposal, question];
        let text = AtTheKeyboard::seeing(snapshot).text();
        let line = text.lines().find(|line| line.contains("turnout")).unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(last), "{system:?}: {line}");
        // The oldest stands left: a quarter of the roll before it.
        let bars: String = line.chars().skip_while(|c| *c != 't').skip(8).take(2).collect();
        let second = if last.contains("100") { '█' } else { '▄' };
        assert_eq!(bars, format!("▂{second}"), "{system:?}: {line}");
    }
}

/// Of an optimistic vote neither quorum nor majority says anything: its one mark is the part of all weight that is against (V-25).
#[test]
fn an_optimistic_vote_is_told_by_what_is_against() {
    let mut seen = snapshot();
    let proposal = &mut seen.proposals[1];
    proposal.vote.system = System::Optimistic;
    proposal.vote.marks = Marks { oppose_bp: Some(1_500), ..Marks::default() };
    let tally = proposal.tally.as_mut().unwrap();
    (tally.yes, tally.no, tally.total_weight) = ("0".to_owned(), "100000".to_owned(), "1000000".to_owned());
    let proposal = proposal.clone();
    let words = "no is 10.0 % of all weight; from 15.00 % on it fails";
    assert!(shown(&proposal).contains(words), "{}", shown(&proposal));
    let mut member = AtTheKeyboard::seeing(seen);
    member.size = (120, 40);
    let text = member.press("2j<enter>").text();
    assert!(text.contains("no is 10.0 % of all weight; from 15.00 % on") && !text.contains("yes is"), "{text}");
}
