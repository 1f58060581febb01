//! Gate refill: the log notes that the treasury made gates, or took back some that nothing was authorised through.

use bitcoin::{BlockHash, OutPoint, Txid};

use super::EntryKind;
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::{DaoId, NetworkId};
use crate::signing::Statement;

/// Most gates that one refill makes, and most that it takes back.
pub const MAX_REFILL: usize = 64;

/// A housekeeping transaction of the treasury that makes or takes back gates (G-108). Whether it did, every full member checks
/// against Bitcoin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRefill {
    /// Network of the DAO.
    pub network: NetworkId,
    /// The DAO.
    pub dao: DaoId,
    /// The transaction.
    pub txid: Txid,
    /// Height of the block that holds it.
    pub mined_height: u32,
    /// Hash of that block.
    pub mined_hash: BlockHash,
    /// Which of its outputs are gates, ascending; at most [`MAX_REFILL`].
    pub created: Vec<u32>,
    /// Gates that it spends and through which nothing was authorised, ascending; at most [`MAX_REFILL`].
    pub retired: Vec<OutPoint>,
}

impl GateRefill {
    /// The gates that it makes, in the order in which they are given out.
    pub fn gates(&self) -> impl Iterator<Item = OutPoint> + '_ {
        self.created.iter().map(|vout| OutPoint { txid: self.txid, vout: *vout })
    }

    fn check(&self) -> Result<(), DecodeError> {
        let problem = match () {
            () if self.created.is_empty() && self.retired.is_empty() => "names no gate",
            () if !self.created.is_sorted_by(|a, b| a < b) => "names outputs that do not ascend",
            () if !self.retired.is_sorted_by(|a, b| a < b) => "names retired gates that do not ascend",
            () => return Ok(()),
        };
        Err(DecodeError::Rule { rule: "G-108", field: "gate refill", problem: problem.into() })
    }
}

impl Statement for GateRefill {
    const TAG: &'static str = tag::SIGN_GATE_REFILL;
    const PREFIX: &'static [u8] = &[1, EntryKind::GateRefill as u8];
}

impl Canonical for GateRefill {
    fn encode(&self, w: &mut Writer) {
        self.network.encode(w);
        self.dao.encode(w);
        w.txid(&self.txid);
        w.u32(self.mined_height);
        w.block_hash(&self.mined_hash);
        w.list(&self.created);
        w.list(&self.retired);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let refill = Self {
            network: Canonical::decode(r)?,
            dao: Canonical::decode(r)?,
            txid: r.txid()?,
            mined_height: r.u32()?,
            mined_hash: r.block_hash()?,
            created: r.list("gates", MAX_REFILL)?,
            retired: r.list("retired gates", MAX_REFILL)?,
        };
        refill.check()?;
        Ok(refill)
    }
}
