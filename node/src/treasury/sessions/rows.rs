//! Sessions as they are stored, and the check by which they come in.

use althing_anchor::{MAX_REMARK_BYTES, PaperBody};
use anyhow::{Context as _, Result};
use bitcoin::Txid;
use bitcoin::psbt::Psbt;

use super::checker::check_here;
use super::sign::merged;
use super::{Answered, refused};
use crate::api::ApiError;
use crate::judge::Verdict;
use crate::shell::Shell;
use crate::store::{RemarkRow, SessionRow};
use crate::treasury::papers::written;
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
    Ok(shell.store.treasury_session(id)?)
}

pub(super) fn named(shell: &Shell, session: &str) -> Answered<SessionRow> {
    let typed = session.trim().to_ascii_lowercase();
    let rows = shell.store.treasury_sessions()?;
    let mut found = rows.into_iter().filter(|row| typed.len() >= 4 && row.id.starts_with(&typed));
    match (found.next(), found.next()) {
        (Some(row), None) => Ok(row),
        (None, _) if typed.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Err(ApiError::invalid("T-65", format!("no session begins with {session}")))
        }
        (None, _) => {
            Err(ApiError::invalid("T-65", format!("{session} is neither the beginning of a session's id nor a file")))
        }
        _ => Err(ApiError::invalid("T-65", format!("several sessions begin with {session}; give more digits"))),
    }
}
