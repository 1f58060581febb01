//! Entries that members say the log leaves out.

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Digests, Entry, SeenNote};

use super::Hub;
use super::batch::Origin;
use crate::ledger::LedgerError;

impl Hub {
    /// N-77: a hub that is given a note logs what the note is about in its place, also where it would refuse the entry itself
    /// for want of weight: such an entry counts for nothing, and leaving it out would stop the whole DAO (G-97). Only what has
    /// to come from its own author's peer, with a channel behind it, stays a note.
    ///
    /// # Errors
    /// [`LedgerError::NotYet`] when the entry is being logged: asked again, the rules say that no note is needed. Whatever
    /// they say of the note.
    pub(super) fn take_in_note(&mut self, note: Entry, bytes: Vec<u8>, origin: Origin) -> Result<(), LedgerError> {
        self.shell.ledger.check_rules(&note)?;
        if let Some(noted) = carried(&note) {
            match self.log_without_peer(noted) {
                Ok(()) => {
                    let position = self.shell.ledger.state().size();
                    let reason = format!("G-97: entry {} is being logged, so that no note of it is needed", noted.id());
                    return Err(LedgerError::NotYet { position, reason });
                }
                Err(error) => tracing::warn!(%error, "a noted entry cannot be logged; the note is"),
            }
        }
        let digests = Digests::of(&bytes);
        self.log_entry(note, bytes, digests, Some(origin))
    }

    /// Logs an entry of a member that did not come from that member's peer.
    ///
    /// # Errors
    /// [`LedgerError`] when the rules refuse it.
    pub(super) fn log_without_peer(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let bytes = entry.to_bytes();
        let entry = self.shell.ledger.examine(&bytes)?;
        let new_key = match &entry {
            Entry::KeyRotation(signed) => Some(signed.rotation.new_key),
            _ => None,
        };
        let digests = Digests::of(&bytes);
        self.log_entry(entry, bytes, digests, None)?;
        self.intake.know(new_key);
        Ok(())
    }
}

/// The entry that a note is about, if the hub can log it without its author's peer.
fn carried(note: &Entry) -> Option<&Entry> {
    let Entry::SeenNote(note) = note else { return None };
    Some(SeenNote::entry(&note.body)).filter(|entry| !matches!(entry, Entry::Bind(_) | Entry::Checkpoint(_)))
}
