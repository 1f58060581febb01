//! Laying out text that is already safe: width, cutting, wrapping, and the little Markdown that screens show.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;

use crate::format::{grouped, parse_weight, thousands};
use crate::theme::Theme;
use crate::untrusted::Untrusted;

/// Columns a text takes on the screen.
#[must_use]
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// At most `columns` wide, with an ellipsis if something was cut.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let next = width(grapheme);
        if used + next + 1 > columns {
            break;
        }
        out.push_str(grapheme);
        used += next;
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The same of a line in parts.
#[must_use]
pub fn cut_spans(line: Line<'static>, columns: usize) -> Line<'static> {
    if line.width() <= columns {
        return line;
    }
    let mut left = columns;
    let mut kept = Vec::new();
    let count = line.spans.len();
    for (index, mut span) in line.spans.into_iter().enumerate() {
        // A part that fills the row to its end still has to say that others follow.
        let fits = width(&span.content) < left || (width(&span.content) == left && index + 1 == count);
        let text =
            if fits { span.content.to_string() } else { format!("{}…", head(&span.content, left.saturating_sub(1))) };
        left = left.saturating_sub(width(&text));
        span.content = text.into();
        kept.push(span);
        if !fits {
            break;
        }
    }
    Line { spans: kept, ..line }
}

/// The first columns of a text.
fn head(text: &str, columns: usize) -> String {
    let mut used = 0;
    let fits = |grapheme: &&str| {
        used += width(grapheme);
        used <= columns
    };
    text.graphemes(true).take_while(fits).collect()
}

/// The end of a text being typed, so that the cursor stays in sight.
#[must_use]
pub fn tail(text: &str, columns: usize) -> String {
    let mut start = 0;
    while width(&text[start..]) > columns {
        start += text[start..].chars().next().map_or(1, char::len_utf8);
    }
    text[start..].to_owned()
}

/// Breaks a line at blanks so that each part is at most `columns` wide; longer words are broken anywhere.
///
/// The words keep their order and nothing but the blanks at the breaks is lost. An empty line gives one empty line.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in words_and_blanks(text) {
        let word_width = width(word);
        if used + word_width <= columns {
            line.push_str(word);
            used += word_width;
            continue;
        }
        if word.chars().all(|c| c == ' ') {
            // The break replaces the blanks.
            lines.push(std::mem::take(&mut line));
            used = 0;
            continue;
        }
        if word_width <= columns {
            lines.push(std::mem::replace(&mut line, word.to_owned()).trim_end().to_owned());
            used = word_width;
            continue;
        }
        for grapheme in word.graphemes(true) {
            let next = width(grapheme);
            if used + next > columns && used > 0 {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push_str(grapheme);
            used += next;
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// Sentences from the node, each wrapped, with a bullet.
#[must_use]
pub fn bullets(sentences: &[String], columns: usize, style: Style) -> Vec<Line<'static>> {
    let bullet = |sentence: &String| hanging("• ", &legible(&Untrusted::new(sentence).line()), columns, style);
    sentences.iter().flat_map(bullet).collect()
}

/// A sentence of the node with its addresses in groups of four and its numbers in thousands, for comparing by eye.
#[must_use]
pub fn legible(sentence: &str) -> String {
    each_word(sentence, true)
}

/// A sentence of the node with its numbers in thousands, and addresses in one piece for copying.
#[must_use]
pub fn counted(sentence: &str) -> String {
    each_word(sentence, false)
}

/// What numbers are counted in; before other words a number may be part of a name.
const UNITS: [&str; 9] = ["sat", "blocks", "links", "vB", "bytes", "stands", "entries", "members", "ballots"];

/// What is followed by a sum of weights, or a height.
const SUMS: [&str; 5] = ["yes", "no", "abstain", "weight", "height"];

fn each_word(sentence: &str, groups_addresses: bool) -> String {
    const ENDS: [char; 5] = ['.', ',', ';', ':', ')'];
    let words: Vec<&str> = sentence.split(' ').collect();
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    for (index, word) in words.iter().enumerate() {
        let (core, end) = word.split_at(word.trim_end_matches(ENDS).len());
        let next = words.get(index + 1).map_or("", |next| next.trim_end_matches(ENDS));
        let before = index.checked_sub(1).and_then(|index| words.get(index)).copied().unwrap_or("");
        let is_counted = end.is_empty() && UNITS.contains(&next) || SUMS.contains(&before);
        let shown = if groups_addresses && is_address(core) {
            grouped(core)
        } else if let Some(number) = parse_weight(core).filter(|number| is_counted && number.to_string() == core) {
            thousands(number)
        } else {
            core.to_owned()
        };
        out.push(format!("{shown}{end}"));
    }
    out.join(" ")
}

/// Whether a word looks like a segwit address (BIP173, BIP350); others are short enough to be compared as they are.
fn is_address(word: &str) -> bool {
    let data = ["bc1", "tb1", "bcrt1"].iter().find_map(|prefix| word.strip_prefix(prefix));
    data.is_some_and(|data| data.len() >= 11 && data.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

/// Wraps with a mark before the first line and the same room before the others.
#[must_use]
pub fn hanging(mark: &str, text: &str, columns: usize, style: Style) -> Vec<Line<'static>> {
    let room = width(mark);
    wrap(text, columns.saturating_sub(room))
        .into_iter()
        .enumerate()
        .map(|(index, part)| {
            let head = if index == 0 { mark.to_owned() } else { " ".repeat(room) };
            Line::from(vec![Span::styled(head, style), Span::styled(part, style)])
        })
        .collect()
}

/// One sentence, wrapped.
#[must_use]
pub fn paragraph(text: &str, columns: usize, style: Style) -> Vec<Line<'static>> {
    wrap(text, columns).into_iter().map(|part| Line::styled(part, style)).collect()
}

/// A text of others as lines for the screen: headings, lists and quotes of Markdown; everything else as written.
///
/// Links and images stay as they are spelled, so that their targets cannot hide behind their names.
#[must_use]
pub fn markdown(text: &str, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    let mut in_code = false;
    for line in Untrusted::new(text).lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code {
            out.extend(hanging("  ", &line, columns, theme.dim));
        } else if let Some(heading) = heading(trimmed) {
            out.extend(paragraph(heading, columns, theme.text.add_modifier(Modifier::BOLD)));
        } else if let Some(item) = trimmed.strip_prefix("- ").or_else(|| trimmed.strip_prefix("* ")) {
            out.extend(hanging("• ", item, columns, theme.text));
        } else if let Some(quote) = trimmed.strip_prefix("> ") {
            out.extend(hanging("│ ", quote, columns, theme.dim));
        } else {
            out.extend(paragraph(&line, columns, theme.text));
        }
    }
    out
}

/// The text of a heading, if the line is one.
fn heading(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    (1..=6).contains(&level).then_some(rest)?.strip_prefix(' ')
}

/// Runs of blanks and runs of anything else, in order: a full stop stays with its word, a fraction in one piece.
fn words_and_blanks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_blank = rest.starts_with(' ');
        let end = rest.find(|c: char| (c == ' ') != is_blank).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        rest = after;
        (!run.is_empty()).then_some(run)
    })
}
