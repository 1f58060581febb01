//! A session's PSBT as QR codes one after the other, for a signer with a camera (T-330).

use std::io::IsTerminal as _;
use std::time::Duration;

use althing_node::treasury::text::psbt_from;
use althing_node::treasury::ur;
use anyhow::Context as _;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode, size};
use serde_json::json;

use super::super::console::{Console, Format};
use super::super::failure::{Failure, OK};
use super::rule_error;
use crate::theme::Theme;
use crate::widget::qr_lines;

/// Bytes of the PSBT in a code that are tried, the most first: the fewer codes, the sooner a camera has them all.
const FRAGMENTS: [usize; 9] = [400, 300, 200, 150, 100, 70, 50, 35, 20];
/// What is printed where no code is drawn.
const PRINTED_FRAGMENT: usize = 200;
/// How long a code stands.
const EACH: Duration = Duration::from_millis(350);

/// Draws the codes until a key is pressed, or prints the parts where there is no terminal.
pub(super) fn show(text: &str, console: &mut Console<'_>) -> Result<u8, Failure> {
    let mut psbt = psbt_from(text.as_bytes()).map_err(|error| Failure(rule_error(&error)))?;
    // Proofs are for those who can judge them. An outside signer cannot, and each would be fifty codes more.
    psbt.proprietary.clear();
    let bytes = psbt.serialize();
    if let Some(screens) = &mut console.screens {
        // They have the whole terminal, but for the lines of the code's number and of the keys.
        screens.codes = frames(&bytes, screens.size)?.0;
        return Ok(OK);
    }
    let is_seen = console.format == Format::Words && std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if !is_seen {
        let parts = ur::parts(&bytes, PRINTED_FRAGMENT)?;
        return console.answer(&json!({ "type": "crypto-psbt", "parts": parts }), || parts.clone());
    }
    let (parts, side) = frames(&bytes, size().context("the size of the terminal")?)?;
    console.hide_after(|console| {
        enable_raw_mode().context("the terminal cannot be read key by key")?;
        let shown = cycle(&parts, side, console);
        disable_raw_mode().context("the terminal cannot be restored")?;
        Ok(shown?)
    })?;
    Ok(OK)
}

/// The parts that are shown, each small enough for the terminal, and the columns that a code may have.
fn frames(psbt: &[u8], (columns, rows): (u16, u16)) -> Result<(Vec<String>, usize), Failure> {
    // Two modules to a letter; the last row says which code it is.
    let side = usize::from(columns).min(usize::from(rows.saturating_sub(2)) * 2);
    for fragment in FRAGMENTS {
        // In capital letters a code holds more.
        let parts = ur::parts(psbt, fragment)?.into_iter().map(|part| part.to_uppercase()).collect::<Vec<_>>();
        // All are as long but for the number, and the last has the longest.
        if parts.last().is_some_and(|part| qr_lines(part, side, &Theme::mono()).is_some()) {
            return Ok((parts, side));
        }
    }
    Err(Failure::usage(format!(
        "A terminal of {columns} columns and {rows} rows has no room for a QR code. Make it larger, or print the parts: | cat."
    )))
}

fn cycle(parts: &[String], side: usize, console: &mut Console<'_>) -> anyhow::Result<()> {
    for (number, part) in (1usize..=parts.len()).zip(parts).cycle() {
        let lines = qr_lines(part, side, &Theme::mono()).context("a part is longer than the last")?;
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        // In raw mode a line ends where it is told to.
        let picture = lines.join("\r\n");
        let words = format!("code {number} of {}; fewer in a larger terminal; any key ends", parts.len());
        write!(console.err, "\x1b[H{picture}\r\n{words}\x1b[K")?;
        console.err.flush()?;
        if event::poll(EACH)? && matches!(event::read()?, Event::Key(key) if key.kind == KeyEventKind::Press) {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_fill_the_terminal_and_no_more() {
        let psbt: Vec<u8> = (0..900u16).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let mut counts = Vec::new();
        for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
            let (parts, side) = frames(&psbt, (columns, rows)).unwrap();
            for part in &parts {
                let lines = qr_lines(part, side, &Theme::mono()).unwrap();
                assert!(lines.len() <= usize::from(rows) - 2, "{} rows of {rows}", lines.len());
                assert!(lines.iter().all(|line| line.width() <= usize::from(columns)));
            }
            counts.push(parts.len());
        }
        assert!(counts[0] > counts[1] && counts[1] > counts[2], "{counts:?}");
        assert!(frames(&psbt, (20, 10)).is_err());
    }
}
