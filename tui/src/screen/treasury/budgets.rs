//! Budgets: how much of each is paid, and what is left, as bars.

use althing_node::api::{BudgetView, Snapshot};
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span, Text};

use super::empty;
use crate::app::App;
use crate::format::{blocks_and_time, grouped, sats, thousands};
use crate::screen::counted;
use crate::text::{cut, hanging, paragraph};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, Rows, bar, list, panel};

/// Cells of a bar.
const CELLS: u16 = 20;

/// Draws the part.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, top: Rect, bottom: Rect) {
    let overview = app.desk.treasury.as_deref();
    let found = overview.map(|found| found.budgets.as_slice()).unwrap_or_default();
    let inner = panel(pen, top, &counted(app, "Budgets", found.len()), true);
    let columns = [
        Column::words("what", Constraint::Fill(1)),
        Column::words("paid", Constraint::Length(CELLS)),
        Column::number("left", 20),
    ];
    let theme = pen.theme;
    let places = app.places();
    let room = usize::from(inner.width).saturating_sub(usize::from(CELLS) + 20 + 4);
    let row = |index: usize| {
        let budget = &found[places[index]];
        let (filled, rest) = bar(u128::from(budget.paid_sat), u128::from(budget.total_sat), CELLS);
        vec![
            Line::from(cut(&Untrusted::new(&budget.title).line(), room)),
            Line::from(vec![Span::styled(filled, theme.good), Span::styled(rest, theme.border)]),
            Line::from(sats(budget.authorised_sat.saturating_add(budget.waiting_sat))),
        ]
    };
    let words = "No budget was decided. althing propose budget --help proposes one: milestones that are paid one after the \
                 other, without another vote, until a vote stops it.";
    let rows = Rows {
        count: places.len(),
        selected: app.selections.treasury[app.section as usize],
        row: &row,
        empty: empty(app, overview.is_some(), words),
    };
    list(pen, inner, &columns, &rows);
    let inner = panel(pen, bottom, "Its milestones", false);
    if let Some(budget) = app.selected_place().and_then(|place| found.get(place)) {
        let lines = milestones(budget, snapshot, usize::from(inner.width), &pen.theme);
        pen.frame.render_widget(Text::from(lines), inner);
    }
}

/// Whom it pays, and each milestone with its state; the budget can be stopped by a vote.
fn milestones(budget: &BudgetView, snapshot: &Snapshot, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let tip = snapshot.status.tip_height;
    let sums = format!(
        "{} in all: {} paid, {} may be paid, {} wait, {} ended",
        sats(budget.total_sat),
        thousands(u128::from(budget.paid_sat)),
        thousands(u128::from(budget.authorised_sat)),
        thousands(u128::from(budget.waiting_sat)),
        thousands(u128::from(budget.ended_sat))
    );
    let mut lines = paragraph(&sums, columns, theme.text);
    for milestone in &budget.milestones {
        let (sign, style) = match milestone.state.as_str() {
            "executed" => ("✓", theme.good),
            "authorised" => ("●", theme.warn),
            "waiting" => ("◔", theme.text),
            _ => ("–", theme.dim),
        };
        let when = match (milestone.state.as_str(), milestone.due_height.checked_sub(tip)) {
            ("waiting", Some(left)) => format!(", in {}", blocks_and_time(left, &snapshot.status.network)),
            ("authorised", _) => format!(", until {}", thousands(u128::from(milestone.expires_height))),
            _ => String::new(),
        };
        let text = format!(
            "{sign} {}  {} {}{when}: {}",
            milestone.number,
            sats(milestone.sat),
            Untrusted::new(&milestone.state),
            Untrusted::new(&milestone.description)
        );
        lines.push(Line::styled(cut(&text, columns), style));
    }
    lines.extend(hanging("to ", &grouped(&Untrusted::new(&budget.payee).line()), columns, theme.dim));
    let id = budget.proposal.get(..8).unwrap_or_default();
    let text = format!("A vote stops what is not paid: althing propose stop-budget --budget {}", Untrusted::new(id));
    lines.extend(paragraph(&text, columns, theme.dim));
    lines
}
