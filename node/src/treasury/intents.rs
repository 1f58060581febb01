//! Payments that the ledger authorises, in the words of the anchor core.

use althing_anchor::SpendIntent;
use althing_governance::charter::{Class, Staging};
use althing_governance::entry::Spend;
use althing_governance::epoch::Authorisation;
use althing_governance::id::ProposalId;
use althing_governance::ledger::PaymentState;
use bitcoin::{Amount, FeeRate, OutPoint, TxOut, Txid};

use super::stages::{rule_at, rules, stage_by};
use crate::shell::Shell;

/// A payment that was authorised, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorisedPayment {
    /// The proposal.
    pub proposal: ProposalId,
    /// Which milestone of a budget, from 0; 0 for a spend.
    pub milestone: u16,
    /// Whether it is one of a budget's.
    pub is_milestone: bool,
    /// Its title; untrusted text.
    pub title: String,
    /// What may be paid.
    pub intent: SpendIntent,
    /// The transaction that paid it, once the log says so.
    pub paid_by: Option<Txid>,
}

/// Every payment that final epochs authorised.
pub fn authorised(shell: &Shell) -> Vec<AuthorisedPayment> {
    let state = shell.ledger.state();
    let rules = rules(shell);
    let mut payments = Vec::new();
    for (id, standing) in state.ledger().standings() {
        for (milestone, payment) in (0u16..).zip(&standing.payments) {
            let (Some(gate), Some(authorisation)) = (payment.gate, &payment.authorisation) else { continue };
            let record = state.proposals().get(id);
            let title = record.map(|record| record.content.title.clone()).unwrap_or_default();
            payments.push(AuthorisedPayment {
                proposal: *id,
                milestone,
                is_milestone: record.is_some_and(|record| record.content.class == Class::Budget),
                title,
                intent: intent(&payment.spend, authorisation, gate, rule_at(&rules, authorisation.height)),
                paid_by: match payment.state {
                    PaymentState::Executed { txid, .. } => Some(txid),
                    _ => None,
                },
            });
        }
    }
    payments
}

/// What a decision allows, as plain data; `staging` is what the charter said of staged payments at the authorisation's height.
pub(crate) fn intent(
    spend: &Spend,
    authorisation: &Authorisation,
    gate: OutPoint,
    staging: Option<&Staging>,
) -> SpendIntent {
    let output = |output: &althing_governance::entry::SpendOutput| TxOut {
        value: Amount::from_sat(output.sat),
        script_pubkey: output.script.clone(),
    };
    let paid_sat = spend.outputs.iter().fold(0u64, |sum, output| sum.saturating_add(output.sat));
    SpendIntent {
        id: authorisation.intent,
        gate,
        outputs: spend.outputs.iter().map(output).collect(),
        fee_cap: Amount::from_sat(spend.fee_cap_sat),
        from_height: authorisation.height,
        expiry_height: authorisation.expires_height,
        stage: stage_by(staging, paid_sat),
    }
}

/// T-72: housekeeping pays at most what the charter allows for links.
pub(super) fn housekeeping_rate(max_link_fee_rate_sat_vb: u64) -> FeeRate {
    FeeRate::from_sat_per_vb(max_link_fee_rate_sat_vb).unwrap_or(FeeRate::BROADCAST_MIN)
}
