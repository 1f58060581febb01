//! Seen note: a member's word that an entry exists which the log does not have.

use super::{EntryKind, LaneBody};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::EntryId;

/// A member has seen an entry by some height (G-97). Enough of them force the hub to log it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenNote {
    /// The entry's id.
    pub entry: EntryId,
    /// Height of the chain tip when it was seen.
    pub height: u32,
}

impl LaneBody for SeenNote {
    const KIND: EntryKind = EntryKind::SeenNote;
    const TAG: &'static str = tag::SIGN_SEEN_NOTE;
}

impl Canonical for SeenNote {
    fn encode(&self, w: &mut Writer) {
        self.entry.encode(w);
        w.u32(self.height);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { entry: Canonical::decode(r)?, height: r.u32()? })
    }
}
