//! Text written by others, made safe to show.
//!
//! Titles, bodies, names, comments and reasons come from other members, so they may hold terminal escapes, direction
//! overrides, invisible characters or towers of accents. Dropping those silently would itself be a spoof: two different
//! texts (hence two different hashes) would look alike. Every such character is therefore shown as a visible mark, such as
//! `⟦U+202E⟧`, and since the opening bracket of a mark is itself shown as a mark, no two different texts look the same.
//!
//! A word that mixes Latin letters with look-alikes of another script is followed by `⟦mixed letters⟧`: both scripts are
//! legitimate, so the letters themselves stay.
//!
//! Amounts and addresses are never taken from such text: see [`crate::format`].

use std::fmt;

/// Bytes of one text that are shown; the rest is counted, not shown.
pub const MAX_BYTES: usize = 64 * 1024;

/// Lines of one text that are shown; the rest is counted, not shown.
pub const MAX_LINES: usize = 2_000;

/// Combining marks shown on one base character; further ones become visible marks. No living orthography needs more.
pub const MAX_COMBINING: usize = 2;

/// A text from outside this machine. The only ways out are sanitised.
///
/// `Display` gives one line: a line break in it is a visible mark too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Untrusted<'a>(&'a str);

impl<'a> Untrusted<'a> {
    /// Wraps a text as it arrived.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The text on one line; a line break is a visible mark.
    #[must_use]
    pub fn line(&self) -> String {
        let (shown, hidden) = within_limit(self.0);
        let mut out = String::with_capacity(shown.len());
        sanitise_into(&mut out, shown);
        note_hidden(&mut out, hidden, "bytes");
        out
    }

    /// The text by lines, broken at `\n` only.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let (shown, hidden_bytes) = within_limit(self.0);
        let mut parts = shown.split('\n');
        let mut lines: Vec<String> = parts
            .by_ref()
            .take(MAX_LINES)
            .map(|part| {
                let mut out = String::with_capacity(part.len());
                sanitise_into(&mut out, part);
                out
            })
            .collect();
        let hidden_lines = parts.count();
        if hidden_lines > 0 {
            let mut out = String::new();
            note_hidden(&mut out, hidden_lines, "lines");
            lines.push(out);
        }
        if hidden_bytes > 0 {
            let mut out = String::new();
            note_hidden(&mut out, hidden_bytes, "bytes");
            lines.push(out);
        }
        lines
    }
}

impl fmt::Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())
    }
}

/// Whether a character may be sent to a terminal as it is.
///
/// Printable by Unicode's general categories (so no control, format, private-use, unassigned character, nor a line or
/// paragraph separator), not one of the letters and marks that show nothing, and no space but U+0020.
#[must_use]
pub fn is_showable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // The bracket that opens a mark: only a mark may show it.
        '\u{27e6}' => false,
        // The wide space of Chinese and Japanese has a width nobody can overlook.
        '\u{3000}' => true,
        _ => !shows_nothing(c) && is_printable(c),
    }
}

/// JSON with every character that is not [`is_showable`] written as an escape: the same value, safe on a terminal.
#[must_use]
pub fn escape_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || c == '\u{27e6}' || is_showable(c) {
            out.push(c);
        } else {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// The part of a text that is shown, and how many bytes are not.
fn within_limit(text: &str) -> (&str, usize) {
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], text.len() - end)
}

/// Says that something was left out.
fn note_hidden(out: &mut String, hidden: usize, unit: &str) {
    if hidden > 0 {
        out.push_str(&format!("⟦{hidden} more {unit} not shown⟧"));
    }
}

/// Appends `text` with every dangerous character as a visible mark.
fn sanitise_into(out: &mut String, text: &str) {
    // Most names and titles are plain, and a list of them is long.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        out.push_str(text);
        return;
    }
    let mut combining = 0usize;
    let mut has_base = false;
    let mut word = Word::default();
    for c in text.chars() {
        if !is_combining(c) && word.ends_before(c) {
            out.push_str(MIXED);
        }
        let shown = if is_combining(c) {
            combining += 1;
            // A mark without a base would attach itself to whatever the screen has before it.
            has_base && combining <= MAX_COMBINING && is_showable(c)
        } else {
            combining = 0;
            has_base = is_showable(c) && c != ' ';
            is_showable(c)
        };
        if shown {
            out.push(c);
        } else {
            out.push_str(&format!("⟦U+{:04X}⟧", u32::from(c)));
        }
    }
    if word.is_mixed() {
        out.push_str(MIXED);
    }
}

/// Stands behind a word whose letters are of several scripts that look alike.
const MIXED: &str = "⟦mixed letters⟧";

/// The scripts of the word so far.
#[derive(Default)]
struct Word {
    has_latin: bool,
    has_look_alike: bool,
}

impl Word {
    fn is_mixed(&self) -> bool {
        self.has_latin && self.has_look_alike
    }

    /// Takes the next character in; whether a mixed word has ended before it.
    fn ends_before(&mut self, c: char) -> bool {
        if c.is_alphanumeric() {
            self.has_latin |= is_latin(c);
            self.has_look_alike |= is_look_alike_script(c);
            return false;
        }
        std::mem::take(self).is_mixed()
    }
}

/// Printable by general category. The table is the standard library's: its `escape_debug` escapes exactly what is not.
fn is_printable(c: char) -> bool {
    let mut pair = String::with_capacity(8);
    // Not in first place, where combining marks would be escaped too.
    pair.push('a');
    pair.push(c);
    let mut escaped = pair.escape_debug().skip(1);
    escaped.next() == Some(c)
}

/// Combining marks (Unicode's Grapheme_Extend): in first place the standard library escapes these and the unprintable.
fn is_combining(c: char) -> bool {
    !c.is_ascii() && is_printable(c) && c.escape_debug().next() == Some('\\')
}

/// Printable by category, and yet nothing (or nothing but a blank) appears.
fn shows_nothing(c: char) -> bool {
    matches!(c,
        '\u{034f}'                       // combining grapheme joiner
        | '\u{115f}' | '\u{1160}'        // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'        // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'        // Mongolian selectors
        | '\u{2800}'                     // empty Braille pattern
        | '\u{3164}' | '\u{ffa0}'        // Hangul fillers
        | '\u{fe00}'..='\u{fe0f}'        // variation selectors
        | '\u{e0100}'..='\u{e01ef}')
}

/// Latin letters.
fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{00c0}'..='\u{024f}' if c.is_alphabetic())
}

/// Letters of the scripts whose letters look like Latin ones.
fn is_look_alike_script(c: char) -> bool {
    matches!(c, '\u{0370}'..='\u{03ff}' | '\u{0400}'..='\u{052f}' | '\u{0530}'..='\u{058f}' if c.is_alphabetic())
}
