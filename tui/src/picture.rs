//! Pictures of screens as SVG, for the documentation: drawn from the same cells as the terminal, so they cannot go stale.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Width of a cell in pixels.
const CELL_WIDTH: u32 = 9;

/// Height of a cell in pixels.
const CELL_HEIGHT: u32 = 18;

/// Room around the cells in pixels.
const MARGIN: u32 = 12;

/// Colour of text that names none.
const FOREGROUND: &str = "#d8dee9";

/// Colour behind everything.
const BACKGROUND: &str = "#15181e";

/// The cells as an SVG picture, for dark themes.
#[must_use]
pub fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let width = u32::from(area.width) * CELL_WIDTH + 2 * MARGIN;
    let height = u32::from(area.height) * CELL_HEIGHT + 2 * MARGIN;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"15\">"
    );
    let _ = writeln!(out, "<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>");
    for y in area.top()..area.bottom() {
        let mut x = area.left();
        while x < area.right() {
            let first = &buffer[(x, y)];
            let start = x;
            let mut text = String::new();
            while x < area.right() && same_style(first, &buffer[(x, y)]) {
                text.push_str(buffer[(x, y)].symbol());
                x += 1;
            }
            run(&mut out, first, start - area.left(), y - area.top(), x - start, &text);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Cells that can be drawn in one piece.
fn same_style(a: &Cell, b: &Cell) -> bool {
    a.fg == b.fg && a.bg == b.bg && a.modifier == b.modifier
}

/// Draws a run of cells of one style.
fn run(out: &mut String, cell: &Cell, column: u16, row: u16, cells: u16, text: &str) {
    let (x, y) = (MARGIN + u32::from(column) * CELL_WIDTH, MARGIN + u32::from(row) * CELL_HEIGHT);
    let width = u32::from(cells) * CELL_WIDTH;
    if let Some(background) = colour(cell.bg) {
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{CELL_HEIGHT}\" fill=\"{background}\"/>"
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let colour = colour(cell.fg).unwrap_or_else(|| FOREGROUND.to_owned());
    let weight = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{}\" fill=\"{colour}\"{weight} textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\">{}</text>",
        y + CELL_HEIGHT - 4,
        escaped(text)
    );
}

/// The colour in hexadecimal; `None` for the terminal's own.
fn colour(colour: Color) -> Option<String> {
    let (r, g, b) = crate::theme::rgb(colour)?;
    Some(format!("#{r:02x}{g:02x}{b:02x}"))
}

/// Text as XML content.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
