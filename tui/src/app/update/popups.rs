//! Keys of what lies over a screen.

use std::collections::BTreeSet;

use super::moving::{go, moved, part, scrolled};
use super::{READ_ONLY, begin, forms, on_act, on_screen, review, say};
use crate::app::ballot::Choose;
use crate::app::form::Form;
use crate::app::order::{Review, ReviewStep};
use crate::app::pick::{Pick, PickOf, Picked};
use crate::app::state::{App, Page, Popup};
use crate::app::{Act, Command, Does, FormKind, Purpose, Screen, run};

/// Keys of a page to read: it is left or scrolled; what else its keys do is about what it shows.
pub(super) fn on_page(app: &mut App, page: Page, scroll: u16, act: Act) -> Vec<Command> {
    if act == Act::Back {
        return Vec::new();
    }
    if let Page::Codes { title, codes, at, moves } = page {
        let last = codes.len().saturating_sub(1);
        let (at, moves) = match act {
            Act::Mark => (at, !moves),
            // Whoever looks at one of them wants it to stay.
            Act::Down => (if at == last { 0 } else { at + 1 }, false),
            Act::Up => (at.checked_sub(1).unwrap_or(last), false),
            _ => (at, moves),
        };
        app.popups.push(Popup::Page { page: Page::Codes { title, codes, at, moves }, scroll });
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
        Act::Copy => match page_text(app) {
            Some((what, text)) => {
                say(
                    app,
                    false,
                    format!("{what} is given to the terminal; if it does not take it, ctrl-s writes a file."),
                );
                vec![Command::Copy(text)]
            }
            None => Vec::new(),
        },
        Act::SavePage if app.readonly => {
            say(app, true, READ_ONLY);
            Vec::new()
        }
        Act::SavePage => {
            if let Some((_, text)) = page_text(app) {
                app.popups.push(Popup::Form(Box::new(Form::new(FormKind::SavePage { text }))));
            }
            Vec::new()
        }
        Act::Run(path) => run::begin(app, path),
        _ if app.readonly => {
            say(app, true, READ_ONLY);
            Vec::new()
        }
        act => begin::begin(app, act),
    }
}

/// What whoever copies the page on top wants of it, and what that is called.
fn page_text(app: &App) -> Option<(&'static str, String)> {
    let Some(Popup::Page { page, .. }) = app.popups.last() else { return None };
    Some(match page {
        Page::Address { address, .. } => ("The address", address.clone()),
        Page::Link(link) => ("The transaction id", link.txid.clone()),
        Page::Session(id) => ("The id of the session", id.clone()),
        Page::Coin(outpoint) => ("The coin", outpoint.clone()),
        Page::Flow(txid) => ("The transaction id", txid.clone()),
        Page::Channel(id) => ("The id of the channel", id.clone()),
        Page::Member(key) => ("The vote key", key.clone()),
        Page::Need(need) => {
            let steps = need.next.iter().map(|step| format!("\n{step}"));
            ("The text", std::iter::once(need.text.clone()).chain(steps).collect())
        }
        Page::Diff(lines) | Page::Told { lines, .. } => ("The text", lines.join("\n")),
        Page::Codes { codes, at, .. } => ("The code", codes.get(*at)?.clone()),
        Page::Help => return None,
    })
}

/// Keys of the page "why is this true?".
pub(super) fn on_why(app: &mut App, at: usize, mut open: BTreeSet<usize>, act: Act) -> Vec<Command> {
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
pub(super) fn on_pick(app: &mut App, mut pick: Box<Pick>, act: Act) -> Vec<Command> {
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
                Some(Picked::Invitation(id)) => run::accept(app, &id),
                None => {
                    let what = match pick.of {
                        PickOf::Command => "No command",
                        PickOf::Folder => "No DAO",
                        PickOf::Invitation => "No invitation",
                    };
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
pub(super) fn on_choose(app: &mut App, mut choose: Box<Choose>, act: Act) -> Vec<Command> {
    match act {
        Act::Back => {
            if choose.is_worth_keeping() {
                forms::put_aside(app, Popup::Choose(choose));
            }
            return Vec::new();
        }
        Act::Choose(row) if choose.takes(act) => choose.go(row),
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
            let (order, unfinished) = (choose.order(), choose.unfinished());
            app.popups.push(Popup::Choose(choose));
            match unfinished {
                Some(why) => say(app, true, format!("This is no ballot yet: {why}.")),
                None => return review(app, order),
            }
            return Vec::new();
        }
        _ => {}
    }
    app.popups.push(Popup::Choose(choose));
    Vec::new()
}

/// Keys of the review page.
pub(super) fn on_review(app: &mut App, mut review: Box<Review>, act: Act) -> Vec<Command> {
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
