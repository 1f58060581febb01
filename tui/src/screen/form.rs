//! A form being filled in.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::app::{App, FieldEntry, Form, FormKind};
use crate::deeds::Secret;
use crate::format::{short_id, thousands};
use crate::text::{cut, hanging, tail, width};
use crate::untrusted::Untrusted;
use crate::widget::{Pen, centred, panel};

/// Rows for the names of files.
const MOST_NAMES: u16 = 8;

/// Columns of the labels.
const LABEL: usize = 12;

/// Draws the form.
pub(super) fn draw(pen: &mut Pen<'_, '_>, app: &App, body: Rect, form: &Form) {
    let rows = u16::try_from(form.fields.len()).unwrap_or(u16::MAX);
    let listed = form.names().map_or(0, |(names, _)| u16::try_from(names.len()).unwrap_or(u16::MAX).min(MOST_NAMES));
    let height = if form.body.is_some() { 30 } else { rows.saturating_add(6).saturating_add(listed) };
    let area = centred(body, 100, height);
    let title = title(app, form);
    let inner = panel(pen, area, &cut(&title, usize::from(area.width).saturating_sub(6)), true);
    let gap = u16::from(rows > 0 && form.body.is_some());
    let [head, text, foot] =
        Layout::vertical([Constraint::Length(rows + gap), Constraint::Min(0), Constraint::Length(2)]).areas(inner);
    draw_fields(pen, head, form);
    if form.body.is_none() {
        draw_names(pen, text, form);
    }
    if let Some(body) = &form.body {
        let mut field = body.clone();
        field.set_style(pen.theme.text);
        field.set_cursor_line_style(pen.theme.text);
        let hint =
            if form.is_charter() { "The charter in force is on its way." } else { "Markdown; public and permanent." };
        field.set_placeholder_text(hint);
        field.set_placeholder_style(pen.theme.dim);
        if !form.on_body() {
            field.set_cursor_style(pen.theme.text);
        }
        pen.frame.render_widget(&field, text);
        if form.on_body() {
            let at = field.screen_cursor();
            let (top, left) = field.scroll_offset();
            pen.cursor(text, at.col.saturating_sub(usize::from(left)), at.row.saturating_sub(usize::from(top)));
        }
        for y in 0..usize::from(text.height) {
            pen.hit_row(text, y, form.fields.len());
        }
    }
    draw_foot(pen, foot, form);
}

fn title(app: &App, form: &Form) -> String {
    let about = |proposal: &String| match app.proposal(proposal) {
        Some(p) => format!("#{} {}", p.number, Untrusted::new(&p.title)),
        None => short_id(proposal),
    };
    match &form.kind {
        FormKind::Proposal => "A proposal".to_owned(),
        FormKind::Comment { proposal, parent: None } => format!("A comment on {}", about(proposal)),
        FormKind::Comment { proposal, .. } => format!("An answer to a comment on {}", about(proposal)),
        FormKind::Remark { proposal } => format!("A remark of the author on {}", about(proposal)),
        FormKind::Delegate => "Hand my weight on where I do not vote".to_owned(),
        FormKind::Revoke => "Take a delegation back".to_owned(),
        FormKind::StakeOpen => "Lock bitcoin in a stake channel".to_owned(),
        FormKind::StakeClose { channel, .. } => format!("Close the channel {}", short_id(channel)),
        FormKind::Pay { channel, .. } => format!("Pay dues out of the channel {}", short_id(channel)),
        FormKind::Invite => "Invite somebody".to_owned(),
        FormKind::Guard { proposal } => format!("Speak as a guardian against {}", about(proposal)),
        FormKind::Deposit { thread } => format!("Hold a deposit for {}", about(thread)),
        FormKind::Export { proposal } => format!("A proof file about {}", about(proposal)),
        FormKind::SaveReport => "The transparency report in a file".to_owned(),
        FormKind::SavePage { .. } => "What the page shows in a file".to_owned(),
        FormKind::SendCoins => "Send coins of my wallet".to_owned(),
        FormKind::TopUp { channel } => format!("Put more into the channel {}", short_id(channel)),
        FormKind::TakeOut { channel } => format!("Take something out of the channel {}", short_id(channel)),
        FormKind::Backup => "A backup of the channels in a file".to_owned(),
        FormKind::LinkBump => "Pay more for the link that waits".to_owned(),
        FormKind::Timestamp { epoch } => format!("An OpenTimestamps file of the link of epoch {epoch}"),
        FormKind::LinkFile => "Every link in a file, for short proof files".to_owned(),
        FormKind::SessionOpen { .. } => "A signing session for payments".to_owned(),
        FormKind::Housekeeping => "Move the treasury's own coins".to_owned(),
        FormKind::SessionRefuse { session } => format!("Refuse to sign {}", short_id(session)),
        FormKind::SessionComment { session } => format!("A comment on the session {}", short_id(session)),
        FormKind::SessionBump { session } => format!("A replacement of {} with a higher fee", short_id(session)),
        FormKind::SaveSession { session } => format!("The PSBT of {} in a file", short_id(session)),
        FormKind::TakeSession => "Take a PSBT in from a file".to_owned(),
        FormKind::Freeze { .. } => "Freeze a coin".to_owned(),
        FormKind::Run { path } => crate::deeds::named(path).map_or(*path, |deed| deed.about).to_owned(),
    }
}

/// The fields of one line; what each wants is said while it is empty.
fn draw_fields(pen: &mut Pen<'_, '_>, area: Rect, form: &Form) {
    let label_width = form.fields.iter().map(|field| width(field.label) + 1).max().unwrap_or(0).clamp(LABEL, 24);
    let room = usize::from(area.width).saturating_sub(label_width + 2);
    let mut lines = Vec::new();
    let mut cursor = None;
    // A long form scrolls with the keyboard.
    let first = (form.at.min(form.fields.len().saturating_sub(1)) + 1).saturating_sub(usize::from(area.height));
    for (place, field) in form.fields.iter().enumerate().skip(first) {
        let here = form.at == place;
        let label = Span::styled(
            format!("{}{:<label_width$}", if here { "▸" } else { " " }, field.label),
            if here { pen.theme.key } else { pen.theme.dim },
        );
        // A field may begin with a text of others.
        let typed = match &field.entry {
            FieldEntry::Line(line) => tail(&Untrusted::new(line).line(), room.saturating_sub(1)),
            FieldEntry::Secret(Secret(line)) => "•".repeat(line.chars().count().min(room.saturating_sub(1))),
            FieldEntry::OneOf(..) => String::new(),
        };
        let value = match &field.entry {
            FieldEntry::Line(line) | FieldEntry::Secret(Secret(line)) if line.is_empty() => {
                Span::styled(cut(field.hint, room), pen.theme.dim)
            }
            FieldEntry::Line(_) | FieldEntry::Secret(_) => Span::styled(typed.clone(), pen.theme.title),
            FieldEntry::OneOf(..) => {
                let beside = form.beside(field.label).map(|name| Untrusted::new(&name).line()).unwrap_or_default();
                Span::styled(cut(&format!("← {} → {beside}", field.text()), room), pen.theme.title)
            }
        };
        if here {
            let typed = match &field.entry {
                FieldEntry::Line(_) | FieldEntry::Secret(_) => width(&typed),
                FieldEntry::OneOf(..) => 2,
            };
            cursor = Some((label_width + 1 + typed, place - first));
        }
        let mut spans = vec![label, value];
        // A number that stands there already says no more what it counts.
        let is_number = !typed.is_empty() && typed.bytes().all(|byte| byte.is_ascii_digit());
        if let FieldEntry::Line(_) = &field.entry
            && here
            && is_number
        {
            let left = room.saturating_sub(width(&typed) + 2);
            spans.push(Span::styled(format!("  {}", cut(field.hint, left)), pen.theme.dim));
        }
        lines.push(Line::from(spans));
        pen.hit_row(area, place - first, place);
    }
    pen.text(lines, area);
    if let Some((x, y)) = cursor {
        pen.cursor(area, x, y);
    }
}

/// The files that fit what is typed; the one that was put in is marked.
fn draw_names(pen: &mut Pen<'_, '_>, area: Rect, form: &Form) {
    let Some((names, at)) = form.names() else { return };
    let rows = usize::from(area.height.min(MOST_NAMES));
    if rows == 0 || names.is_empty() {
        return;
    }
    // The last row says how many are not shown.
    let room = if names.len() > rows { rows - 1 } else { rows };
    let first = at.map_or(0, |at| (at + 1).saturating_sub(room));
    let mut lines: Vec<Line<'static>> = Vec::new();
    for (place, name) in names.iter().enumerate().skip(first).take(room) {
        let (sign, style) = if Some(place) == at { ("▸ ", pen.theme.selected) } else { ("  ", pen.theme.text) };
        let name = cut(&Untrusted::new(name).line(), usize::from(area.width).saturating_sub(4));
        lines.push(Line::styled(format!("  {sign}{name}"), style));
    }
    if names.len() > rows {
        let text = format!("    {} of {} names", thousands(room as u128), thousands(names.len() as u128));
        lines.push(Line::styled(text, pen.theme.dim));
    }
    pen.text(lines, area);
}

/// What is wrong, or how long the text is, or that nothing is sent yet.
fn draw_foot(pen: &mut Pen<'_, '_>, area: Rect, form: &Form) {
    let columns = usize::from(area.width);
    let lines = match (&form.problem, &form.body) {
        (Some(problem), _) => hanging("✗ ", problem, columns, pen.theme.bad),
        (None, Some(body)) => {
            let bytes: usize = body.lines().iter().map(|line| line.len() + 1).sum::<usize>().saturating_sub(1);
            vec![Line::styled(
                format!("{} bytes; nothing is sent before the review page", thousands(bytes as u128)),
                pen.theme.dim,
            )]
        }
        (None, None) => {
            // What a field wants is said while something is in it, too.
            let here = form.fields.get(form.at).filter(|_| matches!(form.kind, FormKind::Run { .. }));
            let hint = here.map_or("", |field| field.hint);
            vec![Line::styled(cut(hint, columns), pen.theme.text), Line::styled(promise(form), pen.theme.dim)]
        }
    };
    pen.text(lines, area);
}

/// What enter does at the end of the form.
fn promise(form: &Form) -> &'static str {
    match &form.kind {
        FormKind::SessionOpen { .. } | FormKind::Housekeeping | FormKind::SessionBump { .. } => {
            "The transaction is built and checked; nothing is signed or sent."
        }
        FormKind::Export { .. }
        | FormKind::SaveReport
        | FormKind::SavePage { .. }
        | FormKind::SaveSession { .. }
        | FormKind::Backup
        | FormKind::LinkFile
        | FormKind::Timestamp { .. } => "Enter writes the file.",
        FormKind::TakeSession => "The file is read and checked; nothing is signed or sent.",
        FormKind::Freeze { .. } => "It stays on this machine, and f takes it back.",
        FormKind::SessionComment { .. } => "It is kept with the session.",
        FormKind::Run { .. } => "Enter at the end does it; what cannot be taken back has a review page first.",
        _ => "Nothing is sent before the review page.",
    }
}
