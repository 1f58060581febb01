//! The path of a ballot: promised, logged, anchored, confirmed k/6, final.

use althing_node::api::BallotPath;
use ratatui::text::{Line, Span};

use crate::theme::Theme;
use crate::words::{self, PATH_STEPS};

/// One line for each step.
#[must_use]
pub fn path_lines(path: &BallotPath, theme: &Theme) -> Vec<Line<'static>> {
    PATH_STEPS
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let (sign, style) = match progress(path, index) {
                Progress::Done => ("✓", theme.good),
                Progress::UnderWay => ("◐", theme.warn),
                Progress::Ahead => ("○", theme.dim),
            };
            let mut spans = vec![Span::styled(sign, style), Span::raw(" "), Span::styled((*step).to_owned(), style)];
            if index + 1 == words::steps_reached(path) {
                let rest = words::path(path);
                let rest = rest.strip_prefix(step).unwrap_or(&rest).trim_start_matches(',').trim_start();
                spans.push(Span::styled(format!(" {rest}"), style));
            }
            Line::from(spans)
        })
        .collect()
}

/// The five signs in a row, and the step in words.
#[must_use]
pub fn path_signs(path: &BallotPath, theme: &Theme) -> Line<'static> {
    let mut spans: Vec<Span<'static>> = (0..PATH_STEPS.len())
        .map(|index| match progress(path, index) {
            Progress::Done => Span::styled("●", theme.good),
            Progress::UnderWay => Span::styled("◐", theme.warn),
            Progress::Ahead => Span::styled("○", theme.dim),
        })
        .collect();
    spans.push(Span::styled(format!(" {}", words::path(path)), theme.text));
    Line::from(spans)
}

/// How far one step is.
enum Progress {
    Done,
    UnderWay,
    Ahead,
}

/// How far the step of that place is.
fn progress(path: &BallotPath, index: usize) -> Progress {
    let reached = words::steps_reached(path);
    if index >= reached {
        Progress::Ahead
    } else if index + 1 == reached && matches!(path, BallotPath::Confirmed { .. }) {
        Progress::UnderWay
    } else {
        Progress::Done
    }
}
