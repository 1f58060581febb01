//! Which vote key signs for a folder's member, as its stored log tells it without a node (docs/spec/node.md, N-432).

use std::path::Path;

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{EntryKind, SignedKeyRotation};
use althing_governance::id::MemberId;
use anyhow::Result;

use crate::store::{DATABASE_FILE, Store};

/// The vote key that came in the place of `first` (G-90), hex. `None` where the log knows of no replacement, or there is none yet.
///
/// # Errors
/// A store that cannot be read.
pub(crate) fn vote_key_in_force(dir: &Path, first: &str) -> Result<Option<String>> {
    if !dir.join(DATABASE_FILE).exists() {
        return Ok(None);
    }
    let Ok(first) = first.parse::<MemberId>() else { return Ok(None) };
    let store = Store::open_read_only(dir)?;
    let mut speaking = first;
    let mut look = |entry: &[u8]| {
        // All others are left undecoded: there may be a million of them.
        if !entry.starts_with(&[1, EntryKind::KeyRotation as u8]) {
            return;
        }
        if let Ok(signed) = SignedKeyRotation::from_bytes(entry)
            && signed.rotation.old_key == speaking
        {
            speaking = signed.rotation.new_key;
        }
    };
    if store.is_pruned()? {
        // A light member keeps every replacement (N-220).
        store.held_entries(0, u64::MAX)?.iter().for_each(|held| look(&held.entry));
    } else {
        store.visit_segments(|segment| {
            segment.entries.iter().for_each(|entry| look(entry));
            Ok(())
        })?;
    }
    Ok((speaking != first).then(|| speaking.to_string()))
}
