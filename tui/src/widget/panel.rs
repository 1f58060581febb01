//! Boxes and scrolled text.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph, Scrollbar, ScrollbarOrientation, ScrollbarState};

use crate::app::{Act, Hit};
use crate::text::cut_spans;
use crate::theme::Theme;

/// What drawing needs, and what it finds out.
pub struct Pen<'a, 'b> {
    /// The picture being drawn.
    pub frame: &'a mut Frame<'b>,
    /// Its styles.
    pub theme: Theme,
    /// How far the text drawn last can be scrolled.
    pub scroll_limit: u16,
    /// What a click on each part of the picture means.
    pub hits: Vec<(Rect, Hit)>,
    /// Rows of lists that were made so far.
    pub rows_made: usize,
}

impl Pen<'_, '_> {
    /// Puts the terminal's cursor on a cell of the area, if it is in there: screen readers follow it.
    pub fn cursor(&mut self, area: Rect, x: usize, y: usize) {
        let x = area.x.saturating_add(u16::try_from(x).unwrap_or(u16::MAX));
        let y = area.y.saturating_add(u16::try_from(y).unwrap_or(u16::MAX));
        if x < area.right() && y < area.bottom() {
            self.frame.set_cursor_position((x, y));
        }
    }

    /// Draws lines; what does not fit ends with a mark, since a number that is cut without one is another number.
    pub fn text(&mut self, lines: Vec<Line<'static>>, area: Rect) {
        let room = usize::from(area.width);
        let lines: Vec<Line<'static>> = lines.into_iter().map(|line| cut_spans(line, room)).collect();
        self.frame.render_widget(Text::from(lines), area);
    }

    /// Says that a click on a line of the area means an act.
    pub fn hit_act(&mut self, area: Rect, y: usize, act: Act) {
        self.hit(area, y, Hit::Act(act));
    }

    /// The same of a row.
    pub fn hit_row(&mut self, area: Rect, y: usize, row: usize) {
        self.hit(area, y, Hit::Row(row));
    }

    fn hit(&mut self, area: Rect, y: usize, hit: Hit) {
        let line = area.y.saturating_add(u16::try_from(y).unwrap_or(u16::MAX));
        if line < area.bottom() {
            self.hits.push((Rect { y: line, height: 1, ..area }, hit));
        }
    }
}

/// Draws a box with a title and gives the room in it, one column in from the border.
pub fn panel(pen: &mut Pen<'_, '_>, area: Rect, title: &str, focused: bool) -> Rect {
    let border = if focused { pen.theme.focus } else { pen.theme.border };
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .style(pen.theme.ground)
        .border_style(border)
        .title(Line::styled(format!(" {title} "), pen.theme.title));
    let inner = block.inner(area);
    pen.frame.render_widget(Clear, area);
    pen.frame.render_widget(block, area);
    inner.inner(Margin::new(1, 0))
}

/// Draws lines from the line `scroll` on, with a bar on the right border if they do not fit.
///
/// Sets [`Pen::scroll_limit`].
pub fn scrolled(pen: &mut Pen<'_, '_>, area: Rect, lines: Vec<Line<'static>>, scroll: u16) {
    let total = lines.len();
    let limit = total.saturating_sub(usize::from(area.height));
    pen.scroll_limit = u16::try_from(limit).unwrap_or(u16::MAX);
    let first = usize::from(scroll).min(limit);
    let shown = lines.into_iter().skip(first).take(usize::from(area.height));
    let shown: Vec<Line<'static>> = shown.map(|line| cut_spans(line, usize::from(area.width))).collect();
    pen.frame.render_widget(Paragraph::new(shown).style(pen.theme.text), area);
    pen.cursor(area, 0, 0);
    if limit > 0 && area.height >= 3 {
        let mut state = ScrollbarState::new(limit + 1).position(first);
        let bar = Scrollbar::new(ScrollbarOrientation::VerticalRight)
            .begin_symbol(None)
            .end_symbol(None)
            .track_style(pen.theme.border)
            .thumb_style(pen.theme.dim);
        // On the border, two columns right of the text.
        let track = Rect { width: area.width.saturating_add(2), ..area }.intersection(pen.frame.area());
        pen.frame.render_stateful_widget(bar, track, &mut state);
    }
}

/// A rectangle of at most that size in the middle of `area`.
#[must_use]
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Two columns of lines side by side; the left one is `width` cells wide, with `between` after it.
#[must_use]
pub fn beside(
    left: Vec<Line<'static>>,
    right: Vec<Line<'static>>,
    width: usize,
    between: Span<'static>,
) -> Vec<Line<'static>> {
    let rows = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    (0..rows)
        .map(|_| {
            // A line's own style is of its spans once it shares its row.
            let spans = |line: Line<'static>| {
                let style = line.style;
                line.spans.into_iter().map(move |span| Span::styled(span.content, style.patch(span.style)))
            };
            let first = left.next().unwrap_or_default();
            let gap = width.saturating_sub(first.width());
            let mut all: Vec<Span<'static>> = spans(first).collect();
            all.push(Span::raw(" ".repeat(gap)));
            all.push(between.clone());
            all.extend(spans(right.next().unwrap_or_default()));
            Line::from(all)
        })
        .collect()
}
