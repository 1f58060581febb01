//! The list of proposals.

use althing_node::api::{Proposal, ProposalState, Snapshot};
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::format::{blocks, parse_weight, percent};
use crate::sums;
use crate::text::cut;
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, Rows, bar, list, mark, panel};
use crate::words;

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let listed = app.listed();
    let title = super::counted(app, "Proposals", snapshot.proposals.len());
    let inner = panel(pen, area, &title, true);
    let wide = inner.width >= 100;
    let mut columns = vec![
        Column::number("#", 4),
        Column::words("state", Constraint::Length(12)),
        Column::words("title", Constraint::Fill(1)),
        match wide {
            true => Column::words("yes of roll, rules met", Constraint::Length(23)).goes(2),
            false => Column::words("yes of roll, met", Constraint::Length(17)).goes(2),
        },
        Column::number("closes", 10),
        Column::words("mine", Constraint::Length(7)).goes(1),
    ];
    if wide {
        columns.insert(2, Column::words("class", Constraint::Length(7)).goes(3));
    }
    let tip = snapshot.status.tip_height;
    let theme = pen.theme;
    let row = |index: usize| {
        let proposal = listed[index];
        let mut cells = vec![
            Line::styled(proposal.number.to_string(), theme.dim),
            state(proposal, &theme),
            Line::from(Untrusted::new(&proposal.title).line()),
            share(proposal, if wide { 12 } else { 6 }, &theme),
            Line::from(closes(proposal, tip)),
            mine(proposal, &theme),
        ];
        if wide {
            cells.insert(2, Line::styled(class(&proposal.class), theme.dim));
        }
        cells
    };
    let empty = super::empty_in_log(app, "No proposals yet. Press n to write one.");
    let rows = Rows { count: listed.len(), selected: app.selections.proposals, row: &row, empty };
    let shown = u16::try_from(rows.count).unwrap_or(u16::MAX).saturating_add(1);
    list(pen, inner, &columns, &rows);
    // Where there is room below the rows, what the letters of a column mean.
    if rows.count > 0 && shown.saturating_add(1) < inner.height {
        let foot = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
        let text = cut("q: the quorum is met so far; t: the threshold is; ·: it is not yet", usize::from(inner.width));
        pen.frame.render_widget(Line::styled(text, theme.dim), foot);
    }
}

/// The class in a word that fits its column.
fn class(name: &str) -> String {
    match name {
        "rule_change" => "rules".to_owned(),
        "elect_treasurers" => "elect".to_owned(),
        "replace_keys" => "keys".to_owned(),
        "confiscate" => "deposit".to_owned(),
        other => Untrusted::new(other).line(),
    }
}

/// The style of a state.
pub(super) fn state_style(state: ProposalState, theme: &Theme) -> Style {
    match state {
        ProposalState::Voting => theme.warn,
        ProposalState::Passed | ProposalState::Authorised | ProposalState::Executed => theme.good,
        ProposalState::Rejected
        | ProposalState::NoQuorum
        | ProposalState::Tied
        | ProposalState::Barred
        | ProposalState::Vetoed => theme.bad,
        _ => theme.dim,
    }
}

/// Sign and word.
fn state(proposal: &Proposal, theme: &Theme) -> Line<'static> {
    Line::styled(
        format!("{} {}", words::state_sign(proposal.state), words::state(proposal.state)),
        state_style(proposal.state, theme),
    )
}

/// The yes weight as part of the roll; of a choice who is ahead, and by what.
fn share(proposal: &Proposal, cells: u16, theme: &Theme) -> Line<'static> {
    let sums = proposal.tally.as_ref().and_then(|t| Some((parse_weight(&t.yes)?, parse_weight(&t.total_weight)?)));
    let Some((yes, total)) = sums else {
        return Line::styled("no sums yet", theme.dim);
    };
    // The rules that these sums meet, as letters: quorum and threshold.
    let met = proposal.tally.as_ref().map_or("  ", |tally| match (tally.quorum_met, tally.threshold_met) {
        (true, true) => "qt",
        (true, false) => "q·",
        (false, true) => "·t",
        (false, false) => "··",
    });
    let met = Span::styled(format!(" {met}"), theme.dim);
    if let Some((who, by)) = sums::lead(proposal) {
        let room = usize::from(cells) + 8;
        let words = cut(&format!("{who}: {by}"), room);
        return Line::from(vec![Span::styled(format!("{words:<room$}"), theme.text), met]);
    }
    let (mut filled, mut empty) = bar(yes, total, cells);
    let marks = &proposal.vote.marks;
    if let Some(bp) = marks.quorum_bp.filter(|_| marks.quorum_of_yes) {
        let quorum = proposal.tally.as_ref().and_then(|tally| sums::quorum_of(tally, true)).unwrap_or(total);
        let drawn = mark(&format!("{filled}{empty}"), sums::part(bp, quorum), total);
        let split = drawn.char_indices().nth(filled.chars().count()).map_or(drawn.len(), |(byte, _)| byte);
        (filled, empty) = (drawn[..split].to_owned(), drawn[split..].to_owned());
    }
    Line::from(vec![
        Span::styled(filled, theme.good),
        Span::styled(empty, theme.border),
        Span::raw(format!(" {:>7}", percent(yes, total))),
        met,
    ])
}

/// When voting begins or ends.
fn closes(proposal: &Proposal, tip: u32) -> String {
    let Some(heights) = proposal.heights else {
        return "–".to_owned();
    };
    match proposal.state {
        ProposalState::Logged | ProposalState::Review => {
            format!("opens in {}", heights.open_height.saturating_sub(tip))
        }
        ProposalState::Voting => blocks(proposal.vote.ends_at.unwrap_or(heights.close_height).saturating_sub(tip)),
        _ => "over".to_owned(),
    }
}

/// My ballot.
fn mine(proposal: &Proposal, theme: &Theme) -> Line<'static> {
    match &proposal.my_ballot {
        // The column is narrow: the options are what is looked for, the way to vote is known.
        Some(ballot) => {
            let choice = ballot.choice.to_string();
            let verbs = ["approves ", "ranks ", "scores ", "splits ", "buys "];
            let choice = verbs.iter().find_map(|verb| choice.strip_prefix(verb)).unwrap_or(&choice);
            Line::styled(format!("{} {choice}", words::choice_sign(&ballot.choice)), theme.text)
        }
        None => Line::styled("–", theme.dim),
    }
}
