//! The tutorial: a strip above the screens with the step that is next.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use crate::app::App;
use crate::app::lesson::STEPS;
use crate::text::paragraph;
use crate::widget::{Pen, bar, panel};

/// Draws the strip, if the tutorial runs, and gives the room that is left.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, area: Rect) -> Rect {
    let Some(lesson) = app.lesson.as_ref().filter(|_| area.height >= 18) else { return area };
    let [strip, rest] = Layout::vertical([Constraint::Length(6), Constraint::Min(1)]).areas(area);
    let title = match lesson.step() {
        Some(step) => format!("Step {} of {}: {}", lesson.done + 1, STEPS.len(), step.title),
        None => "You have done all ten steps".to_owned(),
    };
    let inner = panel(pen, strip, &title, true);
    let (filled, empty) = bar(lesson.done as u128, STEPS.len() as u128, inner.width);
    let mut lines = vec![Line::from(vec![
        ratatui::text::Span::styled(filled, pen.theme.good),
        ratatui::text::Span::styled(empty, pen.theme.border),
    ])];
    let text = lesson.step().map_or(
        "That is all a member needs. q leaves; the private DAO is thrown away, your real one is joined with: althing join INVITE",
        |step| step.text,
    );
    lines.extend(paragraph(text, usize::from(inner.width), pen.theme.text));
    pen.text(lines, inner);
    rest
}
