//! The cooperative close transaction. Clauses C-30 to C-33.

use bitcoin::absolute::LockTime;
use bitcoin::secp256k1::schnorr;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};

use crate::commitment::{Balances, key_spend_sighash, key_spend_witness, sort_outputs};
use crate::ids::DUST_SAT;

/// Why a cooperative close cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The fee is more than the member's part, which pays it.
    #[error("C-31: fee {fee_sat} sat is more than the member's part {member_sat} sat")]
    Fee {
        /// The fee asked for.
        fee_sat: u64,
        /// What the member has.
        member_sat: u64,
    },
    /// Nothing would be paid to anybody.
    #[error("C-31: fee {fee_sat} sat leaves no output of at least {DUST_SAT} sat")]
    NoOutput {
        /// The fee asked for.
        fee_sat: u64,
    },
}

/// Where both sides want their part of a cooperative close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseScripts {
    /// Script of the member's output.
    pub member: ScriptBuf,
    /// Script of the hub's output.
    pub hub: ScriptBuf,
}

/// An unsigned cooperative close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseTx {
    transaction: Transaction,
    sighash: [u8; 32],
    fee_sat: u64,
}

impl CloseTx {
    /// Builds the close that pays `fee_sat` out of the member's part. Outputs below dust are left to the fee.
    ///
    /// # Errors
    /// [`CloseError`] when the fee does not fit (C-31).
    pub fn build(
        funding: OutPoint,
        funding_output: &TxOut,
        balances: Balances,
        scripts: &CloseScripts,
        fee_sat: u64,
    ) -> Result<Self, CloseError> {
        let Balances { member_sat, hub_sat } = balances;
        let member_out_sat = member_sat.checked_sub(fee_sat).ok_or(CloseError::Fee { fee_sat, member_sat })?;
        let mut output: Vec<TxOut> = [(member_out_sat, &scripts.member), (hub_sat, &scripts.hub)]
            .into_iter()
            .filter(|(value, _)| *value >= DUST_SAT)
            .map(|(value, script)| TxOut { value: Amount::from_sat(value), script_pubkey: script.clone() })
            .collect();
        if output.is_empty() {
            return Err(CloseError::NoOutput { fee_sat });
        }
        sort_outputs(&mut output);
        let transaction = Transaction {
            // C-30: version 3 bounds what a peer can attach, so the close cannot be pinned.
            version: Version::non_standard(3),
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: funding,
                script_sig: ScriptBuf::new(),
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                witness: Witness::new(),
            }],
            output,
        };
        let sighash = key_spend_sighash(&transaction, funding_output);
        Ok(Self { transaction, sighash, fee_sat })
    }

    /// The transaction without witness.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Its transaction id.
    pub fn txid(&self) -> Txid {
        self.transaction.compute_txid()
    }

    /// BIP341 key-path message, SIGHASH_DEFAULT.
    pub fn sighash(&self) -> [u8; 32] {
        self.sighash
    }

    /// The fee the member offered, in satoshis (left-out dust adds to what miners get).
    pub fn fee_sat(&self) -> u64 {
        self.fee_sat
    }

    /// The transaction with its witness.
    pub fn into_signed(mut self, signature: &schnorr::Signature) -> Transaction {
        self.transaction.input[0].witness = key_spend_witness(signature);
        self.transaction
    }
}
