//! My stake channels.

use althing_node::api::{Snapshot, Stake};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Text};

use crate::app::App;
use crate::format::{bitcoin, sats, short_id};
use crate::text::{hanging, paragraph};
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, Rows, list, panel};

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let [top, bottom] = Layout::vertical([Constraint::Min(4), Constraint::Length(10)]).areas(area);
    let inner = panel(pen, top, &format!("My stake channels ({})", snapshot.stakes.len()), true);
    let columns = [
        Column::words("channel", Constraint::Length(10)),
        Column::number("stake", 20),
        Column::words("state", Constraint::Length(10)),
        Column::words("confirmations", Constraint::Fill(1)),
    ];
    let row = |index: usize| {
        let stake = &snapshot.stakes[index];
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
    let empty = "No stake channel. Your coins stay yours: althing stake open AMOUNT locks them in a channel with the \
                 hub, and the closing transaction gives them back.";
    let rows = Rows { count: snapshot.stakes.len(), selected: app.selections.stakes, row: &row, empty };
    list(pen, inner, &columns, &rows);
    let inner = panel(pen, bottom, "This channel", false);
    let columns = usize::from(inner.width);
    let mut lines = Vec::new();
    if let Some(stake) = snapshot.stakes.get(app.selections.stakes) {
        lines.extend(details(stake, columns, pen));
        lines.push(Line::default());
    }
    let balance = snapshot.status.balance;
    lines.push(Line::styled(
        format!("wallet: {} confirmed, {} pending", bitcoin(balance.confirmed_sat), bitcoin(balance.pending_sat)),
        pen.theme.dim,
    ));
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
