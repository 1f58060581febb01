//! What passed and did not happen yet: what it waits for, and until when (N-206).

use althing_governance::id::ProposalId;
use althing_governance::ledger::{Fate, Obstacle, Payment, PaymentState, Standing};

use super::proposals::newest_ledger;
use crate::shell::Shell;

/// The payments of a proposal, each in a sentence.
pub(super) fn payments(shell: &Shell, id: &ProposalId) -> Vec<String> {
    let payments = newest_ledger(shell, id).and_then(|ledger| Some(&ledger.standing(id)?.payments));
    let sentence = |(number, payment): (usize, &Payment)| {
        let sat = payment.spend.amount_sat().unwrap_or(u64::MAX);
        let state = match payment.state {
            PaymentState::Waiting => payment_waits(shell, id, payment),
            PaymentState::Stopped => "was stopped by a later vote".to_owned(),
            PaymentState::Expired => "was not authorised in time".to_owned(),
            PaymentState::Authorised => {
                let expires = payment.authorisation.map_or(payment.expires_at, |given| given.expires_height);
                format!("may be paid below height {expires}")
            }
            PaymentState::Executed { txid, height, .. } => format!("is paid by {txid} at height {height}"),
        };
        format!("Payment {number} of at most {sat} sat {state}.")
    };
    (1..).zip(payments.into_iter().flatten()).map(sentence).collect()
}

/// What keeps back what passed and is due, each in some words; empty where nothing is.
pub(super) fn held_back(shell: &Shell, id: &ProposalId) -> Vec<String> {
    let Some(ledger) = newest_ledger(shell, id) else { return Vec::new() };
    let payments = ledger.standing(id).map_or(&[][..], |standing| &standing.payments);
    let mut found = ledger.obstacles(shell.ledger.state(), id);
    for obstacle in payments.iter().flat_map(|payment| ledger.payment_obstacles(shell.ledger.state(), id, payment)) {
        if !found.contains(&obstacle) {
            found.push(obstacle);
        }
    }
    found.iter().map(words).collect()
}

/// When it takes effect, or what it waits for when that time has come.
pub(super) fn for_effect(shell: &Shell, id: &ProposalId, standing: &Standing) -> String {
    let found = newest_ledger(shell, id).map_or_else(Vec::new, |ledger| ledger.obstacles(shell.ledger.state(), id));
    match waits(shell, id, None, standing.authorised_at, &found) {
        Some(words) => format!("its time came at height {}, and it waits for {words}", standing.authorised_at),
        None => format!("it takes effect from height {} on", standing.authorised_at),
    }
}

/// The height at which what is not paid, or did not take effect, expires.
pub(super) fn expiry(shell: &Shell, id: &ProposalId) -> Option<u32> {
    let ledger = newest_ledger(shell, id)?;
    let standing = ledger.standing(id)?;
    let authorised = standing.payments.iter().find_map(|payment| match payment.state {
        PaymentState::Authorised | PaymentState::Executed { .. } => payment.authorisation,
        _ => None,
    });
    let waiting = || standing.payments.iter().find(|payment| payment.state == PaymentState::Waiting);
    match authorised {
        Some(authorisation) => Some(authorisation.expires_height),
        None => ledger.expiry_of(shell.ledger.state(), id, waiting()),
    }
}

fn payment_waits(shell: &Shell, id: &ProposalId, payment: &Payment) -> String {
    let found = newest_ledger(shell, id)
        .map_or_else(Vec::new, |ledger| ledger.payment_obstacles(shell.ledger.state(), id, payment));
    match waits(shell, id, Some(payment), payment.due_at, &found) {
        Some(words) => format!("was due at height {} and waits for {words}", payment.due_at),
        None => format!("waits for height {}", payment.due_at),
    }
}

/// What something due at a height waits for; `None` while that height is still to come.
fn waits(shell: &Shell, id: &ProposalId, payment: Option<&Payment>, due: u32, found: &[Obstacle]) -> Option<String> {
    if due > shell.tip_height() {
        return None;
    }
    let (ledger, state) = (newest_ledger(shell, id)?, shell.ledger.state());
    if found.is_empty() {
        let next = due.max(ledger.closing_height().saturating_add(1));
        let close = state.params().charter.boundary_at_or_after(next)?;
        return Some(format!("the epoch that closes at height {close}"));
    }
    let waited_for: Vec<String> = found.iter().map(words).collect();
    let expiry = match ledger.standing(id).map(|standing| standing.fate) {
        // The time of an answer runs only while it is the best (G-88).
        Some(Fate::Waiting) if found.iter().any(is_before_it) => String::new(),
        _ => format!("; it expires at height {}", ledger.expiry_of(state, id, payment)?),
    };
    Some(format!("{}{expiry}", waited_for.join(", and for ")))
}

const fn is_before_it(obstacle: &Obstacle) -> bool {
    matches!(obstacle, Obstacle::UndecidedAnswers | Obstacle::BetterAnswer { .. })
}

/// What it waits for.
fn words(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::LeftOut { entries } => {
            let first = entries.first().map_or_else(String::new, ToString::to_string);
            let more = match entries.len() {
                0 | 1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            format!("the hub to log entry {first}{more}, which members noted or somebody put on Bitcoin (G-97, G-107)")
        }
        Obstacle::Pause { until } => format!("the end of a pause at height {until} (G-87)"),
        Obstacle::UndecidedAnswers => "the other answers to its request to be decided (G-88)".to_owned(),
        Obstacle::BetterAnswer { proposal } => {
            format!("answer {proposal}, which has the greater lead and waits itself (G-88)")
        }
        Obstacle::OtherCharter => {
            "the next epoch, since another change of the charter took effect in the last one (G-85)".to_owned()
        }
        Obstacle::TieBlock { height } => format!("the block of height {height}, which breaks a tie (V-31)"),
        Obstacle::NoGate => "a gate: none is left, and the treasurers make new ones by housekeeping (G-108)".to_owned(),
        Obstacle::Cap { left_sat, least_sat, from: Some(from) } => format!(
            "room under the spending cap, which leaves {left_sat} sat where the first output takes {least_sat} sat with its fee: \
             there is room from height {from} on, if nothing else is authorised before (G-103)"
        ),
        Obstacle::Cap { least_sat, from: None, .. } => {
            format!(
                "room that the spending cap never leaves: the first output takes {least_sat} sat with its fee (G-103)"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_obstacle_is_told_with_its_rule() {
        let cap = |from| Obstacle::Cap { left_sat: 200, least_sat: 5300, from };
        for (obstacle, told) in [
            (Obstacle::Pause { until: 96 }, &["height 96", "G-87"][..]),
            (Obstacle::UndecidedAnswers, &["G-88"]),
            (Obstacle::OtherCharter, &["G-85"]),
            (Obstacle::TieBlock { height: 66 }, &["height 66", "V-31"]),
            (Obstacle::NoGate, &["gate", "G-108"]),
            (cap(Some(150)), &["200 sat", "5300 sat", "height 150", "G-103"]),
            (cap(None), &["never", "5300 sat", "G-103"]),
        ] {
            let words = words(&obstacle);
            assert!(told.iter().all(|part| words.contains(part)), "{obstacle:?}: {words}");
        }
    }
}
