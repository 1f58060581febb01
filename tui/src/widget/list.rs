//! A list with columns, a heading and a selected row.

use ratatui::layout::{Alignment, Constraint, Position, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Row, Table, TableState};

use super::Pen;
use crate::text::{cut, cut_spans, width};

/// Cells that the column which takes the rest has at least.
const LEAST_REST: u16 = 8;

/// A column of a list.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Its width.
    pub width: Constraint,
    /// Whether it holds numbers, which stand right.
    pub is_number: bool,
    /// Where not all columns have room, those with the highest figure go first, of several the last.
    pub goes: u8,
}

impl Column {
    /// A column of words.
    #[must_use]
    pub const fn words(title: &'static str, width: Constraint) -> Self {
        Self { title, width, is_number: false, goes: 0 }
    }

    /// A column of numbers.
    #[must_use]
    pub const fn number(title: &'static str, width: u16) -> Self {
        Self { title, width: Constraint::Length(width), is_number: true, goes: 0 }
    }

    /// The column goes before others do.
    #[must_use]
    pub const fn goes(self, goes: u8) -> Self {
        Self { goes, ..self }
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
    let made: Vec<Vec<Line<'static>>> = (first..rows.count).take(height).map(rows.row).collect();
    let gap = if area.width < 100 { 1 } else { 2 };
    let kept = kept(columns, &made, area.width, gap);
    pen.rows_made += made.len();
    let shown = made.into_iter().map(|cells| {
        let mut cells: Vec<Option<Line<'static>>> = cells.into_iter().map(Some).collect();
        Row::new(kept.iter().map(|(index, room)| {
            let line = cells.get_mut(*index).and_then(Option::take).unwrap_or_default();
            Cell::from(cut_line(line, usize::from(*room)).alignment(alignment(&columns[*index])))
        }))
    });
    let table = Table::new(shown, kept.iter().map(|(_, room)| Constraint::Length(*room)))
        .column_spacing(gap)
        .style(pen.theme.text)
        .row_highlight_style(pen.theme.selected);
    let columns: Vec<Column> = kept.iter().map(|(index, _)| columns[*index]).collect();
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

/// Which columns are shown, and how wide. A number is shown whole or not at all: cut, it would be another number. So number columns are
/// as wide as what is in them, and where that is too much, whole columns go.
fn kept(columns: &[Column], rows: &[Vec<Line<'static>>], room: u16, gap: u16) -> Vec<(usize, u16)> {
    let widest = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.get(index)).map(Line::width).max().unwrap_or(0);
        u16::try_from(cells).unwrap_or(u16::MAX)
    };
    let wanted = |index: usize, is_tight: bool| {
        let column = &columns[index];
        match column.width {
            Constraint::Length(_) if column.is_number && is_tight => {
                widest(index).max(u16::try_from(width(column.title)).unwrap_or(0))
            }
            Constraint::Length(fixed) if column.is_number => fixed.max(widest(index)),
            Constraint::Length(fixed) | Constraint::Min(fixed) => fixed,
            _ => LEAST_REST,
        }
    };
    let needed = |shown: &[usize], is_tight: bool| {
        let gaps = gap.saturating_mul(u16::try_from(shown.len().saturating_sub(1)).unwrap_or(u16::MAX));
        shown.iter().map(|index| wanted(*index, is_tight)).fold(gaps, u16::saturating_add)
    };
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    while shown.len() > 1 && needed(&shown, true) > room {
        let may_go = |index: &usize| columns[*index].goes > 0 || matches!(columns[*index].width, Constraint::Length(_));
        let goes = shown.iter().copied().filter(may_go).max_by_key(|index| (columns[*index].goes, *index));
        let Some(goes) = goes else { break };
        shown.retain(|index| *index != goes);
    }
    let is_tight = needed(&shown, false) > room;
    let rest = room.saturating_sub(needed(&shown, is_tight));
    let share = |index: usize| match columns[index].width {
        Constraint::Length(_) => wanted(index, is_tight),
        _ => wanted(index, is_tight).saturating_add(rest),
    };
    shown.into_iter().map(|index| (index, share(index).min(room))).collect()
}

/// A line in that room: its first part gives way, so that what stands behind a name stays whole.
fn cut_line(line: Line<'static>, room: usize) -> Line<'static> {
    let whole = line.width();
    if whole <= room {
        return line;
    }
    let mut spans = line.spans;
    let first = spans.first().map_or(0, |span| width(&span.content));
    let behind = whole - first;
    if spans.len() > 1 && behind < room {
        let shortened = cut(&spans[0].content, room - behind);
        spans[0].content = shortened.into();
        return Line { spans, ..line };
    }
    cut_spans(Line { spans, ..line }, room)
}

/// Numbers stand right.
fn alignment(column: &Column) -> Alignment {
    if column.is_number { Alignment::Right } else { Alignment::Left }
}
