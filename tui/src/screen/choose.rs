//! The ballot being filled in.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::{Act, App, Choose};
use crate::format::{short_id, weight};
use crate::sums;
use crate::text::{cut, tail, width};
use crate::untrusted::Untrusted;
use crate::widget::{Pen, centred, panel};
use crate::words;
use althing_node::api::option_name;

/// Draws the ballot.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, body: Rect, choose: &Choose) {
    let rows = u16::try_from(choose.labels.len()).unwrap_or(u16::MAX);
    // What stops it, where that is not a majority.
    let stop = app.proposal(&choose.proposal).filter(|_| !choose.as_treasurer).and_then(sums::stop);
    let notes = u16::from(choose.sum().is_some()) + u16::from(stop.is_some());
    let area = centred(body, 64, rows.saturating_add(11 + notes));
    let heading = if choose.as_treasurer { "My ballot as a treasurer" } else { "My ballot" };
    let inner = panel(pen, area, heading, true);
    let columns = usize::from(inner.width);
    let title = app
        .proposal(&choose.proposal)
        .map_or_else(|| short_id(&choose.proposal), |p| format!("#{} {}", p.number, Untrusted::new(&p.title)));
    let how = format!("{}: {}", words::system(choose.system), words::how_to_fill(choose.system));
    let mut lines = vec![
        Line::styled(cut(&title, columns), pen.theme.title),
        Line::styled(cut(&how, columns), pen.theme.dim),
        Line::default(),
    ];
    // A long list scrolls with the keyboard, so that title, reason and sum stay in sight.
    let room_for_rows = usize::from(inner.height).saturating_sub(8 + usize::from(notes).max(1)).max(1);
    let first = (choose.row.min(choose.labels.len().saturating_sub(1)) + 1).saturating_sub(room_for_rows);
    for (row, label) in choose.labels.iter().enumerate().skip(first).take(room_for_rows) {
        let style = if choose.row == row { pen.theme.selected } else { pen.theme.text };
        pen.hit_row(inner, lines.len(), row);
        lines.push(Line::styled(cut(&row_text(choose, row, label), columns), style));
    }
    let shown = lines.len() - 3;
    lines.push(Line::default());
    let on_reason = choose.row == choose.reason_row();
    let style = if on_reason { pen.theme.selected } else { pen.theme.dim };
    let room = columns.saturating_sub(24);
    pen.hit_act(inner, lines.len(), Act::NextScreen);
    lines.push(Line::from(vec![
        Span::styled(" public reason (or none) ", style),
        Span::styled(tail(&choose.reason, room.saturating_sub(1)), pen.theme.text),
    ]));
    lines.push(Line::default());
    if let Some(sum) = choose.sum() {
        lines.push(Line::styled(cut(&sum, columns), pen.theme.text));
    }
    if let Some(stop) = stop {
        lines.push(Line::styled(cut(&stop, columns), pen.theme.text));
    }
    lines.push(Line::styled(cut(&carried(app, choose), columns), pen.theme.dim));
    lines.push(Line::styled("Enter shows what it does; nothing is sent before that.", pen.theme.dim));
    pen.text(lines, inner);
    let (x, row) = match on_reason {
        true => (25 + width(&tail(&choose.reason, room.saturating_sub(1))), 4 + shown),
        false => (2, 3 + choose.row.saturating_sub(first)),
    };
    pen.cursor(inner, x, row);
}

/// The weight that the ballot carries, where it is known already.
fn carried(app: &App, choose: &Choose) -> String {
    if choose.as_treasurer {
        let body = app.proposal(&choose.proposal).and_then(|proposal| proposal.vote.treasurers.as_ref());
        return format!("one of {} votes of the treasurers, none of the members'", body.map_or(1, |body| body.of));
    }
    let own = app.snapshot.as_ref().and_then(|s| s.status.member.as_ref()?.weight.clone());
    let routes = app.desk.routes.as_ref().filter(|_| app.open.as_deref() == Some(choose.proposal.as_str()));
    // Opened from a list, the routes of this vote are among those of all.
    let votes = app.desk.delegations.iter().flat_map(|found| &found.votes);
    let listed = votes.filter(|vote| vote.proposal == choose.proposal).map(|vote| vote.carried.as_str()).next();
    match (routes.and_then(|found| found.carried.as_deref()).or(listed), own) {
        (Some(carried), Some(own)) if carried != own => {
            format!("carries {}, with what others delegated to you", weight(carried))
        }
        (Some(carried), _) if app.delegates() => {
            format!("carries {}; your own ballot goes before your delegation", weight(carried))
        }
        (Some(carried), _) => format!("your weight is {}", weight(carried)),
        (None, Some(own)) => format!("your weight is {}", weight(&own)),
        (None, None) => "you are not on the roll yet".to_owned(),
    }
}

/// One row of the ballot being filled in: what is said of it, and what it is called.
fn row_text(choose: &Choose, row: usize, label: &str) -> String {
    if !choose.system.has_options() {
        let sign = match row {
            0 => "✓",
            2 => "–",
            _ => "✗",
        };
        return format!(" {} {sign} {label}", choose.sign(row));
    }
    let number = match choose.options.get(row) {
        Some(option) => format!("{:>4}  ", option_name(*option)),
        None => String::new(),
    };
    format!(" {} {number}{}", choose.sign(row), Untrusted::new(label))
}
