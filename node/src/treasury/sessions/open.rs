//! Opening sessions: transactions of authorised payments and of housekeeping (T-22 to T-26).

use althing_anchor::{LEAST_SPARE_SEAL, MAX_NEW_GATES, PsbtProof, SpendIntent, SpendPlan, TreasuryCoin, write_proof};
use althing_governance::ledger::PaymentState;
use anyhow::Context;
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, Sequence, TxOut};

use super::coins::{coin, former_coins, former_spare_seal, free_coins, promised, retirable};
use super::rows::adopt;
use super::{Answered, refusal, show};
use crate::api::{ApiError, ProofStatement, SessionView};
use crate::proof::make;
use crate::shell::Shell;
use crate::treasury::intents::{AuthorisedPayment, authorised, housekeeping_rate};
use crate::treasury::requests::settled_height;
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
    let psbt = build(shell, &payments, &Parts::of_coins(&coins), rate, rest, &proof)?;
    start(shell, psbt)
}

/// Opens a session that moves the treasury's own coins into one, takes the unassigned gates of former treasuries back, and makes new gates.
pub(in crate::treasury) fn open_housekeeping(shell: &mut Shell, tidy: &Tidy) -> Answered<SessionView> {
    if tidy.gates > MAX_NEW_GATES {
        let message = format!("T-321: {} gates; at most {MAX_NEW_GATES} are made at once", tidy.gates);
        return Err(ApiError::invalid("T-321", message));
    }
    let current = shell.treasury.generations().saturating_sub(1);
    let mut required = former_coins(shell, current)?;
    let before = required.len();
    required.extend(retirable(shell).iter().filter_map(|gate| coin(shell, gate)));
    // Whoever takes gates back makes as many new ones.
    let gates = tidy.gates.max(u16::try_from(required.len() - before).unwrap_or(MAX_NEW_GATES).min(MAX_NEW_GATES));
    let mut spare = Vec::new();
    match tidy.below_sat {
        // New gates alone need no consolidation: as many coins as pay for them.
        None if tidy.gates > 0 => spare = free_coins(shell, None)?,
        below => required.extend(free_coins(shell, below)?),
    }
    // T-340: after an election the spare seal goes with the rest, whole where the rest pays for it.
    let seal = former_spare_seal(shell)?;
    let mut seal_sat = None;
    if let Some(seal) = seal {
        seal_sat = seal.output().map(|output| output.value);
        required.insert(0, seal);
    }
    if required.is_empty() && gates == 0 {
        return Err(ApiError::not_now(
            "T-72: there is no coin to move; those that another session spends are not moved again",
        ));
    }
    let rate = fee_rate(shell, tidy.fee_rate_sat_vb)?;
    let parts = Parts { gates, seal_sat, required: &required, coins: &spare };
    let psbt = build(shell, &[], &parts, rate, tidy.rest_blocks, &PsbtProof::default())?;
    let kept = psbt.unsigned_tx.output.first().map_or(Amount::ZERO, |output| output.value);
    if seal_sat.is_some() && kept < LEAST_SPARE_SEAL {
        let (kept, least) = (kept.to_sat(), LEAST_SPARE_SEAL.to_sat());
        return Err(ApiError::invalid(
            "T-340",
            format!(
                "T-340: the spare seal would pay for its own move and keep {kept} sat, at least {least} have to stay: take a lower fee rate"
            ),
        ));
    }
    start(shell, psbt)
}

/// Opens a session by which free bonds go back to their hub: those of one way back, and nothing else (T-93).
pub(in crate::treasury) fn return_bond(shell: &mut Shell, rate: Option<u64>) -> Answered<SessionView> {
    let bonds = crate::treasury::bonds::bonds(shell);
    let free = || bonds.iter().filter(|(_, bond)| bond.is_free == Some(true));
    let promised = promised(shell)?;
    let first = free().find(|(outpoint, _)| !promised.contains_key(outpoint));
    let Some((_, first)) = first else {
        return Err(ApiError::not_now("T-93: no bond is free to go back, or another session returns it already"));
    };
    let back = first.back.clone();
    let its = free().filter(|(outpoint, bond)| bond.back == back && !promised.contains_key(outpoint));
    let coins: Vec<TreasuryCoin> = its.filter_map(|(outpoint, _)| coin(shell, outpoint)).collect();
    let rate = fee_rate(shell, rate)?;
    let parts = Parts { required: &coins, ..Parts::of_coins(&[]) };
    let mut psbt = build(shell, &[], &parts, rate, None, &PsbtProof::default())?;
    // Built as if it went to the treasury, whose scripts are as long as any that a bond goes back to (T-90).
    if let ([output], [fields]) = (psbt.unsigned_tx.output.as_mut_slice(), psbt.outputs.as_mut_slice()) {
        output.script_pubkey = back;
        *fields = bitcoin::psbt::Output::default();
    }
    // So that a check without the log sees that it is a bond.
    for (fields, coin) in psbt.inputs.iter_mut().zip(&coins) {
        fields.non_witness_utxo = Some(coin.transaction.clone());
    }
    start(shell, psbt)
}

/// What housekeeping is to do.
#[derive(Debug, Clone, Copy)]
pub(in crate::treasury) struct Tidy {
    /// sat/vB; the node's own estimate when absent.
    pub(in crate::treasury) fee_rate_sat_vb: Option<u64>,
    /// Only coins below this value; all when absent.
    pub(in crate::treasury) below_sat: Option<u64>,
    /// Blocks that the coins have rested.
    pub(in crate::treasury) rest_blocks: Option<u16>,
    /// New gates.
    pub(in crate::treasury) gates: u16,
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
        let standing = shell.ledger.state().ledger().standings().get(&id);
        let payment = standing.and_then(|standing| standing.payments.get(usize::from(milestone)));
        not_authorised(name, payment.map(|payment| payment.state))
    })?;
    if let Some(txid) = found.paid_by {
        return Err(ApiError::invalid("T-44", format!("T-44: payment {name} was made by transaction {txid}")));
    }
    // No check would let anybody sign it any more.
    let (expiry, next) = (found.intent.expiry_height, shell.tip_height().saturating_add(1));
    if next >= expiry {
        let message = format!("T-43: payment {name} expired at height {expiry}, the next block is {next}");
        return Err(ApiError::invalid("T-43", message));
    }
    Ok(found.clone())
}

/// Why a payment is not made, and whether waiting helps.
fn not_authorised(name: &str, state: Option<PaymentState>) -> ApiError {
    let never = |why: &str| ApiError::invalid("T-22", format!("T-22: payment {name} will not be made: {why}"));
    match state {
        Some(PaymentState::Stopped) => never("a later vote stopped it"),
        Some(PaymentState::Expired) => never("it was not authorised in time"),
        _ => {
            let message = format!("T-22: payment {name} is not authorised by a final epoch, or has no gate yet");
            ApiError { rule: Some("T-22".into()), ..ApiError::not_now(message) }
        }
    }
}

pub(super) fn fee_rate(shell: &Shell, asked: Option<u64>) -> Answered<FeeRate> {
    match asked {
        Some(rate) => FeeRate::from_sat_per_vb(rate)
            .filter(|rate| *rate >= FeeRate::BROADCAST_MIN)
            .ok_or_else(|| ApiError::invalid("T-24", format!("a fee rate of {rate} sat/vB cannot be"))),
        None => Ok(shell.bitcoind.fee_market().economical.max(FeeRate::BROADCAST_MIN)),
    }
}

/// What a transaction is made of beside payments.
pub(super) struct Parts<'a> {
    /// New gates.
    pub(super) gates: u16,
    /// What the spare seal holds, if it is the first of `required`: it goes to the present treasury.
    pub(super) seal_sat: Option<Amount>,
    /// Coins that are spent in any case.
    pub(super) required: &'a [TreasuryCoin],
    /// Coins that are spent as needed.
    pub(super) coins: &'a [TreasuryCoin],
}

impl<'a> Parts<'a> {
    /// Nothing but coins to choose from.
    pub(super) fn of_coins(coins: &'a [TreasuryCoin]) -> Self {
        Self { gates: 0, seal_sat: None, required: &[], coins }
    }
}

pub(super) fn build(
    shell: &mut Shell,
    payments: &[(SpendIntent, TreasuryCoin)],
    parts: &Parts<'_>,
    fee_rate: FeeRate,
    rest: Option<u16>,
    proof: &PsbtProof,
) -> Answered<Psbt> {
    // Seal and gates have the first indexes (T-6).
    let least = u32::try_from(shell.dao.params.gates.len()).unwrap_or(u32::MAX).saturating_add(1);
    let wallet = shell.treasury.wallets().last().context("there is no treasury")?;
    let Parts { gates, seal_sat, required, coins } = *parts;
    let fresh_index = wallet.fresh_index(least, u32::from(gates), settled_height(shell));
    let gate_sat = Amount::from_sat(shell.ledger.state().charter().gate_sat);
    let mut own_outputs = Vec::new();
    let is_alone = required.len() == 1 && coins.is_empty() && gates == 0;
    // A spare seal that stands alone pays its fee: what is left of it is all that goes back.
    let change_index = if seal_sat.is_some() && is_alone { 0 } else { fresh_index };
    if let Some(value) = seal_sat.filter(|_| !is_alone) {
        let script_pubkey = wallet.treasury.script_at(0).map_err(|error| refusal("T-22", &error))?;
        own_outputs.push(TxOut { value, script_pubkey });
    }
    for number in 1..=u32::from(gates) {
        let index = if wallet.treasury.is_ranged() { fresh_index.saturating_add(number) } else { 0 };
        let script_pubkey = wallet.treasury.script_at(index).map_err(|error| refusal("T-22", &error))?;
        own_outputs.push(TxOut { value: gate_sat, script_pubkey });
    }
    let generations = shell.treasury.treasuries();
    let own_rate = housekeeping_rate(shell.ledger.state().charter().max_link_fee_rate_sat_vb);
    let plan = SpendPlan {
        generations: &generations,
        payments,
        own_outputs: &own_outputs,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ErrorKind;

    /// What a vote stopped is exit code 1: no waiting brings it back. What is not due yet is 2.
    #[test]
    fn a_stopped_milestone_is_not_waited_for() {
        let said = |state| {
            let error = not_authorised("3f/2", state);
            assert!(error.rule.as_deref() == Some("T-22") && error.message.contains("3f/2"), "{error:?}");
            (error.kind, error.message.contains("a later vote stopped it"))
        };
        assert_eq!(said(Some(PaymentState::Stopped)), (ErrorKind::Invalid, true));
        assert_eq!(said(Some(PaymentState::Expired)), (ErrorKind::Invalid, false));
        assert_eq!(said(Some(PaymentState::Waiting)), (ErrorKind::NotNow, false));
        assert_eq!(said(Some(PaymentState::Authorised)), (ErrorKind::NotNow, false));
        assert_eq!(said(None), (ErrorKind::NotNow, false));
    }
}
