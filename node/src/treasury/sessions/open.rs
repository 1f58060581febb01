//! Opening sessions: transactions of authorised payments, of housekeeping, and replacements (T-22 to T-27).

use althing_anchor::{PsbtProof, SpendIntent, SpendPlan, TreasuryCoin, read_proof, write_proof};
use anyhow::Context;
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, OutPoint, Sequence};

use super::coins::{coin, former_coins, free_coins};
use super::rows::{adopt, named, persist, psbt_of};
use super::{Answered, refusal, show};
use crate::api::{ApiError, ProofStatement, SessionView};
use crate::proof::make;
use crate::shell::Shell;
use crate::treasury::intents::{AuthorisedPayment, authorised, housekeeping_rate};
use crate::view::find_proposal;

/// Opens a session that pays what was decided.
pub(in crate::treasury) fn open(
    shell: &mut Shell,
    names: &[String],
    rate: Option<u64>,
    rest: Option<u16>,
) -> Answered<SessionView> {
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
pub(in crate::treasury) fn open_housekeeping(
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
pub(in crate::treasury) fn bump(shell: &mut Shell, session: &str, rate: u64) -> Answered<SessionView> {
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

pub(super) fn fee_rate(shell: &Shell, asked: Option<u64>) -> Answered<FeeRate> {
    match asked {
        Some(rate) => FeeRate::from_sat_per_vb(rate)
            .filter(|rate| *rate >= FeeRate::BROADCAST_MIN)
            .ok_or_else(|| ApiError::invalid("T-24", format!("a fee rate of {rate} sat/vB cannot be"))),
        None => Ok(shell.bitcoind.fee_market().economical.max(FeeRate::BROADCAST_MIN)),
    }
}

pub(super) fn build(
    shell: &mut Shell,
    payments: &[(SpendIntent, TreasuryCoin)],
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
pub(super) fn start(shell: &mut Shell, psbt: Psbt) -> Answered<SessionView> {
    let row = adopt(shell, &psbt)?;
    show(shell, &row.id)
}
