//! Every screen as it looks, at the smallest promised size and at a comfortable one.

use althing_node::api::{AnchorRequest, ApiError, Evidence, Request};
use althing_tui::app::{Action, Command, FormKind, Popup, Purpose, Report, update};
use althing_tui::terminal::key_action;
use althing_tui::theme::{Theme, ThemeName};
use ratatui::style::Color;

use crate::dao::{AtTheKeyboard, parse_keys, snapshot, text_of};

/// A screen by its name.
fn screen(name: &str) -> AtTheKeyboard {
    let mut member = AtTheKeyboard::new();
    let keys =
        SCREENS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no screen is called {name}")).1;
    member.press(keys);
    member
}

/// Every screen and every popup, and the keys that lead there.
pub(crate) const SCREENS: [(&str, &str); 50] = [
    ("home", ""),
    ("proposals", "2"),
    ("proposal", "2j<enter>"),
    ("voted", "2jj<enter>"),
    ("filter", "2/spend dsk"),
    ("choose", "2jvj<down><down>because"),
    ("review", "2jvy<enter>vo"),
    ("propose", "2nA title<ctrl-s>"),
    ("propose_budget", "2nA roof<tab><right><right>"),
    (
        "propose_options",
        "2nThe roof<tab><right><right><tab><right><right><right><tab>Timber; Turf<tab><right><tab>tb1q<tab>5",
    ),
    ("propose_rules", "2nMore time<tab><right><right><right><right>"),
    ("comment", "2j<enter>cSome text"),
    ("review_comment", "2j<enter>cSome text<ctrl-s>"),
    ("ballots", "3"),
    ("why", "3w<down><enter>"),
    ("export", "2j<enter>e"),
    ("link_file", "7L"),
    ("treasury", "4"),
    ("sessions", "4]"),
    ("session", "4]<enter>"),
    ("review_sign", "4]s"),
    ("refuse", "4]rNo invoice<enter>"),
    ("budgets", "4]]"),
    ("coins", "4]]]"),
    ("coin", "4]]]<enter>"),
    ("freeze", "4]]]f"),
    ("flows", "4]]]]"),
    ("flow", "4]]]]<enter>"),
    ("policy", "4]]]]]"),
    ("session_open", "4o"),
    ("channels", "5"),
    ("channel", "5<enter>"),
    ("top_up", "5t50000<enter><enter>"),
    ("pay", "5p1000"),
    ("review_close", "5c<enter>"),
    ("address", "5a"),
    ("members", "6"),
    ("delegate", "6d"),
    ("review_delegate", "6jjd<ctrl-s>"),
    ("member", "6j<enter>"),
    ("migrate", "5m"),
    ("keys", "6K<tab>secret"),
    ("gates", "0L"),
    ("chain", "7"),
    ("link", "7<enter>"),
    ("audit", "8"),
    ("learn", "9"),
    ("operator", "0"),
    ("palette", ":theme"),
    ("help", "?"),
];

#[test]
fn every_screen_at_both_sizes() {
    for (name, _) in SCREENS {
        for size in [(80, 24), (120, 40)] {
            let mut member = screen(name);
            member.size = size;
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), member.text());
        }
    }
}

/// The styles too, where the letters alone do not tell: dark, light and mono.
#[test]
fn the_themes_at_a_glance() {
    for theme in ThemeName::ALL {
        let mut member = screen("proposals");
        let buffer = member.draw(Theme::choose(theme, false));
        let mut styles: Vec<String> =
            buffer.content.iter().map(|cell| format!("{:?} on {:?} {:?}", cell.fg, cell.bg, cell.modifier)).collect();
        styles.sort();
        styles.dedup();
        insta::assert_snapshot!(format!("styles_{theme:?}"), styles.join("\n"));
    }
}

#[test]
fn the_cursor_is_where_the_keyboard_is() {
    for (name, _) in SCREENS {
        let mut member = screen(name);
        member.cursor = (0, 0);
        member.text();
        assert_ne!(member.cursor, (0, 0), "{name}: the terminal's cursor stayed behind");
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
    for (name, _) in SCREENS {
        let mut member = screen(name);
        let coloured = member.draw(Theme::dark());
        let mono = member.draw(Theme::choose(Default::default(), true));
        assert_eq!(text_of(&coloured), text_of(&mono), "{name}");
        for cell in &mono.content {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{name}");
        }
        for theme in ThemeName::ALL {
            let other = member.draw(Theme::choose(theme, false));
            assert_eq!(text_of(&coloured), text_of(&other), "{name} {theme:?}");
        }
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

/// Hazard: the node was killed under the screens, and Home says that all is well (N-8).
#[test]
fn a_node_that_is_gone_is_the_first_thing_said() {
    use althing_node::api::Role;

    let gone =
        || ApiError::ours("N-8: the node at /home/astrid/.local/share/althing/node.sock is gone: Connection refused");
    for (role, run) in [(Role::Member, "althing member run"), (Role::Hub, "althing hub run")] {
        let mut seen = snapshot();
        seen.status.role = role;
        seen.status.alarms = vec!["Two signed heads of height 1,210 differ.".to_owned()];
        let mut member = AtTheKeyboard::seeing(seen.clone());
        let commands = update(&mut member.app, Action::Report(Report::NoSnapshot(gone())));
        assert!(matches!(commands.as_slice(), [Command::Notify(text)] if text.contains(run)), "{commands:?}");
        assert!(update(&mut member.app, Action::Report(Report::NoSnapshot(gone()))).is_empty(), "told once");
        let text = member.text();
        let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} in\n{text}"));
        assert!(place(&format!("start it again with `{run}`")) < place("Two signed heads"), "{text}");
        assert!(!text.contains("✓ connected") && text.contains("✗ not current: the node has stopped"), "{text}");
        assert!(text.contains(&format!("start it again: {run}")) && text.contains("as last seen"), "{text}");
        let page = member.press("g<enter>").text();
        assert!(page.contains("What was acknowledged is kept") && page.contains("node.sock is gone"), "{page}");
        member.press("<esc>").act(Action::Report(Report::Snapshot(Box::new(seen))));
        let well = member.text();
        assert!(!well.contains("start it again") && !well.contains("as last seen"), "{well}");
    }
    // What is quiet is no longer called well.
    let mut seen = snapshot();
    seen.proposals.clear();
    seen.stakes.clear();
    for ballot in &mut seen.ballots {
        ballot.replaced = true;
    }
    let mut member = AtTheKeyboard::seeing(seen);
    member.act(Action::Report(Report::NoSnapshot(ApiError::ours("bitcoind refused the connection"))));
    let text = member.text();
    assert!(text.contains("Nothing here is current: bitcoind refused") && !text.contains("All is well"), "{text}");
    assert!(text.contains("✗ not known now"), "{text}");
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

/// P-160, P-161: a proof file whole or short, from the proposal and from "why is this true?"; and the links for short ones, from the chain.
#[test]
fn proof_files_are_written_whole_or_short_and_links_by_themselves() {
    let asked = |keys: &str| {
        let mut member = AtTheKeyboard::new();
        member.press(keys);
        let action = parse_keys("<enter>").into_iter().find_map(|key| key_action(&member.app, key)).unwrap();
        let commands = update(&mut member.app, action);
        let request = commands.into_iter().find_map(|command| match command {
            Command::Ask { request, .. } => Some(request),
            _ => None,
        });
        request.unwrap_or_else(|| panic!("{keys} asks for nothing:\n{}", member.text()))
    };
    for (keys, is_short) in
        [("2j<enter>e<tab><tab>", false), ("2j<enter>e<tab><right><tab>", true), ("3we<tab><right><tab>", true)]
    {
        let found = asked(keys);
        assert!(matches!(&found, Request::ProofExport { short, .. } if *short == is_short), "{keys}: {found:?}");
    }
    let found = asked("7L");
    let is_links = |request: &AnchorRequest| matches!(request, AnchorRequest::Prove { evidence: Evidence::Links, path, short: false } if path.ends_with("links.althing"));
    assert!(matches!(&found, Request::Anchoring(request) if is_links(request)), "{found:?}");
}

/// N-244, N-240: who was not told of a succession hears on Home what happened, by whom, and on its page what to do, with the keys for it.
#[test]
fn whoever_was_not_told_of_a_succession_is_told_what_to_do() {
    let (spare, txid) = (format!("{}:1", "ab".repeat(32)).parse().unwrap(), "cd".repeat(32).parse().unwrap());
    let names = ["Astrid".to_owned(), "Bjarni".to_owned()];
    let mut seen = snapshot();
    seen.status.alarms = vec![althing_node::spare::spent_words(&spare, &txid, 1_200, &names)];
    let mut member = AtTheKeyboard::seeing(seen.clone());
    let text = member.text();
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} in\n{text}"));
    assert!(place("N-244: the spare seal") < place("Vote on #4"));
    let page = member.press("<enter>").text().replace('│', " ");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "at height 1,200",
        "Signed by Astrid, Bjarni",
        "put another one in its place",
        "0, then v",
        "0, then F",
        "althing propose elect",
    ] {
        assert!(page.contains(words), "{words} in\n{page}");
    }
    // The keys lead where the page says.
    for (key, form) in [
        ("0v", "succession check"),
        ("0F", "succession follow"),
        ("0p", "succession propose"),
        ("0s", "succession sign"),
    ] {
        let mut member = AtTheKeyboard::seeing(seen.clone());
        member.press(key);
        let opened = member.app.popups.last();
        let is_it = matches!(opened, Some(Popup::Form(form_here)) if matches!(form_here.kind, FormKind::Run { path } if path == form));
        assert!(is_it, "{key} opens {opened:?}");
    }
    let names: &[String] = &[];
    assert!(
        !althing_node::spare::spent_words(&spare, &txid, 1_200, names).contains("Signed by"),
        "nobody is named who is not known"
    );
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
        ("4", "No proposal asks for a payment"),
        ("5", "No stake channel"),
        ("6", "No member has bound"),
        ("7", "No link yet"),
        ("0", "No epoch has closed yet"),
    ] {
        let text = member.press(key).text();
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[test]
fn a_refused_ballot_cannot_be_typed_through() {
    let mut member = screen("choose");
    member.script.refusal = Some(althing_node::api::Refused {
        rule: "G-24".to_owned(),
        message: "Voting on #4 closed at height 1,200 (G-24).".to_owned(),
        transient: false,
    });
    member.press("<enter>");
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

/// Hazard: what to do stands at the end of a refusal, and the end is cut off.
#[test]
fn a_long_refusal_is_read_to_its_end() {
    let mut member = screen("choose");
    member.press("<enter>");
    let message = format!("N-1: {}; send another coin.", "what stands in the way of it ".repeat(12));
    let result = Err(ApiError::not_now(message.clone()));
    member.act(Action::Report(Report::Answer { purpose: Purpose::Order, result }));
    let text = member.text();
    let plain = |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>();
    assert!(plain(&text).contains(&plain(&message)), "{text}");
    assert!(text.contains("Type vote and press enter"), "{text}");
}
