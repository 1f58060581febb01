//! The log from member to member: while the hub is away or gives nothing, members' nodes give each other what they have (N-245).
//!
//! A segment is the hub's word by its receipt, whoever brings it, so that nothing of a friend's is taken on trust.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use althing_channels::Msg;
use althing_channels::wire::{LogFetch, LogSegment};
use althing_governance::codec::Canonical as _;
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use super::Member;
use crate::ledger::LedgerError;
use crate::store::Segment;

/// Between two questions, each to another friend.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// A friend is answered at most so often.
const SERVE_AGAIN: Duration = Duration::from_secs(1);

/// Segments for one question, as a hub gives.
const SEGMENTS: u32 = 64;

/// A hub that is connected, and gives nothing for so long of a log that somebody has shown to be longer, counts as away.
const WITHHELD: Duration = Duration::from_secs(30);

/// Who was asked, and who was answered when.
#[derive(Debug, Default)]
pub(super) struct Replication {
    asked: Option<Instant>,
    turn: usize,
    served: BTreeMap<PublicKey, Instant>,
}

impl Replication {
    pub(super) fn forget(&mut self, peer: &PublicKey) {
        self.served.remove(peer);
    }
}

impl Member {
    /// Asks the next friend for what comes behind this node's log, if the hub does not give it.
    pub(super) fn ask_friends(&mut self) -> Result<()> {
        let is_due = self.replication.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN);
        if !is_due || self.gossip.friends().is_empty() || !self.takes_from_friends() {
            return Ok(());
        }
        let friends = self.gossip.friends();
        let friend = friends[self.replication.turn % friends.len()];
        self.replication.turn = self.replication.turn.wrapping_add(1);
        self.replication.asked = Some(Instant::now());
        let from_position = self.shell.store.log_size()?;
        self.shell.peers.send(friend, Msg::LogFetch(LogFetch { from_position }));
        Ok(())
    }

    /// A friend asks for a piece of the log.
    pub(super) fn serve_friend(&mut self, friend: PublicKey, fetch: &LogFetch) -> Result<()> {
        let is_soon = self.replication.served.get(&friend).is_some_and(|served| served.elapsed() < SERVE_AGAIN);
        if is_soon || self.shell.store.is_light() || self.shell.store.log_size()? <= fetch.from_position {
            return Ok(());
        }
        self.replication.served.insert(friend, Instant::now());
        for segment in self.shell.store.segments_from(fetch.from_position, SEGMENTS)? {
            self.shell.peers.send(friend, Msg::LogSegment(LogSegment { segment: segment.to_bytes() }));
        }
        Ok(())
    }

    /// A friend gives a piece of the log. What does not hold is the friend's fault, and ends nothing here.
    pub(super) fn on_friends_segment(&mut self, friend: PublicKey, bytes: &[u8]) -> Result<()> {
        if !self.takes_from_friends() {
            return Ok(());
        }
        let Ok(segment) = Segment::from_bytes(bytes) else { return Ok(()) };
        let size = self.shell.store.log_size()?;
        if segment.end() <= size || segment.first_position > size {
            return Ok(());
        }
        match self.append(&segment) {
            Ok(()) => {
                tracing::info!(%friend, size = segment.end(), "the log goes on, from another member");
                Ok(())
            }
            Err(LedgerError::Ours(error)) => Err(error),
            Err(LedgerError::NotYet { reason, .. }) => {
                tracing::debug!(reason, "the log waits");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%friend, %error, "a member gives a log that does not hold");
                // Entries before the bad one may be in memory; only whole segments count.
                self.shell.reload_ledger()
            }
        }
    }

    /// Whether the hub is no source of what is missing. A light member reads from the hub alone (N-220), and a folder that reads its
    /// log anew has to know first which life it is (N-125).
    fn takes_from_friends(&self) -> bool {
        let store = &self.shell.store;
        if self.halted.is_some() || store.is_light() || store.reads_anew() {
            return false;
        }
        let shown = self.gossip.longest_shown();
        !self.connected || (self.fetched.elapsed() > WITHHELD && shown > self.shell.ledger.state().size())
    }
}
