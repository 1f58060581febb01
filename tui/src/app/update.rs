//! The one place where the application changes.

use althing_node::api::{Reply, Request, Snapshot};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::ballot::Choose;
use super::state::{App, Notice, Popup, Review, ReviewStep, Write, WriteKind};
use super::{Act, Action, Command, Purpose, Report, Screen};
use crate::untrusted::{Untrusted, is_showable};

mod writing;

/// The word that casts a ballot.
pub const CASTING_WORD: &str = "vote";

/// Rows of a page in a list, lines of a page in a text.
const PAGE: usize = 10;

/// Longest public reason, as the node takes it.
const MAX_REASON_BYTES: usize = 1024;

/// Longest word or filter that can be typed.
const MAX_INPUT_BYTES: usize = 128;

/// Screens that can be gone back through.
const MAX_BACK: usize = 32;

/// Changes the application and says what is to be done.
pub fn update(app: &mut App, action: Action) -> Vec<Command> {
    match action {
        Action::Act(act) => on_act(app, act),
        Action::Type(key) => {
            typed(app, key);
            Vec::new()
        }
        Action::Paste(text) => {
            pasted(app, &text);
            Vec::new()
        }
        Action::Report(report) => on_report(app, report),
    }
}

/// A key with a meaning: the popup on top has it, else the screen.
fn on_act(app: &mut App, act: Act) -> Vec<Command> {
    if act == Act::Quit {
        app.leaving = true;
        return Vec::new();
    }
    app.notice = None;
    match app.popups.pop() {
        None => on_screen(app, act),
        Some(Popup::Help { scroll }) => {
            if act != Act::Back {
                app.popups.push(Popup::Help { scroll: scrolled(scroll, act, app.scroll_limit) });
            }
            Vec::new()
        }
        Some(Popup::Choose(choose)) => on_choose(app, choose, act),
        Some(Popup::Review(review)) => on_review(app, review, act),
        Some(Popup::Write(write)) => writing::on_write(app, write, act),
    }
}

/// An act on a screen without a popup.
fn on_screen(app: &mut App, act: Act) -> Vec<Command> {
    match act {
        Act::Go(screen) => go(app, screen),
        Act::NextScreen => go_tab(app, 1),
        Act::PreviousScreen => go_tab(app, Screen::TABS.len() - 1),
        Act::Back => back(app),
        Act::Help => app.popups.push(Popup::Help { scroll: 0 }),
        Act::Filter => app.filtering = true,
        Act::Confirm => app.filtering = false,
        Act::Propose => app.popups.push(Popup::Write(Box::new(Write::new(WriteKind::Proposal)))),
        Act::Comment => {
            if let Some(proposal) = app.open.clone() {
                app.popups.push(Popup::Write(Box::new(Write::new(WriteKind::Comment { proposal }))));
            }
        }
        Act::Vote => begin_vote(app),
        Act::Open => return open_selected(app),
        Act::Down | Act::Up | Act::PageDown | Act::PageUp | Act::First | Act::Last => {
            if app.screen == Screen::Proposal {
                app.scroll = scrolled(app.scroll, act, app.scroll_limit);
            } else {
                select(app, act);
            }
        }
        Act::Quit | Act::Choose(_) | Act::Mark | Act::More | Act::Less | Act::Raise | Act::Lower => {}
    }
    Vec::new()
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

/// Moves the selected row of the list on the screen.
fn select(app: &mut App, act: Act) {
    let last = app.row_count().saturating_sub(1);
    let row = app.selected_mut();
    *row = match act {
        Act::Down => row.saturating_add(1),
        Act::Up => row.saturating_sub(1),
        Act::PageDown => row.saturating_add(PAGE),
        Act::PageUp => row.saturating_sub(PAGE),
        Act::First => 0,
        Act::Last => last,
        _ => *row,
    }
    .min(last);
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
    if app.filtering || (app.screen == Screen::Proposals && !app.filter.is_empty()) {
        app.filtering = false;
        app.filter.clear();
    } else {
        app.screen = app.back.pop().unwrap_or(Screen::Home);
    }
    app.scroll = 0;
}

/// Opens the proposal that the selected row is about.
fn open_selected(app: &mut App) -> Vec<Command> {
    let Some(id) = selected_proposal(app) else {
        return Vec::new();
    };
    open(app, id)
}

/// Opens a proposal and asks for its discussion.
fn open(app: &mut App, id: String) -> Vec<Command> {
    if app.discussion.as_ref().is_some_and(|p| p.id != id) {
        app.discussion = None;
    }
    app.open = Some(id.clone());
    go(app, Screen::Proposal);
    vec![Command::Ask { purpose: Purpose::Discussion, request: Request::Proposal { id } }]
}

/// Id of the proposal that the selected row is about, or that is open.
fn selected_proposal(app: &App) -> Option<String> {
    let snapshot = app.snapshot.as_deref()?;
    match app.screen {
        Screen::Home => app.needs().get(app.selections.needs)?.proposal.clone(),
        Screen::Proposals => app.listed().get(app.selections.proposals).map(|p| p.id.clone()),
        Screen::Proposal => app.open.clone(),
        Screen::Ballots => snapshot.ballots.get(app.selections.ballots).map(|b| b.proposal.clone()),
        Screen::Chain | Screen::Members | Screen::Stake => None,
    }
}

/// Opens the choice, on the choice made before if there is one.
fn begin_vote(app: &mut App) {
    let Some(proposal) = selected_proposal(app) else {
        return;
    };
    let Some(proposal) = app.proposal(&proposal) else {
        return;
    };
    let choose = Choose::new(proposal);
    app.popups.push(Popup::Choose(Box::new(choose)));
}

/// Keys of the ballot being filled in.
fn on_choose(app: &mut App, mut choose: Box<Choose>, act: Act) -> Vec<Command> {
    match act {
        Act::Back => return Vec::new(),
        Act::Choose(row) => choose.go(row),
        Act::Down => choose.down(),
        Act::Up => choose.up(),
        Act::Mark => choose.mark(),
        Act::More => choose.change(true),
        Act::Less => choose.change(false),
        Act::Raise => choose.shift(true),
        Act::Lower => choose.shift(false),
        Act::Confirm => return ask_review(app, *choose),
        _ => {}
    }
    app.popups.push(Popup::Choose(choose));
    Vec::new()
}

/// Goes on to the review page, which stays empty until the node has worked out the effects.
fn ask_review(app: &mut App, choose: Choose) -> Vec<Command> {
    let choice = choose.choice();
    let reason = choose.reason.trim();
    app.popups.push(Popup::Review(Box::new(Review {
        proposal: choose.proposal.clone(),
        choice: choice.clone(),
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        step: ReviewStep::Asking,
        typed: String::new(),
        scroll: 0,
        problem: None,
    })));
    vec![Command::Ask {
        purpose: Purpose::Review,
        request: Request::BallotReview { proposal: choose.proposal, choice },
    }]
}

/// Keys of the review page.
fn on_review(app: &mut App, mut review: Box<Review>, act: Act) -> Vec<Command> {
    let mut commands = Vec::new();
    match act {
        // A ballot that was given to the node is cast, whether or not the page stays.
        Act::Back => return commands,
        Act::Confirm => match std::mem::replace(&mut review.step, ReviewStep::Asking) {
            ReviewStep::Ready(effects) if effects.refusal.is_some() => {
                review.step = ReviewStep::Ready(effects);
            }
            ReviewStep::Ready(effects) if review.typed.trim() == CASTING_WORD => {
                review.step = ReviewStep::Sending(effects);
                review.problem = None;
                commands.push(Command::Ask {
                    purpose: Purpose::Cast,
                    request: Request::Vote {
                        proposal: review.proposal.clone(),
                        choice: review.choice.clone(),
                        reason: review.reason.clone(),
                    },
                });
            }
            ReviewStep::Ready(effects) => {
                review.step = ReviewStep::Ready(effects);
                review.problem = Some(format!("Type the word {CASTING_WORD} to cast this ballot."));
            }
            other => review.step = other,
        },
        act => review.scroll = scrolled(review.scroll, act, app.scroll_limit),
    }
    app.popups.push(Popup::Review(review));
    commands
}

/// A key that types.
fn typed(app: &mut App, key: KeyEvent) {
    app.notice = None;
    if let Some(Popup::Write(write)) = app.popups.last_mut()
        && !write.on_title
    {
        if !write.sending {
            write.body.input(key);
        }
        return;
    }
    let Some((line, limit)) = line_input(app) else {
        return;
    };
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
    if app.filtering {
        // Another filter, another list: the old row means nothing in it.
        app.selections.proposals = 0;
    }
}

/// Pasted text goes where typed text goes, without characters that cannot be seen.
fn pasted(app: &mut App, text: &str) {
    let keep = |c: &char| *c == '\n' || is_showable(*c);
    let visible: String = text.chars().filter(keep).collect();
    let hidden = text.chars().count() - visible.chars().count();
    if let Some(Popup::Write(write)) = app.popups.last_mut()
        && !write.on_title
    {
        write.body.insert_str(&visible);
    } else if let Some((line, limit)) = line_input(app) {
        for c in visible.chars().filter(|c| *c != '\n') {
            if line.len() + c.len_utf8() <= limit {
                line.push(c);
            }
        }
    } else {
        return;
    }
    if hidden > 0 {
        app.notice = Some(Notice {
            is_trouble: true,
            text: format!("{hidden} invisible characters of the pasted text were left out."),
        });
    }
}

/// The one-line text that has the keyboard, and the most bytes it may have.
fn line_input(app: &mut App) -> Option<(&mut String, usize)> {
    match app.popups.last_mut() {
        None if app.filtering => Some((&mut app.filter, MAX_INPUT_BYTES)),
        Some(Popup::Choose(choose)) if choose.row == choose.reason_row() => {
            Some((&mut choose.reason, MAX_REASON_BYTES))
        }
        Some(Popup::Review(review)) => Some((&mut review.typed, MAX_INPUT_BYTES)),
        Some(Popup::Write(write)) if write.on_title && !write.sending => {
            Some((&mut write.title, writing::MAX_TITLE_BYTES))
        }
        _ => None,
    }
}

/// News from the worker.
fn on_report(app: &mut App, report: Report) -> Vec<Command> {
    match report {
        Report::Snapshot(snapshot) => on_snapshot(app, snapshot),
        Report::NoSnapshot(error) => {
            app.trouble = Some(Untrusted::new(&error.message).line());
            Vec::new()
        }
        Report::Answer { purpose, result } => {
            on_answer(app, purpose, result);
            Vec::new()
        }
    }
}

/// A new snapshot: the rows keep what they were on, and an open discussion is asked for again.
fn on_snapshot(app: &mut App, snapshot: Box<Snapshot>) -> Vec<Command> {
    let proposal = app.listed().get(app.selections.proposals).map(|p| p.id.clone());
    let ballot = app
        .snapshot
        .as_ref()
        .and_then(|s| s.ballots.get(app.selections.ballots))
        .map(|b| (b.proposal.clone(), b.sequence));
    let a_block_came =
        app.snapshot.as_ref().is_some_and(|before| before.status.tip_height != snapshot.status.tip_height);
    if a_block_came && app.notice.as_ref().is_some_and(|notice| !notice.is_trouble) {
        // Good news is told by the screens themselves by now.
        app.notice = None;
    }
    app.snapshot = Some(snapshot);
    app.trouble = None;
    if let Some(row) = proposal.and_then(|id| app.listed().iter().position(|p| p.id == id)) {
        app.selections.proposals = row;
    }
    if let (Some((id, sequence)), Some(snapshot)) = (ballot, &app.snapshot)
        && let Some(row) = snapshot.ballots.iter().position(|b| b.proposal == id && b.sequence == sequence)
    {
        app.selections.ballots = row;
    }
    match &app.open {
        Some(id) if app.screen == Screen::Proposal => {
            vec![Command::Ask { purpose: Purpose::Discussion, request: Request::Proposal { id: id.clone() } }]
        }
        _ => Vec::new(),
    }
}

/// An answer, put where it belongs. An answer nobody waits for any more is dropped.
fn on_answer(app: &mut App, purpose: Purpose, result: Result<Reply, althing_node::api::ApiError>) {
    match (purpose, result) {
        (Purpose::Discussion, Ok(Reply::Proposal(proposal))) => {
            if app.open.as_deref() == Some(proposal.id.as_str()) {
                app.discussion = Some(proposal);
            }
        }
        (Purpose::Review, Ok(Reply::BallotReview(effects))) => {
            if let Some(Popup::Review(review)) = app.popups.last_mut()
                && review.proposal == effects.proposal.id
                && review.choice == effects.choice
            {
                review.step = ReviewStep::Ready(effects);
            }
        }
        (Purpose::Cast, Ok(Reply::Ballot(ballot))) => {
            app.popups.retain(|popup| !matches!(popup, Popup::Review(_)));
            app.notice = Some(Notice {
                is_trouble: false,
                text: format!("Ballot cast: {}. {}", ballot.choice, Untrusted::new(&ballot.words)),
            });
        }
        (Purpose::Publish, Ok(Reply::Comment(_) | Reply::Proposal(_))) => {
            app.popups.retain(|popup| !matches!(popup, Popup::Write(_)));
            app.notice = Some(Notice { is_trouble: false, text: "Published to the log.".to_owned() });
        }
        (purpose, Ok(_)) => {
            failed(app, purpose, "The node gave an answer of another kind than was asked.".to_owned());
        }
        (purpose, Err(error)) => {
            let text = Untrusted::new(&error.message).line();
            let text = match &error.rule {
                Some(rule) if !error.message.contains(rule.as_str()) => format!("{text} ({})", Untrusted::new(rule)),
                _ => text,
            };
            failed(app, purpose, text);
        }
    }
}

/// Says what went wrong where the question was asked; what was typed stays.
fn failed(app: &mut App, purpose: Purpose, text: String) {
    match (purpose, app.popups.last_mut()) {
        (Purpose::Review | Purpose::Cast, Some(Popup::Review(review))) => {
            review.problem = Some(text);
            review.step = match std::mem::replace(&mut review.step, ReviewStep::Asking) {
                ReviewStep::Sending(effects) => ReviewStep::Ready(effects),
                other => other,
            };
        }
        (Purpose::Publish, Some(Popup::Write(write))) => {
            write.sending = false;
            write.problem = Some(text);
        }
        _ => app.notice = Some(Notice { is_trouble: true, text }),
    }
}
