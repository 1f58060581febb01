//! The last page before something irreversible: exactly what it does, and a word to type.

use althing_node::api::{BallotReview, ProposalReview};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span, Text};

use crate::app::{App, Effects, Review, ReviewStep};
use crate::format::{sats, weight};
use crate::text::{bullets, hanging, paragraph, width};
use crate::untrusted::Untrusted;
use crate::widget::{Pen, panel, scrolled, tally_lines};
use crate::words;

/// Draws the page, over the whole screen so that nothing else speaks beside it.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, body: Rect, review: &Review) {
    let inner = panel(pen, body, &format!("Review: {}", lower_first(&review.order.title)), true);
    let problem_rows = if review.problem.is_some() { 2 } else { 0 };
    let [text, problem, input] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(problem_rows), Constraint::Length(2)]).areas(inner);
    let columns = usize::from(inner.width);
    let word = review.order.word;
    let (lines, ask) = match &review.step {
        ReviewStep::Asking => (vec![Line::styled("Working out what this does…", pen.theme.dim)], None),
        ReviewStep::Ready(effects) if effects.refusal().is_some() => (page(pen, app, review, effects, columns), None),
        ReviewStep::Ready(effects) => {
            (page(pen, app, review, effects, columns), Some(format!("Type {word} and press enter to do it: ")))
        }
        ReviewStep::Sending(effects) => (page(pen, app, review, effects, columns), None),
    };
    scrolled(pen, text, lines, review.scroll);
    if let Some(text) = &review.problem {
        let lines = hanging("✗ ", text, columns, pen.theme.bad);
        pen.frame.render_widget(Text::from(lines), problem);
    }
    let last = match (&review.step, ask) {
        (ReviewStep::Sending(_), _) => Line::styled("Sent; waiting for the answer…", pen.theme.warn),
        (_, Some(ask)) => {
            let x = width(&ask) + width(&review.typed);
            pen.cursor(input, x, 1);
            Line::from(vec![Span::styled(ask, pen.theme.text), Span::styled(review.typed.clone(), pen.theme.title)])
        }
        _ => Line::styled("esc goes back", pen.theme.dim),
    };
    pen.frame.render_widget(Text::from(vec![Line::default(), last]), input);
}

/// The effects, all from parsed values.
fn page(pen: &Pen<'_, '_>, app: &App, review: &Review, effects: &Effects, columns: usize) -> Vec<Line<'static>> {
    let theme = &pen.theme;
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let mut lines = Vec::new();
    if let Some(refusal) = effects.refusal() {
        lines.extend(hanging("✗ ", &Untrusted::new(refusal).line(), columns, theme.bad));
        lines.push(Line::default());
    }
    match effects {
        Effects::Ballot(effects) => lines.extend(ballot_page(pen, app, review, effects, columns)),
        Effects::Proposal(effects) => lines.extend(proposal_page(pen, effects, columns)),
        Effects::Said(effects) => {
            lines.push(Line::styled("What you sign", bold));
            lines.extend(bullets(&effects.sentences, columns, theme.text));
        }
        Effects::Stated => lines.push(Line::styled("What it does", bold)),
    }
    lines.extend(bullets(&review.order.effects, columns, theme.text));
    if let Some(text) = review.order.text.as_deref().filter(|text| !text.is_empty()) {
        lines.push(Line::default());
        lines.push(Line::styled("The text", bold));
        for line in Untrusted::new(text).lines() {
            lines.extend(hanging("│ ", &line, columns, theme.text));
        }
    }
    lines
}

/// The effects of a ballot.
fn ballot_page(
    pen: &Pen<'_, '_>,
    app: &App,
    review: &Review,
    effects: &BallotReview,
    columns: usize,
) -> Vec<Line<'static>> {
    let theme = &pen.theme;
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let proposal = &effects.proposal;
    let mut lines = Vec::new();
    let title = format!("#{} {}", proposal.number, Untrusted::new(&proposal.title));
    lines.extend(hanging("Proposal  ", &title, columns, bold));
    lines.extend(hanging("id        ", &Untrusted::new(&proposal.id).line(), columns, theme.dim));
    let mut choice = format!("{} {}", words::choice_sign(&effects.choice), effects.choice);
    if let Some(before) = &effects.replaces {
        choice.push_str(&format!(", replacing {before}"));
    }
    lines.extend(hanging("Ballot    ", &choice, columns, bold));
    lines.extend(hanging("Weight    ", &weight(&effects.weight), columns, theme.text));
    if let althing_node::api::Request::Vote { reason: Some(reason), .. } = &review.order.request {
        lines.extend(hanging("Reason    ", &Untrusted::new(reason).line(), columns, theme.text));
    }
    lines.push(Line::default());
    lines.push(Line::styled("If the proposal passes", bold));
    lines.extend(bullets(&proposal.effects, columns, theme.text));
    lines.push(Line::default());
    lines.push(Line::styled("What you sign", bold));
    lines.extend(bullets(&effects.sentences, columns, theme.text));
    lines.extend(delegation_effect(app, proposal.id.as_str(), columns, theme));
    if effects.tally_after.is_some() {
        lines.push(Line::default());
        lines.push(Line::styled("The sums with this ballot", bold));
        let mut after = proposal.clone();
        after.tally.clone_from(&effects.tally_after);
        lines.extend(tally_lines(&after, columns, theme));
    }
    if let Some(ballot) = &proposal.my_ballot {
        lines.push(Line::default());
        lines.extend(paragraph(
            &format!("Your ballot so far is {}: {}.", ballot.choice, words::path(&ballot.path)),
            columns,
            theme.dim,
        ));
    }
    lines
}

/// Where one's weight goes without a ballot of one's own.
pub(super) fn delegation_effect(
    app: &App,
    proposal: &str,
    columns: usize,
    theme: &crate::theme::Theme,
) -> Vec<Line<'static>> {
    let Some(routes) = app.desk.routes.as_ref().filter(|_| app.open.as_deref() == Some(proposal)) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for route in &routes.routes {
        let sentence = format!(
            "{} goes to {}, {} away: it {}",
            weight(&route.weight),
            Untrusted::new(&route.name),
            crate::format::count_of(u64::from(route.steps), "step"),
            Untrusted::new(&route.words)
        );
        lines.extend(hanging("→ ", &sentence, columns, theme.dim));
    }
    lines
}

/// The effects of a proposal.
fn proposal_page(pen: &Pen<'_, '_>, effects: &ProposalReview, columns: usize) -> Vec<Line<'static>> {
    let theme = &pen.theme;
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let mut lines = hanging("Title     ", &Untrusted::new(&effects.title).line(), columns, bold);
    lines.extend(hanging("Class     ", &Untrusted::new(&effects.class).line(), columns, theme.text));
    lines.extend(hanging("id        ", &Untrusted::new(&effects.id).line(), columns, theme.dim));
    for (number, option) in (1..).zip(&effects.options) {
        let option = Untrusted::new(option);
        lines.extend(hanging("Option    ", &format!("{number}  {option}"), columns, theme.text));
    }
    if effects.deposit_sat > 0 {
        let deposit = format!("{}, to be held first: D on the proposal", sats(effects.deposit_sat));
        lines.extend(hanging("Deposit   ", &deposit, columns, theme.warn));
    }
    lines.push(Line::default());
    lines.push(Line::styled("If it passes", bold));
    lines.extend(bullets(&effects.effects, columns, theme.text));
    lines.push(Line::default());
    lines.push(Line::styled("How it is voted on", bold));
    lines.extend(bullets(&effects.rules, columns, theme.text));
    lines
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
