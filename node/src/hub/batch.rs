//! The batch under way: appended in memory, made durable together, acknowledged after that.

use std::time::Instant;

use althing_channels::Msg;
use althing_channels::wire::{AppNack, LogSegment};
use althing_governance::codec::Canonical as _;
use althing_governance::id::EntryId;
use althing_governance::tree::HistoryTree;
use anyhow::{Context, Result};
use bitcoin::secp256k1::PublicKey;

use super::Hub;
use super::receipts::{Sealer, acknowledgements, acknowledgements_by};
use crate::peers::PeerId;
use crate::store::Segment;

/// Entries appended in memory that are not durable yet.
#[derive(Default)]
pub(super) struct Batch {
    entries: Vec<(Vec<u8>, Option<Origin>)>,
}

/// Who is waiting for the receipt of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) peer: PublicKey,
    pub(super) sequence: u64,
    pub(super) id: EntryId,
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
        let begun = Instant::now();
        let (entries, origins): (Vec<_>, Vec<_>) = std::mem::take(&mut self.batch.entries).into_iter().unzip();
        self.shell.revision += 1;
        let count = entries.len();
        match self.store_batch(entries) {
            Ok((segments, trees)) => {
                self.shell.alarms.remove("store");
                for segment in &segments {
                    self.pass_on(segment);
                }
                let mut origins = origins.into_iter();
                for (segment, tree) in segments.iter().zip(trees) {
                    for (message, origin) in acknowledgements_by(tree, segment).zip(&mut origins) {
                        if let Some(origin) = origin {
                            self.shell.peers.send(origin.peer, Msg::AppAck(message));
                        }
                    }
                }
                self.shell.workload.done(count, begun);
            }
            Err(error) => {
                self.shell.workload.failed();
                self.shell.trouble("store", &error);
                for Origin { peer, sequence, id } in origins.into_iter().flatten() {
                    let nack = AppNack {
                        sequence,
                        entry: id.0,
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

    fn store_batch(&mut self, entries: Vec<Vec<u8>>) -> Result<(Vec<Segment>, Vec<HistoryTree>)> {
        let sealer = Sealer {
            secp: &self.shell.secp,
            keys: &self.shell.keys,
            ledger: &self.shell.ledger,
            tip: self.shell.tip.context("no block is known yet")?,
        };
        let (segments, trees): (Vec<_>, Vec<_>) = sealer.seal(entries)?.into_iter().unzip();
        self.shell.store_segments(&segments)?;
        Ok((segments, trees))
    }

    /// A member that did not hear the acknowledgement sends the entry again; the same entry gets the same receipt.
    pub(super) fn acknowledge_again(&self, peer: PublicKey, id: &EntryId) -> bool {
        let Some(position) = self.shell.ledger.position_of(id) else { return false };
        let Ok(segments) = self.shell.store.segments_from(position, 1) else { return false };
        // Not durable yet: the acknowledgement is on its way with the batch.
        let Some(segment) = segments.first().filter(|segment| segment.first_position <= position) else { return true };
        if let Some(message) = acknowledgements(segment).find(|message| message.position == position) {
            self.shell.peers.send(peer, Msg::AppAck(message));
        }
        true
    }

    fn pass_on(&self, segment: &Segment) {
        let bytes = segment.to_bytes();
        for PeerId(peer) in self.members.keys() {
            self.shell.peers.send(*peer, Msg::LogSegment(LogSegment { segment: bytes.clone() }));
        }
    }
}
