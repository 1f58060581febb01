//! Seen note: a member's word that an entry exists which the log does not have.

use super::{Entry, EntryKind, LaneBody, MAX_ENTRY};
use crate::codec::{Canonical, DecodeError, Reader, Writer, check_length};
use crate::hash::tag;

/// Largest entry in bytes that a note can carry, so that the note is itself an entry (G-97).
pub const MAX_SEEN: usize = MAX_ENTRY - 256;

/// A member has seen an entry by some height, and shows it (G-97). Enough of them force the hub to log it. Nobody can be forced
/// to log what does not exist: the entry is whole and signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenNote {
    entry: Box<Entry>,
    /// Height of the chain tip when it was seen.
    pub height: u32,
}

impl SeenNote {
    /// The note of an entry.
    ///
    /// # Errors
    /// [`DecodeError`] when no note can carry it: it is the hub's own, holds other entries, or is longer than [`MAX_SEEN`].
    pub fn new(entry: Entry, height: u32) -> Result<Self, DecodeError> {
        check_kind(entry.kind())?;
        check_length("seen entry", entry.to_bytes().len(), 0, MAX_SEEN)?;
        Ok(Self { entry: Box::new(entry), height })
    }

    /// The entry seen.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.entry
    }
}

impl LaneBody for SeenNote {
    const KIND: EntryKind = EntryKind::SeenNote;
    const TAG: &'static str = tag::SIGN_SEEN_NOTE;
}

impl Canonical for SeenNote {
    fn encode(&self, w: &mut Writer) {
        w.bytes(&self.entry.to_bytes());
        w.u32(self.height);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = r.bytes("seen entry", MAX_SEEN)?;
        // Before it is read, so that nothing nests.
        if let Some(kind) = bytes.get(1).copied().and_then(EntryKind::from_number) {
            check_kind(kind)?;
        }
        Ok(Self { entry: Box::new(Entry::from_bytes(&bytes)?), height: r.u32()? })
    }
}

/// What the hub says is its own to log, and what holds entries can be taken apart.
fn check_kind(kind: EntryKind) -> Result<(), DecodeError> {
    match kind {
        EntryKind::Head
        | EntryKind::Anchored
        | EntryKind::Execution
        | EntryKind::GateRefill
        | EntryKind::Equivocation
        | EntryKind::SeenNote => {
            let problem = format!("a seen note carries no {}", kind.name());
            Err(DecodeError::Rule { rule: "G-97", field: "seen entry", problem })
        }
        _ => Ok(()),
    }
}
