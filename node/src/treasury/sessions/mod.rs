//! Signing sessions: opened from authorised payments, signed after the check, finished and broadcast.

mod checker;
mod coins;
mod made;
mod names;
mod open;
mod queue;
mod replace;
mod rows;
mod show;
mod sign;
mod stage;
mod void;

pub(super) use checker::check_here;
pub(super) use coins::{payment_state, promised, reserved};
pub(super) use open::{Tidy, open, open_housekeeping, return_bond};
pub(super) use replace::{bump, child};
pub(super) use rows::{adopted_row, session_row};
pub(crate) use sign::rebroadcast;
pub(super) use sign::{Merged, broadcast, import, merged, sign, sign_psbt, waits_to_replace};
pub(crate) use stage::waiting_payout;
pub(super) use stage::{resting, return_staged};
pub(super) use void::is_void;

use althing_anchor::{MAX_REMARK_BYTES, PaperBody, Passing};

use self::checker::Checker;
use self::names::own_author;
use self::queue::Queue;
use self::rows::{named, remark, store};
use self::show::view;
use super::check::CheckReport;
use crate::api::{ApiError, SessionView};
use crate::shell::Shell;

type Answered<T> = std::result::Result<T, ApiError>;

/// All sessions, without their PSBTs.
pub(super) fn list(shell: &Shell) -> Answered<Vec<SessionView>> {
    let checker = Checker::new(shell);
    let rows = shell.store.treasury_sessions()?;
    let queue = Queue::of(shell, &checker, &rows)?;
    rows.iter().map(|row| view(shell, &checker, &queue, row, false)).collect()
}

/// One session.
pub(super) fn show(shell: &Shell, session: &str) -> Answered<SessionView> {
    let checker = Checker::new(shell);
    let queue = Queue::of(shell, &checker, &shell.store.treasury_sessions()?)?;
    view(shell, &checker, &queue, &named(shell, session)?, true)
}

/// Notes a comment or a refusal.
pub(super) fn say(shell: &mut Shell, session: &str, kind: &str, text: &str) -> Answered<SessionView> {
    if text.is_empty() || text.len() > MAX_REMARK_BYTES {
        return Err(ApiError::invalid(
            "T-65",
            format!("a remark has 1 to {MAX_REMARK_BYTES} bytes, this has {}", text.len()),
        ));
    }
    let row = named(shell, session)?;
    let me = own_author(shell);
    let note = remark(shell, kind, &me, text);
    let body = if kind == "refusal" { PaperBody::Refusal } else { PaperBody::Comment };
    store(shell, &row, &[note], vec![body(text.to_owned())])?;
    show(shell, &row.id)
}

fn reasons(report: &CheckReport) -> String {
    let reasons = report.reasons.iter().map(|reason| reason.text.as_str());
    reasons.chain(report.unknown.iter().map(String::as_str)).collect::<Vec<_>>().join("; ")
}

/// Why a transaction is not signed. `written` is the height at which it was put forward, where that is known: what news can take away is
/// no refusal before this node has them (T-102).
fn refused(shell: &Shell, report: &CheckReport, written: Option<u32>) -> ApiError {
    let why = reasons(report);
    let Some(first) = report.reasons.first() else {
        return ApiError {
            rule: Some("T-57".into()),
            ..ApiError::not_now(format!("whether this may be signed cannot be told: {why}"))
        };
    };
    let may_pass = match report.passing {
        Some(Passing::Blocks) => true,
        Some(Passing::News) => !has_news_of(shell, written.unwrap_or(shell.tip_height().saturating_sub(1))),
        _ => false,
    };
    match may_pass {
        true => ApiError { rule: Some(first.rule.clone()), ..ApiError::not_now(format!("not yet: {why}")) },
        false => ApiError::invalid(&first.rule, format!("this must not be signed: {why}")),
    }
}

/// Whether the log here holds all that anybody could know when the tip was at that height: it has a head above it.
pub(in crate::treasury) fn has_news_of(shell: &Shell, height: u32) -> bool {
    shell.ledger.state().tip_height().is_some_and(|head| head > height)
}

fn refusal(rule: &str, error: &impl ToString) -> ApiError {
    let text = error.to_string();
    let rule = text.split(':').next().filter(|rule| rule.contains('-') && rule.len() < 8).unwrap_or(rule).to_owned();
    ApiError::invalid(&rule, text)
}
