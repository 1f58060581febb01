//! Lives of one side of a channel: what came out of a backup goes on with other secrets and nonces than what was lost may have used.
//! Clauses C-152 to C-156.

use lightning::impl_writeable_tlv_based;

/// Most lives of one side of a channel. Clause C-152.
pub const MAX_LIVES: usize = 16;

/// A life: from which number on which secrets and nonces count. Clause C-152.
///
/// The value is no secret: only together with the channel's seed does it give anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// The first number that it counts for.
    pub first: u64,
    /// Drawn at random, once.
    pub value: [u8; 32],
}

impl_writeable_tlv_based!(Life, {
    (0, first, required),
    (2, value, required),
});

/// The life that a number belongs to; `None` before the first. The firsts ascend.
pub(crate) fn life_of(lives: &[Life], number: u64) -> Option<&Life> {
    lives.iter().rfind(|life| life.first <= number)
}

/// Whether the firsts ascend, and there are not too many.
pub(crate) fn are_in_order(lives: &[Life]) -> bool {
    lives.len() <= MAX_LIVES && lives.windows(2).all(|pair| pair[0].first < pair[1].first)
}
