//! Form and signatures of entries: no state, so any number at once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, RwLock};

use althing_batch::{Item, KeyCache, Lanes, Verifier};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Entry, entry_id};
use althing_governance::signing::{SignatureCheck, SignatureError};
use bitcoin::secp256k1::{Secp256k1, VerifyOnly, XOnlyPublicKey};

use super::{Arrived, Offered};

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
    hub_log_key: RwLock<XOnlyPublicKey>,
    /// One for each thread.
    verifiers: Vec<Mutex<Verifier>>,
    secp: Secp256k1<VerifyOnly>,
}

/// An entry between its decoding and its check.
struct Read {
    offered: Offered,
    entry: Result<Entry, String>,
    checks: Vec<SignatureCheck>,
    is_stranger: bool,
}

impl Examiner {
    /// An examiner that uses `cores` threads, at least one. `hub_log_key` is the key that the hub's own entries need.
    pub fn new(hub_log_key: XOnlyPublicKey, cores: usize) -> Self {
        let verifier = || Mutex::new(Verifier::with(Lanes::detect(), KeyCache::with_capacity(KEYS_REMEMBERED)));
        let verifiers = (0..cores.max(1)).map(|_| verifier()).collect();
        Self { hub_log_key: RwLock::new(hub_log_key), verifiers, secp: Secp256k1::verification_only() }
    }

    /// The hub's own entries need this key from now on.
    pub fn use_hub_log_key(&self, key: XOnlyPublicKey) {
        *self.hub_log_key.write().unwrap_or_else(PoisonError::into_inner) = key;
    }

    /// Examines a batch; the order stays. Signatures of entries for which `worth_a_look` says no are not checked.
    pub fn examine(&self, batch: Vec<Offered>, worth_a_look: &(dyn Fn(&Entry) -> bool + Sync)) -> Vec<Arrived> {
        let threads = if batch.len() < WORTH_A_THREAD { 1 } else { self.verifiers.len() };
        let mut parts = split(batch, threads).into_iter().zip(&self.verifiers);
        let Some((first, verifier)) = parts.next() else { return Vec::new() };
        std::thread::scope(|scope| {
            let others: Vec<_> =
                parts.map(|(part, verifier)| scope.spawn(|| self.examine_part(part, verifier, worth_a_look))).collect();
            let mut arrived = self.examine_part(first, verifier, worth_a_look);
            for other in others {
                // A panic of a checking thread is a panic of the intake: entries must not get lost silently.
                arrived.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            arrived
        })
    }

    /// As [`Self::examine`], each entry for itself: a bad one costs only itself.
    pub fn examine_one_by_one(&self, batch: Vec<Offered>, worth_a_look: &dyn Fn(&Entry) -> bool) -> Vec<Arrived> {
        let judge = |offered| {
            let read = self.read(offered, worth_a_look);
            let forged = read.checks.iter().find_map(|check| check.verify(&self.secp).err());
            read.judged(forged)
        };
        batch.into_iter().map(judge).collect()
    }

    /// What an operator has to know: the batch check and libsecp256k1 had different opinions once, so everything is checked one by
    /// one since then. A fault of this program or of the machine.
    pub fn disagreement(&self) -> Option<String> {
        self.verifiers.iter().find_map(|verifier| {
            let verifier = verifier.lock().unwrap_or_else(PoisonError::into_inner);
            verifier.disagreement().map(|found| format!("{found:?}"))
        })
    }

    fn examine_part(
        &self,
        part: Vec<Offered>,
        verifier: &Mutex<Verifier>,
        worth_a_look: &dyn Fn(&Entry) -> bool,
    ) -> Vec<Arrived> {
        let part: Vec<Read> = part.into_iter().map(|offered| self.read(offered, worth_a_look)).collect();
        let checks: Vec<(usize, &SignatureCheck)> = part
            .iter()
            .enumerate()
            .flat_map(|(index, read)| read.checks.iter().map(move |check| (index, check)))
            .collect();
        let items: Vec<Item<'_>> = checks
            .iter()
            .map(|(_, check)| Item { key: check.key, message: &check.message, signature: check.signature.serialize() })
            .collect();
        let verdict = verifier.lock().unwrap_or_else(PoisonError::into_inner).check(&items);
        let mut forged: BTreeMap<usize, SignatureError> = BTreeMap::new();
        for invalid in verdict.invalid {
            let (index, check) = checks[invalid];
            forged.entry(index).or_insert(SignatureError { what: check.what, key: check.key });
        }
        part.into_iter().enumerate().map(|(index, read)| read.judged(forged.remove(&index))).collect()
    }

    fn read(&self, offered: Offered, worth_a_look: &dyn Fn(&Entry) -> bool) -> Read {
        let entry = Entry::from_bytes(&offered.bytes).map_err(|error| error.to_string());
        let is_stranger = entry.as_ref().is_ok_and(|entry| !worth_a_look(entry));
        let checks = match &entry {
            Ok(entry) if !is_stranger => {
                entry.signature_checks(&self.hub_log_key.read().unwrap_or_else(PoisonError::into_inner))
            }
            _ => Vec::new(),
        };
        Read { offered, entry, checks, is_stranger }
    }
}

impl Read {
    fn judged(self, forged: Option<SignatureError>) -> Arrived {
        let id = entry_id(&self.offered.bytes);
        let finding = match (self.entry, forged) {
            (Err(reason), _) => Finding::Malformed(reason),
            (Ok(_), Some(error)) => Finding::Forged(error.to_string()),
            (Ok(entry), None) if self.is_stranger => Finding::Stranger(Box::new(entry)),
            (Ok(entry), None) => Finding::Signed(Box::new(entry)),
        };
        Arrived { offered: self.offered, id, finding }
    }
}

/// Splits a batch into `parts` parts of nearly the same size, in order.
fn split(mut batch: Vec<Offered>, parts: usize) -> Vec<Vec<Offered>> {
    let share = batch.len().div_ceil(parts.max(1));
    let mut out = Vec::with_capacity(parts);
    while share > 0 && batch.len() > share {
        let rest = batch.split_off(share);
        out.push(std::mem::replace(&mut batch, rest));
    }
    out.push(batch);
    out
}
