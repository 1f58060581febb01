//! Hazard: a ballot that says something else than what was filled in.

use althing_node::api::{
    BallotPath, Choice, DelegatedVote, Delegations, Marks, NONE, Proposal, ProposalOption, Reply, Request, System,
    VetoTally,
};
use althing_tui::app::{Action, Choose, Popup, Purpose, Report};

use crate::dao::{AtTheKeyboard, ballot, choice_tally, delegations, proposal, snapshot};

/// A proposal on which is voted by a system, with three options where there are any.
fn about(system: System) -> Proposal {
    let mut proposal = proposal(4, "Where to meet", "text", althing_node::api::ProposalState::Voting, None);
    proposal.vote.system = system;
    if system.has_options() {
        let option =
            |label: &str| ProposalOption { label: label.to_owned(), sum: None, sum_at_close: None, won: false };
        proposal.vote.options = ["Lake", "Booth", "Hill", "none of these"].map(option).into();
    }
    proposal
}

fn filled(system: System, fill: impl Fn(&mut Choose)) -> Choice {
    let mut choose = Choose::new(&about(system));
    fill(&mut choose);
    choose.choice()
}

#[test]
fn each_system_is_filled_in_its_own_way() {
    assert_eq!(filled(System::YesNoVeto, |c| (0..3).for_each(|_| c.down())), Choice::Veto);
    assert_eq!(filled(System::SingleChoice, |c| c.down()), Choice::Pick(2));
    assert_eq!(filled(System::SingleChoice, |c| c.go(3)), Choice::Pick(NONE));
    assert_eq!(filled(System::SingleChoice, |c| c.go(4)), Choice::Abstain);
    let approve = |c: &mut Choose| {
        c.mark();
        c.go(2);
        c.mark();
    };
    assert_eq!(filled(System::Approval, approve), Choice::Approve(vec![1, 3]));
    let score = |c: &mut Choose| {
        c.go(1);
        (0..9).for_each(|_| c.change(true));
        c.change(false);
    };
    assert_eq!(filled(System::Score { max: 5 }, score), Choice::Score(vec![(2, 4)]));
    let split = |c: &mut Choose| {
        (0..12).for_each(|_| c.change(true));
        c.go(3);
        (0..8).for_each(|_| c.change(true));
    };
    assert_eq!(filled(System::Split, split), Choice::Split(vec![(1, 6000), (NONE, 4000)]));
    let buy = |c: &mut Choose| (0..9).for_each(|_| c.change(true));
    assert_eq!(filled(System::Quadratic { credits: 10 }, buy), Choice::Credits(vec![(1, 3)]));
}

#[test]
fn the_rows_of_a_ranking_are_moved() {
    for system in [System::InstantRunoff, System::Schulze] {
        let rank = |c: &mut Choose| {
            // Hill, then Lake: each rises above what is not ranked; Lake stays there when lowered, and then passes Hill.
            c.go(2);
            c.mark();
            c.go(1);
            c.mark();
            c.shift(false);
            c.shift(true);
        };
        assert_eq!(filled(system, rank), Choice::Rank(vec![1, 3]), "{}", system.name());
    }
    let raised = filled(System::Schulze, |c| {
        c.mark();
        c.go(1);
        c.mark();
        c.shift(true);
    });
    assert_eq!(raised, Choice::Rank(vec![2, 1]));
}

#[test]
fn the_ballot_cast_before_is_taken_up_again() {
    let table = [
        (System::YesNoAbstain, Choice::No),
        (System::SingleChoice, Choice::Pick(3)),
        (System::SingleChoice, Choice::Abstain),
        (System::Approval, Choice::Approve(vec![2, 3])),
        (System::Score { max: 5 }, Choice::Score(vec![(1, 2), (3, 5)])),
        (System::Schulze, Choice::Rank(vec![3, NONE, 1])),
        (System::Split, Choice::Split(vec![(1, 2500), (2, 7500)])),
        (System::Quadratic { credits: 20 }, Choice::Credits(vec![(2, 4)])),
    ];
    for (system, choice) in table {
        let mut proposal = about(system);
        proposal.my_ballot = Some(ballot(4, "Where to meet", choice.clone(), BallotPath::Stored));
        assert_eq!(Choose::new(&proposal).choice(), choice, "{}", system.name());
    }
}

/// In the words of the command line (N-426).
const NOTHING_NAMED: &str =
    "This is no ballot yet: V-3: no option is named; `abstain` is for a ballot without a choice.";

/// N-426: nothing is chosen before the member chose it, and an abstention that was thought better of does not come back.
#[test]
fn an_editor_opened_fresh_has_nothing_marked() {
    for system in [System::YesNoAbstain, System::YesNoVeto, System::Optimistic, System::SingleChoice, System::Approval]
    {
        let choose = Choose::new(&about(system));
        let signs: Vec<String> = (0..choose.labels.len()).map(|row| choose.sign(row)).collect();
        assert!(signs.iter().all(|sign| !sign.contains(['•', 'x'])), "{}: {signs:?}", system.name());
        assert!(choose.unfinished().is_some(), "{}", system.name());
    }
    let mut choose = Choose::new(&about(System::Approval));
    for row in [4, 0, 0] {
        choose.go(row);
        choose.mark();
    }
    assert!(!choose.abstains() && choose.unfinished().is_some());
    let said = crate::stage::althing(crate::stage::Stage::running(), "vote 4 --approve ,", "");
    assert!(said.code == 1 && NOTHING_NAMED.contains(said.err.trim().trim_start_matches("error: ")), "{}", said.err);
}

/// N-211: what no ballot can be opens no review, which would show nothing but a refusal.
#[test]
fn an_editor_says_what_is_missing_before_the_review() {
    let mut seen = snapshot();
    let mut foot = |system: System, keys: &str| {
        seen.proposals[1].vote = about(system).vote;
        let mut member = AtTheKeyboard::seeing(seen.clone());
        member.size = (120, 40);
        let text = member.press(&format!("2jv{keys}<enter>")).text();
        (text, matches!(member.app.popups.last(), Some(Popup::Choose(_))))
    };
    for (system, keys, words) in [
        (System::Split, "", NOTHING_NAMED),
        (System::Approval, "", NOTHING_NAMED),
        (System::Approval, "  ", NOTHING_NAMED),
        (System::Score { max: 5 }, "", NOTHING_NAMED),
        (System::Score { max: 5 }, "0<backspace>", NOTHING_NAMED),
        (System::Quadratic { credits: 10 }, "0z", NOTHING_NAMED),
        (System::InstantRunoff, "", NOTHING_NAMED),
        (System::Schulze, "  ", NOTHING_NAMED),
        (System::Quadratic { credits: 10 }, "", NOTHING_NAMED),
        (
            System::YesNoAbstain,
            "",
            "This is no ballot yet: nothing is chosen; y, n or a chooses, or space chooses the line",
        ),
        (System::YesNoVeto, "", "This is no ballot yet: nothing is chosen;"),
        (System::Optimistic, "", "This is no ballot yet: nothing is chosen;"),
        (System::SingleChoice, "", "This is no ballot yet: nothing is chosen; space chooses the line"),
        (System::Split, "++", "This is no ballot yet: 1,000 of 10,000 parts; space gives the other 9,000."),
        (System::Split, "++j+ +", "This is no ballot yet: 10,500 of 10,000 parts given: 500 too many."),
        (System::Quadratic { credits: 10 }, "+++j++", "This is no ballot yet: costs 13 of 10 credits: 3 too many."),
    ] {
        let (text, is_in_editor) = foot(system, keys);
        assert!(is_in_editor && text.contains(words), "{keys}: {text}");
    }
    for (system, keys) in [
        (System::Split, " "),
        (System::Score { max: 5 }, "0"),
        (System::Score { max: 5 }, "j-"),
        (System::Quadratic { credits: 10 }, "+++j+"),
        (System::Split, "jjj "),
        (System::Approval, "jjjj "),
        (System::YesNoAbstain, " "),
        (System::SingleChoice, " "),
        (System::SingleChoice, "jk"),
    ] {
        assert!(!foot(system, keys).1, "{system:?} {keys}");
    }
}

#[test]
fn the_page_shows_marks_ranks_and_the_live_sum() {
    let mut seen = snapshot();
    seen.proposals[1].vote = about(System::Split).vote;
    let mut member = AtTheKeyboard::seeing(seen.clone());
    let text = member.press("2jv++j+").text();
    assert!(text.contains("1,500 of 10,000 parts; space gives the other 8,500"), "{text}");
    assert!(text.contains("Booth") && text.contains("none of these") && text.contains("abstain"), "{text}");
    // A split is made whole by one key, and the foot names no key that does nothing here.
    let text = member.press(" ").text();
    assert!(text.contains("10,000 of 10,000 parts given") && text.contains(" 9,000    2"), "{text}");
    let text = member.press("+").text();
    assert!(text.contains("10,500 of 10,000 parts given: 500 too many"), "{text}");
    let foot = |system: System| {
        let mut seen = seen.clone();
        seen.proposals[1].vote = about(system).vote;
        let text = AtTheKeyboard::seeing(seen).press("2jv").text();
        text.trim_end().lines().last().unwrap().to_owned()
    };
    for (system, marks, gives) in [
        (System::Approval, true, false),
        (System::Split, true, true),
        (System::Score { max: 5 }, false, true),
        (System::Quadratic { credits: 9 }, false, true),
    ] {
        let foot = foot(system);
        assert_eq!((foot.contains("space mark"), foot.contains("+ more")), (marks, gives), "{foot}");
    }

    seen.proposals[1].vote = about(System::Schulze).vote;
    let mut member = AtTheKeyboard::seeing(seen);
    let text = member.press("2jvjj ").text();
    assert!(text.contains(" 1.    3  Hill"), "{text}");
}

/// Every system by the keyboard, from the proposal to the order, and how its editor looks on the way.
#[test]
fn every_editor_as_it_looks_and_what_it_casts() {
    let table = [
        ("yes_no_abstain", System::YesNoAbstain, "n", Choice::No),
        ("yes_no_veto", System::YesNoVeto, "v", Choice::Veto),
        ("optimistic", System::Optimistic, "n", Choice::No),
        ("single_choice", System::SingleChoice, "jj", Choice::Pick(3)),
        ("approval", System::Approval, " jj ", Choice::Approve(vec![1, 3])),
        ("score", System::Score { max: 5 }, "+++j+++++", Choice::Score(vec![(1, 3), (2, 5)])),
        ("instant_runoff", System::InstantRunoff, "j jj ", Choice::Rank(vec![2, 3])),
        ("schulze", System::Schulze, "j jj K", Choice::Rank(vec![3, 2])),
        ("split", System::Split, "++++++++++++j++++++++", Choice::Split(vec![(1, 6000), (2, 4000)])),
        ("quadratic", System::Quadratic { credits: 100 }, "+++++jj++", Choice::Credits(vec![(1, 5), (3, 2)])),
    ];
    for (name, system, keys, choice) in table {
        let mut seen = snapshot();
        seen.proposals[1].vote = about(system).vote;
        if let Some(tally) = seen.proposals[1].tally.as_mut().filter(|_| system.has_options()) {
            tally.choice = Some(choice_tally(system, 1_450_000));
        }
        // What stops it is told where a majority is not all that it takes.
        let stops = match system {
            System::YesNoVeto => {
                let (weight, cast) = ("100000".to_owned(), "500000".to_owned());
                let veto = VetoTally { weight, cast, needed_bp: 3_333, is_reached: false };
                seen.proposals[1].tally.as_mut().unwrap().veto = Some(veto);
                "veto is 20.0 % of yes and no; from 33.33 % on it stops"
            }
            System::Optimistic => {
                seen.proposals[1].vote.marks = Marks { oppose_bp: Some(1_500), ..Marks::default() };
                "of all weight; from 15.00 % on it fails"
            }
            _ => "",
        };
        let mut member = AtTheKeyboard::seeing(seen);
        // Opened first: the page then knows where the weight goes.
        let text = member.press("2j<enter>v").press(keys).text();
        assert!(text.contains("your own ballot goes before your delegation"), "{name}\n{text}");
        assert!(text.contains(stops), "{name}\n{text}");
        insta::assert_snapshot!(format!("editor_{name}"), text);
        member.press("<enter>");
        let asked = member.script.asked.lock().unwrap().clone();
        let reviewed = asked.iter().rev().find_map(|request| match request {
            althing_node::api::Request::BallotReview { choice, .. } => Some(choice.clone()),
            _ => None,
        });
        assert_eq!(reviewed, Some(choice), "{name}");
    }
}

/// Keys for yes, no and abstain are none for options: `n` marked the second one, whatever it said.
#[test]
fn keys_of_words_are_for_these_words_only() {
    let said = |system: System, keys: &str| {
        let mut member = AtTheKeyboard::seeing(snapshot());
        member.app.popups.push(Popup::Choose(Box::new(Choose::new(&about(system)))));
        member.press(keys);
        match member.app.popups.last() {
            Some(Popup::Choose(choose)) => choose.choice(),
            _ => panic!("no editor for {}", system.name()),
        }
    };
    for system in [System::YesNoAbstain, System::YesNoVeto] {
        assert_eq!((said(system, "n"), said(system, "a")), (Choice::No, Choice::Abstain), "{}", system.name());
    }
    assert_eq!(said(System::YesNoVeto, "v"), Choice::Veto);
    for system in [System::YesNoAbstain, System::Optimistic] {
        assert_eq!(said(system, "yv"), Choice::Yes, "{} has no veto", system.name());
    }
    for system in [System::SingleChoice, System::Approval, System::Schulze] {
        for key in ["y", "n", "a", "v"] {
            assert_eq!(said(system, key), said(system, ""), "{key} in {}", system.name());
        }
    }
}

/// What others handed on is part of what a ballot weighs, wherever the editor was opened.
#[test]
fn from_a_list_the_editor_shows_delegated_weight_too() {
    let mut member = AtTheKeyboard::seeing(snapshot());
    let about = member.press("2jv").app.popups.last().cloned();
    let Some(Popup::Choose(choose)) = about else { panic!("no editor") };
    let asked = member.script.asked.lock().unwrap().contains(&Request::Delegations { proposal: None });
    assert!(asked, "nobody asked what it carries");
    let vote = DelegatedVote {
        proposal: choose.proposal.clone(),
        number: 4,
        title: String::new(),
        has_voted: false,
        carried: "1234567".to_owned(),
        routes: Vec::new(),
    };
    let found = Delegations { votes: vec![vote], ..delegations(false) };
    let result = Ok(Reply::Delegations(Box::new(found)));
    member.act(Action::Report(Report::Answer { purpose: Purpose::Desk, result }));
    let text = member.text();
    assert!(text.contains("carries 1,234,567, with what others delegated to you"), "{text}");
}

/// Who delegates nothing is told of no delegation.
#[test]
fn without_a_delegation_the_editor_speaks_of_none() {
    let mut member = AtTheKeyboard::seeing(snapshot());
    member.press("2jv");
    let Some(Popup::Choose(choose)) = member.app.popups.last().cloned() else { panic!("no editor") };
    let own = member.app.snapshot.as_ref().and_then(|s| s.status.member.as_ref()?.weight.clone()).unwrap();
    let vote = DelegatedVote {
        proposal: choose.proposal.clone(),
        number: 4,
        title: String::new(),
        has_voted: false,
        carried: own,
        routes: Vec::new(),
    };
    let found = Delegations { votes: vec![vote], mine: Vec::new(), ..delegations(false) };
    let result = Ok(Reply::Delegations(Box::new(found)));
    member.act(Action::Report(Report::Answer { purpose: Purpose::Desk, result }));
    let text = member.text();
    assert!(text.contains("your weight is") && !text.contains("your delegation"), "{text}");
}

/// Steps of 500 parts were all that a split could be made of; and a ballot of the least grade for everything is one (V-7).
#[test]
fn any_number_is_typed_into_a_row() {
    let cast = |system: System, keys: &str| {
        let mut seen = snapshot();
        seen.proposals[1].vote = about(system).vote;
        let mut member = AtTheKeyboard::seeing(seen);
        let text = member.press("2jv").press(keys).text();
        let Some(Popup::Choose(choose)) = member.app.popups.last() else { panic!("no editor\n{text}") };
        (choose.choice(), text)
    };
    let (split, score, buy) = (System::Split, System::Score { max: 5 }, System::Quadratic { credits: 100 });
    for (system, keys, choice) in [
        (split, "3333j3333j3334", Choice::Split(vec![(1, 3333), (2, 3333), (3, 3334)])),
        // A row that is come back to begins a new number, and so does one that has all its digits.
        (split, "12jk34", Choice::Split(vec![(1, 34)])),
        (split, "10000", Choice::Split(vec![(1, 10_000)])),
        (split, "100007", Choice::Split(vec![(1, 7)])),
        // A digit too many changes nothing; one taken back makes room.
        (split, "99999", Choice::Split(vec![(1, 9_999)])),
        (split, "9999<backspace><backspace>1", Choice::Split(vec![(1, 991)])),
        (split, "+1", Choice::Split(vec![(1, 1)])),
        (split, "12345z", Choice::Split(vec![])),
        (split, "7j ", Choice::Split(vec![(1, 7), (2, 9_993)])),
        (score, "34", Choice::Score(vec![(1, 4)])),
        (score, "9", Choice::Score(vec![])),
        (score, "0j0j0j0", Choice::Score(vec![(1, 0), (2, 0), (3, 0), (NONE, 0)])),
        (score, "0j3", Choice::Score(vec![(2, 3)])),
        (buy, "10", Choice::Credits(vec![(1, 10)])),
        (buy, "11", Choice::Credits(vec![(1, 1)])),
        // Where lines are marked, and where the reason is typed, a digit is none.
        (System::Approval, "1 ", Choice::Approve(vec![1])),
        (System::Schulze, "j3 ", Choice::Rank(vec![2])),
    ] {
        let (found, text) = cast(system, keys);
        assert_eq!(found, choice, "{keys}\n{text}");
    }
    let (_, text) = cast(split, "99999");
    assert!(text.contains("At most 10,000 here (V-4)."), "{text}");
    let (_, text) = cast(score, "9");
    assert!(text.contains("At most 5 here (V-4)."), "{text}");
    let (_, text) = cast(score, "0");
    assert!(text.contains("     0    1  Lake") && text.contains("     –    2  Booth"), "{text}");
    // Zeros alone that were cast before are what the editor begins with.
    let mut before = about(score);
    before.my_ballot = Some(ballot(4, "Where to meet", Choice::Score(Vec::new()), BallotPath::Stored));
    let choose = Choose::new(&before);
    assert!(choose.unfinished().is_none() && choose.values.iter().all(|value| *value == Some(0)));
}

/// What could be marked with the keys could not be with the mouse.
#[test]
fn a_click_marks_a_line() {
    let clicked = |system: System, at: &[&str]| {
        let mut seen = snapshot();
        seen.proposals[1].vote = about(system).vote;
        let mut member = AtTheKeyboard::seeing(seen);
        member.press("2jv");
        for text in at {
            member.click(text);
        }
        let Some(Popup::Choose(choose)) = member.app.popups.last() else { panic!("no editor") };
        (choose.choice(), choose.row)
    };
    for (system, at, choice) in [
        (System::Approval, &["Hill", "Lake"][..], Choice::Approve(vec![1, 3])),
        (System::Approval, &["Hill", "Lake", "Hill"], Choice::Approve(vec![1])),
        (System::Approval, &["Hill", "abstain"], Choice::Abstain),
        (System::Schulze, &["Hill", "Booth"], Choice::Rank(vec![3, 2])),
        // A line that is ranked is gone to; once the keyboard is on it, it is taken out.
        (System::Schulze, &["Hill", "Booth", "Hill"], Choice::Rank(vec![3, 2])),
        (System::Schulze, &["Hill", "Booth", "Hill", "Hill"], Choice::Rank(vec![2])),
        (System::SingleChoice, &["Hill"], Choice::Pick(3)),
        (System::Split, &["Hill"], Choice::Split(vec![])),
        (System::Split, &["abstain"], Choice::Abstain),
    ] {
        assert_eq!(clicked(system, at).0, choice, "{} {at:?}", system.name());
    }
    assert_eq!(clicked(System::Split, &["Hill"]).1, 2);
    assert_eq!(clicked(System::Split, &["public reason"]).1, 5);
}
