//! Which coins a transaction may take, and which are set apart or promised (T-23, T-28).

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::{MOVED_SPARE_VOUT, TreasuryCoin};
use althing_governance::entry::MAX_REFILL;
use althing_governance::ledger::PaymentState;
use bitcoin::OutPoint;
use bitcoin::psbt::Psbt;

use super::Answered;
use super::queue::queue_of;
use super::stage::{Rest, rest_of};
use crate::shell::Shell;
use crate::treasury::intents::AuthorisedPayment;

/// Spare seal, gates, those of refills too, and bonds of hubs: spent by their own rules only.
pub(in crate::treasury) fn reserved(shell: &Shell) -> BTreeSet<OutPoint> {
    let mut reserved: BTreeSet<OutPoint> = shell.ledger.state().all_gates().collect();
    let spare_seals = shell.spare_seals().unwrap_or_else(|_| vec![shell.ledger.state().spare_seal()]);
    reserved.extend(moved_in_sessions(shell, spare_seals.last()));
    reserved.extend(spare_seals);
    reserved.extend(crate::treasury::bonds::bonds(shell).into_keys());
    reserved.extend(shell.ledger.gates_in_use());
    reserved
}

/// Where sessions would move the spare seal to (T-340): apart before a block has them, or a child (T-27) could take it on.
fn moved_in_sessions(shell: &Shell, spare_seal: Option<&OutPoint>) -> Vec<OutPoint> {
    let sessions = shell.store.treasury_sessions().unwrap_or_default();
    let psbts = sessions.iter().filter_map(|row| Psbt::deserialize(&row.psbt).ok());
    let moving = psbts.filter(|psbt| psbt.unsigned_tx.input.first().map(|txin| &txin.previous_output) == spare_seal);
    moving.map(|psbt| OutPoint { txid: psbt.unsigned_tx.compute_txid(), vout: MOVED_SPARE_VOUT }).collect()
}

/// T-320: gates of former treasuries that no decision has, at most as many as one refill can name. While a payment waits for its authorisation there are none: the next
/// close of an epoch may give it one of them.
pub(in crate::treasury) fn retirable(shell: &Shell) -> BTreeSet<OutPoint> {
    let state = shell.ledger.state();
    let payments = state.ledger().standings().values().flat_map(|standing| &standing.payments);
    if payments.into_iter().any(|payment| payment.state == PaymentState::Waiting) {
        return BTreeSet::new();
    }
    let given: BTreeSet<OutPoint> = state.ledger().gates_given().copied().collect();
    let present = shell.treasury.generations().saturating_sub(1);
    let is_former = |gate: &OutPoint| coin(shell, gate).is_some_and(|coin| coin.generation < present);
    state.gates(state.size()).filter(|gate| !given.contains(gate) && is_former(gate)).take(MAX_REFILL).collect()
}

/// T-340: the spare seal, while a former treasury has it and no session that goes on moves it.
pub(super) fn former_spare_seal(shell: &Shell) -> Answered<Option<TreasuryCoin>> {
    let followed = shell.spare_seal()?;
    let present = shell.treasury.wallets().last().and_then(|wallet| wallet.treasury.script_at(0).ok());
    let is_former = present.is_some_and(|script| script != followed.now.script);
    if !is_former || followed.spent.is_some() || promised(shell)?.contains_key(&followed.now.outpoint) {
        return Ok(None);
    }
    Ok(coin(shell, &followed.now.outpoint))
}

/// Coins in sessions that go on, by session.
pub(in crate::treasury) fn promised(shell: &Shell) -> Answered<BTreeMap<OutPoint, String>> {
    Ok(queue_of(shell)?.into_taken())
}

/// State and transaction of an authorised payment; `promised` as [`promised`] gives it.
pub(in crate::treasury) fn payment_state(
    shell: &Shell,
    payment: &AuthorisedPayment,
    promised: &BTreeMap<OutPoint, String>,
) -> Answered<(String, Option<String>)> {
    if let Some(txid) = payment.paid_by {
        return Ok(("executed".to_owned(), Some(txid.to_string())));
    }
    let gate = payment.intent.gate;
    let spender = shell.treasury.spender_of(&gate);
    if let Some(txid) = spender {
        let mined = shell.treasury.confirmed_at(&txid).is_some();
        if let Some(rest) = rest_of(shell, &txid).filter(|_| mined) {
            let by = match rest {
                Rest::Until(_) => txid,
                Rest::Paid(by, _) | Rest::Returned(by, _) | Rest::Taken(by, _) => by,
            };
            return Ok((rest.word().to_owned(), Some(by.to_string())));
        }
        return Ok((if mined { "mined" } else { "broadcast" }.to_owned(), Some(txid.to_string())));
    }
    if shell.tip_height().saturating_add(1) >= payment.intent.expiry_height {
        return Ok(("expired".to_owned(), None));
    }
    let signing = promised.get(&gate).cloned();
    Ok((if signing.is_some() { "signing" } else { "open" }.to_owned(), signing))
}

pub(super) fn coin(shell: &Shell, outpoint: &OutPoint) -> Option<TreasuryCoin> {
    shell.treasury.wallets().iter().rev().find_map(|wallet| wallet.coin(outpoint))
}

/// Confirmed coins of the present generation that are not set apart, frozen or in a session.
pub(super) fn free_coins(shell: &Shell, below: Option<u64>) -> Answered<Vec<TreasuryCoin>> {
    let current = shell.treasury.generations().saturating_sub(1);
    coins_of(shell, current, below)
}

pub(super) fn former_coins(shell: &Shell, current: usize) -> Answered<Vec<TreasuryCoin>> {
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
    let tip = shell.tip_height();
    let free = wallet.unspent().filter(|coin| {
        wallet.is_ripe(coin, tip)
            && !reserved.contains(&coin.outpoint)
            && !promised.contains_key(&coin.outpoint)
            && !frozen.contains(&coin.outpoint.to_string())
            && below.is_none_or(|below| coin.txout.value.to_sat() < below)
    });
    Ok(free.filter_map(|coin| wallet.coin(&coin.outpoint)).collect())
}
