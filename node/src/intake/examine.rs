//! Form and signatures of entries: no state, so any number at once.

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Entry, entry_id};
use althing_governance::signing::SignatureCheck;
use bitcoin::secp256k1::{Secp256k1, VerifyOnly, XOnlyPublicKey};

use super::{Arrived, Offered};

/// Fewer entries than this are checked on the thread that has them: starting another costs more.
const WORTH_A_THREAD: usize = 32;

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
    hub_log_key: XOnlyPublicKey,
    cores: usize,
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
        Self { hub_log_key, cores: cores.max(1), secp: Secp256k1::verification_only() }
    }

    /// Examines a batch; the order stays. Signatures of entries for which `worth_a_look` says no are not checked.
    pub fn examine(&self, batch: Vec<Offered>, worth_a_look: &(dyn Fn(&Entry) -> bool + Sync)) -> Vec<Arrived> {
        if self.cores == 1 || batch.len() < WORTH_A_THREAD {
            return self.examine_part(batch, worth_a_look);
        }
        let share = batch.len().div_ceil(self.cores);
        let mut parts: Vec<Vec<Offered>> = Vec::with_capacity(self.cores);
        let mut rest = batch;
        while rest.len() > share {
            let tail = rest.split_off(share);
            parts.push(std::mem::replace(&mut rest, tail));
        }
        let last = rest;
        std::thread::scope(|scope| {
            let others: Vec<_> =
                parts.into_iter().map(|part| scope.spawn(|| self.examine_part(part, worth_a_look))).collect();
            let last = self.examine_part(last, worth_a_look);
            let mut arrived = Vec::new();
            for other in others {
                // A panic of a checking thread is a panic of the intake: entries must not get lost silently.
                arrived.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            arrived.extend(last);
            arrived
        })
    }

    /// As [`Self::examine`], each entry for itself: a bad one costs only itself.
    pub fn examine_one_by_one(&self, batch: Vec<Offered>, worth_a_look: &dyn Fn(&Entry) -> bool) -> Vec<Arrived> {
        batch.into_iter().map(|offered| self.judge_alone(self.read(offered, worth_a_look))).collect()
    }

    fn examine_part(&self, part: Vec<Offered>, worth_a_look: &dyn Fn(&Entry) -> bool) -> Vec<Arrived> {
        part.into_iter().map(|offered| self.judge_alone(self.read(offered, worth_a_look))).collect()
    }

    fn read(&self, offered: Offered, worth_a_look: &dyn Fn(&Entry) -> bool) -> Read {
        let entry = Entry::from_bytes(&offered.bytes).map_err(|error| error.to_string());
        let is_stranger = entry.as_ref().is_ok_and(|entry| !worth_a_look(entry));
        let checks = match &entry {
            Ok(entry) if !is_stranger => entry.signature_checks(&self.hub_log_key),
            _ => Vec::new(),
        };
        Read { offered, entry, checks, is_stranger }
    }

    fn judge_alone(&self, read: Read) -> Arrived {
        let bad = read.checks.iter().find_map(|check| check.verify(&self.secp).err());
        read.judged(bad.map(|error| error.to_string()))
    }
}

impl Read {
    fn judged(self, forged: Option<String>) -> Arrived {
        let id = entry_id(&self.offered.bytes);
        let finding = match (self.entry, forged) {
            (Err(reason), _) => Finding::Malformed(reason),
            (Ok(_), Some(reason)) => Finding::Forged(reason),
            (Ok(entry), None) if self.is_stranger => Finding::Stranger(Box::new(entry)),
            (Ok(entry), None) => Finding::Signed(Box::new(entry)),
        };
        Arrived { offered: self.offered, id, finding }
    }
}
