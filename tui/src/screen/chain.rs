//! The links on Bitcoin as a timeline, newest first.

use althing_node::api::{Link, Snapshot};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::format::{count_of, grouped, sats, short_id, thousands};
use crate::text::{cut, hanging, paragraph};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, Rows, bar, columns_chart, list, panel};
use crate::words;

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let [top, bottom] = Layout::vertical([Constraint::Min(4), Constraint::Length(10)]).areas(area);
    let inner = panel(pen, top, &super::counted(app, "Links on Bitcoin", snapshot.links.len()), true);
    let columns = [
        Column::number("epoch", 7),
        Column::words("transaction", Constraint::Length(11)),
        Column::number("height", 9),
        Column::words("depth", Constraint::Fill(1)),
        Column::number("entries", 9),
        Column::words("header", Constraint::Length(14)),
    ];
    let needed = snapshot.status.final_depth;
    let theme = pen.theme;
    let places = app.places();
    let row = |index: usize| {
        let link = &snapshot.links[places[index]];
        row(link, needed, &theme)
    };
    let empty = super::empty(app, "No link yet. The first is built when epoch 1 closes.");
    let rows = Rows { count: places.len(), selected: app.selections.links, row: &row, empty };
    list(pen, inner, &columns, &rows);
    let [left, right] = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(bottom);
    let inner = panel(pen, left, "This link", false);
    if let Some(link) = app.selected_place().and_then(|place| snapshot.links.get(place)) {
        let lines = details(link, usize::from(inner.width), &pen.theme);
        pen.text(lines, inner);
    }
    let inner = panel(pen, right, "Fees", false);
    let lines = fees(app, usize::from(inner.width), &pen.theme);
    pen.text(lines, inner);
}

/// What a link costs now, how long the seal pays for links, and what the links so far have cost.
fn fees(app: &App, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(reserve) = &app.desk.reserve else { return vec![Line::styled("Loading…", theme.dim)] };
    let style = if reserve.alarm == "calm" { theme.good } else { theme.bad };
    let mut lines = vec![Line::styled(format!("reserve {}", Untrusted::new(&reserve.alarm)), style)];
    let text =
        format!("a link costs {} at {} sat/vB", sats(reserve.link_sat), thousands(u128::from(reserve.fee_rate_sat_vb)));
    lines.extend(paragraph(&text, columns, theme.text));
    let links = reserve.links.map_or_else(|| "any number of links".to_owned(), |links| count_of(links, "link"));
    lines.extend(paragraph(&format!("the seal holds {}, for {links}", sats(reserve.seal_sat)), columns, theme.text));
    if let Some(blocks) = reserve.blocks {
        lines.push(Line::styled(format!("enough for {}", count_of(blocks, "block")), theme.dim));
    }
    let charts = app.desk.report.iter().flat_map(|report| &report.sections).flat_map(|section| &section.charts);
    if let Some(chart) = charts.into_iter().find(|chart| chart.title.to_lowercase().contains("fee")) {
        let paid: Vec<u128> = chart.bars.iter().map(|(_, sat, _)| *sat).collect();
        lines.push(Line::styled(cut(&chart.title, columns), theme.dim));
        lines.extend(columns_chart(&paid, columns, 2, theme.good));
    }
    lines
}

/// One row of the timeline.
fn row(link: &Link, needed: u32, theme: &Theme) -> Vec<Line<'static>> {
    let depth = link.confirmations.min(needed);
    let (filled, empty) = bar(u128::from(depth), u128::from(needed), 6);
    let is_final = depth == needed;
    let style = if is_final { theme.good } else { theme.warn };
    let checked = if link.verified { ("✓ recomputed", theme.good) } else { ("○ not yet", theme.dim) };
    vec![
        Line::from(link.epoch.to_string()),
        Line::from(short_id(&link.txid)),
        Line::from(link.height.map_or_else(|| "unmined".to_owned(), |h| thousands(u128::from(h)))),
        Line::from(vec![
            Span::styled(filled, style),
            Span::styled(empty, theme.border),
            Span::styled(format!(" {depth}/{needed} {}", Untrusted::new(&link.state)), style),
        ]),
        Line::from(thousands(u128::from(link.log_size))),
        Line::styled(checked.0, checked.1),
    ]
}

/// The link in full, for comparing with any block explorer.
pub(super) fn details(link: &Link, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (name, value) in [("txid       ", &link.txid), ("commitment ", &link.commitment)] {
        lines.extend(hanging(name, &grouped(&Untrusted::new(value).line()), columns, theme.text));
    }
    lines.extend(paragraph(
        &format!(
            "closes epoch {} at height {}, {} vB, next seal is output {}",
            link.epoch,
            thousands(u128::from(link.closing_height)),
            thousands(u128::from(link.vsize)),
            link.vout
        ),
        columns,
        theme.dim,
    ));
    let style = if link.verified { theme.good } else { theme.warn };
    lines.extend(paragraph(&format!("The header: {}.", words::link_check(link)), columns, style));
    lines
}
