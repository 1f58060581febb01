//! The gates of the treasury, and what each is for.

use althing_governance::ledger::PaymentState;
use bitcoin::OutPoint;

use crate::api::Gate;
use crate::shell::Shell;

/// Every gate, in the order in which they are given out.
pub(super) fn list(shell: &Shell) -> Vec<Gate> {
    let state = shell.ledger.state();
    let gate = |outpoint: OutPoint| {
        let mut given = state.ledger().standings().iter().flat_map(|(id, standing)| {
            standing.payments.iter().filter(|payment| payment.gate == Some(outpoint)).map(move |payment| (id, payment))
        });
        let given = given.next();
        let state_of = match given {
            Some((_, payment)) if matches!(payment.state, PaymentState::Executed { .. }) => "paid",
            Some(_) => "assigned",
            None if state.is_retired_gate(&outpoint) => "taken back",
            None => "free",
        };
        Gate {
            outpoint: outpoint.to_string(),
            refilled: state.refill_of(&outpoint).is_some(),
            state: state_of.to_owned(),
            proposal: given.map(|(id, _)| id.to_string()),
        }
    };
    state.all_gates().map(gate).collect()
}
