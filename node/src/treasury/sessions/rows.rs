//! Sessions as they are stored, and the check by which they come in.

use std::collections::BTreeSet;

use althing_anchor::{MAX_REMARK_BYTES, PaperBody, read_proof};
use anyhow::{Context as _, Result};
use bitcoin::psbt::Psbt;
use bitcoin::{OutPoint, Txid};

use super::coins::{reserved, retirable};
use super::made::Promises;
use super::sign::merged;
use super::{Answered, refused};
use crate::api::ApiError;
use crate::judge::Verdict;
use crate::proof::StoredBlocks;
use crate::shell::Shell;
use crate::store::{RemarkRow, SessionRow};
use crate::treasury::check::{CheckReport, KnownTreasury, check_parsed};
use crate::treasury::housekeeping::Housekeeping;
use crate::treasury::intents::housekeeping_rate;
use crate::treasury::papers::written;
use crate::treasury::requests::settled_height;
use crate::treasury::text::psbt_from;

/// A session for a PSBT that passes the check, or about which only something is not known yet. The other treasurers are told of it.
pub(super) fn adopt(shell: &mut Shell, psbt: &Psbt) -> Answered<SessionRow> {
    let mut row = adopted_row(shell, psbt, None)?;
    // The same transaction may be here already; what is signed stays signed.
    if let Some(stored) = session_row(shell, &row.id)? {
        (row, _) = merged(shell, stored, psbt)?;
    }
    store(shell, &row, &[], vec![PaperBody::Transaction(psbt.clone())])?;
    Ok(row)
}

/// As [`adopt`], without storing it; `written` is the height at which it was put forward, where that is known.
pub(in crate::treasury) fn adopted_row(shell: &Shell, psbt: &Psbt, written: Option<u32>) -> Answered<SessionRow> {
    let report = check_here(shell, psbt)?;
    if report.verdict == Verdict::Invalid {
        let refusal = refused(shell, &report, written);
        tracing::warn!(txid = report.txid, why = refusal.message, "a PSBT is not taken");
        return Err(refusal);
    }
    let id = psbt.unsigned_tx.compute_txid().to_string();
    Ok(SessionRow { id, opened_height: shell.tip_height(), psbt: psbt.serialize(), final_tx: None })
}

/// Judges a PSBT by this node's own chain, wallets and log.
pub(in crate::treasury) fn check_here(shell: &Shell, psbt: &Psbt) -> Answered<CheckReport> {
    let mut known = known_treasury(shell);
    if read_proof(psbt).bundles.is_empty() {
        known.housekeeping_spent = Some(Housekeeping::known(shell)?.beside(&psbt.unsigned_tx));
    }
    let mut unspent: BTreeSet<OutPoint> = BTreeSet::new();
    for wallet in shell.treasury.wallets() {
        unspent.extend(wallet.unspent().map(|coin| coin.outpoint));
    }
    let gates = |gate: &OutPoint| {
        use althing_anchor::GateState;
        if unspent.contains(gate) {
            return Some(GateState::Unspent);
        }
        let by = shell.treasury.spender_of(gate)?;
        // What is not mined can be replaced; the gate lets one of the two happen.
        let is_mined = shell.treasury.confirmed_at(&by).is_some();
        Some(if is_mined { GateState::Spent(Some(by)) } else { GateState::Unspent })
    };
    let promises = Promises::new(shell);
    let coin = |psbt: &Psbt, input: usize| promises.coin(&psbt.unsigned_tx.input.get(input)?.previous_output);
    Ok(check_parsed(psbt, Some(&StoredBlocks(&shell.store)), &gates, Some(&coin), Some(&known)))
}

/// The treasury as this node's log has it.
fn known_treasury(shell: &Shell) -> KnownTreasury {
    let charter = shell.ledger.state().charter();
    KnownTreasury {
        dao: shell.dao.params.dao_id,
        network: shell.dao.network(),
        generations: shell.treasury.treasuries(),
        stages: shell.treasury.stages().to_vec(),
        in_sight: shell.treasury.in_sight(settled_height(shell)),
        rules: Some(crate::treasury::stages::rules(shell)),
        reserved: reserved(shell),
        bonds: Some(crate::treasury::bonds::bonds(shell)),
        retirable: retirable(shell),
        new_gate: bitcoin::Amount::from_sat(charter.gate_sat),
        housekeeping_rate: housekeeping_rate(charter.max_link_fee_rate_sat_vb),
        housekeeping_spent: None,
    }
}

/// Stores a session, what is said of it here, and the papers that tell the other treasurers, in one step (T-311).
pub(super) fn store(shell: &mut Shell, row: &SessionRow, remarks: &[RemarkRow], bodies: Vec<PaperBody>) -> Result<()> {
    let txid: Txid = row.id.parse().context("the id of a session")?;
    let papers = written(shell, txid, bodies)?;
    shell.store.write(|writer| {
        writer.put_treasury_session(row)?;
        remarks.iter().try_for_each(|note| writer.add_treasury_remark(&row.id, note))?;
        papers.iter().try_for_each(|(row, bytes)| writer.put_paper(row, bytes))
    })?;
    shell.announce_papers(&papers);
    shell.revision += 1;
    Ok(())
}

pub(super) fn persist(shell: &mut Shell) -> Result<()> {
    let Shell { treasury, store, .. } = shell;
    treasury.persist(store)
}

pub(super) fn remark(shell: &Shell, kind: &str, author: &str, text: &str) -> RemarkRow {
    let text: String = text.chars().take(4 * MAX_REMARK_BYTES).collect();
    RemarkRow { height: shell.tip_height(), kind: kind.to_owned(), author: author.to_owned(), text }
}

pub(super) fn parse(text: &str) -> Answered<Psbt> {
    psbt_from(text.as_bytes()).map_err(|error| ApiError::invalid("T-40", format!("{error:#}")))
}

pub(super) fn psbt_of(row: &SessionRow) -> Answered<Psbt> {
    Psbt::deserialize(&row.psbt).map_err(|error| ApiError::ours(format!("session {} in the store: {error}", row.id)))
}

pub(in crate::treasury) fn session_row(shell: &Shell, id: &str) -> Answered<Option<SessionRow>> {
    Ok(shell.store.treasury_sessions()?.into_iter().find(|row| row.id == id))
}

pub(super) fn named(shell: &Shell, session: &str) -> Answered<SessionRow> {
    let typed = session.trim().to_ascii_lowercase();
    let rows = shell.store.treasury_sessions()?;
    let mut found = rows.into_iter().filter(|row| typed.len() >= 4 && row.id.starts_with(&typed));
    match (found.next(), found.next()) {
        (Some(row), None) => Ok(row),
        (None, _) => Err(ApiError::invalid("T-65", format!("no session begins with {session}"))),
        _ => Err(ApiError::invalid("T-65", format!("several sessions begin with {session}; give more digits"))),
    }
}
