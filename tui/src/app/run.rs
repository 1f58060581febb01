//! Commands that are run from the screens: the form, what is known for it here, and what comes of it (N-170, N-171).

use super::form::{Form, FormKind};
use super::order::{Effects, Order, Review, ReviewStep};
use super::pick::Pick;
use super::state::{App, Notice, Page, Popup};
use super::{Command, Does, Screen};
use crate::deeds::{self, Asked, Deed, Ran, Run, Secret};

/// Entries that a random audit looks at, unless another number is put in.
const LOOKED_AT: &str = "100";

/// The command that shows a session as QR codes.
const CODES: &str = "treasury session qr";

/// The command that accepts an invitation.
const ACCEPT: &str = "accept";

/// The field for the password of the keys.
pub(crate) const PASSWORD: &str = "Password";

/// Opens the form of a command, with what is known here put in; one without options is run at once.
pub(super) fn begin(app: &mut App, path: &'static str) -> Vec<Command> {
    if path == ACCEPT && app.open_invitations().count() > 1 {
        let pick = Pick::invitation(app);
        app.popups.push(Popup::Pick(Box::new(pick)));
        return Vec::new();
    }
    filled_in(app, path, None)
}

/// Accepts the invitation of that id.
pub(super) fn accept(app: &mut App, invitation: &str) -> Vec<Command> {
    filled_in(app, ACCEPT, Some(("Invitation", invitation)))
}

/// Opens the form with what is known here put in, and with what was picked.
fn filled_in(app: &mut App, path: &'static str, picked: Option<(&str, &str)>) -> Vec<Command> {
    let Some(deed) = deeds::named(path) else { return Vec::new() };
    let mut form = Form::new(FormKind::Run { path });
    for option in &deed.options {
        if let Some(text) = known(app, deed, option.id) {
            form.put_in(option.label, &text);
        }
    }
    if let Some((label, text)) = picked {
        form.put_in(label, text);
    }
    form.at = form.first_empty();
    // What only shows something is shown at once where it is known of what.
    if form.fields.is_empty() || (path == CODES && form.fields.iter().all(|field| !field.text().is_empty())) {
        return finish(app, &form).unwrap_or_default();
    }
    app.popups.push(Popup::Form(Box::new(form)));
    Vec::new()
}

/// A form is filled in: the command is run, or where it has effects that it does not ask about itself, the review page comes first.
///
/// # Errors
/// What is missing.
pub(super) fn finish(app: &mut App, form: &Form) -> Result<Vec<Command>, String> {
    let FormKind::Run { path } = form.kind else { return Ok(Vec::new()) };
    let Some(deed) = deeds::named(path) else { return Ok(Vec::new()) };
    let line = deed.arguments(|label| form.get(label))?;
    let run = Run { path, line, agreed: None, password: Secret(form.get(PASSWORD).to_owned()), size: app.size };
    match deed.word {
        Some((word, does)) => {
            let asked = Asked { title: deed.about.to_owned(), effects: vec![does.to_owned()], word: word.to_owned() };
            let order = Order { does: Does::Run(run.clone()), ..Order::of_run(run, asked) };
            app.popups.push(Popup::Review(Box::new(Review::new(order))));
            Ok(Vec::new())
        }
        None => {
            app.pending += 1;
            app.running = Some(run.clone());
            Ok(vec![Command::Run(Box::new(run))])
        }
    }
}

/// What came of a command: its review page, its answer as a page, or why it was not done.
pub(super) fn on_ran(app: &mut App, ran: Ran) -> Vec<Command> {
    app.pending = app.pending.saturating_sub(1);
    let Some(run) = app.running.take() else { return Vec::new() };
    match ran {
        Ran::Asks(asked) => asks(app, run, asked),
        Ran::Failed(why) => failed(app, why),
        Ran::Done { code, lines, codes, settings } => {
            if let Some(settings) = settings {
                app.take_settings(*settings);
            }
            app.popups.retain(|popup| !matches!(popup, Popup::Review(_) | Popup::Form(_)));
            let title = deeds::named(run.path).map_or(run.path, |deed| deed.about).to_owned();
            if !codes.is_empty() {
                let moves = codes.len() > 1;
                app.popups.push(Popup::Page { page: Page::Codes { title, codes, at: 0, moves }, scroll: 0 });
                return app.wants();
            }
            match lines.as_slice() {
                [line] if code == 0 && crate::text::width(line) <= 76 => {
                    app.notice = Some(Notice::new(false, line.clone()));
                }
                [] if code == 0 => app.notice = Some(Notice::new(false, "Done.")),
                _ => app.popups.push(Popup::Page { page: Page::Told { title, lines, code }, scroll: 0 }),
            }
            return app.wants();
        }
    }
    Vec::new()
}

/// The review page of a command; where what it does has changed since it was read, the same page again.
fn asks(app: &mut App, run: Run, asked: Asked) {
    let read_before = run.agreed.is_some();
    app.popups.retain(|popup| !matches!(popup, Popup::Review(_)));
    let mut review = Review::new(Order::of_run(run, asked));
    if read_before {
        review.problem = Some("What it does has changed since you read it: read it again.".to_owned());
    }
    app.popups.push(Popup::Review(Box::new(review)));
}

/// Says why it was not done, where it was asked for; what was put in stays.
fn failed(app: &mut App, why: String) {
    match app.popups.last_mut() {
        Some(Popup::Review(review)) => {
            review.problem = Some(why);
            review.step = ReviewStep::Ready(Effects::Stated);
        }
        Some(Popup::Form(form)) => form.problem = Some(why),
        _ => app.notice = Some(Notice::new(true, why)),
    }
}

/// What an option is likely to be, by where the keyboard is.
fn known(app: &App, deed: &Deed, option: &str) -> Option<String> {
    let snapshot = app.snapshot.as_deref();
    let proposal = || {
        let id = app.proposal_here()?;
        app.proposal(&id).map(|proposal| format!("#{}", proposal.number))
    };
    match (deed.path, option) {
        (ACCEPT, "invitation") => app.open_invitations().next().map(|one| one.id.clone()),
        ("force", "entry") => Some("last".to_owned()),
        ("proof export", "statement") => Some("tally".to_owned()),
        ("audit", "random") => Some(LOOKED_AT.to_owned()),
        ("verify" | "audit" | "psbt check", "own") => Some(deeds::SWITCH[1].to_owned()),
        ("tower remove", "address") => {
            let stakes = app.stakes().iter().filter_map(|stake| stake.keeping.as_deref());
            stakes.flat_map(|keeping| &keeping.towers).next().map(|tower| tower.tower.clone())
        }
        ("proposal show", "id") | (_, "proposal") => proposal(),
        (_, "channel") => app.stake_here().map(|stake| stake.channel),
        (_, "epoch") if app.screen == Screen::Chain => app.link_here().map(|link| link.epoch.to_string()),
        (_, "session") => app.session_here().map(|session| session.id.clone()),
        (_, "outpoint") => app.coin_here().map(|coin| coin.outpoint.clone()),
        (_, "network") => snapshot.map(|snapshot| snapshot.status.network.clone()),
        _ => None,
    }
}
