//! Who can spend when, in sentences; the keys, addresses and sizes.

use althing_node::api::TreasuryOverview;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Line;

use super::waiting;
use crate::app::App;
use crate::format::{count_of, grouped, sats, thousands};
use crate::text::{bullets, hanging, paragraph};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Pen, panel, scrolled};
use crate::words::keyring;

/// Draws the part.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, area: Rect) {
    let inner = panel(pen, area, "Who can spend when", true);
    let columns = usize::from(inner.width);
    let theme = pen.theme;
    let lines = match app.desk.treasury.as_deref() {
        Some(found) => page(found, columns, &theme),
        None => waiting(app, columns, &theme),
    };
    scrolled(pen, inner, lines, app.scroll);
}

fn page(found: &TreasuryOverview, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let policy = &found.policy;
    let mut lines = bullets(&policy.sentences, columns, theme.text);
    lines.push(Line::default());
    lines.push(Line::styled("Keys", bold));
    for (holder, keys) in keyring(&policy.keys) {
        lines.extend(hanging(&format!("{holder}  "), &keys, columns, theme.text));
    }
    lines.push(Line::default());
    lines.push(Line::styled("Generations", bold));
    for generation in found.generations.iter().rev() {
        let is_present = generation.number == found.generation;
        let text = format!(
            "{}{} in {}, in force since height {}",
            if is_present { "the present one: " } else { "" },
            sats(generation.sat),
            count_of(generation.coins as u64, "coin"),
            thousands(u128::from(generation.since_height))
        );
        lines.extend(hanging(&format!("{}  ", generation.number), &text, columns, theme.text));
        if !is_present {
            lines.extend(bullets(&generation.sentences, columns, theme.dim));
        }
    }
    if found.former_sat > 0 {
        let text = format!("{} of former treasuries wait to be swept: Coins, then H.", sats(found.former_sat));
        lines.extend(hanging("! ", &text, columns, theme.warn));
    }
    lines.push(Line::default());
    if let Some(bond) = &found.bond {
        lines.push(Line::styled("The hub's bond", bold));
        let style = if bond.is_overdue { theme.warn } else { theme.text };
        for line in crate::words::bond(bond) {
            lines.extend(hanging("  ", &line, columns, style));
        }
        lines.push(Line::default());
    }
    if let Some(proof) = &found.proof {
        lines.push(Line::styled("Proof of funds", bold));
        let (sign, style) = if proof.lacks.is_empty() { ("✓ ", theme.good) } else { ("! ", theme.warn) };
        for line in crate::words::funds(proof) {
            lines.extend(hanging(sign, &line, columns, style));
        }
        lines.push(Line::default());
    }
    lines.push(Line::styled("Treasurers", bold));
    for treasurer in &found.treasurers {
        let me = if treasurer.is_me { " (this node)" } else { "" };
        let (sign, style, heard) = match (treasurer.heard_height, treasurer.is_silent) {
            (Some(height), false) => ("✓ ", theme.good, format!(", heard at height {}", thousands(u128::from(height)))),
            (Some(height), true) => {
                ("! ", theme.warn, format!(", silent since height {}", thousands(u128::from(height))))
            }
            (None, true) => ("! ", theme.warn, ", never heard".to_owned()),
            (None, false) => ("○ ", theme.text, String::new()),
        };
        lines.extend(hanging(sign, &format!("{}{me}{heard}", Untrusted::new(&treasurer.name)), columns, style));
    }
    lines.push(Line::default());
    lines.push(Line::styled("First addresses", bold));
    for (index, address) in policy.addresses.iter().enumerate() {
        lines.extend(hanging(&format!("{index}  "), &grouped(&Untrusted::new(address).line()), columns, theme.text));
    }
    lines.push(Line::default());
    lines.push(Line::styled("Size", bold));
    let text = format!(
        "A payment with one input and two outputs has at most {} vB; each further input adds at most {} weight units.",
        thousands(u128::from(policy.one_in_two_out_vbytes)),
        thousands(u128::from(policy.input_weight))
    );
    lines.extend(paragraph(&text, columns, theme.text));
    lines.push(Line::default());
    lines.push(Line::styled("Descriptor, as Bitcoin Core reads it", bold));
    lines.extend(paragraph(&Untrusted::new(&policy.descriptor).line(), columns, theme.dim));
    lines
}
