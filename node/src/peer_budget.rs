//! How much of one peer may wait for the engine at a time, and how much of it is handled at once: a peer that sends faster than it is
//! answered is disconnected, and nobody else waits longer for it (N-98).
//!
//! Each peer has a line of its own, and the engine is called to a line, not to a message: it takes a few messages of one peer, goes on to
//! the next, and comes back behind its commit. Entries have queues of their own (N-70); this is about everything else. The money lane goes
//! in turns, so that an honest peer has a handful of messages under way. Whatever is lost only a reconnect says again (C-14, C-130), so that
//! the connection ends with the first message for which there is no room: nobody waits for an answer that cannot come, and a flood costs
//! who sends it a handshake for every line.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use althing_channels::Msg;
use bitcoin::secp256k1::PublicKey;

use crate::peers::PeerEvent;

/// Messages of one peer that may wait; of at most 32 KiB each, so at most 8 MiB.
pub const PEER_MESSAGES: usize = 256;

/// News of one peer that the engine handles between two commits: a step of the money lane comes with a backup (C-94).
pub const PEER_TURN: usize = 2;

/// News of one peer that is handled at once.
#[derive(Debug, Default)]
pub struct Turn {
    /// In the order in which the peer said it.
    pub events: Vec<PeerEvent>,
    /// Whether an opening is among it.
    pub opens: bool,
    /// Whether more waits; then the engine calls itself to this peer again.
    pub is_more: bool,
}

/// What became of news of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It waits, and the engine has to be called to this peer.
    Call,
    /// It waits behind others; the engine is called already.
    Waits,
    /// It is lost.
    Dropped,
}

/// News that waits for the engine, in a line for each peer.
#[derive(Debug, Default)]
pub struct PeerBudget {
    lines: Mutex<BTreeMap<PublicKey, VecDeque<PeerEvent>>>,
}

impl PeerBudget {
    /// Puts news behind what waits of that peer. That it came or went is never lost, and costs a handshake.
    pub fn admit(&self, event: PeerEvent) -> Admitted {
        let (PeerEvent::Up(peer) | PeerEvent::Down(peer) | PeerEvent::Message(peer, _)) = &event;
        let mut lines = self.lines();
        let is_new = !lines.contains_key(peer);
        let line = lines.entry(*peer).or_default();
        if matches!(event, PeerEvent::Message(..)) && line.len() >= PEER_MESSAGES {
            return Admitted::Dropped;
        }
        line.push_back(event);
        if is_new { Admitted::Call } else { Admitted::Waits }
    }

    /// What is handled of a peer now. An opening costs more than all else together (keys, signatures, a row of its own), so that
    /// one of all peers is handled between two commits: where it `may_open` no more, a line waits with the next one.
    pub fn turn(&self, peer: &PublicKey, may_open: bool) -> Turn {
        let mut lines = self.lines();
        let mut turn = Turn::default();
        let Some(line) = lines.get_mut(peer) else { return turn };
        while turn.events.len() < PEER_TURN
            && let Some(event) = line.pop_front()
        {
            let opens = matches!(&event, PeerEvent::Message(_, message) if matches!(**message, Msg::OpenStake(_)));
            if opens && (turn.opens || !may_open) {
                line.push_front(event);
                break;
            }
            turn.opens |= opens;
            turn.events.push(event);
        }
        turn.is_more = !line.is_empty();
        if !turn.is_more {
            lines.remove(peer);
        }
        turn
    }

    /// Peers of whom anything waits.
    pub fn peers(&self) -> usize {
        self.lines().len()
    }

    fn lines(&self) -> MutexGuard<'_, BTreeMap<PublicKey, VecDeque<PeerEvent>>> {
        // A line is whole at every moment.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
