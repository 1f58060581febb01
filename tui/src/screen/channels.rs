//! My stake channels: what is in them, how that came, what the DAO pays and asks, and how to leave.

use althing_node::api::{Snapshot, Stake};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Text};

use crate::app::App;
use crate::format::{bitcoin, sats, short_id, weight};
use crate::text::{cut, hanging, paragraph};
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, Rows, curve_lines, list, panel};

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let [top, bottom] = Layout::vertical([Constraint::Min(4), Constraint::Length(11)]).areas(area);
    let inner = panel(pen, top, &super::counted(app, "My stake channels", snapshot.stakes.len()), true);
    let columns = [
        Column::words("channel", Constraint::Length(10)),
        Column::number("stake", 20),
        Column::words("state", Constraint::Length(10)),
        Column::words("confirmations", Constraint::Fill(1)),
    ];
    let places = app.places();
    let row = |index: usize| {
        let stake = &snapshot.stakes[places[index]];
        let channel = if stake.channel.is_empty() { "–".to_owned() } else { short_id(&stake.channel) };
        vec![
            Line::from(channel),
            Line::from(sats(stake.amount_sat)),
            Line::from(Untrusted::new(&stake.state).line()),
            Line::from(format!(
                "{} of {}",
                stake.confirmations.min(stake.confirmations_needed),
                stake.confirmations_needed
            )),
        ]
    };
    let empty = "No stake channel. Your coins stay yours: o locks them in a channel with the hub (or: althing stake open \
                 AMOUNT), and the closing transaction gives them back.";
    let rows =
        Rows { count: places.len(), selected: app.selections.stakes, row: &row, empty: super::empty(app, empty) };
    list(pen, inner, &columns, &rows);
    let [left, right] = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(bottom);
    let inner = panel(pen, left, "This channel", false);
    let width = usize::from(inner.width);
    let mut lines = Vec::new();
    if let Some(stake) = app.selected_place().and_then(|place| snapshot.stakes.get(place)) {
        lines.extend(details(stake, width, pen));
        if let Some(curve) = app.desk.curve.as_ref().filter(|curve| curve.unit == "sat" && !curve.points.is_empty()) {
            lines.push(Line::styled("Balances by checkpoint", pen.theme.text));
            lines.extend(curve_lines(curve, width, &pen.theme));
        }
    }
    pen.frame.render_widget(Text::from(lines), inner);
    let inner = panel(pen, right, "Wallet, weight, rewards", false);
    let lines = beside(app, snapshot, usize::from(inner.width), pen);
    pen.frame.render_widget(Text::from(lines), inner);
}

/// The channel in full.
fn details(stake: &Stake, columns: usize, pen: &Pen<'_, '_>) -> Vec<Line<'static>> {
    let mut lines = paragraph(&Untrusted::new(&stake.words).line(), columns, pen.theme.text);
    if let Some(outpoint) = &stake.funding_outpoint {
        lines.extend(hanging("funding ", &Untrusted::new(outpoint).line(), columns, pen.theme.dim));
    }
    if let Some(txid) = &stake.closing_txid {
        lines.extend(hanging("closing ", &Untrusted::new(txid).line(), columns, pen.theme.dim));
    }
    lines
}

/// What is not in the channel.
fn beside(app: &App, snapshot: &Snapshot, columns: usize, pen: &Pen<'_, '_>) -> Vec<Line<'static>> {
    let theme = &pen.theme;
    let balance = snapshot.status.balance;
    let mut lines = vec![Line::styled(format!("wallet: {}", bitcoin(balance.confirmed_sat)), theme.text)];
    if balance.pending_sat > 0 {
        lines.push(Line::styled(format!("pending: {}", bitcoin(balance.pending_sat)), theme.dim));
    }
    let own = snapshot.status.member.as_ref().and_then(|member| member.weight.as_deref());
    let text = match own {
        Some(own) => format!("weight {}; closing loses it from the next roll on", weight(own)),
        None => "no weight on the roll yet".to_owned(),
    };
    lines.extend(paragraph(&text, columns, theme.text));
    let rewards = app.desk.rewards.as_deref().unwrap_or_default();
    let sum = |of: fn(&althing_node::api::Reward) -> u64| rewards.iter().map(of).fold(0u64, u64::saturating_add);
    let (got, owed) = (sum(|reward| reward.reward_sat), sum(|reward| reward.dues_sat));
    lines.push(Line::styled(format!("rewards {}, dues {}", sats(got), sats(owed)), theme.text));
    for reward in rewards.iter().rev().take(4) {
        let text = format!("epoch {}: +{} −{}", reward.epoch, sats(reward.reward_sat), sats(reward.dues_sat));
        lines.push(Line::styled(cut(&text, columns), theme.dim));
    }
    lines
}
