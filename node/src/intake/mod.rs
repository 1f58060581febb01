//! The way of an entry into the hub before any state is touched: a bounded queue for each peer, then form and signatures in
//! batches on all cores.
//!
//! Checking signatures is nearly all the work that an entry makes, and it needs no state. So it is done here, on threads of
//! its own, while the engine applies and stores the batch before; the engine keeps its one thread and its freedom from locks.
//! A batch is whatever is waiting, so that a lone entry is passed on at once and a crowd shares the price (N-70).

mod examine;
mod queues;
mod segments;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use althing_governance::entry::{Digests, Entry};
use althing_governance::id::{EntryId, MemberId};
use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey};

pub use examine::{Examiner, Finding};
pub use queues::{PEER_BYTES, PEER_ENTRIES, STRIKES_MAX, Turned};
use queues::{Queues, Taken};
pub use segments::{Examined, examine_segments, read_segments};

/// Most entries in one batch: a few parts for each of a few cores, each large enough for a batch check to pay.
pub const BATCH: usize = 8192;

/// Batches that may wait for the engine; more would only fill memory.
const AHEAD: usize = 3;

/// An entry as a peer sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Who sent it.
    pub peer: PublicKey,
    /// Its number in the lane, as the peer says; for the answer only.
    pub sequence: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// An entry on its way to the engine.
#[derive(Debug)]
pub struct Arrived {
    /// As it came.
    pub offered: Offered,
    /// Its id, and its leaf in the log.
    pub digests: Digests,
    /// What was found out about it.
    pub finding: Finding,
}

impl Arrived {
    /// The entry with its id, when its signatures verify.
    pub fn signed(&self) -> Option<(EntryId, &Entry)> {
        match &self.finding {
            Finding::Signed(entry) => Some((self.digests.id, entry)),
            _ => None,
        }
    }
}

/// What the intake reports.
#[derive(Debug)]
pub enum Report {
    /// Entries, in the order of each peer. Call [`Intake::settled`] when they were dealt with.
    Batch(Vec<Arrived>),
    /// An entry that found its peer's queue full (N-71).
    Crowded(Offered),
    /// A peer sent too many entries with bad signatures: nothing more of it is taken (N-72).
    Misbehaving(PublicKey),
    /// Batch check and libsecp256k1 disagreed: a fault of this program or machine that a person must know of. Signatures are
    /// checked one by one from then on.
    Fault(String),
}

/// The running intake. Dropping it ends its thread.
pub struct Intake {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    queues: Mutex<Queues>,
    /// Something was offered, settled or closed.
    changed: Condvar,
    examiner: Examiner,
}

impl Intake {
    /// Starts the intake. `report` may block: that is how a slow engine slows the intake down, and the intake its peers. It
    /// returns whether anybody still listens.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(
        hub_log_key: XOnlyPublicKey,
        cores: usize,
        report: impl Fn(Report) -> bool + Send + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queues: Mutex::new(Queues::default()),
            changed: Condvar::new(),
            examiner: Examiner::new(hub_log_key, cores),
        });
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("intake".into()).spawn(move || for_thread.run(&report))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// A door to this intake for the threads that read sockets.
    pub fn door(&self) -> Door {
        Door { shared: Arc::clone(&self.shared) }
    }

    /// The engine is done with a batch.
    pub fn settled(&self) {
        let mut queues = self.shared.lock();
        queues.unsettled = queues.unsettled.saturating_sub(1);
        self.shared.changed.notify_all();
    }

    /// An entry of this peer went into the log: it is no stranger any more (N-109).
    pub fn vouch(&self, peer: PublicKey) {
        self.shared.lock().vouch(peer);
    }

    /// The hub's own entries need this key from now on (N-78).
    pub fn use_hub_log_key(&self, key: XOnlyPublicKey) {
        self.shared.examiner.use_hub_log_key(key);
    }

    /// These vote keys have a lane from now on: signatures of others are not looked at here.
    pub fn know(&self, members: impl IntoIterator<Item = MemberId>) {
        self.shared.examiner.know(members);
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // Its panic was already printed; there is nothing else to do about it here.
            let _ = thread.join();
        }
    }
}

/// Where entries are handed in.
#[derive(Clone)]
pub struct Door {
    shared: Arc<Shared>,
}

impl Door {
    /// Takes an entry into its peer's queue. Never blocks: a peer that is ahead of the hub is told so, and nobody else waits.
    ///
    /// # Errors
    /// [`Turned`] when the peer's queue is full or the peer was found misbehaving.
    pub fn offer(&self, offered: Offered) -> Result<(), Turned> {
        self.shared.lock().push(offered)?;
        self.shared.changed.notify_all();
        Ok(())
    }

    /// The peer is gone, and what it sent with it: it will send again what was not acknowledged.
    pub fn forget(&self, peer: &PublicKey) {
        self.shared.lock().forget(peer);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, report: &dyn Fn(Report) -> bool) {
        let examiner = &self.examiner;
        let mut fault_reported = false;
        while let Some(Taken { honest, newcomers, suspected }) = self.next_batch() {
            let mut arrived = examiner.examine(honest);
            // A key for the transport costs nothing: whoever never sent a good entry cannot spoil the batch of those who did.
            arrived.extend(examiner.examine(newcomers));
            // One bad signature spoils a whole batch check; whoever sent one before is checked alone.
            arrived.extend(examiner.examine_one_by_one(suspected));
            let offenders = self.lock().judge(&arrived);
            if !report(Report::Batch(arrived)) {
                return;
            }
            for peer in offenders {
                if !report(Report::Misbehaving(peer)) {
                    return;
                }
            }
            if !fault_reported && let Some(fault) = examiner.disagreement() {
                fault_reported = true;
                if !report(Report::Fault(fault)) {
                    return;
                }
            }
        }
    }

    /// Waits for entries and for the engine; `None` at the end.
    fn next_batch(&self) -> Option<Taken> {
        let mut queues = self.lock();
        loop {
            if queues.closed {
                return None;
            }
            if queues.unsettled < AHEAD && !queues.is_empty() {
                queues.unsettled += 1;
                return Some(queues.take(BATCH));
            }
            queues = self.changed.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
