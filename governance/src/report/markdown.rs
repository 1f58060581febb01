//! A report as Markdown.

use std::fmt::Write as _;

use super::escape::markdown as escape;
use super::{Evidence, Report, Section, Table};

/// Length of the longest bar in characters.
const BAR: u128 = 40;

impl Report {
    /// The report as Markdown (CommonMark with tables).
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut out = String::new();
        line(&mut out, format_args!("# Transparency report of {}", escape(&self.name)));
        line(&mut out, format_args!("\nDAO `{}`, {}.", self.dao, self.period()));
        for section in &self.sections {
            section_text(&mut out, section);
        }
        out
    }
}

fn section_text(out: &mut String, section: &Section) {
    line(out, format_args!("\n## {}\n\n{}", escape(&section.title), escape(&section.note)));
    if !section.figures.is_empty() {
        line(out, format_args!("\n| figure | value | proof |\n|---|---:|---|"));
        for figure in &section.figures {
            let (name, value) = (escape(&figure.name), escape(&figure.value.words()));
            line(out, format_args!("| {name} | {value} | {} |", proof(&figure.evidence)));
        }
    }
    for table in &section.tables {
        table_text(out, table);
    }
    for chart in &section.charts {
        line(out, format_args!("\n### {}\n\n```text", escape(&chart.title)));
        let longest = chart.bars.iter().map(|(_, length)| *length).max().unwrap_or(0);
        for (label, length) in &chart.bars {
            let bar = "█".repeat(bar_length(*length, longest, BAR));
            // Inside a fenced block only a fence could end it.
            let label = super::escape::harmless(label).replace('`', "'");
            line(out, format_args!("{label:<24.24} {bar} {}", chart.unit.words(*length)));
        }
        line(out, format_args!("```"));
    }
}

fn table_text(out: &mut String, table: &Table) {
    line(out, format_args!("\n### {}\n", escape(&table.title)));
    if table.rows.is_empty() {
        line(out, format_args!("None."));
        return;
    }
    let columns: Vec<String> = table.columns.iter().map(|column| escape(column)).collect();
    line(out, format_args!("| {} | proof |", columns.join(" | ")));
    line(out, format_args!("|{}---|", "---|".repeat(columns.len())));
    for row in &table.rows {
        let values: Vec<String> = row.values.iter().map(|value| escape(&value.words())).collect();
        line(out, format_args!("| {} | {} |", values.join(" | "), proof(&row.evidence)));
    }
}

fn proof(evidence: &Evidence) -> String {
    let mut out = escape(&evidence.sentence());
    if let Some(command) = evidence.command() {
        let _ = write!(out, " (`{}`)", command.replace('`', "'"));
    }
    out
}

/// Length of a bar when the longest has `most` units; at least one unit for anything above zero.
pub(super) fn bar_length(length: u128, longest: u128, most: u128) -> usize {
    if longest == 0 || length == 0 {
        return 0;
    }
    let scaled = match length.checked_mul(most) {
        Some(product) => product / longest,
        // Near 2^128 the precision of a bar does not matter.
        None => (length >> 64).saturating_mul(most) / (longest >> 64).max(1),
    };
    usize::try_from(scaled.clamp(1, most)).unwrap_or(1)
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{text}");
}
