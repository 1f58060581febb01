//! Execution: the log notes that an authorised payment is on Bitcoin.

use bitcoin::{BlockHash, Txid};

use super::EntryKind;
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::{DaoId, NetworkId, ProposalId};
use crate::signing::Statement;

/// A payment of the treasury was mined (G-99). Whether it was, every full member checks against Bitcoin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution {
    /// Network of the DAO.
    pub network: NetworkId,
    /// The DAO.
    pub dao: DaoId,
    /// The proposal that authorised it.
    pub proposal: ProposalId,
    /// Which milestone of a budget, from 0; 0 for a spend.
    pub milestone: u16,
    /// The transaction.
    pub txid: Txid,
    /// Height of the block that holds it.
    pub mined_height: u32,
    /// Hash of that block.
    pub mined_hash: BlockHash,
    /// Satoshis that left the treasury, fee included.
    pub amount_sat: u64,
}

impl Statement for Execution {
    const TAG: &'static str = tag::SIGN_EXECUTION;
    const PREFIX: &'static [u8] = &[1, EntryKind::Execution as u8];
}

impl Canonical for Execution {
    fn encode(&self, w: &mut Writer) {
        self.network.encode(w);
        self.dao.encode(w);
        self.proposal.encode(w);
        w.u16(self.milestone);
        w.txid(&self.txid);
        w.u32(self.mined_height);
        w.block_hash(&self.mined_hash);
        w.u64(self.amount_sat);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: Canonical::decode(r)?,
            dao: Canonical::decode(r)?,
            proposal: Canonical::decode(r)?,
            milestone: r.u16()?,
            txid: r.txid()?,
            mined_height: r.u32()?,
            mined_hash: r.block_hash()?,
            amount_sat: r.u64()?,
        })
    }
}
