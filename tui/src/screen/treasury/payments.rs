//! What decisions allow to be paid, and what members hold as deposits.

use althing_node::api::{PaymentView, Snapshot};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::Part;
use crate::app::{App, Authorisation, Stage, treasury};
use crate::format::{blocks, blocks_and_time, count_of, debt as debt_words, grouped, sats, short_id, thousands};
use crate::screen::{counted, empty};
use crate::text::{bullets, cut, hanging};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, panel};

/// Draws the part.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, (top, bottom): (Rect, Rect)) {
    let found = treasury(snapshot);
    let part = Part {
        title: counted(app, "Payments", found.len()),
        columns: &[
            Column::number("#", 4),
            Column::words("stage", Constraint::Length(13)),
            Column::words("what", Constraint::Fill(1)),
            Column::words("when", Constraint::Length(24)),
        ],
        found: &found,
        empty: empty(app, "No proposal asks for a payment. 2, then n writes one."),
        below: "This payment",
    };
    let (tip, network, theme) = (snapshot.status.tip_height, snapshot.status.network.as_str(), pen.theme);
    let [left, right] = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(bottom);
    let row = |payment: &Authorisation<'_>, columns: usize| {
        row(payment, tip, network, columns.saturating_sub(4 + 13 + 24 + 4), &theme)
    };
    part.draw(pen, app, (top, left), row, |payment, columns| {
        let known = app.desk.treasury.iter().flat_map(|found| &found.payments);
        let known: Vec<&PaymentView> = known.filter(|known| known.proposal == payment.proposal.id).collect();
        details(payment, &known, columns, &theme)
    });
    let inner = panel(pen, right, "Deposits", false);
    let lines = deposits(app, usize::from(inner.width), &theme);
    pen.text(lines, inner);
}

/// One payment.
fn row(payment: &Authorisation<'_>, tip: u32, network: &str, room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (sign, style) = match payment.stage {
        Stage::Authorised => ("●", theme.warn),
        Stage::Waiting => ("◔", theme.text),
        Stage::Asked => ("○", theme.text),
        Stage::Paid => ("✓", theme.good),
        Stage::Over => ("–", theme.dim),
    };
    let left = |height: u32| blocks_and_time(height.saturating_sub(tip), network);
    let when = match (payment.stage, payment.from, payment.expires) {
        (Stage::Authorised, _, Some(expires)) => format!("{} left", left(expires)),
        (Stage::Waiting, Some(from), _) if from > tip => format!("in {}", left(from)),
        (Stage::Waiting, ..) if !payment.proposal.vote.held_back.is_empty() => "held back".to_owned(),
        (Stage::Waiting, ..) => "when its epoch is final".to_owned(),
        (Stage::Asked, ..) => match payment.proposal.heights.map(|heights| heights.close_height) {
            Some(close) if close > tip => format!("vote: {} left", blocks(close - tip)),
            Some(_) => "when its epoch is final".to_owned(),
            None => String::new(),
        },
        _ => String::new(),
    };
    vec![
        Line::styled(payment.proposal.number.to_string(), theme.dim),
        Line::styled(format!("{sign} {}", payment.stage.words()), style),
        Line::from(cut(&Untrusted::new(&payment.proposal.title).line(), room)),
        Line::styled(cut(&when, 24), theme.dim),
    ]
}

/// The payment from parsed values.
fn details(payment: &Authorisation<'_>, known: &[&PaymentView], columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for view in known {
        let what = view.milestone.map_or_else(String::new, |number| format!("milestone {number}: "));
        let by = view.txid.as_ref().map_or_else(String::new, |txid| format!(" by {}", short_id(txid)));
        let text = format!("{what}{} {}{by}", sats(view.paid_sat), Untrusted::new(&view.state));
        lines.push(Line::styled(cut(&text, columns), theme.title));
    }
    lines.extend(bullets(&payment.proposal.effects, columns, theme.text));
    lines.extend(bullets(&payment.proposal.vote.payments, columns, theme.text));
    if let Some(gate) = payment.gate {
        lines.extend(hanging("gate ", &grouped(&Untrusted::new(gate).line()), columns, theme.dim));
    }
    if let (Some(from), Some(expires)) = (payment.from, payment.expires) {
        let (from, expires) = (thousands(u128::from(from)), thousands(u128::from(expires)));
        lines.extend(hanging("", &format!("may be paid from height {from}, expires at {expires}"), columns, theme.dim));
    }
    lines
}

/// Deposits: how much is held, and the newest.
fn deposits(app: &App, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(found) = &app.desk.deposits else { return vec![Line::styled("Loading…", theme.dim)] };
    let held: Vec<_> = found.iter().filter(|deposit| deposit.state == "held").collect();
    let sum = held.iter().fold(0u64, |sum, deposit| sum.saturating_add(deposit.amount_sat));
    let mut lines =
        vec![Line::styled(format!("{} held, {}", count_of(held.len() as u64, "deposit"), sats(sum)), theme.text)];
    for debt in &app.desk.debts {
        let style = if debt.is_overdue { theme.bad } else { theme.text };
        lines.extend(hanging("", &debt_words(debt), columns, style));
    }
    for deposit in found.iter().rev().take(6) {
        let text = format!(
            "{} {} {}",
            Untrusted::new(&deposit.member_name),
            sats(deposit.amount_sat),
            Untrusted::new(&deposit.state)
        );
        lines.push(Line::styled(cut(&text, columns), theme.dim));
    }
    lines
}
