//! Messages by which treasurers' nodes exchange what they sign, through the hub. What a paper says is opaque here.

use lightning::impl_writeable_tlv_based;

use super::list::List;

/// Most papers named in one list.
pub const MAX_PAPER_IDS: usize = 255;

/// Most bytes of a paper in one part.
pub const MAX_PAPER_PART: usize = 24 * 1024;

/// A treasurer says so to the hub, which hands papers to treasurers only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreasurerHello {
    /// The treasurer's key, x-only.
    pub key: [u8; 32],
    /// Its signature for this connection's two ends.
    pub signature: [u8; 64],
}

impl_writeable_tlv_based!(TreasurerHello, {
    (0, key, required),
    (2, signature, required),
});

/// Papers that the sender holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaperList {
    /// Their ids.
    pub ids: List<[u8; 32], MAX_PAPER_IDS>,
}

impl_writeable_tlv_based!(PaperList, {
    (0, ids, required),
});

/// Asks for a paper from one of its parts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaperFetch {
    /// Its id.
    pub id: [u8; 32],
    /// The first part wanted, from 0.
    pub from: u16,
}

impl_writeable_tlv_based!(PaperFetch, {
    (0, id, required),
    (2, from, required),
});

/// A part of a paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperPart {
    /// Its id.
    pub id: [u8; 32],
    /// Which part, from 0.
    pub part: u16,
    /// How many there are.
    pub parts: u16,
    /// At most [`MAX_PAPER_PART`] bytes.
    pub bytes: Vec<u8>,
}

impl_writeable_tlv_based!(PaperPart, {
    (0, id, required),
    (2, part, required),
    (4, parts, required),
    (6, bytes, required),
});
