//! How the node and its log are doing: for whoever runs a hub, and for whoever wonders.

use althing_node::api::{HubWork, Link, Role, Snapshot};
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Line;

use crate::app::App;
use crate::format::{count_of, entries, sats, thousands};
use crate::text::{hanging, paragraph};
use crate::theme::Theme;
use crate::untrusted::Untrusted;
use crate::widget::{Pen, columns_chart, panel, scrolled};

/// Rows of a chart.
const CHART_ROWS: usize = 4;

/// Draws the screen.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, snapshot: &Snapshot, area: Rect) {
    let title = match snapshot.status.role {
        Role::Hub => "Operator: this is the hub",
        Role::Member => "Operator: this is a member's node",
    };
    let inner = panel(pen, area, title, true);
    let columns = usize::from(inner.width);
    let theme = pen.theme;
    let mut lines = node(app, snapshot, columns, &theme);
    lines.extend(work(snapshot.status.work.as_ref(), columns, &theme));
    lines.extend(growth(app, columns, &theme));
    lines.extend(epochs(snapshot, columns, &theme));
    for section in app.desk.report.iter().flat_map(|report| &report.sections) {
        let wanted = section.title.to_lowercase();
        if wanted.contains("fee") || wanted.contains("link") || wanted.contains("hub") {
            lines.push(Line::default());
            lines.extend(super::audit::section_lines(section, columns, &theme));
        }
    }
    scrolled(pen, inner, lines, app.scroll);
}

/// The state of the node.
fn node(app: &App, snapshot: &Snapshot, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (status, stakes) = (&snapshot.status, app.stakes());
    let behind = status.head_height.map_or(0, |head| status.tip_height.saturating_sub(head));
    let reachable = match (status.role, status.hub_connected) {
        _ if app.trouble.is_some() => super::connection(app, status).to_owned(),
        (Role::Hub, _) => "members come to this node".to_owned(),
        (Role::Member, true) => "connected".to_owned(),
        (Role::Member, false) => "not reachable".to_owned(),
    };
    let held =
        stakes.iter().filter(|stake| stake.state == "ready").fold(0u64, |sum, s| sum.saturating_add(s.amount_sat));
    let channels = format!("{}, {} in use", count_of(stakes.len() as u64, "channel"), sats(held));
    let mut lines = vec![Line::styled("Now", theme.text.add_modifier(Modifier::BOLD))];
    for (name, value) in [
        ("log", entries(status.log_size)),
        ("tip", format!("{}, {}", thousands(u128::from(status.tip_height)), head_of(behind))),
        ("block", Untrusted::new(&status.tip_hash).line()),
        ("members", format!("{}; hub: {reachable}", thousands(snapshot.members.len() as u128))),
        (
            "wallet",
            format!(
                "{} sat{}",
                thousands(u128::from(status.balance.confirmed_sat)),
                if status.role == Role::Hub { " for links and fees" } else { "" }
            ),
        ),
        ("channels", channels),
    ] {
        lines.extend(hanging(&format!("{name:<10}"), &value, columns, theme.text));
    }
    lines
}

/// How large batches are, and how long entries wait for their receipts (N-173).
fn work(work: Option<&HubWork>, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(work) = work else { return Vec::new() };
    let mut lines = vec![Line::default(), Line::styled("Batches of entries, and the wait for receipts", theme.title)];
    let mean = work.entries.checked_div(work.batches).unwrap_or(0);
    let [half, most, all] = work.wait_us.map(millis);
    let [half_store, most_store, all_store] = work.store_us.map(millis);
    for (name, value) in [
        (
            "batches",
            format!(
                "the last {}: {} each, at most {}",
                thousands(u128::from(work.batches)),
                if mean == 1 { "1 entry".to_owned() } else { format!("{} entries", thousands(u128::from(mean))) },
                work.largest
            ),
        ),
        ("receipts", format!("half within {half}, 99 % within {most}, all within {all} of the first entry of a batch")),
        ("of that", format!("signing and storing: {half_store}, {most_store}, {all_store}")),
    ] {
        lines.extend(hanging(&format!("{name:<10}"), &value, columns, theme.text));
    }
    let waits: Vec<u128> = work.newest.iter().map(|(_, wait_us)| u128::from(*wait_us)).collect();
    lines.push(Line::styled("wait of the newest batches", theme.dim));
    lines.extend(columns_chart(&waits, columns, CHART_ROWS, theme.good));
    let sizes: Vec<u128> = work.newest.iter().map(|(entries, _)| u128::from(*entries)).collect();
    lines.push(Line::styled("entries of the newest batches", theme.dim));
    lines.extend(columns_chart(&sizes, columns, CHART_ROWS, theme.good));
    lines
}

/// Microseconds in words.
/// How far the newest head is behind the newest block.
fn head_of(behind: u32) -> String {
    match behind {
        0 => "which the newest head is of".to_owned(),
        behind => format!("the newest head is {} behind it", count_of(u64::from(behind), "block")),
    }
}

fn millis(us: u64) -> String {
    format!("{}.{:01} ms", thousands(u128::from(us / 1_000)), us % 1_000 / 100)
}

/// Entries of the log from block to block since the screens were opened.
fn growth(app: &App, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let added: Vec<u128> = app.growth.windows(2).map(|pair| u128::from(pair[1].1.saturating_sub(pair[0].1))).collect();
    let mut lines =
        vec![Line::default(), Line::styled("Entries a block, since these screens were opened", theme.title)];
    let Some(last) = added.last() else {
        lines.push(Line::styled("Two blocks are needed first.", theme.dim));
        return lines;
    };
    lines.extend(columns_chart(&added, columns, CHART_ROWS, theme.good));
    lines.push(Line::styled(
        format!("last {}, most {}", thousands(*last), thousands(added.iter().copied().max().unwrap_or(0))),
        theme.dim,
    ));
    lines
}

/// Entries and sizes of links by epoch.
fn epochs(snapshot: &Snapshot, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default(), Line::styled("Entries an epoch, from the links", theme.title)];
    if snapshot.links.is_empty() {
        lines.push(Line::styled("No epoch has closed yet.", theme.dim));
        return lines;
    }
    let mut before = 0;
    let added: Vec<u128> = snapshot
        .links
        .iter()
        .map(|link: &Link| u128::from(link.log_size.saturating_sub(std::mem::replace(&mut before, link.log_size))))
        .collect();
    lines.extend(columns_chart(&added, columns, CHART_ROWS, theme.good));
    let late: Vec<u32> = snapshot
        .links
        .iter()
        .filter_map(|link| link.height.map(|height| height.saturating_sub(link.closing_height)))
        .collect();
    let (slowest, newest) = (late.iter().max().copied().unwrap_or(0), late.last().copied().unwrap_or(0));
    let vsize: u64 = snapshot.links.iter().map(|link| link.vsize).sum();
    let text = format!(
        "{}, {} vB in all; a link is mined {newest} blocks after its epoch closes, at most {slowest} so far",
        count_of(snapshot.links.len() as u64, "link"),
        thousands(u128::from(vsize)),
    );
    lines.extend(paragraph(&text, columns, theme.dim));
    lines
}
