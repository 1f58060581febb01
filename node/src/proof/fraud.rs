//! Judging proofs against the hub and against members (docs/spec/proofs.md, P-12 to P-14).

use althing_governance::codec::Canonical as _;
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Entry, Equivocation, LogHead};
use althing_governance::epoch::EpochHeader;
use althing_governance::id::{DaoId, NetworkId, TreeHash};
use althing_governance::signing::{SignatureCheck, SignatureError, Signed, Statement, verify_all};
use althing_governance::tree::{leaf_hash, verify_inclusion};
use bitcoin::secp256k1::{Secp256k1, XOnlyPublicKey};

use super::bundle::SuccessionPart;
use super::parts::{Against, BadEntryPart, Contradiction, ReceiptFraudPart};
use super::verify::{Rejection, fail};

/// The DAO that a proof is about, with the hubs that there were.
pub(super) struct Dao<'a> {
    pub(super) params: &'a DaoParams,
    /// Every log key by the charters of the file, with the number of the hub that had it: 0 for the founding one.
    pub(super) keys: &'a [(XOnlyPublicKey, usize)],
    /// How each next hub came.
    pub(super) successions: &'a [SuccessionPart],
}

/// What the hub said of its log: under a header or in a head.
struct Told {
    size: u64,
    root: TreeHash,
    /// Which hub said so.
    hub: usize,
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
    let promised_by = dao.check_hub_signature(&part.receipt, "receipt")?;
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
            hub: dao.hub_of_epoch(header.epoch),
            words: format!("the header of epoch {}, which is on Bitcoin,", header.epoch),
        },
        (Against::Header, None) => return Err(rule("P-12: the file has no header".into())),
        (Against::Head(head), _) => {
            dao.is_ours(head.network, head.dao, "head")?;
            let hub = dao.check_hub_signature(head, "head")?;
            let words = format!("the head that the hub signed at height {}", head.tip_height);
            Told { size: head.size, root: head.root, hub, words }
        }
    };
    if told.size < receipt.log_size {
        let size = told.size;
        return Err(rule(format!(
            "P-12: {} has {size} entries, the receipt speaks of {}: nothing is broken yet",
            told.words, receipt.log_size
        )));
    }
    dao.check_bound(promised_by, receipt.log_size, told.hub)?;
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
    let mut hubs = Vec::new();
    for head in heads {
        dao.is_ours(head.network, head.dao, "head")?;
        hubs.push(dao.check_hub_signature(head, "head")?);
    }
    // P-332
    if hubs.first() != hubs.last() {
        return Err(rule(
            "P-332: a succession lies between the hubs that signed these heads: neither signed two".into(),
        ));
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

/// P-333: the hub promised to have logged an entry that no member signed so, or that is none.
pub(super) fn check_bad_entry(
    dao: &Dao<'_>,
    part: &BadEntryPart,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("entry");
    dao.is_ours(part.receipt.network, part.receipt.dao, "receipt")?;
    dao.check_hub_signature(&part.receipt, "receipt")?;
    let receipt = &part.receipt.statement;
    receipt.verify_entry(&part.entry, part.position, &part.path).map_err(|error| rule(format!("P-333: {error}")))?;
    checked
        .push(format!("The hub signed a receipt that says that it logged these bytes at position {}.", part.position));
    let wrong = match Entry::from_bytes(&part.entry) {
        Err(error) => format!("they are no entry: {error}"),
        Ok(entry) => match entry.lane() {
            Some(lane) if (lane.network, lane.dao) != (dao.params.network, dao.params.dao_id) => {
                format!("the entry is of DAO {}", lane.dao)
            }
            Some(_) => {
                // What a note carries may be the hub's, by any of its keys.
                let secp = Secp256k1::verification_only();
                let judged = dao.keys.iter().map(|(key, _)| verify_all(&secp, &entry.signature_checks(key)));
                match judged.collect::<Result<Vec<()>, _>>() {
                    Err(error)
                        if !dao.keys.iter().any(|(key, _)| verify_all(&secp, &entry.signature_checks(key)).is_ok()) =>
                    {
                        error.to_string()
                    }
                    _ => return Err(rule("P-333: the entry is what its author signed; nothing is shown".into())),
                }
            }
            None => return Err(rule("P-333: of an entry that stands in no lane nothing is shown".into())),
        },
    };
    Ok(format!("Fraud by the hub: it logged something at position {} that nobody signed so: {wrong}.", part.position))
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

    fn hub_of_epoch(&self, epoch: u32) -> usize {
        self.successions.iter().filter(|part| part.certificate.statement().last_link < epoch).count()
    }

    /// P-331: what a former hub promised binds those after it as far as members signed for its log; a key that is out of office
    /// could promise anything.
    fn check_bound(&self, promised_by: usize, log_size: u64, told_by: usize) -> Result<(), Rejection> {
        let rule = fail("receipt");
        if promised_by > told_by {
            return Err(rule("P-331: the receipt is of a later hub than what it is held against".into()));
        }
        let taken_over = self.successions.get(promised_by..told_by).unwrap_or_default();
        match taken_over.iter().find(|part| part.log_size() < log_size) {
            None => Ok(()),
            Some(part) => Err(rule(format!(
                "P-331: the receipt speaks of {log_size} entries, the next hub took over {} of them: it is not bound by more",
                part.log_size()
            ))),
        }
    }

    /// The hub's log key is that of the charter in force when it signed; a former key binds the hub as well.
    /// Gives the number of that hub.
    fn check_hub_signature<T: Statement>(&self, signed: &Signed<T>, what: &'static str) -> Result<usize, Rejection> {
        self.signing_hub(|key| signed.signature_check(key, what)).map_err(|error| fail(what)(format!("P-12: {error}")))
    }

    /// The number of the hub one of whose log keys passes the check; why the last of them did not, when none does.
    pub(super) fn signing_hub(
        &self,
        check: impl Fn(&XOnlyPublicKey) -> SignatureCheck,
    ) -> Result<usize, SignatureError> {
        let secp = Secp256k1::verification_only();
        let hub_of = |(key, hub): &(XOnlyPublicKey, usize)| check(key).verify(&secp).map(|()| *hub);
        // There is always the founding hub's key.
        let mut judged = self.keys.iter().map(hub_of);
        let first = judged.next().unwrap_or(Ok(0));
        judged.fold(first, |found, next| found.or(next))
    }
}
