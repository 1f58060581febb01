//! What waits to be examined, by peer, so that nobody can crowd out the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bitcoin::secp256k1::PublicKey;

use super::{Arrived, Finding, Offered};
use crate::peers::PeerId;

/// Most entries of one peer that wait (N-71).
pub const PEER_ENTRIES: usize = 4096;

/// Most bytes of one peer that wait (N-71).
pub const PEER_BYTES: usize = 4 << 20;

/// Bad signatures after which nothing more is taken from a peer (N-72).
pub const STRIKES_MAX: u32 = 32;

/// Entries taken from one peer before the next one's turn.
const TURN: usize = 32;

/// Entries of suspected peers in one batch, of all of them together: what a flood of bad signatures may cost the others.
const SUSPECTED_SHARE: usize = 16;

/// Entries of peers of which none is in the log yet, in one batch, of all of them together (N-109).
const NEWCOMERS_SHARE: usize = 512;

/// Why an entry was not taken into its peer's queue.
#[derive(Debug, PartialEq, Eq)]
pub enum Turned {
    /// Too much of the peer waits already (N-71). The peer is told.
    Crowded(Offered),
    /// The peer sent too many bad signatures (N-72). It was told; nothing it sends is worth an answer.
    ShutOut,
}

/// Entries of each peer, and how far the engine is behind.
#[derive(Default)]
pub(super) struct Queues {
    waiting: BTreeMap<PeerId, Waiting>,
    /// Outlives the connection: else a peer would be forgiven for connecting again.
    strikes: BTreeMap<PeerId, u32>,
    /// Peers of which an entry went into the log.
    proven: BTreeSet<PeerId>,
    /// Whose turn it was last.
    served: Option<PeerId>,
    pub(super) unsettled: usize,
    pub(super) closed: bool,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Offered>,
    bytes: usize,
}

/// Entries for one batch.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Of peers with an entry in the log and without a bad signature so far.
    pub(super) honest: Vec<Offered>,
    /// Of peers without either.
    pub(super) newcomers: Vec<Offered>,
    /// Of the others.
    pub(super) suspected: Vec<Offered>,
}

impl Queues {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// N-71, N-72.
    pub(super) fn push(&mut self, offered: Offered) -> Result<(), Turned> {
        let peer = PeerId(offered.peer);
        if self.strikes.get(&peer).is_some_and(|strikes| *strikes >= STRIKES_MAX) {
            return Err(Turned::ShutOut);
        }
        let waiting = self.waiting.entry(peer).or_default();
        if waiting.entries.len() >= PEER_ENTRIES || waiting.bytes.saturating_add(offered.bytes.len()) > PEER_BYTES {
            return Err(Turned::Crowded(offered));
        }
        waiting.bytes += offered.bytes.len();
        waiting.entries.push_back(offered);
        Ok(())
    }

    /// N-109.
    pub(super) fn vouch(&mut self, peer: PublicKey) {
        self.proven.insert(PeerId(peer));
    }

    pub(super) fn forget(&mut self, peer: &PublicKey) {
        self.waiting.remove(&PeerId(*peer));
    }

    /// Takes up to `most` entries, in turns.
    pub(super) fn take(&mut self, most: usize) -> Taken {
        let mut taken = Taken::default();
        let mut idle_turns = 0;
        while taken.honest.len() < most && idle_turns < self.waiting.len() {
            let Some(peer) = self.next_peer() else { break };
            self.served = Some(peer);
            let (into, room) = match (self.strikes.contains_key(&peer), self.proven.contains(&peer)) {
                (true, _) => (&mut taken.suspected, SUSPECTED_SHARE),
                (false, false) => (&mut taken.newcomers, NEWCOMERS_SHARE),
                (false, true) => (&mut taken.honest, most),
            };
            let room = room.saturating_sub(into.len());
            let before = into.len();
            if let Some(waiting) = self.waiting.get_mut(&peer) {
                let count = waiting.entries.len().min(TURN).min(room);
                into.extend(waiting.entries.drain(..count).inspect(|offered| waiting.bytes -= offered.bytes.len()));
                if waiting.entries.is_empty() {
                    self.waiting.remove(&peer);
                }
            }
            idle_turns = if into.len() > before { 0 } else { idle_turns + 1 };
        }
        taken
    }

    /// Notes who sent bad signatures; returns those who just reached the limit.
    pub(super) fn judge(&mut self, arrived: &[Arrived]) -> BTreeSet<PublicKey> {
        let mut offenders = BTreeSet::new();
        for offered in arrived.iter().filter(|a| matches!(a.finding, Finding::Forged(_))).map(|a| &a.offered) {
            let strikes = self.strikes.entry(PeerId(offered.peer)).or_default();
            *strikes = strikes.saturating_add(1);
            if *strikes == STRIKES_MAX {
                self.waiting.remove(&PeerId(offered.peer));
                offenders.insert(offered.peer);
            }
        }
        offenders
    }

    /// The waiting peer after the one served last, in the order of keys.
    fn next_peer(&self) -> Option<PeerId> {
        let after = self.served.and_then(|served| {
            use std::ops::Bound::{Excluded, Unbounded};
            self.waiting.range((Excluded(served), Unbounded)).next()
        });
        after.or_else(|| self.waiting.first_key_value()).map(|(peer, _)| *peer)
    }
}

#[cfg(test)]
mod tests {
    use althing_governance::entry::Digests;
    use bitcoin::secp256k1::{Secp256k1, SecretKey};

    use super::*;

    fn peer(number: u8) -> PublicKey {
        SecretKey::from_slice(&[number; 32]).unwrap().public_key(&Secp256k1::new())
    }

    fn offered(number: u8, sequence: u64) -> Offered {
        Offered { peer: peer(number), sequence, bytes: vec![0; 100] }
    }

    fn forged(number: u8) -> Arrived {
        let finding = Finding::Forged("E-13".into());
        Arrived { offered: offered(number, 1), digests: Digests::of(&[]), finding }
    }

    #[test]
    fn everybody_gets_a_turn_and_keeps_their_order() {
        let mut queues = Queues::default();
        (1..6).for_each(|number| queues.vouch(peer(number)));
        for sequence in 0..1000 {
            queues.push(offered(1, sequence)).unwrap();
        }
        for number in 2..6 {
            queues.push(offered(number, 1)).unwrap();
        }
        let taken = queues.take(64).honest;
        assert_eq!(taken.len(), 64);
        for number in 2..6 {
            assert!(taken.iter().any(|offered| offered.peer == peer(number)), "peer {number} was crowded out");
        }
        let crowd: Vec<u64> = taken.iter().filter(|o| o.peer == peer(1)).map(|o| o.sequence).collect();
        assert_eq!(crowd, (0..60).collect::<Vec<u64>>());
        assert_eq!(queues.take(10_000).honest.len(), 940);
        assert!(queues.is_empty());
    }

    #[test]
    fn a_queue_has_an_end() {
        let mut queues = Queues::default();
        for sequence in 0..PEER_ENTRIES as u64 {
            queues.push(offered(1, sequence)).unwrap();
        }
        assert!(queues.push(offered(1, 0)).is_err());
        assert!(queues.push(offered(2, 0)).is_ok(), "others are not concerned");
        let mut by_size = Queues::default();
        let big = || Offered { bytes: vec![0; PEER_BYTES / 4], ..offered(1, 0) };
        for _ in 0..4 {
            by_size.push(big()).unwrap();
        }
        assert!(by_size.push(offered(1, 0)).is_err());
        by_size.take(1);
        assert!(by_size.push(offered(1, 0)).is_ok());
    }

    #[test]
    fn newcomers_are_apart_until_one_vouches_for_them() {
        let mut queues = Queues::default();
        queues.vouch(peer(1));
        for sequence in 0..PEER_ENTRIES as u64 {
            queues.push(offered(1, sequence)).unwrap();
            queues.push(offered(2, sequence)).unwrap();
        }
        let taken = queues.take(1000);
        assert_eq!((taken.honest.len(), taken.newcomers.len()), (1000, NEWCOMERS_SHARE));
        assert!(taken.newcomers.iter().all(|offered| offered.peer == peer(2)));
        queues.vouch(peer(2));
        let taken = queues.take(1000);
        assert_eq!((taken.honest.len(), taken.newcomers.len()), (1000, 0));
        // Newcomers alone do not wait for others.
        queues.push(offered(3, 1)).unwrap();
        queues.waiting.retain(|of, _| of.0 == peer(3));
        assert_eq!(queues.take(1000).newcomers, [offered(3, 1)]);
    }

    #[test]
    fn who_sent_a_bad_signature_is_apart_and_then_out() {
        let mut queues = Queues::default();
        queues.vouch(peer(1));
        queues.vouch(peer(2));
        assert!(queues.judge(&[forged(1)]).is_empty());
        for sequence in 0..100 {
            queues.push(offered(1, sequence)).unwrap();
            queues.push(offered(2, sequence)).unwrap();
        }
        let taken = queues.take(BATCH_OF_TEST);
        assert_eq!(taken.suspected.len(), SUSPECTED_SHARE);
        assert_eq!(taken.honest.len(), 100);
        let strikes: Vec<Arrived> = (1..STRIKES_MAX).map(|_| forged(1)).collect();
        assert_eq!(queues.judge(&strikes), BTreeSet::from([peer(1)]));
        assert!(queues.push(offered(1, 0)).is_err());
        assert!(queues.is_empty(), "what it sent is forgotten");
        queues.forget(&peer(1));
        assert!(queues.push(offered(1, 0)).is_err(), "connecting again does not help");
    }

    const BATCH_OF_TEST: usize = 1000;
}
