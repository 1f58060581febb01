//! A link transaction with its proof of inclusion, as stored and sent.

use bitcoin::consensus::encode;
use bitcoin::{Transaction, Txid, Witness};

use crate::codec::{DecodeError, Reader, Writer};
use crate::inclusion::{InclusionError, TxInclusion};

/// Longest transaction (without witness) that evidence may hold, in bytes: the largest that nodes relay.
pub const MAX_TRANSACTION_BYTES: usize = 100_000;

/// Version of the encoding.
const VERSION: u8 = 1;

/// A transaction and the proof that it is in a block.
///
/// The transaction is kept without its witness. The id does not cover the witness, so a witness kept here could be
/// changed without anything noticing; consensus has checked it when the transaction was mined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkEvidence {
    transaction: Transaction,
    inclusion: TxInclusion,
}

impl LinkEvidence {
    /// Puts a transaction and its inclusion together, dropping the witness. Call [`LinkEvidence::verify`] to check.
    pub fn new(mut transaction: Transaction, inclusion: TxInclusion) -> Self {
        for input in &mut transaction.input {
            input.witness = Witness::new();
        }
        Self { transaction, inclusion }
    }

    /// The transaction, without witness.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Id of the transaction.
    pub fn txid(&self) -> Txid {
        self.transaction.compute_txid()
    }

    /// Where the transaction is.
    pub fn inclusion(&self) -> &TxInclusion {
        &self.inclusion
    }

    /// Checks that the transaction is in the block whose header is given. Whether that block is part of Bitcoin's chain
    /// is for a header chain to say.
    ///
    /// # Errors
    /// [`InclusionError`] naming the rule.
    pub fn verify(&self) -> Result<(), InclusionError> {
        self.inclusion.verify(&self.transaction)
    }

    /// Canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u8(VERSION);
        writer.bytes(&encode::serialize(&self.transaction));
        self.inclusion.write(&mut writer);
        writer.finish()
    }

    /// Reads what [`LinkEvidence::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not the canonical form, in particular when the transaction has witness data.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VERSION)?;
        let transaction = read_stripped(reader.bytes("transaction", MAX_TRANSACTION_BYTES)?)?;
        let inclusion = TxInclusion::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { transaction, inclusion })
    }
}

/// A transaction in the serialisation that its id covers.
///
/// # Errors
/// [`DecodeError`] for one with witness data, without inputs, or in another form.
pub fn read_stripped(bytes: &[u8]) -> Result<Transaction, DecodeError> {
    let refused = |reason: String| DecodeError::Transaction { rule: "A-31", field: "transaction", reason };
    let transaction: Transaction = encode::deserialize(bytes).map_err(|error| refused(error.to_string()))?;
    if transaction.input.iter().any(|input| !input.witness.is_empty()) {
        return Err(refused("it has witness data".to_owned()));
    }
    if transaction.input.is_empty() {
        return Err(refused("it has no input".to_owned()));
    }
    // The parser is strict already; this keeps one byte form per value (E) whatever it may come to accept.
    if encode::serialize(&transaction) != bytes {
        return Err(refused("it is not serialised in the one canonical form".to_owned()));
    }
    Ok(transaction)
}
