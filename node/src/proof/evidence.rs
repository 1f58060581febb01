//! Making proofs of what rests on more than a tally: authorisations, absent votes, fraud (docs/spec/proofs.md, P-10 to P-15).

use std::collections::BTreeMap;
use std::path::Path;

use althing_anchor::MAX_TRANSACTION_BYTES;
use althing_governance::TreeHash;
use althing_governance::charter::{Body, Class};
use althing_governance::codec::{Canonical, DecodeError, Reader};
use althing_governance::entry::{Entry, Equivocation, LogHead};
use althing_governance::epoch::{DecisionLeaf, EpochHeader};
use althing_governance::id::MemberId;
use althing_governance::receipt::Receipt;
use althing_governance::signing::Signed;
use althing_governance::state::AnchoredRecord;
use althing_governance::tree::{SumLeaf, leaf_hash};
use anyhow::Context as _;
use bitcoin::consensus::encode::serialize;
use bitcoin::{OutPoint, Txid};

use super::budget::BudgetPart;
use super::bundle::{LoggedEntry, MAX_PATH, Statement};
use super::export::{deciding_epoch, logged, office, write_proof};
use super::parts::{Against, AuthorisedPart, Contradiction, DidNotVotePart, ReceiptFraudPart, SpendPart};
use super::theft::{MAX_SOURCES, TheftPart};
use super::two_checkpoints::two_checkpoints;
use super::whose::elector;
use crate::api::{AnchorReply, ApiError, Evidence, ReceiptFile};
use crate::chain_view::decode_evidence;
use crate::facts::outpoint_bytes;
use crate::keys::{hex, unhex};
use crate::shell::Shell;
use crate::view::find_proposal;

/// Writes the proof file for a statement, having judged it as any receiver would.
///
/// # Errors
/// When the statement is not (yet) true, or on I/O.
pub fn prove(
    shell: &Shell,
    me: Option<MemberId>,
    evidence: &Evidence,
    path: &Path,
    short: bool,
) -> Result<AnchorReply, ApiError> {
    let (epoch, statement) = match evidence {
        Evidence::Authorised { proposal, milestone } => authorised(shell, proposal, *milestone)?,
        Evidence::Budget { proposal } => budget(shell, proposal)?,
        Evidence::DidNotVote { proposal, member, body } => did_not_vote(shell, me, proposal, member.as_deref(), *body)?,
        Evidence::ReceiptFraud { receipt, entry, position, path, head } => {
            let receipt = decoded::<Signed<Receipt>>(receipt, "receipt")?;
            let path = path.iter().map(|hash| decoded::<TreeHash>(hash, "hash")).collect::<Result<_, _>>()?;
            let head = head.as_deref().map(|head| decoded::<Signed<LogHead>>(head, "head")).transpose()?;
            let promise = Promise { receipt, entry: bytes(entry, "entry")?, position: *position, path };
            receipt_fraud(shell, promise, head)?
        }
        Evidence::HeadFraud { heads } => {
            let heads = heads.iter().map(|head| decoded(head, "head")).collect::<Result<Vec<_>, _>>()?;
            head_fraud(shell, &heads)?
        }
        Evidence::Equivocation { entries: [one, other] } => {
            let (one, other) = (decoded::<Entry>(one, "entry")?, decoded::<Entry>(other, "entry")?);
            let proof = Equivocation::new(one, other).map_err(|error| ApiError::invalid("G-98", error.to_string()))?;
            (0, Statement::Equivocation(Box::new(proof)))
        }
        Evidence::TwoCheckpoints { checkpoints } => {
            let pair = match checkpoints.as_slice() {
                [] => crate::stakes::evidence(&shell.store)?,
                given => <[String; 2]>::try_from(given.to_vec()).ok(),
            };
            let pair = pair.ok_or_else(|| {
                let given = checkpoints.len();
                ApiError::invalid(
                    "P-400",
                    format!("P-400: {given} checkpoints are given, and this node has found no two of one number"),
                )
            })?;
            (epoch_of_keys(shell), Statement::TwoCheckpoints(Box::new(two_checkpoints(&pair)?)))
        }
        Evidence::UnauthorisedSpend { gate } => {
            let gate = gate.parse().map_err(|_| ApiError::invalid("P-15", format!("{gate:?} is no txid:vout")))?;
            unauthorised(shell, gate)?
        }
        Evidence::Theft { txid } => {
            let txid =
                txid.parse().map_err(|_| ApiError::invalid("P-146", format!("{txid:?} is no transaction id")))?;
            theft(shell, txid)?
        }
        Evidence::Links => {
            let newest = shell.ledger.state().newest_anchored();
            let newest = newest.ok_or_else(|| ApiError::not_now("P-160: no epoch is final yet"))?;
            (newest.header.epoch, Statement::Links)
        }
    };
    let (bytes, statement) = write_proof(shell, epoch, statement, path, short)?;
    Ok(AnchorReply::Proof { path: path.to_owned(), bytes, statement })
}

/// Writes the proof that the hub signed `head`, which this node's log contradicts; `false` when no head of the log does.
///
/// # Errors
/// As [`prove`].
pub(crate) fn prove_conflict(shell: &Shell, head: &Signed<LogHead>, path: &Path) -> Result<Option<String>, ApiError> {
    match head_fraud(shell, std::slice::from_ref(head)) {
        Ok((epoch, statement)) => Ok(Some(write_proof(shell, epoch, statement, path, false)?.1)),
        Err(error) if error.rule.as_deref() == Some("P-13") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the hub's receipt for the newest own ballot on a proposal, with what it promises.
///
/// # Errors
/// When this node cast none, or has no receipt for it yet.
pub fn export_receipt(shell: &Shell, proposal: &str, path: &Path) -> Result<AnchorReply, ApiError> {
    let id = find_proposal(shell, proposal)?;
    let is_ballot = |bytes: &[u8]| match Entry::from_bytes(bytes) {
        Ok(Entry::Ballot(ballot)) => ballot.body.proposal == id,
        _ => false,
    };
    let rows = shell.store.outbox()?;
    let newest = rows.iter().rfind(|row| row.receipt.is_some() && is_ballot(&row.entry));
    let row =
        newest.ok_or_else(|| ApiError::not_now(format!("G-80: there is no receipt of an own ballot on {id} here")))?;
    let mut r = Reader::new(row.receipt.as_deref().unwrap_or_default());
    let mut read = || -> Result<(Signed<Receipt>, u64, Vec<TreeHash>), DecodeError> {
        Ok((Canonical::decode(&mut r)?, r.u64()?, r.list("path in the batch", MAX_PATH)?))
    };
    let (receipt, position, hashes) = read().map_err(anyhow::Error::from)?;
    let file = ReceiptFile {
        receipt: hex(&receipt.to_bytes()),
        entry: hex(&row.entry),
        position,
        path: hashes.iter().map(|hash| hex(&hash.0)).collect(),
    };
    let text = serde_json::to_vec_pretty(&file).map_err(anyhow::Error::from)?;
    super::write(path, &text)?;
    Ok(AnchorReply::Receipt { path: path.to_owned() })
}

/// A receipt with the entry that it promises.
struct Promise {
    receipt: Signed<Receipt>,
    entry: Vec<u8>,
    position: u64,
    path: Vec<TreeHash>,
}

fn authorised(shell: &Shell, proposal: &str, milestone: Option<u16>) -> Result<(u32, Statement), ApiError> {
    let id = find_proposal(shell, proposal)?;
    let record = &shell.ledger.state().proposals()[&id];
    let index = milestone.map(|milestone| milestone.saturating_sub(1));
    for anchored in shell.ledger.state().anchored() {
        let close = shell.ledger.close_of(anchored.header.epoch).context("the epoch was not recomputed here")?;
        let proof = match index {
            None => close.prove_decision(&id),
            Some(index) => close.prove_milestone(&id, index),
        };
        let Some(decision) = proof else { continue };
        let leaf = DecisionLeaf::from_bytes(&decision.decision.leaf.value).map_err(anyhow::Error::from)?;
        if leaf.authorisation.is_some() {
            let entry = logged(shell, record.position, anchored.header.log_size)?;
            let part = AuthorisedPart { entry, milestone: index, decision };
            return Ok((anchored.header.epoch, Statement::Authorised(Box::new(part))));
        }
    }
    Err(ApiError::not_now(format!("P-10: proposal {id} is not authorised in a final epoch")))
}

fn budget(shell: &Shell, proposal: &str) -> Result<(u32, Statement), ApiError> {
    let id = find_proposal(shell, proposal)?;
    let state = shell.ledger.state();
    let record = &state.proposals()[&id];
    if record.content.class != Class::Budget {
        let class = record.content.class.name();
        return Err(ApiError::invalid("P-335", format!("P-335: proposal {id} is of class {class}, not a budget")));
    }
    let not_yet = || ApiError::not_now(format!("P-335: budget {id} is not in effect in a final epoch"));
    let header = state.newest_anchored().ok_or_else(not_yet)?.header;
    let close = shell.ledger.close_of(header.epoch).context("the epoch was not recomputed here")?;
    let payments = state.ledger().standing(&id).map_or(0, |standing| standing.payments.len());
    let milestones = (0u16..).take(payments).map_while(|index| close.prove_milestone(&id, index));
    let milestones: Vec<_> = milestones.collect();
    if milestones.is_empty() {
        return Err(not_yet());
    }
    let entry = logged(shell, record.position, header.log_size)?;
    Ok((header.epoch, Statement::Budget(Box::new(BudgetPart { entry, milestones }))))
}

fn did_not_vote(
    shell: &Shell,
    me: Option<MemberId>,
    proposal: &str,
    member: Option<&str>,
    body: Option<Body>,
) -> Result<(u32, Statement), ApiError> {
    let proposal = find_proposal(shell, proposal)?;
    let record = &shell.ledger.state().proposals()[&proposal];
    let elector = elector(shell, me, record, member, body)?;
    let epoch = deciding_epoch(shell, record)?;
    if elector.body != Body::Members {
        return Ok((epoch, office(shell, record, &elector, None, epoch)?));
    }
    let member = elector.member;
    let close = shell.ledger.close_of(epoch).context("the epoch was not recomputed here")?;
    let snapshot = record.snapshot_epoch;
    let none = || ApiError::invalid("P-11", format!("P-11: {member} is not on the roll of epoch {snapshot}"));
    let part = DidNotVotePart {
        proposal,
        member,
        counted: close.prove_ballot(&proposal, &member).ok_or_else(none)?,
        snapshot,
        weight: close.prove_weight(snapshot, &member).ok_or_else(none)?,
    };
    Ok((epoch, Statement::DidNotVote(Box::new(part))))
}

fn receipt_fraud(shell: &Shell, promise: Promise, head: Option<Signed<LogHead>>) -> Result<(u32, Statement), ApiError> {
    let promised = promise.receipt.log_size;
    let tree = shell.ledger.state().tree();
    let (epoch, against, size, root) =
        match head {
            Some(head) => {
                let (size, root) = (head.size, head.root);
                (epoch_of_keys(shell), Against::Head(Box::new(head)), size, root)
            }
            None => {
                let covers = |record: &&AnchoredRecord| record.header.log_size >= promised;
                let record =
                    shell.ledger.state().anchored().iter().find(covers).ok_or_else(|| {
                        ApiError::not_now(format!("P-12: no final header covers {promised} entries yet"))
                    })?;
                (record.header.epoch, Against::Header, record.header.log_size, record.header.log_root)
            }
        };
    let ours = tree.leaf(promise.position).filter(|leaf| *leaf != leaf_hash(&promise.entry));
    let same_log = tree.root_at(size) == Some(root);
    let contradiction = match (ours, tree.inclusion_proof(promise.position, size)) {
        (Some(leaf), Some(path)) if same_log => Contradiction::Entry { leaf, path },
        _ if size == promised && root != promise.receipt.log_root => Contradiction::Root,
        _ => {
            let position = promise.position;
            return Err(ApiError::invalid(
                "P-12",
                format!("P-12: the log has at {position} what the receipt promises"),
            ));
        }
    };
    let Promise { receipt, entry, position, path } = promise;
    let part = ReceiptFraudPart { receipt, position, entry, path, against, contradiction };
    Ok((epoch, Statement::ReceiptFraud(Box::new(part))))
}

fn head_fraud(shell: &Shell, heads: &[Signed<LogHead>]) -> Result<(u32, Statement), ApiError> {
    let (one, other) = match heads {
        [one, other] => (one.clone(), other.clone()),
        [one] => (one.clone(), contradicting(shell, one)?),
        _ => return Err(ApiError::invalid("P-13", "P-13: give one or two heads")),
    };
    let pair = if one.to_bytes() <= other.to_bytes() { [one, other] } else { [other, one] };
    Ok((epoch_of_keys(shell), Statement::HeadFraud(Box::new(pair))))
}

/// The head in this node's log that the other one contradicts.
fn contradicting(shell: &Shell, head: &LogHead) -> Result<Signed<LogHead>, ApiError> {
    let records = shell.ledger.state().heads();
    let record = records.iter().find(|record| record.head.contradicts(head)).ok_or_else(|| {
        let (size, height) = (head.size, head.tip_height);
        ApiError::invalid("P-13", format!("P-13: no head in the log contradicts the one of {size} entries at {height}"))
    })?;
    match Entry::from_bytes(&shell.stored_entry(record.head.size)?) {
        Ok(Entry::Head(signed)) => Ok(signed),
        _ => Err(ApiError::ours("the log has no head where there should be one")),
    }
}

fn unauthorised(shell: &Shell, gate: OutPoint) -> Result<(u32, Statement), ApiError> {
    let row = shell.store.fact(&outpoint_bytes(&gate))?;
    let spent = row.and_then(|row| row.spent).ok_or_else(|| {
        ApiError::not_now(format!("P-15: {gate} is unspent, or no gate, as far as this node's chain shows"))
    })?;
    let spending = decode_evidence(&spent.1, &spent.2)?;
    let (header, decisions) = decided_by(shell, spent.0)?;
    let mut proposal = None;
    for leaf in &decisions {
        let decision = DecisionLeaf::from_bytes(&leaf.value).map_err(anyhow::Error::from)?;
        if decision.gate == Some(gate) {
            proposal = assigned(shell, &leaf.key, header.log_size)?;
        }
    }
    let part = SpendPart { gate, spending, decisions, proposal };
    Ok((header.epoch, Statement::UnauthorisedSpend(Box::new(part))))
}

/// P-146: a transaction that spent coins of the treasury, with all that this node knows of it.
fn theft(shell: &Shell, txid: Txid) -> Result<(u32, Statement), ApiError> {
    let row = shell.treasury.spends().iter().find(|row| row.txid == txid.to_string()).ok_or_else(|| {
        ApiError::not_now(format!(
            "P-146: no block that this node knows has a transaction {txid} that spends coins of the treasury"
        ))
    })?;
    let inclusion = row.inclusion.as_ref().ok_or_else(|| {
        ApiError::not_now(format!(
            "P-146: this node read the block of {txid} before it kept where in it a transaction is; a node that joins anew has it"
        ))
    })?;
    let spending = decode_evidence(&row.tx, inclusion)?;
    let (header, decisions) = decided_by(shell, row.height)?;
    let mut by_gate = BTreeMap::new();
    for leaf in &decisions {
        let decision = DecisionLeaf::from_bytes(&leaf.value).map_err(anyhow::Error::from)?;
        if let (Some(gate), Some(_)) = (decision.gate, decision.authorisation) {
            by_gate.insert(gate, leaf.key);
        }
    }
    let mut proposals = Vec::new();
    for txin in &spending.transaction().input {
        if let Some(key) = by_gate.get(&txin.previous_output) {
            proposals.extend(assigned(shell, key, header.log_size)?);
        }
    }
    let founding = shell.ledger.state().params().first_seal.txid;
    let mut sources = crate::treasury::sources(shell, spending.transaction(), row.height, MAX_SOURCES);
    sources.retain(|source| source.compute_txid() != founding && serialize(source).len() <= MAX_TRANSACTION_BYTES);
    let part = TheftPart { spending, sources, decisions, proposals };
    Ok((header.epoch, Statement::Theft(Box::new(part))))
}

/// The first final epoch that closed at a height or above, and all its decisions.
fn decided_by(shell: &Shell, height: u32) -> Result<(EpochHeader, Vec<SumLeaf>), ApiError> {
    let covers = |record: &&AnchoredRecord| record.header.closing_height >= height;
    let record = shell.ledger.state().anchored().iter().find(covers);
    let not_yet = || ApiError::not_now(format!("P-15: no final epoch closed at height {height} or above yet"));
    let header = record.ok_or_else(not_yet)?.header;
    let close = shell.ledger.close_of(header.epoch).context("the epoch was not recomputed here")?;
    Ok((header, close.decisions.leaves().to_vec()))
}

/// The proposal whose leaf, or whose milestone's leaf, has the key.
fn assigned(shell: &Shell, key: &[u8; 32], log_size: u64) -> Result<Option<LoggedEntry>, ApiError> {
    let of_milestone = |record: &althing_governance::state::ProposalRecord| {
        (0..32).any(|milestone| DecisionLeaf::milestone_key(record.id, milestone) == *key)
    };
    let mut proposals = shell.ledger.state().proposals().values();
    let found = proposals.find(|record| record.id.0 == *key || of_milestone(record));
    found.map(|record| logged(shell, record.position, log_size)).transpose()
}

/// The epochs that a file needs to show the hub's present log key: none while it is the founding charter's.
fn epoch_of_keys(shell: &Shell) -> u32 {
    let state = shell.ledger.state();
    match state.hub_log_key() == state.params().charter.hub_log_key {
        true => 0,
        false => state.newest_anchored().map_or(0, |record| record.header.epoch),
    }
}

fn bytes(hex: &str, what: &str) -> Result<Vec<u8>, ApiError> {
    unhex(hex.trim()).map_err(|error| ApiError::invalid("E-1", format!("E-1: {what}: {error:#}")))
}

fn decoded<T: Canonical>(hex: &str, what: &str) -> Result<T, ApiError> {
    T::from_bytes(&bytes(hex, what)?).map_err(|error| ApiError::invalid("E-1", format!("{what}: {error}")))
}
