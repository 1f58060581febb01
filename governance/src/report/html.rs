//! A report as one HTML file: no script, no request to anywhere, charts as inline SVG.

use std::fmt::Write as _;

use super::escape::html as escape;
use super::markdown::bar_length;
use super::{Chart, Evidence, Report, Section, Table};

/// Units of the longest bar.
const BAR: u128 = 600;
/// Height of one bar with its gap.
const BAR_HEIGHT: usize = 24;

/// Nothing is fetched and nothing runs, whatever a title holds.
const HEAD: &str = concat!(
    "<meta charset=\"utf-8\">\n",
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    "<meta name=\"viewport\" content=\"width=device-width\">\n",
    "<style>\n",
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}\n",
    "table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #999;padding:.3rem .6rem;text-align:left}\n",
    "td.value{text-align:right;font-variant-numeric:tabular-nums}code,td.proof{font:13px/1.4 monospace;word-break:break-all}\n",
    "svg{display:block;margin:1rem 0;max-width:100%}rect{fill:#0b5fa5}text{font:13px sans-serif;fill:currentColor}\n",
    "@media(prefers-color-scheme:dark){body{background:#141414;color:#e8e8e8}rect{fill:#5fb0f0}}\n",
    "</style>\n",
);

impl Report {
    /// The report as a self-contained HTML file.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut out = String::new();
        let name = escape(&self.name);
        line(&mut out, format_args!("<!doctype html>\n<html lang=\"en\">\n<head>\n{HEAD}"));
        line(&mut out, format_args!("<title>Transparency report of {name}</title>\n</head>\n<body>"));
        line(&mut out, format_args!("<h1>Transparency report of {name}</h1>"));
        line(&mut out, format_args!("<p>DAO <code>{}</code>, {}.</p>", escape(&self.dao), escape(&self.period())));
        for section in &self.sections {
            section_html(&mut out, section);
        }
        line(&mut out, format_args!("</body>\n</html>"));
        out
    }
}

fn section_html(out: &mut String, section: &Section) {
    line(out, format_args!("<section>\n<h2>{}</h2>\n<p>{}</p>", escape(&section.title), escape(&section.note)));
    if !section.figures.is_empty() {
        line(out, format_args!("<table>\n<tr><th>figure</th><th>value</th><th>proof</th></tr>"));
        for figure in &section.figures {
            line(
                out,
                format_args!(
                    "<tr><td>{}</td><td class=\"value\">{}</td>{}</tr>",
                    escape(&figure.name),
                    escape(&figure.value.words()),
                    proof(&figure.evidence)
                ),
            );
        }
        line(out, format_args!("</table>"));
    }
    for table in &section.tables {
        table_html(out, table);
    }
    for chart in &section.charts {
        chart_html(out, chart);
    }
    line(out, format_args!("</section>"));
}

fn table_html(out: &mut String, table: &Table) {
    line(out, format_args!("<h3>{}</h3>", escape(&table.title)));
    if table.rows.is_empty() {
        line(out, format_args!("<p>None.</p>"));
        return;
    }
    let columns: String = table.columns.iter().map(|column| format!("<th>{}</th>", escape(column))).collect();
    line(out, format_args!("<table>\n<tr>{columns}<th>proof</th></tr>"));
    for row in &table.rows {
        let values: String =
            row.values.iter().map(|value| format!("<td class=\"value\">{}</td>", escape(&value.words()))).collect();
        line(out, format_args!("<tr>{values}{}</tr>", proof(&row.evidence)));
    }
    line(out, format_args!("</table>"));
}

fn chart_html(out: &mut String, chart: &Chart) {
    let longest = chart.bars.iter().map(|(_, length)| *length).max().unwrap_or(0);
    let title = escape(&chart.title);
    let height = chart.bars.len().saturating_mul(BAR_HEIGHT);
    line(out, format_args!("<h3>{title}</h3>"));
    line(out, format_args!("<svg role=\"img\" aria-label=\"{title}\" width=\"1000\" height=\"{height}\">"));
    for (index, (label, length)) in chart.bars.iter().enumerate() {
        let (y, width) = (index.saturating_mul(BAR_HEIGHT), bar_length(*length, longest, BAR));
        let (label, words) = (escape(label), escape(&chart.unit.words(*length)));
        line(
            out,
            format_args!(
                "<text x=\"0\" y=\"{}\">{label}</text><rect x=\"200\" y=\"{y}\" width=\"{width}\" height=\"{}\"/><text x=\"{}\" y=\"{}\">{words}</text>",
                y + 16,
                BAR_HEIGHT - 6,
                width + 208,
                y + 16
            ),
        );
    }
    line(out, format_args!("</svg>"));
}

fn proof(evidence: &Evidence) -> String {
    let sentence = escape(&evidence.sentence());
    match evidence.command() {
        Some(command) => format!("<td class=\"proof\">{sentence}<br><code>{}</code></td>", escape(&command)),
        None => format!("<td class=\"proof\">{sentence}</td>"),
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{text}");
}
