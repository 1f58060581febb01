//! Everything can be reached with the keyboard, and nothing irreversible happens without the typed word.

use std::collections::HashSet;

use althing_node::api::{ApiError, BallotPath, Choice, ProposalOption, Reply, Request, System};
use althing_tui::app::{Act, Popup, Screen};
use althing_tui::keymap::{Context, KEYMAP, Keymap};
use ratatui::crossterm::event::KeyEvent;

use crate::dao::{AtTheKeyboard, ballot, discussion, id, parse_keys, snapshot};

/// Requests other than looking.
fn orders(member: &AtTheKeyboard) -> Vec<Request> {
    let asked = member.script.asked.lock().unwrap();
    asked.iter().filter(|r| !althing_tui::readonly::only_looks(r)).cloned().collect()
}

fn cast() -> Result<Reply, ApiError> {
    let path = BallotPath::Promised { anchored_by_height: 1_230 };
    Ok(Reply::Ballot(ballot(4, "Buy two disks for the archive", Choice::No, path)))
}

#[test]
fn a_vote_from_home_to_the_receipt() {
    let mut member = AtTheKeyboard::new().answer(cast());
    member.press("<enter>");
    assert_eq!(member.app.screen, Screen::Proposal);
    assert!(member.text().contains("Buy two disks for the archive"));
    member.press("vn<enter>");
    assert!(matches!(member.app.popups.last(), Some(Popup::Review(_))));
    assert_eq!(orders(&member), []);
    member.press("vote<enter>");
    let order = Request::Vote { proposal: id(4), choice: Choice::No, reason: None };
    assert_eq!(orders(&member), [order]);
    assert!(member.app.popups.is_empty());
    let text = member.text();
    assert!(text.contains("✓ Ballot cast: no; promised by 1,230. Press 3 to follow it."), "{text}");
    let blocks_later = |blocks: u32| {
        let mut later = crate::dao::snapshot();
        later.status.tip_height += blocks;
        althing_tui::app::Action::Report(althing_tui::app::Report::Snapshot(Box::new(later)))
    };
    // N-210: the next block may come at once.
    for (blocks, is_shown) in [(0, true), (1, true), (1, true), (2, false)] {
        member.act(blocks_later(blocks));
        assert_eq!(member.text().contains("Ballot cast"), is_shown, "{blocks} blocks later");
    }
}

/// The page of a ballot says what comes of it, not where the weight would go without it.
#[test]
fn a_ballot_takes_back_what_was_handed_on() {
    let mut member = AtTheKeyboard::new();
    member.size = (120, 40);
    let text = member.press("2j<enter>vn<enter>").text();
    assert!(
        text.contains("600,000 of your weight goes to Ásdís so far; with this ballot you cast it yourself."),
        "{text}"
    );
    assert!(!text.contains("1 step away"), "{text}");
}

#[test]
fn no_other_word_casts_a_ballot() {
    for word in ["", "yes", "vot", "votee", "VOTE", "no"] {
        let mut member = AtTheKeyboard::new().answer(cast());
        member.press("<enter>vy<enter>").press(word).press("<enter>");
        assert_eq!(orders(&member), [], "{word}");
        let text = member.text();
        assert!(text.contains("Type the word vote"), "{text}");
    }
}

#[test]
fn a_second_enter_does_not_cast_twice() {
    let mut member = AtTheKeyboard::new();
    member.press("<enter>vy<enter>vote");
    // The answer is still out: only the action, not what it asks for.
    for _ in 0..2 {
        let _ = althing_tui::app::update(&mut member.app, althing_tui::app::Action::Act(Act::Confirm));
    }
    let again = althing_tui::app::update(&mut member.app, althing_tui::app::Action::Act(Act::Confirm));
    assert_eq!(again, []);
}

#[test]
fn a_refusal_by_the_node_keeps_the_page_and_names_the_rule() {
    let mut member = AtTheKeyboard::new().answer(Err(ApiError::invalid("G-31", "the ballot is for a closed proposal")));
    let text = member.press("<enter>vy<enter>vote<enter>").text();
    assert!(text.contains("✗ the ballot is for a closed proposal (G-31)"), "{text}");
    assert!(matches!(member.app.popups.last(), Some(Popup::Review(_))));
}

#[test]
fn the_reason_goes_with_the_ballot() {
    // The way to the reason changes no choice, whichever it is, and the way back neither.
    for (key, choice) in [("y", Choice::Yes), ("n", Choice::No), ("a", Choice::Abstain)] {
        let mut member = AtTheKeyboard::new().answer(cast());
        member.press("2jv").press(key).press("<tab>too <up><tab>dear<enter>vote<enter>");
        let order = Request::Vote { proposal: id(4), choice, reason: Some("too dear".to_owned()) };
        assert_eq!(orders(&member), [order], "{key}");
    }
}

#[test]
fn a_comment_and_a_proposal_are_published() {
    let comment = discussion().comments[0].clone();
    let mut member =
        AtTheKeyboard::new().answer(Ok(Reply::Comment(comment))).answer(Ok(Reply::Proposal(Box::new(discussion()))));
    member.press("<enter>c<ctrl-s>");
    assert!(member.text().contains("The comment is empty."));
    member.press("Fine<enter>by me<ctrl-s>");
    let text = member.text();
    assert!(text.contains("It is public to the DAO under your name") && text.contains("│ by me"), "{text}");
    assert_eq!(orders(&member), [], "nothing goes before the word");
    member.press("comment<enter>");
    assert!(member.text().contains("✓ Published to the log."));
    member.press("2n<ctrl-s>");
    assert!(member.text().contains("The title is empty."));
    member.press("Sing more<shift-tab><tab><tab><tab><tab><tab><tab>Every day.<ctrl-s>");
    let text = member.text();
    assert!(text.contains("A proposal is public and permanent."), "{text}");
    member.press("propose<enter>");
    assert!(member.app.popups.is_empty(), "{}", member.text());
    let orders = orders(&member);
    assert_eq!(orders[0], Request::Comment { proposal: id(4), parent: None, text: "Fine\nby me".to_owned() });
    let Request::Propose { draft } = &orders[1] else { panic!("{orders:?}") };
    assert_eq!((draft.title.as_str(), draft.body.as_str()), ("Sing more", "Every day."));
    assert!(draft.effects.is_empty() && draft.options.is_empty());
}

#[test]
fn a_filter_lists_only_what_matches_and_esc_undoes_it() {
    let mut member = AtTheKeyboard::new();
    member.press("2/SPEND");
    assert_eq!(member.app.listed().len(), 2);
    member.press(" dsks<enter>");
    let titles: Vec<_> = member.app.listed().iter().map(|p| p.title.as_str()).collect();
    assert_eq!(titles, ["Buy two disks for the archive"]);
    member.press("<enter>");
    assert_eq!(member.app.open, Some(id(4)));
    member.press("<esc><esc>");
    assert_eq!((member.app.listed().len(), member.app.screen), (5, Screen::Proposals));
}

#[test]
fn the_selected_proposal_stays_selected_when_a_new_one_arrives() {
    let mut member = AtTheKeyboard::new();
    member.press("2jj");
    let before = member.app.listed()[member.app.selections.proposals].id.clone();
    let mut newer = crate::dao::snapshot();
    let mut added = newer.proposals[0].clone();
    added.id = id(77);
    newer.proposals.insert(0, added);
    member.act(althing_tui::app::Action::Report(althing_tui::app::Report::Snapshot(Box::new(newer))));
    assert_eq!(member.app.listed()[member.app.selections.proposals].id, before);
    assert_eq!(member.app.selections.proposals, 3);
}

#[test]
fn tabs_go_round_and_esc_goes_back() {
    let mut member = AtTheKeyboard::new();
    let mut seen = vec![member.app.screen];
    for _ in 0..9 {
        seen.push(member.press("<tab>").app.screen);
    }
    assert_eq!(seen, Screen::TABS);
    assert_eq!(member.press("<tab>").app.screen, Screen::Home);
    assert_eq!(member.press("<shift-tab>").app.screen, Screen::Operator);
    assert_eq!(member.press("<esc><esc>").app.screen, Screen::Operator);
}

#[test]
fn every_binding_does_what_the_help_says_where_it_says_so() {
    let mut reached = HashSet::new();
    for binding in KEYMAP {
        for key in binding.keys.iter() {
            let event = KeyEvent::new(key.0, key.1);
            assert_eq!(Keymap::default().lookup(&[binding.context], &event), Some(binding.act), "{binding:?}");
        }
        let mut member = at(binding.context);
        assert!(member.app.contexts().contains(&binding.context), "{binding:?}");
        // Nothing a key can do panics, whatever comes next.
        let event = KeyEvent::new(binding.keys[0].0, binding.keys[0].1);
        let action = althing_tui::terminal::key_action(&member.app, event).unwrap();
        member.act(action);
        member.text();
        reached.insert(binding.context);
    }
    for context in Context::ALL {
        assert!(reached.contains(&context), "no key does anything in {context:?}");
    }
}

/// The application where that context has the keyboard.
fn at(context: Context) -> AtTheKeyboard {
    let mut member = AtTheKeyboard::new();
    member.press(match context {
        Context::Always | Context::Screens | Context::List | Context::Opens => "",
        Context::Proposals => "2",
        Context::Proposal => "<enter>",
        Context::Ballots => "3",
        Context::Treasury | Context::Payments => "4",
        Context::Sessions => "4]",
        Context::Coins => "4]]]",
        Context::Channels => "5",
        Context::Members => "6",
        Context::Chain => "7",
        Context::Audit => "8",
        Context::Text => "9",
        Context::Operator => "0",
        Context::Filter => "2/",
        Context::Choose => "2jv",
        Context::Fill => return on_a_choice(System::Split),
        Context::Rank => return on_a_choice(System::Schulze),
        Context::Refused => return on_a_refusal(),
        Context::Reason => "2jva<down>",
        Context::Review => "2jvy<enter>",
        Context::Field => "2n",
        Context::File => "4i",
        Context::Codes => "4]Q",
        Context::Write => "<enter>c",
        Context::Pick => ":",
        Context::Why => "3w",
        Context::Page => "?",
    });
    member
}

/// The application with a ballot on a choice among options open.
fn on_a_choice(system: System) -> AtTheKeyboard {
    let mut snapshot = snapshot();
    let option = |label: &str| ProposalOption { label: label.to_owned(), sum: None, sum_at_close: None, won: false };
    let vote = &mut snapshot.proposals[1].vote;
    vote.system = system;
    vote.options = vec![option("Lake"), option("Booth"), option("none of these")];
    let mut member = AtTheKeyboard::seeing(snapshot);
    member.press("2jv");
    member
}

/// The review page of what is refused.
fn on_a_refusal() -> AtTheKeyboard {
    let mut member = AtTheKeyboard::new();
    member.script.refusal = Some(althing_node::api::Refused {
        rule: "G-24".to_owned(),
        message: "G-24: voting is over".to_owned(),
        transient: false,
    });
    member.press("2jvy<enter>");
    member
}

/// A review that cannot be done offers no key that does it.
#[test]
fn what_is_refused_offers_only_the_way_back() {
    let mut member = on_a_refusal();
    let text = member.text();
    assert!(text.contains("G-24: voting is over") && !text.contains("do it"), "{text}");
    member.press("vote<enter>");
    assert!(matches!(member.app.popups.last(), Some(Popup::Review(_))), "nothing is done by mistake");
    member.press("<esc>");
    assert!(matches!(member.app.popups.last(), Some(Popup::Choose(_))));
}

#[test]
fn help_leaves_the_keys_in_sight() {
    let text = AtTheKeyboard::new().press("?").text();
    let last = text.lines().last().unwrap_or_default();
    assert!(last.contains("esc close"), "{text}");
}

#[test]
fn no_key_means_two_things_in_one_place() {
    assert_eq!(Keymap::default().conflicts(), [""; 0]);
}

#[test]
fn every_act_has_a_line_of_help() {
    let mut member = AtTheKeyboard::new();
    member.size = (100, 200);
    let text = member.press("?").text();
    // A popup is at most 40 rows high: read it page by page.
    let mut pages = text;
    for _ in 0..300 {
        pages.push_str(&member.press("j").text());
    }
    for binding in KEYMAP {
        assert!(pages.contains(binding.help), "{} is not on the help page", binding.help);
    }
}

#[test]
fn control_c_leaves_from_anywhere() {
    for context in Context::ALL {
        assert!(at(context).press("<ctrl-c>").app.leaving, "{context:?}");
    }
    assert_eq!(parse_keys("a<enter>").len(), 2);
}
