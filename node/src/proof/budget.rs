//! What is left of a budget: every milestone's leaf under one header (docs/spec/proofs.md, P-335).

use althing_governance::codec::{Canonical, DecodeError, Reader, Writer};
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Budget, Effect, MAX_MILESTONES, ProposalContent};
use althing_governance::epoch::{DecisionLeaf, DecisionProof, EpochHeader};
use althing_governance::ledger::PaymentState;
use althing_governance::voting::Outcome;

use super::authorised::proposal_of;
use super::bundle::LoggedEntry;
use super::verify::{Rejection, fail};

/// Evidence of what is left of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetPart {
    /// The proposal in the log.
    pub entry: LoggedEntry,
    /// The leaf in T4 of every milestone, in their order.
    pub milestones: Vec<DecisionProof>,
}

impl Canonical for BudgetPart {
    fn encode(&self, w: &mut Writer) {
        self.entry.encode(w);
        w.list(&self.milestones);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { entry: Canonical::decode(r)?, milestones: r.list("milestones of a budget", MAX_MILESTONES)? })
    }
}

/// Satoshis of a budget's milestones by what became of them, fees apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shares {
    paid: u64,
    payable: u64,
    to_come: u64,
    gone: u64,
}

impl Shares {
    /// Where a milestone belongs when an epoch closed at `height`; `None` for a leaf that speaks of no payment.
    fn place(&mut self, leaf: &DecisionLeaf, height: u32) -> Option<&mut u64> {
        const WAITING: u8 = PaymentState::Waiting.number();
        const STOPPED: u8 = PaymentState::Stopped.number();
        const EXPIRED: u8 = PaymentState::Expired.number();
        const AUTHORISED: u8 = PaymentState::Authorised.number();
        match (leaf.payment?, leaf.paid_by, leaf.authorisation) {
            (_, Some(_), _) => Some(&mut self.paid),
            (WAITING, None, _) => Some(&mut self.to_come),
            (STOPPED | EXPIRED, None, _) => Some(&mut self.gone),
            (AUTHORISED, None, Some(authorisation)) if height < authorisation.expires_height => Some(&mut self.payable),
            (AUTHORISED, None, Some(_)) => Some(&mut self.gone),
            _ => None,
        }
    }
}

/// P-335: how much of a budget was paid, may be paid, is to come, and never will be paid.
pub(super) fn check_budget(
    params: &DaoParams,
    header: &EpochHeader,
    part: &BudgetPart,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("budget");
    let (content, proposal) = proposal_of(params, header, &part.entry)?;
    let mut leaves = Vec::new();
    for (milestone, proof) in (0u16..).zip(&part.milestones) {
        let leaf = proof.verify_milestone(header, &proposal, milestone).map_err(|error| rule(error.to_string()))?;
        leaves.push(leaf);
    }
    let budget = leaves.first().and_then(|leaf| budget_of(&content, leaf.outcome));
    let budget = budget.ok_or_else(|| rule(format!("P-335: proposal {proposal} decided no budget")))?;
    if budget.milestones.len() != leaves.len() {
        let (all, shown) = (budget.milestones.len(), leaves.len());
        return Err(rule(format!("P-335: the budget has {all} milestones, the file shows {shown}")));
    }
    let mut shares = Shares::default();
    for (number, (milestone, leaf)) in (1u32..).zip(budget.milestones.iter().zip(&leaves)) {
        let place = shares.place(leaf, header.closing_height);
        let place = place.ok_or_else(|| rule(format!("P-335: the leaf of milestone {number} is of no payment")))?;
        *place = place.saturating_add(milestone.amount_sat);
    }
    let Shares { paid, payable, to_come, gone } = shares;
    checked.push(format!("The proposal is entry {} of the log.", part.entry.position));
    checked.push(format!(
        "The leaves of all its {} milestones are in the decision tree of epoch {}.",
        leaves.len(),
        header.epoch
    ));
    Ok(format!(
        "Budget {proposal}, when epoch {} closed at height {}: {paid} sat paid, {payable} sat authorised and not paid, {to_come} sat to come, {gone} sat that will not be paid. {} sat are left.",
        header.epoch,
        header.closing_height,
        payable.saturating_add(to_come)
    ))
}

fn budget_of(content: &ProposalContent, outcome: Outcome) -> Option<&Budget> {
    let Outcome::Passed { option } = outcome else { return None };
    content.effects(option).iter().find_map(|effect| match effect {
        Effect::Budget(budget) => Some(budget),
        _ => None,
    })
}
