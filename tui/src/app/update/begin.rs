//! What an act on a screen begins: mostly a form or a page.

use althing_node::api::{CommentOpinion, Hideable, ProofStatement, ReportFormat, Request, Saying};

use super::{go, review, say};
use crate::app::ballot::Choose;
use crate::app::form::{Form, FormKind, said, stated};
use crate::app::state::{App, Page, Popup};
use crate::app::{Act, Command, Purpose, Screen};

/// Begins what orders something.
pub(super) fn begin(app: &mut App, act: Act) -> Vec<Command> {
    match act {
        Act::Vote => begin_vote(app),
        Act::Propose => form(app, FormKind::Proposal),
        Act::Comment | Act::Reply | Act::Remark | Act::Guard | Act::Deposit => about_proposal(app, act),
        Act::Withdraw => {
            if let Some(proposal) = app.open.clone() {
                return review(app, said("Take my proposal back", Saying::Withdraw { proposal }, "withdraw"));
            }
        }
        Act::Agree | Act::Disagree => return opinion(app, act == Act::Agree),
        Act::Hide => return hide(app),
        Act::Export => {
            if let Some(proposal) = selected_proposal(app) {
                form(app, FormKind::Export { proposal });
            }
        }
        Act::SaveReport => form(app, FormKind::SaveReport),
        Act::Delegate => {
            let name = selected_member(app);
            let form = Form::new(FormKind::Delegate).beginning_with(&name.unwrap_or_default());
            app.popups.push(Popup::Form(Box::new(form)));
        }
        Act::Revoke => form(app, FormKind::Revoke),
        Act::Invite => form(app, FormKind::Invite),
        Act::RotateKey => {
            let effects = vec![
                "The next vote key of this folder's seed speaks for you from now on.".to_owned(),
                "The old one no longer does. Stake, ballots and deposits stay yours.".to_owned(),
                "It is signed by the key of your stake, and cannot be taken back.".to_owned(),
            ];
            return review(app, stated("Replace my vote key", Request::RotateKey, "rotate", effects));
        }
        Act::StakeOpen => form(app, FormKind::StakeOpen),
        Act::StakeClose | Act::ForceClose | Act::Pay => return on_channel(app, act),
        Act::Address => {
            app.pending += 1;
            return vec![Command::Ask { purpose: Purpose::Address, request: Request::WalletAddress }];
        }
        _ => {}
    }
    Vec::new()
}

fn form(app: &mut App, kind: FormKind) {
    app.popups.push(Popup::Form(Box::new(Form::new(kind))));
}

/// Opens what the selected row is about.
pub(super) fn open_selected(app: &mut App) -> Vec<Command> {
    if app.screen == Screen::Chain {
        let place = app.selected_place();
        let link = app.snapshot.as_ref().zip(place).and_then(|(snapshot, place)| snapshot.links.get(place).cloned());
        if let Some(link) = link {
            app.popups.push(Popup::Page { page: Page::Link(Box::new(link)), scroll: 0 });
        }
        return Vec::new();
    }
    match selected_proposal(app) {
        Some(id) => open(app, id),
        None => Vec::new(),
    }
}

/// Opens a proposal; the screen then asks for its discussion.
pub(super) fn open(app: &mut App, id: String) -> Vec<Command> {
    if app.open.as_ref() != Some(&id) {
        (app.discussion, app.comment) = (None, None);
        (app.desk.curve, app.desk.routes, app.desk.before) = (None, None, None);
    }
    app.open = Some(id);
    go(app, Screen::Proposal);
    Vec::new()
}

/// Id of the proposal that the selected row is about, or that is open.
pub(super) fn selected_proposal(app: &App) -> Option<String> {
    let snapshot = app.snapshot.as_deref()?;
    if app.screen == Screen::Proposal {
        return app.open.clone();
    }
    let place = app.selected_place()?;
    match app.screen {
        Screen::Home => app.needs().get(place)?.proposal.clone(),
        Screen::Proposals => snapshot.proposals.get(place).map(|p| p.id.clone()),
        Screen::Ballots => snapshot.ballots.get(place).map(|b| b.proposal.clone()),
        Screen::Treasury => crate::app::treasury(snapshot).get(place).map(|row| row.proposal.id.clone()),
        _ => None,
    }
}

/// Vote key of the selected member.
fn selected_member(app: &App) -> Option<String> {
    if app.screen != Screen::Members {
        return None;
    }
    let snapshot = app.snapshot.as_deref()?;
    snapshot.members.get(app.selected_place()?).map(|member| member.vote_key.clone())
}

/// Opens the choice, on the choice made before if there is one.
fn begin_vote(app: &mut App) {
    let Some(proposal) = selected_proposal(app) else { return };
    let Some(proposal) = app.proposal(&proposal) else { return };
    let choose = Choose::new(proposal);
    app.popups.push(Popup::Choose(Box::new(choose)));
}

/// Forms about the open proposal.
fn about_proposal(app: &mut App, act: Act) {
    let Some(proposal) = app.open.clone() else { return };
    let thread = app.open_proposal().and_then(|p| p.vote.versions.first().cloned()).unwrap_or_else(|| proposal.clone());
    let kind = match act {
        Act::Reply => match app.comment.clone() {
            Some(parent) => FormKind::Comment { proposal, parent: Some(parent) },
            None => {
                say(app, true, "No comment is marked: ] marks the next one.");
                return;
            }
        },
        Act::Remark => FormKind::Remark { proposal },
        Act::Guard => FormKind::Guard { proposal },
        Act::Deposit => FormKind::Deposit { thread },
        _ => FormKind::Comment { proposal, parent: None },
    };
    form(app, kind);
}

/// Marks another comment of the open proposal.
pub(super) fn mark_comment(app: &mut App, forward: bool) {
    let Some(discussion) = app.discussion.as_deref() else { return };
    let order = crate::screen::reading_order(&discussion.comments);
    let Some(last) = order.len().checked_sub(1) else { return };
    let at = app.comment.as_ref().and_then(|id| order.iter().position(|known| known == id));
    let next = match (at, forward) {
        (None, true) => 0,
        (None, false) => last,
        (Some(at), true) => (at + 1).min(last),
        (Some(at), false) => at.saturating_sub(1),
    };
    app.comment = order.get(next).cloned();
}

/// What one thinks of the marked comment. It decides nothing and can be taken back, so it is said at once; saying the same
/// again takes it back.
fn opinion(app: &mut App, agree: bool) -> Vec<Command> {
    let Some(comment) = app.comment.clone() else {
        say(app, true, "No comment is marked: ] marks the next one.");
        return Vec::new();
    };
    let opinion = if agree { CommentOpinion::Up } else { CommentOpinion::Down };
    app.pending += 1;
    let request = Request::Say { saying: Saying::CommentVote { comment, opinion } };
    vec![Command::Ask { purpose: Purpose::Say, request }]
}

/// Hides the marked comment, the open proposal or the selected member on this machine, or shows it again.
fn hide(app: &mut App) -> Vec<Command> {
    let target = match app.screen {
        Screen::Members => {
            let place = app.selected_place();
            let member = app.snapshot.as_ref().zip(place).and_then(|(snapshot, place)| snapshot.members.get(place));
            member.map(|member| (Hideable::Member, member.vote_key.clone(), !member.hidden))
        }
        _ => {
            let marked = app
                .discussion
                .as_deref()
                .zip(app.comment.as_ref())
                .and_then(|(open, id)| open.comments.iter().find(|comment| comment.id == *id));
            match marked {
                Some(comment) => Some((Hideable::Comment, comment.id.clone(), !comment.hidden)),
                None => app.open_proposal().map(|p| (Hideable::Proposal, p.id.clone(), !p.vote.hidden)),
            }
        }
    };
    let Some((what, id, hidden)) = target else { return Vec::new() };
    app.pending += 1;
    vec![Command::Ask { purpose: Purpose::Say, request: Request::Hide { what, id, hidden } }]
}

/// Orders about the selected stake channel.
fn on_channel(app: &mut App, act: Act) -> Vec<Command> {
    let place = if app.screen == Screen::Channels { app.selected_place() } else { None };
    let stake = app.snapshot.as_ref().zip(place).and_then(|(snapshot, place)| snapshot.stakes.get(place).cloned());
    let Some(stake) = stake.filter(|stake| !stake.channel.is_empty()) else {
        say(app, true, "There is no channel here yet.");
        return Vec::new();
    };
    let (channel, amount_sat) = (stake.channel, stake.amount_sat);
    match act {
        Act::Pay => form(app, FormKind::Pay { channel }),
        Act::StakeClose => form(app, FormKind::StakeClose { channel, amount_sat }),
        _ => {
            let effects = vec![
                format!("Closes the channel that holds {}, without the hub.", crate::format::sats(amount_sat)),
                "Your wallet pays for it, more with every block in which it waits.".to_owned(),
                "Your part stays locked for the time agreed at the opening, then comes home by itself.".to_owned(),
                "The weight of this stake is lost. This cannot be taken back.".to_owned(),
            ];
            let request = Request::StakeForceClose { channel };
            return review(app, stated("Close a channel alone", request, "close alone", effects));
        }
    }
    Vec::new()
}

/// Asks for the version before the open proposal.
pub(super) fn diff(app: &mut App) -> Vec<Command> {
    let Some(proposal) = app.open_proposal() else { return Vec::new() };
    let versions = &proposal.vote.versions;
    let before = versions.iter().position(|id| *id == proposal.id).and_then(|at| at.checked_sub(1));
    let Some(id) = before.and_then(|at| versions.get(at)).cloned() else {
        say(app, true, "This is the first version.");
        return Vec::new();
    };
    app.pending += 1;
    vec![Command::Ask { purpose: Purpose::Diff, request: Request::Proposal { id } }]
}

/// Asks why it is true: of my ballot where there is one, else of the sums.
pub(super) fn why(app: &mut App) -> Vec<Command> {
    let Some(id) = selected_proposal(app) else { return Vec::new() };
    let mine = app.proposal(&id).is_some_and(|proposal| proposal.my_ballot.is_some());
    let statement = if mine { ProofStatement::Ballot { member: None } } else { ProofStatement::Tally };
    app.desk.why = None;
    app.popups.push(Popup::Why { at: 0, open: Default::default() });
    app.pending += 1;
    vec![Command::Ask { purpose: Purpose::Why, request: Request::Why { proposal: id, statement } }]
}

/// The report in the form that the end of the file's name asks for.
pub(super) fn report_request(form: &Form) -> Result<Request, String> {
    let file = form.get("File");
    let format = match file.rsplit_once('.').map(|(_, end)| end) {
        Some("md") => ReportFormat::Markdown,
        Some("html") => ReportFormat::Html,
        Some("csv") => ReportFormat::Csv,
        Some("json") => ReportFormat::Json,
        _ => return Err(format!("{file:?} does not end in .md, .html, .csv or .json.")),
    };
    Ok(Request::Report { from: None, to: None, format })
}
