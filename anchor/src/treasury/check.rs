//! Whether a transaction pays what was decided and nothing else: a pure function of a PSBT and stated facts (T-40 to T-57).

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, OutPoint, TxIn, TxOut, Txid};

use super::bond::{Bond, bonds_in, goes_back};
use super::build::{fee_at, weight_at_worst};
use super::descriptor::{INDEXES_IN_SIGHT, MOST_INDEXES_IN_SIGHT, Treasury};
use super::explain::is_taproot;
use super::housekeeping::{housekeeping_budget, housekeeping_cost};
use super::intent::SpendIntent;
use super::reason::{PsbtReason, PsbtUnknown};
use super::signature::{
    InputOrigin, hints_of, input_origin, origin_of, output_hints, prevout_of, sighash_problem, verify_signatures,
};
use super::stage_check::{Pair, judge_pair};

/// Most gates that one housekeeping makes (T-321).
pub const MAX_NEW_GATES: u16 = 64;

/// What a spare seal that pays for its own move keeps at least (T-340, R-56).
pub const LEAST_SPARE_SEAL: Amount = Amount::from_sat(546);

/// Whether a gate is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateState {
    /// It is unspent in the best chain and, as far as is known, in the mempool.
    Unspent,
    /// It is spent, by this transaction where that is known.
    Spent(Option<Txid>),
}

/// What a check rests on. The caller has shown `payments` by proof; everything else is stated.
#[derive(Clone, Debug)]
pub struct CheckFacts<'a> {
    /// The treasuries that there were; the last is the present one.
    pub generations: &'a [Treasury],
    /// The scripts in which staged payments rest, as policies (T-86): for bringing such a coin back.
    pub stages: &'a [Treasury],
    /// Below which index every node follows the scripts of the present treasury (T-110); `None` where nothing tells.
    pub in_sight: Option<u32>,
    /// The spare seal, where it is known: housekeeping moves it to the present treasury (T-340).
    pub spare_seal: Option<OutPoint>,
    /// Coins that are set apart: spare seal and gates.
    pub reserved: &'a BTreeSet<OutPoint>,
    /// Bonds of hubs, by their coins (T-90).
    pub bonds: &'a BTreeMap<OutPoint, Bond>,
    /// Payments in the order of their outputs; none for housekeeping.
    pub payments: &'a [SpendIntent],
    /// Depth of the newest link under the tip, and the depth at which the charter calls it final.
    pub depth: Option<(u32, u32)>,
    /// Height of the best block.
    pub tip: Option<u32>,
    /// The outputs that are spent, as far as they are known to be there; `None` where nothing tells (T-111).
    pub coins: Option<&'a BTreeMap<OutPoint, TxOut>>,
    /// What is known of gates.
    pub gates: &'a BTreeMap<OutPoint, GateState>,
    /// Value of a gate that housekeeping makes.
    pub new_gate: Amount,
    /// Highest fee rate of housekeeping.
    pub housekeeping_rate: FeeRate,
    /// What other housekeeping has cost of late, or may still cost (T-332); `None` where nothing tells.
    pub housekeeping_spent: Option<Amount>,
}

/// The answer of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PsbtVerdict {
    /// It may be signed.
    Accept(Checked),
    /// It must not be signed, for all of these reasons.
    Refuse(Vec<PsbtReason>),
    /// Nothing is wrong with it, but something is not known.
    CannotTell(Vec<PsbtUnknown>),
}

/// What was found of a transaction that may be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Sum of the decided outputs; of a bond that goes back, what its hub gets.
    pub paid: Amount,
    /// What goes back to the treasury.
    pub change: Amount,
    /// The fee; of a staged payment those of both transactions, and the payout's pay-to-anchor output.
    pub fee: Amount,
}

/// Judges a PSBT. All reasons are collected; a reason to refuse outweighs what is not known.
pub fn check(psbt: &Psbt, facts: &CheckFacts<'_>) -> PsbtVerdict {
    let mut judge = Judge { psbt, facts, pair: None, moves_seal: false, reasons: Vec::new(), unknown: Vec::new() };
    judge.form();
    judge.time();
    judge.payments();
    judge.pair = judge_pair(psbt, facts.payments, facts.generations, &mut judge.reasons);
    judge.spare_seal();
    let inputs = judge.inputs();
    let returned = judge.bonds();
    let change = if returned.is_some() { Amount::ZERO } else { judge.outputs() };
    let fee = judge.fee(inputs);
    judge.budget();
    judge.signatures();
    let paid = facts.payments.iter().filter_map(SpendIntent::paid).fold(Amount::ZERO, saturating);
    let paid = saturating(paid, returned.unwrap_or(Amount::ZERO));
    match (judge.reasons, judge.unknown) {
        (reasons, _) if !reasons.is_empty() => PsbtVerdict::Refuse(reasons),
        (_, unknown) if !unknown.is_empty() => PsbtVerdict::CannotTell(unknown),
        _ => PsbtVerdict::Accept(Checked { paid, change, fee }),
    }
}

struct Judge<'a> {
    psbt: &'a Psbt,
    facts: &'a CheckFacts<'a>,
    /// T-88: the stage and its payout, where they are in order.
    pair: Option<Pair>,
    /// T-340: whether output 0 is the spare seal under the present treasury.
    moves_seal: bool,
    reasons: Vec<PsbtReason>,
    unknown: Vec<PsbtUnknown>,
}

impl Judge<'_> {
    fn form(&mut self) {
        let transaction = &self.psbt.unsigned_tx;
        if transaction.input.is_empty() || transaction.output.is_empty() {
            self.reasons.push(PsbtReason::Form { reason: "it has no inputs or no outputs".to_owned() });
        }
        if self.psbt.inputs.len() != transaction.input.len() || self.psbt.outputs.len() != transaction.output.len() {
            self.reasons.push(PsbtReason::Form { reason: "its parts are not as many as the transaction's".to_owned() });
        }
        let mut seen = BTreeSet::new();
        for (input, txin) in transaction.input.iter().enumerate() {
            if !seen.insert(txin.previous_output) {
                self.reasons.push(PsbtReason::DoubleInput { input });
            }
        }
    }

    /// T-42, T-43, T-56: depth, validity, expiry.
    fn time(&mut self) {
        if let Some((depth, needed)) = self.facts.depth.filter(|(depth, needed)| depth < needed) {
            self.reasons.push(PsbtReason::Shallow { depth, needed });
        }
        let Some(tip) = self.facts.tip else {
            self.unknown.push(PsbtUnknown::Tip);
            return;
        };
        let next = tip.saturating_add(1);
        for intent in self.facts.payments {
            if next < intent.from_height {
                self.reasons.push(PsbtReason::NotYet { from: intent.from_height, next });
            }
            if next >= intent.expiry_height {
                self.reasons.push(PsbtReason::Expired { expiry: intent.expiry_height, next });
            }
        }
        let lock_time = self.psbt.unsigned_tx.lock_time.to_consensus_u32();
        if lock_time >= next.min(bitcoin::locktime::absolute::LOCK_TIME_THRESHOLD) && lock_time != 0 {
            self.reasons.push(PsbtReason::LockTime { lock_time });
        }
    }

    /// T-44, T-45: each payment's gate is spent here, was not spent before, and no payment stands twice.
    fn payments(&mut self) {
        let mut seen = BTreeSet::new();
        for (number, intent) in (1..).zip(self.facts.payments) {
            let gate = intent.gate;
            if !seen.insert(gate) {
                self.reasons.push(PsbtReason::DoublePayment { number });
            }
            if !self.psbt.unsigned_tx.input.iter().any(|txin| txin.previous_output == gate) {
                self.reasons.push(PsbtReason::MissingGate { gate });
            }
            let own = self.psbt.unsigned_tx.compute_txid();
            match self.facts.gates.get(&gate) {
                Some(GateState::Unspent) => {}
                // The very same transaction may be signed on while it waits.
                Some(GateState::Spent(Some(by))) if *by == own => {}
                Some(GateState::Spent(by)) => self.reasons.push(PsbtReason::Replayed { gate, by: *by }),
                None => self.unknown.push(PsbtUnknown::Gate { gate }),
            }
        }
    }

    /// T-46 to T-50, T-54, T-111: what is spent is the treasury's, shown, not set apart, and will be signed as a whole. Returns the
    /// sum; `None` when an amount is not shown.
    fn inputs(&mut self) -> Option<Amount> {
        let current = self.facts.generations.len();
        let mut total = Some(Amount::ZERO);
        let mut others = Vec::new();
        for (input, (txin, fields)) in self.psbt.unsigned_tx.input.iter().zip(&self.psbt.inputs).enumerate() {
            let outpoint = txin.previous_output;
            let is_gate = self.facts.payments.iter().any(|intent| intent.gate == outpoint);
            // A bond is apart too, and has a rule of its own (T-93).
            let is_bond = self.facts.bonds.contains_key(&outpoint);
            let is_moved = self.moves_seal && self.facts.spare_seal == Some(outpoint);
            if self.facts.reserved.contains(&outpoint) && !is_gate && !is_bond && !is_moved {
                self.reasons.push(PsbtReason::LockedInput { input, outpoint });
            }
            if let Some(sighash) = sighash_problem(fields) {
                self.reasons.push(PsbtReason::Sighash { input, sighash });
            }
            let prevout = match prevout_of(self.psbt, input) {
                Ok(prevout) => prevout,
                Err(problem) => {
                    self.reasons.push(PsbtReason::UnknownInput { input, problem });
                    total = None;
                    continue;
                }
            };
            total = total.and_then(|total| total.checked_add(prevout.value));
            self.coin(input, outpoint, prevout, is_gate);
            if self.is_staged(prevout) {
                continue;
            }
            others.push((input, outpoint));
            let Some(origin) = origin_of(prevout, &hints_of(fields), self.facts.generations) else {
                self.reasons.push(PsbtReason::ForeignInput { input, outpoint });
                continue;
            };
            // Money of a former treasury is swept before it is paid out; a gate stays where it was made.
            if origin.generation + 1 != current && !is_gate && !self.facts.payments.is_empty() {
                let generation = origin.generation + 1;
                self.reasons.push(PsbtReason::FormerGeneration { input, generation, current });
            }
            self.scripts(input, &origin);
        }
        // T-95: what is brought back is not mixed with anything.
        if others.len() < self.psbt.unsigned_tx.input.len() && total.is_some() {
            let mixed = others.into_iter().map(|(input, outpoint)| PsbtReason::ReturnWithOthers { input, outpoint });
            self.reasons.extend(mixed);
        }
        total
    }

    /// T-340: housekeeping may move the spare seal to the present treasury, whole, or alone and less its fee.
    fn spare_seal(&mut self) {
        let transaction = &self.psbt.unsigned_tx;
        // A payment leaves it where it is, as whatever else is apart (T-49).
        let is_apart = |outpoint| self.facts.spare_seal == Some(outpoint) && self.facts.payments.is_empty();
        let spent = |txin: &TxIn| is_apart(txin.previous_output);
        let Some(input) = transaction.input.iter().position(spent) else { return };
        let Some(present) = self.facts.generations.last().and_then(|treasury| treasury.script_at(0).ok()) else {
            return;
        };
        // Without the coin there is a reason to refuse anyway (T-46).
        let Ok(seal) = prevout_of(self.psbt, input) else { return };
        let is_alone = transaction.input.len() == 1 && transaction.output.len() == 1;
        let least = if is_alone { LEAST_SPARE_SEAL } else { seal.value };
        let moved = transaction.output.first();
        let problem = if seal.script_pubkey == present {
            Some("the present treasury has it")
        } else if input != 0 {
            Some("it is moved at input 0")
        } else if moved.is_none_or(|output| output.script_pubkey != present) {
            Some("output 0 is not the present treasury's at index 0")
        } else if moved.is_none_or(|output| output.value < least) {
            Some("output 0 holds less than it did, and than a seal has to")
        } else {
            None
        };
        match problem {
            None => self.moves_seal = true,
            Some(problem) => self.reasons.push(PsbtReason::SpareSeal { input, problem }),
        }
    }

    /// T-111: the coin is there, and is what it is shown to be. Of a gate its state is asked (T-44).
    fn coin(&mut self, input: usize, outpoint: OutPoint, shown: &TxOut, is_gate: bool) {
        match self.facts.coins.map(|coins| coins.get(&outpoint)) {
            Some(Some(made)) if made != shown => {
                self.reasons.push(PsbtReason::UnknownInput { input, problem: "the coin has another amount or script" });
            }
            Some(None) if !is_gate => self.unknown.push(PsbtUnknown::Coin { outpoint }),
            _ => {}
        }
    }

    /// T-95: a coin that rests in a stage. A payment spends none: the payout is judged beside its stage.
    fn is_staged(&self, prevout: &TxOut) -> bool {
        let is_its = |stage: &Treasury| stage.script_at(0).is_ok_and(|script| script == prevout.script_pubkey);
        self.facts.payments.is_empty() && self.facts.stages.iter().any(is_its)
    }

    /// T-93: a bond stays where it is, or goes back whole. Returns what goes back, if that is what this transaction is for.
    fn bonds(&mut self) -> Option<Amount> {
        let transaction = &self.psbt.unsigned_tx;
        let mut back = None;
        for (input, outpoint, bond) in bonds_in(transaction, self.facts.bonds) {
            match bond.is_free {
                Some(true) => {}
                Some(false) => self.reasons.push(PsbtReason::HeldBond { input, outpoint }),
                None => self.unknown.push(PsbtUnknown::Bond { outpoint }),
            }
            back = back.or(Some(&bond.back));
        }
        let back = back?;
        if self.facts.payments.is_empty() && goes_back(transaction, self.facts.bonds, back) {
            return transaction.output.first().map(|output| output.value);
        }
        self.reasons.push(PsbtReason::BondElsewhere { back: back.to_hex_string() });
        None
    }

    fn scripts(&mut self, input: usize, origin: &InputOrigin) {
        let Some(treasury) = self.facts.generations.get(origin.generation) else { return };
        let fields = &self.psbt.inputs[input];
        let taproot = is_taproot(treasury.descriptor());
        if !taproot && fields.non_witness_utxo.is_none() {
            let problem = "a P2WSH coin has to come with the transaction that made it";
            self.reasons.push(PsbtReason::UnknownInput { input, problem });
        }
        let wanted = treasury.at(origin.index).ok().and_then(|definite| definite.explicit_script().ok());
        let differs = match (&fields.witness_script, wanted) {
            (Some(shown), Some(wanted)) if !taproot => *shown != wanted,
            _ => false,
        };
        if differs || fields.redeem_script.is_some() || fields.tap_key_sig.is_some() {
            self.reasons.push(PsbtReason::WrongScript { input });
        }
    }

    /// T-51, T-52, T-110: the decided outputs first and in order, then at most one back to the treasury (housekeeping: and new gates).
    /// Returns what goes back.
    fn outputs(&mut self) -> Amount {
        let outputs = &self.psbt.unsigned_tx.output;
        let is_staged = self.facts.payments.iter().any(|intent| intent.stage.is_some());
        let decided: Vec<&TxOut> = match is_staged {
            // T-88 has judged the output in which they rest.
            true => outputs.first().into_iter().collect(),
            false => self.facts.payments.iter().flat_map(|intent| &intent.outputs).collect(),
        };
        for (vout, wanted) in decided.iter().enumerate() {
            match outputs.get(vout) {
                Some(found) if found == *wanted => {}
                Some(found) => {
                    let (found, wanted) = (words(found), words(wanted));
                    self.reasons.push(PsbtReason::ChangedOutput { vout, found, wanted });
                }
                None => self.reasons.push(PsbtReason::MissingOutput { vout, wanted: words(wanted) }),
            }
        }
        let mut change = Amount::ZERO;
        let current = self.facts.generations.len();
        let (mut kept, mut gates) = (0, 0);
        for (vout, output) in outputs.iter().enumerate().skip(decided.len()) {
            let hints = self.psbt.outputs.get(vout).map(output_hints).unwrap_or_default();
            match origin_of(output, &hints, self.facts.generations) {
                None => self.reasons.push(PsbtReason::ForeignOutput { vout, found: words(output) }),
                Some(origin) if origin.generation + 1 != current => {
                    let generation = origin.generation + 1;
                    self.reasons.push(PsbtReason::FormerChange { vout, generation, current });
                }
                // T-110: whoever follows the treasury has to see it.
                Some(origin) if origin.index >= self.facts.in_sight.unwrap_or(MOST_INDEXES_IN_SIGHT) => {
                    let below = self.facts.in_sight.unwrap_or(INDEXES_IN_SIGHT);
                    self.reasons.push(PsbtReason::OutOfSight { vout, index: origin.index, below });
                }
                Some(origin) if self.facts.in_sight.is_none() && origin.index >= INDEXES_IN_SIGHT => {
                    self.unknown.push(PsbtUnknown::Sight { vout, index: origin.index });
                }
                // T-340: beside what goes back, and no gate whatever it holds.
                Some(_) if self.moves_seal && vout == 0 => change = saturating(change, output.value),
                Some(_) => {
                    change = saturating(change, output.value);
                    let is_gate = self.facts.payments.is_empty() && output.value == self.facts.new_gate;
                    match is_gate && gates < MAX_NEW_GATES {
                        true => gates += 1,
                        false => kept += 1,
                    }
                    match (kept > 1, decided.is_empty()) {
                        (true, false) => self.reasons.push(PsbtReason::SecondChange { vout }),
                        (true, true) => self.reasons.push(PsbtReason::Crumb { vout, gate: self.facts.new_gate }),
                        _ => {}
                    }
                }
            }
        }
        change
    }

    /// T-53: the fee is below the caps of the payments, or below the housekeeping rate.
    fn fee(&mut self, inputs: Option<Amount>) -> Amount {
        let Some(inputs) = inputs else { return Amount::ZERO };
        let outputs = self.psbt.unsigned_tx.output.iter().map(|output| output.value).fold(Amount::ZERO, saturating);
        let Some(fee) = inputs.checked_sub(outputs) else {
            self.reasons.push(PsbtReason::NoFee { outputs, inputs });
            return Amount::ZERO;
        };
        let fee = saturating(fee, self.pair.as_ref().map_or(Amount::ZERO, |pair| pair.cost));
        let cap = match self.facts.payments {
            [] => self.housekeeping_cap(),
            payments => payments.iter().map(|intent| intent.fee_cap).fold(Amount::ZERO, saturating),
        };
        if fee > cap {
            self.reasons.push(PsbtReason::FeeAboveCap { fee, cap });
        }
        fee
    }

    /// T-53, by the weight at worst. An input that is nobody's is refused for that.
    fn housekeeping_cap(&self) -> Amount {
        let policies: Vec<Treasury> = self.facts.generations.iter().chain(self.facts.stages).cloned().collect();
        let weight =
            |input: usize| policies.get(input_origin(self.psbt, input, &policies)?.generation)?.input_weight().ok();
        let inputs = (0..self.psbt.inputs.len()).filter_map(weight);
        fee_at(weight_at_worst(inputs, &self.psbt.unsigned_tx.output), self.facts.housekeeping_rate)
    }

    /// T-332: housekeeping, on which nobody votes, has not cost too much of late. What is known to be none has caps of its own.
    fn budget(&mut self) {
        let rate = self.facts.housekeeping_rate;
        let cost = housekeeping_cost(self.psbt, self.facts.generations, rate);
        let Some(cost) = cost.filter(|cost| self.facts.payments.is_empty() && *cost > Amount::ZERO) else { return };
        let budget = housekeeping_budget(rate);
        let spent = self.facts.housekeeping_spent.unwrap_or(Amount::ZERO);
        if saturating(cost, spent) > budget {
            self.reasons.push(PsbtReason::HousekeepingBudget { cost, spent, budget });
        } else if self.facts.housekeeping_spent.is_none() {
            self.unknown.push(PsbtUnknown::HousekeepingSpent { cost, budget });
        }
    }

    /// T-55: what is signed already is signed by the treasury's keys, for this transaction.
    fn signatures(&mut self) {
        // Without known amounts and scripts no signature can be judged, and there are reasons enough.
        if !self.reasons.is_empty() {
            return;
        }
        let pair = self.pair.iter().map(|pair| &pair.policy);
        let policies: Vec<Treasury> =
            self.facts.generations.iter().chain(self.facts.stages).chain(pair).cloned().collect();
        if let Err(refusal) = verify_signatures(self.psbt, &policies) {
            self.reasons.push(PsbtReason::Signature { reason: refusal.to_string() });
        }
    }
}

pub(super) fn words(output: &TxOut) -> String {
    format!("{} sat to script {}", output.value.to_sat(), output.script_pubkey.to_hex_string())
}

fn saturating(sum: Amount, more: Amount) -> Amount {
    sum.checked_add(more).unwrap_or(Amount::MAX)
}
