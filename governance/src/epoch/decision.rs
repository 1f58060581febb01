//! What the decision tree (T4) says of one proposal.

use bitcoin::OutPoint;

use crate::charter::Class;
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::tally::Outcome;

/// One leaf of T4 (G-64).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionLeaf {
    /// What was decided.
    pub outcome: Outcome,
    /// The proposal's class.
    pub class: Class,
    /// The epoch whose header first decided it.
    pub decided_epoch: u32,
    /// The gate a passed spend has to spend; `None` for other proposals, or when all gates are taken.
    pub gate: Option<OutPoint>,
    /// Present once a passed spend with a gate is authorised.
    pub authorisation: Option<Authorisation>,
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

impl Canonical for DecisionLeaf {
    fn encode(&self, w: &mut Writer) {
        self.outcome.encode(w);
        self.class.encode(w);
        w.u32(self.decided_epoch);
        w.option(self.gate.as_ref(), Writer::outpoint);
        w.option(self.authorisation, |w, a| {
            w.u32(a.height);
            w.u32(a.expires_height);
            w.u64(a.amount_sat);
            w.fixed(&a.intent);
        });
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            outcome: Canonical::decode(r)?,
            class: Canonical::decode(r)?,
            decided_epoch: r.u32()?,
            gate: r.option("gate", Reader::outpoint)?,
            authorisation: r.option("authorisation", |r| {
                Ok(Authorisation {
                    height: r.u32()?,
                    expires_height: r.u32()?,
                    amount_sat: r.u64()?,
                    intent: r.fixed()?,
                })
            })?,
        })
    }
}
