//! The epoch header: the few hundred bytes whose hash goes on Bitcoin.

use bitcoin::secp256k1::XOnlyPublicKey;
use bitcoin::{BlockHash, OutPoint};

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::{tag, tagged_hash};
use crate::id::{CharterHash, DaoId, HeaderHash, NetworkId, TreeHash};
use crate::ledger::EpochBoundary;

/// Everything an epoch commits to (G-60). Which link carries it is not in it: that is read from the chain of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochHeader {
    /// Network of the DAO.
    pub network: NetworkId,
    /// The DAO.
    pub dao: DaoId,
    /// 1 for the first.
    pub epoch: u32,
    /// Hash of the header before; zeros for epoch 1.
    pub prev_header: HeaderHash,
    /// Entries covered.
    pub log_size: u64,
    /// T1: RFC 9162 root over them.
    pub log_root: TreeHash,
    /// Commitment of the tree of T2 roots.
    pub ballots_root: [u8; 32],
    /// T3: commitment of the tree of rolls.
    pub rolls_root: [u8; 32],
    /// T4: commitment of the tree of decisions.
    pub decisions_root: [u8; 32],
    /// The charter in force.
    pub charter: CharterHash,
    /// Internal key of the next link's output 0.
    pub next_anchor_key: XOnlyPublicKey,
    /// The spare seal.
    pub spare_seal: OutPoint,
    /// Height of the boundary at which the epoch closed.
    pub closing_height: u32,
    /// Hash of the block at that height.
    pub closing_hash: BlockHash,
}

/// The first field in which two headers differ.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("epoch header: {field} is {theirs}, but recomputed it is {ours}")]
pub struct HeaderDifference {
    /// Which field.
    pub field: &'static str,
    /// What was recomputed.
    pub ours: String,
    /// What the other header says.
    pub theirs: String,
}

impl EpochHeader {
    /// Its hash, which is the 32-byte commitment in the link (G-61).
    #[must_use]
    pub fn hash(&self) -> HeaderHash {
        HeaderHash(tagged_hash(tag::EPOCH, &[&self.to_bytes()]))
    }

    /// Where the epoch closed.
    #[must_use]
    pub const fn boundary(&self) -> EpochBoundary {
        EpochBoundary { epoch: self.epoch, closing_height: self.closing_height, log_size: self.log_size }
    }

    /// The first field in which `theirs` differs from this recomputed header.
    #[must_use]
    pub fn difference(&self, theirs: &Self) -> Option<HeaderDifference> {
        let fields: [ShowField; 14] = [
            |h| ("network", h.network.to_string()),
            |h| ("dao", h.dao.to_string()),
            |h| ("epoch", h.epoch.to_string()),
            |h| ("prev_header", h.prev_header.to_string()),
            |h| ("closing_height", h.closing_height.to_string()),
            |h| ("closing_hash", h.closing_hash.to_string()),
            |h| ("log_size", h.log_size.to_string()),
            |h| ("log_root", h.log_root.to_string()),
            |h| ("rolls_root", hex(&h.rolls_root)),
            |h| ("ballots_root", hex(&h.ballots_root)),
            |h| ("decisions_root", hex(&h.decisions_root)),
            |h| ("charter", h.charter.to_string()),
            |h| ("next_anchor_key", h.next_anchor_key.to_string()),
            |h| ("spare_seal", h.spare_seal.to_string()),
        ];
        fields.iter().find_map(|show| {
            let (field, ours) = show(self);
            let (_, theirs) = show(theirs);
            (ours != theirs).then_some(HeaderDifference { field, ours, theirs })
        })
    }
}

impl Canonical for EpochHeader {
    fn encode(&self, w: &mut Writer) {
        w.u8(1);
        self.network.encode(w);
        self.dao.encode(w);
        w.u32(self.epoch);
        self.prev_header.encode(w);
        w.u64(self.log_size);
        self.log_root.encode(w);
        w.fixed(&self.ballots_root);
        w.fixed(&self.rolls_root);
        w.fixed(&self.decisions_root);
        self.charter.encode(w);
        w.x_only_key(&self.next_anchor_key);
        w.outpoint(&self.spare_seal);
        w.u32(self.closing_height);
        w.block_hash(&self.closing_hash);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.version("epoch header version")?;
        Ok(Self {
            network: Canonical::decode(r)?,
            dao: Canonical::decode(r)?,
            epoch: r.u32()?,
            prev_header: Canonical::decode(r)?,
            log_size: r.u64()?,
            log_root: Canonical::decode(r)?,
            ballots_root: r.fixed()?,
            rolls_root: r.fixed()?,
            decisions_root: r.fixed()?,
            charter: Canonical::decode(r)?,
            next_anchor_key: r.x_only_key("next_anchor_key")?,
            spare_seal: r.outpoint()?,
            closing_height: r.u32()?,
            closing_hash: r.block_hash()?,
        })
    }
}

/// Name and text of one field of a header.
type ShowField = fn(&EpochHeader) -> (&'static str, String);

fn hex(bytes: &[u8; 32]) -> String {
    use bitcoin::hex::DisplayHex as _;
    bytes.to_lower_hex_string()
}
