//! Curves over block heights, drawn with letters that every terminal and every theme has.

use althing_node::api::Curve;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::bar::column;
use crate::format::{parse_weight, thousands};
use crate::text::{cut, width};
use crate::theme::Theme;
use crate::untrusted::Untrusted;

/// Eighths of a cell, standing.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One row for each series, over the heights of the curve, with the value it ends at; then the heights. All rows have one scale.
#[must_use]
pub fn curve_lines(curve: &Curve, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (Some(first), Some(last)) = (curve.points.first(), curve.points.last()) else { return Vec::new() };
    let series: Vec<Vec<u128>> = (0..curve.labels.len())
        .map(|index| {
            let value = |point: &althing_node::api::CurvePoint| point.values.get(index).and_then(|v| parse_weight(v));
            curve.points.iter().map(|point| value(point).unwrap_or(0)).collect()
        })
        .collect();
    let most = series.iter().flatten().copied().max().unwrap_or(0);
    let labels: Vec<String> = curve.labels.iter().map(|label| Untrusted::new(label).line()).collect();
    let label_width = labels.iter().map(|label| width(label)).max().unwrap_or(0).min(10);
    let ends: Vec<String> = series.iter().map(|values| thousands(values.last().copied().unwrap_or(0))).collect();
    let end_width = ends.iter().map(|end| width(end)).max().unwrap_or(0);
    let cells = columns.saturating_sub(label_width + end_width + 2).max(1);
    let heights: Vec<u32> = curve.points.iter().map(|point| point.height).collect();
    let mut lines = Vec::new();
    for ((label, values), end) in labels.iter().zip(&series).zip(&ends) {
        let style = series_style(label, theme);
        let bars: String = sampled(&heights, values, cells).into_iter().map(|value| column(value, most)).collect();
        lines.push(Line::from(vec![
            Span::styled(format!("{:<label_width$} ", cut(label, label_width)), style),
            Span::styled(bars, style),
            Span::styled(format!(" {end:>end_width$}"), theme.text),
        ]));
    }
    let (from, to) = (thousands(u128::from(first.height)), thousands(u128::from(last.height)));
    let gap = cells.saturating_sub(width(&from) + width(&to)).max(1);
    let axis = if first.height == last.height { from } else { format!("{from}{}{to}", " ".repeat(gap)) };
    lines.push(Line::styled(format!("{} {axis}", " ".repeat(label_width)), theme.dim));
    lines
}

/// The value at each of `cells` heights, evenly between the first and the last; between two points the earlier one holds.
fn sampled(heights: &[u32], values: &[u128], cells: usize) -> Vec<u128> {
    let (Some(first), Some(last)) = (heights.first(), heights.last()) else { return Vec::new() };
    let span = u64::from(last - first);
    let steps = (cells as u64).saturating_sub(1).max(1);
    (0..cells as u64)
        .map(|cell| {
            let height = u64::from(*first) + span * cell / steps;
            let at = heights.partition_point(|known| u64::from(*known) <= height).saturating_sub(1);
            values.get(at).copied().unwrap_or(0)
        })
        .collect()
}

/// Values side by side as columns of that many rows, the newest at the right; the highest fills its column.
#[must_use]
pub fn columns_chart(values: &[u128], columns: usize, rows: usize, style: Style) -> Vec<Line<'static>> {
    let shown = &values[values.len().saturating_sub(columns)..];
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let steps = u32::try_from(rows * 8).unwrap_or(u32::MAX);
    let eighths: Vec<usize> = shown
        .iter()
        .map(|value| {
            let height = crate::format::scale(*value, most, steps);
            usize::try_from(if *value > 0 { height.max(1) } else { 0 }).unwrap_or(0)
        })
        .collect();
    (0..rows)
        .rev()
        .map(|row| {
            let line: String = eighths.iter().map(|height| EIGHTHS[height.saturating_sub(row * 8).min(8)]).collect();
            Line::styled(line, style)
        })
        .collect()
}

fn series_style(label: &str, theme: &Theme) -> Style {
    match label {
        "yes" | "member" => theme.good,
        "no" => theme.bad,
        "abstain" | "none" => theme.dim,
        _ => theme.text,
    }
}
