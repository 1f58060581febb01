//! What is said of a document that is no charter: where, and what it may be, in the words of charters. The library that reads it
//! speaks of the types that hold values here.

use std::ops::Range;

/// Columns of the line that are shown around what is wrong.
const SHOWN: usize = 80;

/// What may stand behind a key, or inside the table of an enumeration's name, by that key or name.
const VALUES: [(&str, &str); 18] = [
    (
        "admission",
        "{ open = { min_stake_sat = 10000 } }, { vote = { … } } or { invite = { …, max_open_per_member = 3 } }",
    ),
    ("weight_rule", "\"stake\", \"one_member_one_vote\", \"sqrt_stake\" or { stake_age = { cap_blocks = 26280 } }"),
    ("threshold", "\"majority\" or { percent_bp = 6000 }"),
    ("quorum", "{ participation_bp = 2000 } or { yes_of_total_bp = 3000 }"),
    (
        "systems",
        "a list of voting systems: [\"yes_no_abstain\", { score = { max = 5 } }, { quadratic = { credits = 100 } }]",
    ),
    ("share", "\"equal\" or \"by_weight\""),
    ("bodies", "a list of bodies: [\"members\", \"treasurers\"]"),
    ("spending_cap", "{ window_blocks = 4320, max_sat = 1000000 }"),
    ("open", "{ open = { min_stake_sat = 10000 } }"),
    ("vote", "{ vote = { min_stake_sat = 10000 } }"),
    ("invite", "{ invite = { min_stake_sat = 10000, max_open_per_member = 3 } }"),
    ("stake_age", "{ stake_age = { cap_blocks = 26280 } }"),
    ("score", "{ score = { max = 5 } }"),
    ("quadratic", "{ quadratic = { credits = 100 } }"),
    ("percent_bp", "{ percent_bp = 6000 }"),
    ("participation_bp", "{ participation_bp = 2000 }"),
    ("yes_of_total_bp", "{ yes_of_total_bp = 3000 }"),
    ("classes", "tables, each under a line [[classes]]"),
];

/// One line: where, and what.
pub(super) fn not_a_charter(text: &str, error: &toml::de::Error) -> String {
    let what = |at| in_words(error.message(), at);
    // What is missing is missing in the whole document, or in the table whose first line is shown.
    let is_of_all = |span: &Range<usize>| span.start == 0 && error.message().starts_with("missing field");
    match error.span().filter(|span| !is_of_all(span) && text.get(span.clone()).is_some()) {
        Some(span) => {
            let line = text[..span.start].matches('\n').count() + 1;
            format!("line {line} ({}): {}", shown(text, &span), what(Some((text, &span))))
        }
        None => what(None),
    }
}

/// The line on which something begins, as much of it around that place as is shown.
fn shown(text: &str, span: &Range<usize>) -> String {
    let begin = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line: Vec<char> = text[begin..].lines().next().unwrap_or_default().chars().collect();
    let column = text[begin..span.start].chars().count();
    let from = if line.len() <= SHOWN { 0 } else { column.saturating_sub(SHOWN / 2).min(line.len() - SHOWN) };
    let until = (from + SHOWN).min(line.len());
    let cut: String = line[from..until].iter().collect();
    let [before, after] = [from > 0, until < line.len()].map(|is_cut| if is_cut { "…" } else { "" });
    format!("{before}{}{after}", cut.trim())
}

/// The library's message in the words of charters, and what may stand there.
fn in_words(message: &str, at: Option<(&str, &Range<usize>)>) -> String {
    let name = at.and_then(|(text, span)| {
        let found = text[span.clone()].trim_matches(['"', '\'']);
        // A name that asks for a value, else the key that the value is of.
        if message.contains("unit variant") { Some(found) } else { key_before(&text[..span.start]) }
    });
    let (found, expected) = match message {
        "wanted string or table" => ("neither a name in quotes nor a table".to_owned(), String::new()),
        "expected empty table" => ("a name that takes no value: it stands in quotes alone".to_owned(), String::new()),
        _ if message.starts_with("wanted exactly 1 element") => {
            ("not exactly one name in the table".to_owned(), String::new())
        }
        _ if message.contains("unit variant") => ("a name that asks for a value".to_owned(), String::new()),
        _ => match message.split_once(", expected ") {
            // What 64 bits do not hold comes as a wider number.
            Some((found, kind)) => {
                let found = found.replace("unknown variant", "unknown name").replace("` as i128", "`");
                (found.replace("` as u128", "`"), kind_in_words(kind))
            }
            None => return message.to_owned(),
        },
    };
    match name.and_then(|name| VALUES.iter().find(|(known, _)| *known == name)) {
        _ if !expected.is_empty() => format!("{found}, expected {expected}"),
        Some((name, value)) => format!("{found}; {name} may be {value}"),
        None => found,
    }
}

/// A kind of values by what a person writes; empty for one of which [`VALUES`] tells.
fn kind_in_words(kind: &str) -> String {
    let number = |most: u64| format!("a whole number from 0 to {most}");
    match kind {
        "u8" => number(u8::MAX.into()),
        "u16" => number(u16::MAX.into()),
        "u32" => number(u32::MAX.into()),
        "u64" => number(i64::MAX.cast_unsigned()),
        "a boolean" => "true or false".to_owned(),
        "a string" => "text in quotes".to_owned(),
        "a sequence" => "a list in brackets".to_owned(),
        _ if kind.starts_with("struct") => String::new(),
        other => other.to_owned(),
    }
}

/// The key before the last `=`.
fn key_before(text: &str) -> Option<&str> {
    text[..text.rfind('=')?].trim_end().rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
}
