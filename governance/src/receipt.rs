//! Receipts: what the hub owes a member in return for an entry. The receipt of an entry acknowledges its lane up to there (G-81).

use bitcoin::BlockHash;

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::entry::LogHead;
use crate::hash::tag;
use crate::id::{DaoId, NetworkId, TreeHash};
use crate::signing::Statement;
use crate::tree::{HistoryTree, InclusionError, leaf_hash, verify_inclusion};

/// The hub's promise that a batch of entries is in the log at these positions (G-80). A head or header with a size of at
/// least `log_size` and another entry at one of them is a portable proof of fraud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Network of the DAO.
    pub network: NetworkId,
    /// The DAO.
    pub dao: DaoId,
    /// Position of the batch's first entry.
    pub first_position: u64,
    /// Entries in the batch, at least 1.
    pub count: u32,
    /// RFC 9162 root over the batch's entries alone.
    pub batch_root: TreeHash,
    /// Size of the log after the batch.
    pub log_size: u64,
    /// RFC 9162 root of the log at that size.
    pub log_root: TreeHash,
    /// Height of the chain tip then.
    pub tip_height: u32,
    /// Its hash.
    pub tip_hash: BlockHash,
    /// Height by which a link over these entries will be mined; later is a stall, not a fraud.
    pub anchored_by_height: u32,
}

/// A receipt does not cover an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The position is outside the batch.
    #[error("G-80: position {position} is not among the {count} from {first}")]
    Position {
        /// Position claimed.
        position: u64,
        /// First of the batch.
        first: u64,
        /// Entries in the batch.
        count: u32,
    },
    /// The path does not lead to the batch root.
    #[error("G-80: {0}")]
    Path(#[from] InclusionError),
}

impl Receipt {
    /// Checks that `entry_bytes` is the entry at `position` by the path within the batch (G-80).
    ///
    /// # Errors
    /// [`ReceiptError`] when it is not.
    pub fn verify_entry(&self, entry_bytes: &[u8], position: u64, path: &[TreeHash]) -> Result<(), ReceiptError> {
        let outside = ReceiptError::Position { position, first: self.first_position, count: self.count };
        let index = position.checked_sub(self.first_position).ok_or(outside)?;
        Ok(verify_inclusion(leaf_hash(entry_bytes), index, u64::from(self.count), path, self.batch_root)?)
    }

    /// Whether `head`, of the same hub, tells of another log than this receipt at the same size.
    #[must_use]
    pub fn contradicts(&self, head: &LogHead) -> bool {
        self.network == head.network && self.dao == head.dao && self.log_size == head.size && self.log_root != head.root
    }
}

/// The tree over a batch's entries, for its root and the paths that go with a receipt.
#[must_use]
pub fn batch_tree<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> HistoryTree {
    HistoryTree::from_leaf_hashes(entries.into_iter().map(leaf_hash))
}

impl Statement for Receipt {
    const TAG: &'static str = tag::SIGN_RECEIPT;
    const PREFIX: &'static [u8] = &[1];
}

impl Canonical for Receipt {
    fn encode(&self, w: &mut Writer) {
        self.network.encode(w);
        self.dao.encode(w);
        w.u64(self.first_position);
        w.u32(self.count);
        self.batch_root.encode(w);
        w.u64(self.log_size);
        self.log_root.encode(w);
        w.u32(self.tip_height);
        w.block_hash(&self.tip_hash);
        w.u32(self.anchored_by_height);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: Canonical::decode(r)?,
            dao: Canonical::decode(r)?,
            first_position: r.u64()?,
            count: r.u32()?,
            batch_root: Canonical::decode(r)?,
            log_size: r.u64()?,
            log_root: Canonical::decode(r)?,
            tip_height: r.u32()?,
            tip_hash: r.block_hash()?,
            anchored_by_height: r.u32()?,
        })
    }
}
