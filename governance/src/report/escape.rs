//! Words of members made harmless for each form of a report (F-20).

use crate::text::misleads;

/// Characters of one text that are shown.
const MAX_SHOWN: usize = 400;

/// One line without any character that steers a terminal, a browser or the direction of text: such a character becomes a
/// visible mark, so that two different texts never look the same.
pub(super) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, c) in text.chars().enumerate() {
        if index == MAX_SHOWN {
            out.push('…');
            break;
        }
        if steers(c) { out.push_str(&format!("⟦U+{:04X}⟧", u32::from(c))) } else { out.push(c) }
    }
    out
}

/// For HTML text and quoted attributes.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// For a cell of a Markdown table: no character keeps a meaning of its own there.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        if "\\`*_{}[]<>#+!|~&$@".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// For a CSV field (RFC 4180). A leading sign that a spreadsheet would take for a formula gets an apostrophe before it.
pub(super) fn csv(text: &str) -> String {
    let shown = harmless(text);
    let guarded = match shown.chars().next() {
        Some('=' | '+' | '-' | '@') if shown.len() > 1 => format!("'{shown}"),
        _ => shown,
    };
    if guarded.contains([',', '"', ';']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

/// What misleads, and the mark's own bracket.
fn steers(c: char) -> bool {
    misleads(c) || c == '⟦'
}
