//! Judging proofs against the hub and against members (docs/spec/40-proofs.md, P-12 to P-14).

use althing_governance::Charter;
use althing_governance::codec::Canonical as _;
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Equivocation, LogHead};
use althing_governance::epoch::EpochHeader;
use althing_governance::id::{DaoId, NetworkId, TreeHash};
use althing_governance::signing::{Signed, Statement, verify_all};
use althing_governance::tree::{leaf_hash, verify_inclusion};
use bitcoin::secp256k1::Secp256k1;

use super::parts::{Against, Contradiction, ReceiptFraudPart};
use super::verify::{Rejection, fail};

/// The DAO that a proof is about, with every charter that was in force in the file.
pub(super) struct Dao<'a> {
    pub(super) params: &'a DaoParams,
    pub(super) charters: Vec<&'a Charter>,
}

/// What the hub said of its log: under a header or in a head.
struct Told {
    size: u64,
    root: TreeHash,
    words: String,
}

/// P-12: the receipt promises an entry at a position, and the log there is another.
pub(super) fn check_receipt_fraud(
    dao: &Dao<'_>,
    header: Option<&EpochHeader>,
    part: &ReceiptFraudPart,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("receipt");
    dao.is_ours(part.receipt.network, part.receipt.dao, "receipt")?;
    dao.check_hub_signature(&part.receipt, "receipt")?;
    let receipt = &part.receipt.statement;
    receipt.verify_entry(&part.entry, part.position, &part.path).map_err(|error| rule(format!("P-12: {error}")))?;
    checked.push(format!(
        "The hub signed a receipt that promises this entry at position {} of a log of {} entries, at height {}.",
        part.position, receipt.log_size, receipt.tip_height
    ));
    let told = match (&part.against, header) {
        (Against::Header, Some(header)) => Told {
            size: header.log_size,
            root: header.log_root,
            words: format!("the header of epoch {}, which is on Bitcoin,", header.epoch),
        },
        (Against::Header, None) => return Err(rule("P-12: the file has no header".into())),
        (Against::Head(head), _) => {
            dao.is_ours(head.network, head.dao, "head")?;
            dao.check_hub_signature(head, "head")?;
            let words = format!("the head that the hub signed at height {}", head.tip_height);
            Told { size: head.size, root: head.root, words }
        }
    };
    if told.size < receipt.log_size {
        let size = told.size;
        return Err(rule(format!(
            "P-12: {} has {size} entries, the receipt speaks of {}: nothing is broken yet",
            told.words, receipt.log_size
        )));
    }
    match &part.contradiction {
        Contradiction::Entry { leaf, path } => {
            if *leaf == leaf_hash(&part.entry) {
                return Err(rule("P-12: the log has the entry that was promised".into()));
            }
            verify_inclusion(*leaf, part.position, told.size, path, told.root)
                .map_err(|error| rule(format!("P-12: position {} of the log: {error}", part.position)))?;
            checked.push(format!("Under {} another entry is at that position.", told.words));
        }
        Contradiction::Root => {
            if told.size != receipt.log_size || told.root == receipt.log_root {
                return Err(rule(format!(
                    "P-12: {} tells of {} entries with root {}, the receipt of {} with root {}: no contradiction",
                    told.words, told.size, told.root, receipt.log_size, receipt.log_root
                )));
            }
            checked.push(format!("Under {} the log of that size has another root.", told.words));
        }
    }
    Ok(format!(
        "Fraud by the hub: its receipt promises an entry at position {}, and {} has another log.",
        part.position, told.words
    ))
}

/// P-13: two heads that one honest hub cannot have signed.
pub(super) fn check_head_fraud(
    dao: &Dao<'_>,
    heads: &[Signed<LogHead>; 2],
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("heads");
    let [one, other] = heads;
    for head in heads {
        dao.is_ours(head.network, head.dao, "head")?;
        dao.check_hub_signature(head, "head")?;
    }
    if one.to_bytes() >= other.to_bytes() {
        return Err(rule("P-13: the heads are not in the order of their bytes".into()));
    }
    if !one.contradicts(other) {
        return Err(rule(format!(
            "P-13: heads of {} entries at height {} and of {} at height {} do not contradict each other",
            one.size, one.tip_height, other.size, other.tip_height
        )));
    }
    checked.push("Both heads are signed by the hub's log key.".to_owned());
    Ok(format!(
        "Fraud by the hub: it signed a log of {} entries with root {} at height {}, and one of {} with root {} at height {}.",
        one.size, one.root, one.tip_height, other.size, other.root, other.tip_height
    ))
}

/// P-14: two entries of one member for one place.
pub(super) fn check_equivocation(
    dao: &Dao<'_>,
    proof: &Equivocation,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("equivocation");
    let (member, incarnation, sequence) = proof.place();
    for entry in proof.entries() {
        let lane = entry.lane().ok_or_else(|| rule("P-14: an entry stands in no lane".into()))?;
        dao.is_ours(lane.network, lane.dao, "entry")?;
    }
    verify_all(&Secp256k1::verification_only(), &proof.signature_checks())
        .map_err(|error| rule(format!("P-14: {error}")))?;
    let [one, other] = proof.entries();
    checked.push(format!("Both entries are signed by vote key {member}."));
    Ok(format!(
        "Equivocation: vote key {member} signed entries {} and {} for place {sequence} of incarnation {incarnation} of its lane.",
        one.id(),
        other.id()
    ))
}

impl Dao<'_> {
    pub(super) fn is_ours(&self, network: NetworkId, dao: DaoId, what: &'static str) -> Result<(), Rejection> {
        if (network, dao) == (self.params.network, self.params.dao_id) {
            return Ok(());
        }
        Err(fail(what)(format!("P-12: it is of DAO {dao}, not of {}", self.params.dao_id)))
    }

    /// The hub's log key is that of the charter in force when it signed; a former key binds the hub as well.
    fn check_hub_signature<T: Statement>(&self, signed: &Signed<T>, what: &'static str) -> Result<(), Rejection> {
        let secp = Secp256k1::verification_only();
        let keys = std::iter::once(self.params.charter.hub_log_key)
            .chain(self.charters.iter().map(|charter| charter.hub_log_key));
        let mut last = None;
        for key in keys {
            match signed.signature_check(&key, what).verify(&secp) {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
        }
        let reason = last.map_or_else(String::new, |error| error.to_string());
        Err(fail(what)(format!("P-12: {reason}")))
    }
}
