//! The sums of a proposal as bars.

use althing_node::api::{Proposal, Tally};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::bar;
use crate::format::{count_of, parse_weight, percent, thousands};
use crate::text::{hanging, paragraph, width};
use crate::theme::Theme;
use crate::untrusted::Untrusted;

/// Bars for yes, no and abstain as parts of the whole roll; then what they mean for quorum and threshold.
#[must_use]
pub fn tally_lines(proposal: &Proposal, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(tally) = &proposal.tally else {
        return paragraph("No sums yet: the roll that gives the weights is not known here.", columns, theme.dim);
    };
    let Some(sums) = Sums::parse(tally) else {
        return paragraph("The node's sums are not numbers.", columns, theme.bad);
    };
    let mut lines = match proposal.vote.options.is_empty() {
        true => sums.bars(columns, theme),
        false => option_bars(proposal, &sums, columns, theme),
    };
    lines.push(Line::default());
    if proposal.vote.options.is_empty() {
        lines.extend(sums.shares(columns, theme));
    }
    lines.extend(verdict("quorum", tally.quorum_met, tally.is_final, &proposal.quorum, columns, theme));
    lines.extend(verdict("threshold", tally.threshold_met, tally.is_final, &proposal.threshold, columns, theme));
    lines
}

/// Parsed sums.
struct Sums {
    yes: u128,
    no: u128,
    abstain: u128,
    total: u128,
}

impl Sums {
    fn parse(tally: &Tally) -> Option<Self> {
        Some(Self {
            yes: parse_weight(&tally.yes)?,
            no: parse_weight(&tally.no)?,
            abstain: parse_weight(&tally.abstain)?,
            total: parse_weight(&tally.total_weight)?,
        })
    }

    /// Weight that has not voted.
    fn silent(&self) -> u128 {
        [self.yes, self.no, self.abstain].iter().fold(self.total, |left, part| left.saturating_sub(*part))
    }

    /// One bar for each choice, numbers aligned.
    fn bars(&self, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
        let rows = [
            ("yes".to_owned(), self.yes, theme.good),
            ("no".to_owned(), self.no, theme.bad),
            ("abstain".to_owned(), self.abstain, theme.text),
            ("silent".to_owned(), self.silent(), theme.dim),
        ];
        bars(&rows, self.total, columns, theme)
    }

    /// The two shares that the rules are about.
    fn shares(&self, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
        let decided = self.yes.saturating_add(self.no);
        let text = if decided == 0 {
            "nobody has voted yes or no".to_owned()
        } else {
            format!("yes is {} of yes and no", percent(self.yes, decided))
        };
        paragraph(&text, columns, theme.text)
    }
}

/// One bar for each option, by its number; of grades and bought votes the longest is the greatest sum.
fn option_bars(proposal: &Proposal, sums: &Sums, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let options = &proposal.vote.options;
    let mut rows: Vec<(String, u128, Style)> = Vec::new();
    for (number, option) in (1..).zip(options) {
        let label = if number == options.len() { "none".to_owned() } else { number.to_string() };
        let style = if option.won { theme.good } else { theme.text };
        rows.push((label, option.sum.as_deref().and_then(parse_weight).unwrap_or(0), style));
    }
    rows.push(("abstain".to_owned(), sums.abstain, theme.dim));
    let whole = rows.iter().map(|(_, sum, _)| *sum).fold(sums.total, u128::max);
    bars(&rows, whole, columns, theme)
}

/// One bar for each row, numbers aligned.
fn bars(rows: &[(String, u128, Style)], whole: u128, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let numbers: Vec<String> = rows.iter().map(|(_, weight, _)| thousands(*weight)).collect();
    let number_width = numbers.iter().map(|n| width(n)).max().unwrap_or(1);
    // Label, two gaps, the number, a gap and ` 47.5 %`.
    let fixed = 8 + 1 + number_width + 1 + 7;
    let cells = u16::try_from(columns.saturating_sub(fixed)).unwrap_or(u16::MAX).min(60);
    rows.iter()
        .zip(&numbers)
        .map(|((label, weight, style), number)| {
            let (filled, empty) = bar(*weight, whole, cells);
            Line::from(vec![
                Span::styled(format!("{label:<8}"), *style),
                Span::styled(filled, *style),
                Span::styled(empty, theme.border),
                Span::styled(format!(" {number:>number_width$}"), theme.text),
                Span::styled(format!(" {:>7}", percent(*weight, whole)), theme.dim),
            ])
        })
        .collect()
}

/// What kind of sums these are.
#[must_use]
pub fn tally_heading(tally: &Tally, theme: &Theme) -> Line<'static> {
    let kind = if tally.is_final { "final sums" } else { "sums so far" };
    Line::from(vec![
        Span::styled(kind, theme.text),
        Span::styled(format!(", {}", count_of(tally.ballots, "ballot")), theme.dim),
    ])
}

/// Whether a rule is met, in a sign and words, with the rule.
fn verdict(name: &str, met: bool, is_final: bool, rule: &str, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (sign, word, style): (_, _, Style) = match (met, is_final) {
        (true, _) => ("✓ ", "met", theme.good),
        (false, true) => ("✗ ", "not met", theme.bad),
        (false, false) => ("○ ", "not met yet", theme.warn),
    };
    let mut lines = hanging(sign, &format!("{name} {word}"), columns, style);
    lines.extend(hanging("  ", &Untrusted::new(rule).line(), columns, theme.dim));
    lines
}
