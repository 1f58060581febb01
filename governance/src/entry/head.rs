//! Log head: the hub's signature under the log at a block.

use bitcoin::BlockHash;

use super::EntryKind;
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::{DaoId, NetworkId, TreeHash};
use crate::signing::Statement;

/// Size and root of the log, and the chain tip at which they were signed (G-30).
///
/// It is itself appended at the position equal to its `size`, so that the log alone tells every entry's height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// Network of the DAO.
    pub network: NetworkId,
    /// The DAO.
    pub dao: DaoId,
    /// Entries covered: those at positions below it.
    pub size: u64,
    /// RFC 9162 root over them.
    pub root: TreeHash,
    /// Height of the chain tip.
    pub tip_height: u32,
    /// Its hash.
    pub tip_hash: BlockHash,
}

impl LogHead {
    /// Whether an honest hub cannot have signed both: they tell different things of one size or one tip height.
    /// With both signatures this is a portable proof of fraud.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        let same_dao = self.network == other.network && self.dao == other.dao;
        let same_place = self.size == other.size || self.tip_height == other.tip_height;
        same_dao && same_place && self != other
    }
}

impl Statement for LogHead {
    const TAG: &'static str = tag::SIGN_HEAD;
    const PREFIX: &'static [u8] = &[1, EntryKind::Head as u8];
}

impl Canonical for LogHead {
    fn encode(&self, w: &mut Writer) {
        self.network.encode(w);
        self.dao.encode(w);
        w.u64(self.size);
        self.root.encode(w);
        w.u32(self.tip_height);
        w.block_hash(&self.tip_hash);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: Canonical::decode(r)?,
            dao: Canonical::decode(r)?,
            size: r.u64()?,
            root: Canonical::decode(r)?,
            tip_height: r.u32()?,
            tip_hash: r.block_hash()?,
        })
    }
}
