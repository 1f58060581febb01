//! Form and signatures of entries: no state, so any number at once.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use althing_batch::{Item, KeyCache, Lanes, Verifier};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Digests, Entry};
use althing_governance::id::MemberId;
use althing_governance::signing::{SignatureCheck, SignatureError};
use bitcoin::secp256k1::{Secp256k1, VerifyOnly, XOnlyPublicKey};

use super::{Arrived, Offered};

/// Entries that one thread takes at a time: enough for a batch check to pay, few enough that all threads end together.
const PART: usize = 2048;

/// Fewer entries than this are checked on the thread that has them: starting another costs more.
const WORTH_A_THREAD: usize = 64;

/// Keys that each thread remembers in the form in which it computes with them, about 100 bytes each.
const KEYS_REMEMBERED: usize = 1 << 17;

/// What was found out about an entry without any state.
#[derive(Debug)]
pub enum Finding {
    /// Well formed, and every signature verifies.
    Signed(Box<Entry>),
    /// Well formed; its author is not known here, so nobody spent time on the signature.
    Stranger(Box<Entry>),
    /// Not an entry. The text names the rule.
    Malformed(String),
    /// An entry with a signature that does not verify. The text names the rule.
    Forged(String),
}

/// Checks batches of entries on all cores.
pub struct Examiner {
    known: RwLock<Known>,
    /// One for each thread.
    verifiers: Vec<Mutex<Verifier>>,
    secp: Secp256k1<VerifyOnly>,
}

/// Whose signatures are worth a look. Locked once for a part: a lock for each entry costs more than the look-up.
struct Known {
    /// The key that the hub's own entries need.
    hub_log_key: XOnlyPublicKey,
    /// Vote keys that have a lane.
    members: HashSet<MemberId>,
}

/// An entry between its decoding and its check.
struct Read {
    offered: Offered,
    entry: Result<Box<Entry>, String>,
    checks: Vec<SignatureCheck>,
    is_stranger: bool,
}

impl Examiner {
    /// An examiner that uses `cores` threads, at least one. `hub_log_key` is the key that the hub's own entries need.
    pub fn new(hub_log_key: XOnlyPublicKey, cores: usize) -> Self {
        let verifier = || Mutex::new(Verifier::with(Lanes::detect(), KeyCache::with_capacity(KEYS_REMEMBERED)));
        let verifiers = (0..cores.max(1)).map(|_| verifier()).collect();
        let known = RwLock::new(Known { hub_log_key, members: HashSet::new() });
        Self { known, verifiers, secp: Secp256k1::verification_only() }
    }

    /// The hub's own entries need this key from now on.
    pub fn use_hub_log_key(&self, key: XOnlyPublicKey) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).hub_log_key = key;
    }

    /// These vote keys have a lane from now on: signatures of others are not looked at here.
    pub fn know(&self, members: impl IntoIterator<Item = MemberId>) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).members.extend(members);
    }

    /// Examines a batch; the order stays. Signatures of authors that are not known are not checked.
    pub fn examine(&self, batch: Vec<Offered>) -> Vec<Arrived> {
        let count = batch.len();
        if count < WORTH_A_THREAD || self.verifiers.len() == 1 {
            return self.examine_part(batch, &self.verifiers[0]);
        }
        // Whoever is done first takes the next part: on a busy machine threads do not get the same time.
        let parts: Vec<Mutex<Part>> =
            split(batch, self.part_size(count)).into_iter().map(|p| Mutex::new(Part::Todo(p))).collect();
        let next = AtomicUsize::new(0);
        let work = |verifier: &Mutex<Verifier>| {
            while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                let todo = std::mem::replace(&mut *lock(part), Part::Taken);
                let Part::Todo(todo) = todo else { continue };
                let done = self.examine_part(todo, verifier);
                *lock(part) = Part::Done(done);
            }
        };
        let work = &work;
        std::thread::scope(|scope| {
            for verifier in &self.verifiers[1..] {
                // Joined by the scope: a panic of a checking thread is a panic of the intake, since entries must not get lost silently.
                // A thread that the system does not give is done without.
                let _ = std::thread::Builder::new().name("check".into()).spawn_scoped(scope, move || work(verifier));
            }
            work(&self.verifiers[0]);
        });
        let mut arrived = Vec::with_capacity(count);
        for part in parts {
            match part.into_inner().unwrap_or_else(PoisonError::into_inner) {
                Part::Done(done) => arrived.extend(done),
                Part::Todo(_) | Part::Taken => unreachable!("every part is taken, and done when its thread has ended"),
            }
        }
        arrived
    }

    /// As [`Self::examine`], each entry for itself: a bad one costs only itself.
    pub fn examine_one_by_one(&self, batch: Vec<Offered>) -> Vec<Arrived> {
        let judge = |offered| {
            let read = self.known().read(offered);
            let forged = read.checks.iter().find_map(|check| check.verify(&self.secp).err());
            read.judged(forged)
        };
        batch.into_iter().map(judge).collect()
    }

    /// What an operator has to know: the batch check and libsecp256k1 had different opinions once, so everything is checked one by
    /// one since then. A fault of this program or of the machine.
    pub fn disagreement(&self) -> Option<String> {
        self.verifiers.iter().find_map(|verifier| lock(verifier).disagreement().map(|found| format!("{found:?}")))
    }

    /// At least one part for each thread, and none larger than a batch check needs.
    fn part_size(&self, count: usize) -> usize {
        count.div_ceil(self.verifiers.len()).min(PART)
    }

    fn examine_part(&self, part: Vec<Offered>, verifier: &Mutex<Verifier>) -> Vec<Arrived> {
        let part: Vec<Read> = {
            let known = self.known();
            part.into_iter().map(|offered| known.read(offered)).collect()
        };
        let mut forged = forgeries(&mut lock(verifier), part.iter().map(|read| read.checks.as_slice()));
        part.into_iter().enumerate().map(|(index, read)| read.judged(forged.remove(&index))).collect()
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn read(&self, offered: Offered) -> Read {
        let entry = Entry::from_bytes(&offered.bytes).map(Box::new).map_err(|error| error.to_string());
        let is_stranger = entry.as_ref().is_ok_and(|entry| !self.may_be_signed(entry));
        let checks = match &entry {
            Ok(entry) if !is_stranger => entry.signature_checks(&self.hub_log_key),
            _ => Vec::new(),
        };
        Read { offered, entry, checks, is_stranger }
    }

    /// Whether the signature of an entry is worth a look: a known vote key, or a bind that makes one known.
    fn may_be_signed(&self, entry: &Entry) -> bool {
        match entry {
            // What stands in no lane is signed by keys that the entry itself names.
            Entry::Bind(_) | Entry::KeyRotation(_) | Entry::Equivocation(_) => true,
            other => other.lane().is_some_and(|lane| self.members.contains(&lane.member)),
        }
    }
}

/// Which of the entries with these checks have a signature that does not verify, by index, each with the first such.
pub(super) fn forgeries<'a>(
    verifier: &mut Verifier,
    checks: impl Iterator<Item = &'a [SignatureCheck]>,
) -> BTreeMap<usize, SignatureError> {
    let checks: Vec<(usize, &SignatureCheck)> =
        checks.enumerate().flat_map(|(index, checks)| checks.iter().map(move |check| (index, check))).collect();
    let items: Vec<Item<'_>> = checks
        .iter()
        .map(|(_, check)| Item { key: check.key, message: &check.message, signature: check.signature.serialize() })
        .collect();
    let mut forged = BTreeMap::new();
    for invalid in verifier.check(&items).invalid {
        let (index, check) = checks[invalid];
        forged.entry(index).or_insert(SignatureError { what: check.what, key: check.key });
    }
    forged
}

impl Read {
    fn judged(self, forged: Option<SignatureError>) -> Arrived {
        let digests = Digests::of(&self.offered.bytes);
        let finding = match (self.entry, forged) {
            (Err(reason), _) => Finding::Malformed(reason),
            (Ok(_), Some(error)) => Finding::Forged(error.to_string()),
            (Ok(entry), None) if self.is_stranger => Finding::Stranger(entry),
            (Ok(entry), None) => Finding::Signed(entry),
        };
        Arrived { offered: self.offered, digests, finding }
    }
}

/// A part of a batch on its way through a thread.
enum Part {
    Todo(Vec<Offered>),
    Taken,
    Done(Vec<Arrived>),
}

/// Splits a batch into parts of `size`, in order.
fn split(batch: Vec<Offered>, size: usize) -> Vec<Vec<Offered>> {
    let mut batch = batch.into_iter();
    let mut parts = Vec::new();
    loop {
        let part: Vec<Offered> = batch.by_ref().take(size.max(1)).collect();
        if part.is_empty() {
            return parts;
        }
        parts.push(part);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
