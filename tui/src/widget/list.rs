//! A list with columns, a heading and a selected row.

use ratatui::layout::{Alignment, Constraint, Position, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Row, Table, TableState};

use super::Pen;

/// A column of a list.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Its width.
    pub width: Constraint,
    /// Whether it holds numbers, which stand right.
    pub is_number: bool,
}

impl Column {
    /// A column of words.
    #[must_use]
    pub const fn words(title: &'static str, width: Constraint) -> Self {
        Self { title, width, is_number: false }
    }

    /// A column of numbers.
    #[must_use]
    pub const fn number(title: &'static str, width: u16) -> Self {
        Self { title, width: Constraint::Length(width), is_number: true }
    }
}

/// Draws a list, or `empty` if it has no rows. The terminal's cursor goes to the selected row, for screen readers.
pub fn list(
    pen: &mut Pen<'_, '_>,
    area: Rect,
    columns: &[Column],
    rows: Vec<Vec<Line<'static>>>,
    selected: usize,
    empty: &str,
) {
    if rows.is_empty() {
        let lines = crate::text::paragraph(empty, usize::from(area.width), pen.theme.dim);
        pen.frame.render_widget(Text::from(lines), area);
        return;
    }
    let selected = selected.min(rows.len() - 1);
    let align = |column: &Column| if column.is_number { Alignment::Right } else { Alignment::Left };
    let header =
        Row::new(columns.iter().map(|c| Cell::from(Line::from(c.title).alignment(align(c))))).style(pen.theme.dim);
    let table_rows = rows.into_iter().map(|cells| {
        Row::new(cells.into_iter().zip(columns).map(|(line, column)| Cell::from(line.alignment(align(column)))))
    });
    let table = Table::new(table_rows, columns.iter().map(|c| c.width))
        .column_spacing(if area.width < 100 { 1 } else { 2 })
        .style(pen.theme.text)
        .row_highlight_style(pen.theme.selected);
    let has_header = columns.iter().any(|column| !column.title.is_empty());
    let table = if has_header { table.header(header) } else { table };
    let mut state = TableState::default().with_selected(selected);
    pen.frame.render_stateful_widget(table, area, &mut state);
    let row = u16::try_from(selected.saturating_sub(state.offset())).unwrap_or(u16::MAX);
    let y = area.y.saturating_add(u16::from(has_header)).saturating_add(row);
    if y < area.bottom() {
        pen.frame.set_cursor_position(Position::new(area.x, y));
    }
}
