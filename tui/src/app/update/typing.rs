//! Keys and pasted text that are typed into something.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::app::form::MAX_LINE_BYTES;
use crate::app::state::{App, Notice, Popup};
use crate::untrusted::is_showable;

/// Longest public reason, as the node takes it.
const MAX_REASON_BYTES: usize = 1024;

/// Longest word, filter or search that can be typed.
const MAX_INPUT_BYTES: usize = 128;

/// A key that types.
pub(super) fn typed(app: &mut App, key: KeyEvent) {
    app.notice = None;
    if let Some(Popup::Form(form)) = app.popups.last_mut()
        && form.on_body()
        && let Some(body) = &mut form.body
    {
        body.input(key);
        return;
    }
    if let Some(Popup::Choose(choose)) = app.popups.last_mut()
        && choose.row < choose.reason_row()
    {
        let refused = match key.code {
            KeyCode::Char(c) => c.to_digit(10).and_then(|digit| choose.digit(u16::try_from(digit).ok()?).err()),
            _ => {
                choose.erase();
                None
            }
        };
        app.notice = refused.map(|why| Notice::new(true, why));
        return;
    }
    let Some((line, limit)) = line_input(app) else { return };
    match key.code {
        KeyCode::Char(c)
            if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
                && is_showable(c)
                && line.len() + c.len_utf8() <= limit =>
        {
            line.push(c);
        }
        KeyCode::Backspace => {
            line.pop();
        }
        KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => line.clear(),
        _ => {}
    }
    look_again(app);
}

/// Pasted text goes where typed text goes, without characters that cannot be seen.
pub(super) fn pasted(app: &mut App, text: &str) {
    // Most terminals paste a line break as the key that makes one: a carriage return.
    let text = &text.replace("\r\n", "\n").replace('\r', "\n");
    let keep = |c: &char| *c == '\n' || is_showable(*c);
    let visible: String = text.chars().filter(keep).collect();
    let hidden = text.chars().count() - visible.chars().count();
    if let Some(Popup::Form(form)) = app.popups.last_mut()
        && form.on_body()
        && let Some(body) = &mut form.body
    {
        body.insert_str(&visible);
    } else if let Some((line, limit)) = line_input(app) {
        for c in visible.chars().filter(|c| *c != '\n') {
            if line.len() + c.len_utf8() <= limit {
                line.push(c);
            }
        }
    } else {
        return;
    }
    look_again(app);
    if hidden > 0 {
        let text = format!("{hidden} invisible characters of the pasted text were left out.");
        app.notice = Some(Notice::new(true, text));
    }
}

/// Another filter, another list: the old row means nothing in it.
fn look_again(app: &mut App) {
    if app.popups.is_empty() && app.filtering {
        *app.selected_mut() = 0;
    }
    if let Some(Popup::Pick(pick)) = app.popups.last_mut() {
        pick.search();
    }
}

/// The one-line text that has the keyboard, and the most bytes it may have.
fn line_input(app: &mut App) -> Option<(&mut String, usize)> {
    match app.popups.last_mut() {
        None if app.filtering => Some((app.filters.entry(app.screen).or_default(), MAX_INPUT_BYTES)),
        Some(Popup::Choose(choose)) if choose.row == choose.reason_row() => {
            Some((&mut choose.reason, MAX_REASON_BYTES))
        }
        Some(Popup::Review(review)) => Some((&mut review.typed, MAX_INPUT_BYTES)),
        Some(Popup::Pick(pick)) => Some((&mut pick.typed, MAX_INPUT_BYTES)),
        Some(Popup::Form(form)) => Some((form.line_mut()?, MAX_LINE_BYTES)),
        _ => None,
    }
}
