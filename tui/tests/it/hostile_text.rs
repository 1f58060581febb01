//! Text of others that wants to be more than text: the table of known tricks, through the sanitiser and every screen.

use althing_node::api::Snapshot;
use althing_tui::app::{Action, Screen};
use althing_tui::theme::Theme;
use althing_tui::untrusted::{MAX_BYTES, MAX_LINES, Untrusted, escape_json, is_showable};

use crate::dao::{AtTheKeyboard, discussion, snapshot};

/// What arrives, and what is shown.
pub(crate) const TABLE: &[(&str, &str, &str)] = &[
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
    ("homoglyph", "b\u{441}1q", "b\u{441}1q⟦mixed letters⟧"),
    ("alternate screen", "\x1b[?1049l", "⟦U+001B⟧[?1049l"),
    ("mouse reports", "\x1b[?1003h", "⟦U+001B⟧[?1003h"),
    ("device control", "\x1bP$q\"p\x1b\\", "⟦U+001B⟧P$q\"p⟦U+001B⟧\\"),
    ("answer back", "\x05", "⟦U+0005⟧"),
    ("bell", "\x07", "⟦U+0007⟧"),
    ("reset", "\x1bc", "⟦U+001B⟧c"),
    ("C1 operating system command", "\u{9d}52;c;cGF5\u{9c}", "⟦U+009D⟧52;c;cGF5⟦U+009C⟧"),
    ("next line", "a\u{85}b", "a⟦U+0085⟧b"),
    ("vertical tab and form feed", "a\u{b}\u{c}b", "a⟦U+000B⟧⟦U+000C⟧b"),
    ("tab", "a\tb", "a⟦U+0009⟧b"),
    ("null", "a\0b", "a⟦U+0000⟧b"),
    ("delete", "a\x7fb", "a⟦U+007F⟧b"),
    ("shift out", "\x0e1\x0f", "⟦U+000E⟧1⟦U+000F⟧"),
    ("left-to-right override", "1\u{202d}2", "1⟦U+202D⟧2"),
    ("pop of a direction", "a\u{202c}", "a⟦U+202C⟧"),
    ("first strong isolate", "\u{2068}a", "⟦U+2068⟧a"),
    ("Arabic letter mark", "a\u{61c}b", "a⟦U+061C⟧b"),
    ("word joiner", "a\u{2060}b", "a⟦U+2060⟧b"),
    ("zero-width non-joiner", "a\u{200c}b", "a⟦U+200C⟧b"),
    ("invisible times", "2\u{2062}3", "2⟦U+2062⟧3"),
    ("Mongolian vowel separator", "a\u{180e}b", "a⟦U+180E⟧b"),
    ("interlinear annotation", "\u{fff9}a\u{fffa}b\u{fffb}", "⟦U+FFF9⟧a⟦U+FFFA⟧b⟦U+FFFB⟧"),
    ("paragraph separator", "a\u{2029}b", "a⟦U+2029⟧b"),
    ("thin space", "1\u{2009}000", "1⟦U+2009⟧000"),
    ("combining grapheme joiner", "a\u{34f}b", "a⟦U+034F⟧b"),
    ("family of emoji", "\u{1f468}\u{200d}\u{1f469}", "\u{1f468}⟦U+200D⟧\u{1f469}"),
    ("musical beam", "a\u{1d173}b", "a⟦U+1D173⟧b"),
    ("shorthand format", "a\u{1bca0}b", "a⟦U+1BCA0⟧b"),
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
    for (text, shown) in [
        ("send to b\u{441}1qxyz, now", "send to b\u{441}1qxyz⟦mixed letters⟧, now"),
        ("p\u{3b1}y", "p\u{3b1}y⟦mixed letters⟧"),
        // Each letter in the other script at the end and at the beginning of a word, and with an accent on the last.
        ("\u{420}ayment o\u{444} all", "\u{420}ayment⟦mixed letters⟧ o\u{444}⟦mixed letters⟧ all"),
        ("pa\u{443}\u{301}", "pa\u{443}\u{301}⟦mixed letters⟧"),
    ] {
        assert_eq!(Untrusted::new(text).line(), shown);
        assert_eq!(Untrusted::new(&format!("a\n{text}")).lines(), ["a", shown]);
    }
    for text in ["\u{434}\u{430} yes", "yes-\u{434}\u{430}", "\u{3b1}/x"].iter().chain(HONEST) {
        assert_eq!(Untrusted::new(text).line(), *text);
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

#[test]
fn the_table_is_long_enough() {
    assert!(TABLE.len() >= 40, "{}", TABLE.len());
}

/// Every answer of every command, in every format, with the trick in every text.
#[test]
fn no_command_lets_a_trick_through() {
    use crate::stage::{Stage, althing};
    use althing_node::api::ApiError;
    let commands = [
        "proposals",
        "proposal·show·4",
        "ballots",
        "links",
        "members",
        "status",
        "stake·list",
        "channel·list",
        "dao·show",
        "delegations",
        "delegations·--proposal·4",
        "deposits",
        "rewards",
        "why·4",
        "why·4·--sums",
        "history·tally·4",
        "history·channel·abcd",
        "charter·show",
        "wallet·address",
        "wallet·balance",
        "vote·4·yes·--yes",
        "comment·4·text",
        "withdraw·4·--yes",
        "delegate·abcd·--yes",
        "info",
        "propose·pause·--title·T·--blocks·5·--class·spend·--option·A·--option·B·--yes",
    ];
    // All of them at once: what a command writes is not cut, so none can hide behind another.
    let all: Vec<&str> = TABLE.iter().map(|(_, trick, _)| *trick).collect();
    let all = all.join(" ");
    for command in commands {
        for format in ["", " --json", " --plain"] {
            let mut stage = Stage::running();
            let node = std::sync::Arc::get_mut(&mut stage.node).unwrap();
            node.script.trick.clone_from(&all);
            node.script.echo = true;
            let command = format!("{}{format}", command.replace('·', " "));
            let done = althing(stage, &command, "");
            assert_safe(&done.out, &done.err, &command);
            let said = done.out.len() + done.err.len();
            assert!(said > 0, "{command} says nothing");
        }
    }
    for format in ["", " --json", " --plain"] {
        let stage = Stage::running().answer(Err(ApiError::invalid("G-1", format!("{all} is no name"))));
        let done = althing(stage, &format!("proof export 4 --tally --out /nowhere{format}"), "");
        assert_safe(&done.out, &done.err, "an error");
    }
}

/// What a command wrote is letters and line ends.
fn assert_safe(out: &str, err: &str, what: &str) {
    for text in [out, err] {
        let bad = text.chars().find(|c| *c != '\n' && *c != '⟦' && !is_showable(*c));
        assert_eq!(bad, None, "{what}:\n{text:?}");
        // What is marked once is not marked again: the table has a forged mark, whose bracket becomes a mark.
        assert!(!text.contains("⟦U+27E6⟧U+27E6⟧"), "{what} marks twice:\n{text}");
    }
}

#[test]
fn logs_and_panics_are_harmless() {
    for (name, trick, _) in TABLE {
        let line = format!("2026-01-01T00:00:00Z  INFO node: a comment text={trick}\n");
        let shown = althing_tui::log::harmless(line.as_bytes());
        assert_safe(&shown, "", name);
        assert!(shown.ends_with('\n'), "{name}");
    }
    assert_safe(&althing_tui::log::harmless(b"\xff\xfe\x1b[2J"), "", "no UTF-8");
}

/// A snapshot in which every text of others, and every text at all, carries the trick.
pub(crate) fn infected(trick: &str) -> Snapshot {
    serde_json::from_value(infect_value(serde_json::to_value(snapshot()).unwrap(), trick)).unwrap()
}

/// A value in which every text carries the trick.
pub(crate) fn infect_value(value: serde_json::Value, trick: &str) -> serde_json::Value {
    use serde_json::Value;
    /// Not texts but names of variants, and numbers: those cannot carry anything.
    const FIXED: [&str; 20] = [
        "system",
        "role",
        "choice",
        "step",
        "replaces",
        "yes",
        "no",
        "abstain",
        "total_weight",
        "weight",
        "answer",
        "network",
        "carried",
        "verdict",
        "treasury",
        "about",
        "alarm",
        "unit",
        "psbt",
        "backup_file",
    ];
    match value {
        Value::String(text) => Value::String(format!("{trick}{text}{trick}")),
        Value::Array(items) => Value::Array(items.into_iter().map(|v| infect_value(v, trick)).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, v)| {
                    let state = v.as_str().unwrap_or_default();
                    let is_known_state =
                        key == "state" && (KNOWN_STATES.contains(&state) || ALL_STATES.contains(&state));
                    let keep = FIXED.contains(&key.as_str())
                        || is_known_state
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

/// States of a step of "why is this true?".
const KNOWN_STATES: [&str; 3] = ["holds", "not_yet", "broken"];

const ALL_STATES: [&str; 10] =
    ["logged", "review", "voting", "closed", "passed", "rejected", "no_quorum", "tied", "authorised", "expired"];

#[test]
fn no_screen_lets_a_trick_through() {
    for (number, (name, trick, _)) in TABLE.iter().enumerate() {
        let snapshot = infected(trick);
        let mut open = discussion();
        open.comments[0].text = (*trick).to_owned();
        open.comments[0].author_name = (*trick).to_owned();
        for (screen, keys) in crate::screens::SCREENS {
            let mut member = AtTheKeyboard::seeing(snapshot.clone());
            member.script.trick = (*trick).to_owned();
            member.size = if number % 2 == 0 { (80, 24) } else { (120, 60) };
            member.press(keys);
            if member.app.screen == Screen::Proposal {
                member.app.discussion = Some(Box::new(open.clone()));
            }
            assert_clean(&mut member, &format!("{name} on {screen}"));
        }
    }
}

/// No cell holds anything but letters, and the last net had nothing to catch.
pub(crate) fn assert_clean(member: &mut AtTheKeyboard, name: &str) {
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
    assert_eq!(member.app.filter(), "disks");
    member.press("<enter><enter>c");
    member.act(Action::Paste("two\nlines\u{202e}".to_owned()));
    let text = member.text();
    assert!(text.contains("1 invisible characters of the pasted text were left out."), "{text}");
    assert!(text.contains("two") && text.contains("lines"), "{text}");
    // A terminal gives a line break as the key does.
    member.press("<esc>c");
    member.act(Action::Paste("three\rmore\r\nlines".to_owned()));
    let text = member.text();
    assert!(!text.contains("threemore") && !text.contains("morelines") && !text.contains("left out"), "{text}");
}
