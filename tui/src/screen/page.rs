//! Pages over a screen: what needs one, a link, a channel, a session, a coin, an address, a difference.

use althing_node::api::MemberHistory;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{chain, channels, treasury};
use crate::app::{App, Need, Page, Urgency};
use crate::format::{grouped, short_id};
use crate::text::{hanging, paragraph};
use crate::untrusted::Untrusted;
use crate::widget::{Pen, address_uri, bar, beside, centred, panel, qr_lines, qr_room, scrolled};

/// Columns that words need beside a code.
const ROOM_BESIDE: usize = 28;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, body: Rect, page: &Page, scroll: u16) {
    let title = match page {
        Page::Help => "Help".to_owned(),
        Page::Link(link) => format!("The link of epoch {}", link.epoch),
        Page::Address { treasury: false, .. } => "A fresh address of my wallet".to_owned(),
        Page::Address { treasury: true, .. } => "A fresh address of the treasury".to_owned(),
        Page::Need(_) => "What needs me".to_owned(),
        Page::Session(id) => format!("The session {}", short_id(id)),
        Page::Coin(_) => "A coin of the treasury".to_owned(),
        Page::Flow(_) => "What left the treasury".to_owned(),
        Page::Channel(id) => format!("The stake channel {}", short_id(id)),
        Page::Member(_) => "What this member did".to_owned(),
        Page::Diff(_) => "What changed since the version before".to_owned(),
        Page::Codes { title, .. } | Page::Told { title, .. } => {
            crate::text::cut(title, usize::from(body.width).saturating_sub(8))
        }
    };
    // What stands side by side wants the whole width.
    let most = if matches!(page, Page::Session(_) | Page::Told { .. }) { body.width } else { 100 };
    let inner = panel(pen, centred(body, most, body.height), &title, true);
    let columns = usize::from(inner.width);
    let theme = pen.theme;
    let window = pen.frame.area();
    let room = Room {
        columns,
        rows: usize::from(inner.height),
        around: (usize::from(window.width) - columns, usize::from(window.height - inner.height)),
    };
    let lines = match page {
        // These have drawings of their own.
        Page::Help | Page::Codes { .. } => Vec::new(),
        Page::Link(link) => {
            let words = |columns: usize| {
                let mut lines = chain::details(link, columns, &theme);
                lines.push(Line::default());
                lines.extend(paragraph("The code is the transaction id.", columns, theme.dim));
                lines
            };
            // Capital letters make no difference to a number, and the code smaller.
            with_code(&link.txid.to_uppercase(), words, &room, &theme)
        }
        Page::Need(need) => needed(app, need, columns, &theme),
        Page::Session(id) => match app.desk.session.as_deref().filter(|session| session.id == *id) {
            Some(session) => treasury::session_page(app, session, columns, &theme),
            None => vec![Line::styled("Checking the transaction…", theme.dim)],
        },
        Page::Coin(outpoint) => match app.desk.coins.iter().flatten().find(|coin| coin.outpoint == *outpoint) {
            Some(coin) => {
                let words = |columns: usize| {
                    let mut lines = treasury::coin_page(coin, columns, &theme);
                    lines.push(Line::default());
                    lines.extend(paragraph("The code is its address.", columns, theme.dim));
                    lines
                };
                with_code(&address_uri(&coin.address), words, &room, &theme)
            }
            None => vec![Line::styled("It is spent.", theme.dim)],
        },
        Page::Flow(txid) => {
            match (app.snapshot.as_deref(), app.desk.flows.iter().flatten().find(|f| f.txid == *txid)) {
                (Some(snapshot), Some(flow)) => treasury::flow_page(flow, snapshot, columns, &theme),
                _ => vec![Line::styled("It is in no block any more.", theme.dim)],
            }
        }
        Page::Channel(id) => channels::page(app, id, columns, pen),
        Page::Address { address, .. } => {
            let network = app.snapshot.as_ref().map_or("", |snapshot| snapshot.status.network.as_str());
            let words = |columns: usize| {
                let mut lines = paragraph(&grouped(&Untrusted::new(address).line()), columns, theme.title);
                let text = format!(
                    "On {}, and no other network. The next one shown here is another. y copies it.",
                    Untrusted::new(network)
                );
                lines.extend(paragraph(&text, columns, theme.dim));
                // In one piece, for copying; broken where the terminal is narrower than it.
                lines.extend(paragraph(&Untrusted::new(address).line(), columns, theme.text));
                lines
            };
            with_code(&address_uri(address), words, &room, &theme)
        }
        Page::Member(key) => match app.desk.history.as_deref().filter(|found| found.member == *key) {
            Some(found) => history(found, columns, &theme),
            None => vec![Line::styled("Looking through the log…", theme.dim)],
        },
        Page::Told { lines, code, .. } => told(lines, *code, columns, &theme),
        Page::Diff(changes) => changes
            .iter()
            .flat_map(|change| {
                let style = if change.starts_with('+') { theme.good } else { theme.bad };
                hanging("", change, columns, style)
            })
            .collect(),
    };
    let lines = if lines.is_empty() && matches!(page, Page::Diff(_)) {
        vec![Line::styled("They say the same.", theme.dim)]
    } else {
        lines
    };
    scrolled(pen, inner, lines, scroll);
}

/// What needs the member in full, who is behind it, and what to do next.
fn needed(app: &App, need: &Need, columns: usize, theme: &crate::theme::Theme) -> Vec<Line<'static>> {
    let style = match need.urgency {
        Urgency::Alarm => theme.bad,
        Urgency::Asked => theme.warn,
        Urgency::Waiting => theme.text,
    };
    let mut lines = paragraph(&need.text, columns, style);
    let flows = app.desk.flows.iter().flatten().filter(|flow| need.text.contains(flow.txid.as_str()));
    for (flow, snapshot) in flows.zip(app.snapshot.as_deref()) {
        lines.push(Line::default());
        lines.extend(treasury::flow_page(flow, snapshot, columns, theme));
    }
    if !need.next.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled("What to do next", theme.title));
    }
    for (number, step) in (1..).zip(&need.next) {
        lines.extend(hanging(&format!("{number}. "), step, columns, theme.text));
    }
    lines
}

/// What a member did: who they are, how often they voted, and each vote.
fn history(found: &MemberHistory, columns: usize, theme: &crate::theme::Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (number, text) in crate::words::member_history(found).iter().enumerate() {
        let style = if number == 0 || text.ends_with(':') { theme.title } else { theme.text };
        let indent = if text.starts_with(' ') { "  " } else { "" };
        lines.extend(hanging(indent, text.trim_start(), columns, style));
        if number == 1 {
            let (filled, empty) = bar(u128::from(found.voted), u128::from(found.could_vote.max(1)), 40);
            lines.push(Line::from(vec![Span::styled(filled, theme.good), Span::styled(empty, theme.border)]));
        }
    }
    lines
}

/// The answer of a command. One that judged says so by its exit code.
fn told(lines: &[String], code: u8, columns: usize, theme: &crate::theme::Theme) -> Vec<Line<'static>> {
    let judged = match code {
        crate::cli::OK => None,
        crate::cli::INVALID => Some(Line::styled("✗ It does not hold.", theme.bad)),
        _ => Some(Line::styled("? It cannot be told, or is not complete yet.", theme.warn)),
    };
    let answer = lines.iter().flat_map(|line| match crate::text::width(line) <= columns {
        // As it was written: it may be a table, or a code to scan.
        true => vec![Line::styled(line.clone(), theme.text)],
        false => {
            let indent: String = line.chars().take_while(|c| *c == ' ').collect();
            hanging(&indent, line.trim_start(), columns, theme.text)
        }
    });
    judged.into_iter().chain(answer).collect()
}

/// Columns and rows inside the page, and those around it.
struct Room {
    columns: usize,
    rows: usize,
    around: (usize, usize),
}

/// Words with a code that is seen whole: beside them, or else below, where scrolling brings it; or how large a window it needs (N-431).
fn with_code(
    text: &str,
    words: impl Fn(usize) -> Vec<Line<'static>>,
    room: &Room,
    theme: &crate::theme::Theme,
) -> Vec<Line<'static>> {
    let fits = |columns: usize| qr_lines(text, columns, theme).filter(|code| code.len() <= room.rows);
    if let Some(code) = fits(room.columns.saturating_sub(ROOM_BESIDE)) {
        let wide = code.first().map_or(0, Line::width);
        return beside(code, words(room.columns.saturating_sub(wide + 2)), wide, Span::raw("  "));
    }
    let mut lines = words(room.columns);
    lines.push(Line::default());
    match (fits(room.columns), qr_room(text)) {
        (Some(code), _) => lines.extend(code),
        (None, Some((wide, high))) => {
            let (columns, rows) = (wide + ROOM_BESIDE + room.around.0, high + room.around.1);
            let text = format!("The QR code needs a window of {columns} x {rows}.");
            lines.extend(paragraph(&text, room.columns, theme.warn));
        }
        (None, None) => lines.extend(paragraph("It is too long for any QR code.", room.columns, theme.warn)),
    }
    lines
}
