//! The members with stake and weight.

use althing_node::api::{Member, Snapshot};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span, Text};

use crate::app::App;
use crate::format::{grouped, parse_weight, percent, sats, thousands};
use crate::text::{cut, hanging};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, Rows, bar, list, panel};

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let [top, bottom] = Layout::vertical([Constraint::Min(4), Constraint::Length(6)]).areas(area);
    let inner = panel(pen, top, &format!("Members ({})", snapshot.members.len()), true);
    let total: u128 =
        snapshot.members.iter().filter_map(|m| parse_weight(m.weight.as_deref()?)).fold(0, u128::saturating_add);
    let columns = [
        Column::words("name", Constraint::Fill(1)),
        Column::number("stake", 18),
        Column::number("weight", 15),
        Column::words("of the roll", Constraint::Length(18)),
    ];
    let me = snapshot.status.member.as_ref().map(|m| m.vote_key.as_str());
    let room = usize::from(inner.width).saturating_sub(18 + 15 + 18 + 6);
    let theme = pen.theme;
    let row = |index: usize| {
        let member = &snapshot.members[index];
        row(member, me == Some(member.vote_key.as_str()), total, room, &theme)
    };
    let rows = Rows {
        count: snapshot.members.len(),
        selected: app.selections.members,
        row: &row,
        empty: "No member has bound a stake channel yet.",
    };
    list(pen, inner, &columns, &rows);
    let inner = panel(pen, bottom, "This member", false);
    if let Some(member) = snapshot.members.get(app.selections.members) {
        let columns = usize::from(inner.width);
        let key = grouped(&Untrusted::new(&member.vote_key).line());
        let mut lines = hanging("vote key ", &key, columns, pen.theme.text);
        for outpoint in &member.funding_outpoints {
            lines.extend(hanging("stake in ", &Untrusted::new(outpoint).line(), columns, pen.theme.dim));
        }
        pen.frame.render_widget(Text::from(lines), inner);
    }
}

/// One member.
fn row(member: &Member, is_me: bool, total: u128, room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let weight = member.weight.as_deref().and_then(parse_weight);
    let name = Untrusted::new(&member.name).line();
    let name = if is_me { format!("{} (me)", cut(&name, room.saturating_sub(5))) } else { cut(&name, room) };
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
    vec![
        Line::from(name),
        Line::from(sats(member.stake_sat)),
        Line::from(weight.map_or_else(|| "–".to_owned(), thousands)),
        share,
    ]
}
