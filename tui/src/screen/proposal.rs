//! One proposal: its effects, its text and discussion; beside them the sums, my ballot and the heights.

use std::collections::{BTreeMap, BTreeSet};

use althing_node::api::{Comment, Proposal, ProposalState, Snapshot, System};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::proposals::state_style;
use crate::app::App;
use crate::format::{blocks_and_time, count_of, short_id, thousands};
use crate::sums;
use crate::text::{bullets, cut, hanging, legible, markdown, paragraph};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Pen, curve_lines, panel, path_lines, path_signs, scrolled, tally_heading, tally_lines};
use crate::words;

/// Narrower than this, everything is one column.
const TWO_COLUMNS_FROM: u16 = 76;

/// From this height on there is room for a line for each step of my ballot.
const ROWS_FOR_STEPS: u16 = 26;

/// Text of comments that is laid out for one picture.
const MAX_DISCUSSION_BYTES: usize = 128 * 1024;

/// Deepest indentation of an answer to a comment.
const MAX_INDENT: usize = 4;

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let Some(proposal) = app.open_proposal() else {
        let inner = panel(pen, area, "Proposal", true);
        pen.frame.render_widget(Line::styled("Loading the proposal…", pen.theme.dim), inner);
        return;
    };
    let title = format!("#{} {}", proposal.number, Untrusted::new(&proposal.title));
    if area.width < TWO_COLUMNS_FROM {
        let inner = panel(pen, area, &cut(&title, usize::from(area.width).saturating_sub(6)), true);
        let columns = usize::from(inner.width);
        let mut lines = side(proposal, snapshot, columns, ROWS_FOR_STEPS, &pen.theme);
        lines.extend(how_it_came(app, proposal, columns, &pen.theme));
        lines.push(Line::default());
        lines.extend(text(app, proposal, columns, &pen.theme));
        scrolled(pen, inner, lines, app.scroll);
        return;
    }
    let side_width = (area.width * 9 / 20).clamp(40, 56);
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(side_width)]).areas(area);
    let inner = panel(pen, right, "Sums and my ballot", false);
    let mut lines = side(proposal, snapshot, usize::from(inner.width), inner.height, &pen.theme);
    lines.extend(how_it_came(app, proposal, usize::from(inner.width), &pen.theme));
    // Both sides scroll together, each to its own end: nothing of either is out of reach in a low terminal.
    scrolled(pen, inner, lines, app.scroll);
    let beside = pen.scroll_limit;
    let inner = panel(pen, left, &cut(&title, usize::from(left.width).saturating_sub(6)), true);
    let lines = text(app, proposal, usize::from(inner.width), &pen.theme);
    scrolled(pen, inner, lines, app.scroll);
    pen.scroll_limit = pen.scroll_limit.max(beside);
}

/// Sums, my ballot, heights.
fn side(proposal: &Proposal, snapshot: &Snapshot, columns: usize, rows: u16, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = vec![state_line(proposal, theme)];
    lines.extend(time_line(proposal, snapshot, columns, theme));
    let mine = my_ballot(proposal, columns, rows, theme);
    let is_short = rows < ROWS_FOR_STEPS;
    if is_short {
        // What is cut off at the foot must not be the member's own ballot.
        lines.extend(mine.iter().take(2).cloned());
        lines.extend(bodies(proposal, columns, theme));
    }
    lines.push(Line::default());
    lines.extend(tally_heading(proposal, columns, theme));
    lines.extend(tally_lines(proposal, columns, theme));
    if !is_short {
        lines.push(Line::default());
        lines.extend(mine);
        lines.extend(bodies(proposal, columns, theme));
    }
    lines
}

/// The vote of each body, where others than the members decide, and what this folder's treasury key says in it.
fn bodies(proposal: &Proposal, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(heading) = sums::bodies_heading(proposal) {
        lines.extend(paragraph(&heading, columns, theme.text));
    }
    for body in &proposal.vote.bodies {
        lines.extend(hanging("  ", &sums::body(body), columns, theme.text));
    }
    let Some(body) = &proposal.vote.treasurers else { return lines };
    let mine = match &body.my_ballot {
        Some(ballot) => format!("as a treasurer: {}, {}", ballot.choice, words::path(&ballot.path)),
        None if body.i_am_one && proposal.state == ProposalState::Voting => {
            "as a treasurer: none yet; V votes".to_owned()
        }
        None => return lines,
    };
    lines.extend(paragraph(&mine, columns, theme.text.add_modifier(Modifier::BOLD)));
    lines
}

/// The sums as the ballots came, and where my weight goes without a ballot of mine.
fn how_it_came(app: &App, proposal: &Proposal, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(curve) = app.desk.curve.as_ref().filter(|curve| curve.points.len() > 1) {
        lines.push(Line::default());
        lines.push(Line::styled("The sums as the ballots came", theme.text));
        lines.extend(curve_lines(curve, columns, theme));
    }
    let routes = super::review::delegation_effect(app, &proposal.id, columns, theme);
    if !routes.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled("My weight", theme.text));
        lines.extend(routes);
    }
    lines
}

/// Where the proposal stands.
fn state_line(proposal: &Proposal, theme: &Theme) -> Line<'static> {
    Line::from(vec![
        Span::styled(
            format!("{} {}", words::state_sign(proposal.state), words::state(proposal.state)),
            state_style(proposal.state, theme).add_modifier(Modifier::BOLD),
        ),
        Span::styled(format!(", {}", Untrusted::new(&proposal.class)), theme.dim),
    ])
}

/// The time left, in blocks and estimated.
fn time_line(proposal: &Proposal, snapshot: &Snapshot, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let status = &snapshot.status;
    let Some(heights) = proposal.heights else {
        return paragraph("no signed head covers it yet", columns, theme.dim);
    };
    let (what, height) = if status.tip_height < heights.open_height {
        ("opens", heights.open_height)
    } else {
        ("closes", proposal.vote.ends_at.unwrap_or(heights.close_height))
    };
    let text = match height.checked_sub(status.tip_height) {
        Some(left) if left > 0 => {
            let time = blocks_and_time(left, &status.network);
            format!("{what} at {}, in {time}", thousands(u128::from(height)))
        }
        _ => format!("closed at {}", thousands(u128::from(heights.close_height))),
    };
    paragraph(&text, columns, theme.dim)
}

/// My ballot and its path.
fn my_ballot(proposal: &Proposal, columns: usize, rows: u16, theme: &Theme) -> Vec<Line<'static>> {
    let Some(ballot) = &proposal.my_ballot else {
        return vec![Line::styled("my ballot: none", theme.text.add_modifier(Modifier::BOLD))];
    };
    let mut lines = vec![Line::styled(
        format!("my ballot: {} {}", words::choice_sign(&ballot.choice), ballot.choice),
        theme.text.add_modifier(Modifier::BOLD),
    )];
    if rows < ROWS_FOR_STEPS {
        lines.push(path_signs(&ballot.path, theme));
    } else {
        lines.extend(path_lines(&ballot.path, theme));
    }
    lines.extend(paragraph(&words::path_meaning(&ballot.path), columns, theme.dim));
    lines
}

/// Effects, text, discussion.
fn text(app: &App, proposal: &Proposal, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let mut lines = vec![Line::styled(words::effects_heading(proposal.state), bold)];
    lines.extend(bullets(&proposal.effects, columns, theme.text));
    if let Some(gate) = &proposal.gate {
        lines.extend(hanging("• ", &format!("Gate {}", Untrusted::new(gate)), columns, theme.text));
    }
    lines.push(Line::default());
    lines.extend(vote_lines(proposal, columns, theme));
    lines.extend(answers(app, proposal, columns, theme));
    lines.push(Line::from(vec![
        Span::styled("Written by ", theme.dim),
        Span::styled(Untrusted::new(&proposal.author_name).line(), theme.text),
        Span::styled(format!(" ({})", short_id(&proposal.author)), theme.dim),
    ]));
    lines.push(Line::default());
    lines.extend(markdown(&proposal.body, columns, theme));
    lines.push(Line::default());
    lines.extend(discussion(app, proposal, columns, theme));
    lines.push(Line::default());
    lines.extend(hanging("id ", &Untrusted::new(&proposal.id).line(), columns, theme.dim));
    lines.push(Line::styled(format!("weights from the roll of epoch {}", proposal.snapshot_epoch), theme.dim));
    lines
}

/// How it is voted on, where that is not plain yes or no: system, options with their sums, versions, what was decided.
fn vote_lines(proposal: &Proposal, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let vote = &proposal.vote;
    let mut lines = Vec::new();
    if vote.system != System::YesNoAbstain {
        let system = format!("How it is voted on: {}", crate::words::system(vote.system));
        lines.push(Line::styled(system, theme.text.add_modifier(Modifier::BOLD)));
    }
    for (index, option) in vote.options.iter().enumerate() {
        let number = index + 1;
        let number = if number == vote.options.len() { "none".to_owned() } else { number.to_string() };
        let sign = if option.won { "✓ " } else { "  " };
        let text = format!("{number:>4}  {}  {}", Untrusted::new(&option.label), sums::figure(proposal, index));
        lines.extend(hanging(sign, &text, columns, if option.won { theme.good } else { theme.text }));
    }
    for line in sums::workings(proposal) {
        lines.extend(hanging("  ", &line, columns, theme.dim));
    }
    if vote.versions.len() > 1 {
        let at = vote.versions.iter().position(|id| *id == proposal.id).map_or(0, |at| at + 1);
        let text = format!("Version {at} of {}; d shows what changed since the one before.", vote.versions.len());
        lines.extend(hanging("", &text, columns, theme.dim));
    }
    for sentence in vote.decision.iter().chain(&vote.payments).chain(&vote.guardians) {
        lines.extend(hanging("• ", &legible(&Untrusted::new(sentence).line()), columns, theme.text));
    }
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines
}

/// What answers a request, once the proposal was asked for by itself.
fn answers(app: &App, proposal: &Proposal, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let open = app.discussion.as_deref().filter(|open| open.id == proposal.id);
    let Some(found) = open.and_then(|open| open.vote.submissions.as_ref()) else { return Vec::new() };
    let mut lines = vec![Line::styled("Answers to this request", theme.text.add_modifier(Modifier::BOLD))];
    for line in words::submissions(found) {
        let indent = if line.starts_with(' ') { "  " } else { "" };
        lines.extend(hanging(indent, line.trim_start(), columns, theme.text));
    }
    lines.push(Line::default());
    lines
}

/// The comments, answers under what they answer.
fn discussion(app: &App, proposal: &Proposal, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let count = count_of(proposal.comment_count, "comment");
    let mut lines = vec![Line::styled(count, theme.text.add_modifier(Modifier::BOLD))];
    let comments = app
        .discussion
        .as_deref()
        .filter(|open| open.id == proposal.id)
        .map_or(&proposal.comments, |open| &open.comments);
    let shown = newest(comments);
    let hidden = comments.len() - shown.len();
    if hidden > 0 {
        let text = format!(
            "{} earlier: althing proposal show {}",
            count_of(hidden as u64, "comment"),
            short_id(&proposal.id).trim_end_matches('…')
        );
        lines.extend(paragraph(&text, columns, theme.dim));
    }
    for (depth, comment) in threaded(shown) {
        let indent = "  ".repeat(depth.min(MAX_INDENT));
        let mut head = format!("{indent}{}", Untrusted::new(&comment.author_name));
        if let Some(height) = comment.height {
            head.push_str(&format!(", at {}", thousands(u128::from(height))));
        }
        if comment.is_update {
            head.push_str(", as the author");
        }
        if comment.up + comment.down > 0 {
            head.push_str(&format!(", {} for, {} against", comment.up, comment.down));
        }
        let marked = app.comment.as_deref() == Some(comment.id.as_str());
        let style = if marked { theme.selected } else { theme.dim };
        let head = if marked { format!("{indent}▸ {}", head.trim_start()) } else { head };
        lines.push(Line::styled(cut(&head, columns), style));
        if comment.hidden {
            lines.extend(hanging(&indent, "(hidden on this machine)", columns, theme.dim));
            continue;
        }
        for line in Untrusted::new(&comment.text).lines() {
            lines.extend(hanging(&indent, &line, columns, theme.text));
        }
    }
    lines
}

/// Ids of the comments in the order in which they are read.
pub(crate) fn reading_order(comments: &[Comment]) -> Vec<String> {
    threaded(newest(comments)).into_iter().map(|(_, comment)| comment.id.clone()).collect()
}

/// The newest comments that can be laid out within a frame, whatever others wrote.
fn newest(comments: &[Comment]) -> &[Comment] {
    let mut bytes = 0;
    let fitting = comments
        .iter()
        .rev()
        .take_while(|comment| {
            bytes += comment.text.len() + comment.author_name.len();
            bytes <= MAX_DISCUSSION_BYTES
        })
        .count();
    &comments[comments.len() - fitting..]
}

/// Comments in the order of reading, with the depth of each. A comment whose parent is unknown stands alone.
fn threaded(comments: &[Comment]) -> Vec<(usize, &Comment)> {
    let known: BTreeSet<&str> = comments.iter().map(|c| c.id.as_str()).collect();
    let mut answers: BTreeMap<&str, Vec<&Comment>> = BTreeMap::new();
    // Depth first, by hand: a chain of answers may be long, and recursion on others' data is a stack to overflow.
    let mut pending = Vec::new();
    for comment in comments.iter().rev() {
        match comment.parent.as_deref() {
            Some(parent) if known.contains(parent) => answers.entry(parent).or_default().push(comment),
            _ => pending.push((0, comment)),
        }
    }
    let mut ordered = Vec::with_capacity(comments.len());
    while let Some((depth, comment)) = pending.pop() {
        ordered.push((depth, comment));
        // Taken out, so that no two comments with one id are followed for ever.
        let below = answers.remove(comment.id.as_str()).unwrap_or_default();
        pending.extend(below.into_iter().map(|answer| (depth + 1, answer)));
    }
    ordered
}
