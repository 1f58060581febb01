//! Writing a comment or a text proposal.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span, Text};

use crate::app::{App, Write, WriteKind};
use crate::format::thousands;
use crate::text::{cut, hanging, width};
use crate::untrusted::Untrusted;
use crate::widget::{Pen, centred, panel};

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, body: Rect, write: &Write) {
    let area = centred(body, 100, 30);
    let title = match &write.kind {
        WriteKind::Proposal => "A text proposal".to_owned(),
        WriteKind::Comment { proposal } => match app.proposal(proposal) {
            Some(p) => format!("A comment on #{} {}", p.number, Untrusted::new(&p.title)),
            None => "A comment".to_owned(),
        },
    };
    let inner = panel(pen, area, &cut(&title, usize::from(area.width).saturating_sub(6)), true);
    let title_rows = if write.kind == WriteKind::Proposal { 2 } else { 0 };
    let [head, text, foot] =
        Layout::vertical([Constraint::Length(title_rows), Constraint::Min(1), Constraint::Length(2)]).areas(inner);
    if write.kind == WriteKind::Proposal {
        draw_title(pen, head, write);
    }
    let mut field = write.body.clone();
    field.set_style(pen.theme.text);
    field.set_cursor_line_style(pen.theme.text);
    field.set_placeholder_text("Markdown; public and permanent.");
    field.set_placeholder_style(pen.theme.dim);
    if write.on_title {
        field.set_cursor_style(pen.theme.text);
    }
    pen.frame.render_widget(&field, text);
    draw_foot(pen, foot, write);
}

/// The title line.
fn draw_title(pen: &mut Pen<'_, '_>, area: Rect, write: &Write) {
    let label = "Title ";
    let style = if write.on_title { pen.theme.key } else { pen.theme.dim };
    let line = Line::from(vec![Span::styled(label, style), Span::styled(write.title.clone(), pen.theme.title)]);
    pen.frame.render_widget(line, area);
    let x = area.x.saturating_add(u16::try_from(width(label) + width(&write.title)).unwrap_or(u16::MAX));
    if write.on_title && x < area.right() {
        pen.frame.set_cursor_position((x, area.y));
    }
}

/// What is wrong, or how long the text is.
fn draw_foot(pen: &mut Pen<'_, '_>, area: Rect, write: &Write) {
    let columns = usize::from(area.width);
    let bytes: usize = write.body.lines().iter().map(|line| line.len() + 1).sum::<usize>() - 1;
    let lines = match &write.problem {
        Some(problem) => hanging("✗ ", problem, columns, pen.theme.bad),
        None if write.sending => vec![Line::styled("Sent; waiting for the hub's receipt…", pen.theme.warn)],
        None => vec![Line::styled(format!("{} bytes", thousands(bytes as u128)), pen.theme.dim)],
    };
    pen.frame.render_widget(Text::from(lines), area);
}
