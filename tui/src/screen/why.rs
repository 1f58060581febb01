//! Why is this true? From a receipt to a block, each step recomputed here, each to be opened.

use std::collections::BTreeSet;

use althing_node::api::{WhyState, WhyStep};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::format::grouped;
use crate::text::{counted, hanging, paragraph, width};
use crate::untrusted::Untrusted;
use crate::widget::{Pen, panel};
use crate::words::why_value;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, body: Rect, at: usize, open: &BTreeSet<usize>) {
    let inner = panel(pen, body, "Why is this true?", true);
    let columns = usize::from(inner.width);
    let Some(why) = &app.desk.why else {
        pen.frame.render_widget(Line::styled("Recomputing every step…", pen.theme.dim), inner);
        pen.cursor(inner, 0, 0);
        return;
    };
    let head = paragraph(&counted(&Untrusted::new(&why.statement).line()), columns, pen.theme.title);
    let rows = u16::try_from(head.len() + 1).unwrap_or(u16::MAX).min(inner.height / 2);
    let [top, rest, foot] =
        Layout::vertical([Constraint::Length(rows), Constraint::Min(1), Constraint::Length(1)]).areas(inner);
    pen.text(head, top);
    let mut lines = Vec::new();
    let mut rows_of = Vec::new();
    for (index, step) in why.steps.iter().enumerate() {
        let from = lines.len();
        lines.extend(step_lines(pen, step, index == at, open.contains(&index), columns));
        rows_of.push((from, lines.len()));
    }
    // The step with the keyboard is in sight, as far as it fits.
    let height = usize::from(rest.height);
    let (from, to) = rows_of.get(at).copied().unwrap_or((0, 0));
    let first = to.saturating_sub(height).min(from);
    for (index, (from, to)) in rows_of.iter().enumerate() {
        for row in *from..*to {
            if row >= first && row < first + height {
                pen.hit_row(rest, row - first, index);
            }
        }
    }
    let below = lines.len() > first + height;
    let shown: Vec<Line<'static>> = lines.into_iter().skip(first).take(height).collect();
    pen.text(shown, rest);
    pen.cursor(rest, 0, from - first);
    let holds = why.steps.iter().filter(|step| step.state == WhyState::Holds).count();
    let more = if below { " ↓ more" } else { "" };
    let text = format!("{holds} of {} steps hold, each computed by this machine.{more}", why.steps.len());
    pen.frame.render_widget(Line::styled(text, pen.theme.dim), foot);
}

/// A step: its state, what was done, and its values when it is open.
fn step_lines(pen: &Pen<'_, '_>, step: &WhyStep, here: bool, is_open: bool, columns: usize) -> Vec<Line<'static>> {
    let theme = &pen.theme;
    let (sign, word, style) = match step.state {
        WhyState::Holds => ("✓", "holds", theme.good),
        WhyState::NotYet => ("○", "not yet", theme.warn),
        WhyState::Broken => ("✗", "BROKEN", theme.bad),
    };
    let mark = if is_open { "▾" } else { "▸" };
    let name_style = if here { theme.selected } else { theme.title };
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{sign} "), style),
        Span::styled(format!("{mark} {:<8}", Untrusted::new(&step.name).line()), name_style),
        Span::styled(format!(" {word}"), style),
    ])];
    lines.extend(hanging("    ", &counted(&Untrusted::new(&step.sentence).line()), columns, theme.text));
    if is_open {
        for (name, value) in &step.values {
            let label = format!("    {}: ", Untrusted::new(name));
            let value = why_value(name, value);
            let is_hash = width(&value) >= 40 && value.chars().all(|c| c.is_ascii_hexdigit());
            let value = if is_hash { grouped(&value) } else { value };
            lines.extend(hanging(&label, &value, columns, theme.dim));
        }
    }
    lines
}
