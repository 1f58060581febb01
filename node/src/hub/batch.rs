//! The batch under way: appended in memory, made durable together, acknowledged after that.

use althing_channels::Msg;
use althing_channels::wire::{AppAck, AppNack, HashList, LogSegment};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Entry, LaneHeader, entry_id, next_lane_head};
use althing_governance::receipt::{Ack, Receipt, batch_tree};
use althing_governance::signing::{Signed, Statement as _};
use anyhow::{Context, Result};
use bitcoin::secp256k1::PublicKey;

use super::Hub;
use crate::store::Segment;

/// Most bytes of entries in one segment, so that a segment travels in one message (32 KiB at most).
const SEGMENT_BYTES: usize = 24 * 1024;

/// Most entries in one segment: a receipt's path stays at 7 hashes.
const SEGMENT_ENTRIES: usize = 128;

/// Entries appended in memory that are not durable yet.
#[derive(Default)]
pub(super) struct Batch {
    entries: Vec<(Vec<u8>, Option<Origin>)>,
}

/// Who is waiting for the acknowledgement of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) peer: PublicKey,
    pub(super) lane: LaneHeader,
}

impl Batch {
    pub(super) fn push(&mut self, bytes: Vec<u8>, origin: Option<Origin>) {
        self.entries.push((bytes, origin));
    }
}

impl Hub {
    /// Makes the batch durable in one transaction, then acknowledges it and passes it on. When the disk does not take it, the
    /// entries are refused for now and the ledger is read back from the store.
    pub(super) fn commit_batch(&mut self) {
        if self.batch.entries.is_empty() || self.stopping {
            return;
        }
        let entries = std::mem::take(&mut self.batch.entries);
        self.shell.revision += 1;
        match self.store_batch(&entries) {
            Ok(segments) => {
                self.shell.alarms.remove("store");
                for segment in &segments {
                    self.pass_on(segment);
                }
                let mut origins = entries.iter().map(|(_, origin)| origin);
                for segment in &segments {
                    let tree = batch_tree(segment.entries.iter().map(Vec::as_slice));
                    for (index, (bytes, origin)) in segment.entries.iter().zip(&mut origins).enumerate() {
                        if let Some(origin) = origin {
                            self.acknowledge(origin, bytes, segment, &tree, index as u64);
                        }
                    }
                }
            }
            Err(error) => {
                self.shell.trouble("store", &error);
                for (bytes, origin) in entries {
                    let Some(Origin { peer, lane }) = origin else { continue };
                    let nack = AppNack {
                        sequence: lane.sequence,
                        entry: entry_id(&bytes).0,
                        rule: "N-41".into(),
                        detail: format!("N-41: the hub cannot store entries now: {error:#}"),
                        transient: true,
                    };
                    self.shell.peers.send(peer, Msg::AppNack(nack));
                }
                if let Err(error) = self.shell.reload_ledger() {
                    self.shell.trouble("store", &error);
                    self.stopping = true;
                }
            }
        }
    }

    fn store_batch(&mut self, entries: &[(Vec<u8>, Option<Origin>)]) -> Result<Vec<Segment>> {
        let size = self.shell.ledger.state().size();
        let mut first = size - entries.len() as u64;
        let mut segments = Vec::new();
        for group in groups(entries) {
            let segment = self.seal(first, group.iter().map(|(bytes, _)| bytes.clone()).collect())?;
            first = segment.end();
            segments.push(segment);
        }
        self.shell.store_segments(&segments)?;
        Ok(segments)
    }

    /// Signs the receipt for the entries from `first` on.
    fn seal(&self, first: u64, entries: Vec<Vec<u8>>) -> Result<Segment> {
        let state = self.shell.ledger.state();
        let params = state.params();
        let log_size = first + entries.len() as u64;
        let (tip_height, tip_hash) = self.shell.tip.context("no block is known yet")?;
        let receipt = Receipt {
            network: params.network,
            dao: params.dao_id,
            first_position: first,
            count: u32::try_from(entries.len())?,
            batch_root: batch_tree(entries.iter().map(Vec::as_slice)).root(),
            log_size,
            log_root: state.tree().root_at(log_size).context("the log is shorter than its batch")?,
            tip_height,
            tip_hash,
            anchored_by_height: self.anchored_by(tip_height),
        };
        let receipt = receipt.sign(&self.shell.secp, &self.shell.keys.log(), &self.shell.aux_rand()?);
        Ok(Segment { first_position: first, entries, receipt })
    }

    /// The height by which an entry logged now will be under an anchored root: the epoch's close, its depth, the link's
    /// depth, and an epoch to spare.
    fn anchored_by(&self, tip_height: u32) -> u32 {
        let charter = &self.shell.dao.params.charter;
        charter
            .boundary_at_or_after(tip_height.saturating_add(1))
            .unwrap_or(u32::MAX)
            .saturating_add(charter.final_depth.saturating_mul(2))
            .saturating_add(charter.epoch_blocks)
    }

    fn acknowledge(
        &self,
        origin: &Origin,
        bytes: &[u8],
        segment: &Segment,
        tree: &althing_governance::tree::HistoryTree,
        index: u64,
    ) {
        let lane = &origin.lane;
        let ack = Ack {
            network: lane.network,
            dao: lane.dao,
            member: lane.member,
            incarnation: lane.incarnation,
            sequence: lane.sequence,
            head: next_lane_head(lane.prev_head, entry_id(bytes)),
            log_size: segment.end(),
        };
        let Ok(aux_rand) = self.shell.aux_rand() else { return };
        let ack: Signed<Ack> = ack.sign(&self.shell.secp, &self.shell.keys.log(), &aux_rand);
        let path = tree.inclusion_proof(index, segment.entries.len() as u64).unwrap_or_default();
        let Some(path) = HashList::new(path.iter().map(|hash| hash.0).collect()) else { return };
        let message = AppAck {
            ack: ack.to_bytes(),
            receipt: segment.receipt.to_bytes(),
            position: segment.first_position + index,
            path,
        };
        self.shell.peers.send(origin.peer, Msg::AppAck(message));
    }

    /// A member that did not hear the acknowledgement sends the entry again; the same entry gets the same receipt.
    pub(super) fn acknowledge_again(&self, peer: PublicKey, bytes: &[u8]) -> bool {
        let Ok(entry) = Entry::from_bytes(bytes) else { return false };
        let (Some(lane), id) = (entry.lane(), entry.id()) else { return false };
        let Some(position) = self.shell.ledger.position_of(&id) else { return false };
        let Ok(segments) = self.shell.store.segments_from(position, 1) else { return false };
        // Not durable yet: the acknowledgement is on its way with the batch.
        let Some(segment) = segments.first().filter(|segment| segment.first_position <= position) else { return true };
        let tree = batch_tree(segment.entries.iter().map(Vec::as_slice));
        self.acknowledge(&Origin { peer, lane: *lane }, bytes, segment, &tree, position - segment.first_position);
        true
    }

    fn pass_on(&self, segment: &Segment) {
        let bytes = segment.to_bytes();
        for peer in self.members.keys() {
            self.shell.peers.send(*peer, Msg::LogSegment(LogSegment { segment: bytes.clone() }));
        }
    }
}

/// Splits a batch into groups that each fit a segment.
fn groups<T>(mut entries: &[(Vec<u8>, T)]) -> Vec<&[(Vec<u8>, T)]> {
    let mut groups = Vec::new();
    while !entries.is_empty() {
        let mut bytes = 0;
        let fitting = entries
            .iter()
            .take(SEGMENT_ENTRIES)
            .take_while(|(entry, _)| {
                bytes += entry.len() + 4;
                bytes <= SEGMENT_BYTES
            })
            .count();
        let (group, rest) = entries.split_at(fitting.max(1));
        groups.push(group);
        entries = rest;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_order_and_bounds() {
        let entries: Vec<(Vec<u8>, ())> = (0..1000usize).map(|n| (vec![0; n * 37 % 20_000], ())).collect();
        let groups = groups(&entries);
        let flat: Vec<usize> = groups.iter().flat_map(|group| group.iter().map(|(bytes, ())| bytes.len())).collect();
        assert_eq!(flat, entries.iter().map(|(bytes, ())| bytes.len()).collect::<Vec<_>>());
        for group in groups {
            let bytes: usize = group.iter().map(|(bytes, ())| bytes.len() + 4).sum();
            assert!(
                !group.is_empty() && group.len() <= SEGMENT_ENTRIES && bytes <= SEGMENT_BYTES,
                "{} {bytes}",
                group.len()
            );
        }
    }
}
