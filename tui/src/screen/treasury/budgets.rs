//! Budgets: how much of each is paid, and what is left, as bars.

use althing_node::api::{BudgetView, Snapshot};
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span};

use super::{Part, empty};
use crate::app::App;
use crate::format::{blocks_and_time, grouped, sats, thousands};
use crate::screen::counted;
use crate::text::{cut, hanging, paragraph};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, bar};

/// Cells of a bar.
const CELLS: u16 = 20;

/// Draws the part.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, areas: (Rect, Rect)) {
    let overview = app.desk.treasury.as_deref();
    let found = overview.map(|found| found.budgets.as_slice()).unwrap_or_default();
    let words = "No budget was decided. 2, then n proposes one: milestones that are paid one after the other, without \
                 another vote, until a vote stops it.";
    let part = Part {
        title: counted(app, "Budgets", found.len()),
        columns: &[
            Column::words("what", Constraint::Fill(1)),
            Column::words("paid", Constraint::Length(CELLS)),
            Column::number("left", 20),
        ],
        found,
        empty: empty(app, overview.is_some(), words),
        below: "Its milestones",
    };
    let theme = pen.theme;
    let row = |budget: &BudgetView, columns: usize| {
        let room = columns.saturating_sub(usize::from(CELLS) + 20 + 4);
        let (filled, rest) = bar(u128::from(budget.paid_sat), u128::from(budget.total_sat), CELLS);
        vec![
            Line::from(cut(&Untrusted::new(&budget.title).line(), room)),
            Line::from(vec![Span::styled(filled, theme.good), Span::styled(rest, theme.border)]),
            Line::from(sats(budget.authorised_sat.saturating_add(budget.waiting_sat))),
        ]
    };
    part.draw(pen, app, areas, row, |budget, columns| milestones(budget, snapshot, columns, &theme));
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
