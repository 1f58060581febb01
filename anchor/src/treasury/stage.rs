//! Staged payments: two transactions signed together, between which guardians can bring the money back (T-86 to T-89).
//!
//! The first, the stage, spends the gate and pays one output whose script lets the treasury's keys spend it after a rest, and
//! guardians with one treasurer at any time. The second, the payout, spends that output into what was decided. Both are signed
//! before either is sent, so the treasurers are needed once.

use bitcoin::absolute::LockTime;
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::PublicKey;
use bitcoin::taproot::TapLeafHash;
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Weight, Witness, relative};
use miniscript::descriptor::DescriptorPublicKey;
use miniscript::policy::Semantic;
use miniscript::psbt::PsbtExt;

use super::build::{PlanError, TreasuryCoin, fee_at};
use super::descriptor::{Treasury, TreasuryError, UNSPENDABLE_KEY};
use super::intent::SpendIntent;
use crate::shape::BUMP_OUTPUT_VALUE;

/// What a charter asks of a payment that is staged (G-120).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Blocks that the money rests before it can be paid out.
    pub delay_blocks: u16,
    /// How many of the guardians bring it back, with one treasurer.
    pub threshold: usize,
    /// Their keys.
    pub guardians: Vec<PublicKey>,
}

/// A way out of a stage: which of its two leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The treasury's keys, after the rest.
    Payout,
    /// Guardians with one treasurer, at any time.
    Return,
}

impl Stage {
    /// T-86: the script in which money of `treasury` rests, as a policy with two ways of spending. It is the same for every payment.
    ///
    /// # Errors
    /// [`TreasuryError::NotStageable`] when the treasury's ordinary way is not "k of n keys", or a guardian's key is one of its keys.
    pub fn policy(&self, treasury: &Treasury) -> Result<Treasury, TreasuryError> {
        let (threshold, keys) = ordinary_way(treasury)?;
        let signers = keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let guardians = self.guardians.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let text = format!(
            "tr({UNSPENDABLE_KEY},{{and_v(v:multi_a({threshold},{signers}),older({})),and_v(v:multi_a({},{guardians}),multi_a(1,{signers}))}})",
            self.delay_blocks, self.threshold
        );
        Treasury::of_stage(&text)
    }
}

/// The intents' stage, when any of them is staged. All of one transaction have to be staged alike.
///
/// # Errors
/// The number, from 1, of the first that is staged otherwise than another.
pub(super) fn stage_of(intents: &[SpendIntent]) -> Result<Option<&Stage>, usize> {
    let stages: Vec<&Stage> = intents.iter().filter_map(|intent| intent.stage.as_ref()).collect();
    match stages.iter().find(|other| **other != stages[0]) {
        Some(other) => Err(intents.iter().position(|intent| intent.stage.as_ref() == Some(*other)).unwrap_or(0) + 1),
        None => Ok(stages.first().copied()),
    }
}

/// What the stage's output holds beyond the payments: the payout's fee at `rate`, and its pay-to-anchor output.
pub(super) fn payout_cost(policy: &Treasury, outputs: &[TxOut], rate: FeeRate) -> Result<Amount, PlanError> {
    let fee = fee_at(payout_weight(policy, outputs)?, rate);
    fee.checked_add(BUMP_OUTPUT_VALUE).ok_or(PlanError::Overflow)
}

/// Weight of the signed payout at worst.
pub(super) fn payout_weight(policy: &Treasury, outputs: &[TxOut]) -> Result<Weight, TreasuryError> {
    // Version, lock time, counts of up to three bytes, marker and flag.
    let frame = Weight::from_wu(2) + Weight::from_non_witness_data_size(4 + 4 + 1 + 3);
    let outputs = outputs.iter().fold(bump_output().weight(), |sum, output| sum + output.weight());
    Ok(frame + policy.input_weight()? + outputs)
}

/// T-87: the unsigned payout of a stage transaction.
///
/// # Errors
/// [`PlanError`], which does not occur for a stage that was built here.
pub(super) fn payout_psbt(
    stage: &Transaction,
    policy: &Treasury,
    delay: u16,
    paid: &[TxOut],
) -> Result<Psbt, PlanError> {
    let mut output = paid.to_vec();
    output.push(bump_output());
    let staged = OutPoint { txid: stage.compute_txid(), vout: 0 };
    let transaction = spending(vec![staged], Sequence::from_height(delay), Version(3), output);
    let coin = TreasuryCoin { outpoint: staged, transaction: stage.clone(), generation: 0, index: 0 };
    let mut psbt = unsigned(transaction, staged)?;
    show_coin(&mut psbt, 0, &coin, policy, Way::Payout)?;
    Ok(psbt)
}

/// T-95: the unsigned transaction by which guardians and a treasurer bring staged coins back, to the treasury's script at `index`.
///
/// # Errors
/// [`PlanError`] when the coins do not pay the fee.
pub fn return_psbt(
    coins: &[(TreasuryCoin, Treasury)],
    back: &Treasury,
    index: u32,
    rate: FeeRate,
) -> Result<Psbt, PlanError> {
    let (first, _) = coins.first().ok_or(PlanError::Nothing)?;
    let mut available = Amount::ZERO;
    let mut weight = Weight::from_wu(2) + Weight::from_non_witness_data_size(4 + 4 + 3 + 1);
    for (coin, policy) in coins {
        let output = coin.output().ok_or(PlanError::Nothing)?;
        available = available.checked_add(output.value).ok_or(PlanError::Overflow)?;
        weight += policy.input_weight()?;
    }
    let output = TxOut { value: Amount::ZERO, script_pubkey: back.script_at(index)? };
    let fee = fee_at(weight + output.weight(), rate);
    let dust = output.script_pubkey.minimal_non_dust();
    let value = available.checked_sub(fee).filter(|rest| *rest >= dust);
    let value = value.ok_or(PlanError::TooLittle { wanted: fee, available })?;
    let outpoints = coins.iter().map(|(coin, _)| coin.outpoint).collect();
    let output = vec![TxOut { value, ..output }];
    let transaction = spending(outpoints, Sequence::ENABLE_RBF_NO_LOCKTIME, Version::TWO, output);
    let mut psbt = unsigned(transaction, first.outpoint)?;
    for (input, (coin, policy)) in coins.iter().enumerate() {
        show_coin(&mut psbt, input, coin, policy, Way::Return)?;
    }
    psbt.update_output_with_descriptor(0, &back.at(index)?)
        .map_err(|error| PlanError::BadCoin { outpoint: first.outpoint, reason: error.to_string() })?;
    Ok(psbt)
}

/// The pay-to-anchor output of a payout: whoever waits for it can pay more for it.
pub(super) fn bump_output() -> TxOut {
    TxOut { value: BUMP_OUTPUT_VALUE, script_pubkey: ScriptBuf::new_p2a() }
}

fn spending(outpoints: Vec<OutPoint>, sequence: Sequence, version: Version, output: Vec<TxOut>) -> Transaction {
    let input =
        |previous_output| TxIn { previous_output, script_sig: ScriptBuf::new(), sequence, witness: Witness::new() };
    Transaction { version, lock_time: LockTime::ZERO, input: outpoints.into_iter().map(input).collect(), output }
}

fn unsigned(transaction: Transaction, outpoint: OutPoint) -> Result<Psbt, PlanError> {
    Psbt::from_unsigned_tx(transaction).map_err(|error| PlanError::BadCoin { outpoint, reason: error.to_string() })
}

/// Shows a staged coin with one of its two leaves: nobody is asked to sign for the other.
fn show_coin(psbt: &mut Psbt, input: usize, coin: &TreasuryCoin, policy: &Treasury, way: Way) -> Result<(), PlanError> {
    psbt.inputs[input].witness_utxo = coin.output().cloned();
    psbt.update_input_with_descriptor(input, &policy.at(0)?)
        .map_err(|error| PlanError::BadCoin { outpoint: coin.outpoint, reason: error.to_string() })?;
    let fields = &mut psbt.inputs[input];
    // Only the payout's leaf asks for a rest.
    fields.tap_scripts.retain(|_, (script, _)| (way == Way::Payout) == has_rest(script));
    let shown: Vec<TapLeafHash> =
        fields.tap_scripts.values().map(|(script, version)| TapLeafHash::from_script(script, *version)).collect();
    fields.tap_key_origins.retain(|_, (leaves, _)| {
        leaves.retain(|leaf| shown.contains(leaf));
        !leaves.is_empty()
    });
    Ok(())
}

fn has_rest(script: &bitcoin::Script) -> bool {
    script.instructions().flatten().any(|step| step.opcode() == Some(bitcoin::opcodes::all::OP_CSV))
}

/// T-86: k and the keys of "k of n keys sign at once", in the order of the descriptor, each at index 0.
fn ordinary_way(treasury: &Treasury) -> Result<(usize, Vec<DescriptorPublicKey>), TreasuryError> {
    let refused = |reason: String| TreasuryError::NotStageable { reason };
    let at_once = treasury.condition().clone().at_age(relative::LockTime::ZERO).normalized();
    let Semantic::Thresh(threshold) = &at_once else {
        return Err(refused(format!("its ordinary way is {at_once}, not k of n keys")));
    };
    let mut keys = Vec::new();
    for item in threshold.iter() {
        let Semantic::Key(key) = &**item else {
            return Err(refused(format!("its ordinary way is {at_once}, not k of n keys")));
        };
        let definite = key.clone().at_derivation_index(0).map_err(|error| refused(error.to_string()))?;
        keys.push((treasury.keys().iter().position(|own| own == key), definite.into_descriptor_public_key()));
    }
    keys.sort_by_key(|(place, _)| *place);
    Ok((threshold.k(), keys.into_iter().map(|(_, key)| key).collect()))
}
