//! What left the treasury: decided, housekeeping, or an alarm with the names of the keys that signed.

use althing_node::api::{Flow, Snapshot};
use ratatui::layout::{Constraint, Rect};
use ratatui::text::Line;

use super::{Part, empty};
use crate::app::App;
use crate::format::{grouped, sats, short_id, thousands};
use crate::screen::counted;
use crate::text::{cut, hanging, paragraph};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen};

/// Draws the part.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, areas: (Rect, Rect)) {
    let flows = app.desk.flows.as_deref();
    let found = flows.unwrap_or_default();
    let decided = found.iter().filter(|flow| flow.verdict == "decided");
    let sum = decided.fold(0u64, |sum, flow| sum.saturating_add(flow.left_sat));
    let part = Part {
        title: format!("{}, {} paid by decisions", counted(app, "Flows", found.len()), sats(sum)),
        columns: &[
            Column::number("height", 9).goes(2),
            Column::words("verdict", Constraint::Length(16)),
            Column::number("left", 20),
            Column::words("transaction", Constraint::Length(10)).goes(3),
            Column::words("for", Constraint::Fill(1)),
        ],
        found,
        empty: empty(app, flows.is_some(), "Nothing has left the treasury."),
        below: "This transaction",
    };
    let theme = pen.theme;
    let row = |flow: &Flow, columns: usize| {
        let (sign, style) = sign(flow, &theme);
        let purpose = match flow.signers.is_empty() {
            true => titles(flow, snapshot),
            false => format!("signed by {}", Untrusted::new(&flow.signers.join(", "))),
        };
        vec![
            Line::from(thousands(u128::from(flow.height))),
            Line::styled(format!("{sign} {}", Untrusted::new(&flow.verdict)), style),
            Line::from(sats(flow.left_sat)),
            Line::from(short_id(&flow.txid)),
            Line::styled(cut(&purpose, columns), theme.dim),
        ]
    };
    part.draw(pen, app, areas, row, |flow, columns| page(flow, snapshot, columns, &theme));
}

fn sign(flow: &Flow, theme: &Theme) -> (&'static str, ratatui::style::Style) {
    match flow.verdict.as_str() {
        "decided" => ("✓", theme.good),
        "staged" | "returned" | "housekeeping" | "spare_seal" | "bond_returned" => ("↻", theme.text),
        "unauthorised" => ("✗", theme.bad),
        _ => ("…", theme.warn),
    }
}

/// The titles of the proposals that it pays.
fn titles(flow: &Flow, snapshot: &Snapshot) -> String {
    let title = |id: &String| match snapshot.proposals.iter().find(|proposal| proposal.id == *id) {
        Some(proposal) => format!("#{} {}", proposal.number, Untrusted::new(&proposal.title)),
        None => short_id(id),
    };
    flow.proposals.iter().map(title).collect::<Vec<_>>().join(", ")
}

/// The transaction in full, with the names behind it.
pub(in crate::screen) fn page(flow: &Flow, snapshot: &Snapshot, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (sign, style) = sign(flow, theme);
    let words = match flow.verdict.as_str() {
        "decided" => "It pays exactly what was decided.",
        "staged" => "It put what was decided where it rests before it is paid out; only its fee has left.",
        "returned" => "Guardians and a treasurer brought back what was staged; only the fee has left.",
        "housekeeping" => "It moved the treasury's own coins; only its fee has left.",
        "spare_seal" => "It spent the spare seal: members go on without the hub.",
        "bond_returned" => "A bond that was free went back to its hub.",
        "unauthorised" => "NOBODY DECIDED THIS. Whoever signed it can be shown to anybody.",
        _ => "The log here does not reach its block yet.",
    };
    let mut lines = hanging(&format!("{sign} "), words, columns, style);
    lines.extend(hanging("txid     ", &grouped(&Untrusted::new(&flow.txid).line()), columns, theme.text));
    let text = format!("{} at height {}", sats(flow.left_sat), thousands(u128::from(flow.height)));
    lines.extend(hanging("left     ", &text, columns, theme.text));
    if !flow.proposals.is_empty() {
        lines.extend(hanging("for      ", &titles(flow, snapshot), columns, theme.text));
    }
    if let Some(reason) = &flow.reason {
        lines.extend(hanging("because  ", &Untrusted::new(reason).line(), columns, style));
    }
    for (name, key) in flow.signers.iter().zip(&flow.signer_keys) {
        let text = format!("{} with the key {}", Untrusted::new(name), grouped(&Untrusted::new(key).line()));
        lines.extend(hanging("signed   ", &text, columns, style));
    }
    if flow.verdict == "unauthorised" {
        let text = "A proof of it: althing proof export --statement unauthorised-spend --transaction TXID --out FILE";
        lines.extend(paragraph(text, columns, theme.dim));
    }
    lines
}
