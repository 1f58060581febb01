//! What the spending of treasury coins in a block was: decided, housekeeping, or neither (T-70 to T-74).

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, FeeRate, OutPoint, Script, Transaction, TxIn, TxOut};

use super::attribution::signers_of;
use super::bond::{Bond, bonds_in, goes_back};
use super::build::{fee_at, weight_at_worst};
use super::descriptor::Treasury;
use super::intent::SpendIntent;
use super::signature::InputOrigin;
use super::stage::{bump_output, stage_of};
use crate::fee::MIN_SEAL;
use crate::succession::SpareSeal;

/// A mined transaction that spends coins of the treasury.
#[derive(Clone, Copy)]
pub struct MinedSpend<'a> {
    /// The transaction, with its witness.
    pub transaction: &'a Transaction,
    /// Height of its block.
    pub height: u32,
    /// Of each input the output that it spends, where it is known: always for the treasury's.
    pub prevouts: &'a [Option<TxOut>],
    /// The treasuries that there were by that height; the last is the one that was present.
    pub generations: &'a [Treasury],
    /// The oldest treasury that was present within the [`HOUSEKEEPING_BLOCKS`](super::HOUSEKEEPING_BLOCKS) blocks before (T-72): what was signed
    /// for it may still be on its way.
    pub lately: usize,
    /// Spare seals of the DAO: the first, and those of successions.
    pub spare_seals: &'a BTreeSet<OutPoint>,
    /// Bonds of hubs that were there at that height, by their coins (T-90).
    pub bonds: &'a BTreeMap<OutPoint, Bond>,
    /// Which script of which of these treasuries a script is; a wallet knows them all. The newest where several have it.
    pub owner: &'a dyn Fn(&Script) -> Option<InputOrigin>,
}

/// What the spending of treasury coins was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpendFinding {
    /// It pays what was decided.
    Decided {
        /// The decisions, in the order of the outputs.
        ids: Vec<[u8; 32]>,
        /// What left the treasury, fee included.
        left: Amount,
    },
    /// It puts what was decided where it rests before it is paid out (T-96).
    Staged {
        /// The decisions, in the order of the payout's outputs.
        ids: Vec<[u8; 32]>,
        /// The fee of this transaction.
        fee: Amount,
    },
    /// What was staged came back to the treasury (T-95).
    Returned {
        /// The fee.
        fee: Amount,
    },
    /// From the treasury to the treasury, at a reasonable fee.
    Housekeeping {
        /// The fee.
        fee: Amount,
    },
    /// The spare seal was moved on, keeping its script: whether that continues the DAO is judged elsewhere.
    SpareSeal,
    /// A bond that was free went back to its hub.
    BondReturned {
        /// What left the treasury, fee included.
        left: Amount,
    },
    /// Nobody decided this.
    Unauthorised {
        /// What is wrong with it.
        reason: String,
        /// What left the treasury, fee included.
        left: Amount,
        /// Keys that signed, by generation and place in [`Treasury::keys`].
        signers: BTreeSet<(usize, usize)>,
    },
}

/// Judges a mined spend. `decided` gives the payment whose gate an outpoint is; `gates` says whether an outpoint is a gate at all.
pub fn judge_spend(
    spend: &MinedSpend<'_>,
    gates: &BTreeSet<OutPoint>,
    decided: impl Fn(&OutPoint) -> Option<SpendIntent>,
    housekeeping_rate: FeeRate,
) -> SpendFinding {
    let transaction = spend.transaction;
    let treasury_in = spend.prevouts.iter().flatten().filter(|output| (spend.owner)(&output.script_pubkey).is_some());
    let total_in = treasury_in.map(|output| output.value).fold(Amount::ZERO, saturating);
    let inputs: Vec<OutPoint> = transaction.input.iter().map(|txin| txin.previous_output).collect();
    if let Some(at) = inputs.iter().position(|outpoint| spend.spare_seals.contains(outpoint)) {
        if seal_moved_on(spend, at) {
            return SpendFinding::SpareSeal;
        }
        let pays = inputs.iter().any(|outpoint| gates.contains(outpoint) && decided(outpoint).is_some());
        if pays || !seal_moved_home(spend, inputs[at]) {
            return unauthorised(spend, "it spends the spare seal and does not keep it".to_owned(), total_in);
        }
    }
    if let Some((_, outpoint, bond)) = bonds_in(transaction, spend.bonds).next() {
        return judge_bond(spend, (outpoint, bond), total_in, housekeeping_rate);
    }
    let mut intents = Vec::new();
    let mut free = None;
    for gate in inputs.iter().filter(|outpoint| gates.contains(outpoint)) {
        match decided(gate) {
            Some(intent) => intents.push(intent),
            None => free = Some(*gate),
        }
    }
    let of_gate = |gate: OutPoint| format!("it spends gate {gate}, which no decision was assigned");
    match (intents.as_slice(), free) {
        ([], None) => judge_housekeeping(spend, total_in, housekeeping_rate),
        // T-72: a gate that no decision has may be taken back into the treasury (G-108), and go nowhere else.
        ([], Some(gate)) => match judge_housekeeping(spend, total_in, housekeeping_rate) {
            SpendFinding::Unauthorised { .. } => unauthorised(spend, of_gate(gate), total_in),
            tidy => tidy,
        },
        (_, Some(gate)) => unauthorised(spend, of_gate(gate), total_in),
        (intents, None) => judge_payment(spend, intents, total_in),
    }
}

/// T-96: judges what a mined transaction did with coins that rested in a stage. `staged` has them, with the place of their
/// stage's policy in `spend.generations`; `staged_from` is the newest treasury whose coins they were; `intents` is what was staged with the
/// first of them.
pub fn judge_staged(
    spend: &MinedSpend<'_>,
    staged: &BTreeMap<OutPoint, usize>,
    staged_from: usize,
    intents: &[SpendIntent],
    housekeeping_rate: FeeRate,
) -> SpendFinding {
    let transaction = spend.transaction;
    let place = |at: usize| staged.get(&transaction.input.get(at)?.previous_output).copied();
    let own = |output: &TxOut| (spend.owner)(&output.script_pubkey);
    let spent = spend
        .prevouts
        .iter()
        .enumerate()
        .filter_map(|(at, output)| output.as_ref().filter(|output| place(at).is_some() || own(output).is_some()));
    let total_in = sum(spent);
    let decided: Vec<&TxOut> = intents.iter().flat_map(|intent| &intent.outputs).collect();
    let outputs = &transaction.output;
    let is_payout = transaction.input.len() == 1
        && !decided.is_empty()
        && decided.iter().enumerate().all(|(vout, wanted)| outputs.get(vout) == Some(*wanted))
        && outputs[decided.len()..].iter().all(|output| *output == bump_output());
    if is_payout {
        return SpendFinding::Decided { ids: intents.iter().map(|intent| intent.id).collect(), left: total_in };
    }
    let from = staged_from.max(newest_spent(spend));
    let left = total_in.checked_sub(back(spend, 0, from)).unwrap_or(Amount::ZERO);
    let is_alone = (0..transaction.input.len()).all(|at| place(at).is_some());
    let foreign = astray(spend, 0, from.max(spend.lately)).map(|(vout, _)| vout);
    let reason = match foreign {
        None if is_alone && left <= housekeeping_cap(spend, &place, housekeeping_rate) => {
            return SpendFinding::Returned { fee: left };
        }
        Some(vout) => format!("it spends what was staged, and output {vout} is neither decided nor the treasury's"),
        None if !is_alone => "it spends what was staged together with other coins".to_owned(),
        None => format!("what was staged came back at a fee of {left}"),
    };
    let mut signers = BTreeSet::new();
    for (at, prevout) in spend.prevouts.iter().enumerate() {
        let origin = match place(at) {
            Some(generation) => Some(InputOrigin { generation, index: 0 }),
            None => prevout.as_ref().and_then(own),
        };
        let Some(origin) = origin else { continue };
        let by = signers_of(transaction, at, spend.prevouts, &origin, spend.generations);
        signers.extend(by.into_iter().map(|key| (origin.generation, key)));
    }
    SpendFinding::Unauthorised { reason, left, signers }
}

/// A-112, T-71: heights, outputs in order, the rest back to the treasury, the fee under the caps.
fn judge_payment(spend: &MinedSpend<'_>, intents: &[SpendIntent], total_in: Amount) -> SpendFinding {
    let outputs = &spend.transaction.output;
    let wanted: Vec<&TxOut> = intents.iter().flat_map(|intent| &intent.outputs).collect();
    let late = intents.iter().find(|intent| !(intent.from_height..intent.expiry_height).contains(&spend.height));
    if let Some(intent) = late {
        let (from, until, at) = (intent.from_height, intent.expiry_height, spend.height);
        let reason = format!("it was mined at height {at}, allowed were heights from {from} to below {until}");
        return unauthorised(spend, reason, total_in);
    }
    if intents.iter().any(|intent| intent.stage.is_some()) {
        return judge_stage(spend, intents, total_in);
    }
    let wrong = wanted.iter().enumerate().find(|(vout, wanted)| outputs.get(*vout) != Some(**wanted));
    if let Some((vout, wanted)) = wrong {
        let reason =
            format!("output {vout} is not the decided {} sat to {}", wanted.value.to_sat(), wanted.script_pubkey);
        return unauthorised(spend, reason, total_in);
    }
    let newest = newest_spent(spend);
    if let Some((vout, whose)) = astray(spend, wanted.len(), newest) {
        let value = outputs[vout].value.to_sat();
        let reason =
            format!("output {vout} pays {value} sat to {}", whose.unwrap_or("somebody who was not decided on"));
        return unauthorised(spend, reason, total_in);
    }
    let paid = wanted.iter().map(|output| output.value).fold(Amount::ZERO, saturating);
    let left = total_in.checked_sub(back(spend, wanted.len(), newest)).unwrap_or(Amount::ZERO);
    let fee = left.checked_sub(paid).unwrap_or(Amount::ZERO);
    let cap = intents.iter().map(|intent| intent.fee_cap).fold(Amount::ZERO, saturating);
    if fee > cap {
        let reason = format!("its fee is {} sat, the decision allows {} sat", fee.to_sat(), cap.to_sat());
        return unauthorised(spend, reason, total_in);
    }
    SpendFinding::Decided { ids: intents.iter().map(|intent| intent.id).collect(), left }
}

/// T-96: output 0 is the stage that the charter asked for, with enough in it, and the rest goes back.
fn judge_stage(spend: &MinedSpend<'_>, intents: &[SpendIntent], total_in: Amount) -> SpendFinding {
    let outputs = &spend.transaction.output;
    let newest = newest_spent(spend);
    let scripts: Vec<_> = match stage_of(intents) {
        Ok(Some(stage)) => {
            let policies = spend.generations.iter().skip(newest).filter_map(|treasury| stage.policy(treasury).ok());
            policies.filter_map(|policy| policy.script_at(0).ok()).collect()
        }
        _ => Vec::new(),
    };
    let Some(rests) = outputs.first().filter(|output| scripts.contains(&output.script_pubkey)) else {
        let reason = "it does not put the payment where the charter asks that it rests first".to_owned();
        return unauthorised(spend, reason, total_in);
    };
    if let Some((vout, whose)) = astray(spend, 1, newest) {
        let whose = whose.map_or_else(String::new, |whose| format!(": it goes to {whose}"));
        return unauthorised(spend, format!("output {vout} is neither the stage nor the treasury's{whose}"), total_in);
    }
    let left = total_in.checked_sub(back(spend, 1, newest)).unwrap_or(Amount::ZERO);
    let paid = intents.iter().flat_map(|intent| &intent.outputs).map(|o| o.value).fold(Amount::ZERO, saturating);
    let cap = intents.iter().map(|intent| intent.fee_cap).fold(paid, saturating);
    if rests.value < paid || left > cap {
        let [rests, left, paid, cap] = [rests.value, left, paid, cap].map(Amount::to_sat);
        let reason =
            format!("{rests} sat rest and {left} sat left the treasury, decided are {paid} sat and at most {cap} sat");
        return unauthorised(spend, reason, total_in);
    }
    let fee = left.checked_sub(rests.value).unwrap_or(Amount::ZERO);
    SpendFinding::Staged { ids: intents.iter().map(|intent| intent.id).collect(), fee }
}

fn fee_too_high(what: &str, fee: Amount, cap: Amount) -> String {
    format!("{what} a fee of {} sat, at most {} sat are allowed", fee.to_sat(), cap.to_sat())
}

/// T-72: everything goes back to the treasury, at a fee rate under the cap.
fn judge_housekeeping(spend: &MinedSpend<'_>, total_in: Amount, rate: FeeRate) -> SpendFinding {
    let outputs = &spend.transaction.output;
    if let Some((vout, whose)) = astray(spend, 0, newest_spent(spend).max(spend.lately)) {
        let value = outputs[vout].value.to_sat();
        let whose = whose.map_or_else(String::new, |whose| format!(" to {whose}"));
        return unauthorised(spend, format!("no decision allows output {vout} of {value} sat{whose}"), total_in);
    }
    let out = outputs.iter().map(|output| output.value).fold(Amount::ZERO, saturating);
    let fee = total_in.checked_sub(out).unwrap_or(Amount::ZERO);
    let cap = housekeeping_cap(spend, &own_generation(spend), rate);
    if fee > cap {
        return unauthorised(spend, fee_too_high("housekeeping at", fee, cap), total_in);
    }
    SpendFinding::Housekeeping { fee }
}

/// T-93: free bonds went back, alone and whole but for the fee.
fn judge_bond(
    spend: &MinedSpend<'_>,
    (outpoint, first): (OutPoint, &Bond),
    total_in: Amount,
    rate: FeeRate,
) -> SpendFinding {
    let held = bonds_in(spend.transaction, spend.bonds).find(|(_, _, bond)| bond.is_free != Some(true));
    if let Some((_, held, _)) = held {
        return unauthorised(spend, format!("it spends the hub's bond {held}, which is held"), total_in);
    }
    if !goes_back(spend.transaction, spend.bonds, &first.back) {
        let back = first.back.to_hex_string();
        let reason =
            format!("it spends the hub's bond {outpoint}, which goes back alone, in one output, to script {back}");
        return unauthorised(spend, reason, total_in);
    }
    let out = spend.transaction.output.iter().map(|output| output.value).fold(Amount::ZERO, saturating);
    let fee = total_in.checked_sub(out).unwrap_or(Amount::ZERO);
    let cap = housekeeping_cap(spend, &own_generation(spend), rate);
    if fee > cap {
        return unauthorised(spend, fee_too_high("a bond went back at", fee, cap), total_in);
    }
    SpendFinding::BondReturned { left: total_in }
}

/// T-72: by the weight at worst, as the check has it; `generation` says whose an input is. That of others is what it is.
fn housekeeping_cap(spend: &MinedSpend<'_>, generation: &dyn Fn(usize) -> Option<usize>, rate: FeeRate) -> Amount {
    let weight = |(at, txin): (usize, &TxIn)| {
        let worst = generation(at).and_then(|generation| spend.generations.get(generation)?.input_weight().ok());
        worst.unwrap_or_else(|| txin.segwit_weight())
    };
    let inputs = spend.transaction.input.iter().enumerate().map(weight);
    fee_at(weight_at_worst(inputs, &spend.transaction.output), rate)
}

/// Which of the treasuries an input spends a coin of.
fn own_generation<'a>(spend: &'a MinedSpend<'_>) -> impl Fn(usize) -> Option<usize> + 'a {
    |at| Some((spend.owner)(&spend.prevouts.get(at)?.as_ref()?.script_pubkey)?.generation)
}

/// T-72: the newest treasury of which a coin is spent. To an older one nothing goes back: other keys have it, which members may have voted out.
fn newest_spent(spend: &MinedSpend<'_>) -> usize {
    (0..spend.prevouts.len()).filter_map(own_generation(spend)).max().unwrap_or(0)
}

/// The first output from a place on that does not go back to a treasury from the `oldest` on, and whose it is where it is a former one's.
fn astray(spend: &MinedSpend<'_>, from: usize, oldest: usize) -> Option<(usize, Option<&'static str>)> {
    let generation = |output: &TxOut| Some((spend.owner)(&output.script_pubkey)?.generation);
    let mut outputs = spend.transaction.output.iter().enumerate().skip(from);
    outputs.find_map(|(vout, output)| match generation(output) {
        Some(generation) if generation >= oldest => None,
        Some(_) => Some((vout, Some("a former treasury"))),
        None => Some((vout, None)),
    })
}

/// What the outputs from a place on hold of treasuries from the `oldest` on.
fn back(spend: &MinedSpend<'_>, from: usize, oldest: usize) -> Amount {
    let goes_back = |output: &&TxOut| (spend.owner)(&output.script_pubkey).is_some_and(|of| of.generation >= oldest);
    sum(spend.transaction.output.iter().skip(from).filter(goes_back))
}

fn unauthorised(spend: &MinedSpend<'_>, reason: String, total_in: Amount) -> SpendFinding {
    let left = total_in.checked_sub(back(spend, 0, newest_spent(spend))).unwrap_or(Amount::ZERO);
    let mut signers = BTreeSet::new();
    for (input, prevout) in spend.prevouts.iter().enumerate() {
        let Some(origin) = prevout.as_ref().and_then(|output| (spend.owner)(&output.script_pubkey)) else { continue };
        let by = signers_of(spend.transaction, input, spend.prevouts, &origin, spend.generations);
        signers.extend(by.into_iter().map(|key| (origin.generation, key)));
    }
    SpendFinding::Unauthorised { reason, left, signers }
}

/// T-73: alone of the treasury, at input 0, into an output 1 that is a seal again. What it held stays in the first two outputs, but for the
/// fee where there is nothing beside them.
fn seal_moved_on(spend: &MinedSpend<'_>, at: usize) -> bool {
    let Some(seal) = spend.prevouts.get(at).and_then(Option::as_ref) else { return false };
    let Transaction { input, output, .. } = spend.transaction;
    let own = spend.prevouts.iter().flatten().filter(|output| (spend.owner)(&output.script_pubkey).is_some()).count();
    let [_, next, beside @ ..] = output.as_slice() else { return false };
    let is_kept = next.script_pubkey == seal.script_pubkey && next.value >= MIN_SEAL;
    let is_whole = (input.len() == 1 && beside.is_empty()) || sum(output.iter().take(2)) >= seal.value;
    at == 0 && own == 1 && is_kept && is_whole
}

/// T-341: to the treasury of a later election, as housekeeping; what else it does is judged as that.
fn seal_moved_home(spend: &MinedSpend<'_>, outpoint: OutPoint) -> bool {
    let script = spend.prevouts.first().and_then(Option::as_ref).map(|output| output.script_pubkey.clone());
    let scripts: Result<Vec<_>, _> = spend.generations.iter().map(|treasury| treasury.script_at(0)).collect();
    let (Some(script), Ok(scripts)) = (script, scripts) else { return false };
    SpareSeal { outpoint, script }.moved_by(spend.transaction, &scripts).is_some()
}

fn sum<'a>(outputs: impl Iterator<Item = &'a TxOut>) -> Amount {
    outputs.map(|output| output.value).fold(Amount::ZERO, saturating)
}

fn saturating(sum: Amount, more: Amount) -> Amount {
    sum.checked_add(more).unwrap_or(Amount::MAX)
}
