//! A payment out of the treasury.

use bitcoin::ScriptBuf;

use super::rule;
use crate::codec::{Canonical, DecodeError, Reader, Writer, check_length};
use crate::hash::{tag, tagged_hash};
use crate::id::ProposalId;

/// Most outputs of a spend.
pub const MAX_OUTPUTS: usize = 100;
/// Largest fee cap in satoshis: 1000 sat/vB for the largest transaction that nodes relay.
pub const MAX_FEE_CAP_SAT: u64 = 100_000_000;
/// Longest output script in bytes.
pub const MAX_SCRIPT: usize = 520;

/// A payment out of the treasury (G-24).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    /// 1 to 100 outputs, exactly these and in this order.
    pub outputs: Vec<SpendOutput>,
    /// Highest fee in satoshis.
    pub fee_cap_sat: u64,
    /// Blocks from authorisation to expiry; the class rule's limit applies if it is lower. At least 1.
    pub expiry_blocks: u32,
}

/// One output of a spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendOutput {
    /// Output script, 1 to 520 bytes.
    pub script: ScriptBuf,
    /// Value in satoshis, at least 1.
    pub sat: u64,
}

impl Spend {
    /// Outputs and fee cap in satoshis; `None` on overflow.
    #[must_use]
    pub fn amount_sat(&self) -> Option<u64> {
        self.outputs.iter().try_fold(self.fee_cap_sat, |sum, output| sum.checked_add(output.sat))
    }

    /// What treasurers' software compares a transaction with, for the spend of `proposal` (G-26).
    #[must_use]
    pub fn intent_hash(&self, proposal: ProposalId) -> [u8; 32] {
        tagged_hash(tag::SPEND, &[&proposal.0, &self.to_bytes()])
    }

    pub(super) fn check(&self) -> Result<(), DecodeError> {
        check_length("spend outputs", self.outputs.len(), 1, MAX_OUTPUTS)?;
        check_fee_cap(self.fee_cap_sat)?;
        for output in &self.outputs {
            check_script(&output.script)?;
            if output.sat == 0 {
                return Err(rule("G-24", "output value", "is 0 sat".into()));
            }
        }
        if self.expiry_blocks == 0 {
            return Err(rule("G-24", "expiry_blocks", "is 0; must be at least 1".into()));
        }
        Ok(())
    }
}

/// G-24: what a payment could cost at most that nodes still relay.
pub(super) fn check_fee_cap(sat: u64) -> Result<(), DecodeError> {
    if sat > MAX_FEE_CAP_SAT {
        let what = format!("is {sat} sat; must be at most {MAX_FEE_CAP_SAT}, 1000 sat/vB for the largest transaction");
        return Err(rule("G-24", "fee_cap_sat", what));
    }
    Ok(())
}

pub(super) fn check_script(script: &ScriptBuf) -> Result<(), DecodeError> {
    check_length("output script", script.len(), 1, MAX_SCRIPT)
}

impl Canonical for Spend {
    fn encode(&self, w: &mut Writer) {
        w.list(&self.outputs);
        w.u64(self.fee_cap_sat);
        w.u32(self.expiry_blocks);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { outputs: r.list("spend outputs", MAX_OUTPUTS)?, fee_cap_sat: r.u64()?, expiry_blocks: r.u32()? })
    }
}

impl Canonical for SpendOutput {
    fn encode(&self, w: &mut Writer) {
        w.bytes(self.script.as_bytes());
        w.u64(self.sat);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { script: ScriptBuf::from_bytes(r.bytes("output script", MAX_SCRIPT)?), sat: r.u64()? })
    }
}
