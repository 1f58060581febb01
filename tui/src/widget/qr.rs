//! QR codes, two modules to a letter.

use qrcode::{Color, EcLevel, QrCode};
use ratatui::style::{Color as Colour, Style};
use ratatui::text::Line;

use crate::theme::Theme;

/// Modules of light around the code, as ISO/IEC 18004 wants them.
const QUIET: usize = 4;

/// What the code of an address says: its URI (BIP21). Of a Bech32 address in capital letters, which make no difference (BIP173)
/// and make the code so much smaller that a terminal of 24 rows has room for it.
#[must_use]
pub fn address_uri(address: &str) -> String {
    let is_bech32 = ["bc1", "tb1", "bcrt1"].iter().any(|hrp| address.starts_with(hrp));
    let uri = format!("bitcoin:{address}");
    if is_bech32 && !address.contains(|c: char| c.is_ascii_uppercase()) { uri.to_uppercase() } else { uri }
}

/// Columns and rows that a code of that text needs, with the light around it; `None` when the text is too long for any code.
#[must_use]
pub fn qr_room(text: &str) -> Option<(usize, usize)> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let total = code.width() + 2 * QUIET;
    Some((total, total.div_ceil(2)))
}

/// The code as lines: a full block is two light modules, a blank two dark ones. `None` when the text is too long for any code,
/// or the code for the columns.
#[must_use]
pub fn qr_lines(text: &str, columns: usize, theme: &Theme) -> Option<Vec<Line<'static>>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let side = code.width();
    if side + 2 * QUIET > columns {
        return None;
    }
    let colours = code.to_colors();
    let is_light = |x: usize, y: usize| {
        let inside = (QUIET..side + QUIET).contains(&x) && (QUIET..side + QUIET).contains(&y);
        !inside || colours.get((y - QUIET) * side + x - QUIET) == Some(&Color::Light)
    };
    // Light on dark whatever the theme: scanners want the contrast, not the taste.
    let style = match theme.ground.bg {
        Some(_) => Style::new().fg(Colour::Indexed(231)).bg(Colour::Indexed(16)),
        None => theme.text,
    };
    let total = side + 2 * QUIET;
    let lines = (0..total).step_by(2).map(|y| {
        let letters = (0..total).map(|x| match (is_light(x, y), y + 1 < total && is_light(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        });
        Line::styled(letters.collect::<String>(), style)
    });
    Some(lines.collect())
}
