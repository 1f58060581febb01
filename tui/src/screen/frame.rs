//! What surrounds every screen: tabs above; below, what this machine has verified and the keys.

use althing_node::api::Snapshot;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::app::{Act, App, Hit, Popup, Screen, start_again};
use crate::format::{entries, thousands};
use crate::text::{cut, width};
use crate::untrusted::Untrusted;
use crate::widget::Pen;

/// From this width on the tabs have numbers and room for the name of the DAO.
const WIDE: u16 = 112;

/// From this width on all names are whole.
const WHOLE: u16 = 87;

/// Below this width only the tab of the screen shown has a name.
const NARROW: u16 = 79;

/// Pictures of something turning, one for each tick.
const SPINNER: [char; 4] = ['|', '/', '-', '\\'];

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
    let mut spans = Vec::new();
    let mut x = area.x;
    if area.width >= WIDE {
        spans.push(Span::styled(" Althing ", pen.theme.title));
        x += 9;
    }
    for (index, screen) in Screen::TABS.iter().enumerate() {
        let here = app.screen.tab() == index;
        let style = if here { pen.theme.selected } else { pen.theme.dim };
        let number = (index + 1) % 10;
        let text = match (here, area.width) {
            (_, WIDE..) => format!(" {number} {} ", screen.title()),
            (false, ..NARROW) => format!(" {number} "),
            (true, ..NARROW) | (_, WHOLE..) => format!(" {number}{}", screen.title()),
            // The key is more than the end of the name.
            _ => format!(" {number}{}", short(*screen)),
        };
        let text_width = u16::try_from(width(&text)).unwrap_or(0);
        let part = Rect { x, y: area.y, width: text_width, height: 1 }.intersection(area);
        pen.hits.push((part, Hit::Act(Act::Go(*screen))));
        x = x.saturating_add(text_width);
        spans.push(Span::styled(text, style));
    }
    let left = Line::from(spans);
    let room = usize::from(area.width).saturating_sub(left.width() + 2);
    if let Some(snapshot) = &app.snapshot {
        let light = if snapshot.status.light.is_some() { "light · " } else { "" };
        let status = &snapshot.status;
        let name = format!("{light}{} · {}", Untrusted::new(&status.dao_name), Untrusted::new(&status.network));
        if room >= 12 {
            let name = Line::styled(format!("{} ", cut(&name, room)), pen.theme.dim).right_aligned();
            pen.frame.render_widget(name, area);
        }
    }
    let used = u16::try_from(left.width()).unwrap_or(area.width).min(area.width);
    pen.frame.render_widget(left, Rect { width: used, ..area });
}

/// The name of a tab where ten of them have to fit beside their keys.
fn short(screen: Screen) -> &'static str {
    match screen {
        Screen::Proposals => "Props",
        Screen::Operator => "Oper.",
        other => other.title(),
    }
}

/// What happened last, else what this machine has verified.
fn draw_status(pen: &mut Pen<'_, '_>, app: &App, area: Rect) {
    let (text, style) = match (&app.notice, &app.trouble, app.snapshot.as_deref()) {
        (Some(notice), _, _) if notice.is_trouble => (Some(format!(" ✗ {}", notice.text)), pen.theme.bad),
        (Some(notice), _, _) => (Some(format!(" ✓ {}", notice.text)), pen.theme.good),
        // The place of its socket is long, and the end of the line is what would help.
        (None, Some(_), Some(_)) if app.is_node_gone() => {
            let run = start_again(app.is_hub());
            (Some(format!(" ✗ not current: the node has stopped; start it again: {run}")), pen.theme.bad)
        }
        (None, Some(trouble), Some(_)) => (Some(format!(" ✗ not current: {trouble}")), pen.theme.bad),
        (None, _, Some(_)) => (None, pen.theme.dim),
        (None, _, None) => (Some(" nothing verified on this machine yet".to_owned()), pen.theme.dim),
    };
    let room = usize::from(area.width);
    let working = match (app.pending, app.settings.reduced_motion) {
        (0, _) => String::new(),
        (_, true) => " working… ".to_owned(),
        (_, false) => format!(" {} working ", SPINNER[usize::try_from(app.beat % 4).unwrap_or(0)]),
    };
    // It stands whatever else is said: whoever reads an order's refusal has to know why.
    let sign = if app.readonly { " read only ·" } else { "" };
    let room = room.saturating_sub(width(&working) + width(sign));
    let text = match text {
        Some(text) => cut(&text, room),
        None => app.snapshot.as_deref().map_or_else(String::new, |snapshot| verified(snapshot, room)),
    };
    let sign = Span::styled(sign, pen.theme.warn);
    pen.frame.render_widget(Line::from(vec![sign, Span::raw(text)]).style(style), area);
    if !working.is_empty() {
        pen.frame.render_widget(Line::styled(working, pen.theme.warn).right_aligned(), area);
    }
}

/// What this machine has verified, in words: as much as has room, in whole parts.
fn verified(snapshot: &Snapshot, room: usize) -> String {
    let status = &snapshot.status;
    let tip = format!("tip {}", thousands(u128::from(status.tip_height)));
    let height = match status.head_height {
        Some(head) => format!("head at {} of {tip}", thousands(u128::from(head))),
        None => tip,
    };
    let last = status.final_epoch.map_or_else(|| "no epoch final".to_owned(), |epoch| format!("epoch {epoch} final"));
    let log = entries(status.log_size);
    let ways = [
        format!(" verified here: {log}, {height}, {last}"),
        format!(" verified here: {log}, {last}"),
        format!(" verified: {log}"),
        format!(" {log}"),
    ];
    ways.into_iter().find(|words| width(words) <= room).unwrap_or_default()
}

/// The keys that matter here; the palette, help and quit are kept when the room runs out.
fn draw_keys(pen: &mut Pen<'_, '_>, app: &App, area: Rect) {
    if app.filtering && app.popups.is_empty() {
        let typed = format!(" / {}", app.filter());
        let cursor = width(&typed);
        pen.frame.render_widget(Line::styled(typed, pen.theme.text), area);
        pen.cursor(area, cursor, 0);
        return;
    }
    let mut shown: Vec<(String, &str, Act)> = app
        .keymap
        .footer(app.contexts())
        // A page is the row in full already.
        .filter(|(binding, _)| app.can(binding.act))
        .filter(|(binding, _)| binding.act != Act::Open || !matches!(app.popups.last(), Some(Popup::Page { .. })))
        .filter_map(|(binding, words)| Some((binding.keys.first()?.name(), words, binding.act)))
        .collect();
    let needed = |(key, words, _): &(String, &str, Act)| width(key) + 1 + width(words) + 3;
    // The palette, help and quit come last in the table; they stay, since they name all the others. On a page it is how to read
    // on and how to close it; copying goes before what can be done with what the page shows.
    let stay = if matches!(app.popups.last(), Some(Popup::Page { .. })) { 2 } else { 3 };
    while shown.len() > stay && shown.iter().map(needed).sum::<usize>() > usize::from(area.width) + 2 {
        let copy = shown.iter().position(|(_, _, act)| *act == Act::Copy);
        shown.remove(copy.unwrap_or(shown.len() - 1 - stay));
    }
    let mut spans = vec![Span::raw(" ")];
    let mut x = area.x + 1;
    for (key, words, act) in shown {
        let text_width = u16::try_from(width(&key) + 1 + width(words)).unwrap_or(0);
        pen.hits.push((Rect { x, y: area.y, width: text_width, height: 1 }.intersection(area), Hit::Act(act)));
        x = x.saturating_add(text_width + 3);
        spans.push(Span::styled(key, pen.theme.key));
        spans.push(Span::styled(format!(" {words}   "), pen.theme.dim));
    }
    pen.frame.render_widget(Line::from(spans), area);
}
