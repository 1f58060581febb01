//! The one place where the application changes.

use super::order::Review;
use super::pick::Pick;
use super::state::{App, Notice, Page, Popup, Progress};
use super::{Act, Action, Command, Order, Purpose, Screen, Section, lesson, run};
use crate::settings::Liking;

mod answers;
mod begin;
mod forms;
mod mouse;
mod moving;
mod popups;
mod treasury;
mod typing;

use moving::{back, go, go_tab, part, scrolled, select};

pub(crate) use begin::lost_weight;

/// The word that casts a ballot.
pub const CASTING_WORD: &str = "vote";

/// What is said when something is ordered from screens that only look.
const READ_ONLY: &str = "Read only: nothing can be ordered from these screens.";

/// Ticks for which a code of several stands.
const TICKS_OF_A_CODE: u64 = 2;

/// Lines that a turn of the wheel scrolls.
const WHEEL: usize = 3;

/// Changes the application and says what is to be done.
pub fn update(app: &mut App, action: Action) -> Vec<Command> {
    let shown = |app: &App| {
        let session = app.open_session().map(str::to_owned);
        let need = matches!(app.popups.last(), Some(Popup::Page { page: Page::Need(_), .. }));
        let member = app.open_member().map(str::to_owned);
        let fills_in = app.popups.iter().any(|popup| matches!(popup, Popup::Choose(_)));
        (app.screen, app.section, app.open.clone(), app.selections.stakes, session, need, member, fills_in)
    };
    let before = shown(app);
    let mut commands = match action {
        Action::Act(act) => on_act(app, act),
        Action::Type(key) => {
            typing::typed(app, key);
            Vec::new()
        }
        Action::Paste(text) => {
            typing::pasted(app, &text);
            Vec::new()
        }
        Action::Click { x, y } => mouse::on_click(app, x, y),
        Action::Wheel { down } => {
            let act = if down { Act::Down } else { Act::Up };
            let times = if reads(app) { WHEEL } else { 1 };
            (0..times).flat_map(|_| on_act(app, act)).collect()
        }
        Action::Tick => {
            app.beat = app.beat.wrapping_add(1);
            next_code(app);
            Vec::new()
        }
        Action::Report(report) => answers::on_report(app, report),
    };
    if before != shown(app) {
        // A screen asks for what only it shows when it is opened, and when another row of it is looked at.
        commands.extend(app.wants());
    }
    app.remember_rows();
    lesson::follow(app);
    commands
}

/// The next of the codes that are shown, where they move by themselves; a camera has time for each.
fn next_code(app: &mut App) {
    let is_due = app.beat.is_multiple_of(TICKS_OF_A_CODE) && !app.settings.reduced_motion;
    if let Some(Popup::Page { page: Page::Codes { codes, at, moves: true, .. }, .. }) = app.popups.last_mut()
        && is_due
    {
        *at = (*at + 1) % codes.len().max(1);
    }
}

/// Whether the wheel scrolls a text rather than the rows of a list.
fn reads(app: &App) -> bool {
    match app.popups.last() {
        Some(Popup::Page { .. } | Popup::Review(_)) => true,
        Some(_) => false,
        None if app.screen == Screen::Treasury => app.section == Section::Policy,
        None => matches!(app.screen, Screen::Proposal | Screen::Audit | Screen::Learn | Screen::Operator),
    }
}

/// A key with a meaning: the popup on top has it, else the screen.
fn on_act(app: &mut App, act: Act) -> Vec<Command> {
    if act == Act::Quit {
        app.leaving = true;
        return Vec::new();
    }
    app.notice = None;
    if act == Act::Help {
        // Over whatever is shown, so that nothing typed is lost by looking.
        if !matches!(app.popups.last(), Some(Popup::Page { page: Page::Help, .. })) {
            app.popups.push(Popup::Page { page: Page::Help, scroll: 0 });
        }
        return Vec::new();
    }
    match app.popups.pop() {
        None => on_screen(app, act),
        Some(Popup::Page { page, scroll }) => popups::on_page(app, page, scroll, act),
        Some(Popup::Why { at, open }) => popups::on_why(app, at, open, act),
        Some(Popup::Choose(choose)) => popups::on_choose(app, choose, act),
        Some(Popup::Review(review)) => popups::on_review(app, review, act),
        Some(Popup::Form(form)) => forms::on_form(app, form, act),
        Some(Popup::Pick(pick)) => popups::on_pick(app, pick, act),
    }
}

/// An act on a screen without a popup.
fn on_screen(app: &mut App, act: Act) -> Vec<Command> {
    match act {
        Act::Go(screen) => go(app, screen),
        Act::NextScreen => go_tab(app, 1),
        Act::PreviousScreen => go_tab(app, Screen::TABS.len() - 1),
        Act::Back => back(app),
        Act::Palette => {
            let pick = Pick::command(app);
            app.popups.push(Popup::Pick(Box::new(pick)));
        }
        Act::Folders => folders(app),
        Act::Filter => app.filtering = true,
        Act::Confirm => app.filtering = false,
        Act::Undo => match app.aside.pop() {
            Some(draft) => app.popups.push(draft),
            None => say(app, true, "No draft was put aside."),
        },
        Act::Theme | Act::Bell | Act::Motion | Act::Mouse => return like(app, act),
        Act::Open => return begin::open_selected(app),
        Act::Down | Act::Up | Act::PageDown | Act::PageUp | Act::First | Act::Last => {
            if reads(app) {
                app.scroll = scrolled(app.scroll, act, app.scroll_limit);
            } else {
                select(app, act);
            }
        }
        Act::NextComment => begin::mark_comment(app, true),
        Act::PreviousComment => begin::mark_comment(app, false),
        Act::Diff => return begin::diff(app),
        Act::Why => return begin::why(app),
        Act::Replay => return replay(app),
        Act::NextSection => part(app, app.section.along(1)),
        Act::PreviousSection => part(app, app.section.along(Section::ALL.len() - 1)),
        Act::Part(section) => part(app, section),
        // What would change something is refused by the command itself (N-90).
        Act::Run(path) => return run::begin(app, path),
        _ if app.readonly => say(app, true, READ_ONLY),
        act => return begin::begin(app, act),
    }
    Vec::new()
}

/// Says something at the foot of the screen.
fn say(app: &mut App, is_trouble: bool, text: impl Into<String>) {
    app.notice = Some(Notice::new(is_trouble, text));
}

/// Changes how the member likes it, and keeps that. Screens that only look keep nothing (N-440).
fn like(app: &mut App, act: Act) -> Vec<Command> {
    let (settings, readonly) = (&mut app.settings, app.readonly);
    let on = |on: bool| if on { "on" } else { "off" };
    let (liking, text) = match act {
        Act::Theme => {
            let theme = settings.theme.next();
            // A word that holds elsewhere is no news of what is seen here.
            let not_here = if app.no_color { ", where NO_COLOR is not set" } else { "" };
            (Liking::Theme(theme), format!("Theme: {}{not_here}", theme.words()))
        }
        Act::Bell => (Liking::Bell(!settings.bell), format!("Bell {}", on(!settings.bell))),
        Act::Motion => {
            let reduced = !settings.reduced_motion;
            (Liking::Motion(reduced), format!("Reduced motion {}", on(reduced)))
        }
        // It holds from the next start on, and then it is forgotten.
        _ if readonly => {
            say(app, true, READ_ONLY);
            return Vec::new();
        }
        _ => (Liking::Mouse(!settings.mouse), format!("Mouse {}, from the next start on", on(!settings.mouse))),
    };
    liking.put_into(settings);
    if readonly {
        say(app, false, format!("{text}, until these screens close; nothing is kept."));
        return Vec::new();
    }
    say(app, false, format!("{text}."));
    vec![Command::Save(liking)]
}

/// Begins to replay the log.
fn replay(app: &mut App) -> Vec<Command> {
    if app.progress.is_some() {
        say(app, true, "The log is being replayed already.");
        return Vec::new();
    }
    go(app, Screen::Audit);
    app.progress = Some(Progress::default());
    app.replayed = None;
    vec![Command::Replay]
}

/// The list of other DAOs.
fn folders(app: &mut App) {
    let mut folders = app.settings.folders.clone();
    // Also those that one came from, so that there is a way back.
    for folder in app.visited.iter().chain(&app.folder) {
        if !folders.contains(folder) {
            folders.insert(0, folder.clone());
        }
    }
    if folders.len() < 2 {
        say(app, true, "Only this DAO is known here: althing settings add-folder DIR adds another.");
        return;
    }
    app.popups.push(Popup::Pick(Box::new(Pick::folder(&folders, app.folder.as_deref(), &app.dao_names))));
}

/// Opens the review page of an order. What comes of it is on the page before the word can be typed.
fn review(app: &mut App, order: Order) -> Vec<Command> {
    let ask = order.effects_from.clone();
    app.popups.push(Popup::Review(Box::new(Review::new(order))));
    ask.map(|request| Command::Ask { purpose: Purpose::Review, request }).into_iter().collect()
}
