//! Payments: which are authorised, through which gate, within which cap.

use bitcoin::{OutPoint, Txid};

use super::{Fate, Ledger, Step};
use crate::charter::SpendingCap;
use crate::entry::{Spend, SpendOutput};
use crate::epoch::Authorisation;
use crate::hash::{tag, tagged_hash};
use crate::id::ProposalId;

/// One payment out of the treasury: a spend, or a milestone of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Height from which on it may be authorised.
    pub due_at: u32,
    /// Height from which on its own time runs: an answer's, whose proposal waited for others, from then on (G-88).
    pub runs_from: u32,
    /// Height at which it expires, but for pauses (G-87).
    pub expires_at: u32,
    /// What is paid: all that was voted, or once authorised the part of it that the spending cap left.
    pub spend: Spend,
    /// The gate that the transaction has to spend, once authorised.
    pub gate: Option<OutPoint>,
    /// Closing height of the epoch that authorised it.
    pub authorised_height: Option<u32>,
    /// Leave to pay, once given.
    pub authorisation: Option<Authorisation>,
    /// What became of it.
    pub state: PaymentState,
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentState {
    /// Not yet authorised.
    Waiting,
    /// A later vote stopped it.
    Stopped,
    /// It was not authorised in time.
    Expired,
    /// It may be paid.
    Authorised,
    /// It is on Bitcoin.
    Executed {
        /// In this transaction.
        txid: Txid,
        /// At this height.
        height: u32,
        /// Satoshis that left the treasury.
        amount_sat: u64,
    },
}

impl PaymentState {
    /// Its number in the decision tree (G-64).
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Waiting => 0,
            Self::Stopped => 1,
            Self::Expired => 2,
            Self::Authorised => 3,
            Self::Executed { .. } => 4,
        }
    }
}

impl Payment {
    /// Due at a height, of an answer that waited until `behind_until` (0: of any other proposal), to be paid within so many blocks.
    pub(super) fn new(due_at: u32, behind_until: u32, expiry_blocks: u32, spend: Spend) -> Self {
        let (gate, authorised_height, authorisation) = (None, None, None);
        let runs_from = due_at.max(behind_until);
        let (expires_at, state) = (runs_from.saturating_add(expiry_blocks), PaymentState::Waiting);
        Self { due_at, runs_from, expires_at, spend, gate, authorised_height, authorisation, state }
    }
}

impl Ledger {
    /// Authorises payments that are due, in the order of (due, end of vote, position, milestone), and notes those that were
    /// mined.
    pub(super) fn pay(&mut self, step: &Step<'_>) {
        let height = step.boundary.closing_height;
        self.note_executions(step);
        let is_censoring = !step.state.overdue_entries(step.boundary.log_size).is_empty();
        let mut due = Vec::new();
        for id in &self.pending {
            let Some(standing) = self.standings.get(id).filter(|s| s.fate == Fate::Effective) else { continue };
            let position = step.state.proposals().get(id).map_or(u64::MAX, |proposal| proposal.position);
            for (index, payment) in standing.payments.iter().enumerate() {
                if payment.state == PaymentState::Waiting && payment.due_at <= height {
                    due.push((payment.due_at, standing.closed_at, position, index, *id, payment.runs_from));
                }
            }
        }
        due.sort_unstable();
        for (_, _, _, index, id, runs_from) in due {
            let Some(proposal) = step.state.proposals().get(&id) else { continue };
            let is_held_back = is_censoring || self.is_paused(proposal.content.class, height);
            let guards = &step.state.charter_of(proposal).guards;
            let (class, cap) = (proposal.content.class, guards.spending_cap);
            let put_off = self.put_off(class, runs_from, height, guards.pause_max_blocks);
            let left = cap.map(|cap| self.left_of(&cap, height));
            let gate = step.state.gates(step.boundary.log_size).find(|gate| !self.gates_given.contains(gate));
            let Some(payment) = self.standings.get_mut(&id).and_then(|s| s.payments.get_mut(index)) else { continue };
            let expires_height = payment.expires_at.saturating_add(put_off);
            if expires_height <= height {
                payment.state = PaymentState::Expired;
                continue;
            }
            let (Some(gate), Some(spend)) = (gate, within(&payment.spend, left)) else { continue };
            if is_held_back {
                continue;
            }
            let amount_sat = spend.amount_sat().unwrap_or(u64::MAX);
            let intent = spend.intent_hash(id);
            let authorisation = Authorisation { height: payment.due_at, expires_height, amount_sat, intent };
            payment.state = PaymentState::Authorised;
            payment.authorisation = Some(authorisation);
            payment.authorised_height = Some(height);
            (payment.spend, payment.gate) = (spend, Some(gate));
            self.gates_given.insert(gate);
            self.authorised.push((height, amount_sat));
        }
        self.forget_paid();
    }

    /// G-84: milestones not yet authorised are never paid, nor those of a budget that did not yet take effect.
    pub(super) fn stop(&mut self, budget: &ProposalId) {
        self.stopped.insert(*budget);
        let payments = self.standings.get_mut(budget).map(|standing| &mut standing.payments);
        for payment in payments.into_iter().flatten() {
            if payment.state == PaymentState::Waiting {
                payment.state = PaymentState::Stopped;
            }
        }
    }

    fn note_executions(&mut self, step: &Step<'_>) {
        for id in &self.pending {
            let Some(proposal) = step.state.proposals().get(id) else { continue };
            let Some(standing) = self.standings.get_mut(id) else { continue };
            for (position, execution) in &proposal.executions {
                let payment = standing.payments.get_mut(usize::from(execution.milestone));
                // G-99: what was not authorised by then, on Bitcoin and in the log, is no execution, whatever the hub notes.
                let Some(payment) = payment.filter(|p| p.state == PaymentState::Authorised) else { continue };
                let Some(since) = payment.authorised_height else { continue };
                let known_final = step.state.anchored().iter().find(|a| a.header.closing_height == since);
                let known_from = known_final.map_or(u64::MAX, |record| record.position);
                if execution.mined_height > since && (known_from..step.boundary.log_size).contains(position) {
                    let (txid, height, amount_sat) = (execution.txid, execution.mined_height, execution.amount_sat);
                    payment.state = PaymentState::Executed { txid, height, amount_sat };
                }
            }
        }
    }

    /// G-103: satoshis that may still be authorised at `height`.
    pub(super) fn left_of(&self, cap: &SpendingCap, height: u32) -> u64 {
        let since = height.saturating_sub(cap.window_blocks);
        let recent = self.authorised.iter().filter(|(at, _)| *at > since);
        cap.max_sat.saturating_sub(recent.fold(0, |sum, (_, sat)| sum.saturating_add(*sat)))
    }

    fn forget_paid(&mut self) {
        let standings = &self.standings;
        self.pending.retain(|id| {
            standings.get(id).is_some_and(|standing| {
                let is_open = |p: &Payment| matches!(p.state, PaymentState::Waiting | PaymentState::Authorised);
                standing.fate == Fate::Waiting || standing.payments.iter().any(is_open)
            })
        });
    }
}

/// Key of a milestone in the decision tree: the proposal's own id is its decision's (G-64).
pub(crate) fn milestone_key(proposal: ProposalId, milestone: u16) -> [u8; 32] {
    tagged_hash(tag::MILESTONE, &[&proposal.0, &milestone.to_be_bytes()])
}

/// G-103: as many outputs, in their order, as `left` reaches with the fee; `None` when it reaches for none.
pub(super) fn within(spend: &Spend, left: Option<u64>) -> Option<Spend> {
    let Some(left) = left else { return Some(spend.clone()) };
    let mut rest = left.checked_sub(spend.fee_cap_sat)?;
    let fits = |output: &&SpendOutput| match rest.checked_sub(output.sat) {
        Some(less) => {
            rest = less;
            true
        }
        None => false,
    };
    let outputs: Vec<SpendOutput> = spend.outputs.iter().take_while(fits).cloned().collect();
    (!outputs.is_empty()).then(|| Spend { outputs, ..spend.clone() })
}
