//! A list to pick from by a few letters.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::app::{Pick, PickOf};
use crate::text::{cut, width};
use crate::widget::{Column, Pen, Rows, centred, list, panel};

/// Columns for the key, the place or the command.
const BESIDE: u16 = 26;

/// Draws the list.
pub(super) fn draw(pen: &mut Pen<'_, '_>, body: Rect, pick: &Pick) {
    let area = centred(body, 90, 22);
    let title = match pick.of {
        PickOf::Command => "Commands, screens, proposals",
        PickOf::Folder => "DAOs known here",
        PickOf::Invitation => "Invitations that you can accept",
    };
    let inner = panel(pen, area, title, true);
    let [input, rest] = Layout::vertical([Constraint::Length(2), Constraint::Min(1)]).areas(inner);
    let line = Line::from(vec![Span::styled(": ", pen.theme.key), Span::styled(pick.typed.clone(), pen.theme.title)]);
    pen.frame.render_widget(line, input);
    let items: Vec<_> = pick.shown().collect();
    let columns = [Column::words("", Constraint::Fill(1)), Column::number("", BESIDE)];
    let room = usize::from(rest.width).saturating_sub(usize::from(BESIDE) + 3);
    let theme = pen.theme;
    let row = |index: usize| {
        let item = items[index];
        vec![
            Line::styled(cut(&item.name, room), theme.text),
            Line::styled(cut(&item.beside, usize::from(BESIDE)), theme.key),
        ]
    };
    let rows = Rows { count: items.len(), selected: pick.row, row: &row, empty: "Nothing matches these letters." };
    list(pen, rest, &columns, &rows);
    // What is typed has the cursor; the row is marked in words for those who do not see it by its being first in line.
    pen.cursor(input, 2 + width(&pick.typed), 0);
}
