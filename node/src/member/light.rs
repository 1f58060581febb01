//! What a member's node does where the log is not kept (N-220 to N-225).

use std::time::{Duration, Instant};

use althing_channels::Msg;
use althing_channels::wire::{AppEntry, LogFetch};
use anyhow::Result;

use super::Member;
use crate::proof::hold_proofs;
use crate::store::OutboxRow;
use crate::view::stored_receipt;

/// Own entries that are said again in one go; a hub lets no peer say more than it can take (N-70).
const GIVEN_AT_ONCE: usize = 64;

/// How a log that is read anew comes in.
#[derive(Debug)]
pub(super) struct Reading {
    /// When something last came.
    progress: Instant,
    /// The newest final epoch of which everything to keep is kept.
    held: Option<u32>,
}

impl Default for Reading {
    fn default() -> Self {
        Self { progress: Instant::now(), held: None }
    }
}

impl Reading {
    /// Whether something came within that time.
    pub(super) fn goes_on(&self, within: Duration) -> bool {
        self.progress.elapsed() < within
    }
}

impl Member {
    /// N-224: where the settings ask for a light member and the whole log is here, what is to stay is kept, and then the log leaves. A
    /// run that ends in between begins again with what is there.
    pub(super) fn keep_as_settings_say(&mut self) -> Result<()> {
        if !self.shell.light || self.shell.store.is_light() {
            return Ok(());
        }
        let mut held = Vec::new();
        self.shell.store.visit_segments(|segment| {
            held.extend(self.shell.held_of(&segment)?);
            Ok(())
        })?;
        self.shell.store.write(|writer| writer.put_held(&held))?;
        hold_proofs(&mut self.shell, self.me)?;
        let size = self.shell.store.log_size()?;
        self.shell.store.drop_log()?;
        let floor = self.shell.known_at_least()?;
        self.shell.store.keep_no_log(size, floor);
        Ok(())
    }

    /// A segment has come in; `read_anew` says whether the log was being read anew before it.
    pub(super) fn note_reading(&mut self, read_anew: bool) -> Result<()> {
        self.reading.progress = Instant::now();
        if read_anew && !self.shell.store.reads_anew() {
            // All that waited for it goes on, as at the start of a node that keeps the log.
            self.shell.rebuild_watch()?;
            self.resume_outbox()?;
            self.resend();
            self.queue_missing_binds()?;
            self.begin_gossip()?;
            self.call_other_hubs()?;
            self.take_up_other_channels()?;
        }
        self.hold_what_is_final()
    }

    /// N-225: own entries that the hub gave receipts for, and that its log ends before, are said again as they were signed.
    pub(super) fn give_back(&mut self) {
        let known = self.shell.store.streamed().map_or(0, |(size, floor)| size.max(floor));
        if !self.life.greeted || !self.life.is_granted() || self.hub_size >= known {
            return;
        }
        let Ok(rows) = self.shell.store.outbox() else { return };
        let promised = |row: OutboxRow| {
            let (_, position) = stored_receipt(row.receipt.as_deref()?).ok()?;
            (position >= self.hub_size).then_some((position, row.sequence, row.entry))
        };
        let mut lost: Vec<_> = rows.into_iter().filter_map(promised).collect();
        lost.sort_unstable();
        for (_, sequence, entry) in lost.into_iter().take(GIVEN_AT_ONCE) {
            self.shell.peers.send(self.hub, Msg::AppEntry(AppEntry { sequence, entry }));
        }
        // The answer tells where its log ends now.
        self.fetched = Instant::now();
        self.shell.peers.send(self.hub, Msg::LogFetch(LogFetch { from_position: self.hub_size }));
    }

    /// N-224: with each final epoch a light member keeps the proofs that it makes possible.
    pub(super) fn hold_what_is_final(&mut self) -> Result<()> {
        if !self.shell.store.is_light() || self.shell.store.reads_anew() {
            return Ok(());
        }
        let newest = self.shell.ledger.state().newest_anchored().map(|record| record.header.epoch);
        if newest > self.reading.held {
            hold_proofs(&mut self.shell, self.me)?;
            self.reading.held = newest;
        }
        Ok(())
    }
}
