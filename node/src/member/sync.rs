//! Following the hub's log and links. Nothing goes in that this node did not check.

use std::time::{Duration, Instant};

use althing_anchor::{Commitment, verify_link};
use althing_channels::Msg;
use althing_channels::wire::{LinkInfo, LogFetch};
use althing_governance::codec::Canonical as _;
use althing_governance::epoch::EpochHeader;
use anyhow::{Context, Result};
use bitcoin::consensus::encode::serialize;
use bitcoin::{OutPoint, Transaction};

use super::Member;
use crate::ledger::LedgerError;
use crate::store::{LinkRow, Segment};

/// After this long without progress the log is asked for again.
const QUIET: Duration = Duration::from_secs(1);

/// Subject of the alarm about a log that waits for the chain.
const WAITING: &str = "log waits";

/// Links of at most this many epochs ahead are kept until they can be checked.
const PENDING_MAX: u32 = 64;

/// A link whose header cannot be checked yet.
pub(super) struct PendingLink {
    header: EpochHeader,
    tx: Transaction,
}

impl Member {
    pub(super) fn on_segment(&mut self, bytes: &[u8]) -> Result<()> {
        if self.halted.is_some() {
            return Ok(());
        }
        let segment = match Segment::from_bytes(bytes) {
            Ok(segment) => segment,
            Err(error) => {
                self.halt(format!("the hub sent a log segment that is none: {error}"));
                return Ok(());
            }
        };
        let size = self.stored_size()?;
        self.hub_size = self.hub_size.max(segment.end());
        if segment.end() <= size {
            return Ok(());
        }
        if segment.first_position > size {
            // Of a whole answer whose first segment has to wait, all others come to here: one question for each would be answered by as
            // many again, and the hub ends a connection that asks so (N-98).
            self.refetch_if_quiet();
            return Ok(());
        }
        if self.shell.store.is_light()
            && let Some(reason) = self.shell.contradicted(&segment)?
        {
            self.halt(reason);
            return Ok(());
        }
        match self.append(&segment) {
            Ok(()) => Ok(()),
            // Asked for again when the chain has moved on.
            Err(LedgerError::NotYet { reason, .. }) => {
                tracing::debug!(reason, "the log waits");
                // For a reorganisation a person waits too, and may have to do something (N-240).
                if reason.contains("A-97") {
                    let text = format!(
                        "The log is followed no further for now: {reason}. It goes on by itself when that is so no more."
                    );
                    self.shell.revision += u64::from(self.shell.alarms.get(WAITING) != Some(&text));
                    self.shell.alarms.insert(WAITING, text);
                }
                Ok(())
            }
            Err(LedgerError::Ours(error)) => Err(error),
            Err(error) => {
                self.halt(error.to_string());
                // Entries before the bad one may be in memory; only whole segments count.
                self.shell.reload_ledger()
            }
        }
    }

    /// Appends a segment that comes next, and stores it, whoever brought it.
    ///
    /// # Errors
    /// As the ledger's; [`LedgerError::Ours`] also when it cannot be stored.
    pub(super) fn append(&mut self, segment: &Segment) -> Result<(), LedgerError> {
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        ledger.append_segment(segment, &mut chain)?;
        self.keep(segment).map_err(LedgerError::Ours)
    }

    fn keep(&mut self, segment: &Segment) -> Result<()> {
        let read_anew = self.shell.store.reads_anew();
        self.shell.store_segments(std::slice::from_ref(segment))?;
        self.shell.alarms.remove(WAITING);
        self.fetched = Instant::now();
        self.shell.revision += 1;
        self.shell.compare_with_log()?;
        if let Some(broken) = self.broken_promise()? {
            self.halt(broken);
        }
        self.retry_links()?;
        self.note_reading(read_anew)?;
        self.cosign_if_possible()?;
        self.shell.look_at_papers_again()?;
        self.join_treasurers_if_current()?;
        self.gossip_on()
    }

    pub(super) fn on_link_info(&mut self, info: &LinkInfo) -> Result<()> {
        let parsed = EpochHeader::from_bytes(&info.header)
            .map_err(anyhow::Error::from)
            .and_then(|header| Ok((header, bitcoin::consensus::deserialize::<Transaction>(&info.link)?)));
        match parsed {
            Ok((header, tx)) => {
                let next = self.shell.ledger.headers().last().map_or(1, |header| header.epoch + 1);
                if !(1..=next.saturating_add(PENDING_MAX)).contains(&header.epoch) {
                    tracing::warn!(epoch = header.epoch, next, "a link for an epoch far off");
                    return Ok(());
                }
                self.pending_links.insert(header.epoch, PendingLink { header, tx });
                self.retry_links()
            }
            Err(error) => {
                self.shell.alarms.insert("link", format!("The hub announced a link that is none: {error:#}"));
                Ok(())
            }
        }
    }

    /// Checks links that can be checked now, in order, and stores those that hold.
    pub(super) fn retry_links(&mut self) -> Result<()> {
        while let Some((epoch, pending)) = self.pending_links.pop_first() {
            match self.check_link(&pending) {
                Ok(()) => {
                    let row = LinkRow {
                        epoch,
                        header: pending.header.to_bytes(),
                        tx: serialize(&pending.tx),
                        tracker: Vec::new(),
                    };
                    if let Err(error) = self.shell.store.write(|writer| writer.put_link(&row)) {
                        self.pending_links.insert(epoch, pending);
                        return Err(error);
                    }
                    self.shell.revision += 1;
                }
                Err(LedgerError::Ours(error)) => {
                    self.pending_links.insert(epoch, pending);
                    return Err(error);
                }
                Err(LedgerError::NotYet { .. }) => {
                    self.pending_links.insert(epoch, pending);
                    return Ok(());
                }
                Err(error) => {
                    let text = format!("The hub announced a link for epoch {epoch} that this node refuses: {error}");
                    self.shell.alarms.insert("link", text);
                    self.shell.revision += 1;
                }
            }
        }
        Ok(())
    }

    pub(super) fn fetch_if_behind(&mut self) {
        let Ok(size) = self.stored_size() else { return };
        // N-221: of a hub that takes its own log back, more is asked for until it is there.
        let at_least = self.shell.store.streamed().map_or(0, |(_, floor)| floor);
        if self.connected && self.halted.is_none() && size < self.hub_size.max(at_least) {
            (self.fetched, self.fetched_from) = (Instant::now(), Some(size));
            self.shell.peers.send(self.hub, Msg::LogFetch(LogFetch { from_position: size }));
        }
    }

    /// An answer has ended: on to the next one, unless nothing of it could be taken yet.
    pub(super) fn fetch_on(&mut self) {
        let Ok(size) = self.stored_size() else { return };
        match self.fetched_from == Some(size) {
            true => self.refetch_if_quiet(),
            false => self.fetch_if_behind(),
        }
    }

    pub(super) fn refetch_if_quiet(&mut self) {
        if self.fetched.elapsed() > QUIET {
            self.fetch_if_behind();
            self.give_back();
        }
    }

    /// Entries that are durable here; the ledger may be some entries ahead inside one segment.
    fn stored_size(&self) -> Result<u64> {
        self.shell.store.log_size()
    }

    fn check_link(&mut self, pending: &PendingLink) -> Result<(), LedgerError> {
        let epoch = pending.header.epoch;
        let position = self.shell.ledger.state().size();
        let known = self.shell.ledger.headers().any(|header| *header == pending.header);
        let next = self.shell.ledger.headers().last().map_or(1, |header| header.epoch + 1);
        if !known && epoch > next {
            return Err(LedgerError::NotYet { position, reason: format!("epoch {next} comes before epoch {epoch}") });
        }
        let invalid = |reason: String| LedgerError::Invalid { position, kind: None, reason };
        let other = self.shell.ledger.headers().find(|header| header.epoch == epoch && **header != pending.header);
        if let Some(other) = other {
            return Err(invalid(format!(
                "two headers for one epoch: {} is known here, {} was announced",
                other.hash(),
                pending.header.hash()
            )));
        }
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        ledger.check_header(position, &pending.header, &mut chain)?;
        let Some(seal) = self.seal_before(epoch)? else {
            return Err(LedgerError::NotYet {
                position,
                reason: format!("the link of epoch {} is not known", epoch - 1),
            });
        };
        let key = self.shell.ledger.link_key(epoch);
        let commitment = Commitment::new(*pending.header.hash().as_bytes());
        verify_link(&pending.tx, seal, key, commitment).map(drop).map_err(|error| invalid(error.to_string()))
    }

    /// The seal that the link of an epoch spends; `None` while the link before is not known.
    fn seal_before(&self, epoch: u32) -> Result<Option<OutPoint>> {
        if epoch <= 1 {
            return Ok(Some(self.shell.dao.params.first_seal));
        }
        // Of several versions of a link the mined one counts.
        let before = usize::try_from(epoch - 2)?;
        if let Some((tx, _)) = crate::view::mined_chain(&self.shell)?.get(before) {
            return Ok(Some(self.shell.ledger.seal_after(epoch - 1, tx.compute_txid())));
        }
        let rows = self.shell.store.links()?;
        let Some(row) = rows.iter().find(|row| row.epoch == epoch - 1) else { return Ok(None) };
        let tx: Transaction = bitcoin::consensus::deserialize(&row.tx).context("a stored link")?;
        Ok(Some(self.shell.ledger.seal_after(epoch - 1, tx.compute_txid())))
    }

    fn halt(&mut self, reason: String) {
        let text = format!("The hub's log breaks a rule; this node follows it no further. {reason}");
        tracing::error!("{text}");
        self.shell.alarms.insert("log", text.clone());
        self.shell.revision += 1;
        self.halted = Some(text);
    }
}
