//! Signatures that move nothing: a test of every key at the setup, and proof of funds (T-80 to T-83; BIP322).

use std::collections::BTreeSet;

use bitcoin::absolute::LockTime;
use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::opcodes::all::{OP_PUSHBYTES_0, OP_RETURN};
use bitcoin::psbt::Psbt;
use bitcoin::script::Builder;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};
use miniscript::psbt::PsbtExt;

use super::build::{PlanError, TreasuryCoin};
use super::descriptor::Treasury;
use super::explain::is_taproot;
use super::signature::{SignatureRefusal, finalise, prevout_of, verify_signatures};

/// Tag of the message hash in BIP322.
const MESSAGE_TAG: &[u8] = b"BIP0322-signed-message";

/// What a signed ownership PSBT shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnershipProof {
    /// Keys, by their place in [`Treasury::keys`], that signed.
    pub signed: BTreeSet<usize>,
    /// Whether the treasury as such could spend: enough keys signed every input.
    pub is_complete: bool,
    /// Coins that were shown beside the message.
    pub coins: Vec<(OutPoint, Amount)>,
}

/// A PSBT by which the keys of a treasury sign `message` at derivation index `index`, and show that they can spend `coins`.
///
/// Nothing can be moved by it: its first input spends an output of a transaction that no block can hold.
///
/// # Errors
/// [`PlanError`] for an index or a coin that the treasury does not have.
pub fn ownership_psbt(
    treasury: &Treasury,
    message: &[u8],
    index: u32,
    coins: &[TreasuryCoin],
) -> Result<Psbt, PlanError> {
    let challenge = to_spend(message, treasury.script_at(index)?);
    let first = TreasuryCoin {
        outpoint: OutPoint { txid: challenge.compute_txid(), vout: 0 },
        transaction: challenge,
        generation: 0,
        index,
    };
    let all: Vec<&TreasuryCoin> = std::iter::once(&first).chain(coins).collect();
    let transaction = to_sign(all.iter().map(|coin| coin.outpoint));
    coins_psbt(treasury, transaction, &all)
}

/// A PSBT of `transaction`, which spends `coins`, with all that signers of the treasury ask for.
///
/// # Errors
/// [`PlanError`] for a coin that is not what it says, or that the transaction does not spend.
pub fn coins_psbt(treasury: &Treasury, transaction: Transaction, coins: &[&TreasuryCoin]) -> Result<Psbt, PlanError> {
    let bad = |coin: &TreasuryCoin, reason: String| PlanError::BadCoin { outpoint: coin.outpoint, reason };
    let spent: Vec<OutPoint> = transaction.input.iter().map(|txin| txin.previous_output).collect();
    if let Some(coin) = coins.iter().find(|coin| !spent.contains(&coin.outpoint)) {
        return Err(bad(coin, "the transaction does not spend it".to_owned()));
    }
    let mut psbt = Psbt::from_unsigned_tx(transaction).map_err(|error| PlanError::BadCoin {
        outpoint: spent.first().copied().unwrap_or(OutPoint::null()),
        reason: error.to_string(),
    })?;
    let taproot = is_taproot(treasury.descriptor());
    for coin in coins {
        let Some(number) = spent.iter().position(|outpoint| *outpoint == coin.outpoint) else { continue };
        if coin.transaction.compute_txid() != coin.outpoint.txid {
            return Err(bad(coin, "its transaction has another id".to_owned()));
        }
        psbt.inputs[number].witness_utxo = coin.output().cloned();
        psbt.inputs[number].non_witness_utxo = (!taproot).then(|| coin.transaction.clone());
        psbt.update_input_with_descriptor(number, &treasury.at(coin.index)?)
            .map_err(|error| bad(coin, error.to_string()))?;
    }
    Ok(psbt)
}

/// T-82: whether a PSBT is one of [`ownership_psbt`] for this message: a treasurer signs no other by this way.
///
/// # Errors
/// What differs.
pub fn check_ownership(psbt: &Psbt, treasury: &Treasury, message: &[u8]) -> Result<OwnershipProof, SignatureRefusal> {
    let generations = std::slice::from_ref(treasury);
    let refuse = |problem: &str| SignatureRefusal::Input { input: 0, problem: problem.to_owned() };
    let inputs = psbt.unsigned_tx.input.iter().map(|txin| txin.previous_output);
    if psbt.unsigned_tx != to_sign(inputs) {
        return Err(refuse("the transaction is not of the form that signs a message (BIP322)"));
    }
    let script = prevout_of(psbt, 0).map_err(refuse)?.script_pubkey.clone();
    let expected = to_spend(message, script).compute_txid();
    if psbt.unsigned_tx.input.first().map(|txin| txin.previous_output) != Some(OutPoint { txid: expected, vout: 0 }) {
        return Err(refuse("it signs another message"));
    }
    let status = verify_signatures(psbt, generations)?;
    let signed = status.first().map(|status| status.signed.clone()).unwrap_or_default();
    let mut coins = Vec::new();
    for (number, txin) in psbt.unsigned_tx.input.iter().enumerate().skip(1) {
        let value = prevout_of(psbt, number).map_err(refuse)?.value;
        coins.push((txin.previous_output, value));
    }
    Ok(OwnershipProof { signed, is_complete: finalise(psbt, generations).is_ok(), coins })
}

/// BIP322's virtual transaction whose output is the challenge.
fn to_spend(message: &[u8], script_pubkey: ScriptBuf) -> Transaction {
    let tag = sha256::Hash::hash(MESSAGE_TAG);
    let mut engine = sha256::Hash::engine();
    for part in [tag.as_ref(), tag.as_ref(), message] {
        engine.input(part);
    }
    let hash = sha256::Hash::from_engine(engine).to_byte_array();
    let script_sig = Builder::new().push_opcode(OP_PUSHBYTES_0).push_slice(hash).into_script();
    let input =
        TxIn { previous_output: OutPoint::null(), script_sig, sequence: Sequence::ZERO, witness: Witness::new() };
    let output = vec![TxOut { value: Amount::ZERO, script_pubkey }];
    Transaction { version: Version(0), lock_time: LockTime::ZERO, input: vec![input], output }
}

fn to_sign(inputs: impl Iterator<Item = OutPoint>) -> Transaction {
    let input = |previous_output| TxIn {
        previous_output,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ZERO,
        witness: Witness::new(),
    };
    let script_pubkey = Builder::new().push_opcode(OP_RETURN).into_script();
    Transaction {
        version: Version(0),
        lock_time: LockTime::ZERO,
        input: inputs.map(input).collect(),
        output: vec![TxOut { value: Amount::ZERO, script_pubkey }],
    }
}
