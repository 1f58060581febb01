//! Statements about payments through a gate that the treasury made later (docs/spec/proofs.md, P-300).

use althing_governance::Charter;
use althing_governance::codec::{Canonical, DecodeError, Reader, Writer};
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Entry, GateRefill};
use althing_governance::epoch::{DecisionLeaf, DecisionProof, EpochHeader};
use althing_governance::tree::{leaf_hash, verify_inclusion};
use bitcoin::OutPoint;
use bitcoin::secp256k1::Secp256k1;

use super::bundle::{LoggedEntry, Statement};
use super::verify::{Rejection, fail};

/// A statement, and the note by which its gate is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefilledPart {
    /// The gate refill in the log.
    pub refill: LoggedEntry,
    /// What is proven.
    pub statement: Statement,
}

impl Canonical for RefilledPart {
    fn encode(&self, w: &mut Writer) {
        self.refill.encode(w);
        self.statement.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let refill = Canonical::decode(r)?;
        let statement = Statement::decode_without_refill(r)?;
        if gate_of(&statement).is_none() {
            let problem = "the statement has no gate".to_owned();
            return Err(DecodeError::Rule { rule: "P-300", field: "statement over a refilled gate", problem });
        }
        Ok(Self { refill, statement })
    }
}

/// The gate that a statement speaks of, if it speaks of one.
pub(super) fn gate_of(statement: &Statement) -> Option<OutPoint> {
    let decided = |proof: &DecisionProof| DecisionLeaf::from_bytes(&proof.decision.leaf.value).ok()?.gate;
    match statement {
        Statement::Tally(part) => decided(&part.decision),
        Statement::Authorised(part) => decided(&part.decision),
        Statement::Payment(part) => decided(&part.payment),
        Statement::UnauthorisedSpend(part) => Some(part.gate),
        Statement::Refilled(part) => gate_of(&part.statement),
        Statement::Ballot(_)
        | Statement::Office(_)
        | Statement::DidNotVote(_)
        | Statement::ReceiptFraud(_)
        | Statement::HeadFraud(_)
        | Statement::Equivocation(_)
        | Statement::BadEntry(_)
        | Statement::Budget(_)
        | Statement::TwoCheckpoints(_)
        | Statement::Theft(_)
        | Statement::Links => None,
    }
}

/// P-300: the DAO with the gate that the refill made.
pub(super) fn with_gate(
    params: &DaoParams,
    charters: &[&Charter],
    header: &EpochHeader,
    part: &RefilledPart,
    checked: &mut Vec<String>,
) -> Result<DaoParams, Rejection> {
    let rule = fail("gate refill");
    let LoggedEntry { position, bytes, path } = &part.refill;
    verify_inclusion(leaf_hash(bytes), *position, header.log_size, path, header.log_root)
        .map_err(|error| rule(format!("P-300: position {position} of the log: {error}")))?;
    let Entry::GateRefill(signed) = Entry::from_bytes(bytes).map_err(|error| rule(error.to_string()))? else {
        return Err(rule("P-300: the entry is no gate refill".into()));
    };
    let refill: &GateRefill = &signed.statement;
    if (refill.network, refill.dao) != (params.network, params.dao_id) {
        return Err(rule(format!("P-300: the entry is not of DAO {}", params.dao_id)));
    }
    let secp = Secp256k1::verification_only();
    let mut keys = charters.iter().map(|charter| charter.hub_log_key).chain([params.charter.hub_log_key]);
    if !keys.any(|key| signed.signature_check(&key, "gate refill").verify(&secp).is_ok()) {
        return Err(rule("P-300: no log key of a charter of the file signed it".into()));
    }
    let gate = gate_of(&part.statement).ok_or_else(|| rule("P-300: the statement has no gate".into()))?;
    if params.gates.contains(&gate) || !refill.gates().any(|made| made == gate) {
        return Err(rule(format!("P-300: gate {gate} is not one that this refill made")));
    }
    checked.push(format!(
        "Gate {gate} was made by a transaction of the treasury, which entry {position} of the log notes."
    ));
    let mut extended = params.clone();
    extended.gates.extend(refill.gates());
    Ok(extended)
}
