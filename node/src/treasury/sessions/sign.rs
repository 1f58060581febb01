//! Signatures: taken in one by one, made after the check, put together and broadcast (T-61 to T-66).

use std::collections::BTreeSet;

use althing_anchor::{
    MAX_REMARK_BYTES, PaperBody, Treasury, finalise, merge_signatures, read_payout, read_proof, signatures_only,
    verify_signatures,
};
use bitcoin::Transaction;
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::psbt::Psbt;

use super::checker::{Checker, check_here};
use super::names::{own_author, signer_authors};
use super::queue::{queue_of, refusal_of};
use super::rows::{adopt, named, parse, persist, psbt_of, remark, session_row, store};
use super::stage::{send_payout, send_payouts, stage_of_payout};
use super::void::{is_void, overtaken_by};
use super::{Answered, reasons, refusal, refused, show};
use crate::api::{ApiError, ErrorKind, SessionView};
use crate::judge::Verdict;
use crate::shell::{Shell, unix_time};
use crate::store::{RemarkRow, SessionRow};
use crate::treasury::check::CheckReport;
use crate::treasury::key::Signer;

/// A session with more signatures, and what is noted of them.
pub(in crate::treasury) type Merged = (SessionRow, Vec<RemarkRow>);

/// Takes in signatures; each is verified before anything is stored.
pub(in crate::treasury) fn import(shell: &mut Shell, text: &str) -> Answered<SessionView> {
    let theirs = parse(text)?;
    let row = match session_row(shell, &theirs.unsigned_tx.compute_txid().to_string())? {
        Some(row) => row,
        None => match stage_of_payout(shell, &theirs)? {
            Some(row) => row,
            None => adopt(shell, &theirs)?,
        },
    };
    let id = row.id.clone();
    let before = row.psbt.clone();
    let (row, remarks) = merged(shell, row, &theirs)?;
    // What came by file is handed on: its signer may have no other way to the rest.
    let (old, new) = (Psbt::deserialize(&before).ok(), psbt_of(&row)?);
    let said = match () {
        () if row.psbt == before => Vec::new(),
        // T-112: others may have the same copy that does not hold.
        () if old.is_none_or(|old| read_proof(&old) != read_proof(&new)) => vec![PaperBody::Transaction(new)],
        () => vec![PaperBody::Signatures(signatures_only(&new))],
    };
    store(shell, &row, &remarks, said)?;
    show(shell, &id)
}

/// T-61, T-62: a session with the signatures of another PSBT, each verified and attributed.
pub(in crate::treasury) fn merged(shell: &Shell, row: SessionRow, theirs: &Psbt) -> Answered<Merged> {
    let mut ours = psbt_of(&row)?;
    let generations = shell.treasury.policies();
    let standing = standing(shell, &ours, theirs)?;
    let refuse = |error| match standing {
        // What is stored may be wrong, and not the signature.
        Standing::Untold => {
            let message =
                format!("T-112: whether the session that is stored here may be signed cannot be told: {error}");
            ApiError { rule: Some("T-112".into()), ..ApiError::not_now(message) }
        }
        _ => refusal("T-61", &error),
    };
    let before = match (verify_signatures(&ours, &generations), standing) {
        (Ok(before), _) => before,
        (Err(_), Standing::Replaced) => Vec::new(),
        (Err(error), _) => return Err(refuse(error)),
    };
    let after = match standing {
        Standing::Replaced => {
            let stored = std::mem::replace(&mut ours, theirs.clone());
            // What is not good among those that were stored is left.
            let _ = merge_signatures(&mut ours, &stored, &generations);
            verify_signatures(&ours, &generations).map_err(refuse)?
        }
        _ => merge_signatures(&mut ours, theirs, &generations).map_err(refuse)?,
    };
    let before = signer_authors(shell, &before);
    let new = signer_authors(shell, &after).into_iter().filter(|author| !before.contains(author));
    let remarks = new.map(|author| remark(shell, "signature", &author, "signed")).collect();
    Ok((SessionRow { psbt: ours.serialize(), ..row }, remarks))
}

/// What becomes of another copy of a stored session's transaction (T-112).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The stored one stays.
    Kept,
    /// It stays for now: whether it may be signed cannot be told yet.
    Untold,
    /// The other may be signed and the stored one may not.
    Replaced,
}

fn standing(shell: &Shell, stored: &Psbt, theirs: &Psbt) -> Answered<Standing> {
    let checker = Checker::new(shell);
    let report = checker.check(stored)?;
    let is_same = stored.unsigned_tx == theirs.unsigned_tx;
    let theirs = if is_same { Some(checker.check(theirs)?.verdict) } else { None };
    let may_pass = report.verdict != Verdict::Valid && refused(shell, &report, None).kind == ErrorKind::NotNow;
    Ok(standing_by(report.verdict, theirs, may_pass))
}

/// `theirs`: what the check says of the other copy, where it is one of the same transaction; `may_pass`: what is in the way of the stored one
/// may go.
fn standing_by(stored: Verdict, theirs: Option<Verdict>, may_pass: bool) -> Standing {
    match (stored, theirs) {
        (Verdict::Valid, _) => Standing::Kept,
        (_, Some(Verdict::Valid)) => Standing::Replaced,
        _ if may_pass => Standing::Untold,
        _ => Standing::Kept,
    }
}

/// T-112: why a paper with the transaction of a stored session waits: whether it, rather than the stored one, may be signed cannot be told yet.
pub(in crate::treasury) fn waits_to_replace(
    shell: &Shell,
    row: &SessionRow,
    theirs: &Psbt,
    written: u32,
) -> Answered<Option<ApiError>> {
    let stored = psbt_of(row)?;
    if stored == *theirs || check_here(shell, &stored)?.verdict == Verdict::Valid {
        return Ok(None);
    }
    let report = check_here(shell, theirs)?;
    let open = (report.verdict != Verdict::Valid).then(|| refused(shell, &report, Some(written)));
    Ok(open.filter(|error| error.kind == ErrorKind::NotNow))
}

/// Checks a session, signs it, stores the signature (N-422). Refusals are noted with every reason.
pub(in crate::treasury) fn sign(shell: &mut Shell, session: &str) -> Answered<SessionView> {
    let row = named(shell, session)?;
    let mut psbt = psbt_of(&row)?;
    let report = check_here(shell, &psbt)?;
    let signer = Signer::new(&shell.keys);
    let me = own_author(shell);
    if report.verdict != Verdict::Valid {
        let refusal = refused(shell, &report, None);
        // T-102: what cannot be told yet is no refusal, and nothing is noted that others would take for one.
        if refusal.kind == ErrorKind::NotNow {
            return Err(refusal);
        }
        let why = reasons(&report);
        tracing::warn!(session = row.id, why, "the treasurer's key does not sign this");
        // Who asks again and again, as a robot may with every look, tells the others nothing new, and papers are counted (T-309).
        if refusal_of(shell, &row.id, &me)?.as_ref() != Some(&why) {
            let note = remark(shell, "refusal", &me, &why);
            store(shell, &row, &[note], vec![PaperBody::Refusal(cut(&why))])?;
        }
        return Err(refusal);
    }
    if let Some(other) = queue_of(shell)?.yields_to(&row.id) {
        let message = format!(
            "T-301: this session spends a coin of session {other}, which stands before it; sign that one, or refuse it first"
        );
        return Err(ApiError { rule: Some("T-301".into()), ..ApiError::not_now(message) });
    }
    signer.sign(&mut psbt).map_err(|error| ApiError::invalid("T-63", format!("{error:#}")))?;
    let generations = shell.treasury.policies();
    verify_signatures(&psbt, &generations).map_err(|error| refusal("T-61", &error))?;
    tracing::info!(session = row.id, "signed");
    let note = remark(shell, "signature", &me, "signed");
    let id = row.id.clone();
    let said = vec![PaperBody::Signatures(signatures_only(&psbt))];
    store(shell, &SessionRow { psbt: psbt.serialize(), ..row }, &[note], said)?;
    show(shell, &id)
}

/// As [`sign`], of a PSBT that came from elsewhere.
pub(in crate::treasury) fn sign_psbt(shell: &mut Shell, text: &str) -> Answered<SessionView> {
    let psbt = parse(text)?;
    let id = psbt.unsigned_tx.compute_txid().to_string();
    if session_row(shell, &id)?.is_some() {
        // The session's own copy would be signed, which is sound. Yet whoever handed this file over has to hear what is wrong with it.
        let report = check_here(shell, &psbt)?;
        if report.verdict != Verdict::Valid {
            return Err(refused(shell, &report, None));
        }
        import(shell, text)?;
    } else {
        adopt(shell, &psbt)?;
    }
    sign(shell, &id)
}

/// Finishes a session and gives the transaction to the network.
pub(in crate::treasury) fn broadcast(shell: &mut Shell, session: &str) -> Answered<SessionView> {
    let row = named(shell, session)?;
    let psbt = psbt_of(&row)?;
    let report = check_here(shell, &psbt)?;
    if report.verdict == Verdict::Invalid {
        return Err(refused(shell, &report, None));
    }
    let is_staged = matches!(read_payout(&psbt), Ok(Some(_)));
    if is_staged && shell.treasury.confirmed_at(&psbt.unsigned_tx.compute_txid()).is_some() {
        // What can still be sent of a mined session is the payout.
        send_payout(shell, &psbt)?;
        return show(shell, &row.id);
    }
    if let Some(by) = overtaken_by(shell, &psbt.unsigned_tx) {
        let why = format!(
            "T-66: transaction {by}, which is mined, has spent a coin of this session, or of one that it spends from: it is void"
        );
        return Err(ApiError::invalid("T-66", why));
    }
    let generations = shell.treasury.policies();
    let transaction = finalise(&psbt, &generations).map_err(|error| match still_needed(&psbt, &generations) {
        0 => ApiError::not_now(error.to_string()),
        count => ApiError {
            rule: Some("T-64".into()),
            ..ApiError::not_now(format!("T-64: {count} more signature(s) needed"))
        },
    })?;
    let labels = labels(shell, &psbt, &report);
    // Stored first: what is on its way to the network must be known here after any crash.
    let id = row.id.clone();
    shell.store.write(|writer| {
        writer.put_treasury_session(&SessionRow { final_tx: Some(serialize(&transaction)), ..row.clone() })?;
        labels.iter().try_for_each(|(kind, reference, label)| writer.put_treasury_label(kind, reference, label))
    })?;
    shell.bitcoind.submit(&transaction).map_err(|error| {
        let error = error.to_string();
        // What a recovery is told that comes too early.
        let rests = match error.contains("non-BIP68-final") {
            true => format!("a coin has not rested long enough yet{}: ", rested_from(shell, &transaction)),
            false => String::new(),
        };
        ApiError { rule: Some("T-66".into()), ..ApiError::not_now(format!("T-66: {rests}{error}")) }
    })?;
    for wallet in shell.treasury.wallets_mut() {
        wallet.note_broadcast(&transaction, unix_time());
    }
    persist(shell)?;
    shell.revision += 1;
    show(shell, &id)
}

/// The first height of a block that can hold it by the rests of its coins, where they are mined.
fn rested_from(shell: &Shell, transaction: &Transaction) -> String {
    let rests = transaction.input.iter().map(|txin| match txin.sequence.to_relative_lock_time() {
        Some(bitcoin::relative::LockTime::Blocks(blocks)) => {
            let mined = shell.treasury.confirmed_at(&txin.previous_output.txid)?;
            Some(mined.saturating_add(u32::from(blocks.value())))
        }
        _ => Some(0),
    });
    let height = rests.collect::<Option<Vec<u32>>>().and_then(|heights| heights.into_iter().max());
    height.map_or_else(String::new, |height| format!(", a block can hold it from height {height} on"))
}

/// Signatures that the input, or the payout, with the fewest still needs.
fn still_needed(psbt: &Psbt, generations: &[Treasury]) -> usize {
    let status = verify_signatures(psbt, generations).unwrap_or_default();
    status.iter().filter_map(|status| status.missing).max().unwrap_or(0)
}

/// With every block: finished transactions that are not mined go to the network again, and those that are mined are labelled.
pub(crate) fn rebroadcast(shell: &mut Shell) {
    let Ok(rows) = shell.store.treasury_sessions() else { return };
    if let Err(error) = label_mined(shell, &rows) {
        tracing::warn!(error = error.message, "payments are labelled with the next block");
    }
    send_payouts(shell, &rows);
    for row in rows {
        let Some(transaction) = row.final_tx.as_deref().and_then(|tx| deserialize::<Transaction>(tx).ok()) else {
            continue;
        };
        let txid = transaction.compute_txid();
        if !shell.treasury.is_mined_spend(&txid) && !is_void(shell, &transaction) {
            // Refused when it is known already or was overtaken: nothing to do then.
            let _ = shell.bitcoind.submit(&transaction);
        }
    }
}

/// T-67: whoever broadcast it, every treasurer's node labels it. What has a label keeps it.
fn label_mined(shell: &mut Shell, rows: &[SessionRow]) -> Answered<()> {
    let known: BTreeSet<String> =
        shell.store.treasury_labels()?.into_iter().filter(|(kind, ..)| kind == "tx").map(|(_, txid, _)| txid).collect();
    for row in rows.iter().filter(|row| !known.contains(&row.id)) {
        let psbt = psbt_of(row)?;
        if shell.treasury.confirmed_at(&psbt.unsigned_tx.compute_txid()).is_none() {
            continue;
        }
        let labels = labels(shell, &psbt, &check_here(shell, &psbt)?);
        shell.store.write(|writer| {
            labels.iter().try_for_each(|(kind, reference, label)| writer.put_treasury_label(kind, reference, label))
        })?;
    }
    Ok(())
}

/// T-67: a payment is labelled with the proposal that decided it (BIP329).
pub(super) fn labels(shell: &Shell, psbt: &Psbt, report: &CheckReport) -> Vec<(String, String, String)> {
    let txid = psbt.unsigned_tx.compute_txid().to_string();
    let title = read_proof(psbt).note.unwrap_or_default();
    let numbers: Vec<String> = report.proposals.iter().map(|id| id.get(..8).unwrap_or(id).to_owned()).collect();
    let text = match numbers.as_slice() {
        [] if !title.is_empty() => title,
        [] => "housekeeping".to_owned(),
        numbers => format!("proposal {}: {title}", numbers.join(", ")),
    };
    let mut labels = vec![("tx".to_owned(), txid.clone(), text.clone())];
    for (vout, output) in psbt.unsigned_tx.output.iter().enumerate() {
        if shell.treasury.owner_of(&output.script_pubkey).is_some() {
            labels.push(("output".to_owned(), format!("{txid}:{vout}"), format!("change of {text}")));
        }
    }
    labels
}

/// As much of a text as a paper takes.
fn cut(text: &str) -> String {
    let mut cut = String::new();
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if cut.len() + letter.len_utf8() > MAX_REMARK_BYTES {
            break;
        }
        cut.push(letter);
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-112: what the check accepts stands; a copy that it accepts takes the place of one that it does not; else both may wait.
    #[test]
    fn only_a_better_copy_takes_the_place_of_what_is_stored() {
        use Verdict::{CannotTell, Invalid, Valid};
        for may_pass in [true, false] {
            for theirs in [None, Some(Valid), Some(Invalid), Some(CannotTell)] {
                assert_eq!(standing_by(Valid, theirs, may_pass), Standing::Kept);
                for stored in [Invalid, CannotTell] {
                    let waits = if may_pass { Standing::Untold } else { Standing::Kept };
                    let found = standing_by(stored, theirs, may_pass);
                    assert_eq!(found, if theirs == Some(Valid) { Standing::Replaced } else { waits });
                }
            }
        }
    }
}
