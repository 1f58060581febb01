//! What an act on a screen begins: mostly a form or a page.

use althing_node::api::{
    Ballot, Body, CommentOpinion, Hideable, Link, ProofStatement, ProposalState, Request, Saying, Stake,
};

use althing_node::stakes::DEFAULT_CLOSE_FEE_SAT;

use super::{go, part, review, say, treasury};
use crate::app::ballot::Choose;
use crate::app::form::{Form, FormKind, said, stated};
use crate::app::possible::{IS_A_HUB, NOT_AT_A_HUB, is_a_members, is_of_treasury};
use crate::app::state::{App, Page, Popup};
use crate::app::{Act, Command, Purpose, Screen, Section};
use crate::format::{cost_alone, parse_weight, percent, thousands};

/// Begins what orders something.
pub(super) fn begin(app: &mut App, act: Act) -> Vec<Command> {
    if app.is_hub() && is_a_members(act) {
        let is_vote = matches!(act, Act::Vote | Act::VoteAsTreasurer);
        say(app, true, if is_vote { IS_A_HUB } else { NOT_AT_A_HUB });
        return Vec::new();
    }
    match act {
        Act::Vote => begin_vote(app, treasurers_row(app)),
        Act::VoteAsTreasurer => begin_vote(app, true),
        Act::Propose => {
            let voted_by = app.snapshot.as_deref().map(|snapshot| snapshot.voted_by.as_slice()).unwrap_or_default();
            let form = Form::of_proposal(voted_by);
            app.popups.push(Popup::Form(Box::new(form)));
        }
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
        Act::SendCoins => form(app, FormKind::SendCoins),
        Act::StakeClose | Act::ForceClose | Act::Pay | Act::TopUp | Act::TakeOut => return on_channel(app, act),
        Act::Backup => form(app, FormKind::Backup),
        Act::Bump if app.screen != Screen::Treasury => form(app, FormKind::LinkBump),
        Act::LinkFile => form(app, FormKind::LinkFile),
        Act::Timestamp => {
            if let Some(link) = app.link_here() {
                form(app, FormKind::Timestamp { epoch: link.epoch });
            }
        }
        _ if is_of_treasury(act) => return treasury::begin(app, act),
        Act::Address => {
            app.pending += 1;
            return vec![Command::Ask { purpose: Purpose::Address, request: Request::WalletAddress }];
        }
        _ => {}
    }
    Vec::new()
}

pub(super) fn form(app: &mut App, kind: FormKind) {
    app.popups.push(Popup::Form(Box::new(Form::new(kind))));
}

/// Opens what the selected row is about.
pub(super) fn open_selected(app: &mut App) -> Vec<Command> {
    let page = match app.screen {
        Screen::Chain => app.link_here().map(|link| Page::Link(Box::new(link))),
        Screen::Channels => app.stake_here().map(|stake| Page::Channel(stake.channel)),
        Screen::Treasury => treasury::page(app),
        Screen::Members => {
            let members = app.snapshot.as_deref().map(|snapshot| &snapshot.members);
            let member = members.zip(app.selected_place()).and_then(|(members, place)| members.get(place));
            member.map(|member| Page::Member(member.vote_key.clone()))
        }
        Screen::Home => {
            let need = app.selected_place().and_then(|place| app.needs().get(place).cloned());
            if let Some(channel) = need.as_ref().and_then(|need| need.channel.clone()) {
                go(app, Screen::Channels);
                app.selections.stakes = app.stakes().iter().position(|stake| stake.channel == channel).unwrap_or(0);
                return Vec::new();
            }
            if let Some(session) = need.as_ref().and_then(|need| need.session.clone()) {
                go(app, Screen::Treasury);
                app.section = Section::Sessions;
                app.popups.push(Popup::Page { page: Page::Session(session), scroll: 0 });
                return Vec::new();
            }
            if let Some(proposal) = need.as_ref().and_then(|need| need.payment.clone()) {
                to_payment(app, &proposal);
                return Vec::new();
            }
            need.filter(|need| need.proposal.is_none()).map(|need| Page::Need(Box::new(need)))
        }
        _ => None,
    };
    match (page, selected_proposal(app)) {
        (Some(page), _) => app.popups.push(Popup::Page { page, scroll: 0 }),
        (None, Some(id)) => return open(app, id),
        (None, None) => {}
    }
    Vec::new()
}

/// To the row of a payment; `o` opens its session there.
fn to_payment(app: &mut App, proposal: &str) {
    part(app, Section::Payments);
    app.filters.remove(&Screen::Treasury);
    let snapshot = app.snapshot.as_deref();
    let row = snapshot.and_then(|seen| crate::app::treasury(seen).iter().position(|row| row.proposal.id == proposal));
    app.selections.treasury[Section::Payments as usize] = row.unwrap_or(0);
    say(app, false, "o opens a signing session for this payment.");
}

impl App {
    /// The link that the keyboard is on.
    pub(in crate::app) fn link_here(&self) -> Option<Link> {
        if let Some(Popup::Page { page: Page::Link(link), .. }) = self.popups.last() {
            return Some(link.as_ref().clone());
        }
        let place = self.selected_place().filter(|_| self.screen == Screen::Chain)?;
        self.snapshot.as_deref()?.links.get(place).cloned()
    }

    /// The stake channel that the keyboard is on.
    pub(in crate::app) fn stake_here(&self) -> Option<Stake> {
        if let Some(Popup::Page { page: Page::Channel(id), .. }) = self.popups.last() {
            return self.stakes().iter().find(|stake| stake.channel == *id).cloned();
        }
        self.stakes().get(self.selected_place().filter(|_| self.screen == Screen::Channels)?).cloned()
    }

    /// Id of the proposal that the selected row is about, or that is open.
    pub(in crate::app) fn proposal_here(&self) -> Option<String> {
        selected_proposal(self)
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
fn selected_proposal(app: &App) -> Option<String> {
    let snapshot = app.snapshot.as_deref()?;
    if app.screen == Screen::Proposal {
        return app.open.clone();
    }
    let place = app.selected_place()?;
    match app.screen {
        Screen::Home => app.needs().get(place)?.proposal.clone(),
        Screen::Proposals => snapshot.proposals.get(place).map(|p| p.id.clone()),
        Screen::Ballots => snapshot.ballots.get(place).map(|b| b.proposal.clone()),
        Screen::Treasury => treasury::proposal(app, snapshot, place),
        _ => None,
    }
}

/// The selected member, if somebody else: by name, where that is plain and nobody else has it, else by vote key.
fn selected_member(app: &App) -> Option<String> {
    if app.screen != Screen::Members {
        return None;
    }
    let snapshot = app.snapshot.as_deref()?;
    let members = &snapshot.members;
    let member = members.get(app.selected_place()?)?;
    if snapshot.status.member.as_ref().is_some_and(|me| me.vote_key == member.vote_key) {
        return None;
    }
    let is_plain = !member.name.is_empty() && member.name.chars().all(char::is_alphanumeric);
    let is_alone =
        !member.is_double && members.iter().filter(|other| other.name.eq_ignore_ascii_case(&member.name)).count() == 1;
    Some(if is_plain && is_alone { member.name.clone() } else { member.vote_key.clone() })
}

/// Whether the selected row is a ballot that the treasury key cast.
fn treasurers_row(app: &App) -> bool {
    ballot_here(app).is_some_and(|ballot| ballot.as_treasurer)
}

/// The ballot that the keyboard is on, of the list of ballots.
fn ballot_here(app: &App) -> Option<&Ballot> {
    let place = app.selected_place().filter(|_| app.screen == Screen::Ballots)?;
    app.snapshot.as_deref()?.ballots.get(place)
}

/// Opens the choice, on the choice made before if there is one.
fn begin_vote(app: &mut App, as_treasurer: bool) {
    let Some(proposal) = selected_proposal(app) else { return };
    let Some(proposal) = app.proposal(&proposal) else { return };
    let number = proposal.number;
    match &proposal.vote.treasurers {
        _ if !as_treasurer && !crate::sums::counts_mine(proposal) => {
            let who = crate::sums::bodies_heading(proposal).unwrap_or_default();
            return say(app, true, format!("N-130: on #{number} {who}; a ballot of yours would decide nothing."));
        }
        _ if !as_treasurer => {}
        Some(body) if body.i_am_one => {}
        Some(_) => {
            return say(app, true, "The treasury key of this folder is none of the treasurers who decide on it.");
        }
        None => return say(app, true, format!("The treasurers are no body that decides on #{number}: v votes.")),
    }
    let opens = proposal.heights.map_or(0, |heights| heights.open_height);
    match proposal.state {
        ProposalState::Voting => {}
        ProposalState::Logged | ProposalState::Review => {
            let text =
                format!("Voting on #{number} has not begun: it opens at height {}.", thousands(u128::from(opens)));
            say(app, true, text);
            return;
        }
        state => {
            let text = format!("Voting on #{number} is over: it is {}.", crate::words::state(state));
            say(app, true, text);
            return;
        }
    }
    // A ballot that was put aside is taken up again: what was written there was meant for this vote.
    let is_of_it = |draft: &Popup| matches!(draft, Popup::Choose(kept) if kept.proposal == proposal.id && kept.as_treasurer == as_treasurer);
    let draft = app.aside.iter().rposition(is_of_it);
    let fresh = if as_treasurer { Choose::of_treasurer(proposal) } else { Choose::new(proposal) };
    let draft = draft.map(|place| app.aside.remove(place));
    app.popups.push(draft.unwrap_or_else(|| Popup::Choose(Box::new(fresh))));
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
    let stake = app.stake_here();
    let Some(stake) = stake.filter(|stake| !stake.channel.is_empty()) else {
        say(app, true, "There is no channel here yet.");
        return Vec::new();
    };
    let lost = lost_weight(app, &stake);
    let fee_sat = stake.detail.as_ref().map_or(DEFAULT_CLOSE_FEE_SAT, |detail| detail.close_fee_sat);
    let votes = stake.detail.as_ref().map_or(0, |detail| detail.votes_with);
    let paying_sat = stake.detail.as_ref().map_or(0, |detail| detail.paying_sat);
    let doubts = stake.detail.as_ref().map(|detail| detail.doubts.clone()).unwrap_or_default();
    let spendable_sat = stake.detail.as_ref().map_or(0, |detail| detail.spendable_sat);
    let (channel, amount_sat) = (stake.channel, stake.amount_sat);
    let other = if app.is_hub() { "the member" } else { "the hub" };
    match act {
        Act::Pay => form(app, FormKind::Pay { channel, spendable_sat, paying_sat }),
        Act::TopUp => form(app, FormKind::TopUp { channel }),
        Act::TakeOut => form(app, FormKind::TakeOut { channel }),
        Act::StakeClose => form(app, FormKind::StakeClose { channel, amount_sat, fee_sat, lost }),
        // N-191
        _ if votes > 0 => {
            let effects = vec![
                format!(
                    "Takes home now what the close of {other} has left you of {}.",
                    crate::format::sats(amount_sat)
                ),
                format!("It no longer weighs in the votes under way that it is on the roll of: {votes}."),
            ];
            let request = Request::StakeForceClose { channel, newest: false };
            return review(app, stated("Take home what a close left", request, "take home", effects));
        }
        _ => {
            let mut effects = vec![
                format!("Closes the channel that holds {}, without {other}.", crate::format::sats(amount_sat)),
                match stake.detail.as_deref() {
                    Some(detail) => {
                        format!("Your wallet pays {}.", cost_alone(detail))
                    }
                    None => "Your wallet pays for it, more with every block in which it waits.".to_owned(),
                },
                "Your part stays locked for the time agreed at the opening, then comes home by itself.".to_owned(),
                lost,
                "This cannot be taken back.".to_owned(),
            ];
            // C-150: another word where nobody has shown that the folder is the newest.
            let newest = !doubts.is_empty();
            effects.extend(doubts);
            let request = Request::StakeForceClose { channel, newest };
            let word = if newest { crate::cli::NEWEST } else { "close alone" };
            return review(app, stated("Close a channel alone", request, word, effects));
        }
    }
    Vec::new()
}

/// What weight is lost with a stake, in a sentence.
pub(crate) fn lost_weight(app: &App, stake: &Stake) -> String {
    let own = app.snapshot.as_ref().and_then(|snapshot| snapshot.status.member.as_ref()?.weight.clone());
    let total = app.snapshot.iter().flat_map(|snapshot| &snapshot.members);
    let total = total.filter_map(|member| parse_weight(member.weight.as_deref()?)).fold(0u128, u128::saturating_add);
    let whose = if app.is_hub() { "the member's" } else { "your" };
    // What the node says of this channel; else all there is.
    let known = stake.detail.as_ref().map(|detail| detail.weight_lost.clone());
    match known.unwrap_or(own).as_deref().and_then(parse_weight) {
        Some(lost) => format!(
            "Up to {} of {whose} weight, {} of the roll, is lost from the next roll on, and votes decided after the coins are \
             spent do not count it.",
            thousands(lost),
            percent(lost, total)
        ),
        None => "No roll has its weight yet, so none is lost.".to_owned(),
    }
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

/// Asks why it is true: of the ballot that the keyboard is on, else of mine where there is one, else of the sums.
pub(super) fn why(app: &mut App) -> Vec<Command> {
    if let Some(link) = app.link_here() {
        app.desk.why = None;
        app.popups.push(Popup::Why { at: 0, open: Default::default() });
        app.pending += 1;
        return vec![Command::Ask { purpose: Purpose::Why, request: Request::WhyLink { epoch: link.epoch } }];
    }
    let Some(id) = selected_proposal(app) else { return Vec::new() };
    let mine = app.proposal(&id).is_some_and(|proposal| proposal.my_ballot.is_some());
    let statement = match (treasurers_row(app), mine) {
        (true, _) => ProofStatement::Ballot { member: None, body: Some(Body::Treasurers) },
        (false, true) => ProofStatement::Ballot { member: None, body: None },
        (false, false) => ProofStatement::Tally,
    };
    // The row that the keyboard is on, which may be one that a later ballot replaced.
    let row = ballot_here(app).map(|ballot| ballot.position);
    if row == Some(None) {
        say(app, true, "The hub has not acknowledged this ballot yet, so nothing leads from it to a block.");
        return Vec::new();
    }
    let statement = match (row, statement) {
        (Some(_), ProofStatement::Tally) => ProofStatement::Ballot { member: None, body: None },
        (_, statement) => statement,
    };
    app.desk.why = None;
    app.popups.push(Popup::Why { at: 0, open: Default::default() });
    app.pending += 1;
    let request = Request::Why { proposal: id, statement, entry: row.flatten() };
    vec![Command::Ask { purpose: Purpose::Why, request }]
}
