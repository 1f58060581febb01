//! Laying out text that is already safe: width, cutting, wrapping, and the little Markdown that screens show.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;

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
    sentences.iter().flat_map(|sentence| hanging("• ", &Untrusted::new(sentence).line(), columns, style)).collect()
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
