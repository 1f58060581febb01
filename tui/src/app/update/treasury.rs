//! What an act on the treasury begins.

use althing_node::api::{Request, SessionView, Snapshot, TreasuryRequest};

use super::begin::form;
use super::{review, say};
use crate::app::desk::of_treasury;
use crate::app::form::FormKind;
use crate::app::order::{Does, Order};
use crate::app::state::{App, Page};
use crate::app::treasury::{Section, Stage, is_paid};
use crate::app::{Act, Command, Purpose};
use crate::untrusted::Untrusted;

/// Begins what orders something of the treasury.
pub(super) fn begin(app: &mut App, act: Act) -> Vec<Command> {
    match act {
        Act::SessionOpen => {
            let payments = payable(app);
            match waits(app).filter(|_| payments.is_empty()) {
                Some(why) => say(app, true, why),
                None => form(app, FormKind::SessionOpen { payments }),
            }
        }
        Act::Housekeeping => form(app, FormKind::Housekeeping),
        Act::TakeSession => form(app, FormKind::TakeSession),
        Act::TreasuryAddress => {
            app.pending += 1;
            let request = of_treasury(TreasuryRequest::Address);
            return vec![Command::Ask { purpose: Purpose::Address, request }];
        }
        Act::Freeze => return freeze(app),
        _ => return about_session(app, act),
    }
    Vec::new()
}

/// Forms and orders about the session that the keyboard is on.
fn about_session(app: &mut App, act: Act) -> Vec<Command> {
    let Some(session) = app.session_here().map(|session| session.id.clone()) else {
        say(app, true, "No session is here: ] goes to the sessions, o on a payment opens one.");
        return Vec::new();
    };
    match act {
        Act::Sign => return review(app, on_session("Sign with my treasury key", session, true)),
        Act::Broadcast => return review(app, on_session("Broadcast a transaction of the treasury", session, false)),
        Act::Refuse => form(app, FormKind::SessionRefuse { session }),
        Act::SessionComment => form(app, FormKind::SessionComment { session }),
        Act::Bump => form(app, FormKind::SessionBump { session }),
        Act::SaveSession => form(app, FormKind::SaveSession { session }),
        _ => {}
    }
    Vec::new()
}

/// An order about a session. Its effects are what the node's check says of the transaction now, not what a list said before.
fn on_session(title: &str, session: String, signs: bool) -> Order {
    let effects_from = Some(of_treasury(TreasuryRequest::Session { session: session.clone() }));
    let about = if signs { TreasuryRequest::Sign { session } } else { TreasuryRequest::Broadcast { session } };
    let word = if signs { "sign" } else { "broadcast" };
    let does = Does::Ask(of_treasury(about));
    Order { title: title.to_owned(), does, word: word.into(), effects_from, effects: Vec::new(), text: None }
}

/// Whether this is what an order about a session waits for.
pub(super) fn is_of(order: Option<&Request>, session: &SessionView) -> Option<bool> {
    match order? {
        Request::Treasury { about: TreasuryRequest::Sign { session: id } } if *id == session.id => Some(true),
        Request::Treasury { about: TreasuryRequest::Broadcast { session: id } } if *id == session.id => Some(false),
        _ => None,
    }
}

/// Freezes the coin that the keyboard is on, for a reason; a frozen one is thawed at once.
fn freeze(app: &mut App) -> Vec<Command> {
    let Some(coin) = app.coin_here() else {
        say(app, true, "No coin is here: ] goes to the coins.");
        return Vec::new();
    };
    let (outpoint, state) = (coin.outpoint.clone(), coin.state.clone());
    match state.as_str() {
        "frozen" => {
            app.pending += 1;
            let request = of_treasury(TreasuryRequest::Freeze { outpoint, reason: None });
            return vec![Command::Ask { purpose: Purpose::Say, request }];
        }
        "spare seal" | "gate" | "bond" => say(app, true, "It is set apart already: it is spent by its own rules only."),
        _ => form(app, FormKind::Freeze { outpoint }),
    }
    Vec::new()
}

/// The payments of the selected row that may be paid now, as a session names them; nothing if there are none.
fn payable(app: &App) -> String {
    let place = app.selected_place().filter(|_| app.section == Section::Payments);
    let Some((snapshot, place)) = app.snapshot.as_deref().zip(place) else { return String::new() };
    let Some(proposal) = crate::app::treasury(snapshot).get(place).map(|row| row.proposal) else {
        return String::new();
    };
    // By its number, as the list says it: nobody can read an id.
    let (id, name) = (&proposal.id, format!("#{}", proposal.number));
    let tip = snapshot.status.tip_height;
    // Before the overview has come: all of it; the node knows what of it may be paid.
    let Some(overview) = &app.desk.treasury else { return name };
    let payments = overview.payments.iter().filter(|payment| payment.proposal == *id);
    let open = payments.filter(|payment| {
        !is_paid(payment) && (payment.from_height..payment.expiry_height).contains(&tip.saturating_add(1))
    });
    let named = open.map(|payment| match payment.milestone {
        Some(number) => format!("{name}/{number}"),
        None => name.clone(),
    });
    named.collect::<Vec<_>>().join(", ")
}

/// Why the payment of the selected row is not to be paid now, where there is a row.
fn waits(app: &App) -> Option<String> {
    let place = app.selected_place().filter(|_| app.section == Section::Payments)?;
    let rows = crate::app::treasury(app.snapshot.as_deref()?);
    let row = rows.get(place)?;
    let number = row.proposal.number;
    Some(match row.stage {
        Stage::Asked => format!("#{number} is not decided yet; once its outcome is final it may be paid."),
        Stage::Waiting if !row.proposal.vote.held_back.is_empty() => {
            let held_back = row.proposal.vote.held_back.join(", and for ");
            format!("#{number} has passed, and waits for {}.", Untrusted::new(&held_back).line())
        }
        Stage::Waiting => format!("#{number} has passed, and waits for its epoch to be final and for the veto window."),
        Stage::Authorised => format!("Nothing of #{number} is open now: a session has it, or its time has not come."),
        Stage::Paid => format!("#{number} is paid."),
        Stage::Over => format!("#{number} will not be paid."),
    })
}

/// What opening the selected row shows; nothing for a row that is a proposal.
pub(super) fn page(app: &App) -> Option<Page> {
    let place = app.selected_place()?;
    let desk = &app.desk;
    match app.section {
        Section::Sessions => Some(Page::Session(desk.sessions.as_ref()?.get(place)?.id.clone())),
        Section::Coins => Some(Page::Coin(desk.coins.as_ref()?.get(place)?.outpoint.clone())),
        Section::Flows => Some(Page::Flow(desk.flows.as_ref()?.get(place)?.txid.clone())),
        Section::Payments | Section::Budgets | Section::Policy => None,
    }
}

/// The proposal that a row is about.
pub(super) fn proposal(app: &App, snapshot: &Snapshot, place: usize) -> Option<String> {
    match app.section {
        Section::Payments => crate::app::treasury(snapshot).get(place).map(|row| row.proposal.id.clone()),
        Section::Budgets => app.desk.treasury.as_deref()?.budgets.get(place).map(|budget| budget.proposal.clone()),
        Section::Sessions | Section::Coins | Section::Flows | Section::Policy => None,
    }
}
