//! Text of others that wants to be more than text: the table of known tricks, through the sanitiser and every screen.

use althing_node::api::{BallotReview, Snapshot};
use althing_tui::app::{Action, Purpose, Report, Screen};
use althing_tui::theme::Theme;
use althing_tui::untrusted::{MAX_BYTES, MAX_LINES, Untrusted, escape_json, is_showable};

use crate::dao::{AtTheKeyboard, ballot_review, discussion, snapshot};

/// What arrives, and what is shown.
const TABLE: &[(&str, &str, &str)] = &[
    ("clear screen", "a\x1b[2Jb", "a⟦U+001B⟧[2Jb"),
    ("window title", "\x1b]0;title\x07", "⟦U+001B⟧]0;title⟦U+0007⟧"),
    ("clipboard", "\x1b]52;c;cGF5\x07", "⟦U+001B⟧]52;c;cGF5⟦U+0007⟧"),
    ("hyperlink", "\x1b]8;;http://evil\x1b\\ok", "⟦U+001B⟧]8;;http://evil⟦U+001B⟧\\ok"),
    ("C1 introducer", "\u{9b}31m", "⟦U+009B⟧31m"),
    ("carriage return and backspace", "pay 1\rpay 9\u{8}", "pay 1⟦U+000D⟧pay 9⟦U+0008⟧"),
    ("line break in a title", "one\ntwo", "one⟦U+000A⟧two"),
    ("right-to-left override", "a\u{202e}b", "a⟦U+202E⟧b"),
    ("isolates", "\u{2066}a\u{2069}", "⟦U+2066⟧a⟦U+2069⟧"),
    ("zero-width space", "pay\u{200b}pal", "pay⟦U+200B⟧pal"),
    ("right-to-left mark", "a\u{200f}", "a⟦U+200F⟧"),
    ("soft hyphen", "a\u{ad}b", "a⟦U+00AD⟧b"),
    ("zero-width joiner", "a\u{200d}b", "a⟦U+200D⟧b"),
    ("byte order mark", "\u{feff}a", "⟦U+FEFF⟧a"),
    ("tag characters", "a\u{e0041}\u{e007f}", "a⟦U+E0041⟧⟦U+E007F⟧"),
    ("variation selector", "a\u{fe0f}\u{e0100}", "a⟦U+FE0F⟧⟦U+E0100⟧"),
    ("Hangul filler", "a\u{3164}\u{115f}b", "a⟦U+3164⟧⟦U+115F⟧b"),
    ("empty Braille", "a\u{2800}b", "a⟦U+2800⟧b"),
    ("no-break space", "1\u{a0}000", "1⟦U+00A0⟧000"),
    ("line separator", "a\u{2028}b", "a⟦U+2028⟧b"),
    ("private use", "\u{e000}", "⟦U+E000⟧"),
    ("unassigned", "\u{0378}\u{50000}", "⟦U+0378⟧⟦U+50000⟧"),
    ("noncharacter", "\u{ffff}", "⟦U+FFFF⟧"),
    ("accent without a letter", "\u{301}a", "⟦U+0301⟧a"),
    ("tower of accents", "a\u{301}\u{302}\u{303}\u{304}", "a\u{301}\u{302}⟦U+0303⟧⟦U+0304⟧"),
    ("a forged mark", "⟦U+202E⟧", "⟦U+27E6⟧U+202E⟧"),
    ("homoglyph", "b\u{441}1q", "b\u{441}1q"),
];

/// Texts that must come through unharmed.
const HONEST: &[&str] = &[
    "Ásdís Þórðardóttir",
    "Meet at 8; pay 1,000 sat!",
    "Ĝis la revido",
    "Привет, мир",
    "日本語の提案",
    "한국어",
    "e\u{301}te\u{301}",
    "नमस्ते",
    "مرحبا",
    "שלום",
    "🎉 done",
    "≥ 60 %",
    "`code` **bold** <tag> & co",
];

#[test]
fn each_trick_becomes_a_visible_mark() {
    for (name, arrives, shown) in TABLE {
        assert_eq!(Untrusted::new(arrives).line(), *shown, "{name}");
    }
    for text in HONEST {
        assert_eq!(Untrusted::new(text).line(), *text);
    }
}

#[test]
fn mixed_scripts_are_noticed_and_honest_ones_are_not() {
    assert!(Untrusted::new("send to b\u{441}1qxyz").mixes_scripts());
    assert!(Untrusted::new("p\u{3b1}y").mixes_scripts());
    for text in HONEST {
        assert!(!Untrusted::new(text).mixes_scripts(), "{text}");
    }
}

#[test]
fn too_much_text_is_counted_instead_of_shown() {
    let long = "x".repeat(MAX_BYTES + 5);
    assert!(Untrusted::new(&long).line().ends_with("⟦5 more bytes not shown⟧"));
    let lines = "\n".repeat(MAX_LINES + 9);
    let shown = Untrusted::new(&lines).lines();
    assert_eq!(shown.len(), MAX_LINES + 1);
    assert_eq!(shown[MAX_LINES], "⟦10 more lines not shown⟧");
    // The limit may fall into the middle of a character.
    let wide = format!("{}é", "x".repeat(MAX_BYTES - 1));
    assert!(Untrusted::new(&wide).line().ends_with("⟦2 more bytes not shown⟧"));
}

#[test]
fn json_is_safe_on_a_terminal_and_keeps_every_value() {
    for (name, arrives, _) in TABLE {
        let json = serde_json::to_string(&[arrives]).unwrap();
        let escaped = escape_json(&json);
        assert!(escaped.chars().all(|c| is_showable(c) || c == '⟦'), "{name}: {escaped:?}");
        let back: Vec<String> = serde_json::from_str(&escaped).unwrap();
        assert_eq!(back, [*arrives], "{name}");
    }
}

/// A snapshot in which every text of others, and every text at all, carries the trick.
fn infected(trick: &str) -> (Snapshot, BallotReview) {
    let infect = |json: serde_json::Value| infect_value(json, trick);
    let snapshot = serde_json::from_value(infect(serde_json::to_value(snapshot()).unwrap())).unwrap();
    let review = serde_json::from_value(infect(serde_json::to_value(ballot_review()).unwrap())).unwrap();
    (snapshot, review)
}

fn infect_value(value: serde_json::Value, trick: &str) -> serde_json::Value {
    use serde_json::Value;
    /// Not texts but names of variants, and numbers: those cannot carry anything.
    const FIXED: [&str; 10] =
        ["system", "role", "choice", "step", "replaces", "yes", "no", "abstain", "total_weight", "weight"];
    match value {
        Value::String(text) => Value::String(format!("{trick}{text}{trick}")),
        Value::Array(items) => Value::Array(items.into_iter().map(|v| infect_value(v, trick)).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, v)| {
                    let is_proposal_state = key == "state" && ALL_STATES.contains(&v.as_str().unwrap_or_default());
                    let keep = FIXED.contains(&key.as_str())
                        || is_proposal_state
                        || key == "id"
                        || key == "proposal" && v.is_string();
                    let v = if keep { v } else { infect_value(v, trick) };
                    (key, v)
                })
                .collect(),
        ),
        other => other,
    }
}

const ALL_STATES: [&str; 10] =
    ["logged", "review", "voting", "closed", "passed", "rejected", "no_quorum", "tied", "authorised", "expired"];

#[test]
fn no_screen_lets_a_trick_through() {
    for (name, trick, _) in TABLE {
        let (snapshot, review) = infected(trick);
        let mut open = discussion();
        open.comments[0].text = (*trick).to_owned();
        open.comments[0].author_name = (*trick).to_owned();
        for screen in Screen::TABS.into_iter().chain([Screen::Proposal]) {
            for size in [(80, 24), (120, 60)] {
                let mut member = AtTheKeyboard::seeing(snapshot.clone());
                member.size = size;
                if screen == Screen::Proposal {
                    member.press("2j<enter>");
                    member.app.discussion = Some(Box::new(open.clone()));
                } else {
                    member = member.go(screen);
                }
                assert_clean(&mut member, name);
            }
        }
        let mut member = AtTheKeyboard::seeing(snapshot);
        member.size = (100, 60);
        member.press("2jv<enter>");
        member.act(Action::Report(Report::Answer {
            purpose: Purpose::Review,
            result: Ok(althing_node::api::Reply::BallotReview(Box::new(review))),
        }));
        assert_clean(&mut member, name);
    }
}

/// No cell holds anything but letters, and the last net had nothing to catch.
fn assert_clean(member: &mut AtTheKeyboard, name: &str) {
    let buffer = member.draw(Theme::dark());
    for cell in &buffer.content {
        assert!(cell.symbol().chars().all(|c| is_showable(c) || c == '⟦'), "{name}: {:?}", cell.symbol());
        assert_ne!(cell.symbol(), "\u{fffd}", "{name}: a text reached the screen past the sanitiser");
    }
}

#[test]
fn pasted_text_loses_what_cannot_be_seen_and_says_so() {
    let mut member = AtTheKeyboard::new();
    member.press("2/");
    member.act(Action::Paste("dis\u{200b}ks\x1b".to_owned()));
    assert_eq!(member.app.filter, "disks");
    member.press("<enter>n<tab>");
    member.act(Action::Paste("two\nlines\u{202e}".to_owned()));
    let text = member.text();
    assert!(text.contains("1 invisible characters of the pasted text were left out."), "{text}");
    assert!(text.contains("two") && text.contains("lines"), "{text}");
}
