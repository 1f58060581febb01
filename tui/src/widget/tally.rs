//! The sums of a proposal as bars.

use althing_node::api::{ChoiceTally, Marks, Measure, Proposal, Tally, VetoTally};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{bar, mark};
use crate::format::{count_of, parse_weight, percent, thousands};
use crate::sums::{part, quorum_of};
use crate::text::{cut, hanging, paragraph, width};
use crate::theme::Theme;
use crate::untrusted::Untrusted;

/// Bars for yes, no and abstain as parts of the whole roll; then what they mean for quorum and threshold.
#[must_use]
pub fn tally_lines(proposal: &Proposal, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(tally) = &proposal.tally else {
        return paragraph("No sums yet: the roll that gives the weights is not known here.", columns, theme.dim);
    };
    let Some(sums) = Sums::parse(tally, &proposal.vote.marks) else {
        return paragraph("The node's sums are not numbers.", columns, theme.bad);
    };
    let mut lines = match &tally.choice {
        None => sums.bars(&proposal.vote.marks, tally.veto.as_ref(), columns, theme),
        Some(choice) => option_bars(proposal, choice, &sums, columns, theme),
    };
    lines.push(Line::default());
    if let Some(words) = crate::sums::objection(&proposal.vote.marks, tally) {
        lines.extend(paragraph(&words, columns, theme.text));
    } else if tally.choice.is_none() {
        lines.extend(sums.shares(&proposal.vote.marks, columns, theme));
    }
    if let Some(words) = crate::sums::veto(tally) {
        lines.extend(paragraph(&format!("veto is {words}"), columns, theme.text));
    }
    lines.extend(verdict("quorum", tally.quorum_met, tally.is_final, &proposal.quorum, columns, theme));
    if let Some(words) = crate::sums::dormant(tally) {
        lines.extend(hanging("  ", &words, columns, theme.dim));
    }
    lines.extend(verdict("threshold", tally.threshold_met, tally.is_final, &proposal.threshold, columns, theme));
    lines
}

/// Parsed sums.
struct Sums {
    yes: u128,
    no: u128,
    abstain: u128,
    /// What stands aside by delegations (L-18).
    standing: u128,
    total: u128,
    /// What the quorum is measured by.
    quorum_of: u128,
}

impl Sums {
    fn parse(tally: &Tally, marks: &Marks) -> Option<Self> {
        Some(Self {
            yes: parse_weight(&tally.yes)?,
            no: parse_weight(&tally.no)?,
            abstain: parse_weight(&tally.abstain)?,
            standing: parse_weight(&tally.standing)?,
            total: parse_weight(&tally.total_weight)?,
            quorum_of: quorum_of(tally, marks.quorum_of_yes)?,
        })
    }

    /// Weight that neither voted nor stands aside.
    fn silent(&self) -> u128 {
        [self.yes, self.no, self.abstain, self.standing]
            .iter()
            .fold(self.total, |left, part| left.saturating_sub(*part))
    }

    /// One bar for each choice, numbers aligned, with a mark where yes alone meets the quorum if only yes counts for it.
    fn bars(&self, marks: &Marks, veto: Option<&VetoTally>, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
        let quorum = marks.quorum_bp.map(|bp| part(bp, self.quorum_of));
        let of_yes = quorum.filter(|_| marks.quorum_of_yes);
        let row = |label, length, style, at| Bar::of_roll(label, length, style, at, self.total);
        let mut rows = vec![
            row("yes", self.yes, theme.good, of_yes),
            row("no", self.no, theme.bad, marks.oppose_bp.map(|bp| part(bp, self.total))),
            row("abstain", self.abstain, theme.text, None),
        ];
        // Part of the no.
        if let Some(veto) = veto.and_then(|veto| parse_weight(&veto.weight)) {
            rows.insert(2, row("veto", veto, theme.bad, None));
        }
        if let Some(quorum) = quorum.filter(|_| !marks.quorum_of_yes) {
            // The one that the rule is about: yes and abstain.
            rows.push(row("quorum", self.yes.saturating_add(self.abstain), theme.text, Some(quorum)));
        }
        rows.extend(self.aside(theme));
        rows.push(row("silent", self.silent(), theme.dim, None));
        bars(&rows, self.total, columns, theme)
    }

    /// What stands aside, where something does.
    fn aside(&self, theme: &Theme) -> Option<Bar> {
        (self.standing > 0).then(|| Bar::of_roll("aside", self.standing, theme.dim, None, self.total))
    }

    /// The two shares that the rules are about.
    fn shares(&self, marks: &Marks, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
        let decided = self.yes.saturating_add(self.no);
        if decided == 0 {
            return paragraph("nobody has voted yes or no", columns, theme.text);
        }
        let mut lines = paragraph(&format!("yes is {} of yes and no", percent(self.yes, decided)), columns, theme.text);
        if let Some(bp) = marks.threshold_bp {
            let rows = [Bar::of_roll("yes/no", self.yes, theme.good, Some(part(bp, decided)), decided)];
            lines.extend(bars(&rows, decided, columns, theme));
        }
        lines
    }
}

/// One bar for each option, by its number, as long as the system's measure says; who took part, where bars do not show it.
fn option_bars(
    proposal: &Proposal,
    choice: &ChoiceTally,
    sums: &Sums,
    columns: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let options = &proposal.vote.options;
    let cast = parse_weight(&choice.cast).unwrap_or(0);
    let mut rows: Vec<Bar> = Vec::new();
    for (index, option) in options.iter().enumerate() {
        // With as much of its name as has room beside the number.
        let label = match index + 1 {
            last if last == options.len() => "none".to_owned(),
            number => cut(&format!("{number} {}", Untrusted::new(&option.label)), label_room(columns)),
        };
        let style = if option.won { theme.good } else { theme.text };
        let length = option.sum.as_deref().and_then(parse_weight).unwrap_or(0);
        let tail = match choice.measure {
            Measure::Weight | Measure::FirstPlaces => percent(length, sums.total),
            Measure::Points | Measure::Votes => {
                choice.means.get(index).map_or_else(String::new, |mean| format!("mean {mean}"))
            }
            Measure::PairsWon => "pairs".to_owned(),
        };
        rows.push(Bar { label, length, style, at: None, tail });
    }
    let best = rows.iter().map(|row| row.length).max().unwrap_or(0);
    match choice.measure {
        Measure::Weight | Measure::FirstPlaces => {
            rows.push(Bar::of_roll("abstain", sums.abstain, theme.dim, None, sums.total));
            rows.extend(sums.aside(theme));
            bars(&rows, sums.total, columns, theme)
        }
        // What the whole weight cast could give.
        Measure::Points | Measure::Votes => {
            let best = best.max(cast.saturating_mul(u128::from(proposal.vote.system.unit())));
            with_turnout(bars(&rows, best, columns, theme), cast, sums, columns, theme)
        }
        Measure::PairsWon => with_turnout(
            bars(&rows, options.len().saturating_sub(1) as u128, columns, theme),
            cast,
            sums,
            columns,
            theme,
        ),
    }
}

/// Bars, and below them the weights that they do not show.
fn with_turnout(
    mut lines: Vec<Line<'static>>,
    cast: u128,
    sums: &Sums,
    columns: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let (voted, abstained) = (percent(cast, sums.total), percent(sums.abstain, sums.total));
    let mut words = format!("{voted} of the roll voted, {abstained} abstained");
    if sums.standing > 0 {
        words.push_str(&format!(", {} stands aside", percent(sums.standing, sums.total)));
    }
    lines.extend(paragraph(&words, columns, theme.dim));
    lines
}

/// Columns of the names before bars.
fn label_room(columns: usize) -> usize {
    if columns < 44 { 8 } else { 16.min(columns / 4) }
}

/// A bar: what it is called, how long it is, where a rule stands on it, and what is said behind the number.
struct Bar {
    label: String,
    length: u128,
    style: Style,
    at: Option<u128>,
    tail: String,
}

impl Bar {
    /// Weight, which is told as a part of a whole.
    fn of_roll(label: &str, length: u128, style: Style, at: Option<u128>, whole: u128) -> Self {
        Self { label: label.to_owned(), length, style, at, tail: percent(length, whole) }
    }
}

/// One bar for each row, numbers aligned.
fn bars(rows: &[Bar], whole: u128, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let numbers: Vec<String> = rows.iter().map(|row| thousands(row.length)).collect();
    let number_width = numbers.iter().map(|n| width(n)).max().unwrap_or(1);
    // As wide as ` 47.5 %` at least.
    let tail_width = rows.iter().map(|row| width(&row.tail)).max().unwrap_or(0).max(7);
    // Label, two gaps, the number, a gap and the tail.
    let label_width = rows.iter().map(|row| width(&row.label)).max().unwrap_or(0).max(8);
    let fixed = label_width + 1 + number_width + 1 + tail_width;
    let cells = u16::try_from(columns.saturating_sub(fixed)).unwrap_or(u16::MAX).min(60);
    rows.iter()
        .zip(&numbers)
        .map(|(Bar { label, length, style, at, tail }, number)| {
            let (mut filled, mut empty) = bar(*length, whole, cells);
            if let Some(at) = at {
                let drawn = mark(&format!("{filled}{empty}"), *at, whole);
                let split = drawn.char_indices().nth(filled.chars().count()).map_or(drawn.len(), |(byte, _)| byte);
                (filled, empty) = (drawn[..split].to_owned(), drawn[split..].to_owned());
            }
            Line::from(vec![
                Span::styled(format!("{label}{}", " ".repeat(label_width.saturating_sub(width(label)))), *style),
                Span::styled(filled, *style),
                Span::styled(empty, theme.border),
                Span::styled(format!(" {number:>number_width$}"), theme.text),
                Span::styled(format!(" {tail:>tail_width$}"), theme.dim),
            ])
        })
        .collect()
}

/// What kind of sums these are.
#[must_use]
pub fn tally_heading(proposal: &Proposal, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(tally) = &proposal.tally else { return Vec::new() };
    let (kind, ballots) = (crate::sums::kind(proposal, tally), count_of(tally.ballots, "ballot"));
    if proposal.vote.at_close.is_empty() {
        return vec![Line::from(vec![Span::styled(kind, theme.text), Span::styled(format!(", {ballots}"), theme.dim)])];
    }
    let mut lines = paragraph(&format!("{kind}, {ballots}"), columns, theme.text);
    for line in crate::sums::at_close(proposal) {
        lines.extend(hanging("  ", &line, columns, theme.dim));
    }
    lines
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
