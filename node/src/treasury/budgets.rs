//! Budgets that took effect: what was paid of them and what is left.

use althing_governance::entry::Effect;
use althing_governance::ledger::{Payment, PaymentState};
use althing_governance::voting::Outcome;

use super::check::whom;
use crate::api::{BudgetView, MilestoneView};
use crate::shell::Shell;

/// Every budget that took effect, in the order of their ids.
pub(super) fn budgets(shell: &Shell) -> Vec<BudgetView> {
    let state = shell.ledger.state();
    let mut found = Vec::new();
    for (id, standing) in state.ledger().standings() {
        let Some(record) = state.proposals().get(id) else { continue };
        let Outcome::Passed { option } = standing.outcome else { continue };
        let budget = record.content.effects(option).iter().find_map(|effect| match effect {
            Effect::Budget(budget) => Some(budget.clone()),
            _ => None,
        });
        let Some(budget) = budget else { continue };
        let descriptions = budget.milestones.iter().map(|milestone| milestone.description.clone());
        let milestones: Vec<MilestoneView> =
            (1..).zip(standing.payments.iter().zip(descriptions)).map(milestone).collect();
        let sum = |states: &[&str]| {
            let in_state = milestones.iter().filter(|milestone| states.contains(&milestone.state.as_str()));
            in_state.fold(0u64, |sum, milestone| sum.saturating_add(milestone.sat))
        };
        found.push(BudgetView {
            proposal: id.to_string(),
            title: record.content.title.clone(),
            payee: whom(&budget.payee, shell.dao.network()),
            total_sat: sum(&["executed", "authorised", "waiting", "stopped", "expired"]),
            paid_sat: sum(&["executed"]),
            authorised_sat: sum(&["authorised"]),
            waiting_sat: sum(&["waiting"]),
            ended_sat: sum(&["stopped", "expired"]),
            fee_cap_sat: budget.fee_cap_sat,
            milestones,
        });
    }
    found
}

fn milestone((number, (payment, description)): (u16, (&Payment, String))) -> MilestoneView {
    let (state, txid) = match payment.state {
        PaymentState::Waiting => ("waiting", None),
        PaymentState::Stopped => ("stopped", None),
        PaymentState::Expired => ("expired", None),
        PaymentState::Authorised => ("authorised", None),
        PaymentState::Executed { txid, .. } => ("executed", Some(txid.to_string())),
    };
    MilestoneView {
        number,
        description,
        sat: payment.spend.outputs.iter().fold(0u64, |sum, output| sum.saturating_add(output.sat)),
        due_height: payment.due_at,
        expires_height: payment.authorisation.map_or(payment.expires_at, |given| given.expires_height),
        state: state.to_owned(),
        txid,
    }
}
