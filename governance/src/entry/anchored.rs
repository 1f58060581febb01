//! Anchored: the log notes that an epoch is final on Bitcoin.

use bitcoin::{BlockHash, Txid};

use super::EntryKind;
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::epoch::EpochHeader;
use crate::hash::tag;
use crate::id::{DaoId, NetworkId};
use crate::signing::Statement;

/// The link of an epoch is final (G-31). Its position makes "the newest final header when a proposal was logged" a
/// function of the log; whether it is true, every full member checks against Bitcoin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchored {
    /// Network of the DAO.
    pub network: NetworkId,
    /// The DAO.
    pub dao: DaoId,
    /// The header whose hash the link commits to.
    pub header: EpochHeader,
    /// The link transaction.
    pub link: Txid,
    /// Height of the block that holds it.
    pub mined_height: u32,
    /// Hash of that block.
    pub mined_hash: BlockHash,
}

impl Statement for Anchored {
    const TAG: &'static str = tag::SIGN_ANCHORED;
    const PREFIX: &'static [u8] = &[1, EntryKind::Anchored as u8];
}

impl Canonical for Anchored {
    fn encode(&self, w: &mut Writer) {
        self.network.encode(w);
        self.dao.encode(w);
        self.header.encode(w);
        w.txid(&self.link);
        w.u32(self.mined_height);
        w.block_hash(&self.mined_hash);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: Canonical::decode(r)?,
            dao: Canonical::decode(r)?,
            header: Canonical::decode(r)?,
            link: r.txid()?,
            mined_height: r.u32()?,
            mined_hash: r.block_hash()?,
        })
    }
}
