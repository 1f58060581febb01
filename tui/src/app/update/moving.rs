//! Where the keyboard goes: screens, rows, lines.

use crate::app::state::App;
use crate::app::{Act, Screen, Section};

/// Rows of a page in a list, lines of a page in a text.
const PAGE: usize = 10;

/// Screens that can be gone back through.
const MAX_BACK: usize = 32;

/// To a part of the treasury. What was typed to filter another part means nothing there.
pub(super) fn part(app: &mut App, section: Section) {
    go(app, Screen::Treasury);
    if section != app.section {
        app.filters.remove(&Screen::Treasury);
    }
    (app.section, app.scroll) = (section, 0);
}

/// To a screen, remembering the one before.
pub(super) fn go(app: &mut App, screen: Screen) {
    if screen == app.screen {
        return;
    }
    if app.back.len() == MAX_BACK {
        app.back.remove(0);
    }
    app.back.push(app.screen);
    app.screen = screen;
    app.scroll = 0;
}

/// To the tab that many places on.
pub(super) fn go_tab(app: &mut App, places: usize) {
    let next = (app.screen.tab() + places) % Screen::TABS.len();
    go(app, Screen::TABS[next]);
}

/// Undoes the filter first, then goes back a screen.
pub(super) fn back(app: &mut App) {
    if app.filtering || !app.filter().is_empty() {
        app.filtering = false;
        app.filters.remove(&app.screen);
    } else {
        app.screen = app.back.pop().unwrap_or(Screen::Home);
    }
    app.scroll = 0;
}

/// Moves the selected row of the list on the screen.
pub(super) fn select(app: &mut App, act: Act) {
    let last = app.row_count().saturating_sub(1);
    let row = app.selected_mut();
    *row = moved(*row, act, last);
}

/// The place after an act of moving.
pub(super) fn scrolled(scroll: u16, act: Act, limit: u16) -> u16 {
    match act {
        Act::Down => scroll.saturating_add(1),
        Act::Up => scroll.min(limit).saturating_sub(1),
        Act::PageDown => scroll.saturating_add(PAGE as u16),
        Act::PageUp => scroll.min(limit).saturating_sub(PAGE as u16),
        Act::First => 0,
        Act::Last => limit,
        _ => scroll,
    }
    .min(limit)
}

/// The row after an act of moving.
pub(super) fn moved(row: usize, act: Act, last: usize) -> usize {
    match act {
        Act::Down => row.saturating_add(1),
        Act::Up => row.saturating_sub(1),
        Act::PageDown => row.saturating_add(PAGE),
        Act::PageUp => row.saturating_sub(PAGE),
        Act::First => 0,
        Act::Last => last,
        _ => row,
    }
    .min(last)
}
