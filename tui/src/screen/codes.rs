//! QR codes, one after the other (docs/spec/node.md, N-196): over the whole terminal, since a code of a low one is small enough as it is.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Clear};

use crate::text::{cut, paragraph};
use crate::widget::{Pen, qr_lines};

/// Draws one of them, and which it is; `area` is all but the line of the keys.
pub(super) fn draw(pen: &mut Pen<'_, '_>, area: Rect, (title, codes, at): (&str, &[String], usize), moves: bool) {
    let [picture, foot] = Layout::vertical([Constraint::Min(1), Constraint::Length(1)]).areas(area);
    pen.frame.render_widget(Clear, area);
    pen.frame.render_widget(Block::new().style(pen.theme.ground), area);
    let (columns, rows) = (usize::from(picture.width), usize::from(picture.height));
    let theme = pen.theme;
    let code = codes.get(at).and_then(|text| qr_lines(text, columns, &theme)).filter(|code| code.len() <= rows);
    let lines = code.unwrap_or_else(|| {
        let text =
            "This terminal is too small for these codes now: make it larger, or close them and ask for smaller ones.";
        paragraph(text, columns, theme.warn)
    });
    let wide = u16::try_from(lines.first().map_or(0, Line::width)).unwrap_or(u16::MAX).min(picture.width);
    let middle = Rect { x: picture.x + (picture.width - wide) / 2, width: wide, ..picture };
    pen.frame.render_widget(Text::from(lines), middle);
    let how = match (codes.len(), moves) {
        (1, _) => "all of it is in this one",
        (_, true) => "hold the camera still until it has all",
        (_, false) => "standing still: j shows the next one",
    };
    let text = format!(" code {} of {}: {how} · {title}", at + 1, codes.len());
    pen.frame.render_widget(Line::styled(cut(&text, usize::from(foot.width)), theme.text), foot);
    pen.cursor(foot, 0, 0);
}
