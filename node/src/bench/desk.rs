//! Where answers of the hub arrive, and how long each took.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use althing_channels::Msg;
use althing_channels::wire::AppAck;
use bitcoin::secp256k1::PublicKey;
use hdrhistogram::Histogram;

use crate::peers::PeerId;

/// One receipt in so many is kept, to be checked behind the run.
const SAMPLE_EVERY: u64 = 509;

/// A vote on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    /// Number of the vote in the run.
    pub(super) vote: u64,
    /// Number of the entry in its lane.
    pub(super) sequence: u64,
    /// When it was to be sent, in nanoseconds since the run began: a late sender is no excuse for the hub.
    pub(super) due: u64,
}

/// What is waited for, by peer, and what came.
pub(super) struct Desk {
    began: Instant,
    lines: BTreeMap<PeerId, Mutex<VecDeque<Sent>>>,
    /// Peers that send forged votes only, for whose answers nobody waits.
    strangers: Mutex<BTreeSet<PublicKey>>,
    /// How many of them were greeted. They are in the order in which they said hello.
    strangers_greeted: AtomicUsize,
    came: Mutex<Came>,
    /// Is shown every receipt as it comes, with the number of its vote.
    pub(super) witness: OnceLock<Witness>,
}

/// Is shown receipts.
pub(super) type Witness = Box<dyn Fn(u64, &AppAck) + Send + Sync>;

/// What came back.
pub(super) struct Came {
    /// Nanoseconds from when a vote was due to its receipt.
    pub(super) latency: Histogram<u64>,
    /// Votes with a receipt.
    pub(super) receipted: u64,
    /// Forged votes that were refused, as they must be.
    pub(super) refused: u64,
    /// Any other refusal, by its words.
    pub(super) troubles: BTreeMap<String, u64>,
    /// Some receipts with the number of their vote.
    pub(super) samples: Vec<(u64, AppAck)>,
    /// Peers that were greeted.
    pub(super) greeted: usize,
    /// Strangers who have their answer, each as often as answers came.
    pub(super) answered: Vec<PublicKey>,
}

impl Default for Came {
    fn default() -> Self {
        Self {
            // One minute at most, to three digits.
            latency: Histogram::new_with_bounds(1_000, 60_000_000_000, 3).expect("bounds in order"),
            receipted: 0,
            refused: 0,
            troubles: BTreeMap::new(),
            samples: Vec::new(),
            greeted: 0,
            answered: Vec::new(),
        }
    }
}

impl Desk {
    pub(super) fn new(peers: &[PublicKey]) -> Self {
        let lines = peers.iter().map(|peer| (PeerId(*peer), Mutex::default())).collect();
        Self {
            began: Instant::now(),
            lines,
            strangers: Mutex::default(),
            strangers_greeted: AtomicUsize::new(0),
            came: Mutex::default(),
            witness: OnceLock::new(),
        }
    }

    /// Nanoseconds since this desk was opened.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Waits for the answer to a vote from now on, unless `most` of this peer are waited for already.
    pub(super) fn expect(&self, peer: &PublicKey, sent: Sent, most: usize) -> bool {
        let Some(line) = self.lines.get(&PeerId(*peer)) else { return true };
        let mut line = lock(line);
        if line.len() >= most {
            return false;
        }
        line.push_back(sent);
        true
    }

    /// Votes without an answer.
    pub(super) fn open(&self) -> usize {
        self.lines.values().map(|line| lock(line).len()).sum()
    }

    /// What came since the last call.
    pub(super) fn take(&self) -> Came {
        std::mem::take(&mut *lock(&self.came))
    }

    pub(super) fn greeted(&self) -> usize {
        lock(&self.came).greeted
    }

    /// From now on what the hub says to this peer arrives here.
    pub(super) fn expect_stranger(&self, stranger: PublicKey) {
        lock(&self.strangers).insert(stranger);
    }

    pub(super) fn strangers_greeted(&self) -> usize {
        self.strangers_greeted.load(Ordering::Relaxed)
    }

    /// Strangers who got an answer since the last call.
    pub(super) fn answered(&self) -> Vec<PublicKey> {
        std::mem::take(&mut lock(&self.came).answered)
    }

    /// A message of the hub for a peer; given back when the peer is none of this desk's.
    pub(super) fn hear(&self, peer: PublicKey, message: Msg) -> Option<Msg> {
        let Some(line) = self.lines.get(&PeerId(peer)) else { return self.hear_stranger(peer, message) };
        match message {
            Msg::AppAck(ack) => {
                // Receipts of a peer come in the order of its entries.
                let sent = lock(line).pop_front();
                if let (Some(sent), Some(witness)) = (&sent, self.witness.get()) {
                    witness(sent.vote, &ack);
                }
                let mut came = lock(&self.came);
                match sent {
                    Some(sent) => {
                        came.latency.saturating_record(self.now().saturating_sub(sent.due));
                        came.receipted += 1;
                        if sent.vote % SAMPLE_EVERY == 0 {
                            came.samples.push((sent.vote, ack));
                        }
                    }
                    None => came.trouble("a receipt that nobody waits for"),
                }
            }
            Msg::AppNack(nack) => {
                let mut line = lock(line);
                if let Some(at) = line.iter().position(|sent| sent.sequence == nack.sequence) {
                    line.remove(at);
                }
                lock(&self.came).trouble(&nack.detail);
            }
            Msg::LogEnd(_) => lock(&self.came).greeted += 1,
            Msg::PeerError(error) => lock(&self.came).trouble(&error.detail),
            _ => {}
        }
        None
    }

    fn hear_stranger(&self, peer: PublicKey, message: Msg) -> Option<Msg> {
        if !lock(&self.strangers).contains(&peer) {
            return Some(message);
        }
        match message {
            Msg::AppNack(_) => {
                let mut came = lock(&self.came);
                came.refused += 1;
                came.answered.push(peer);
            }
            Msg::AppAck(_) => lock(&self.came).trouble("a receipt for a forged vote"),
            Msg::LogEnd(_) => drop(self.strangers_greeted.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
        None
    }
}

impl Came {
    fn trouble(&mut self, what: &str) {
        *self.troubles.entry(what.to_owned()).or_default() += 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
