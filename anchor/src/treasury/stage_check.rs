//! The check of a staged payment before it is signed: both transactions, against what was decided (T-88).

use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, Transaction, TxOut};

use super::build::fee_at;
use super::descriptor::Treasury;
use super::fields::read_payout;
use super::intent::SpendIntent;
use super::reason::PsbtReason;
use super::signature::{prevout_of, sighash_problem};
use super::stage::{Stage, bump_output, payout_psbt, payout_weight, stage_of};

/// A stage transaction and its payout, as far as they are what was decided.
pub(super) struct Pair {
    /// The script in which the money rests.
    pub(super) policy: Treasury,
    /// What the stage holds beyond the payments: the payout's fee, and its pay-to-anchor output.
    pub(super) cost: Amount,
}

/// Judges the payout beside a transaction; `None` where nothing is staged, or where it is not what it should be.
pub(super) fn judge_pair(
    psbt: &Psbt,
    intents: &[SpendIntent],
    generations: &[Treasury],
    reasons: &mut Vec<PsbtReason>,
) -> Option<Pair> {
    let bad = |problem: String| PsbtReason::BadPayout { problem };
    let stage = match stage_of(intents) {
        Ok(stage) => stage,
        Err(number) => {
            reasons.push(PsbtReason::StagedOtherwise { number });
            return None;
        }
    };
    let judged = match (stage, read_payout(psbt)) {
        (None, Ok(None)) => return None,
        (None, _) => Err(PsbtReason::StrayPayout),
        (Some(_), Ok(None)) => Err(PsbtReason::NoPayout),
        (Some(_), Err(error)) => Err(bad(format!("cannot be read: {error}"))),
        (Some(stage), Ok(Some(payout))) => pair(psbt, &payout, stage, intents, generations),
    };
    judged.map_err(|reason| reasons.push(reason)).ok()
}

fn pair(
    psbt: &Psbt,
    payout: &Psbt,
    stage: &Stage,
    intents: &[SpendIntent],
    generations: &[Treasury],
) -> Result<Pair, PsbtReason> {
    let bad = |problem: String| PsbtReason::BadPayout { problem };
    let treasury = generations.last().ok_or_else(|| bad("has no treasury".to_owned()))?;
    let policy = stage.policy(treasury).map_err(|error| PsbtReason::NotStageable { reason: error.to_string() })?;
    let script = policy.script_at(0).map_err(|error| bad(error.to_string()))?;
    let first = psbt.unsigned_tx.output.first();
    let Some(rests) = first.filter(|output| output.script_pubkey == script) else {
        let found = first.map_or_else(|| "missing".to_owned(), super::check::words);
        return Err(PsbtReason::StageOutput { found, wanted: script.to_hex_string() });
    };
    let decided: Vec<TxOut> = intents.iter().flat_map(|intent| intent.outputs.iter().cloned()).collect();
    let wanted = payout_psbt(&psbt.unsigned_tx, &policy, stage.delay_blocks, &decided);
    let wanted = wanted.map_err(|error| bad(error.to_string()))?;
    if let Some(difference) = difference(&payout.unsigned_tx, &wanted.unsigned_tx) {
        return Err(bad(difference));
    }
    match prevout_of(payout, 0) {
        Ok(shown) if shown == rests => {}
        Ok(shown) => {
            return Err(bad(format!(
                "shows {} where the stage has {} sat",
                super::check::words(shown),
                rests.value.to_sat()
            )));
        }
        Err(problem) => return Err(bad(format!("does not show what it spends: {problem}"))),
    }
    if let Some(kind) = payout.inputs.iter().find_map(sighash_problem) {
        return Err(bad(format!(
            "asks for or has signature type {kind}; only ALL (DEFAULT) covers the whole transaction"
        )));
    }
    let paid = decided.iter().map(|output| output.value).fold(Amount::ZERO, saturating);
    let cost = rests.value.checked_sub(paid);
    let fee = cost.and_then(|cost| cost.checked_sub(bump_output().value));
    let least = payout_weight(&policy, &decided).map(|weight| fee_at(weight, FeeRate::BROADCAST_MIN));
    match (cost, fee, least) {
        (Some(cost), Some(fee), Ok(least)) if fee >= least => Ok(Pair { policy, cost }),
        // What nobody relays would rest for ever, or until a child pays for it.
        _ => Err(bad(format!(
            "pays {} sat out of {} that rest; too little is left for its fee",
            paid.to_sat(),
            rests.value.to_sat()
        ))),
    }
}

/// The first thing in which a payout is another than it has to be.
fn difference(found: &Transaction, wanted: &Transaction) -> Option<String> {
    if found == wanted {
        return None;
    }
    if found.version != wanted.version {
        return Some(format!("is of version {}, not {}", found.version.0, wanted.version.0));
    }
    if found.lock_time != wanted.lock_time {
        return Some(format!("has lock time {}", found.lock_time));
    }
    let (input, own) = (found.input.first(), wanted.input.first());
    if found.input.len() != 1 || input.map(|input| input.previous_output) != own.map(|own| own.previous_output) {
        return Some("does not spend output 0 of the stage, and that alone".to_owned());
    }
    if input.map(|input| input.sequence) != own.map(|own| own.sequence) {
        let states = |input: Option<&bitcoin::TxIn>| input.map_or(0, |input| input.sequence.to_consensus_u32());
        return Some(format!("states a rest of {:#x}, the charter asks for {:#x}", states(input), states(own)));
    }
    let outputs = found.output.len().max(wanted.output.len());
    let at = (0..outputs).find(|vout| found.output.get(*vout) != wanted.output.get(*vout));
    let words = |output: Option<&TxOut>| output.map_or_else(|| "nothing".to_owned(), super::check::words);
    Some(match at {
        Some(vout) => format!(
            "pays in output {vout} {}, it has to be {}",
            words(found.output.get(vout)),
            words(wanted.output.get(vout))
        ),
        None => "has a script signature or a witness".to_owned(),
    })
}

fn saturating(sum: Amount, more: Amount) -> Amount {
    sum.checked_add(more).unwrap_or(Amount::MAX)
}
