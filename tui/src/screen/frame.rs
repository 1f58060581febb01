//! What surrounds every screen: tabs above; below, what this machine has verified and the keys.

use althing_node::api::Snapshot;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::app::{App, Screen};
use crate::format::{entries, thousands};
use crate::keymap::footer;
use crate::text::{cut, width};
use crate::untrusted::Untrusted;
use crate::widget::Pen;

/// Draws the surroundings and gives the room for the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, area: Rect) -> Rect {
    let [tabs, body, status, keys] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1), Constraint::Length(1)])
            .areas(area);
    draw_tabs(pen, app, tabs);
    draw_status(pen, app, status);
    draw_keys(pen, app, keys);
    body
}

/// The tabs, and the name of the DAO where it fits.
fn draw_tabs(pen: &mut Pen<'_, '_>, app: &App, area: Rect) {
    let mut spans = vec![Span::styled(" Althing ", pen.theme.title)];
    let short = area.width < 72;
    for (index, screen) in Screen::TABS.iter().enumerate() {
        let here = app.screen.tab() == index;
        let style = if here { pen.theme.selected } else { pen.theme.dim };
        let text =
            if short && !here { format!(" {} ", index + 1) } else { format!(" {} {} ", index + 1, screen.title()) };
        spans.push(Span::styled(text, style));
    }
    let left = Line::from(spans);
    let room = usize::from(area.width).saturating_sub(left.width() + 2);
    if let Some(snapshot) = &app.snapshot {
        let name =
            format!("{} · {}", Untrusted::new(&snapshot.status.dao_name), Untrusted::new(&snapshot.status.network));
        if room >= 12 {
            let name = Line::styled(format!("{} ", cut(&name, room)), pen.theme.dim).right_aligned();
            pen.frame.render_widget(name, area);
        }
    }
    pen.frame.render_widget(left, Rect { width: area.width.saturating_sub(u16::try_from(room).unwrap_or(0)), ..area });
}

/// What happened last, else what this machine has verified.
fn draw_status(pen: &mut Pen<'_, '_>, app: &App, area: Rect) {
    let (text, style) = match (&app.notice, &app.trouble, app.snapshot.as_deref()) {
        (Some(notice), _, _) if notice.is_trouble => (format!(" ✗ {}", notice.text), pen.theme.bad),
        (Some(notice), _, _) => (format!(" ✓ {}", notice.text), pen.theme.good),
        (None, Some(trouble), Some(_)) => (format!(" ✗ not current: {trouble}"), pen.theme.bad),
        (None, _, Some(snapshot)) => (verified(snapshot), pen.theme.dim),
        (None, _, None) => (" nothing verified on this machine yet".to_owned(), pen.theme.dim),
    };
    let line = Line::styled(cut(&text, usize::from(area.width)), style);
    pen.frame.render_widget(line, area);
}

/// What this machine has verified, in words.
fn verified(snapshot: &Snapshot) -> String {
    let status = &snapshot.status;
    let mut text = format!(" verified here: {}", entries(status.log_size));
    if let Some(head) = status.head_height {
        text.push_str(&format!(", head at {}", thousands(u128::from(head))));
    }
    text.push_str(&format!(" of tip {}", thousands(u128::from(status.tip_height))));
    match status.final_epoch {
        Some(epoch) => text.push_str(&format!(", epoch {epoch} final")),
        None => text.push_str(", no epoch final"),
    }
    text
}

/// The keys that matter here; help and quit are kept when the room runs out.
fn draw_keys(pen: &mut Pen<'_, '_>, app: &App, area: Rect) {
    if app.filtering {
        let typed = format!(" / {}", app.filter);
        let cursor = area.x.saturating_add(u16::try_from(width(&typed)).unwrap_or(0));
        pen.frame.render_widget(Line::styled(typed, pen.theme.text), area);
        if cursor < area.right() {
            pen.frame.set_cursor_position((cursor, area.y));
        }
        return;
    }
    let mut shown: Vec<(String, &str)> =
        footer(app.contexts()).map(|(binding, words)| (binding.keys[0].name(), words)).collect();
    let needed = |(key, words): &(String, &str)| width(key) + 1 + width(words) + 3;
    // Help and quit come last in the table; they stay, since help names all the others.
    while shown.len() > 2 && shown.iter().map(needed).sum::<usize>() > usize::from(area.width) + 2 {
        shown.remove(shown.len() - 3);
    }
    let mut spans = vec![Span::raw(" ")];
    for (key, words) in shown {
        spans.push(Span::styled(key, pen.theme.key));
        spans.push(Span::styled(format!(" {words}   "), pen.theme.dim));
    }
    pen.frame.render_widget(Line::from(spans), area);
}
