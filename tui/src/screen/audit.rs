//! Alarms, the replay of the whole log, and the transparency report with its charts.

use althing_node::api::Snapshot;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::app::{App, ReportSection};
use crate::backend::Verdict;
use crate::format::{percent, thousands};
use crate::text::{cut, hanging, paragraph, width};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Pen, bar, panel, scrolled};

/// Bars of a chart that are drawn; the rest is counted.
const MAX_BARS: usize = 24;

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let inner = panel(pen, area, "Audit", true);
    let columns = usize::from(inner.width);
    let theme = pen.theme;
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let mut lines = vec![Line::styled("Checked all the time", bold)];
    lines.extend(standing(snapshot, columns, &theme));
    lines.push(Line::default());
    lines.push(Line::styled("The whole log, replayed", bold));
    lines.extend(replay(app, columns, &theme));
    lines.push(Line::default());
    lines.extend(report(app, columns, &theme));
    scrolled(pen, inner, lines, app.scroll);
}

/// Alarms, and what is recomputed with every head and link.
fn standing(snapshot: &Snapshot, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let status = &snapshot.status;
    let mut lines = Vec::new();
    for alarm in &status.alarms {
        lines.extend(hanging("✗ ", &Untrusted::new(alarm).line(), columns, theme.bad));
    }
    if status.alarms.is_empty() {
        lines.extend(hanging(
            "✓ ",
            "No alarm: nothing that the hub signed contradicts anything else.",
            columns,
            theme.good,
        ));
    }
    let text = format!("{} entries: each rule and signature checked here.", thousands(u128::from(status.log_size)));
    lines.extend(hanging("✓ ", &text, columns, theme.good));
    let verified = snapshot.links.iter().filter(|link| link.verified).count();
    let (sign, style) = if verified == snapshot.links.len() { ("✓ ", theme.good) } else { ("○ ", theme.warn) };
    let text = format!("{verified} of {} headers recomputed here, byte for byte.", snapshot.links.len());
    lines.extend(hanging(sign, &text, columns, style));
    lines.extend(looked_at(snapshot, columns, theme));
    lines
}

/// The random audit that this node makes by itself with each final link (N-362), and by what its entries were chosen.
fn looked_at(snapshot: &Snapshot, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(check) = &snapshot.status.spot_check else {
        let text = "Random audit: with each final link some stored entries are looked at again; none is final since this node started.";
        return hanging("○ ", text, columns, theme.dim);
    };
    let block = crate::format::short_id(&check.block);
    let chosen = format!(
        "Random audit: {} entries chosen by block {block}, which has the link of epoch {}",
        thousands(u128::from(check.entries)),
        check.epoch
    );
    match &check.difference {
        None => {
            let text = format!("{chosen}: each is as it was verified, with its signatures and receipt.");
            hanging("✓ ", &text, columns, theme.good)
        }
        Some(difference) => hanging("✗ ", &format!("{chosen}: {}", Untrusted::new(difference)), columns, theme.bad),
    }
}

/// The replay under way, or how it ended.
fn replay(app: &App, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    if let Some(progress) = app.progress {
        let (done, total) = (u128::from(progress.done), u128::from(progress.total));
        let cells = u16::try_from(columns.saturating_sub(32).max(4)).unwrap_or(u16::MAX);
        let (filled, empty) = bar(done, total, cells);
        return vec![Line::from(vec![
            Span::styled(filled, theme.good),
            Span::styled(empty, theme.border),
            Span::styled(format!(" {} {} of {}", percent(done, total), thousands(done), thousands(total)), theme.text),
        ])];
    }
    let report = match &app.replayed {
        None => {
            let text = "Not in this session. a checks every entry, head, epoch and link from the first on, against this \
                        node's own Bitcoin source.";
            return paragraph(text, columns, theme.dim);
        }
        Some(Err(problem)) => return hanging("✗ ", problem, columns, theme.bad),
        Some(Ok(report)) => report,
    };
    let (sign, words, style) = match report.verdict {
        Verdict::Valid => ("✓ ", "Valid: the log is what it must be.", theme.good),
        Verdict::Invalid => ("✗ ", "Invalid.", theme.bad),
        Verdict::CannotTell => ("? ", "It cannot be told.", theme.warn),
    };
    let mut lines = hanging(sign, words, columns, style);
    if let Some(difference) = &report.first_difference {
        lines.extend(hanging("  ", &Untrusted::new(difference).line(), columns, theme.bad));
    }
    let text = crate::words::audited(report);
    lines.extend(hanging("  ", &text, columns, theme.text));
    for trusted in &report.trusted {
        lines.extend(hanging("! ", &format!("believed: {}", Untrusted::new(trusted)), columns, theme.warn));
    }
    lines
}

/// The report by sections.
fn report(app: &App, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let Some(report) = &app.desk.report else {
        let text = app.desk.no_report.clone().unwrap_or_else(|| "Loading the transparency report…".to_owned());
        return paragraph(&text, columns, theme.dim);
    };
    let (first, last) = report.epochs;
    let mut lines = vec![Line::styled(format!("Transparency report, epochs {first} to {last}"), bold)];
    for section in &report.sections {
        lines.push(Line::default());
        lines.extend(section_lines(section, columns, theme));
    }
    lines
}

pub(super) fn section_lines(section: &ReportSection, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled(cut(&section.title, columns), theme.title)];
    lines.extend(paragraph(&section.note, columns, theme.dim));
    for (name, value) in &section.figures {
        lines.extend(hanging(&format!("{:<30} ", cut(name, 30)), value, columns, theme.text));
    }
    for chart in &section.charts {
        if chart.bars.is_empty() {
            lines.push(Line::styled(cut(&format!("{}: nothing yet", chart.title), columns), theme.dim));
            continue;
        }
        lines.push(Line::styled(cut(&chart.title, columns), theme.text));
        let most = chart.bars.iter().map(|(_, length, _)| *length).max().unwrap_or(0);
        let label = chart.bars.iter().map(|(label, ..)| width(label)).max().unwrap_or(0).min(20);
        let words = chart.bars.iter().map(|(.., words)| width(words)).max().unwrap_or(0);
        let cells = u16::try_from(columns.saturating_sub(label + words + 2).max(4)).unwrap_or(u16::MAX).min(60);
        for (name, length, words) in chart.bars.iter().take(MAX_BARS) {
            let name = cut(name, label);
            let (filled, empty) = bar(*length, most, cells);
            lines.push(Line::from(vec![
                Span::styled(format!("{name}{} ", " ".repeat(label.saturating_sub(width(&name)))), theme.text),
                Span::styled(filled, theme.good),
                Span::styled(empty, theme.border),
                Span::styled(format!(" {words}"), theme.dim),
            ]));
        }
        if chart.bars.len() > MAX_BARS {
            lines.push(Line::styled(format!("and {} more", chart.bars.len() - MAX_BARS), theme.dim));
        }
    }
    lines
}
