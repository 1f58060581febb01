//! The cooperative close transaction. Clauses C-30 to C-33.

use bitcoin::absolute::LockTime;
use bitcoin::secp256k1::schnorr;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};

use crate::commitment::{Balances, Side, key_spend_sighash, key_spend_witness, sort_outputs};
use crate::ids::DUST_SAT;

/// Why a cooperative close cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The fee is more than the part of the side that pays it.
    #[error("C-31: fee {fee_sat} sat is more than the part of the {payer:?}, {part_sat} sat")]
    Fee {
        /// The fee asked for.
        fee_sat: u64,
        /// Who pays it.
        payer: Side,
        /// What that side has.
        part_sat: u64,
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

/// Least by which a further close pays more than the one before, in satoshis: 1 sat/vB of the larger close (BIP125, rule 4).
pub const CLOSE_RAISE_SAT: u64 = 154;

/// An unsigned cooperative close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseTx {
    transaction: Transaction,
    sighash: [u8; 32],
    fee_sat: u64,
}

impl CloseTx {
    /// What is left of both parts when `payer` pays `fee_sat`.
    ///
    /// # Errors
    /// [`CloseError`] when the fee does not fit, or leaves no output (C-31).
    pub fn after_fee(balances: Balances, payer: Side, fee_sat: u64) -> Result<Balances, CloseError> {
        let Balances { mut member_sat, mut hub_sat } = balances;
        let part = match payer {
            Side::Member => &mut member_sat,
            Side::Hub => &mut hub_sat,
        };
        *part = part.checked_sub(fee_sat).ok_or(CloseError::Fee { fee_sat, payer, part_sat: *part })?;
        if member_sat < DUST_SAT && hub_sat < DUST_SAT {
            return Err(CloseError::NoOutput { fee_sat });
        }
        Ok(Balances { member_sat, hub_sat })
    }

    /// Builds the close that pays `fee_sat` out of the part of `payer`. Outputs below dust are left to the fee.
    ///
    /// # Errors
    /// [`CloseError`] when the fee does not fit (C-31).
    pub fn build(
        funding: OutPoint,
        funding_output: &TxOut,
        balances: Balances,
        scripts: &CloseScripts,
        payer: Side,
        fee_sat: u64,
    ) -> Result<Self, CloseError> {
        let Balances { member_sat, hub_sat } = Self::after_fee(balances, payer, fee_sat)?;
        let mut output: Vec<TxOut> = [(member_sat, &scripts.member), (hub_sat, &scripts.hub)]
            .into_iter()
            .filter(|(value, _)| *value >= DUST_SAT)
            .map(|(value, script)| TxOut { value: Amount::from_sat(value), script_pubkey: script.clone() })
            .collect();
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

    /// The fee the payer offered, in satoshis (left-out dust adds to what miners get).
    pub fn fee_sat(&self) -> u64 {
        self.fee_sat
    }

    /// The transaction with its witness.
    pub fn into_signed(mut self, signature: &schnorr::Signature) -> Transaction {
        self.transaction.input[0].witness = key_spend_witness(signature);
        self.transaction
    }
}
