//! Proofs that a light member keeps (N-224): made when the epoch is final and all of it is known, and given out with what the folder holds.

use std::collections::BTreeMap;
use std::path::Path;

use althing_governance::codec::Canonical as _;
use althing_governance::id::MemberId;
use anyhow::{Context as _, Result};

use super::bundle::{Bundle, EpochPart};
use super::export::{StoredBlocks, deciding_epoch, make, write_form};
use super::verify;
use crate::api::{ApiError, ErrorKind, ProofStatement, Reply};
use crate::keys::hex;
use crate::shell::Shell;
use crate::store::HeldProofRow;
use crate::view::numbered;

/// Of a member's own ballot.
const BALLOT: u8 = 0;

/// Of sums and outcome.
const TALLY: u8 = 1;

/// Makes and keeps what can be proven now of decided proposals: the own ballot, and the tally.
///
/// # Errors
/// On I/O.
pub(crate) fn hold_proofs(shell: &mut Shell, me: MemberId) -> Result<()> {
    let held = shell.store.held_proofs()?;
    let held: BTreeMap<(Vec<u8>, u8), u32> =
        held.into_iter().map(|row| ((row.proposal, row.kind), row.epoch)).collect();
    let mut rows = Vec::new();
    for (number, record) in numbered(shell) {
        let Ok(epoch) = deciding_epoch(shell, record) else { continue };
        for (kind, statement) in
            [(BALLOT, ProofStatement::Ballot { member: None, body: None }), (TALLY, ProofStatement::Tally)]
        {
            if held.get(&(record.id.0.to_vec(), kind)) == Some(&epoch) {
                continue;
            }
            let (bytes, finding) = match make(shell, Some(me), &record.id, &statement) {
                Ok(made) => made,
                Err(error) if error.kind == ErrorKind::Ours => {
                    tracing::warn!(%error, proposal = %record.id, "a proof to keep cannot be made");
                    continue;
                }
                // This member cast no ballot, say.
                Err(_) => continue,
            };
            let mut bundle = Bundle::from_bytes(&bytes).context("a proof made a moment ago")?;
            let parts = std::mem::take(&mut bundle.epochs);
            let parts: Vec<_> = parts.into_iter().map(|part| (part.header.epoch, part.to_bytes())).collect();
            let row = HeldProofRow {
                proposal: record.id.0.to_vec(),
                kind,
                number: u32::try_from(number).context("a proposal's number")?,
                title: record.content.title.clone(),
                epoch: parts.last().map_or(0, |(epoch, _)| *epoch),
                words: finding.statement,
                bundle: bundle.to_bytes(),
            };
            rows.push((row, parts));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    shell.revision += 1;
    shell.store.write(|writer| rows.iter().try_for_each(|(row, parts)| writer.put_held_proof(row, parts)))
}

/// Writes a proof that this folder holds; `None` where it holds none of that.
///
/// # Errors
/// When what is held does not hold, or on I/O.
pub(super) fn export_held(
    shell: &Shell,
    proposal: &str,
    statement: &ProofStatement,
    path: &Path,
    short: bool,
) -> Result<Option<Reply>, ApiError> {
    let kind = match statement {
        ProofStatement::Ballot { member: None, body: None } => BALLOT,
        ProofStatement::Tally => TALLY,
        _ => return Ok(None),
    };
    let text = proposal.trim().to_ascii_lowercase();
    let number = text.strip_prefix('#').or(Some(text.as_str()).filter(|text| text.len() < 4));
    let number: Option<u32> = number.and_then(|digits| digits.parse().ok());
    let is_meant = |row: &HeldProofRow| match number {
        Some(number) => row.number == number,
        None => text.len() >= 4 && hex(&row.proposal).starts_with(&text),
    };
    let mut meant = shell.store.held_proofs()?.into_iter().filter(|row| row.kind == kind && is_meant(row));
    let (Some(row), None) = (meant.next(), meant.next()) else { return Ok(None) };
    let mut bundle = Bundle::from_bytes(&row.bundle).context("a kept proof")?;
    let parts = shell.store.held_epochs(row.epoch)?;
    bundle.epochs =
        parts.iter().map(|part| EpochPart::from_bytes(part)).collect::<Result<_, _>>().context("a kept epoch")?;
    let bytes = bundle.to_bytes();
    let finding = verify::verify(&bytes, &StoredBlocks(&shell.store))
        .map_err(|rejection| ApiError::invalid("P-8", format!("this shows nothing: {rejection}")))?;
    let bytes = write_form(path, bytes, short)?;
    Ok(Some(Reply::Proof { path: path.to_owned(), bytes, statement: finding.statement }))
}
