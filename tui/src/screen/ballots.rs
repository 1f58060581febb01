//! My ballots and how far each is from final.

use althing_node::api::{Ballot, Role, Snapshot};
use althing_node::view::late_words;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use crate::app::{Act, App, Screen};
use crate::format::thousands;
use crate::keymap::Context;
use crate::text::{cut, paragraph};
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, Rows, list, panel, path_lines, path_signs};
use crate::words;

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    if snapshot.status.role == Role::Hub {
        let inner = panel(pen, area, "Ballots", true);
        let proposals = app.keymap.key_of(&[Context::Screens], Act::Go(Screen::Proposals)).unwrap_or_default();
        let text = format!(
            "This is a hub, which has no vote and casts no ballots. {proposals} shows the proposals with their sums; \
             althing why PROPOSAL --member NAME shows that a member's ballot is counted."
        );
        return pen.text(paragraph(&text, usize::from(inner.width), pen.theme.dim), inner);
    }
    let [top, bottom] = Layout::vertical([Constraint::Min(4), Constraint::Length(10)]).areas(area);
    let inner = panel(pen, top, &super::counted(app, "My ballots", snapshot.ballots.len()), true);
    let columns = [
        Column::words("choice", Constraint::Length(10)).goes(1),
        Column::words("proposal", Constraint::Fill(1)),
        Column::words("path", Constraint::Length(26)),
    ];
    let theme = pen.theme;
    let places = app.places();
    let row = |index: usize| {
        let ballot = &snapshot.ballots[places[index]];
        let style = if ballot.replaced || ballot.too_late.is_some() { theme.dim } else { theme.text };
        let choice = format!("{} {}", words::choice_sign(&ballot.choice), ballot.choice);
        let path = if ballot.too_late.is_some() {
            Line::styled("too late, not counted", theme.dim)
        } else if ballot.replaced {
            Line::styled("replaced by a later ballot", theme.dim)
        } else {
            path_signs(&ballot.path, &theme)
        };
        let title = match ballot.as_treasurer {
            true => format!("(treasurer) {}", Untrusted::new(&ballot.title)),
            false => Untrusted::new(&ballot.title).line(),
        };
        vec![Line::styled(choice, style), Line::styled(title, style), path]
    };
    let rows = Rows {
        count: places.len(),
        selected: app.selections.ballots,
        row: &row,
        empty: super::empty(app, "You have not voted yet."),
    };
    list(pen, inner, &columns, &rows);
    let inner = panel(pen, bottom, "Its path to finality", false);
    if let Some(ballot) = selected(app, snapshot) {
        let lines = details(ballot, usize::from(inner.width), pen);
        pen.text(lines, inner);
    }
}

/// The selected ballot.
fn selected<'a>(app: &App, snapshot: &'a Snapshot) -> Option<&'a Ballot> {
    snapshot.ballots.get(app.selected_place().or_else(|| app.places().last().copied())?)
}

/// The path step by step, what it means, and where the ballot is in the log.
fn details(ballot: &Ballot, columns: usize, pen: &Pen<'_, '_>) -> Vec<Line<'static>> {
    let mut lines = path_lines(&ballot.path, &pen.theme);
    if let Some(end) = ballot.too_late {
        lines.extend(paragraph(&late_words(end), columns, pen.theme.text));
    }
    lines.extend(paragraph(&words::path_meaning(&ballot.path), columns, pen.theme.text));
    let place = match ballot.position {
        Some(position) => format!(
            "entry {} of the log, number {} of this {}",
            thousands(u128::from(position)),
            thousands(u128::from(ballot.sequence)),
            if ballot.as_treasurer { "treasurer" } else { "member" }
        ),
        None => "not in the log yet".to_owned(),
    };
    lines.push(Line::styled(place, pen.theme.dim));
    if let Some(reason) = &ballot.reason {
        lines.push(Line::styled(cut(&format!("public reason: {}", Untrusted::new(reason)), columns), pen.theme.dim));
    }
    lines
}
