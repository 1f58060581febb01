//! Receipts: what the hub owes for entries, one signature for up to a hundred of them.

use althing_channels::wire::{AppAck, HashList};
use althing_governance::LogState;
use althing_governance::codec::Canonical as _;
use althing_governance::receipt::{Receipt, batch_tree};
use althing_governance::signing::Statement as _;
use althing_governance::tree::HistoryTree;
use anyhow::{Context, Result};
use bitcoin::BlockHash;
use bitcoin::secp256k1::{All, Keypair, Secp256k1, XOnlyPublicKey};

use crate::keys::{Keys, entropy};
use crate::ledger::Ledger;
use crate::store::Segment;

/// Most bytes of entries in one segment, so that a segment travels in one message (32 KiB at most). A full segment of plain ballots
/// fits: then its tree is complete, and no path in it needs a hash of its own.
const SEGMENT_BYTES: usize = 32 * 1024 - 768;

/// Most entries in one segment: a receipt's path stays at 7 hashes.
const SEGMENT_ENTRIES: usize = 128;

/// Seals entries that the log has in memory into segments with receipts.
pub struct Sealer<'a> {
    /// For signing.
    pub secp: &'a Secp256k1<All>,
    /// Where the hub's log keys are.
    pub keys: &'a Keys,
    /// The log, which tells which of them signs for what.
    pub ledger: &'a Ledger,
    /// The best block.
    pub tip: (u32, BlockHash),
}

impl Sealer<'_> {
    /// Segments for `entries`, the newest of the log, in order, each with the tree over it.
    ///
    /// # Errors
    /// When the log is shorter than that, the key in force is not this hub's, or the operating system has no randomness.
    pub fn seal(&self, entries: Vec<Vec<u8>>) -> Result<Vec<(Segment, HistoryTree)>> {
        let state = self.ledger.state();
        let mut first = state.size().checked_sub(entries.len() as u64).context("the log is shorter than its batch")?;
        let mut segments = Vec::new();
        // Derived once for all segments that it signs: that costs more than the signature.
        let mut known: Option<(XOnlyPublicKey, Keypair)> = None;
        for group in groups(entries) {
            // By the key in force where the segment begins: one of its own entries may put another in force (N-78).
            let wanted = self.ledger.hub_log_key_at(first);
            let key = match known {
                Some((name, key)) if name == wanted => key,
                _ => self.keys.log_for(&wanted)?,
            };
            known = Some((wanted, key));
            let (segment, tree) = self.seal_one(state, first, group, &key)?;
            first = segment.end();
            segments.push((segment, tree));
        }
        Ok(segments)
    }

    /// The tree over the entries of a batch that the log has: their leaves are known.
    fn batch_tree(&self, state: &LogState, first: u64, end: u64) -> Result<HistoryTree> {
        let leaves: Option<Vec<_>> = (first..end).map(|position| state.tree().leaf(position)).collect();
        Ok(HistoryTree::from_leaf_hashes(leaves.context("the log is shorter than its batch")?))
    }

    fn seal_one(
        &self,
        state: &LogState,
        first: u64,
        entries: Vec<Vec<u8>>,
        key: &Keypair,
    ) -> Result<(Segment, HistoryTree)> {
        let params = state.params();
        let log_size = first + entries.len() as u64;
        let (tip_height, tip_hash) = self.tip;
        let tree = self.batch_tree(state, first, log_size)?;
        let receipt = Receipt {
            network: params.network,
            dao: params.dao_id,
            first_position: first,
            count: u32::try_from(entries.len())?,
            batch_root: tree.root(),
            log_size,
            log_root: state.tree().root_at(log_size).context("the log is shorter than its batch")?,
            tip_height,
            tip_hash,
            anchored_by_height: anchored_by(state, tip_height),
        };
        let receipt = receipt.sign(self.secp, key, &entropy()?);
        Ok((Segment { first_position: first, entries, receipt }, tree))
    }
}

/// The messages that tell the authors of a segment's entries, in order. The receipt of an entry acknowledges its lane up to there
/// (G-81): the entry names its number and the head before it.
pub fn acknowledgements(segment: &Segment) -> impl Iterator<Item = AppAck> {
    acknowledgements_by(batch_tree(segment.entries.iter().map(Vec::as_slice)), segment)
}

/// As [`acknowledgements`] of a segment whose `tree` is known: nothing is hashed again.
pub fn acknowledgements_by(tree: HistoryTree, segment: &Segment) -> impl Iterator<Item = AppAck> {
    let receipt = segment.receipt.to_bytes();
    let count = segment.entries.len() as u64;
    (0..count).filter_map(move |index| {
        let path = tree.inclusion_proof(index, count)?;
        Some(AppAck {
            receipt: receipt.clone(),
            position: segment.first_position + index,
            path: HashList::new(path.iter().map(|hash| hash.0).collect())?,
        })
    })
}

/// The height by which an entry logged now will be under an anchored root: the epoch's close, its depth, the link's depth, and
/// an epoch to spare.
fn anchored_by(state: &LogState, tip_height: u32) -> u32 {
    let charter = state.charter();
    charter
        .boundary_at_or_after(tip_height.saturating_add(1))
        .unwrap_or(u32::MAX)
        .saturating_add(charter.final_depth.saturating_mul(2))
        .saturating_add(charter.epoch_blocks)
}

/// Splits a batch into groups that each fit a segment.
fn groups(entries: Vec<Vec<u8>>) -> Vec<Vec<Vec<u8>>> {
    let mut groups: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut bytes = SEGMENT_BYTES;
    for entry in entries {
        bytes += entry.len() + 4;
        match groups.last_mut() {
            Some(group) if bytes <= SEGMENT_BYTES && group.len() < SEGMENT_ENTRIES => group.push(entry),
            _ => {
                bytes = entry.len() + 4;
                groups.push(vec![entry]);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_order_and_bounds() {
        let entries: Vec<Vec<u8>> = (0..1000usize).map(|n| vec![0; n * 37 % 20_000]).collect();
        let groups = groups(entries.clone());
        assert_eq!(groups.concat(), entries);
        for group in groups {
            let bytes: usize = group.iter().map(|bytes| bytes.len() + 4).sum();
            assert!(group.len() <= SEGMENT_ENTRIES && bytes <= SEGMENT_BYTES, "{} {bytes}", group.len());
        }
    }

    #[test]
    fn every_entry_is_acknowledged_where_a_group_is_full() {
        let groups = groups(vec![vec![1; 10]; 2 * SEGMENT_ENTRIES + 1]);
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [SEGMENT_ENTRIES, SEGMENT_ENTRIES, 1]);
    }
}
