//! Casting a ballot: the choice, then the page that says exactly what it does and wants a typed word.

use althing_node::api::{BallotReview, option_name};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span, Text};

use crate::app::{App, CASTING_WORD, Choose, Review, ReviewStep};
use crate::format::{short_id, weight};
use crate::text::{bullets, cut, hanging, paragraph, width};
use crate::untrusted::Untrusted;
use crate::widget::{Pen, centred, panel, scrolled, tally_lines};
use crate::words;

/// Draws the choice.
pub(super) fn draw_choice(pen: &mut Pen<'_, '_>, app: &App, body: Rect, choose: &Choose) {
    let rows = u16::try_from(choose.labels.len()).unwrap_or(u16::MAX);
    let area = centred(body, 64, rows.saturating_add(if choose.sum().is_some() { 10 } else { 9 }));
    let inner = panel(pen, area, "My ballot", true);
    let columns = usize::from(inner.width);
    let title = app
        .proposal(&choose.proposal)
        .map_or_else(|| short_id(&choose.proposal), |p| format!("#{} {}", p.number, Untrusted::new(&p.title)));
    let mut lines = vec![Line::styled(cut(&title, columns), pen.theme.title), Line::default()];
    // A long list scrolls with the keyboard, so that title, reason and sum stay in sight.
    let room_for_rows = usize::from(inner.height).saturating_sub(7).max(1);
    let first = (choose.row.min(choose.labels.len().saturating_sub(1)) + 1).saturating_sub(room_for_rows);
    for (row, label) in choose.labels.iter().enumerate().skip(first).take(room_for_rows) {
        let style = if choose.row == row { pen.theme.selected } else { pen.theme.text };
        lines.push(Line::styled(cut(&row_text(choose, row, label), columns), style));
    }
    let shown = lines.len() - 2;
    lines.push(Line::default());
    let on_reason = choose.row == choose.reason_row();
    let style = if on_reason { pen.theme.selected } else { pen.theme.dim };
    let room = columns.saturating_sub(24);
    lines.push(Line::from(vec![
        Span::styled(" public reason (or none) ", style),
        Span::styled(tail(&choose.reason, room.saturating_sub(1)), pen.theme.text),
    ]));
    lines.push(Line::default());
    if let Some(sum) = choose.sum() {
        lines.push(Line::styled(sum, pen.theme.text));
    }
    lines.push(Line::styled("Enter shows what it does; nothing is sent before that.", pen.theme.dim));
    pen.frame.render_widget(Text::from(lines), inner);
    let (x, row) = match on_reason {
        true => (25 + width(&tail(&choose.reason, room.saturating_sub(1))), 3 + shown),
        false => (2, 2 + choose.row - first),
    };
    place_cursor(pen, inner, x, row);
}

/// One row of the ballot being filled in: what is said of it, and what it is called.
fn row_text(choose: &Choose, row: usize, label: &str) -> String {
    if !choose.system.has_options() {
        let sign = match row {
            0 => "✓",
            2 => "–",
            _ => "✗",
        };
        return format!(" {} {sign} {label}", choose.sign(row));
    }
    let number = match choose.options.get(row) {
        Some(option) => format!("{:>4}  ", option_name(*option)),
        None => String::new(),
    };
    format!(" {} {number}{}", choose.sign(row), Untrusted::new(label))
}

/// Draws the review page, over the whole screen so that nothing else speaks beside it.
pub(super) fn draw_review(pen: &mut Pen<'_, '_>, body: Rect, review: &Review) {
    let inner = panel(pen, body, "Review: cast this ballot", true);
    let problem_rows = if review.problem.is_some() { 2 } else { 0 };
    let [text, problem, input] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(problem_rows), Constraint::Length(2)]).areas(inner);
    let columns = usize::from(inner.width);
    let (lines, ask) = match &review.step {
        ReviewStep::Asking => (vec![Line::styled("Working out what this ballot does…", pen.theme.dim)], None),
        ReviewStep::Ready(effects) if effects.refusal.is_some() => (page(pen, review, effects, columns), None),
        ReviewStep::Ready(effects) => {
            (page(pen, review, effects, columns), Some(format!("Type {CASTING_WORD} and press enter to cast: ")))
        }
        ReviewStep::Sending(effects) => (page(pen, review, effects, columns), None),
    };
    scrolled(pen, text, lines, review.scroll);
    if let Some(text) = &review.problem {
        let lines = hanging("✗ ", text, columns, pen.theme.bad);
        pen.frame.render_widget(Text::from(lines), problem);
    }
    let last = match (&review.step, ask) {
        (ReviewStep::Sending(_), _) => Line::styled("Sent; waiting for the hub's receipt…", pen.theme.warn),
        (_, Some(ask)) => {
            let x = width(&ask) + width(&review.typed);
            place_cursor(pen, input, x, 1);
            Line::from(vec![Span::styled(ask, pen.theme.text), Span::styled(review.typed.clone(), pen.theme.title)])
        }
        _ => Line::styled("esc goes back", pen.theme.dim),
    };
    pen.frame.render_widget(Text::from(vec![Line::default(), last]), input);
}

/// The effects of the ballot, all from parsed values.
fn page(pen: &Pen<'_, '_>, review: &Review, effects: &BallotReview, columns: usize) -> Vec<Line<'static>> {
    let theme = &pen.theme;
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let proposal = &effects.proposal;
    let mut lines = Vec::new();
    if let Some(refusal) = &effects.refusal {
        lines.extend(hanging("✗ ", &Untrusted::new(refusal).line(), columns, theme.bad));
        lines.push(Line::default());
    }
    let title = format!("#{} {}", proposal.number, Untrusted::new(&proposal.title));
    lines.extend(hanging("Proposal  ", &title, columns, bold));
    lines.extend(hanging("id        ", &Untrusted::new(&proposal.id).line(), columns, theme.dim));
    let mut choice = format!("{} {}", words::choice_sign(&effects.choice), effects.choice);
    if let Some(before) = &effects.replaces {
        choice.push_str(&format!(", replacing {before}"));
    }
    lines.extend(hanging("Ballot    ", &choice, columns, bold));
    lines.extend(hanging("Weight    ", &weight(&effects.weight), columns, theme.text));
    if let Some(reason) = &review.reason {
        lines.extend(hanging("Reason    ", &Untrusted::new(reason).line(), columns, theme.text));
    }
    lines.push(Line::default());
    lines.push(Line::styled("If the proposal passes", bold));
    lines.extend(bullets(&proposal.effects, columns, theme.text));
    lines.push(Line::default());
    lines.push(Line::styled("What you sign", bold));
    lines.extend(bullets(&effects.sentences, columns, theme.text));
    if effects.tally_after.is_some() {
        lines.push(Line::default());
        lines.push(Line::styled("The sums with this ballot", bold));
        let mut after = proposal.clone();
        after.tally.clone_from(&effects.tally_after);
        lines.extend(tally_lines(&after, columns, theme));
    }
    if let Some(ballot) = &proposal.my_ballot {
        lines.push(Line::default());
        lines.extend(paragraph(
            &format!("Your ballot so far is {}: {}.", ballot.choice, words::path(&ballot.path)),
            columns,
            theme.dim,
        ));
    }
    lines
}

/// The end of a text being typed, so that the cursor stays in sight.
fn tail(text: &str, columns: usize) -> String {
    let mut start = 0;
    while width(&text[start..]) > columns {
        start += text[start..].chars().next().map_or(1, char::len_utf8);
    }
    text[start..].to_owned()
}

/// Puts the terminal's cursor into the area, if it is in there.
fn place_cursor(pen: &mut Pen<'_, '_>, area: Rect, x: usize, y: usize) {
    let x = area.x.saturating_add(u16::try_from(x).unwrap_or(u16::MAX));
    let y = area.y.saturating_add(u16::try_from(y).unwrap_or(u16::MAX));
    if x < area.right() && y < area.bottom() {
        pen.frame.set_cursor_position((x, y));
    }
}
