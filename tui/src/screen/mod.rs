//! Drawing. One file per screen; a popup is drawn over its screen. Reads the application, changes nothing.

mod ballots;
mod cast;
mod chain;
mod frame;
mod help;
mod home;
mod members;
mod proposal;
mod proposals;
mod stake;
mod write;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Text};

use crate::app::{App, Popup, Screen};
use crate::theme::Theme;
use crate::untrusted::is_showable;
use crate::widget::{Pen, panel};

/// Below this width or height there is no room for a screen.
const SMALLEST: (u16, u16) = (40, 12);

/// What drawing found out and the next key needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rendered {
    /// How far the text on top can be scrolled.
    pub scroll_limit: u16,
}

/// Draws the application.
pub fn render(frame: &mut Frame<'_>, app: &App, theme: Theme) -> Rendered {
    let mut pen = Pen { frame, theme, scroll_limit: 0 };
    let area = pen.frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(&mut pen, area);
    } else {
        let body = frame::draw(&mut pen, app, area);
        draw_screen(&mut pen, app, body);
        for popup in &app.popups {
            pen.scroll_limit = 0;
            match popup {
                Popup::Help { scroll } => help::draw(&mut pen, app, area, *scroll),
                Popup::Choose(choose) => cast::draw_choice(&mut pen, app, body, choose),
                Popup::Review(review) => cast::draw_review(&mut pen, body, review),
                Popup::Write(write) => write::draw(&mut pen, app, body, write),
            }
        }
    }
    let rendered = Rendered { scroll_limit: pen.scroll_limit };
    last_net(pen.frame);
    rendered
}

/// The screen under the popups.
fn draw_screen(pen: &mut Pen<'_, '_>, app: &App, body: Rect) {
    let Some(snapshot) = app.snapshot.as_deref() else {
        loading(pen, app, body);
        return;
    };
    match app.screen {
        Screen::Home => home::draw(pen, app, snapshot, body),
        Screen::Proposals => proposals::draw(pen, app, snapshot, body),
        Screen::Proposal => proposal::draw(pen, app, snapshot, body),
        Screen::Ballots => ballots::draw(pen, app, snapshot, body),
        Screen::Chain => chain::draw(pen, app, snapshot, body),
        Screen::Members => members::draw(pen, app, snapshot, body),
        Screen::Stake => stake::draw(pen, app, snapshot, body),
    }
}

/// Before the first snapshot.
fn loading(pen: &mut Pen<'_, '_>, app: &App, body: Rect) {
    let inner = panel(pen, body, app.screen.title(), false);
    let lines = match &app.trouble {
        Some(trouble) => crate::text::hanging("✗ ", trouble, usize::from(inner.width), pen.theme.bad),
        None => vec![Line::styled("Loading what this node has verified…", pen.theme.dim)],
    };
    pen.frame.render_widget(Text::from(lines), inner);
}

/// Says what is missing, as far as even that fits.
fn too_small(pen: &mut Pen<'_, '_>, area: Rect) {
    let text = format!(
        "Althing needs {} x {} characters; this terminal has {} x {}.",
        SMALLEST.0, SMALLEST.1, area.width, area.height
    );
    let lines = crate::text::paragraph(&text, usize::from(area.width), pen.theme.text);
    pen.frame.render_widget(Text::from(lines), area);
}

/// Whatever was forgotten above: nothing leaves for the terminal that could be more than a letter.
fn last_net(frame: &mut Frame<'_>) {
    for cell in &mut frame.buffer_mut().content {
        if cell.symbol().chars().any(|c| !is_showable(c) && c != '\u{27e6}') {
            cell.set_symbol("\u{fffd}");
        }
    }
}
