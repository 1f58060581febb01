//! The treasury: what it has, and its parts, one at a time.

mod budgets;
mod coins;
mod flows;
mod payments;
mod policy;
mod sessions;

use althing_node::api::Snapshot;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::app::{Act, App, Hit, Section};
use crate::format::{sats, thousands};
use crate::keymap::Context;
use crate::text::{cut, paragraph, width};
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, Rows, bar, list, panel};

pub(super) use coins::page as coin_page;
pub(super) use flows::page as flow_page;
pub(super) use sessions::{effects as session_effects, page as session_page};

/// Rows of the balances, and of what is below a list, with their borders; where there is little room, the last ones.
const ROWS: (u16, u16) = (5, 8);
const FEW_ROWS: (u16, u16) = (3, 5);

/// Below this height there is little room.
const LITTLE: u16 = 20;

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let (balance_rows, detail_rows) = if area.height < LITTLE { FEW_ROWS } else { ROWS };
    let [top, parts, rest] =
        Layout::vertical([Constraint::Length(balance_rows), Constraint::Length(1), Constraint::Min(1)]).areas(area);
    balances(pen, app, top);
    strip(pen, app, parts);
    if app.section == Section::Policy {
        policy::draw(pen, app, rest);
        return;
    }
    let [rows, below] = Layout::vertical([Constraint::Min(4), Constraint::Length(detail_rows)]).areas(rest);
    match app.section {
        Section::Payments => payments::draw(pen, app, snapshot, (rows, below)),
        Section::Sessions => sessions::draw(pen, app, (rows, below)),
        Section::Budgets => budgets::draw(pen, app, snapshot, (rows, below)),
        Section::Coins => coins::draw(pen, app, (rows, below)),
        Section::Flows => flows::draw(pen, app, snapshot, (rows, below)),
        Section::Policy => {}
    }
}

/// What the treasury has, as a bar and in numbers.
fn balances(pen: &mut Pen<'_, '_>, app: &App, area: Rect) {
    let generation = app.desk.treasury.as_ref().map_or(0, |found| found.generation);
    let title = match generation {
        0 | 1 => "Treasury".to_owned(),
        number => format!("Treasury, generation {number}"),
    };
    let inner = panel(pen, area, &title, false);
    let columns = usize::from(inner.width);
    let theme = pen.theme;
    let Some(found) = app.desk.treasury.as_deref() else {
        let lines = match &app.desk.no_treasury {
            Some(problem) => crate::text::hanging("✗ ", problem, columns, theme.bad),
            None => vec![Line::styled("Loading…", theme.dim)],
        };
        pen.text(lines, inner);
        return;
    };
    let parts = [
        (found.free_sat, "free"),
        (found.reserved_sat, "set apart (spare seal, gates)"),
        (found.frozen_sat, "frozen"),
        (found.pending_sat, "not confirmed"),
        (found.former_sat, "in former treasuries, to be swept"),
    ];
    let total = parts.iter().fold(0u128, |sum, (sat, _)| sum + u128::from(*sat));
    let label = format!(" {} free of {}", sats(found.free_sat), thousands(total));
    let cells = u16::try_from(columns.saturating_sub(width(&label))).unwrap_or(u16::MAX).min(60);
    let (filled, empty) = bar(u128::from(found.free_sat), total, cells);
    let rest: Vec<String> =
        parts[1..].iter().filter(|(sat, _)| *sat > 0).map(|(sat, what)| format!("{} {what}", sats(*sat))).collect();
    let alarm = found.alarms.first().map(|alarm| format!("✗ {}", Untrusted::new(alarm)));
    let apart = found.former_spare_seal.as_ref().map(|words| format!("! {}", Untrusted::new(words)));
    let policy = found.policy.sentences.first().map(|sentence| Untrusted::new(sentence).line());
    let last = match alarm {
        Some(alarm) => Line::styled(cut(&alarm, columns), theme.bad),
        None if apart.is_some() => Line::styled(cut(&apart.unwrap_or_default(), columns), theme.warn),
        None => Line::styled(cut(&policy.unwrap_or_default(), columns), theme.dim),
    };
    let lines = vec![
        Line::from(vec![
            Span::styled(filled, theme.good),
            Span::styled(empty, theme.border),
            Span::styled(label, theme.text),
        ]),
        Line::styled(cut(&rest.join(" · "), columns), theme.text),
        last,
    ];
    pen.text(lines, inner);
}

/// The parts of the screen; the one shown stands out.
fn strip(pen: &mut Pen<'_, '_>, app: &App, area: Rect) {
    let mut spans = vec![Span::raw(" ")];
    let mut x = area.x.saturating_add(1);
    for section in Section::ALL {
        let text = format!(" {} ", section.title());
        let columns = u16::try_from(width(&text)).unwrap_or(0);
        let part = Rect { x, width: columns, ..area }.intersection(area);
        pen.hits.push((part, Hit::Act(Act::Part(section))));
        x = x.saturating_add(columns + 1);
        let here = app.section == section;
        let style = if here { pen.theme.selected.add_modifier(Modifier::BOLD) } else { pen.theme.dim };
        spans.push(Span::styled(text, style));
        spans.push(Span::raw(" "));
    }
    let used = spans.iter().map(Span::width).sum::<usize>();
    pen.frame.render_widget(Line::from(spans), area);
    let keys = app
        .keymap
        .key_of(&[Context::Treasury], Act::PreviousSection)
        .zip(app.keymap.key_of(&[Context::Treasury], Act::NextSection));
    if let Some((before, next)) = keys {
        let hint = Line::from(vec![
            Span::styled(format!("{before} {next}"), pen.theme.key),
            Span::styled(" other parts ", pen.theme.dim),
        ]);
        if used + hint.width() <= usize::from(area.width) {
            pen.frame.render_widget(hint.right_aligned(), area);
        }
    }
}

/// A part that is a list, with its selected row in full below.
struct Part<'a, T> {
    /// Above the list.
    title: String,
    /// Of the list.
    columns: &'a [Column],
    /// All rows; a filter may leave some out.
    found: &'a [T],
    /// What is said when there are none.
    empty: &'a str,
    /// Above the selected row.
    below: &'static str,
}

impl<T> Part<'_, T> {
    /// Draws both. The cells of a row and its page are made for a width in columns.
    fn draw(
        &self,
        pen: &mut Pen<'_, '_>,
        app: &App,
        (top, bottom): (Rect, Rect),
        cells: impl Fn(&T, usize) -> Vec<Line<'static>>,
        page: impl Fn(&T, usize) -> Vec<Line<'static>>,
    ) {
        let inner = panel(pen, top, &self.title, true);
        let places = app.places();
        let columns = usize::from(inner.width);
        let row = |index: usize| cells(&self.found[places[index]], columns);
        let selected = app.selections.treasury[app.section as usize];
        list(pen, inner, self.columns, &Rows { count: places.len(), selected, row: &row, empty: self.empty });
        let inner = panel(pen, bottom, self.below, false);
        if let Some(row) = app.selected_place().and_then(|place| self.found.get(place)) {
            pen.text(page(row, usize::from(inner.width)), inner);
        }
    }
}

/// What a list says before its rows came, or when there are none.
fn empty<'a>(app: &'a App, has_come: bool, words: &'a str) -> &'a str {
    match (has_come, &app.desk.no_treasury) {
        (true, _) => super::empty(app, words),
        (false, Some(problem)) => problem,
        (false, None) => "Loading…",
    }
}

/// Sentences of the node as text, or that the policy is not known.
fn waiting(app: &App, columns: usize, theme: &crate::theme::Theme) -> Vec<Line<'static>> {
    paragraph(app.desk.no_treasury.as_deref().unwrap_or("Loading…"), columns, theme.dim)
}
