//! Pages that are only read: a link, an address, a difference.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::chain;
use crate::app::{App, Page};
use crate::format::grouped;
use crate::text::{hanging, paragraph};
use crate::untrusted::Untrusted;
use crate::widget::{Pen, centred, panel, qr_lines, scrolled};

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, body: Rect, page: &Page, scroll: u16) {
    let title = match page {
        Page::Help => "Help".to_owned(),
        Page::Link(link) => format!("The link of epoch {}", link.epoch),
        Page::Address(_) => "A fresh address of my wallet".to_owned(),
        Page::Diff(_) => "What changed since the version before".to_owned(),
    };
    let inner = panel(pen, centred(body, 100, body.height), &title, true);
    let columns = usize::from(inner.width);
    let theme = pen.theme;
    let lines = match page {
        Page::Help => Vec::new(),
        Page::Link(link) => {
            let mut lines = chain::details(link, columns, &theme);
            lines.push(Line::default());
            lines.extend(paragraph("The transaction id as a QR code:", columns, theme.dim));
            lines.extend(code(&link.txid, columns, &theme));
            lines
        }
        Page::Address(address) => {
            let mut lines = paragraph(&grouped(&Untrusted::new(address).line()), columns, theme.title);
            let network = app.snapshot.as_ref().map_or("", |snapshot| snapshot.status.network.as_str());
            let text =
                format!("On {}, and no other network. Shown once; the next one is another.", Untrusted::new(network));
            lines.extend(paragraph(&text, columns, theme.dim));
            lines.push(Line::default());
            lines.extend(code(&format!("bitcoin:{address}"), columns, &theme));
            lines
        }
        Page::Diff(changes) => changes
            .iter()
            .flat_map(|change| {
                let style = if change.starts_with('+') { theme.good } else { theme.bad };
                hanging("", change, columns, style)
            })
            .collect(),
    };
    let lines = if lines.is_empty() { vec![Line::styled("They say the same.", theme.dim)] } else { lines };
    scrolled(pen, inner, lines, scroll);
}

fn code(text: &str, columns: usize, theme: &crate::theme::Theme) -> Vec<Line<'static>> {
    qr_lines(text, columns, theme)
        .unwrap_or_else(|| paragraph("This terminal is too narrow for the QR code.", columns, theme.warn))
}
