//! Home: what needs me now, the epoch clock, and how the node is.

use althing_node::api::{Link, Proposal, ProposalState, Role, Snapshot, Status};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::app::{App, Urgency};
use crate::format::{blocks_and_time, entries, parse_weight, percent, sats, short_id, thousands, weight};
use crate::sums;
use crate::text::{cut, hanging, paragraph, width};
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, Rows, bar, column, list, panel};
use crate::words;

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let [top, bottom] = Layout::vertical([Constraint::Min(5), Constraint::Length(11)]).areas(area);
    let needed = u16::try_from(app.places().len()).unwrap_or(u16::MAX).saturating_add(2).max(LEAST_ROWS);
    let lately = lately(snapshot);
    // What needs one comes first; what was decided has the room that it leaves.
    let room = top.height.saturating_sub(needed);
    if room >= LEAST_ROWS && !lately.is_empty() && app.filter().is_empty() {
        let rows = u16::try_from(lately.len()).unwrap_or(u16::MAX).saturating_add(2).min(room);
        let [needs, decided] = Layout::vertical([Constraint::Min(LEAST_ROWS), Constraint::Length(rows)]).areas(top);
        draw_needs(pen, app, needs);
        draw_lately(pen, &lately, decided);
    } else {
        draw_needs(pen, app, top);
    }
    let [left, right] = Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(bottom);
    draw_clock(pen, snapshot, left);
    draw_node(pen, app, &snapshot.status, right);
}

/// Rows of a box with something in it.
const LEAST_ROWS: u16 = 4;

/// Decided proposals that are looked at for a picture.
const LOOKED_AT: usize = 64;

/// What was decided, the newest first.
fn lately(snapshot: &Snapshot) -> Vec<&Proposal> {
    use ProposalState as S;
    let is_open = |state| matches!(state, S::Logged | S::Review | S::Voting | S::Closed | S::Withdrawn | S::Superseded);
    let decided = snapshot.proposals.iter().filter(|proposal| !is_open(proposal.state) && !proposal.vote.hidden);
    // Newest first in the snapshot: what is behind so many was decided long ago.
    let mut decided: Vec<&Proposal> = decided.take(LOOKED_AT).collect();
    decided.sort_by_key(|proposal| std::cmp::Reverse(proposal.heights.map_or(0, |heights| heights.close_height)));
    decided
}

/// The same as lines.
fn draw_lately(pen: &mut Pen<'_, '_>, decided: &[&Proposal], area: Rect) {
    let inner = panel(pen, area, "Decided last", false);
    let columns = usize::from(inner.width);
    let line = |proposal: &&Proposal| {
        let state = format!("{} {:<11} ", words::state_sign(proposal.state), words::state(proposal.state));
        let room = columns.saturating_sub(width(&state));
        let what = format!("#{} {}", proposal.number, Untrusted::new(&proposal.title));
        Line::from(vec![
            Span::styled(state, super::proposals::state_style(proposal.state, &pen.theme)),
            Span::styled(cut(&what, room), pen.theme.text),
        ])
    };
    let lines: Vec<Line<'static>> = decided.iter().take(usize::from(inner.height)).map(line).collect();
    pen.text(lines, inner);
}

/// What needs attention.
fn draw_needs(pen: &mut Pen<'_, '_>, app: &App, area: Rect) {
    let (needs, theme) = (app.needs(), pen.theme);
    let title = match app.filter() {
        "" => "What needs me now".to_owned(),
        _ => super::counted(app, "What needs me now", needs.len()),
    };
    let inner = panel(pen, area, &title, true);
    let room = usize::from(inner.width).saturating_sub(4);
    let places = app.places();
    let row = |index: usize| {
        let need = &needs[places[index]];
        let (sign, style) = match need.urgency {
            Urgency::Alarm => ("✗", theme.bad),
            Urgency::Asked => ("▸", theme.warn),
            Urgency::Waiting => ("…", theme.dim),
        };
        vec![Line::styled(sign, style), Line::styled(cut(&need.text, room), style)]
    };
    let columns = [Column::words("", Constraint::Length(1)), Column::words("", Constraint::Fill(1))];
    let has_voted = app.snapshot.as_ref().is_some_and(|snapshot| !snapshot.ballots.is_empty());
    let nothing = match has_voted {
        true => "Nothing. All is well, and what you voted on is final.",
        false => "Nothing. 2 shows the proposals, 9 explains what there is, ? lists every key.",
    };
    let rows =
        Rows { count: places.len(), selected: app.selections.needs, row: &row, empty: super::empty(app, nothing) };
    list(pen, inner, &columns, &rows);
}

/// The epoch and its link.
fn draw_clock(pen: &mut Pen<'_, '_>, snapshot: &Snapshot, area: Rect) {
    let inner = panel(pen, area, "Epoch", false);
    let status = &snapshot.status;
    let left = status.next_close_height.saturating_sub(status.tip_height);
    let done = status.epoch_blocks.saturating_sub(left);
    let columns = usize::from(inner.width);
    let (filled, empty) = bar(u128::from(done), u128::from(status.epoch_blocks), inner.width);
    let mut lines = vec![
        Line::from(vec![Span::styled(filled, pen.theme.good), Span::styled(empty, pen.theme.border)]),
        Line::from(format!("{done} of {} blocks", status.epoch_blocks)),
        Line::from(format!("closes at height {}", thousands(u128::from(status.next_close_height)))),
        Line::styled(format!("in {}", blocks_and_time(left, &status.network)), pen.theme.dim),
        turnout_line(snapshot, columns, pen),
    ];
    match snapshot.links.last() {
        Some(link) => lines.extend(link_lines(link, status.final_depth, columns, pen)),
        None => lines.push(Line::styled("no link on Bitcoin yet", pen.theme.dim)),
    }
    pen.text(lines, inner);
}

/// How much of the roll took part in the proposals decided last, oldest first.
fn turnout_line(snapshot: &Snapshot, columns: usize, pen: &Pen<'_, '_>) -> Line<'static> {
    const LABEL: &str = "turnout ";
    let turnouts: Vec<(u128, u128)> = snapshot.proposals.iter().filter_map(turnout).collect();
    let Some((took_part, total)) = turnouts.first() else {
        return Line::default();
    };
    let last = format!(" last {}", percent(*took_part, *total));
    let room = columns.saturating_sub(LABEL.len() + last.len());
    // Newest first in the snapshot; read from left to right in time.
    let bars: String = turnouts.iter().take(room).rev().map(|(took_part, total)| column(*took_part, *total)).collect();
    Line::from(vec![
        Span::styled(LABEL, pen.theme.dim),
        Span::styled(bars, pen.theme.good),
        Span::styled(last, pen.theme.dim),
    ])
}

/// Weight that took part in a decided proposal, and the weight of its roll.
fn turnout(proposal: &Proposal) -> Option<(u128, u128)> {
    // V-34: who left since has taken part all the same.
    let at_close = proposal.vote.at_close.first().map(|first| &first.tally);
    let tally = at_close.or(proposal.tally.as_ref()).filter(|tally| tally.is_final)?;
    Some((sums::took_part(tally)?, parse_weight(&tally.total_weight)?))
}

/// The newest link.
fn link_lines(link: &Link, needed: u32, columns: usize, pen: &Pen<'_, '_>) -> Vec<Line<'static>> {
    let depth = link.confirmations.min(needed);
    let mut lines = paragraph(
        &format!(
            "link of epoch {}: {} {}, {depth}/{needed}",
            link.epoch,
            short_id(&link.txid),
            Untrusted::new(&link.state)
        ),
        columns,
        pen.theme.text,
    );
    lines.extend(paragraph(words::link_check(link), columns, pen.theme.dim));
    lines
}

/// The node, the member and the wallet.
fn draw_node(pen: &mut Pen<'_, '_>, app: &App, status: &Status, area: Rect) {
    let inner = panel(pen, area, if app.trouble.is_some() { "This node, as last seen" } else { "This node" }, false);
    let columns = usize::from(inner.width);
    let field = |name: &str, value: String| {
        Line::from(vec![
            Span::styled(format!("{name:<9}"), pen.theme.dim),
            Span::styled(cut(&value, columns.saturating_sub(9)), pen.theme.text),
        ])
    };
    let mut lines = vec![
        field("DAO", Untrusted::new(&status.dao_name).line()),
        field("id", short_id(&status.dao_id)),
        field("network", Untrusted::new(&status.network).line()),
        field("tip", thousands(u128::from(status.tip_height))),
        field("verified", entries(status.log_size)),
    ];
    lines.push(field("hub", super::connection(app, status).to_owned()));
    match &status.member {
        Some(member) => {
            let on_roll = member
                .weight
                .as_deref()
                .map_or_else(|| "not on the roll yet".to_owned(), |w| format!("weight {}", weight(w)));
            lines.push(field("me", format!("{}, {on_roll}", Untrusted::new(&member.name))));
            lines.push(field("stake", sats(member.stake_sat)));
        }
        None if status.role == Role::Hub => {}
        None => lines.push(field("me", format!("{}, no stake yet", words::role(status.role)))),
    }
    lines.push(field("wallet", sats(status.balance.confirmed_sat)));
    if status.balance.pending_sat > 0 {
        lines.extend(hanging("         + ", &sats(status.balance.pending_sat), columns, pen.theme.dim));
    }
    pen.text(lines, inner);
}
