//! Every screen as it looks, at the smallest promised size and at a comfortable one.

use althing_node::api::{ApiError, Choice};
use althing_tui::app::{Action, Report, Screen};
use althing_tui::theme::Theme;
use ratatui::style::Color;

use crate::dao::{AtTheKeyboard, ballot_review, snapshot, text_of};

/// A screen by its name.
fn screen(name: &str) -> AtTheKeyboard {
    let member = AtTheKeyboard::new();
    let mut member = match name {
        "home" => member,
        "proposals" | "proposal" | "voted" | "filter" | "choose" | "review" | "propose" => member.go(Screen::Proposals),
        "ballots" => member.go(Screen::Ballots),
        "chain" => member.go(Screen::Chain),
        "members" => member.go(Screen::Members),
        "stake" => member.go(Screen::Stake),
        "help" => member,
        other => panic!("no screen is called {other}"),
    };
    member.press(match name {
        "proposal" => "j<enter>",
        "voted" => "jj<enter>",
        "filter" => "/spend disks",
        "choose" => "jvj<down><down>because",
        "review" => "jv<enter>vo",
        "propose" => "nA title<tab>Some text",
        "help" => "?",
        _ => "",
    });
    member
}

const SCREENS: [&str; 13] = [
    "home",
    "proposals",
    "proposal",
    "voted",
    "filter",
    "choose",
    "review",
    "propose",
    "ballots",
    "chain",
    "members",
    "stake",
    "help",
];

#[test]
fn every_screen_at_both_sizes() {
    for name in SCREENS {
        for size in [(80, 24), (120, 40)] {
            let mut member = screen(name);
            member.size = size;
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), member.text());
        }
    }
}

#[test]
fn one_column_when_narrow() {
    let mut member = screen("proposal");
    member.size = (60, 24);
    insta::assert_snapshot!(member.text());
}

#[test]
fn mono_has_no_colour_and_the_same_words() {
    for name in SCREENS {
        let mut member = screen(name);
        let coloured = member.draw(Theme::dark());
        let mono = member.draw(Theme::choose(Default::default(), true));
        assert_eq!(text_of(&coloured), text_of(&mono), "{name}");
        for cell in &mono.content {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{name}");
        }
        let light = member.draw(Theme::light());
        assert_eq!(text_of(&coloured), text_of(&light), "{name}");
    }
}

#[test]
fn before_the_first_snapshot() {
    let mut member = AtTheKeyboard::before_the_first_snapshot();
    let text = member.text();
    assert!(text.contains("Loading what this node has verified"), "{text}");
    assert!(text.contains("nothing verified on this machine yet"), "{text}");
}

#[test]
fn trouble_is_said_and_goes_away() {
    let mut member = AtTheKeyboard::new();
    member
        .act(Action::Report(Report::NoSnapshot(ApiError::ours("bitcoind at 127.0.0.1:18443 refused the connection"))));
    let text = member.text();
    assert!(text.contains("✗ not current: bitcoind at 127.0.0.1:18443 refused the connection"), "{text}");
    member.act(Action::Report(Report::Snapshot(Box::new(snapshot()))));
    assert!(!member.text().contains("not current"));
}

#[test]
fn alarms_come_first_and_the_hub_is_missed() {
    let mut seen = snapshot();
    seen.status.alarms = vec!["Two signed heads of height 1,210 differ.".to_owned()];
    seen.status.hub_connected = false;
    seen.status.head_height = Some(1_200);
    let text = AtTheKeyboard::seeing(seen).text();
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} in\n{text}"));
    assert!(place("Two signed heads") < place("Vote on #4"));
    assert!(place("The hub cannot be reached") < place("Vote on #4"));
    assert!(place("is 12 blocks old") < place("Vote on #4"));
}

#[test]
fn an_empty_dao_says_what_to_do() {
    let mut seen = snapshot();
    (seen.proposals, seen.links, seen.ballots, seen.members, seen.stakes) = Default::default();
    seen.status.member = None;
    let mut member = AtTheKeyboard::seeing(seen);
    assert!(member.text().contains("althing stake open"));
    for (key, words) in [
        ("2", "No proposals yet"),
        ("3", "You have not voted yet"),
        ("4", "No link yet"),
        ("5", "No member has bound"),
        ("6", "No stake channel"),
    ] {
        let text = member.press(key).text();
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[test]
fn a_refused_ballot_cannot_be_typed_through() {
    let mut member = screen("choose");
    let mut effects = ballot_review();
    effects.choice = Choice::Abstain;
    effects.refusal = Some("Voting on #4 closed at height 1,200 (G-24).".to_owned());
    member.press("<enter>");
    member.act(Action::Report(Report::Answer {
        purpose: althing_tui::app::Purpose::Review,
        result: Ok(althing_node::api::Reply::BallotReview(Box::new(effects))),
    }));
    let text = member.press("vote<enter>").text();
    assert!(text.contains("✗ Voting on #4 closed at height 1,200 (G-24)."), "{text}");
    let asked = member.script.asked.lock().unwrap();
    assert!(!asked.iter().any(|r| matches!(r, althing_node::api::Request::Vote { .. })), "{asked:?}");
}

#[test]
fn a_stake_on_its_way_is_followed_until_it_counts() {
    for (state, confirmations, said) in [
        ("funding", 0, true),
        ("ready", 5, true),
        ("ready", 6, false),
        ("closing", 54, true),
        ("closed", 54, false),
        ("failed", 0, false),
    ] {
        let mut seen = snapshot();
        seen.stakes[0].state = state.to_owned();
        seen.stakes[0].confirmations = confirmations;
        let text = AtTheKeyboard::seeing(seen).text();
        assert_eq!(text.contains("Stake channel"), said, "{state} {confirmations}\n{text}");
    }
}
