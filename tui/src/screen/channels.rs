//! My stake channels: what is in them, how that came, what the DAO pays and asks, and how to leave.

use std::collections::BTreeMap;

use althing_node::api::{ChannelDetail, Member, Role, Snapshot, Stake};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::Line;

use crate::app::{Act, App, lost_weight};
use crate::format::{cost_alone, count_of, sats, short_id, thousands, weight};
use crate::keymap::Context;
use crate::text::{cut, hanging, legible, paragraph};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Column, Pen, Rows, curve_lines, list, panel};
use crate::words;

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let [top, bottom] = Layout::vertical([Constraint::Min(4), Constraint::Length(11)]).areas(area);
    let stakes = app.stakes();
    let is_hub = snapshot.status.role == Role::Hub;
    let heading = if is_hub { "Stake channels with members" } else { "My stake channels" };
    let inner = panel(pen, top, &super::counted(app, heading, stakes.len()), true);
    let mut columns = vec![
        Column::words("channel", Constraint::Length(10)).goes(1),
        Column::number("stake", 20),
        Column::words("state", Constraint::Length(10)),
        Column::words("confirmations", Constraint::Fill(1)),
    ];
    let names = if is_hub { holders(snapshot) } else { BTreeMap::new() };
    if is_hub {
        columns.insert(1, Column::words("member", Constraint::Fill(1)).goes(2));
    }
    let places = app.places();
    let row = |index: usize| {
        let stake = &stakes[places[index]];
        let channel = if stake.channel.is_empty() { "–".to_owned() } else { short_id(&stake.channel) };
        let member = is_hub.then(|| Line::from(holder(&names, stake)));
        let mut cells = vec![
            Line::from(channel),
            Line::from(sats(stake.amount_sat)),
            Line::from(Untrusted::new(&stake.state).line()),
            Line::from(format!(
                "{} of {}",
                stake.confirmations.min(stake.confirmations_needed),
                stake.confirmations_needed
            )),
        ];
        member.into_iter().for_each(|member| cells.insert(1, member));
        cells
    };
    let empty = "No stake channel. Your coins stay yours: o locks them in a channel with the hub (or: althing stake open \
                 AMOUNT), and the closing transaction gives them back.";
    let empty = match snapshot.status.reading {
        // Not before it is known that there is none (N-425).
        Some(_) => "No stake channel is known here yet: the log is not read to its end.",
        None => empty,
    };
    let empty = if is_hub { "No stake channel yet. Members open them from their own nodes." } else { empty };
    let rows =
        Rows { count: places.len(), selected: app.selections.stakes, row: &row, empty: super::empty(app, empty) };
    list(pen, inner, &columns, &rows);
    let [left, right] = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(bottom);
    let inner = panel(pen, left, "This channel", false);
    let width = usize::from(inner.width);
    let mut lines = Vec::new();
    if let Some(stake) = app.selected_place().and_then(|place| stakes.get(place)) {
        lines.extend(paragraph(&legible(&Untrusted::new(&stake.words).line()), width, pen.theme.text));
        // Backups and towers are the member's; a hub has the whole state itself.
        let keeping = if is_hub { None } else { keeping_line(stake) };
        lines.extend(keeping.map(|text| Line::styled(cut(&text, width), pen.theme.dim)));
        if let Some(curve) = app.desk.curve.as_ref().filter(|curve| curve.unit == "sat" && !curve.points.is_empty()) {
            lines.push(Line::styled("Balances by checkpoint", pen.theme.text));
            lines.extend(curve_lines(curve, width, &pen.theme));
        }
        lines.extend(outpoints(stake, width, pen));
    }
    pen.text(lines, inner);
    let inner = panel(pen, right, "Wallet, weight, rewards", false);
    let lines = beside(app, snapshot, usize::from(inner.width), pen);
    pen.text(lines, inner);
}

/// The channel in words.
fn details(stake: &Stake, columns: usize, pen: &Pen<'_, '_>) -> Vec<Line<'static>> {
    let mut lines = paragraph(&legible(&Untrusted::new(&stake.words).line()), columns, pen.theme.text);
    lines.extend(outpoints(stake, columns, pen));
    lines
}

/// Where its coins are on Bitcoin.
fn outpoints(stake: &Stake, columns: usize, pen: &Pen<'_, '_>) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(outpoint) = &stake.funding_outpoint {
        lines.extend(hanging("funding ", &Untrusted::new(outpoint).line(), columns, pen.theme.dim));
    }
    if let Some(txid) = &stake.closing_txid {
        lines.extend(hanging("closing ", &Untrusted::new(txid).line(), columns, pen.theme.dim));
    }
    lines
}

/// The channel in full: state, balances, what leaving costs, who keeps it.
pub(super) fn page(app: &App, id: &str, columns: usize, pen: &Pen<'_, '_>) -> Vec<Line<'static>> {
    let theme = &pen.theme;
    let bold = theme.text.add_modifier(Modifier::BOLD);
    let Some(stake) = app.stakes().iter().find(|stake| stake.channel == id) else {
        return vec![Line::styled("This channel is not here any more.", theme.dim)];
    };
    let is_hub = app.snapshot.as_ref().is_some_and(|snapshot| snapshot.status.role == Role::Hub);
    let mut lines = vec![Line::styled(format!("{}, {}", sats(stake.amount_sat), Untrusted::new(&stake.state)), bold)];
    if let Some(snapshot) = app.snapshot.as_deref().filter(|_| is_hub) {
        lines.push(Line::styled(format!("of {}", holder(&holders(snapshot), stake)), theme.text));
    }
    lines.extend(details(stake, columns, pen));
    let confirmed = stake.confirmations.min(stake.confirmations_needed);
    let text = format!("{confirmed} of {} confirmations", stake.confirmations_needed);
    lines.push(Line::styled(text, theme.dim));
    if let Some(curve) = app.desk.curve.as_ref().filter(|curve| curve.unit == "sat" && !curve.points.is_empty()) {
        lines.push(Line::default());
        lines.push(Line::styled("Balances by checkpoint", bold));
        lines.extend(curve_lines(curve, columns, theme));
        lines.extend(paragraph(&Untrusted::new(&curve.note).line(), columns, theme.dim));
    }
    if matches!(stake.state.as_str(), "closed" | "failed") {
        return lines;
    }
    if let Some(detail) = stake.detail.as_deref() {
        lines.push(Line::default());
        lines.push(Line::styled("What is in it", bold));
        lines.extend(parts(stake, detail, is_hub, columns, theme));
    }
    lines.push(Line::default());
    if is_hub {
        lines.push(Line::styled("Closing", bold));
        lines.extend(closing(app, stake, columns, theme));
        return lines;
    }
    lines.push(Line::styled("Leaving", bold));
    lines.extend(leaving(app, stake, columns, theme));
    lines.push(Line::default());
    lines.push(Line::styled("If this computer is lost", bold));
    lines.extend(keeping(stake, columns, theme));
    lines
}

/// Both parts by the newest checkpoint, what is under way, and the move to another hub.
fn parts(stake: &Stake, detail: &ChannelDetail, is_hub: bool, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (member, held, hub) = (sats(stake.amount_sat), sats(detail.held_sat), sats(detail.hub_sat));
    let (spendable, reserve) = (sats(detail.spendable_sat), sats(detail.reserve_sat));
    let text = match is_hub {
        false => format!(
            "mine {member}, of it {held} held as deposits; I could pay {spendable}, {reserve} stay as reserve; the hub's {hub}"
        ),
        true => format!(
            "the member's {member}, of it {held} held as deposits; the hub's {hub}, of which it could pay {spendable}; {reserve} stay as reserve"
        ),
    };
    let mut lines = paragraph(&text, columns, theme.text);
    if detail.paying_sat > 0 {
        let text = format!("{} are being paid, with the next checkpoint", sats(detail.paying_sat));
        lines.extend(hanging("◔ ", &text, columns, theme.warn));
    }
    let text = format!("checkpoint {} with {}", thousands(u128::from(detail.checkpoint)), Untrusted::new(&detail.peer));
    lines.extend(paragraph(&text, columns, theme.dim));
    for splice in &detail.splices {
        lines.extend(hanging("◔ ", &legible(&Untrusted::new(&splice.words).line()), columns, theme.warn));
    }
    if let Some(migration) = &detail.migration {
        let text = format!("{} ({})", legible(&Untrusted::new(&migration.words).line()), Untrusted::new(&migration.to));
        lines.extend(hanging("◔ ", &text, columns, theme.warn));
    }
    lines
}

/// What leaving costs, and what weight is lost.
fn leaving(app: &App, stake: &Stake, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let key = |act| app.keymap.key_of(&[Context::Channels], act).unwrap_or_default();
    let (together, alone) = match stake.detail.as_deref() {
        Some(detail) => (
            format!("about {} out of your part", sats(detail.close_fee_sat)),
            format!(
                "your wallet pays {}; your part comes home after {} blocks",
                cost_alone(detail),
                thousands(u128::from(detail.lock_blocks))
            ),
        ),
        None => {
            ("a fee out of your part".to_owned(), "your wallet pays for it; your part waits for its lock".to_owned())
        }
    };
    let mut lines =
        hanging("• ", &format!("{}, together with the hub: {together}.", key(Act::StakeClose)), columns, theme.text);
    lines.extend(hanging("• ", &format!("{}, alone: {alone}.", key(Act::ForceClose)), columns, theme.text));
    lines.extend(hanging("• ", &lost_weight(app, stake), columns, theme.warn));
    lines
}

/// What it means for a hub to close a channel with a member.
fn closing(app: &App, stake: &Stake, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let key = |act| app.keymap.key_of(&[Context::Channels], act).unwrap_or_default();
    let (together, alone) = match stake.detail.as_deref() {
        Some(detail) => (
            format!("about {} out of the hub's part", sats(detail.close_fee_sat)),
            format!(
                "the hub's wallet pays {}; the hub's part comes home after {} blocks",
                cost_alone(detail),
                thousands(u128::from(detail.lock_blocks))
            ),
        ),
        None => (
            "a fee out of the hub's part".to_owned(),
            "the hub's wallet pays for it; its part waits for its lock".to_owned(),
        ),
    };
    let text = format!("{}, together with the member: {together}.", key(Act::StakeClose));
    let mut lines = hanging("• ", &text, columns, theme.text);
    lines.extend(hanging("• ", &format!("{}, alone: {alone}.", key(Act::ForceClose)), columns, theme.text));
    lines.extend(hanging("• ", &lost_weight(app, stake), columns, theme.warn));
    lines
}

/// Who holds each funding output, by the log: members by their names (N-428).
fn holders(snapshot: &Snapshot) -> BTreeMap<&str, String> {
    let of = |member: &'_ Member| words::member_name(member);
    let members = snapshot.members.iter();
    members
        .flat_map(|member| member.funding_outpoints.iter().map(move |outpoint| (outpoint.as_str(), of(member))))
        .collect()
}

/// The member of a channel; the log knows none before it is bound.
fn holder(names: &BTreeMap<&str, String>, stake: &Stake) -> String {
    let named = stake.funding_outpoint.as_deref().and_then(|outpoint| names.get(outpoint));
    named.cloned().unwrap_or_else(|| "–".to_owned())
}

/// Backups and towers of a channel.
fn keeping(stake: &Stake, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(keeping) = stake.keeping.as_deref() else {
        return vec![Line::styled("This node says nothing of backups.", theme.dim)];
    };
    let mut lines = match (keeping.backup_held, keeping.backup_newest) {
        (Some(held), Some(newest)) if held >= newest => {
            let age = keeping.backup_age_secs.map_or_else(String::new, |age| format!(", said {}", ago(age)));
            hanging(
                "✓ ",
                &format!("The hub holds the newest encrypted backup, number {held}{age}."),
                columns,
                theme.good,
            )
        }
        (Some(held), Some(newest)) => {
            let text = format!("The hub holds backup {held}; number {newest} is on its way to it.");
            hanging("○ ", &text, columns, theme.warn)
        }
        _ => hanging("○ ", "The hub has not said yet that it holds a backup.", columns, theme.warn),
    };
    match &keeping.backup_file {
        Some(file) => {
            let text = format!("A second copy is kept in {}.", Untrusted::new(&file.display().to_string()));
            lines.extend(hanging("✓ ", &text, columns, theme.good));
        }
        None => {
            let text = "No second copy is kept: B writes one now, K names a file for one that renews itself.";
            lines.extend(hanging("○ ", text, columns, theme.warn));
        }
    }
    if keeping.towers.is_empty() {
        let text = "No watchtower: an old state that the hub broadcasts is punished only while this node runs. \
                    W names one.";
        lines.extend(hanging("○ ", text, columns, theme.warn));
    }
    for tower in &keeping.towers {
        let reach = if tower.connected { "connected" } else { "not reachable now" };
        let text = format!(
            "tower {}: {reach}, {} of {} receipts",
            Untrusted::new(&tower.tower),
            tower.receipts,
            keeping.blobs
        );
        let (sign, style) = match tower.receipts >= keeping.blobs {
            true => ("✓ ", theme.good),
            false => ("○ ", theme.warn),
        };
        lines.extend(hanging(sign, &text, columns, style));
        if let Some(height) = tower.until_height {
            let text = format!("it keeps them until height {}", thousands(u128::from(height)));
            lines.extend(hanging("  ", &text, columns, theme.dim));
        }
        if let Some(refusal) = &tower.refusal {
            lines.extend(hanging("  ", &format!("it refused: {}", Untrusted::new(refusal)), columns, theme.bad));
        }
    }
    lines
}

/// How long ago that was.
fn ago(secs: u64) -> String {
    match secs {
        0..60 => format!("{secs} s ago"),
        60..3_600 => format!("{} min ago", secs / 60),
        _ => format!("{} h ago", secs / 3_600),
    }
}

/// Backup and towers in a line.
fn keeping_line(stake: &Stake) -> Option<String> {
    let keeping = stake.keeping.as_deref().filter(|_| stake.state == "ready" || stake.state == "funding")?;
    let backup = match (keeping.backup_held, keeping.backup_newest) {
        (Some(held), Some(newest)) if held >= newest => "✓ newest at the hub",
        _ => "○ not at the hub yet",
    };
    let towers = match keeping.towers.len() {
        0 => "○ no tower".to_owned(),
        all => format!("{} of {all} towers connected", keeping.towers.iter().filter(|tower| tower.connected).count()),
    };
    Some(format!("backup {backup} · {towers}"))
}

/// What a hub's channels hold together.
fn of_members(stakes: &[Stake], columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let in_use = || stakes.iter().filter(|stake| stake.state == "ready");
    let members = in_use().fold(0u64, |sum, stake| sum.saturating_add(stake.amount_sat));
    let hub = in_use().filter_map(|stake| stake.detail.as_deref()).fold(0u64, |sum, d| sum.saturating_add(d.hub_sat));
    let ending = stakes.iter().filter(|stake| stake.state == "closing").count();
    let text = format!(
        "{} in use: {} the members', {} the hub's",
        count_of(in_use().count() as u64, "channel"),
        sats(members),
        sats(hub)
    );
    let mut lines = paragraph(&text, columns, theme.text);
    lines.push(Line::styled(format!("{} closing", count_of(ending as u64, "channel")), theme.dim));
    lines
}

/// What is not in the channel.
fn beside(app: &App, snapshot: &Snapshot, columns: usize, pen: &Pen<'_, '_>) -> Vec<Line<'static>> {
    let theme = &pen.theme;
    let balance = snapshot.status.balance;
    let mut lines = paragraph(&format!("wallet: {}", sats(balance.confirmed_sat)), columns, theme.text);
    if balance.pending_sat > 0 {
        lines.extend(paragraph(&format!("pending: {}", sats(balance.pending_sat)), columns, theme.dim));
    }
    if snapshot.status.role == Role::Hub {
        lines.extend(of_members(app.stakes(), columns, theme));
        return lines;
    }
    let own = snapshot.status.member.as_ref().and_then(|member| member.weight.as_deref());
    let text = match own {
        Some(own) => format!("weight {}; closing loses it from the next roll on", weight(own)),
        None => "no weight on the roll yet".to_owned(),
    };
    lines.extend(paragraph(&text, columns, theme.text));
    let rewards = app.desk.rewards.as_deref().unwrap_or_default();
    let sum = |of: fn(&althing_node::api::Reward) -> u64| rewards.iter().map(of).fold(0u64, u64::saturating_add);
    let (got, owed) = (sum(|reward| reward.reward_sat), sum(|reward| reward.dues_sat));
    lines.extend(paragraph(&format!("rewards {}, dues {}", sats(got), sats(owed)), columns, theme.text));
    for reward in rewards.iter().rev().take(4) {
        let text = format!("epoch {}: +{} −{}", reward.epoch, sats(reward.reward_sat), sats(reward.dues_sat));
        lines.push(Line::styled(cut(&text, columns), theme.dim));
    }
    lines
}
