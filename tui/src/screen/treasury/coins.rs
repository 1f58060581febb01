//! Every coin of the treasury.

use althing_node::api::CoinView;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::Line;

use super::{Part, empty};
use crate::app::App;
use crate::format::{grouped, sats, short_id, thousands};
use crate::screen::counted;
use crate::text::{hanging, paragraph};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen};

/// Draws the part.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, areas: (Rect, Rect)) {
    let coins = app.desk.coins.as_deref();
    let found = coins.unwrap_or_default();
    let part = Part {
        title: counted(app, "Coins", found.len()),
        columns: &[
            Column::words("coin", Constraint::Length(14)),
            Column::number("value", 20),
            Column::number("gen", 3).goes(3),
            Column::number("height", 9).goes(2),
            Column::words("state", Constraint::Length(20)),
            Column::words("label", Constraint::Fill(1)).goes(4),
        ],
        found,
        empty: empty(app, coins.is_some(), "The treasury has no coin."),
        below: "This coin",
    };
    let theme = pen.theme;
    part.draw(pen, app, areas, |coin, _| row(coin, &theme), |coin, columns| page(coin, columns, &theme));
}

fn row(coin: &CoinView, theme: &Theme) -> Vec<Line<'static>> {
    let (sign, style) = match coin.state.as_str() {
        "free" => ("●", theme.good),
        "frozen" => ("✱", theme.warn),
        "spare seal" | "gate" | "bond" => ("◆", theme.dim),
        _ => ("◐", theme.text),
    };
    vec![
        Line::from(short_outpoint(&coin.outpoint)),
        Line::from(sats(coin.sat)),
        Line::from(coin.generation.to_string()),
        Line::from(coin.height.map_or_else(|| "unmined".to_owned(), |height| thousands(u128::from(height)))),
        Line::styled(format!("{sign} {}", Untrusted::new(&coin.state)), style),
        Line::styled(Untrusted::new(coin.label.as_deref().unwrap_or_default()).line(), theme.dim),
    ]
}

/// `3f2a…:1`.
pub(super) fn short_outpoint(outpoint: &str) -> String {
    match outpoint.rsplit_once(':') {
        Some((txid, vout)) => format!("{}:{}", short_id(txid), Untrusted::new(vout)),
        None => short_id(outpoint),
    }
}

/// The coin in full.
pub(in crate::screen) fn page(coin: &CoinView, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = hanging("coin     ", &grouped(&Untrusted::new(&coin.outpoint).line()), columns, theme.text);
    lines.extend(hanging("address  ", &grouped(&Untrusted::new(&coin.address).line()), columns, theme.text));
    let text = format!("{} · treasury {} · address {}", sats(coin.sat), coin.generation, coin.index);
    lines.extend(hanging("value    ", &text, columns, theme.text));
    lines.extend(hanging("state    ", &Untrusted::new(&coin.state).line(), columns, theme.title));
    if let Some(label) = &coin.label {
        lines.extend(hanging("label    ", &Untrusted::new(label).line(), columns, theme.dim));
    }
    if let Some(reason) = coin.frozen_for.as_ref().filter(|reason| !reason.is_empty()) {
        lines.extend(hanging("frozen   ", &Untrusted::new(reason).line(), columns, theme.text));
    }
    let words = match coin.state.as_str() {
        "free" => "f keeps this node from choosing it. Only a decision can spend it.",
        "frozen" => "This node does not choose it. f thaws it.",
        "unripe" => "A block made it for its miner: the network lets nobody spend it for 100 blocks.",
        "spare seal" => "Over it the members can go on without the hub. Nothing else may spend it.",
        "bond" => {
            "A hub's bond: fraud that is proven makes it the treasury's, else it goes back to the hub when it is free."
        }
        "gate" => "A payment spends one such output, so that no decision is paid twice.",
        _ => "A session wants to spend it.",
    };
    lines.extend(paragraph(words, columns, theme.dim));
    lines
}
