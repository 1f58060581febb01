//! Proof of the hub's fraud: two of its signatures that no honest hub gives both.

use bitcoin::secp256k1::XOnlyPublicKey;

use super::{EntryKind, LogHead};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::id::{DaoId, NetworkId, TreeHash};
use crate::receipt::Receipt;
use crate::signing::{SignatureCheck, Signed, read_prefix};
use crate::tree::verify_inclusion;

/// Longest path of a proof: the log has fewer than 2^64 entries.
const MAX_PATH: usize = 64;

/// Proof that the hub broke its word (G-109). Whoever holds both statements can log it; it has no signature of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubFraud {
    /// The key that signed both.
    pub hub_log_key: XOnlyPublicKey,
    /// What it signed.
    pub evidence: FraudEvidence,
}

/// Two statements of one hub that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FraudEvidence {
    /// Two heads of one size or one tip height that differ (G-30); in ascending order of their bytes.
    Heads(Signed<LogHead>, Signed<LogHead>),
    /// A receipt that promises one log, and a head of the same size over another (G-80).
    OtherLog(Signed<Receipt>, Signed<LogHead>),
    /// A receipt that promises an entry at a position, and a head over a log that has another there (G-80).
    OtherEntry(Box<OtherEntry>),
}

/// The evidence of [`FraudEvidence::OtherEntry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherEntry {
    /// What was promised.
    pub receipt: Signed<Receipt>,
    /// What came.
    pub head: Signed<LogHead>,
    /// The position.
    pub position: u64,
    /// Leaf hash of the entry promised.
    pub promised: TreeHash,
    /// Its path within the batch.
    pub promised_path: Vec<TreeHash>,
    /// Leaf hash of the entry that is there.
    pub found: TreeHash,
    /// Its path within the log.
    pub found_path: Vec<TreeHash>,
}

impl HubFraud {
    /// A proof from its evidence; two heads may come in either order.
    ///
    /// # Errors
    /// [`DecodeError::Rule`] when it proves nothing.
    pub fn new(hub_log_key: XOnlyPublicKey, evidence: FraudEvidence) -> Result<Self, DecodeError> {
        let evidence = match evidence {
            FraudEvidence::Heads(one, other) if one.to_bytes() > other.to_bytes() => FraudEvidence::Heads(other, one),
            ordered => ordered,
        };
        let proof = Self { hub_log_key, evidence };
        proof.check()?;
        Ok(proof)
    }

    /// Network and DAO of both statements.
    #[must_use]
    pub fn dao(&self) -> (NetworkId, DaoId) {
        let [head, _] = self.heads();
        (head.network, head.dao)
    }

    /// The heads among the statements; the same twice where there is one.
    #[must_use]
    pub fn heads(&self) -> [&LogHead; 2] {
        match &self.evidence {
            FraudEvidence::Heads(one, other) => [&one.statement, &other.statement],
            FraudEvidence::OtherLog(_, head) => [&head.statement; 2],
            FraudEvidence::OtherEntry(other) => [&other.head.statement; 2],
        }
    }

    /// The hub's signatures under both.
    #[must_use]
    pub fn signature_checks(&self) -> Vec<SignatureCheck> {
        let head = |signed: &Signed<LogHead>| signed.signature_check(&self.hub_log_key, "log head");
        let receipt = |signed: &Signed<Receipt>| signed.signature_check(&self.hub_log_key, "receipt");
        match &self.evidence {
            FraudEvidence::Heads(one, other) => vec![head(one), head(other)],
            FraudEvidence::OtherLog(promise, came) => vec![receipt(promise), head(came)],
            FraudEvidence::OtherEntry(other) => vec![receipt(&other.receipt), head(&other.head)],
        }
    }

    fn check(&self) -> Result<(), DecodeError> {
        match &self.evidence {
            FraudEvidence::Heads(one, other) => {
                if !one.statement.contradicts(&other.statement) {
                    return Err(rule("the heads do not contradict each other".into()));
                }
                if one.to_bytes() > other.to_bytes() {
                    return Err(rule("the heads are not in the order of their bytes".into()));
                }
                Ok(())
            }
            FraudEvidence::OtherLog(receipt, head) => {
                same_dao(&receipt.statement, &head.statement)?;
                match (receipt.log_size == head.size, receipt.log_root == head.root) {
                    (true, false) => Ok(()),
                    (false, _) => Err(rule(format!("the sizes {} and {} differ", receipt.log_size, head.size))),
                    (true, true) => Err(rule("receipt and head are of the same log".into())),
                }
            }
            FraudEvidence::OtherEntry(other) => other.check(),
        }
    }
}

impl OtherEntry {
    fn check(&self) -> Result<(), DecodeError> {
        let (receipt, head) = (&self.receipt.statement, &self.head.statement);
        same_dao(receipt, head)?;
        if self.promised == self.found {
            return Err(rule("the entries are the same".into()));
        }
        if head.size < receipt.log_size {
            return Err(rule(format!("the head covers {} entries, the receipt {}", head.size, receipt.log_size)));
        }
        let index = self.position.checked_sub(receipt.first_position).ok_or_else(|| {
            rule(format!("position {} is before the batch from {}", self.position, receipt.first_position))
        })?;
        let count = u64::from(receipt.count);
        verify_inclusion(self.promised, index, count, &self.promised_path, receipt.batch_root)
            .map_err(|error| rule(format!("the entry promised: {error}")))?;
        verify_inclusion(self.found, self.position, head.size, &self.found_path, head.root)
            .map_err(|error| rule(format!("the entry found: {error}")))
    }
}

fn same_dao(receipt: &Receipt, head: &LogHead) -> Result<(), DecodeError> {
    match (receipt.network, receipt.dao) == (head.network, head.dao) {
        true => Ok(()),
        false => Err(rule("receipt and head are of different DAOs".into())),
    }
}

impl Canonical for HubFraud {
    fn encode(&self, w: &mut Writer) {
        w.u8(1);
        w.u8(EntryKind::HubFraud as u8);
        w.x_only_key(&self.hub_log_key);
        match &self.evidence {
            FraudEvidence::Heads(one, other) => {
                w.u8(0);
                one.encode(w);
                other.encode(w);
            }
            FraudEvidence::OtherLog(receipt, head) => {
                w.u8(1);
                receipt.encode(w);
                head.encode(w);
            }
            FraudEvidence::OtherEntry(other) => {
                w.u8(2);
                other.receipt.encode(w);
                other.head.encode(w);
                w.u64(other.position);
                other.promised.encode(w);
                w.list(&other.promised_path);
                other.found.encode(w);
                w.list(&other.found_path);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        read_prefix(r, &[1, EntryKind::HubFraud as u8])?;
        let hub_log_key = r.x_only_key("hub_log_key")?;
        let evidence = match r.u8()? {
            0 => FraudEvidence::Heads(Canonical::decode(r)?, Canonical::decode(r)?),
            1 => FraudEvidence::OtherLog(Canonical::decode(r)?, Canonical::decode(r)?),
            2 => FraudEvidence::OtherEntry(Box::new(OtherEntry {
                receipt: Canonical::decode(r)?,
                head: Canonical::decode(r)?,
                position: r.u64()?,
                promised: Canonical::decode(r)?,
                promised_path: r.list("path in the batch", MAX_PATH)?,
                found: Canonical::decode(r)?,
                found_path: r.list("path in the log", MAX_PATH)?,
            })),
            found => return Err(DecodeError::UnknownVariant { field: "fraud evidence", found }),
        };
        let proof = Self { hub_log_key, evidence };
        proof.check()?;
        Ok(proof)
    }
}

fn rule(problem: String) -> DecodeError {
    DecodeError::Rule { rule: "G-109", field: "proof of hub fraud", problem }
}
