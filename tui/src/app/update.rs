//! The one place where the application changes.

use althing_node::api::Request;
use ratatui::layout::Position;

use super::ballot::Choose;
use super::form::Form;
use super::order::{Review, ReviewStep};
use super::pick::{Pick, PickOf, Picked};
use super::state::{App, Hit, Notice, Page, Popup, Progress};
use super::{Act, Action, Command, Does, FormKind, Order, Purpose, Screen, Section, lesson, run};

mod answers;
mod begin;
mod treasury;
mod typing;

pub(crate) use begin::lost_weight;

/// The word that casts a ballot.
pub const CASTING_WORD: &str = "vote";

/// What is said when something is ordered from screens that only look.
const READ_ONLY: &str = "Read only: nothing can be ordered from these screens.";

/// Rows of a page in a list, lines of a page in a text.
const PAGE: usize = 10;

/// Lines that a turn of the wheel scrolls.
const WHEEL: usize = 3;

/// Screens that can be gone back through.
const MAX_BACK: usize = 32;

/// Drafts that are kept aside.
const MAX_ASIDE: usize = 20;

/// Changes the application and says what is to be done.
pub fn update(app: &mut App, action: Action) -> Vec<Command> {
    let shown = |app: &App| {
        let session = app.open_session().map(str::to_owned);
        let need = matches!(app.popups.last(), Some(Popup::Page { page: Page::Need(_), .. }));
        let member = app.open_member().map(str::to_owned);
        (app.screen, app.section, app.open.clone(), app.selections.stakes, session, need, member)
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
        Action::Click { x, y } => on_click(app, x, y),
        Action::Wheel { down } => {
            let act = if down { Act::Down } else { Act::Up };
            let times = if reads(app) { WHEEL } else { 1 };
            (0..times).flat_map(|_| on_act(app, act)).collect()
        }
        Action::Tick => {
            app.beat = app.beat.wrapping_add(1);
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
        Some(Popup::Page { page, scroll }) => on_page(app, page, scroll, act),
        Some(Popup::Why { at, open }) => on_why(app, at, open, act),
        Some(Popup::Choose(choose)) => on_choose(app, choose, act),
        Some(Popup::Review(review)) => on_review(app, review, act),
        Some(Popup::Form(form)) => on_form(app, form, act),
        Some(Popup::Pick(pick)) => on_pick(app, pick, act),
    }
}

/// Keys of a page to read: it is left or scrolled; what else its keys do is about what it shows.
fn on_page(app: &mut App, page: Page, scroll: u16, act: Act) -> Vec<Command> {
    if act == Act::Back {
        return Vec::new();
    }
    if let Act::Go(_) = act {
        // The page names a screen by its key: the key goes there. What lies below and is being typed stays as it is.
        if app.popups.iter().any(|popup| !matches!(popup, Popup::Page { .. })) {
            return Vec::new();
        }
        app.popups.clear();
        return on_screen(app, act);
    }
    let scroll = scrolled(scroll, act, app.scroll_limit);
    app.popups.push(Popup::Page { page, scroll });
    match act {
        Act::Down | Act::Up | Act::PageDown | Act::PageUp | Act::First | Act::Last | Act::Open => Vec::new(),
        Act::Why => begin::why(app),
        Act::Run(path) => run::begin(app, path),
        _ if app.readonly => {
            say(app, true, READ_ONLY);
            Vec::new()
        }
        act => begin::begin(app, act),
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
            Some(form) => app.popups.push(Popup::Form(Box::new(form))),
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

/// To a part of the treasury. What was typed to filter another part means nothing there.
fn part(app: &mut App, section: Section) {
    go(app, Screen::Treasury);
    if section != app.section {
        app.filters.remove(&Screen::Treasury);
    }
    (app.section, app.scroll) = (section, 0);
}

/// Says something at the foot of the screen.
fn say(app: &mut App, is_trouble: bool, text: impl Into<String>) {
    app.notice = Some(Notice { is_trouble, text: text.into() });
}

/// Changes how the member likes it, and keeps that.
fn like(app: &mut App, act: Act) -> Vec<Command> {
    let settings = &mut app.settings;
    let on = |on: bool| if on { "on" } else { "off" };
    let text = match act {
        Act::Theme => {
            settings.theme = settings.theme.next();
            format!("Theme: {}.", settings.theme.words())
        }
        Act::Bell => {
            settings.bell = !settings.bell;
            format!("Bell {}.", on(settings.bell))
        }
        Act::Motion => {
            settings.reduced_motion = !settings.reduced_motion;
            format!("Reduced motion {}.", on(settings.reduced_motion))
        }
        _ => {
            settings.mouse = !settings.mouse;
            format!("Mouse {}, from the next start on.", on(settings.mouse))
        }
    };
    let command = Command::Save(Box::new(settings.clone()));
    say(app, false, text);
    vec![command]
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
    if let Some(here) = app.folder.clone().filter(|here| !folders.contains(here)) {
        folders.insert(0, here);
    }
    if folders.len() < 2 {
        say(app, true, "Only this DAO is known here: althing settings add-folder DIR adds another.");
        return;
    }
    app.popups.push(Popup::Pick(Box::new(Pick::folder(&folders, app.folder.as_deref()))));
}

/// The place after an act of moving.
fn scrolled(scroll: u16, act: Act, limit: u16) -> u16 {
    match act {
        Act::Down => scroll.saturating_add(1),
        Act::Up => scroll.min(limit).saturating_sub(1),
        Act::PageDown => scroll.saturating_add(PAGE as u16),
        Act::PageUp => scroll.min(limit).saturating_sub(PAGE as u16),
        Act::First => 0,
        Act::Last => limit,
        _ => scroll,
    }
    .min(limit)
}

/// The row after an act of moving.
fn moved(row: usize, act: Act, last: usize) -> usize {
    match act {
        Act::Down => row.saturating_add(1),
        Act::Up => row.saturating_sub(1),
        Act::PageDown => row.saturating_add(PAGE),
        Act::PageUp => row.saturating_sub(PAGE),
        Act::First => 0,
        Act::Last => last,
        _ => row,
    }
    .min(last)
}

/// Moves the selected row of the list on the screen.
fn select(app: &mut App, act: Act) {
    let last = app.row_count().saturating_sub(1);
    let row = app.selected_mut();
    *row = moved(*row, act, last);
}

/// To a screen, remembering the one before.
fn go(app: &mut App, screen: Screen) {
    if screen == app.screen {
        return;
    }
    if app.back.len() == MAX_BACK {
        app.back.remove(0);
    }
    app.back.push(app.screen);
    app.screen = screen;
    app.scroll = 0;
}

/// To the tab that many places on.
fn go_tab(app: &mut App, places: usize) {
    let next = (app.screen.tab() + places) % Screen::TABS.len();
    go(app, Screen::TABS[next]);
}

/// Undoes the filter first, then goes back a screen.
fn back(app: &mut App) {
    if app.filtering || !app.filter().is_empty() {
        app.filtering = false;
        app.filters.remove(&app.screen);
    } else {
        app.screen = app.back.pop().unwrap_or(Screen::Home);
    }
    app.scroll = 0;
}

/// A click: what the picture says is there.
fn on_click(app: &mut App, x: u16, y: u16) -> Vec<Command> {
    let hit = app.hits.iter().rev().find(|(area, _)| area.contains(Position::new(x, y))).map(|(_, hit)| *hit);
    match hit {
        None => Vec::new(),
        Some(Hit::Act(act)) => on_act(app, act),
        Some(Hit::Row(row)) => on_row(app, row),
    }
}

/// A click on a row: it is selected; once it is, another click opens it.
fn on_row(app: &mut App, row: usize) -> Vec<Command> {
    match app.popups.last_mut() {
        Some(Popup::Choose(choose)) => choose.go(row),
        Some(Popup::Form(form)) => form.go(row),
        Some(Popup::Pick(pick)) if pick.row == row => return on_act(app, Act::Confirm),
        Some(Popup::Pick(pick)) => pick.row = row.min(pick.count().saturating_sub(1)),
        Some(Popup::Why { at, .. }) if *at == row => return on_act(app, Act::Open),
        Some(Popup::Why { at, .. }) => *at = row,
        Some(_) => {}
        None => {
            let last = app.row_count().saturating_sub(1);
            let selected = app.selected_mut();
            if *selected == row {
                return on_act(app, Act::Open);
            }
            *selected = row.min(last);
        }
    }
    Vec::new()
}

/// Keys of the page "why is this true?".
fn on_why(app: &mut App, at: usize, mut open: std::collections::BTreeSet<usize>, act: Act) -> Vec<Command> {
    let last = app.desk.why.as_ref().map_or(0, |why| why.steps.len().saturating_sub(1));
    match act {
        Act::Back => return Vec::new(),
        Act::Open if open.remove(&at) => {}
        Act::Open => {
            open.insert(at);
        }
        Act::Export => {
            let proposal = app.desk.why.as_ref().map(|why| why.proposal.clone());
            app.popups.push(Popup::Why { at, open });
            match proposal {
                // Of a link others check a timestamp.
                Some(proposal) if proposal.is_empty() => return begin::begin(app, Act::Timestamp),
                Some(proposal) => app.popups.push(Popup::Form(Box::new(Form::new(FormKind::Export { proposal })))),
                None => {}
            }
            return Vec::new();
        }
        _ => {}
    }
    app.popups.push(Popup::Why { at: moved(at, act, last), open });
    Vec::new()
}

/// Keys of a list to pick from.
fn on_pick(app: &mut App, mut pick: Box<Pick>, act: Act) -> Vec<Command> {
    match act {
        Act::Back => return Vec::new(),
        Act::Confirm => {
            let picked = pick.picked().cloned();
            return match picked {
                Some(Picked::Act(act)) => on_act(app, act),
                Some(Picked::There(screen, section, act)) => {
                    match screen {
                        Screen::Treasury => part(app, section),
                        _ => go(app, screen),
                    }
                    on_act(app, act)
                }
                Some(Picked::Proposal(id)) => begin::open(app, id),
                Some(Picked::Folder(folder)) => {
                    if app.folder.as_ref() != Some(&folder) {
                        app.switch_to = Some(folder);
                        app.leaving = true;
                    }
                    Vec::new()
                }
                None => {
                    let what = if pick.of == PickOf::Command { "No command" } else { "No folder" };
                    say(app, true, format!("{what} matches these letters."));
                    app.popups.push(Popup::Pick(pick));
                    Vec::new()
                }
            };
        }
        act => pick.row = moved(pick.row, act, pick.count().saturating_sub(1)),
    }
    app.popups.push(Popup::Pick(pick));
    Vec::new()
}

/// Keys of the ballot being filled in.
fn on_choose(app: &mut App, mut choose: Box<Choose>, act: Act) -> Vec<Command> {
    match act {
        Act::Back => return Vec::new(),
        Act::Choose(row) => choose.go(row),
        Act::Down => choose.down(),
        Act::Up => choose.up(),
        Act::NextScreen => choose.to_reason(),
        Act::Mark => choose.mark(),
        Act::More => choose.change(true),
        Act::Less => choose.change(false),
        Act::Raise => choose.shift(true),
        Act::Lower => choose.shift(false),
        Act::Undo => choose.travel(true),
        Act::Redo => choose.travel(false),
        Act::Confirm => {
            let order = choose.order();
            app.popups.push(Popup::Choose(choose));
            return review(app, order);
        }
        _ => {}
    }
    app.popups.push(Popup::Choose(choose));
    Vec::new()
}

/// Keys of a form.
fn on_form(app: &mut App, mut form: Box<Form>, act: Act) -> Vec<Command> {
    let is_last = form.at + 1 >= form.fields.len() && form.body.is_none();
    match act {
        Act::Back => {
            form.forget_secrets();
            if form.is_worth_keeping() {
                if app.aside.len() == MAX_ASIDE {
                    app.aside.remove(0);
                }
                app.aside.push(*form);
                let key = app.keymap.key_of(app.screen_contexts(), Act::Undo).unwrap_or_default();
                say(app, false, format!("Put aside; {key} brings it back."));
            }
            return Vec::new();
        }
        Act::Open if !is_last => {
            form.step(true);
        }
        Act::NextScreen if !form.step(true) => form.at = 0,
        Act::PreviousScreen => {
            form.step(false);
        }
        Act::More => form.change(true),
        Act::Less => form.change(false),
        Act::Undo => form.travel(true),
        Act::Redo => form.travel(false),
        Act::Open | Act::Confirm => return finish(app, form),
        _ => {}
    }
    let asks = form.wants_charter();
    app.popups.push(Popup::Form(form));
    if !asks {
        return Vec::new();
    }
    vec![Command::Ask { purpose: Purpose::Charter, request: Request::Charter }]
}

/// A form is filled in: the review page, or for a file the file at once.
fn finish(app: &mut App, mut form: Box<Form>) -> Vec<Command> {
    if matches!(form.kind, FormKind::Run { .. }) {
        return finish_run(app, form);
    }
    let result = match form.direct() {
        Some(Ok(command)) => {
            app.popups.push(Popup::Form(form));
            app.pending += 1;
            return vec![command];
        }
        Some(Err(problem)) => Err(problem),
        None => form.order(),
    };
    match result {
        Ok(order) => {
            form.problem = None;
            app.popups.push(Popup::Form(form));
            review(app, order)
        }
        Err(problem) => {
            form.problem = Some(problem);
            app.popups.push(Popup::Form(form));
            Vec::new()
        }
    }
}

/// The form of a command is filled in.
fn finish_run(app: &mut App, mut form: Box<Form>) -> Vec<Command> {
    form.problem = None;
    if app.running.is_some() {
        form.problem = Some("A command is being run already; its answer comes first.".to_owned());
        app.popups.push(Popup::Form(form));
        return Vec::new();
    }
    app.popups.push(Popup::Form(form.clone()));
    match run::finish(app, &form) {
        Ok(commands) => commands,
        Err(problem) => {
            if let Some(Popup::Form(form)) = app.popups.last_mut() {
                form.problem = Some(problem);
            }
            Vec::new()
        }
    }
}

/// Opens the review page of an order. What comes of it is on the page before the word can be typed.
fn review(app: &mut App, order: Order) -> Vec<Command> {
    let ask = order.effects_from.clone();
    app.popups.push(Popup::Review(Box::new(Review::new(order))));
    ask.map(|request| Command::Ask { purpose: Purpose::Review, request }).into_iter().collect()
}

/// Keys of the review page.
fn on_review(app: &mut App, mut review: Box<Review>, act: Act) -> Vec<Command> {
    let mut commands = Vec::new();
    match act {
        Act::Back => return commands,
        Act::Confirm => match std::mem::replace(&mut review.step, ReviewStep::Asking) {
            ReviewStep::Ready(effects) if effects.refusal().is_some() => review.step = ReviewStep::Ready(effects),
            ReviewStep::Ready(effects) if review.typed == review.order.word => {
                review.step = ReviewStep::Sending(effects);
                review.problem = None;
                app.pending += 1;
                commands.push(match &review.order.does {
                    Does::Ask(request) => Command::Ask { purpose: Purpose::Order, request: request.clone() },
                    Does::Run(run) => {
                        app.running = Some(run.clone());
                        Command::Run(Box::new(run.clone()))
                    }
                });
            }
            ReviewStep::Ready(effects) => {
                review.step = ReviewStep::Ready(effects);
                review.problem = Some(format!("Type the word {} to do it.", review.order.word));
            }
            other => review.step = other,
        },
        act => review.scroll = scrolled(review.scroll, act, app.scroll_limit),
    }
    app.popups.push(Popup::Review(review));
    commands
}
