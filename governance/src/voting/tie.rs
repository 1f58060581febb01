//! Breaking ties between options by a block that nobody knew while voting.

use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;

use crate::hash::{tag, tagged_hash};

/// Blocks above the end of a vote at which the block that breaks ties stands (V-30).
pub const TIE_DEPTH: u32 = 6;

/// An order of options that follows from the hash of the block at close + 6 (V-30).
///
/// No voter, author or hub can choose it: the block is found after the close, and trying for another costs a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TieBreak {
    block: BlockHash,
}

impl TieBreak {
    /// The order that follows from `block`, the hash of the block six above the close.
    #[must_use]
    pub const fn new(block: BlockHash) -> Self {
        Self { block }
    }

    /// Place of an option in the order; the lowest wins.
    #[must_use]
    pub fn rank(&self, option: u16) -> [u8; 32] {
        tagged_hash(tag::TIE, &[self.block.as_byte_array(), &option.to_be_bytes()])
    }

    /// The one that wins; `None` when there is none.
    #[must_use]
    pub fn first(&self, options: &[u16]) -> Option<u16> {
        options.iter().copied().min_by_key(|option| self.rank(*option))
    }

    /// The one that loses, for eliminations; `None` when there is none.
    #[must_use]
    pub fn last(&self, options: &[u16]) -> Option<u16> {
        options.iter().copied().max_by_key(|option| self.rank(*option))
    }
}
