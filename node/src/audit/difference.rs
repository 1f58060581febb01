//! A proof file for the first difference, where one exists (N-361): what the hub signed convicts it, what only the file says does not.

use althing_anchor::LinkEvidence;
use althing_governance::codec::{Canonical as _, Reader};
use althing_governance::entry::{Entry, LogHead};
use althing_governance::id::TreeHash;
use althing_governance::receipt::{Receipt, batch_tree};
use althing_governance::signing::Signed;
use althing_governance::tree::leaf_hash;
use anyhow::{Context, Result};

use super::chain::AuditedChain;
use crate::chain_view::decode_evidence;
use crate::dao::Dao;
use crate::judge::Blocks;
use crate::ledger::{Ledger, LedgerError};
use crate::proof::bundle::{Bundle, Statement};
use crate::proof::parts::{Against, BadEntryPart, Contradiction, ReceiptFraudPart};
use crate::shell::NEWEST_HEAD;
use crate::store::Store;

/// The bytes of a proof file that `althing verify` accepts, with its statement; `None` when what differs was signed by nobody.
///
/// # Errors
/// On I/O, or when the directory holds other bytes than it should.
pub(super) fn prove(
    store: &Store,
    dao: &Dao,
    ledger: &Ledger,
    chain: &mut AuditedChain<'_>,
    blocks: &Blocks,
    error: &anyhow::Error,
) -> Result<Option<(Vec<u8>, String)>> {
    let Some(row) = chain.row(dao.params.first_seal)? else { return Ok(None) };
    let genesis = decode_evidence(&row.tx, &row.inclusion)?;
    let mut found = Vec::new();
    if let Some(LedgerError::Invalid { position, .. }) = error.downcast_ref::<LedgerError>() {
        found.extend(bad_entry(store, *position)?);
    }
    found.extend(broken_promise(store, ledger)?);
    found.extend(two_heads(store, ledger)?);
    for statement in found {
        let bytes = file(dao, genesis.clone(), statement);
        // Judged as any receiver would; a candidate that shows nothing is none.
        if let Ok(finding) = crate::proof::verify(&bytes, blocks) {
            return Ok(Some((bytes, finding.statement)));
        }
    }
    Ok(None)
}

/// A file without epochs: under the founding hub's key.
fn file(dao: &Dao, genesis: LinkEvidence, statement: Statement) -> Vec<u8> {
    Bundle {
        charter: dao.params.charter.clone(),
        changes: Vec::new(),
        successions: Vec::new(),
        moves: Vec::new(),
        genesis,
        epochs: Vec::new(),
        behind: Vec::new(),
        statement,
    }
    .to_bytes()
}

/// P-333: an entry that the hub promised to have logged, and that nobody signed so.
fn bad_entry(store: &Store, position: u64) -> Result<Option<Statement>> {
    let Some(segment) = store.segments_from(position, 1)?.into_iter().next() else { return Ok(None) };
    let index = position.checked_sub(segment.first_position).context("a segment behind the entry")?;
    let Some(entry) = segment.entries.get(usize::try_from(index)?).cloned() else { return Ok(None) };
    let tree = batch_tree(segment.entries.iter().map(Vec::as_slice));
    let Some(path) = tree.inclusion_proof(index, tree.size()) else { return Ok(None) };
    Ok(Some(Statement::BadEntry(Box::new(BadEntryPart { receipt: segment.receipt, position, entry, path }))))
}

/// P-12: a receipt for an own entry that is not where it was promised, against the first head that covers it.
fn broken_promise(store: &Store, ledger: &Ledger) -> Result<Option<Statement>> {
    let state = ledger.state();
    for row in store.outbox()? {
        let Some(bytes) = &row.receipt else { continue };
        let mut r = Reader::new(bytes);
        let receipt: Signed<Receipt> = althing_governance::codec::Canonical::decode(&mut r)?;
        let (position, path) = (r.u64()?, r.list::<TreeHash>("hashes of a receipt's path", 64)?);
        let logged = state.tree().leaf(position);
        let Some(leaf) = logged.filter(|leaf| *leaf != leaf_hash(&row.entry)) else { continue };
        let covering = state.heads().iter().find(|record| record.head.size >= receipt.log_size);
        let Some(head) = covering.map(|record| signed_head(store, record.head.size)).transpose()?.flatten() else {
            continue;
        };
        let Some(proof) = state.tree().inclusion_proof(position, head.size) else { continue };
        let against = Against::Head(Box::new(head));
        let contradiction = Contradiction::Entry { leaf, path: proof };
        let part = ReceiptFraudPart { receipt, position, entry: row.entry, path, against, contradiction };
        return Ok(Some(Statement::ReceiptFraud(Box::new(part))));
    }
    Ok(None)
}

/// P-13: the newest head that was stored contradicts one of the log.
fn two_heads(store: &Store, ledger: &Ledger) -> Result<Option<Statement>> {
    let Some(bytes) = store.meta(NEWEST_HEAD)? else { return Ok(None) };
    let stored = Signed::<LogHead>::from_bytes(&bytes)?;
    let Some(record) = ledger.state().heads().iter().find(|record| record.head.contradicts(&stored)) else {
        return Ok(None);
    };
    let Some(logged) = signed_head(store, record.head.size)? else { return Ok(None) };
    let pair = if logged.to_bytes() <= stored.to_bytes() { [logged, stored] } else { [stored, logged] };
    Ok(Some(Statement::HeadFraud(Box::new(pair))))
}

/// The head that is logged at a position, which is the number of entries that it covers.
fn signed_head(store: &Store, position: u64) -> Result<Option<Signed<LogHead>>> {
    let Some(segment) = store.segments_from(position, 1)?.into_iter().next() else { return Ok(None) };
    let index = usize::try_from(position.saturating_sub(segment.first_position))?;
    match segment.entries.get(index).map(|bytes| Entry::from_bytes(bytes)) {
        Some(Ok(Entry::Head(signed))) => Ok(Some(signed)),
        _ => Ok(None),
    }
}
