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

/// Rows of a list: how many, and each when it is wanted. Only those on the screen are ever made.
pub struct Rows<'a> {
    /// How many there are.
    pub count: usize,
    /// The selected one; the last one if there are fewer.
    pub selected: usize,
    /// The cells of a row.
    pub row: &'a dyn Fn(usize) -> Vec<Line<'static>>,
    /// What is said when there are none.
    pub empty: &'a str,
}

/// Draws a list. The terminal's cursor goes to the selected row, for screen readers.
pub fn list(pen: &mut Pen<'_, '_>, area: Rect, columns: &[Column], rows: &Rows<'_>) {
    let Some(last) = rows.count.checked_sub(1) else {
        let lines = crate::text::paragraph(rows.empty, usize::from(area.width), pen.theme.dim);
        pen.frame.render_widget(Text::from(lines), area);
        return;
    };
    let has_header = columns.iter().any(|column| !column.title.is_empty());
    let height = usize::from(area.height.saturating_sub(u16::from(has_header)));
    let selected = rows.selected.min(last);
    let first = (selected + 1).saturating_sub(height.max(1));
    let mut made = 0;
    let shown = (first..rows.count).take(height).map(|index| {
        made += 1;
        let cells = (rows.row)(index);
        Row::new(cells.into_iter().zip(columns).map(|(line, column)| Cell::from(line.alignment(alignment(column)))))
    });
    let table = Table::new(shown, columns.iter().map(|c| c.width))
        .column_spacing(if area.width < 100 { 1 } else { 2 })
        .style(pen.theme.text)
        .row_highlight_style(pen.theme.selected);
    pen.rows_made += made;
    let header = columns.iter().map(|c| Cell::from(Line::from(c.title).alignment(alignment(c))));
    let table = if has_header { table.header(Row::new(header).style(pen.theme.dim)) } else { table };
    let mut state = TableState::default().with_selected(selected - first);
    pen.frame.render_stateful_widget(table, area, &mut state);
    for (line, index) in (first..rows.count).take(height).enumerate() {
        pen.hit_row(area, line + usize::from(has_header), index);
    }
    let row = u16::try_from(selected - first).unwrap_or(u16::MAX);
    let y = area.y.saturating_add(u16::from(has_header)).saturating_add(row);
    if y < area.bottom() {
        pen.frame.set_cursor_position(Position::new(area.x, y));
    }
}

/// Numbers stand right.
fn alignment(column: &Column) -> Alignment {
    if column.is_number { Alignment::Right } else { Alignment::Left }
}
