//! A light member (docs/spec/node.md, N-220 to N-225): the log is read and checked anew at each start and is not stored; own entries, and
//! what proofs of them need, are.

use althing_governance::codec::{Canonical as _, Writer as Encoder};
use althing_governance::entry::{Entry, LogHead};
use althing_governance::id::MemberId;
use althing_governance::receipt::batch_tree;
use althing_governance::signing::Signed;
use althing_governance::state::LogState;
use anyhow::{Context, Result};

use crate::api::{ApiError, Evidence, HeldOwn, HeldProof, LightStatus, LightView};
use crate::keys::hex;
use crate::shell::{NEWEST_HEAD, Shell};
use crate::store::{HeldEntry, Segment};
use crate::view::stored_receipt;

/// N-220: what is kept of a segment whose entries the log has: entries of these keys, which are one person's, with the hub's receipts and
/// their paths; what proofs begin with; and the hub's signed heads.
///
/// # Errors
/// When an entry cannot be read.
pub fn held_of(state: &LogState, keys: &[MemberId], segment: &Segment) -> Result<Vec<HeldEntry>> {
    let mut held = Vec::new();
    let mut tree = None;
    for (index, bytes) in (0u64..).zip(&segment.entries) {
        let entry = Entry::from_bytes(bytes).context("an entry that was checked")?;
        let position = segment.first_position + index;
        let receipt = if is_own(state, keys, &entry) {
            let tree = tree.get_or_insert_with(|| batch_tree(segment.entries.iter().map(Vec::as_slice)));
            let path = tree.inclusion_proof(index, tree.size()).context("the entry is in its batch")?;
            // As the receipt of an own entry is stored when the hub gives it.
            let mut stored = Encoder::new();
            stored.fixed(&segment.receipt.to_bytes());
            stored.u64(position);
            stored.list(&path);
            Some(stored.into_bytes())
        } else if matches!(entry, Entry::Proposal(_) | Entry::Head(_) | Entry::KeyRotation(_)) {
            None
        } else {
            continue;
        };
        held.push(HeldEntry { position, entry: bytes.clone(), receipt });
    }
    Ok(held)
}

fn is_own(state: &LogState, keys: &[MemberId], entry: &Entry) -> bool {
    match entry {
        Entry::Checkpoint(signed) => {
            state.channels().get(&signed.checkpoint.channel).is_some_and(|record| keys.contains(&record.member))
        }
        other => other
            .lane()
            .is_some_and(|lane| keys.contains(&lane.member) || keys.contains(&state.member_of_key(&lane.member))),
    }
}

impl Shell {
    /// What a light member keeps of a segment (N-220).
    ///
    /// # Errors
    /// When an entry cannot be read.
    pub(crate) fn held_of(&self, segment: &Segment) -> Result<Vec<HeldEntry>> {
        let keys = [self.keys.vote(), self.keys.treasury()].map(|key| MemberId::of(&key.x_only_public_key().0));
        held_of(self.ledger.state(), &keys, segment)
    }

    /// N-221: the entries that the log has at least, by what this folder holds of it: its newest head, own entries, and receipts.
    ///
    /// # Errors
    /// On I/O, or a damaged store.
    pub(crate) fn known_at_least(&self) -> Result<u64> {
        let head = self.store.meta(NEWEST_HEAD)?.map(|bytes| Signed::<LogHead>::from_bytes(&bytes)).transpose()?;
        // A head is itself the entry behind those that it covers.
        let by_head = head.map_or(0, |head| head.size + 1);
        let by_entries = self.store.held_end()?;
        let receipts = self.store.outbox()?.into_iter().filter_map(|row| row.receipt);
        let promised = receipts.map(|bytes| stored_receipt(&bytes).map(|(_, position)| position + 1));
        let by_receipts = promised.collect::<Result<Vec<u64>>>()?.into_iter().max().unwrap_or(0);
        Ok(by_head.max(by_entries).max(by_receipts))
    }

    /// N-222: what a segment has elsewhere than it was when this folder read the log before. `None` where it is the same log.
    ///
    /// # Errors
    /// On I/O.
    pub(crate) fn contradicted(&self, segment: &Segment) -> Result<Option<String>> {
        for row in self.store.held_entries(segment.first_position, segment.end())? {
            let index = usize::try_from(row.position - segment.first_position)?;
            if segment.entries.get(index) == Some(&row.entry) {
                continue;
            }
            let mut words = format!(
                "N-222: entry {} of the log is another one than when this folder read it before: the hub has signed two logs",
                row.position
            );
            if let Some(path) = self.prove_two_heads(segment)? {
                words.push_str(&format!("; the proof is in {}", path.display()));
            }
            return Ok(Some(words));
        }
        Ok(None)
    }

    /// How far a light member has read.
    pub(crate) fn light_status(&self) -> Option<LightStatus> {
        let (read, at_least) = self.store.streamed()?;
        Some(LightStatus { read, at_least, reads_anew: self.store.reads_anew() })
    }

    /// What this folder holds by itself, read back from the store.
    ///
    /// # Errors
    /// On I/O, or a damaged store.
    pub(crate) fn light_view(&self) -> Result<LightView> {
        let mut own = Vec::new();
        let held = self.store.held_entries(0, u64::MAX)?;
        let others = held.iter().filter(|row| row.receipt.is_none()).count() as u64;
        for row in held {
            let Some(receipt) = row.receipt else { continue };
            let (receipt, _) = stored_receipt(&receipt)?;
            let entry = Entry::from_bytes(&row.entry)?;
            own.push(HeldOwn {
                entry: entry.id().to_string(),
                kind: entry.kind().name().to_owned(),
                position: row.position,
                anchored_by_height: receipt.anchored_by_height,
            });
        }
        let proofs = self.store.held_proofs()?.into_iter().map(|row| HeldProof {
            proposal: hex(&row.proposal),
            number: row.number,
            title: row.title,
            own_ballot: row.kind == 0,
            epoch: row.epoch,
            words: row.words,
        });
        Ok(LightView { light: self.light_status(), own, others, proofs: proofs.collect() })
    }

    /// The entry at a position that the log has.
    ///
    /// # Errors
    /// N-223 where a light member does not keep it, or on I/O.
    pub(crate) fn stored_entry(&self, position: u64) -> Result<Vec<u8>, ApiError> {
        let found = self.store.entry_at(position)?;
        found.ok_or_else(|| match self.store.is_light() {
            true => ApiError::not_now(format!(
                "N-223: a light member keeps its own entries, and entry {position} of the log is another's; a member with the whole log can do this"
            )),
            false => ApiError::ours(format!("entry {position} of the log is not stored")),
        })
    }

    /// A proof file of two heads that contradict each other: one kept, and one of a segment.
    fn prove_two_heads(&self, segment: &Segment) -> Result<Option<std::path::PathBuf>> {
        let head = |bytes: &Vec<u8>| match Entry::from_bytes(bytes) {
            Ok(Entry::Head(head)) => Some(head),
            _ => None,
        };
        let kept = self.store.held_entries(0, u64::MAX)?;
        for shown in segment.entries.iter().filter_map(head) {
            let other = kept.iter().filter_map(|row| head(&row.entry)).find(|kept| kept.statement.contradicts(&shown));
            let Some(other) = other else { continue };
            let path = self.dir.join(format!("fraud-head-{}.althing", shown.tip_height));
            let heads = vec![hex(&other.to_bytes()), hex(&shown.to_bytes())];
            match crate::proof::prove(self, None, &Evidence::HeadFraud { heads }, &path, false) {
                Ok(_) => return Ok(Some(path)),
                Err(error) => tracing::warn!(%error, "two heads that are no proof"),
            }
        }
        Ok(None)
    }
}
