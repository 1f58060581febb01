//! A transaction that waits too long: its replacement, or a child that pays for it (T-27).

use althing_anchor::{
    MAX_NEW_GATES, PsbtProof, TreasuryCoin, child_pays_for_parent, read_payout, read_proof, replacement_floor,
    worst_weight,
};
use bitcoin::consensus::encode::deserialize;
use bitcoin::psbt::Psbt;
use bitcoin::{FeeRate, OutPoint, Transaction, TxOut};

use super::Answered;
use super::coins::{coin, free_coins, reserved};
use super::open::{Parts, build, start};
use super::rows::{named, psbt_of};
use super::stage::waiting_payout;
use crate::api::{ApiError, SessionView};
use crate::shell::Shell;
use crate::treasury::intents::{authorised, housekeeping_rate};

/// Opens a child that pays for a session's transaction: it moves the change on, at a fee that brings both to the rate (T-27).
pub(in crate::treasury) fn child(shell: &mut Shell, session: &str, rate: u64) -> Answered<SessionView> {
    let row = named(shell, session)?;
    let parent = psbt_of(&row)?;
    let Some(parent_tx) = row.final_tx.as_deref().and_then(|tx| deserialize::<Transaction>(tx).ok()) else {
        return Err(ApiError::not_now("T-27: that session was not broadcast; bump it instead"));
    };
    let txid = parent_tx.compute_txid();
    if shell.treasury.confirmed_at(&txid).is_some() {
        if matches!(read_payout(&parent), Ok(Some(_))) {
            let (payout, _) = waiting_payout(shell, session)?;
            let message = format!(
                "T-100: {txid} is mined; what waits is its payout {}, for which `treasury session child` pays from this node's wallet",
                payout.compute_txid()
            );
            return Err(ApiError::invalid("T-100", message));
        }
        return Err(ApiError::invalid("T-27", format!("T-27: {txid} is mined already")));
    }
    let gate_sat = shell.ledger.state().charter().gate_sat;
    let apart = reserved(shell);
    // The change is behind the payments (T-22).
    let change = parent_tx.output.iter().enumerate().rev().find_map(|(vout, output)| {
        let is_ours = shell.treasury.owner_of(&output.script_pubkey).is_some() && output.value.to_sat() != gate_sat;
        let outpoint = OutPoint { txid, vout: u32::try_from(vout).ok().filter(|_| is_ours)? };
        // The spare seal that it moves stays where it is (T-340).
        coin(shell, &outpoint).filter(|_| !apart.contains(&outpoint))
    });
    let change = change.ok_or_else(|| ApiError::invalid("T-27", format!("T-27: {txid} has no change to spend")))?;
    let rate = FeeRate::from_sat_per_vb(rate).ok_or_else(|| ApiError::invalid("T-27", "that fee rate is too high"))?;
    let coins = std::slice::from_ref(&change);
    let parts = Parts { required: coins, ..Parts::of_coins(&[]) };
    let draft = build(shell, &[], &parts, FeeRate::BROADCAST_MIN, None, &PsbtProof::default())?;
    let weight = worst_weight(&draft, &shell.treasury.policies()).unwrap_or(draft.unsigned_tx.weight());
    let parent_fee = parent.fee().map_err(|error| ApiError::ours(error.to_string()))?;
    let fee = child_pays_for_parent(parent_tx.weight(), parent_fee, weight, rate);
    let child_rate = FeeRate::from_sat_per_kwu(fee.to_sat().saturating_mul(1000).div_ceil(weight.to_wu()));
    let own_rate = housekeeping_rate(shell.ledger.state().charter().max_link_fee_rate_sat_vb);
    if child_rate > own_rate {
        let message = format!(
            "T-27: the child would pay {} sat/vB for both, housekeeping may pay {} (T-53)",
            child_rate.to_sat_per_vb_ceil(),
            own_rate.to_sat_per_vb_floor()
        );
        return Err(ApiError::invalid("T-27", message));
    }
    let psbt = build(shell, &[], &parts, child_rate, None, &PsbtProof::default())?;
    start(shell, psbt)
}

/// Opens the replacement of a session: the same payments through the same gates and coins, at a higher rate.
pub(in crate::treasury) fn bump(shell: &mut Shell, session: &str, rate: u64) -> Answered<SessionView> {
    let row = named(shell, session)?;
    let before = psbt_of(&row)?;
    let proof = read_proof(&before);
    let gate_sat = shell.ledger.state().charter().gate_sat;
    let is_gate = |output: &&TxOut| proof.bundles.is_empty() && output.value.to_sat() == gate_sat;
    let spare_seal = shell.spare_seal()?.now.outpoint;
    let moves_seal = before.unsigned_tx.input.first().is_some_and(|txin| txin.previous_output == spare_seal);
    let gates = before.unsigned_tx.output.iter().skip(usize::from(moves_seal)).filter(is_gate).count();
    let gates = u16::try_from(gates).unwrap_or(MAX_NEW_GATES);
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
    // A recovery stays one: its replacement is signed by the same keys. More coins may not have rested as long.
    let rest = stated_rest(&before.unsigned_tx);
    let is_seal_alone = moves_seal && inputs.len() == 1;
    let coins = if rest.is_some() || is_seal_alone { Vec::new() } else { free_coins(shell, None)? };
    // Inputs keep their order, so that the spare seal stays the first.
    let seal = required.first().filter(|_| moves_seal).and_then(TreasuryCoin::output);
    let parts = Parts { gates, seal_sat: seal.map(|output| output.value), required: &required, coins: &coins };
    let psbt = build(shell, &payments, &parts, rate, rest, &proof)?;
    replaces(&before, &psbt).map_err(|why| ApiError::invalid("T-27", format!("T-27: {why}")))?;
    start(shell, psbt)
}

/// The rest that a transaction states, in blocks: that of a recovery.
fn stated_rest(transaction: &Transaction) -> Option<u16> {
    transaction.input.iter().find_map(|txin| match txin.sequence.to_relative_lock_time() {
        Some(bitcoin::relative::LockTime::Blocks(blocks)) => Some(blocks.value()),
        _ => None,
    })
}

/// T-27: whether one takes the place of the other: through the same gates and coins, with the same rest, and at a fee for which nodes take it.
fn replaces(before: &Psbt, after: &Psbt) -> Result<(), String> {
    let (old, new) = (&before.unsigned_tx, &after.unsigned_tx);
    let is_kept = |outpoint: &OutPoint| new.input.iter().any(|txin| txin.previous_output == *outpoint);
    if let Some(lost) = old.input.iter().map(|txin| txin.previous_output).find(|outpoint| !is_kept(outpoint)) {
        return Err(format!("a replacement spends what it replaces, and {lost} is left out: both could be mined"));
    }
    let rests = [old, new].map(stated_rest);
    if rests[0] != rests[1] {
        return Err(format!("a replacement states the same rest, before {:?} block(s), now {:?}", rests[0], rests[1]));
    }
    let fees = (before.fee().map_err(|error| error.to_string())?, after.fee().map_err(|error| error.to_string())?);
    if fees.1 < replacement_floor(fees.0, new.weight()) {
        let (before, now) = (fees.0.to_sat(), fees.1.to_sat());
        return Err(format!("a replacement has to pay more for its own size: {before} sat before, {now} sat now"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bitcoin::absolute::LockTime;
    use bitcoin::hashes::Hash;
    use bitcoin::transaction::Version;
    use bitcoin::{Amount, ScriptBuf, Sequence, TxIn, Txid};

    use super::*;

    /// A transaction of these coins of 10,000 sat each.
    fn psbt(coins: &[u8], sequence: Sequence, fee: u64) -> Psbt {
        let outpoint = |n: &u8| OutPoint { txid: Txid::from_byte_array([*n; 32]), vout: 0 };
        let input = |n: &u8| TxIn { previous_output: outpoint(n), sequence, ..TxIn::default() };
        let value = Amount::from_sat(10_000 * coins.len() as u64 - fee);
        let transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: coins.iter().map(input).collect(),
            output: vec![TxOut { value, script_pubkey: ScriptBuf::new() }],
        };
        let mut psbt = Psbt::from_unsigned_tx(transaction).unwrap();
        for fields in &mut psbt.inputs {
            fields.witness_utxo = Some(TxOut { value: Amount::from_sat(10_000), script_pubkey: ScriptBuf::new() });
        }
        psbt
    }

    /// T-27: else both could be mined, the wrong keys were asked, or no node took it.
    #[test]
    fn a_replacement_takes_the_place_of_what_it_replaces() {
        let (now, rests) = (Sequence::ENABLE_RBF_NO_LOCKTIME, Sequence::from_height(10));
        let size = psbt(&[1, 2], now, 0).unsigned_tx.vsize() as u64;
        let judge = |before: &Psbt, after: &Psbt| replaces(before, after).err().unwrap_or_default();
        let before = psbt(&[1, 2], now, 500);
        assert_eq!(judge(&before, &psbt(&[1, 2], now, 500 + size)), "");
        assert_eq!(judge(&before, &psbt(&[2, 3, 1], now, 2_000)), "", "more coins");
        assert!(judge(&before, &psbt(&[1, 2], now, 499 + size)).contains("for its own size"));
        assert!(judge(&before, &psbt(&[1, 3], now, 2_000)).contains("is left out"));
        assert!(judge(&before, &psbt(&[1, 2], rests, 2_000)).contains("the same rest"));
        let recovery = psbt(&[1, 2], rests, 500);
        assert_eq!(stated_rest(&recovery.unsigned_tx), Some(10));
        assert_eq!(judge(&recovery, &psbt(&[1, 2], rests, 2_000)), "");
        assert!(judge(&recovery, &psbt(&[1, 2], now, 2_000)).contains("the same rest"));
        assert!(judge(&recovery, &psbt(&[1, 2], Sequence::from_height(11), 2_000)).contains("the same rest"));
    }
}
