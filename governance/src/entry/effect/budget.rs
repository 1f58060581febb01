//! A budget: payments to one payee, milestone by milestone, until a later vote stops it.

use bitcoin::ScriptBuf;

use super::rule;
use super::spend::{MAX_SCRIPT, Spend, SpendOutput, check_fee_cap, check_script};
use crate::codec::{Canonical, DecodeError, Reader, Writer, check_length};
use crate::entry::text::check_line;

/// Most milestones of a budget.
pub const MAX_MILESTONES: usize = 32;
/// Longest description of a milestone in bytes.
pub const MAX_DESCRIPTION: usize = 200;

/// Payments in milestones (G-84). Each is authorised by itself, so that a later vote can stop what was not yet paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Whom every milestone pays: an output script of 1 to 520 bytes.
    pub payee: ScriptBuf,
    /// 1 to 32 milestones, by ascending `after_blocks`.
    pub milestones: Vec<Milestone>,
    /// Highest fee of each payment in satoshis.
    pub fee_cap_sat: u64,
    /// Blocks from a milestone's authorisation to its expiry. At least 1.
    pub expiry_blocks: u32,
}

/// One payment of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Milestone {
    /// What it is for, 1 to 200 bytes.
    pub description: String,
    /// Satoshis, at least 1.
    pub amount_sat: u64,
    /// Blocks after the budget's authorisation before it is due; 0 for at once.
    pub after_blocks: u32,
}

impl Budget {
    /// All milestones with their fees in satoshis; `None` on overflow.
    #[must_use]
    pub fn amount_sat(&self) -> Option<u64> {
        self.milestones
            .iter()
            .try_fold(0u64, |sum, milestone| sum.checked_add(milestone.amount_sat)?.checked_add(self.fee_cap_sat))
    }

    /// The payment of one milestone, counted from 0.
    #[must_use]
    pub fn payment(&self, milestone: usize) -> Option<Spend> {
        let sat = self.milestones.get(milestone)?.amount_sat;
        let outputs = vec![SpendOutput { script: self.payee.clone(), sat }];
        Some(Spend { outputs, fee_cap_sat: self.fee_cap_sat, expiry_blocks: self.expiry_blocks })
    }

    pub(super) fn check(&self) -> Result<(), DecodeError> {
        check_script(&self.payee)?;
        check_fee_cap(self.fee_cap_sat)?;
        check_length("milestones", self.milestones.len(), 1, MAX_MILESTONES)?;
        for milestone in &self.milestones {
            check_line("milestone description", &milestone.description, 1, MAX_DESCRIPTION)?;
            if milestone.amount_sat == 0 {
                return Err(rule("G-84", "milestone amount", "is 0 sat".into()));
            }
        }
        if let Some(pair) = self.milestones.windows(2).find(|pair| pair[0].after_blocks > pair[1].after_blocks) {
            let problem = format!("{} stands behind {}; must not descend", pair[1].after_blocks, pair[0].after_blocks);
            return Err(rule("G-84", "milestone after_blocks", problem));
        }
        if self.expiry_blocks == 0 {
            return Err(rule("G-84", "expiry_blocks", "is 0; must be at least 1".into()));
        }
        Ok(())
    }
}

impl Canonical for Budget {
    fn encode(&self, w: &mut Writer) {
        w.bytes(self.payee.as_bytes());
        w.list(&self.milestones);
        w.u64(self.fee_cap_sat);
        w.u32(self.expiry_blocks);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            payee: ScriptBuf::from_bytes(r.bytes("output script", MAX_SCRIPT)?),
            milestones: r.list("milestones", MAX_MILESTONES)?,
            fee_cap_sat: r.u64()?,
            expiry_blocks: r.u32()?,
        })
    }
}

impl Canonical for Milestone {
    fn encode(&self, w: &mut Writer) {
        w.text(&self.description);
        w.u64(self.amount_sat);
        w.u32(self.after_blocks);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            description: r.text("milestone description", MAX_DESCRIPTION)?,
            amount_sat: r.u64()?,
            after_blocks: r.u32()?,
        })
    }
}
