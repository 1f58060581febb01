//! Hazard: a decision of several bodies of which only the members' part is seen, vetoes that nobody can see rise, or a ballot asked for
//! that decides nothing (G-45, V-24, N-130).

use althing_node::api::*;
use althing_tui::app::{Need, needs};
use althing_tui::theme::Theme;
use althing_tui::widget::tally_lines;

use crate::dao::{AtTheKeyboard, proposal, snapshot, tally};
use crate::stage::{Stage, althing};

fn body(body: Body, voters: u64, i_am_one: bool, [yes, no]: [u64; 2], outcome: &str) -> BodyTally {
    let sums = Tally { total_weight: voters.to_string(), ballots: yes + no, ..tally(yes, no, 0, false) };
    BodyTally { body, voters, i_am_one, tally: sums, outcome: Some(outcome.to_owned()) }
}

/// What the treasurers decide alone.
fn pause() -> Proposal {
    let treasurers = body(Body::Treasurers, 3, false, [1, 1], "tied");
    let mut pause = proposal(4, "Wait", "pause", ProposalState::Voting, Some(treasurers.tally.clone()));
    pause.vote.bodies = vec![treasurers];
    pause.vote.treasurers = Some(TreasurersVote { of: 3, voted: 2, i_am_one: false, my_ballot: None });
    pause
}

fn vetoes(is_reached: bool) -> Proposal {
    let mut sums = tally(600_000, 400_000, 0, false);
    let weight = if is_reached { "350000" } else { "300000" };
    sums.veto = Some(VetoTally { weight: weight.to_owned(), cast: "1000000".to_owned(), needed_bp: 3334, is_reached });
    let mut vetoes = proposal(4, "A wall", "text", ProposalState::Voting, Some(sums));
    vetoes.vote.system = System::YesNoVeto;
    vetoes
}

/// What is left out of a quorum while a vote is open is told beside it, and the mark stands where the rest asks for it (N-205).
#[test]
fn who_is_silent_for_long_is_left_out_of_an_open_quorum() {
    let sums = Tally { dormant_weight: Some("1500000".to_owned()), ..tally(600_000, 0, 0, false) };
    let mut quiet = proposal(4, "A wall", "text", ProposalState::Voting, Some(sums));
    quiet.vote.marks = Marks { quorum_bp: Some(5000), quorum_of_yes: true, ..Marks::default() };
    let told = "of the roll 1,500,000 is left out here: its members were silent for long (G-46)";
    assert!(shown(quiet.clone()).contains(told), "{}", shown(quiet));
    assert!(on_screen(quiet.clone()).contains("silent for long (G-46)"), "{}", on_screen(quiet));
    let awake = proposal(4, "A wall", "text", ProposalState::Voting, Some(tally(600_000, 0, 0, false)));
    assert!(!shown(awake.clone()).contains("G-46"), "{}", shown(awake));
    let of = |dormant: Option<&str>| {
        let sums =
            Tally { dormant_weight: dormant.map(str::to_owned), standing: "9".to_owned(), ..tally(0, 0, 0, false) };
        althing_tui::sums::quorum_of(&sums, true)
    };
    assert_eq!([of(None), of(Some("1500000")), of(Some("no number"))], [Some(2_500_000), Some(1_000_000), None]);
}

/// L-18: who stands aside has a row of their own and is neither silent nor in what the quorum is measured by. Where nobody does,
/// nothing is said.
#[test]
fn who_stands_aside_is_told_apart() {
    let sums = Tally { standing: "1500000".to_owned(), ..tally(300_000, 100_000, 50_000, false) };
    let of = |of_yes: bool| althing_tui::sums::quorum_of(&sums, of_yes);
    assert_eq!([of(false), of(true)], [Some(1_000_000), Some(2_500_000)]);
    let question = proposal(4, "A wall", "text", ProposalState::Voting, Some(sums.clone()));
    let text = words(&shown(question.clone()));
    assert!(text.contains("aside 1,500,000 60.0 % of the roll"), "{text}");
    let screen = on_screen(question.clone());
    // Of the 1,000,000 that are left, 30 % are asked for; 350,000 took part by yes and abstain.
    for said in ["1,500,000 60.0 %", "550,000 22.0 %"] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    let mark = |proposal: &Proposal| {
        let lines = tally_lines(proposal, 80, &Theme::dark());
        let row = lines.iter().map(ToString::to_string).find(|line| line.starts_with("quorum")).unwrap();
        row.chars().position(|c| c == '┃' || c == '│' || c == '|').unwrap_or_else(|| panic!("{row}"))
    };
    let awake = proposal(4, "A wall", "text", ProposalState::Voting, Some(tally(300_000, 100_000, 50_000, false)));
    assert!(mark(&question) < mark(&awake), "the mark stands where the rest asks for it");
    let told = body(Body::Members, 5, true, [4, 0], "passed");
    let one = BodyTally { tally: Tally { standing: "1500".to_owned(), ..told.tally.clone() }, ..told.clone() };
    assert!(althing_tui::sums::body(&one).contains(", 1,500 stands aside;"), "{}", althing_tui::sums::body(&one));
    for said in [shown(awake.clone()), on_screen(awake), althing_tui::sums::body(&told)] {
        assert!(!said.contains("aside"), "{said}");
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shown(proposal: Proposal) -> String {
    let outcome = althing(Stage::running().showing(proposal), "proposal show 949f", "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome.out
}

/// On the screen, without the frames and with single blanks.
fn on_screen(proposal: Proposal) -> String {
    let mut seen = snapshot();
    seen.proposals = vec![proposal];
    let mut member = AtTheKeyboard::seeing(seen);
    member.size = (140, 50);
    let text = member.press("2<enter>").text();
    text.replace(['│', '┃'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A question of the members alone that stakes have left since it passed.
fn left_behind() -> Proposal {
    let again = Tally { total_weight: "900".to_owned(), ..tally(200, 400, 0, true) };
    let closed = Tally { total_weight: "1200".to_owned(), ..tally(500, 400, 0, true) };
    let at_close =
        BodyTally { body: Body::Members, voters: 5, i_am_one: true, tally: closed, outcome: Some("passed".to_owned()) };
    let mut left = proposal(4, "A quay", "text", ProposalState::Rejected, Some(again));
    left.vote.at_close = vec![at_close];
    left
}

#[test]
fn sums_counted_again_are_told_with_those_of_the_close() {
    let (text, screen) = (shown(left_behind()), on_screen(left_behind()));
    let once = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    // The screen breaks lines behind these.
    let counted = "final sums, counted again with the stakes still";
    let close = "at the close: members: yes 500, no 400, abstain 0,";
    for said in [once(&text), screen] {
        assert!(said.contains(counted) && said.contains(close), "{said}");
    }
    assert!(once(&text).contains("yes 200 22.2 % of the roll"), "{text}");
    let mut choice = left_behind();
    let option = |label: &str, [sum, sum_at_close]: [u32; 2]| ProposalOption {
        label: label.to_owned(),
        sum: Some(sum.to_string()),
        sum_at_close: Some(sum_at_close.to_string()),
        won: false,
    };
    choice.vote.options = vec![option("Stone", [200, 500]), option("none of these", [400, 400])];
    let tally = choice.tally.as_mut().unwrap();
    tally.choice = Some(ChoiceTally {
        measure: Measure::Weight,
        cast: "600".to_owned(),
        ahead: vec![1],
        means: Vec::new(),
        rounds: Vec::new(),
        pairs: Vec::new(),
        strengths: Vec::new(),
    });
    let text = once(&shown(choice));
    assert!(text.contains("at the close, by option: 1 500 weight, none 400 weight"), "{text}");
    let mut close_only = left_behind();
    close_only.vote.at_close.clear();
    assert!(!shown(close_only).contains("close:"), "nothing was counted again");
}

#[test]
fn each_body_is_told_with_its_sums_and_what_it_says() {
    let mut both = pause();
    both.vote.bodies.insert(0, body(Body::Members, 5, true, [4, 0], "passed"));
    both.tally = Some(both.vote.bodies[0].tally.clone());
    for (proposal, said) in [
        (
            pause(),
            vec![
                "of the treasurers, 2 ballots",
                "the treasurers alone decide",
                "treasurers: yes 1, no 1, abstain 0, of 3; 2 of 3 voted; so far: tied",
            ],
        ),
        (
            both,
            vec![
                "of the members, 4 ballots",
                "the members and the treasurers decide, each by itself",
                "members: yes 4, no 0, abstain 0, of 5; 4 of 5 voted; so far: passed",
                "treasurers: yes 1, no 1",
            ],
        ),
    ] {
        let out = shown(proposal.clone());
        for words in &said {
            assert!(out.contains(words), "{words}:\n{out}");
        }
        let screen = on_screen(proposal);
        for words in &said[1..] {
            // A line is broken where the column ends.
            let begin = words.split(", ").next().unwrap();
            assert!(screen.contains(begin), "{begin}:\n{screen}");
        }
    }
}

#[test]
fn vetoes_are_shown_with_the_share_that_stops() {
    for (is_reached, words) in [
        (false, "30.0 % of the 1,000,000 cast yes or no; from 33.34 % on it is vetoed: not reached"),
        (true, "35.0 % of the 1,000,000 cast yes or no; from 33.34 % on it is vetoed: reached"),
    ] {
        let out = shown(vetoes(is_reached));
        assert!(out.contains(&format!("part of the no, {words}")), "{out}");
        let screen = on_screen(vetoes(is_reached));
        assert!(screen.contains("of the 1,000,000 cast") && screen.contains("veto is 3"), "{screen}");
    }
    assert!(
        !shown(proposal(4, "A fence", "text", ProposalState::Voting, Some(tally(1, 1, 0, false)))).contains("veto")
    );
}

#[test]
fn nobody_is_asked_for_a_ballot_that_decides_nothing() {
    let mut seen = snapshot();
    seen.proposals = vec![pause()];
    let asked: Vec<Need> =
        needs(&seen, &[], None, &[]).into_iter().filter(|need| need.text.starts_with("Vote")).collect();
    assert!(asked.is_empty(), "{asked:?}");
    let mut member = AtTheKeyboard::seeing(seen.clone());
    let text = member.press("2v").text();
    assert!(text.contains("the treasurers alone decide") && text.contains("N-130"), "{text}");
    assert!(member.app.popups.is_empty());
    seen.proposals[0].vote.bodies[0].body = Body::Founders;
    seen.proposals[0].vote.bodies[0].i_am_one = true;
    let asked = needs(&seen, &[], None, &[]).into_iter().filter(|need| need.text.starts_with("Vote")).count();
    assert_eq!(asked, 1, "a founder has a say");
}

/// N-131: what is refused for good is not to be paid for first.
#[test]
fn a_deposit_is_asked_for_only_where_it_is_what_lacks() {
    let refused =
        |rule: &str| Refused { rule: rule.to_owned(), message: format!("{rule}: no"), transient: rule == "G-96" };
    for (rule, asks) in [("G-96", true), ("G-88", false), ("R-23", false)] {
        let stage = Stage::running().refusing(Some(refused(rule)));
        let outcome = althing(stage, "propose text --title Dear --check", "");
        assert_eq!(outcome.out.contains("deposit hold"), asks, "{rule}: {outcome:?}");
        assert!(outcome.out.contains(&format!("{rule}: no")), "{outcome:?}");
    }
}
