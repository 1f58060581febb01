//! What the decision tree (T4) says of one proposal or milestone.

use bitcoin::{OutPoint, Txid};

use crate::charter::Class;
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::id::ProposalId;
use crate::ledger::{Ledger, Payment, PaymentState, Standing, milestone_key};
use crate::state::{LogState, ProposalRecord};
use crate::tree::SumLeaf;
use crate::voting::Outcome;

/// One leaf of T4 (G-64).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionLeaf {
    /// What was decided.
    pub outcome: Outcome,
    /// The proposal's class.
    pub class: Class,
    /// The epoch whose header first decided it.
    pub decided_epoch: u32,
    /// The epoch whose header counted it again before it took effect.
    pub enacted_epoch: Option<u32>,
    /// Number of the guard that bars it, 0 for none.
    pub bar: u8,
    /// Number of what happened since.
    pub fate: u8,
    /// Weight of dormant members that the quorum left out.
    pub dormant_weight: u128,
    /// Number of what became of the payment; `None` without one.
    pub payment: Option<u8>,
    /// The gate that an authorised payment has to spend; `None` for other proposals, or while all gates are taken.
    pub gate: Option<OutPoint>,
    /// Present once a payment is authorised.
    pub authorisation: Option<Authorisation>,
    /// The transaction that paid it, once it is mined.
    pub paid_by: Option<Txid>,
}

/// Leave to pay (G-64).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorisation {
    /// From this height on.
    pub height: u32,
    /// Until below this height.
    pub expires_height: u32,
    /// Satoshis that may leave the treasury; the leaf's sum.
    pub amount_sat: u64,
    /// Hash of proposal id and spend.
    pub intent: [u8; 32],
}

impl DecisionLeaf {
    /// Key of a budget's milestone, counted from 0, in the decision tree; a spend's leaf is under its proposal's id.
    #[must_use]
    pub fn milestone_key(proposal: ProposalId, milestone: u16) -> [u8; 32] {
        milestone_key(proposal, milestone)
    }

    fn new(proposal: &ProposalRecord, standing: &Standing, payment: Option<&Payment>) -> Self {
        Self {
            outcome: standing.outcome,
            class: proposal.content.class,
            decided_epoch: standing.decided_epoch,
            enacted_epoch: standing.enacted_epoch,
            bar: standing.bar.map_or(0, |bar| bar.number()),
            fate: standing.fate.number(),
            dormant_weight: standing.dormant_weight,
            payment: payment.map(|payment| payment.state.number()),
            gate: payment.and_then(|payment| payment.gate),
            authorisation: payment.and_then(|payment| payment.authorisation),
            paid_by: payment.and_then(|payment| match payment.state {
                PaymentState::Executed { txid, .. } => Some(txid),
                _ => None,
            }),
        }
    }

    fn into_leaf(self, key: [u8; 32]) -> SumLeaf {
        let amount = self.authorisation.map_or(0, |a| u128::from(a.amount_sat));
        SumLeaf { key, value: self.to_bytes(), sums: vec![amount] }
    }
}

/// Leaves of T4: every proposal decided, and every milestone of the budgets among them (G-64).
pub(super) fn leaves(state: &LogState, ledger: &Ledger) -> Vec<SumLeaf> {
    let mut leaves = Vec::new();
    for (id, standing) in ledger.standings() {
        let Some(proposal) = state.proposals().get(id) else { continue };
        if proposal.content.class == Class::Budget {
            leaves.push(DecisionLeaf::new(proposal, standing, None).into_leaf(id.0));
            for (index, payment) in (0u16..).zip(&standing.payments) {
                leaves.push(DecisionLeaf::new(proposal, standing, Some(payment)).into_leaf(milestone_key(*id, index)));
            }
        } else {
            leaves.push(DecisionLeaf::new(proposal, standing, standing.payments.first()).into_leaf(id.0));
        }
    }
    leaves
}

impl Canonical for DecisionLeaf {
    fn encode(&self, w: &mut Writer) {
        self.outcome.encode(w);
        self.class.encode(w);
        w.u32(self.decided_epoch);
        w.option(self.enacted_epoch, Writer::u32);
        w.u8(self.bar);
        w.u8(self.fate);
        w.u128(self.dormant_weight);
        w.option(self.payment, Writer::u8);
        w.option(self.gate.as_ref(), Writer::outpoint);
        w.option(self.authorisation, |w, a| {
            w.u32(a.height);
            w.u32(a.expires_height);
            w.u64(a.amount_sat);
            w.fixed(&a.intent);
        });
        w.option(self.paid_by.as_ref(), Writer::txid);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            outcome: Canonical::decode(r)?,
            class: Canonical::decode(r)?,
            decided_epoch: r.u32()?,
            enacted_epoch: r.option("enacted epoch", Reader::u32)?,
            bar: r.u8()?,
            fate: r.u8()?,
            dormant_weight: r.u128()?,
            payment: r.option("payment", Reader::u8)?,
            gate: r.option("gate", Reader::outpoint)?,
            authorisation: r.option("authorisation", |r| {
                Ok(Authorisation {
                    height: r.u32()?,
                    expires_height: r.u32()?,
                    amount_sat: r.u64()?,
                    intent: r.fixed()?,
                })
            })?,
            paid_by: r.option("paid by", Reader::txid)?,
        })
    }
}
