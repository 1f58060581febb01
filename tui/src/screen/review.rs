//! The last page before something irreversible: exactly what it does, and a word to type.

use althing_node::api::{
    BallotReview, Bump, Choice, Proposal, ProposalReview, Request, Saying, WeightRoute, option_name,
};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span, Text};

use crate::app::{App, Effects, Review, ReviewStep};
use crate::format::{percent, sats, thousands, weight};
use crate::sums;
use crate::text::{bullets, hanging, legible, paragraph, width};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Pen, panel, scrolled, tally_lines};
use crate::words;

/// Draws the page, over the whole screen so that nothing else speaks beside it.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, body: Rect, review: &Review) {
    let inner = panel(pen, body, &format!("Review: {}", lower_first(&review.order.title)), true);
    let trouble = review.problem.as_deref();
    let trouble = trouble.map(|text| hanging("✗ ", text, usize::from(inner.width), pen.theme.bad)).unwrap_or_default();
    // All of it: what to do stands at its end. What it would push off the page can be scrolled.
    let problem_rows = u16::try_from(trouble.len()).unwrap_or(u16::MAX).min(inner.height.saturating_sub(3));
    let [text, problem, input] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(problem_rows), Constraint::Length(2)]).areas(inner);
    let columns = usize::from(inner.width);
    let word = &review.order.word;
    let (lines, ask) = match &review.step {
        ReviewStep::Asking if review.problem.is_some() => (Vec::new(), None),
        ReviewStep::Asking => (vec![Line::styled("Working out what this does…", pen.theme.dim)], None),
        ReviewStep::Ready(effects) if effects.refusal().is_some() => (page(pen, app, review, effects, columns), None),
        ReviewStep::Ready(effects) => {
            (page(pen, app, review, effects, columns), Some(format!("Type {word} and press enter to do it: ")))
        }
        ReviewStep::Sending(effects) => (page(pen, app, review, effects, columns), None),
    };
    scrolled(pen, text, lines, review.scroll);
    pen.frame.render_widget(Text::from(trouble), problem);
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
        if refusal.contains("G-35") && has_no_weight(app) {
            let text = "That is you: a stake has weight from the roll of the epoch after its confirmations on, and for what is \
                        proposed later. Home (1) says how far yours is.";
            lines.extend(hanging("  ", text, columns, theme.warn));
        }
        lines.push(Line::default());
    }
    match effects {
        Effects::Ballot(effects) => lines.extend(ballot_page(pen, app, review, effects, columns)),
        Effects::Proposal(effects) => lines.extend(proposal_page(pen, effects, columns)),
        Effects::Said(effects) => {
            lines.extend(treasurers_head(app, review, columns, theme));
            let title = if matches!(review.order.request(), Some(Request::Say { .. })) {
                "What you sign"
            } else {
                "What it does"
            };
            lines.push(Line::styled(title, bold));
            lines.extend(bullets(&effects.sentences, columns, theme.text));
        }
        Effects::Session { session, .. } => {
            lines.extend(super::treasury::session_effects(app, session, columns, theme))
        }
        Effects::Bump(bump) => lines.extend(bump_page(bump, columns, theme)),
        Effects::Stated => lines.push(Line::styled("What it does", bold)),
    }
    // What a command says of itself may hold texts of others.
    let stated: Vec<String> =
        review.order.effects.iter().map(|effect| legible(&Untrusted::new(effect).line())).collect();
    lines.extend(bullets(&stated, columns, theme.text));
    if let Some(text) = review.order.text.as_deref().filter(|text| !text.is_empty()) {
        lines.push(Line::default());
        lines.push(Line::styled("The text", bold));
        for line in Untrusted::new(text).lines() {
            lines.extend(hanging("│ ", &line, columns, theme.text));
        }
    }
    lines
}

/// Whether this node's member is on no roll yet.
fn has_no_weight(app: &App) -> bool {
    let member = app.snapshot.as_ref().map(|snapshot| snapshot.status.member.as_ref());
    member.is_some_and(|member| member.is_none_or(|member| member.weight.is_none()))
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
    let mut lines = ballot_head(proposal, &effects.choice, effects.replaces.as_ref(), columns, theme);
    lines.extend(hanging("Weight    ", &weight(&effects.weight), columns, theme.text));
    if let Some(Request::Vote { reason, .. }) = review.order.request() {
        lines.extend(reason_line(reason.as_deref(), columns, theme));
    }
    lines.extend(if_it_passes(proposal, columns, theme));
    lines.push(Line::styled("What you sign", bold));
    lines.extend(bullets(&effects.sentences, columns, theme.text));
    lines.extend(taken_back(app, proposal.id.as_str(), columns, theme));
    if effects.tally_after.is_some() {
        lines.push(Line::default());
        lines.push(Line::styled("The sums with this ballot", bold));
        let mut after = proposal.clone();
        after.tally.clone_from(&effects.tally_after);
        after.vote.options.clone_from(&effects.options_after);
        lines.extend(tally_lines(&after, columns, theme));
        lines
            .extend(effects.bodies_after.iter().flat_map(|body| hanging("• ", &sums::body(body), columns, theme.text)));
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

/// Which proposal, and what is said on it.
fn ballot_head(
    proposal: &Proposal,
    choice: &Choice,
    replaces: Option<&Choice>,
    columns: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let title = format!("#{} {}", proposal.number, Untrusted::new(&proposal.title));
    let mut lines = hanging("Proposal  ", &title, columns, bold);
    lines.extend(hanging("id        ", &Untrusted::new(&proposal.id).line(), columns, theme.dim));
    let mut words = format!("{} {choice}", words::choice_sign(choice));
    if let Some(before) = replaces {
        words.push_str(&format!(", replacing {before}"));
    }
    lines.extend(hanging("Ballot    ", &words, columns, bold));
    for (option, words) in named(choice) {
        let label = match usize::from(option).checked_sub(1).and_then(|place| proposal.vote.options.get(place)) {
            Some(found) => Untrusted::new(&found.label).line(),
            None => "none of these".to_owned(),
        };
        lines.extend(hanging("          ", &format!("{} {label}{words}", option_name(option)), columns, theme.text));
    }
    lines
}

/// The public reason of a ballot.
fn reason_line(reason: Option<&str>, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    reason.map(|reason| hanging("Reason    ", &Untrusted::new(reason).line(), columns, theme.text)).unwrap_or_default()
}

/// What follows from the proposal, and the blank lines around it.
fn if_it_passes(proposal: &Proposal, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines =
        vec![Line::default(), Line::styled("If the proposal passes", theme.text.add_modifier(Modifier::BOLD))];
    lines.extend(bullets(&proposal.effects, columns, theme.text));
    lines.push(Line::default());
    lines
}

/// Of a treasurer's ballot the same as of a member's: what it is about, and what follows.
fn treasurers_head(app: &App, review: &Review, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(Request::Say { saying: Saying::VoteAsTreasurer { proposal, choice, reason } }) = review.order.request()
    else {
        return Vec::new();
    };
    let Some(proposal) = app.proposal(proposal) else { return Vec::new() };
    let before = proposal.vote.treasurers.as_ref().and_then(|body| body.my_ballot.as_ref());
    let mut lines = ballot_head(proposal, choice, before.map(|ballot| &ballot.choice), columns, theme);
    lines.extend(reason_line(reason.as_deref(), columns, theme));
    lines.extend(if_it_passes(proposal, columns, theme));
    lines
}

/// The options that a ballot names, in its order, and what it says of each beyond that.
fn named(choice: &Choice) -> Vec<(u16, String)> {
    let plain = |options: &[u16]| options.iter().map(|option| (*option, String::new())).collect();
    match choice {
        Choice::Pick(option) => vec![(*option, String::new())],
        Choice::Approve(options) | Choice::Rank(options) => plain(options),
        Choice::Score(values) => values.iter().map(|(option, grade)| (*option, format!(": grade {grade}"))).collect(),
        Choice::Split(values) => {
            let part = |value: u16| percent(u128::from(value), 10_000);
            values.iter().map(|(option, value)| (*option, format!(": {}", part(*value)))).collect()
        }
        Choice::Credits(values) => {
            let cost = |votes: u16| u32::from(votes) * u32::from(votes);
            let words = |votes: u16| {
                format!(": {} votes for {} credits", thousands(votes.into()), thousands(cost(votes).into()))
            };
            values.iter().map(|(option, votes)| (*option, words(*votes))).collect()
        }
        Choice::Yes | Choice::No | Choice::Abstain | Choice::Veto => Vec::new(),
    }
}

/// What others would cast without a ballot of one's own: with one it comes back.
fn taken_back(app: &App, proposal: &str, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(routes) = app.desk.routes.as_ref().filter(|_| app.open.as_deref() == Some(proposal)) else {
        return Vec::new();
    };
    let elsewhere = routes.routes.iter().filter(|route| route.steps > 0);
    let sentence = |route: &WeightRoute| {
        format!(
            "{} of your weight goes to {} so far; with this ballot you cast it yourself.",
            weight(&route.weight),
            Untrusted::new(&route.name)
        )
    };
    elsewhere.flat_map(|route| hanging("• ", &sentence(route), columns, theme.text)).collect()
}

/// Where one's weight goes without a ballot of one's own.
pub(super) fn delegation_effect(app: &App, proposal: &str, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(routes) = app.desk.routes.as_ref().filter(|_| app.open.as_deref() == Some(proposal)) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for route in &routes.routes {
        if route.steps == 0 {
            // The end of the way is the member's own place.
            let words =
                Untrusted::new(&route.words).line().replace("this member's", "your").replace("this member", "you");
            lines.extend(hanging(
                "→ ",
                &format!("{} stays with you: it {words}", weight(&route.weight)),
                columns,
                theme.dim,
            ));
            continue;
        }
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
    if !effects.warnings.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled("Think again", bold));
        lines.extend(bullets(&effects.warnings, columns, theme.warn));
    }
    lines
}

/// What raising the fee of a link does.
fn bump_page(bump: &Bump, columns: usize, theme: &crate::theme::Theme) -> Vec<Line<'static>> {
    let how = match bump.is_replacement {
        true => "Replaces it by a version that commits to the same header and pays from the seal.",
        false => "Pays for it with a child that spends coins of this wallet; it changes nothing of what is committed.",
    };
    let link = Untrusted::new(&bump.link).line();
    let sentences = vec![
        format!("The link of epoch {} waits: {link} pays {}.", bump.epoch, sats(bump.paid_sat)),
        how.to_owned(),
        format!("The fee is {}, which comes to {} sat/vB.", sats(bump.fee_sat), bump.fee_rate_sat_vb),
    ];
    bullets(&sentences, columns, theme.text)
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
