//! A session in words: state, signers, the check, what stands in its way.

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::{SigningStatus, input_origins, read_payout, read_proof, verify_signatures, worst_weight};
use bitcoin::OutPoint;

use super::Answered;
use super::checker::Checker;
use super::names::{author_name, once, own_author, signer_names};
use super::queue::Queue;
use super::rows::psbt_of;
use super::stage::{Rest, rest_of};
use super::void::overtaken_by;
use crate::api::{CheckReport, RemarkView, SessionView, SignerView};
use crate::judge::Verdict;
use crate::shell::Shell;
use crate::store::{RemarkRow, SessionRow};
use crate::treasury::key::Signer;
use crate::treasury::policy::holder;
use crate::treasury::text::psbt_text;

pub(super) fn view(
    shell: &Shell,
    checker: &Checker<'_>,
    queue: &Queue,
    row: &SessionRow,
    with_psbt: bool,
) -> Answered<SessionView> {
    let psbt = psbt_of(row)?;
    let generations = shell.treasury.policies();
    let txid = psbt.unsigned_tx.compute_txid();
    let height = shell.treasury.confirmed_at(&txid);
    let status = verify_signatures(&psbt, &generations).unwrap_or_default();
    let origins = input_origins(&psbt, &generations).unwrap_or_default();
    // A staged payment is signed twice: the stage, and the payout beside it (T-89).
    let beside = read_payout(&psbt).ok().flatten();
    let has_payout = beside.is_some();
    let kinds = origins.iter().map(|origin| origin.generation).collect::<BTreeSet<_>>().len();
    let is_complete = !status.is_empty()
        && status.iter().all(SigningStatus::is_complete)
        && status.len() == kinds + usize::from(has_payout);
    let rest = height.and_then(|_| rest_of(shell, &txid));
    let void_by = if height.is_none() { overtaken_by(shell, &psbt.unsigned_tx) } else { None };
    let state = match (height, &row.final_tx) {
        (Some(_), _) => rest.map_or("mined", Rest::word),
        _ if void_by.is_some() => "void",
        (None, Some(_)) => "broadcast",
        (None, None) if is_complete => "complete",
        (None, None) => "open",
    };
    let remarks = shell.store.treasury_remarks(&row.id)?;
    let stages_from = shell.treasury.generations();
    let (stage, payout): (Vec<_>, Vec<_>) =
        status.iter().cloned().partition(|status| !has_payout || status.generation < stages_from);
    let both = signer_names(shell, &payout);
    let signed: Vec<String> =
        signer_names(shell, &stage).into_iter().filter(|name| !has_payout || both.contains(name)).collect();
    let signers = signers(shell, &stage, &signed, &remarks);
    let missing = signers.iter().filter(|signer| !signer.signed).map(|signer| signer.holder.clone()).collect();
    let needed = status.iter().map(|status| status.missing.unwrap_or(usize::MAX)).max();
    let check = checker.check(&psbt)?;
    let spent: BTreeSet<OutPoint> = psbt.unsigned_tx.input.iter().map(|txin| txin.previous_output).collect();
    Ok(SessionView {
        id: row.id.clone(),
        title: read_proof(&psbt).note.unwrap_or_default(),
        opened_height: row.opened_height,
        state: state.to_owned(),
        fee_sat: psbt.fee().ok().map(bitcoin::Amount::to_sat),
        vbytes: worst_weight(&psbt, &generations).unwrap_or(psbt.unsigned_tx.weight()).to_vbytes_ceil(),
        waits_for_me: waits_for_me(state, &check, queue.yields_to(&row.id), &signers),
        signers,
        check,
        signed,
        missing,
        needed: needed.unwrap_or(0),
        conflicts: queue.rivals(&row.id, &spent).into_iter().collect(),
        yields_to: queue.yields_to(&row.id).map(str::to_owned),
        remarks: remarks
            .into_iter()
            .map(|RemarkRow { height, kind, author, text }| {
                let author = author_name(shell, &author);
                RemarkView { height, kind, author, text }
            })
            .collect(),
        height: rest.map_or(height, Rest::height),
        payout_height: match rest {
            Some(Rest::Until(from)) => Some(from),
            _ => None,
        },
        void_by: void_by.map(|txid| txid.to_string()),
        payout: beside.filter(|_| rest.is_some()).map(|payout| payout.unsigned_tx.compute_txid().to_string()),
        psbt: with_psbt.then(|| psbt_text(&psbt)),
    })
}

/// T-334: whether it is this node's treasurer's turn. What the check refuses, or cannot tell yet, would not be signed whoever asks.
fn waits_for_me(state: &str, check: &CheckReport, yields_to: Option<&str>, signers: &[SignerView]) -> bool {
    let is_due = state == "open" && check.verdict == Verdict::Valid && yields_to.is_none();
    is_due && signers.iter().any(|signer| signer.is_me && !signer.signed)
}

/// Everybody who has a key in the session's inputs, each once: one treasurer's keys stand in several ways of spending.
fn signers(shell: &Shell, status: &[SigningStatus], signed: &[String], remarks: &[RemarkRow]) -> Vec<SignerView> {
    let signer = Signer::new(&shell.keys);
    let treasuries = shell.treasury.policies();
    let mut own = BTreeSet::new();
    let mut holders = Vec::new();
    for status in status {
        let Some(treasury) = treasuries.get(status.generation) else { continue };
        for (place, key) in treasury.keys().iter().enumerate() {
            let name = holder(shell, status.generation, place);
            if signer.holds(key) {
                own.insert(name.clone());
            }
            holders.push(name);
        }
    }
    // The last word of each counts: whoever signs after a refusal has thought again.
    let mut refusals: BTreeMap<String, &str> = BTreeMap::new();
    for remark in remarks {
        let author = author_name(shell, &remark.author);
        match remark.kind.as_str() {
            "refusal" => drop(refusals.insert(author, &remark.text)),
            "signature" => drop(refusals.remove(&author)),
            _ => {}
        }
    }
    // Behind an election own keys of the former treasury have another name than own words (T-322), which are of the newer office.
    let my_word = refusals.get(&author_name(shell, &own_author(shell))).copied();
    let view = |holder: String| {
        let is_me = own.contains(&holder);
        let refused = refusals.get(&holder).copied().or(my_word.filter(|_| is_me)).map(str::to_owned);
        SignerView { signed: signed.contains(&holder), is_me, refused, holder }
    };
    once(holders).into_iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::treasury::check::check;

    /// T-334: after an election the sessions of the former treasury ask nobody any more, and neither does what cannot be told.
    #[test]
    fn what_this_node_would_not_sign_waits_for_nobody_here() {
        let judged = |verdict: Verdict| CheckReport { verdict, ..check(&[], None, &|_| None, None, None) };
        let signer = |is_me: bool, signed: bool| SignerView { holder: String::new(), signed, is_me, refused: None };
        let due = [signer(false, true), signer(true, false)];
        let waits = |state, verdict, yields_to, signers: &[SignerView]| {
            waits_for_me(state, &judged(verdict), yields_to, signers)
        };
        assert!(waits("open", Verdict::Valid, None, &due));
        assert!(!waits("open", Verdict::Invalid, None, &due) && !waits("open", Verdict::CannotTell, None, &due));
        assert!(!waits("open", Verdict::Valid, Some("another"), &due));
        assert!(!waits("complete", Verdict::Valid, None, &due) && !waits("mined", Verdict::Valid, None, &due));
        assert!(!waits("open", Verdict::Valid, None, &[signer(false, false), signer(true, true)]));
    }
}
