//! The transparency report as the screens draw it, read from its data form.

use serde::Deserialize;
use serde_json::Value;

use crate::format::{sats, thousands};
use crate::untrusted::Untrusted;

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportView {
    /// First and last epoch covered.
    pub epochs: (u32, u32),
    /// In the order of printing.
    pub sections: Vec<ReportSection>,
}

/// One subject; every text in it is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSection {
    /// Heading.
    pub title: String,
    /// What the figures mean.
    pub note: String,
    /// Names and values.
    pub figures: Vec<(String, String)>,
    /// Bars.
    pub charts: Vec<ReportChart>,
}

/// A bar chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportChart {
    /// Heading.
    pub title: String,
    /// Label, length and the length in words of each bar.
    pub bars: Vec<(String, u128, String)>,
}

#[derive(Deserialize)]
struct RawReport {
    first_epoch: u32,
    last_epoch: u32,
    sections: Vec<RawSection>,
}

#[derive(Deserialize)]
struct RawSection {
    title: String,
    note: String,
    figures: Vec<RawFigure>,
    charts: Vec<RawChart>,
}

#[derive(Deserialize)]
struct RawFigure {
    name: String,
    value: RawValue,
}

#[derive(Deserialize)]
struct RawValue {
    kind: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
struct RawChart {
    title: String,
    unit: String,
    bars: Vec<(String, u128)>,
}

impl ReportView {
    /// Reads the data form.
    ///
    /// # Errors
    /// Says that it is none.
    pub fn parse(json: &str) -> Result<Self, String> {
        let raw: RawReport =
            serde_json::from_str(json).map_err(|error| format!("The report cannot be read: {error}."))?;
        Ok(Self {
            epochs: (raw.first_epoch, raw.last_epoch),
            sections: raw.sections.into_iter().map(section).collect(),
        })
    }
}

fn section(raw: RawSection) -> ReportSection {
    let figure = |figure: RawFigure| (Untrusted::new(&figure.name).line(), value(&figure.value));
    ReportSection {
        title: Untrusted::new(&raw.title).line(),
        note: Untrusted::new(&raw.note).line(),
        figures: raw.figures.into_iter().map(figure).collect(),
        charts: raw.charts.into_iter().map(chart).collect(),
    }
}

fn chart(raw: RawChart) -> ReportChart {
    let bar = |(label, length): (String, u128)| {
        let words = match raw.unit.as_str() {
            "sat" => sats(u64::try_from(length).unwrap_or(u64::MAX)),
            "share" => share(length),
            _ => thousands(length),
        };
        (Untrusted::new(&label).line(), length, words)
    };
    ReportChart { title: Untrusted::new(&raw.title).line(), bars: raw.bars.into_iter().map(bar).collect() }
}

fn value(raw: &RawValue) -> String {
    let text = match &raw.value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let digits = || text.parse::<u128>().ok();
    match raw.kind.as_str() {
        "number" | "height" => digits().map_or_else(|| Untrusted::new(&text).line(), thousands),
        "sat" => digits().map_or_else(|| Untrusted::new(&text).line(), |sat| format!("{} sat", thousands(sat))),
        "share" => digits().map_or_else(|| Untrusted::new(&text).line(), share),
        "none" => "–".to_owned(),
        _ => Untrusted::new(&text).line(),
    }
}

fn share(basis_points: u128) -> String {
    format!("{}.{:02} %", basis_points / 100, basis_points % 100)
}
