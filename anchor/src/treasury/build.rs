//! From authorised payments and coins to an unsigned transaction that anybody can judge (T-22 to T-27).

use std::collections::BTreeSet;

use bitcoin::absolute::LockTime;
use bitcoin::psbt::Psbt;
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Weight, Witness};
use miniscript::psbt::PsbtExt;
use thiserror::Error;

use super::descriptor::{Treasury, TreasuryError};
use super::explain::is_taproot;
use super::fields::write_payout;
use super::intent::SpendIntent;
use super::stage::{Stage, payout_cost, payout_psbt, stage_of};

/// Most coins beside the gates in one transaction.
const MAX_COINS: usize = 200;

/// A coin of the treasury, with what a signer needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreasuryCoin {
    /// Where it is.
    pub outpoint: OutPoint,
    /// The transaction that made it: signers of P2WSH check amounts by it.
    pub transaction: Transaction,
    /// Index of the treasury among the generations.
    pub generation: usize,
    /// Derivation index of its script.
    pub index: u32,
}

/// What is to be put into one transaction.
#[derive(Clone, Debug)]
pub struct SpendPlan<'a> {
    /// The treasuries that there were; the last is the present one.
    pub generations: &'a [Treasury],
    /// Payments, each with its gate, which are spent first and in this order. None for housekeeping.
    pub payments: &'a [(SpendIntent, TreasuryCoin)],
    /// Outputs to the treasury itself, behind the payments: housekeeping only.
    pub own_outputs: &'a [TxOut],
    /// Coins that have to be spent.
    pub required: &'a [TreasuryCoin],
    /// Coins that may be spent as needed.
    pub coins: &'a [TreasuryCoin],
    /// Derivation index of the change.
    pub change_index: u32,
    /// What to pay.
    pub fee_rate: FeeRate,
    /// Sequence of the inputs: replaceable, or the wait of a recovery.
    pub sequence: Sequence,
    /// Highest fee of a transaction without payments.
    pub own_fee_cap: Amount,
}

/// Why no transaction can be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A rule of the descriptor.
    #[error(transparent)]
    Treasury(#[from] TreasuryError),
    /// A coin that is not what it says.
    #[error("T-22: coin {outpoint}: {reason}")]
    BadCoin {
        /// Which.
        outpoint: OutPoint,
        /// What is wrong.
        reason: String,
    },
    /// The same coin, or the same gate, twice.
    #[error("T-22: {outpoint} is to be spent twice")]
    Twice {
        /// Which.
        outpoint: OutPoint,
    },
    /// Too little money.
    #[error("T-23: {} sat are needed with the fee, the coins that may be spent hold {} sat", wanted.to_sat(), available.to_sat())]
    TooLittle {
        /// With outputs and fee.
        wanted: Amount,
        /// In all coins.
        available: Amount,
    },
    /// The fee is above what the decision allows.
    #[error("T-24: the fee would be {} sat, at most {} sat are allowed", fee.to_sat(), cap.to_sat())]
    FeeAboveCap {
        /// At the rate asked for.
        fee: Amount,
        /// The cap.
        cap: Amount,
    },
    /// There is nothing to do.
    #[error("T-22: there is neither a payment nor a coin to move")]
    Nothing,
    /// An output that nobody would relay.
    #[error("T-22: output {vout} holds {} sat, which is dust", value.to_sat())]
    Dust {
        /// Index of the output.
        vout: usize,
        /// Its value.
        value: Amount,
    },
    /// Payments that are staged in different ways.
    #[error("T-87: payment {number} is staged otherwise than another of this transaction")]
    StagedOtherwise {
        /// Which, from 1.
        number: usize,
    },
    /// An amount above the greatest there is.
    #[error("T-22: the amounts add up to more than there is")]
    Overflow,
}

impl TreasuryCoin {
    /// The output itself; `None` when the transaction has no such output.
    pub fn output(&self) -> Option<&TxOut> {
        self.transaction.output.get(usize::try_from(self.outpoint.vout).ok()?)
    }
}

impl SpendPlan<'_> {
    /// The unsigned transaction: gates first, the payments' outputs first and in order, at most one change output behind them.
    /// Of staged payments it is the stage, with the payout beside it (T-87).
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn build(&self) -> Result<Psbt, PlanError> {
        let current = self.generations.last().ok_or(PlanError::Nothing)?;
        let decided: Vec<TxOut> = self.payments.iter().flat_map(|(intent, _)| intent.outputs.clone()).collect();
        if let Some(vout) =
            decided.iter().chain(self.own_outputs).position(|o| o.value < o.script_pubkey.minimal_non_dust())
        {
            let value = decided.iter().chain(self.own_outputs).nth(vout).map_or(Amount::ZERO, |output| output.value);
            return Err(PlanError::Dust { vout, value });
        }
        let staged = self.staged(current, &decided)?;
        let (mut outputs, payout_fee) = match &staged {
            None => (decided.clone(), Amount::ZERO),
            Some(staged) => (vec![staged.output.clone()], staged.cost),
        };
        outputs.extend(self.own_outputs.iter().cloned());
        let paid = sum(outputs.iter().map(|output| output.value))?;
        let cap = match self.payments {
            [] => self.own_fee_cap,
            payments => {
                let cap = sum(payments.iter().map(|(intent, _)| intent.fee_cap))?;
                let fee = payout_fee;
                // Both transactions pay out of the one allowance.
                cap.checked_sub(payout_fee).ok_or(PlanError::FeeAboveCap { fee, cap })?
            }
        };
        let change_script = current.script_at(self.change_index)?;
        let mut chosen: Vec<&TreasuryCoin> = self.payments.iter().map(|(_, gate)| gate).collect();
        chosen.extend(self.required);
        let mut spare: Vec<&TreasuryCoin> = self.coins.iter().collect();
        spare.sort_by_key(|coin| (coin.output().map(|output| output.value), std::cmp::Reverse(coin.outpoint)));
        loop {
            match self.try_with(&chosen, &outputs, paid, cap, &change_script)? {
                Fit::Done(change) => {
                    let mut psbt = self.assemble(&chosen, outputs, change)?;
                    if let Some(Staged { stage, policy, .. }) = &staged {
                        let payout = payout_psbt(&psbt.unsigned_tx, policy, stage.delay_blocks, &decided)?;
                        write_payout(&mut psbt, &payout);
                    }
                    return Ok(psbt);
                }
                Fit::Short(error) => match spare.pop() {
                    Some(coin) if chosen.len() < MAX_COINS => chosen.push(coin),
                    _ => return Err(error),
                },
            }
        }
    }

    /// T-86, T-87: where staged payments rest, and what is needed there beyond them.
    fn staged(&self, current: &Treasury, decided: &[TxOut]) -> Result<Option<Staged>, PlanError> {
        let intents: Vec<SpendIntent> = self.payments.iter().map(|(intent, _)| intent.clone()).collect();
        let stage = stage_of(&intents).map_err(|number| PlanError::StagedOtherwise { number })?;
        let Some(stage) = stage.cloned() else { return Ok(None) };
        let policy = stage.policy(current)?;
        let cost = payout_cost(&policy, decided, self.fee_rate)?;
        let paid = sum(decided.iter().map(|output| output.value))?;
        let value = paid.checked_add(cost).ok_or(PlanError::Overflow)?;
        let output = TxOut { value, script_pubkey: policy.script_at(0)? };
        Ok(Some(Staged { stage, policy, output, cost }))
    }

    /// Whether these coins reach, and what goes back to the treasury.
    fn try_with(
        &self,
        chosen: &[&TreasuryCoin],
        outputs: &[TxOut],
        paid: Amount,
        cap: Amount,
        change_script: &ScriptBuf,
    ) -> Result<Fit, PlanError> {
        if chosen.is_empty() {
            let available = Amount::ZERO;
            return Ok(Fit::Short(match self.coins {
                [] => PlanError::Nothing,
                _ => PlanError::TooLittle { wanted: paid, available },
            }));
        }
        let mut available = Amount::ZERO;
        let mut inputs = Vec::new();
        for coin in chosen {
            let output = self.checked(coin)?;
            available = available.checked_add(output.value).ok_or(PlanError::Overflow)?;
            inputs.push(self.generations[coin.generation].input_weight()?);
        }
        let weight = weight_at_worst(inputs, outputs);
        let bare_fee = fee_at(weight, self.fee_rate);
        let change = TxOut { value: Amount::ZERO, script_pubkey: change_script.clone() };
        let fee = fee_at(weight + change.weight(), self.fee_rate);
        let wanted = paid.checked_add(fee).ok_or(PlanError::Overflow)?;
        let left = available.checked_sub(wanted).filter(|left| *left >= change_script.minimal_non_dust());
        if let Some(left) = left {
            let fits = fee <= cap;
            return if fits { Ok(Fit::Done(Some(left))) } else { Err(PlanError::FeeAboveCap { fee, cap }) };
        }
        // Too little is left for a change output: it goes to the miners, if the cap allows that.
        match available.checked_sub(paid) {
            Some(rest) if rest >= bare_fee && rest <= cap && !outputs.is_empty() => Ok(Fit::Done(None)),
            Some(_) if bare_fee > cap => Err(PlanError::FeeAboveCap { fee: bare_fee, cap }),
            _ => Ok(Fit::Short(PlanError::TooLittle { wanted, available })),
        }
    }

    fn checked<'a>(&self, coin: &'a TreasuryCoin) -> Result<&'a TxOut, PlanError> {
        let bad = |reason: &str| PlanError::BadCoin { outpoint: coin.outpoint, reason: reason.to_owned() };
        if coin.transaction.compute_txid() != coin.outpoint.txid {
            return Err(bad("its transaction has another id"));
        }
        let output = coin.output().ok_or_else(|| bad("its transaction has no such output"))?;
        let treasury = self.generations.get(coin.generation).ok_or_else(|| bad("its treasury is not known"))?;
        if treasury.script_at(coin.index)? != output.script_pubkey {
            return Err(bad("its script is not the treasury's at that index"));
        }
        Ok(output)
    }

    fn assemble(
        &self,
        chosen: &[&TreasuryCoin],
        mut outputs: Vec<TxOut>,
        change: Option<Amount>,
    ) -> Result<Psbt, PlanError> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = chosen.iter().find(|coin| !seen.insert(coin.outpoint)) {
            return Err(PlanError::Twice { outpoint: twice.outpoint });
        }
        let current = self.generations.last().ok_or(PlanError::Nothing)?;
        if let Some(value) = change {
            outputs.push(TxOut { value, script_pubkey: current.script_at(self.change_index)? });
        }
        let is_staged = self.payments.iter().any(|(intent, _)| intent.stage.is_some());
        let decided = self.payments.iter().map(|(intent, _)| intent.outputs.len()).sum::<usize>();
        let first_own = if is_staged { 1 } else { decided };
        let transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: chosen.iter().map(|coin| self.input(coin)).collect(),
            output: outputs,
        };
        let bad = |coin: &TreasuryCoin, reason: String| PlanError::BadCoin { outpoint: coin.outpoint, reason };
        let mut psbt = Psbt::from_unsigned_tx(transaction).map_err(|error| bad(chosen[0], error.to_string()))?;
        for (number, coin) in chosen.iter().enumerate() {
            let treasury = &self.generations[coin.generation];
            let taproot = is_taproot(treasury.descriptor());
            psbt.inputs[number].witness_utxo = coin.output().cloned();
            // A P2WSH signature covers its own amount only; a P2TR signature covers all of them (BIP341).
            psbt.inputs[number].non_witness_utxo = (!taproot).then(|| coin.transaction.clone());
            psbt.update_input_with_descriptor(number, &treasury.at(coin.index)?)
                .map_err(|error| bad(coin, error.to_string()))?;
        }
        for vout in first_own..psbt.outputs.len() {
            let script = psbt.unsigned_tx.output[vout].script_pubkey.clone();
            // Outputs to the treasury itself have the indexes that follow the change's.
            let own = u32::try_from(self.own_outputs.len()).unwrap_or(0);
            // The spare seal has index 0 (T-340).
            let hints = std::iter::once(0).chain(self.change_index..=self.change_index.saturating_add(own));
            if let Some(index) = current.index_of(&script, hints) {
                psbt.update_output_with_descriptor(vout, &current.at(index)?)
                    .map_err(|error| bad(chosen[0], error.to_string()))?;
            }
        }
        Ok(psbt)
    }

    fn input(&self, coin: &TreasuryCoin) -> TxIn {
        TxIn {
            previous_output: coin.outpoint,
            script_sig: ScriptBuf::new(),
            sequence: self.sequence,
            witness: Witness::new(),
        }
    }
}

/// Where staged payments rest.
struct Staged {
    stage: Stage,
    policy: Treasury,
    output: TxOut,
    /// What the output holds beyond the payments.
    cost: Amount,
}

enum Fit {
    Done(Option<Amount>),
    Short(PlanError),
}

/// T-14: the weight of a transaction at worst, by that of its inputs: version, lock time, counts of up to three bytes, marker and flag, inputs,
/// outputs. What is built is priced by it, and what may be paid without a vote is judged by it, before a signature and in a block alike: who
/// signed how long a signature is nobody's fault.
pub(super) fn weight_at_worst(inputs: impl IntoIterator<Item = Weight>, outputs: &[TxOut]) -> Weight {
    let frame = Weight::from_wu(2) + Weight::from_non_witness_data_size(4 + 4 + 3 + 3);
    let outputs = outputs.iter().map(TxOut::weight);
    inputs.into_iter().chain(outputs).fold(frame, |sum, part| sum.checked_add(part).unwrap_or(Weight::MAX))
}

/// Fee of `weight` at `rate`, rounded up to a whole satoshi.
pub fn fee_at(weight: Weight, rate: FeeRate) -> Amount {
    crate::fee::fee_of(weight, rate)
}

/// T-27: the least fee of a transaction that replaces one with fee `before`, itself of `weight`.
pub fn replacement_floor(before: Amount, weight: Weight) -> Amount {
    before.checked_add(fee_at(weight, crate::fee::INCREMENTAL_RELAY_RATE)).unwrap_or(Amount::MAX_MONEY)
}

/// T-27: the fee with which a child of `child` weight brings a parent and itself to `rate`.
pub fn child_pays_for_parent(parent: Weight, parent_fee: Amount, child: Weight, rate: FeeRate) -> Amount {
    let both = fee_at(parent + child, rate).checked_sub(parent_fee).unwrap_or(Amount::ZERO);
    both.max(fee_at(child, FeeRate::BROADCAST_MIN))
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Result<Amount, PlanError> {
    let total = amounts.into_iter().try_fold(Amount::ZERO, Amount::checked_add);
    total.filter(|total| *total <= Amount::MAX_MONEY).ok_or(PlanError::Overflow)
}
