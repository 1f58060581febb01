//! Entries on Bitcoin: how one stands in an output, and how they are found in blocks (G-107, N-301).
//!
//! Whom the hub does not let into the log puts the entry there, where everybody sees it; the log's rules do the rest.

use althing_anchor::LinkEvidence;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Entry, MAX_EQUIVOCATION};
use althing_governance::signing::verify_all;
use althing_governance::state::can_be_forced;
use anyhow::{Context, Result, ensure};
use bitcoin::opcodes::all::OP_RETURN;
use bitcoin::script::{Instruction, PushBytesBuf};
use bitcoin::secp256k1::{Secp256k1, VerifyOnly};
use bitcoin::{Block, Script, ScriptBuf, Transaction, Txid};

use crate::chain_view::decode_evidence;
use crate::facts::{include, stripped};
use crate::shell::Shell;
use crate::store::ForcedRow;

/// What the pushed bytes begin with.
pub const PREFIX: &[u8; 16] = b"althing/entry/v1";

/// The output script that carries an entry.
///
/// # Errors
/// More bytes than a script can push.
pub fn script(entry: &[u8]) -> Result<ScriptBuf> {
    let pushed =
        PushBytesBuf::try_from([PREFIX, entry].concat()).context("G-107: the entry is too long for a script")?;
    Ok(ScriptBuf::new_op_return(pushed))
}

/// The bytes of the entry that an output script carries, if it is of that form. Whether they are an entry is not looked at.
#[must_use]
pub fn carried(script: &Script) -> Option<&[u8]> {
    pushed(script)?.strip_prefix(PREFIX.as_slice())
}

/// The bytes of an output script that is OP_RETURN and one push.
pub(crate) fn pushed(script: &Script) -> Option<&[u8]> {
    if !script.is_op_return() {
        return None;
    }
    let mut instructions = script.instructions();
    let (first, second, rest) = (instructions.next(), instructions.next(), instructions.next());
    match (first, second, rest) {
        (Some(Ok(Instruction::Op(OP_RETURN))), Some(Ok(Instruction::PushBytes(pushed))), None) => {
            Some(pushed.as_bytes())
        }
        _ => None,
    }
}

/// An entry that can be forced and whose signatures hold.
///
/// # Errors
/// Why it is none.
pub fn forceable(secp: &Secp256k1<VerifyOnly>, bytes: &[u8]) -> Result<Entry> {
    // No kind that can be forced is longer.
    ensure!(bytes.len() <= MAX_EQUIVOCATION, "G-20: {} bytes are more than any entry has", bytes.len());
    let entry = Entry::from_bytes(bytes)?;
    ensure!(can_be_forced(entry.kind()), "G-107: nobody can force a {}", entry.kind().name());
    // Of these kinds none is signed by the hub, so that its key does not matter; a proof of fraud names its own.
    let checks = entry.own_signature_checks();
    verify_all(secp, &checks)?;
    Ok(entry)
}

/// The entries that a block carries and that can be forced, in the order of transactions and outputs.
pub(crate) fn scan(height: u32, block: &Block) -> Vec<ForcedRow> {
    let carries = |tx: &&Transaction| tx.output.iter().any(|output| carried(&output.script_pubkey).is_some());
    if block.txdata.iter().all(|tx| !carries(&tx)) {
        return Vec::new();
    }
    let secp = Secp256k1::verification_only();
    let txids: Vec<Txid> = block.txdata.iter().map(Transaction::compute_txid).collect();
    let mut rows = Vec::new();
    for (index, tx) in block.txdata.iter().enumerate().filter(|(_, tx)| carries(tx)) {
        let Some(inclusion) = include(height, block, &txids, index) else { continue };
        let found = tx.output.iter().filter_map(|output| carried(&output.script_pubkey));
        for entry in found.filter(|bytes| forceable(&secp, bytes).is_ok()) {
            let place = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            let (entry, tx, inclusion) = (entry.to_vec(), stripped(tx), inclusion.encode());
            rows.push(ForcedRow { height, place, entry, tx, inclusion });
        }
    }
    rows
}

/// Tells a person when the log leaves out what it has to have (G-97, G-107).
pub(crate) fn watch_kept_out(shell: &mut Shell) {
    let state = shell.ledger.state();
    match state.overdue_entries(state.size()).first() {
        Some(entry) => {
            let text = format!(
                "G-107: the log leaves out entry {entry}, which stands on Bitcoin or was noted by members; no decision takes effect and \
                 no payment is authorised until it has it"
            );
            shell.alarms.insert("kept out", text);
        }
        None => drop(shell.alarms.remove("kept out")),
    }
}

/// The evidence of a stored row, with the entry in an output of its transaction. Where the transaction is, the caller checks.
///
/// # Errors
/// When the transaction does not carry the entry, or is malformed.
pub(crate) fn evidence(row: &ForcedRow) -> Result<LinkEvidence> {
    let evidence = decode_evidence(&row.tx, &row.inclusion)?;
    let is_there = |script: &Script| carried(script) == Some(row.entry.as_slice());
    ensure!(
        evidence.transaction().output.iter().any(|output| is_there(&output.script_pubkey)),
        "N-301: transaction {} does not carry the entry that is stored with it",
        evidence.txid()
    );
    Ok(evidence)
}
