//! Keys of a form, and what comes of it when it is filled in.

use althing_node::api::Request;

use super::{review, say};
use crate::app::form::Form;
use crate::app::state::{App, Popup};
use crate::app::{Act, Command, FormKind, Order, Purpose, run};

/// Drafts that are kept aside.
const MAX_ASIDE: usize = 20;

/// Keys of a form.
pub(super) fn on_form(app: &mut App, mut form: Box<Form>, act: Act) -> Vec<Command> {
    let is_last = form.at + 1 >= form.fields.len() && form.body.is_none();
    match act {
        Act::Back => {
            form.forget_secrets();
            if form.is_worth_keeping() {
                put_aside(app, Popup::Form(form));
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
        Act::Complete => {
            let folder = form.complete();
            app.popups.push(Popup::Form(form));
            return folder.map(Command::Names).into_iter().collect();
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

/// Keeps what was written and not sent (N-201).
pub(super) fn put_aside(app: &mut App, draft: Popup) {
    if app.aside.len() == MAX_ASIDE {
        app.aside.remove(0);
    }
    app.aside.push(draft);
    let key = app.keymap.key_of(app.screen_contexts(), Act::Undo).unwrap_or_default();
    say(app, false, format!("Put aside; {key} brings it back."));
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
        Ok(mut order) => {
            if let (Some(amount_sat), Some(seen)) = (staked(&order), &app.snapshot) {
                if let Some(refusal) = crate::words::stake_refusal(&seen.status, amount_sat) {
                    form.problem = Some(format!("{}.", refusal.message));
                    app.popups.push(Popup::Form(form));
                    return Vec::new();
                }
                order.effects.insert(2, crate::words::staked_from(&seen.status, amount_sat));
                order.effects.extend(crate::words::before_a_stake(&seen.status));
            }
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

/// How much an order stakes, if it does.
fn staked(order: &Order) -> Option<u64> {
    match order.request() {
        Some(Request::StakeOpen { amount_sat, .. }) => Some(*amount_sat),
        _ => None,
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
