//! How much of one peer may wait for the engine at a time: a peer that sends faster than it is answered loses what is beyond,
//! and nobody else waits longer for it (N-98).
//!
//! Entries have queues of their own (N-70); this is about everything else. The money lane goes in turns, so that an honest peer has
//! a handful of messages under way; whatever is dropped, a reconnect says again (C-14, C-130).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bitcoin::secp256k1::PublicKey;

/// Messages of one peer that may wait; of at most 32 KiB each, so at most 8 MiB.
pub const PEER_MESSAGES: usize = 256;

/// Messages that wait for the engine, counted by peer.
#[derive(Debug, Default)]
pub struct PeerBudget {
    waiting: Mutex<BTreeMap<PublicKey, usize>>,
}

impl PeerBudget {
    /// Whether another message of this peer may wait; it is counted then.
    pub fn admit(&self, peer: PublicKey) -> bool {
        let mut waiting = self.waiting();
        let count = waiting.entry(peer).or_default();
        let admitted = *count < PEER_MESSAGES;
        *count += usize::from(admitted);
        admitted
    }

    /// A message that was admitted has been handled.
    pub fn handled(&self, peer: &PublicKey) {
        let mut waiting = self.waiting();
        if let Some(count) = waiting.get_mut(peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                waiting.remove(peer);
            }
        }
    }

    /// Peers of whom anything waits.
    pub fn peers(&self) -> usize {
        self.waiting().len()
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<PublicKey, usize>> {
        // A counter is whole at every moment.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
