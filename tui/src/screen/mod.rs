//! Drawing. One file per screen; a popup is drawn over its screen. Reads the application, changes nothing.

mod audit;
mod ballots;
mod chain;
mod channels;
mod choose;
mod codes;
mod form;
mod frame;
mod help;
mod home;
mod learn;
mod lesson;
mod members;
mod operator;
mod page;
mod pick;
mod proposal;
mod proposals;
mod review;
mod treasury;
mod why;

use althing_node::api::{Role, Status};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Block;

use crate::app::{App, Hit, Page, Popup, Screen};
use crate::theme::Theme;
use crate::untrusted::is_showable;
use crate::widget::{Pen, panel};

pub use help::GLOSSARY;
pub(crate) use proposal::reading_order;

/// Below this width or height there is no room for a screen.
const SMALLEST: (u16, u16) = (40, 12);

/// What drawing found out and the next key or click needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// How far the text on top can be scrolled.
    pub scroll_limit: u16,
    /// What a click on each part of the picture means, the topmost last.
    pub hits: Vec<(Rect, Hit)>,
    /// Columns and rows of the picture.
    pub size: (u16, u16),
    /// Rows of lists that were made for the picture; only those on the screen should be.
    pub rows_made: usize,
}

/// Draws the application.
pub fn render(frame: &mut Frame<'_>, app: &App, theme: Theme) -> Rendered {
    let mut pen = Pen { frame, theme, scroll_limit: 0, hits: Vec::new(), rows_made: 0 };
    let area = pen.frame.area();
    pen.frame.render_widget(Block::new().style(theme.ground), area);
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(&mut pen, area);
    } else {
        let body = frame::draw(&mut pen, app, area);
        let body = lesson::draw(&mut pen, app, body);
        draw_screen(&mut pen, app, body);
        for popup in &app.popups {
            pen.scroll_limit = 0;
            // What lies under a popup cannot be clicked through it.
            pen.hits.retain(|(part, _)| part.y == area.bottom().saturating_sub(1));
            match popup {
                Popup::Page { page: Page::Help, scroll } => help::draw(&mut pen, app, body, *scroll),
                Popup::Page { page: Page::Codes { title, codes, at, moves }, .. } => {
                    let all = Rect { height: area.height.saturating_sub(1), ..area };
                    let moves = *moves && !app.settings.reduced_motion;
                    codes::draw(&mut pen, all, (title.as_str(), codes.as_slice(), *at), moves);
                }
                Popup::Page { page, scroll } => page::draw(&mut pen, app, body, page, *scroll),
                Popup::Why { at, open } => why::draw(&mut pen, app, body, *at, open),
                Popup::Choose(choose) => choose::draw(&mut pen, app, body, choose),
                Popup::Review(review) => review::draw(&mut pen, app, body, review),
                Popup::Form(form) => form::draw(&mut pen, app, body, form),
                Popup::Pick(pick) => pick::draw(&mut pen, body, pick),
            }
        }
    }
    let rendered = Rendered {
        scroll_limit: pen.scroll_limit,
        hits: std::mem::take(&mut pen.hits),
        size: (area.width, area.height),
        rows_made: pen.rows_made,
    };
    last_net(pen.frame);
    rendered
}

/// The screen under the popups.
fn draw_screen(pen: &mut Pen<'_, '_>, app: &App, body: Rect) {
    if app.screen == Screen::Learn {
        // It needs no node.
        learn::draw(pen, app, body);
        return;
    }
    let Some(snapshot) = app.snapshot.as_deref() else {
        loading(pen, app, body);
        return;
    };
    match app.screen {
        Screen::Home => home::draw(pen, app, snapshot, body),
        Screen::Proposals => proposals::draw(pen, app, snapshot, body),
        Screen::Proposal => proposal::draw(pen, app, snapshot, body),
        Screen::Ballots => ballots::draw(pen, app, snapshot, body),
        Screen::Treasury => treasury::draw(pen, app, snapshot, body),
        Screen::Channels => channels::draw(pen, app, snapshot, body),
        Screen::Members => members::draw(pen, app, snapshot, body),
        Screen::Chain => chain::draw(pen, app, snapshot, body),
        Screen::Audit => audit::draw(pen, app, snapshot, body),
        Screen::Operator => operator::draw(pen, app, snapshot, body),
        Screen::Learn => {}
    }
}

/// `title (3)`, or `title (1 of 3) / filter` while one is set.
fn counted(app: &App, title: &str, all: usize) -> String {
    match app.filter() {
        "" => format!("{title} ({all})"),
        filter => format!("{title} ({} of {all}) / {filter}", app.places().len()),
    }
}

/// What an empty list says: that nothing is there, or that the filter lets nothing through.
fn empty<'a>(app: &App, words: &'a str) -> &'a str {
    if app.filter().is_empty() { words } else { "Nothing matches these letters. Press esc to see all." }
}

/// The same of a list of what is in the log: not before the log is read is it known that nothing is there (N-425).
fn empty_in_log<'a>(app: &App, words: &'a str) -> &'a str {
    let is_reading = app.snapshot.as_deref().is_some_and(|snapshot| snapshot.status.reading.is_some());
    let unread = "None is known here yet: the log is not read to its end.";
    empty(app, if is_reading { unread } else { words })
}

/// How the hub is reached, as far as that is known now.
fn connection(app: &App, status: &Status) -> &'static str {
    match (app.trouble.is_some(), status.role, status.hub_connected) {
        (true, Role::Hub, _) if app.is_node_gone() => "✗ this node, which has stopped",
        (true, ..) if app.is_node_gone() => "✗ not known: the node has stopped",
        (true, ..) => "✗ not known now",
        (false, Role::Hub, _) => "this node",
        (false, Role::Member, true) => "✓ connected",
        (false, Role::Member, false) => "✗ not reachable",
    }
}

/// Before the first snapshot.
fn loading(pen: &mut Pen<'_, '_>, app: &App, body: Rect) {
    let inner = panel(pen, body, app.screen.title(), false);
    let lines = match &app.trouble {
        Some(trouble) => crate::text::hanging("✗ ", trouble, usize::from(inner.width), pen.theme.bad),
        None => vec![Line::styled("Loading what this node has verified…", pen.theme.dim)],
    };
    pen.text(lines, inner);
    pen.cursor(inner, 0, 0);
}

/// Says what is missing, as far as even that fits.
fn too_small(pen: &mut Pen<'_, '_>, area: Rect) {
    let text = format!(
        "Althing needs {} x {} characters; this terminal has {} x {}.",
        SMALLEST.0, SMALLEST.1, area.width, area.height
    );
    let lines = crate::text::paragraph(&text, usize::from(area.width), pen.theme.text);
    pen.text(lines, area);
}

/// Whatever was forgotten above: nothing leaves for the terminal that could be more than a letter.
fn last_net(frame: &mut Frame<'_>) {
    for cell in &mut frame.buffer_mut().content {
        if cell.symbol().chars().any(|c| !is_showable(c) && c != '\u{27e6}') {
            cell.set_symbol("\u{fffd}");
        }
    }
}
