//! The members with stake and weight.

use althing_node::api::{Member, Snapshot};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::format::{count_of, grouped, parse_weight, percent, sats, short_id, thousands};
use crate::text::hanging;
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, Rows, bar, list, panel};

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let [top, bottom] = Layout::vertical([Constraint::Min(4), Constraint::Length(9)]).areas(area);
    let inner = panel(pen, top, &super::counted(app, "Members", snapshot.members.len()), true);
    let total: u128 =
        snapshot.members.iter().filter_map(|m| parse_weight(m.weight.as_deref()?)).fold(0, u128::saturating_add);
    let columns = [
        Column::words("name", Constraint::Min(22)),
        Column::number("stake", 18),
        Column::number("weight", 15),
        Column::words("of the roll", Constraint::Length(18)),
    ];
    let me = snapshot.status.member.as_ref().map(|m| m.vote_key.as_str());
    let theme = pen.theme;
    let places = app.places();
    let row = |index: usize| {
        let member = &snapshot.members[places[index]];
        row(member, me == Some(member.vote_key.as_str()), total, &theme)
    };
    let rows = Rows {
        count: places.len(),
        selected: app.selections.members,
        row: &row,
        empty: super::empty_in_log(app, "No member has bound a stake channel yet."),
    };
    list(pen, inner, &columns, &rows);
    let [left, right] = Layout::horizontal([Constraint::Percentage(52), Constraint::Percentage(48)]).areas(bottom);
    let inner = panel(pen, left, "This member", false);
    if let Some(member) = app.selected_place().and_then(|place| snapshot.members.get(place)) {
        let columns = usize::from(inner.width);
        let key = grouped(&Untrusted::new(&member.vote_key).line());
        let mut lines = hanging("vote key ", &key, columns, pen.theme.text);
        if let Some(key) = &member.key_in_force {
            lines.extend(hanging("speaks by ", &grouped(&Untrusted::new(key).line()), columns, pen.theme.text));
        }
        if member.hidden {
            lines.extend(hanging("", "What this member writes is hidden on this machine.", columns, pen.theme.warn));
        }
        let authored = snapshot.proposals.iter().filter(|proposal| proposal.author == member.vote_key).count();
        lines.push(Line::styled(format!("{} written", count_of(authored as u64, "proposal")), pen.theme.dim));
        for outpoint in &member.funding_outpoints {
            lines.extend(hanging("stake in ", &Untrusted::new(outpoint).line(), columns, pen.theme.dim));
        }
        pen.text(lines, inner);
    }
    let inner = panel(pen, right, "My delegations, and who weighs how much", false);
    let columns = usize::from(inner.width);
    let mut lines = delegations(app, columns, &pen.theme);
    lines.extend(concentration(snapshot, total, columns, &pen.theme));
    pen.text(lines, inner);
}

/// To whom my weight goes.
fn delegations(app: &App, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mine = app.desk.delegations.iter().flat_map(|found| &found.mine);
    let mut lines = Vec::new();
    for delegation in mine {
        let to: Vec<String> = delegation
            .to
            .iter()
            .map(|part| {
                let share = format!("{}.{:02} %", part.parts / 100, part.parts % 100);
                match part.abstains {
                    true => format!("{share} abstains"),
                    false => format!("{share} to {}", Untrusted::new(&part.name)),
                }
            })
            .collect();
        let until = delegation.until.map_or_else(String::new, |height| {
            format!(", for votes that close below {}", thousands(u128::from(height)))
        });
        let text = format!("on {}: {}{until}", Untrusted::new(&delegation.scope), to.join(", "));
        lines.extend(hanging("→ ", &text, columns, theme.good));
    }
    if lines.is_empty() {
        lines.extend(hanging("", "You delegate nothing; d hands weight on.", columns, theme.dim));
    }
    lines
}

/// How few could decide alone.
fn concentration(snapshot: &Snapshot, total: u128, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut weights: Vec<u128> =
        snapshot.members.iter().filter_map(|member| parse_weight(member.weight.as_deref()?)).collect();
    weights.sort_unstable_by(|a, b| b.cmp(a));
    let Some(first) = weights.first() else { return Vec::new() };
    let mut sum = 0u128;
    let majority = weights
        .iter()
        .take_while(|weight| {
            let had_it = sum > total / 2;
            sum = sum.saturating_add(**weight);
            !had_it
        })
        .count();
    let text = format!(
        "The heaviest member has {} of the roll; {} of {} together have more than half.",
        percent(*first, total),
        majority,
        count_of(weights.len() as u64, "member")
    );
    hanging("", &text, columns, theme.text)
}

/// One member.
fn row(member: &Member, is_me: bool, total: u128, theme: &Theme) -> Vec<Line<'static>> {
    let weight = member.weight.as_deref().and_then(parse_weight);
    // The key stays whole: it is what tells two of one name apart.
    let key = member.is_double.then(|| format!(" ({})", short_id(&member.vote_key).trim_end_matches('…')));
    let behind = format!("{}{}", key.unwrap_or_default(), if is_me { " (me)" } else { "" });
    let name = Line::from(vec![Span::raw(Untrusted::new(&member.name).line()), Span::raw(behind)]);
    let share = match weight {
        Some(weight) => {
            let (filled, empty) = bar(weight, total, 10);
            Line::from(vec![
                Span::styled(filled, theme.good),
                Span::styled(empty, theme.border),
                Span::raw(format!(" {:>7}", percent(weight, total))),
            ])
        }
        None => Line::styled("not on the roll", theme.dim),
    };
    vec![name, Line::from(sats(member.stake_sat)), Line::from(weight.map_or_else(|| "–".to_owned(), thousands)), share]
}
