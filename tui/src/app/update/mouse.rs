//! The mouse: a click means what the picture says is there.

use ratatui::layout::Position;

use super::on_act;
use crate::app::state::{App, Hit, Popup};
use crate::app::{Act, Command};

/// A click: what the picture says is there.
pub(super) fn on_click(app: &mut App, x: u16, y: u16) -> Vec<Command> {
    let hit = app.hits.iter().rev().find(|(area, _)| area.contains(Position::new(x, y))).map(|(_, hit)| *hit);
    match hit {
        None => Vec::new(),
        Some(Hit::Act(act)) => on_act(app, act),
        Some(Hit::Row(row)) => on_row(app, row),
    }
}

/// A click on a row: it is selected; once it is, another click opens it.
fn on_row(app: &mut App, row: usize) -> Vec<Command> {
    match app.popups.last_mut() {
        Some(Popup::Choose(choose)) => choose.click(row),
        Some(Popup::Form(form)) => form.go(row),
        Some(Popup::Pick(pick)) if pick.row == row => return on_act(app, Act::Confirm),
        Some(Popup::Pick(pick)) => pick.row = row.min(pick.count().saturating_sub(1)),
        Some(Popup::Why { at, .. }) if *at == row => return on_act(app, Act::Open),
        Some(Popup::Why { at, .. }) => *at = row,
        Some(_) => {}
        None => {
            let last = app.row_count().saturating_sub(1);
            let selected = app.selected_mut();
            if *selected == row {
                return on_act(app, Act::Open);
            }
            *selected = row.min(last);
        }
    }
    Vec::new()
}
