//! The genesis transaction: first seal, spare seal, gates (A-11, A-12, T-6).

use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxOut, XOnlyPublicKey};
use thiserror::Error;

use crate::commitment::{Commitment, link_output_script};
use crate::link::{LinkError, verify_link_output};
use crate::seal::Seal;
use crate::treasury::{Treasury, TreasuryError};

/// Most gates that a genesis transaction may create.
pub const MAX_GATES: u32 = 16;

/// What the charter says about the genesis transaction.
#[derive(Clone, Debug)]
pub struct GenesisParams {
    /// Anchor key of the first seal.
    pub anchor_key: XOnlyPublicKey,
    /// What the first seal commits to: the founding commitment of the charter.
    pub founding_commitment: Commitment,
    /// The treasury that holds the spare seal and the gates.
    pub treasury: Treasury,
    /// Value of the first seal; pays the fees of the links to come.
    pub seal: Amount,
    /// Value of the spare seal.
    pub spare_seal: Amount,
    /// Value of each gate.
    pub gate: Amount,
    /// Number of gates, 1 to [`MAX_GATES`].
    pub gates: u32,
}

/// The outputs of a checked genesis transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Output 0, which link 1 spends.
    pub first_seal: Seal,
    /// Output 1, held by the treasury.
    pub spare_seal: OutPoint,
    /// Outputs 2 and up, held by the treasury, in order.
    pub gates: Vec<OutPoint>,
}

/// Why a genesis transaction cannot be made, or is not the one that the charter asks for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// The number of gates is not 1 to [`MAX_GATES`].
    #[error("A-11: {gates} gates, must be 1 to {MAX_GATES}")]
    GateCount {
        /// The number asked for.
        gates: u32,
    },
    /// An output is below the relay dust limit of its script.
    #[error("A-11: {output} of {value} is below the dust limit of {dust}")]
    Dust {
        /// Which output.
        output: &'static str,
        /// Its value.
        value: Amount,
        /// The least value.
        dust: Amount,
    },
    /// The treasury cannot derive a script.
    #[error(transparent)]
    Treasury(#[from] TreasuryError),
    /// The transaction has fewer outputs than the charter needs.
    #[error("A-12: the transaction has {found} outputs, at least {expected} are needed")]
    TooFewOutputs {
        /// Outputs there are.
        found: usize,
        /// Outputs needed.
        expected: usize,
    },
    /// Output 0 does not carry the founding commitment.
    #[error("A-12: the first seal is wrong: {0}")]
    FirstSeal(LinkError),
    /// An output has another value than the charter says.
    #[error("A-12: output {vout} holds {found}, the charter says {expected}")]
    WrongValue {
        /// Index of the output.
        vout: usize,
        /// Its value.
        found: Amount,
        /// The charter's value.
        expected: Amount,
    },
    /// An output does not belong to the treasury at the index it should have.
    #[error("T-6: output {vout} has script {found:x}, the treasury's script is {expected:x}")]
    NotTreasury {
        /// Index of the output.
        vout: usize,
        /// Its script.
        found: ScriptBuf,
        /// The treasury's script for this place.
        expected: ScriptBuf,
    },
    /// The transaction is a coinbase.
    #[error("A-12: the genesis transaction must not be a coinbase")]
    Coinbase,
}

/// The outputs that the genesis transaction begins with, in order: first seal, spare seal, gates.
///
/// The wallet that funds the transaction keeps this order and adds its change after them.
///
/// # Errors
/// [`GenesisError::GateCount`], [`GenesisError::Dust`], [`GenesisError::Treasury`].
pub fn genesis_outputs(params: &GenesisParams) -> Result<Vec<TxOut>, GenesisError> {
    if !(1..=MAX_GATES).contains(&params.gates) {
        return Err(GenesisError::GateCount { gates: params.gates });
    }
    let seal_script = link_output_script(params.anchor_key, params.founding_commitment);
    let mut outputs = vec![
        output("the first seal", params.seal, seal_script)?,
        // T-6: the spare seal is at treasury index 0, gate i (from 0) at index i + 1.
        output("the spare seal", params.spare_seal, params.treasury.script_at(0)?)?,
    ];
    for index in 1..=params.gates {
        outputs.push(output("a gate", params.gate, params.treasury.script_at(index)?)?);
    }
    Ok(outputs)
}

/// Checks that `transaction` begins with exactly the outputs that the charter asks for.
///
/// Further outputs (change) are allowed. Signatures are not checked.
///
/// # Errors
/// [`GenesisError`] naming the first difference.
pub fn verify_genesis(transaction: &Transaction, params: &GenesisParams) -> Result<Genesis, GenesisError> {
    let expected = genesis_outputs(params)?;
    if transaction.is_coinbase() {
        return Err(GenesisError::Coinbase);
    }
    if transaction.output.len() < expected.len() {
        return Err(GenesisError::TooFewOutputs { found: transaction.output.len(), expected: expected.len() });
    }
    verify_link_output(&transaction.output[0].script_pubkey, params.anchor_key, params.founding_commitment)
        .map_err(GenesisError::FirstSeal)?;
    for (vout, (found, expected)) in transaction.output.iter().zip(&expected).enumerate() {
        if found.script_pubkey != expected.script_pubkey {
            let (found, expected) = (found.script_pubkey.clone(), expected.script_pubkey.clone());
            return Err(GenesisError::NotTreasury { vout, found, expected });
        }
        if found.value != expected.value {
            return Err(GenesisError::WrongValue { vout, found: found.value, expected: expected.value });
        }
    }
    let txid = transaction.compute_txid();
    Ok(Genesis {
        first_seal: Seal {
            outpoint: OutPoint { txid, vout: 0 },
            value: params.seal,
            anchor_key: params.anchor_key,
            commitment: params.founding_commitment,
        },
        spare_seal: OutPoint { txid, vout: 1 },
        gates: (2..params.gates + 2).map(|vout| OutPoint { txid, vout }).collect(),
    })
}

fn output(name: &'static str, value: Amount, script_pubkey: ScriptBuf) -> Result<TxOut, GenesisError> {
    let dust = script_pubkey.minimal_non_dust();
    if value < dust {
        return Err(GenesisError::Dust { output: name, value, dust });
    }
    Ok(TxOut { value, script_pubkey })
}
