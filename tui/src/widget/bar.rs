//! A bar in eighths of a cell.

use crate::format::scale;

/// Cells filled by one to seven eighths.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// `part` of `whole` on that many cells: what is filled, and the empty cells after it.
///
/// Anything above zero shows at least one eighth, and only the whole fills the bar: a bar must not hide a ballot, nor
/// claim one too many.
#[must_use]
pub fn bar(part: u128, whole: u128, cells: u16) -> (String, String) {
    let steps = u32::from(cells) * 8;
    let mut filled = u32::try_from(scale(part, whole, steps)).unwrap_or(steps);
    if part > 0 && filled == 0 {
        filled = 1.min(steps);
    }
    let (full, rest) = ((filled / 8) as usize, (filled % 8) as usize);
    let mut bar = "█".repeat(full);
    if rest > 0 {
        bar.push(EIGHTHS[rest - 1]);
    }
    let empty = usize::from(cells) - full - usize::from(rest > 0);
    (bar, "·".repeat(empty))
}

/// `part` of `whole` as one standing column of eighths; nothing at all is a dot.
#[must_use]
pub fn column(part: u128, whole: u128) -> char {
    const HEIGHTS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let height = scale(part, whole, 8);
    let height = if part > 0 { height.max(1) } else { 0 };
    HEIGHTS[usize::try_from(height).unwrap_or(8).min(8)]
}

/// Puts a mark into a drawn bar where `at` of `whole` is, without hiding whether the bar reaches it: the mark is `┃` where the bar
/// goes over it, and `│` where it does not.
#[must_use]
pub fn mark(bar: &str, at: u128, whole: u128) -> String {
    let cells = bar.chars().count();
    let steps = u32::try_from(cells).unwrap_or(u32::MAX);
    let place = usize::try_from(scale(at, whole, steps)).unwrap_or(cells).min(cells.saturating_sub(1));
    let put = |(index, c): (usize, char)| match c {
        _ if index != place => c,
        '█' => '┃',
        _ => '│',
    };
    bar.chars().enumerate().map(put).collect()
}
