//! Signing sessions: opened from authorised payments, signed after the check, finished and broadcast.

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::{
    PsbtProof, SigningStatus, SpendPlan, Treasury, TreasuryCoin, finalise, input_origins, merge_signatures, read_proof,
    verify_signatures, write_proof,
};
use anyhow::{Context, Result};
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, OutPoint, Sequence, Transaction, Txid};

use super::check::{CheckReport, KnownTreasury, check_parsed};
use super::intents::{AuthorisedPayment, authorised, housekeeping_rate};
use super::key::Signer;
use super::policy::holder;
use super::text::{psbt_from, psbt_text};
use crate::api::{ApiError, ProofStatement, RemarkView, SessionView};
use crate::judge::Verdict;
use crate::proof::{StoredBlocks, make};
use crate::shell::{Shell, unix_time};
use crate::store::{RemarkRow, SessionRow};
use crate::view::find_proposal;

type Answered<T> = std::result::Result<T, ApiError>;

/// Longest remark, in bytes.
const MAX_REMARK: usize = 1024;

/// Opens a session that pays what was decided.
pub(super) fn open(shell: &mut Shell, names: &[String], rate: Option<u64>, rest: Option<u16>) -> Answered<SessionView> {
    if names.is_empty() {
        return Err(ApiError::invalid("T-22", "name the proposals to pay"));
    }
    let known = authorised(shell);
    let mut payments = Vec::new();
    let mut proof = PsbtProof::default();
    let mut titles = Vec::new();
    for name in names {
        let payment = named_payment(shell, &known, name)?;
        let statement = ProofStatement::Payment { milestone: payment.is_milestone.then_some(payment.milestone) };
        let (bundle, _) = make(shell, None, &payment.proposal, &statement)?;
        proof.bundles.push(bundle);
        titles.push(payment.title.clone());
        let gate = coin(shell, &payment.intent.gate)
            .ok_or_else(|| ApiError::not_now(format!("gate {} is not known to this node yet", payment.intent.gate)))?;
        payments.push((payment.intent, gate));
    }
    proof.note = Some(titles.join("; "));
    let coins = free_coins(shell, None)?;
    let rate = fee_rate(shell, rate)?;
    let psbt = build(shell, &payments, &[], &coins, rate, rest, &proof)?;
    start(shell, psbt)
}

/// Opens a session that moves the treasury's own coins into one.
pub(super) fn open_housekeeping(
    shell: &mut Shell,
    rate: Option<u64>,
    below: Option<u64>,
    rest: Option<u16>,
) -> Answered<SessionView> {
    let current = shell.treasury.generations().saturating_sub(1);
    let mut required = free_coins(shell, below)?;
    required.extend(former_coins(shell, current)?);
    if required.is_empty() {
        return Err(ApiError::not_now("T-72: there is no coin to move"));
    }
    let rate = fee_rate(shell, rate)?;
    let psbt = build(shell, &[], &required, &[], rate, rest, &PsbtProof::default())?;
    start(shell, psbt)
}

/// Opens the replacement of a session: the same payments through the same gates and coins, at a higher rate.
pub(super) fn bump(shell: &mut Shell, session: &str, rate: u64) -> Answered<SessionView> {
    let row = named(shell, session)?;
    let before = psbt_of(&row)?;
    let proof = read_proof(&before);
    let known = authorised(shell);
    let inputs: Vec<OutPoint> = before.unsigned_tx.input.iter().map(|txin| txin.previous_output).collect();
    let mut payments = Vec::new();
    let mut required = Vec::new();
    for outpoint in &inputs {
        let found = coin(shell, outpoint)
            .ok_or_else(|| ApiError::not_now(format!("T-27: {outpoint} is not known to this node")))?;
        match known.iter().find(|payment| payment.intent.gate == *outpoint) {
            Some(payment) => payments.push((payment.intent.clone(), found)),
            None => required.push(found),
        }
    }
    let rate = FeeRate::from_sat_per_vb(rate).ok_or_else(|| ApiError::invalid("T-27", "that fee rate is too high"))?;
    let coins = free_coins(shell, None)?;
    let psbt = build(shell, &payments, &required, &coins, rate, None, &proof)?;
    let (old, new) = (before.fee(), psbt.fee());
    if let (Ok(old), Ok(new)) = (old, new)
        && new < althing_anchor::replacement_floor(old, psbt.unsigned_tx.weight())
    {
        let message = format!("T-27: a replacement has to pay more for its own size: {old} before, {new} now");
        return Err(ApiError::invalid("T-27", message));
    }
    start(shell, psbt)
}

/// All sessions, without their PSBTs.
pub(super) fn list(shell: &Shell) -> Answered<Vec<SessionView>> {
    let rows = shell.store.treasury_sessions()?;
    rows.iter().map(|row| view(shell, row, false)).collect()
}

/// One session.
pub(super) fn show(shell: &Shell, session: &str) -> Answered<SessionView> {
    view(shell, &named(shell, session)?, true)
}

/// Takes in signatures; each is verified before anything is stored.
pub(super) fn import(shell: &mut Shell, text: &str) -> Answered<SessionView> {
    let theirs = parse(text)?;
    let id = theirs.unsigned_tx.compute_txid().to_string();
    let row = match row_of(shell, &id)? {
        Some(row) => row,
        None => adopt(shell, &theirs)?,
    };
    let mut ours = psbt_of(&row)?;
    let generations = shell.treasury.treasuries();
    let before = verify_signatures(&ours, &generations).map_err(|error| refusal("T-61", &error))?;
    let after = merge_signatures(&mut ours, &theirs, &generations).map_err(|error| refusal("T-61", &error))?;
    let new = signer_names(shell, &after).into_iter().filter(|name| !signer_names(shell, &before).contains(name));
    let remarks: Vec<RemarkRow> = new.map(|name| remark(shell, "signature", &name, "signed")).collect();
    store(shell, &SessionRow { psbt: ours.serialize(), ..row }, &remarks)?;
    show(shell, &id)
}

/// Checks a session, signs it, stores the signature. Refusals are noted with every reason.
pub(super) fn sign(shell: &mut Shell, session: &str) -> Answered<SessionView> {
    let row = named(shell, session)?;
    let mut psbt = psbt_of(&row)?;
    let report = check_here(shell, &psbt)?;
    let signer = Signer::new(&shell.keys);
    let me = own_name(shell, &signer);
    if report.verdict != Verdict::Valid {
        let why = reasons(&report);
        tracing::warn!(session = row.id, why, "the treasurer's key does not sign this");
        let note = remark(shell, "refusal", &me, &why);
        store(shell, &row, &[note])?;
        return Err(refused(&report, &why));
    }
    signer.sign(&mut psbt).map_err(|error| ApiError::invalid("T-63", format!("{error:#}")))?;
    let generations = shell.treasury.treasuries();
    verify_signatures(&psbt, &generations).map_err(|error| refusal("T-61", &error))?;
    tracing::info!(session = row.id, "signed");
    let note = remark(shell, "signature", &me, "signed");
    let id = row.id.clone();
    store(shell, &SessionRow { psbt: psbt.serialize(), ..row }, &[note])?;
    show(shell, &id)
}

/// As [`sign`], of a PSBT that came from elsewhere.
pub(super) fn sign_psbt(shell: &mut Shell, text: &str) -> Answered<SessionView> {
    let psbt = parse(text)?;
    let id = psbt.unsigned_tx.compute_txid().to_string();
    if row_of(shell, &id)?.is_some() {
        import(shell, text)?;
    } else {
        adopt(shell, &psbt)?;
    }
    sign(shell, &id)
}

/// Notes a comment or a refusal.
pub(super) fn say(shell: &mut Shell, session: &str, kind: &str, text: &str) -> Answered<SessionView> {
    if text.is_empty() || text.len() > MAX_REMARK {
        return Err(ApiError::invalid(
            "T-65",
            format!("a remark has 1 to {MAX_REMARK} bytes, this has {}", text.len()),
        ));
    }
    let row = named(shell, session)?;
    let me = own_name(shell, &Signer::new(&shell.keys));
    let note = remark(shell, kind, &me, text);
    store(shell, &row, &[note])?;
    show(shell, &row.id)
}

/// Finishes a session and gives the transaction to the network.
pub(super) fn broadcast(shell: &mut Shell, session: &str) -> Answered<SessionView> {
    let row = named(shell, session)?;
    let psbt = psbt_of(&row)?;
    let report = check_here(shell, &psbt)?;
    if report.verdict == Verdict::Invalid {
        return Err(refused(&report, &reasons(&report)));
    }
    let generations = shell.treasury.treasuries();
    let transaction = finalise(&psbt, &generations).map_err(|error| ApiError::not_now(error.to_string()))?;
    let labels = labels(shell, &psbt, &report);
    // Stored first: what is on its way to the network must be known here after any crash.
    let id = row.id.clone();
    shell.store.write(|writer| {
        writer.put_treasury_session(&SessionRow { final_tx: Some(serialize(&transaction)), ..row.clone() })?;
        labels.iter().try_for_each(|(kind, reference, label)| writer.put_treasury_label(kind, reference, label))
    })?;
    shell
        .bitcoind
        .submit(&transaction)
        .map_err(|error| ApiError { rule: Some("T-66".into()), ..ApiError::not_now(format!("T-66: {error}")) })?;
    for wallet in shell.treasury.wallets_mut() {
        wallet.note_broadcast(&transaction, unix_time());
    }
    persist(shell)?;
    shell.revision += 1;
    show(shell, &id)
}

/// Gives finished transactions that are not mined to the network again.
pub(crate) fn rebroadcast(shell: &Shell) {
    let Ok(rows) = shell.store.treasury_sessions() else { return };
    for row in rows {
        let Some(transaction) = row.final_tx.as_deref().and_then(|tx| deserialize::<Transaction>(tx).ok()) else {
            continue;
        };
        let txid = transaction.compute_txid();
        if shell.treasury.confirmed_at(&txid).is_none() && !is_void(shell, &transaction) {
            // Refused when it is known already or was overtaken: nothing to do then.
            let _ = shell.bitcoind.submit(&transaction);
        }
    }
}

/// Judges a PSBT by this node's own chain, wallets and log.
pub(super) fn check_here(shell: &Shell, psbt: &Psbt) -> Answered<CheckReport> {
    let known = known_treasury(shell);
    let mut unspent: BTreeSet<OutPoint> = BTreeSet::new();
    for wallet in shell.treasury.wallets() {
        unspent.extend(wallet.unspent().map(|coin| coin.outpoint));
    }
    let gates = |gate: &OutPoint| {
        use althing_anchor::GateState;
        if unspent.contains(gate) {
            return Some(GateState::Unspent);
        }
        let by = shell.treasury.wallets().iter().find_map(|wallet| wallet.spender_of(gate))?;
        // What is not mined can be replaced; the gate lets one of the two happen.
        let is_mined = shell.treasury.confirmed_at(&by).is_some();
        Some(if is_mined { GateState::Spent(Some(by)) } else { GateState::Unspent })
    };
    Ok(check_parsed(psbt, Some(&StoredBlocks(&shell.store)), &gates, Some(&known)))
}

/// The treasury as this node's log has it.
pub(super) fn known_treasury(shell: &Shell) -> KnownTreasury {
    let charter = shell.ledger.state().charter();
    KnownTreasury {
        dao: shell.dao.params.dao_id,
        network: shell.dao.network(),
        generations: shell.treasury.treasuries(),
        reserved: reserved(shell),
        housekeeping_rate: housekeeping_rate(charter.max_link_fee_rate_sat_vb),
    }
}

/// Spare seal and gates: spent by their own rules only.
pub(super) fn reserved(shell: &Shell) -> BTreeSet<OutPoint> {
    let mut reserved: BTreeSet<OutPoint> = shell.dao.params.gates.iter().copied().collect();
    reserved.insert(shell.dao.params.spare_seal);
    reserved.extend(shell.ledger.gates_in_use());
    reserved
}

/// Coins in sessions that are neither mined nor void, by session.
pub(super) fn promised(shell: &Shell) -> Answered<BTreeMap<OutPoint, String>> {
    let mut promised = BTreeMap::new();
    for row in shell.store.treasury_sessions()? {
        let psbt = psbt_of(&row)?;
        let txid = psbt.unsigned_tx.compute_txid();
        if shell.treasury.confirmed_at(&txid).is_none() && !is_void(shell, &psbt.unsigned_tx) {
            promised.extend(psbt.unsigned_tx.input.iter().map(|txin| (txin.previous_output, row.id.clone())));
        }
    }
    Ok(promised)
}

/// State and transaction of an authorised payment.
pub(super) fn payment_state(shell: &Shell, payment: &AuthorisedPayment) -> Answered<(String, Option<String>)> {
    if let Some(txid) = payment.paid_by {
        return Ok(("executed".to_owned(), Some(txid.to_string())));
    }
    let gate = payment.intent.gate;
    let spender = shell.treasury.wallets().iter().find_map(|wallet| wallet.spender_of(&gate));
    if let Some(txid) = spender {
        let mined = shell.treasury.confirmed_at(&txid).is_some();
        return Ok((if mined { "mined" } else { "broadcast" }.to_owned(), Some(txid.to_string())));
    }
    if shell.tip_height().saturating_add(1) >= payment.intent.expiry_height {
        return Ok(("expired".to_owned(), None));
    }
    let signing = promised(shell)?.get(&gate).cloned();
    Ok((if signing.is_some() { "signing" } else { "open" }.to_owned(), signing))
}

fn named_payment(shell: &Shell, known: &[AuthorisedPayment], name: &str) -> Answered<AuthorisedPayment> {
    let (proposal, milestone) = match name.split_once('/') {
        Some((proposal, number)) => {
            let number: u16 = number
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| ApiError::invalid("T-22", format!("{name:?}: a milestone is a number from 1")))?;
            (proposal, number - 1)
        }
        None => (name, 0),
    };
    let id = find_proposal(shell, proposal)?;
    let found = known.iter().find(|payment| payment.proposal == id && payment.milestone == milestone);
    let found = found.ok_or_else(|| {
        ApiError::not_now(format!("T-22: payment {name} is not authorised by a final epoch, or has no gate yet"))
    })?;
    if let Some(txid) = found.paid_by {
        return Err(ApiError::invalid("T-44", format!("T-44: payment {name} was made by transaction {txid}")));
    }
    Ok(found.clone())
}

fn coin(shell: &Shell, outpoint: &OutPoint) -> Option<TreasuryCoin> {
    shell.treasury.wallets().iter().rev().find_map(|wallet| wallet.coin(outpoint))
}

/// Confirmed coins of the present generation that are not set apart, frozen or in a session.
fn free_coins(shell: &Shell, below: Option<u64>) -> Answered<Vec<TreasuryCoin>> {
    let current = shell.treasury.generations().saturating_sub(1);
    coins_of(shell, current, below)
}

/// Every confirmed coin of the present generation, also what is set apart.
pub(super) fn own_coins(shell: &Shell) -> Answered<Vec<TreasuryCoin>> {
    let Some(wallet) = shell.treasury.wallets().last() else { return Ok(Vec::new()) };
    let confirmed = wallet.unspent().filter(|coin| coin.chain_position.is_confirmed());
    Ok(confirmed.filter_map(|coin| wallet.coin(&coin.outpoint)).collect())
}

fn former_coins(shell: &Shell, current: usize) -> Answered<Vec<TreasuryCoin>> {
    let mut coins = Vec::new();
    for generation in 0..current {
        coins.extend(coins_of(shell, generation, None)?);
    }
    Ok(coins)
}

fn coins_of(shell: &Shell, generation: usize, below: Option<u64>) -> Answered<Vec<TreasuryCoin>> {
    let frozen: BTreeSet<String> = shell.store.treasury_frozen()?.into_iter().map(|(outpoint, _)| outpoint).collect();
    let (reserved, promised) = (reserved(shell), promised(shell)?);
    let Some(wallet) = shell.treasury.wallets().get(generation) else { return Ok(Vec::new()) };
    let free = wallet.unspent().filter(|coin| {
        coin.chain_position.is_confirmed()
            && !reserved.contains(&coin.outpoint)
            && !promised.contains_key(&coin.outpoint)
            && !frozen.contains(&coin.outpoint.to_string())
            && below.is_none_or(|below| coin.txout.value.to_sat() < below)
    });
    Ok(free.filter_map(|coin| wallet.coin(&coin.outpoint)).collect())
}

fn fee_rate(shell: &Shell, asked: Option<u64>) -> Answered<FeeRate> {
    match asked {
        Some(rate) => FeeRate::from_sat_per_vb(rate)
            .filter(|rate| *rate >= FeeRate::BROADCAST_MIN)
            .ok_or_else(|| ApiError::invalid("T-24", format!("a fee rate of {rate} sat/vB cannot be"))),
        None => Ok(shell.bitcoind.fee_market().economical.max(FeeRate::BROADCAST_MIN)),
    }
}

fn build(
    shell: &mut Shell,
    payments: &[(althing_anchor::SpendIntent, TreasuryCoin)],
    required: &[TreasuryCoin],
    coins: &[TreasuryCoin],
    fee_rate: FeeRate,
    rest: Option<u16>,
    proof: &PsbtProof,
) -> Answered<Psbt> {
    // Seal and gates have the first indexes (T-6).
    let least = u32::try_from(shell.dao.params.gates.len()).unwrap_or(u32::MAX).saturating_add(1);
    let change_index = shell.treasury.wallets_mut().last_mut().context("there is no treasury")?.fresh_index(least);
    persist(shell)?;
    let generations = shell.treasury.treasuries();
    let own_rate = housekeeping_rate(shell.ledger.state().charter().max_link_fee_rate_sat_vb);
    let plan = SpendPlan {
        generations: &generations,
        payments,
        own_outputs: &[],
        required,
        coins,
        change_index,
        fee_rate: if payments.is_empty() { fee_rate.min(own_rate) } else { fee_rate },
        // A rest opens a recovery's way; both are replaceable (BIP125).
        sequence: rest.map_or(Sequence::ENABLE_RBF_NO_LOCKTIME, Sequence::from_height),
        own_fee_cap: Amount::MAX_MONEY,
    };
    let mut psbt = plan.build().map_err(|error| refusal("T-22", &error))?;
    write_proof(&mut psbt, proof);
    Ok(psbt)
}

/// A session for a transaction of this node's own making.
fn start(shell: &mut Shell, psbt: Psbt) -> Answered<SessionView> {
    let row = adopt(shell, &psbt)?;
    show(shell, &row.id)
}

/// A session for a PSBT that passes the check, or about which only something is not known yet.
fn adopt(shell: &mut Shell, psbt: &Psbt) -> Answered<SessionRow> {
    let report = check_here(shell, psbt)?;
    if report.verdict == Verdict::Invalid {
        let why = reasons(&report);
        tracing::warn!(txid = report.txid, why, "a PSBT is refused");
        return Err(refused(&report, &why));
    }
    let id = psbt.unsigned_tx.compute_txid().to_string();
    let row = SessionRow { id, opened_height: shell.tip_height(), psbt: psbt.serialize(), final_tx: None };
    store(shell, &row, &[])?;
    Ok(row)
}

fn store(shell: &mut Shell, row: &SessionRow, remarks: &[RemarkRow]) -> Result<()> {
    shell.store.write(|writer| {
        writer.put_treasury_session(row)?;
        remarks.iter().try_for_each(|note| writer.add_treasury_remark(&row.id, note))
    })?;
    shell.revision += 1;
    Ok(())
}

fn persist(shell: &mut Shell) -> Result<()> {
    let Shell { treasury, store, .. } = shell;
    treasury.persist(store)
}

fn remark(shell: &Shell, kind: &str, author: &str, text: &str) -> RemarkRow {
    let text: String = text.chars().take(4 * MAX_REMARK).collect();
    RemarkRow { height: shell.tip_height(), kind: kind.to_owned(), author: author.to_owned(), text }
}

fn view(shell: &Shell, row: &SessionRow, with_psbt: bool) -> Answered<SessionView> {
    let psbt = psbt_of(row)?;
    let generations = shell.treasury.treasuries();
    let txid = psbt.unsigned_tx.compute_txid();
    let height = shell.treasury.confirmed_at(&txid);
    let status = verify_signatures(&psbt, &generations).unwrap_or_default();
    let is_complete = !status.is_empty()
        && status.iter().all(SigningStatus::is_complete)
        && status.len() == generation_count(&psbt, &generations);
    let state = match (height, &row.final_tx) {
        (Some(_), _) => "mined",
        _ if is_void(shell, &psbt.unsigned_tx) => "void",
        (None, Some(_)) => "broadcast",
        (None, None) if is_complete => "complete",
        (None, None) => "open",
    };
    let signed = signer_names(shell, &status);
    let mut missing = Vec::new();
    for status in &status {
        let keys = generations[status.generation].keys().len();
        let open = (0..keys).filter(|key| !status.signed.contains(key));
        missing.extend(open.map(|key| holder(shell, status.generation, key)).filter(|name| !signed.contains(name)));
    }
    let missing = once(missing);
    let needed = status.iter().map(|status| status.missing.unwrap_or(usize::MAX)).max();
    let inputs: BTreeSet<OutPoint> = psbt.unsigned_tx.input.iter().map(|txin| txin.previous_output).collect();
    let promised_by = |other: &SessionRow| -> bool {
        other.id != row.id
            && psbt_of(other)
                .is_ok_and(|other| other.unsigned_tx.input.iter().any(|txin| inputs.contains(&txin.previous_output)))
    };
    let conflicts =
        shell.store.treasury_sessions()?.iter().filter(|other| promised_by(other)).map(|o| o.id.clone()).collect();
    let remarks = shell.store.treasury_remarks(&row.id)?;
    Ok(SessionView {
        id: row.id.clone(),
        state: state.to_owned(),
        check: check_here(shell, &psbt)?,
        signed,
        missing,
        needed: needed.unwrap_or(0),
        conflicts,
        remarks: remarks
            .into_iter()
            .map(|RemarkRow { height, kind, author, text }| RemarkView { height, kind, author, text })
            .collect(),
        height,
        psbt: with_psbt.then(|| psbt_text(&psbt)),
    })
}

fn generation_count(psbt: &Psbt, generations: &[Treasury]) -> usize {
    let origins = input_origins(psbt, generations).unwrap_or_default();
    origins.iter().map(|origin| origin.generation).collect::<BTreeSet<_>>().len()
}

/// Whether another transaction spent one of its inputs in a block.
fn is_void(shell: &Shell, transaction: &Transaction) -> bool {
    let txid: Txid = transaction.compute_txid();
    transaction.input.iter().any(|txin| {
        let by = shell.treasury.wallets().iter().find_map(|wallet| wallet.spender_of(&txin.previous_output));
        by.is_some_and(|by| by != txid && shell.treasury.confirmed_at(&by).is_some())
    })
}

fn signer_names(shell: &Shell, status: &[SigningStatus]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for status in status {
        names.extend(status.signed.iter().map(|key| holder(shell, status.generation, *key)));
    }
    once(names)
}

/// Each name once, where it stands first: one treasurer's keys stand in several ways of spending.
fn once(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

/// This treasurer's name by the newest generation in which one of its keys stands.
fn own_name(shell: &Shell, signer: &Signer) -> String {
    let treasuries = shell.treasury.treasuries();
    for (generation, treasury) in treasuries.iter().enumerate().rev() {
        if let Some(key) = treasury.keys().iter().position(|key| signer.holds(key)) {
            return holder(shell, generation, key);
        }
    }
    "somebody without a key of the treasury".to_owned()
}

/// T-67: a payment is labelled with the proposal that decided it (BIP329).
fn labels(shell: &Shell, psbt: &Psbt, report: &CheckReport) -> Vec<(String, String, String)> {
    let txid = psbt.unsigned_tx.compute_txid().to_string();
    let title = read_proof(psbt).note.unwrap_or_default();
    let numbers: Vec<String> = report.proposals.iter().map(|id| id.get(..8).unwrap_or(id).to_owned()).collect();
    let text = match numbers.as_slice() {
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

fn reasons(report: &CheckReport) -> String {
    let reasons = report.reasons.iter().map(|reason| reason.text.as_str());
    reasons.chain(report.unknown.iter().map(String::as_str)).collect::<Vec<_>>().join("; ")
}

fn refused(report: &CheckReport, why: &str) -> ApiError {
    match report.reasons.first() {
        Some(first) => ApiError::invalid(&first.rule, format!("this must not be signed: {why}")),
        None => ApiError {
            rule: Some("T-57".into()),
            ..ApiError::not_now(format!("whether this may be signed cannot be told: {why}"))
        },
    }
}

fn refusal(rule: &str, error: &impl ToString) -> ApiError {
    let text = error.to_string();
    let rule = text.split(':').next().filter(|rule| rule.contains('-') && rule.len() < 8).unwrap_or(rule).to_owned();
    ApiError::invalid(&rule, text)
}

fn parse(text: &str) -> Answered<Psbt> {
    psbt_from(text.as_bytes()).map_err(|error| ApiError::invalid("T-40", format!("{error:#}")))
}

fn psbt_of(row: &SessionRow) -> Answered<Psbt> {
    Psbt::deserialize(&row.psbt).map_err(|error| ApiError::ours(format!("session {} in the store: {error}", row.id)))
}

fn row_of(shell: &Shell, id: &str) -> Answered<Option<SessionRow>> {
    Ok(shell.store.treasury_sessions()?.into_iter().find(|row| row.id == id))
}

fn named(shell: &Shell, session: &str) -> Answered<SessionRow> {
    let typed = session.trim().to_ascii_lowercase();
    let rows = shell.store.treasury_sessions()?;
    let mut found = rows.into_iter().filter(|row| typed.len() >= 4 && row.id.starts_with(&typed));
    match (found.next(), found.next()) {
        (Some(row), None) => Ok(row),
        (None, _) => Err(ApiError::invalid("T-65", format!("no session begins with {session}"))),
        _ => Err(ApiError::invalid("T-65", format!("several sessions begin with {session}; give more digits"))),
    }
}
