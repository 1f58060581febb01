//! Paying for a stuck anchored link from outside: any member can, no operator is needed.

use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, Psbt, ScriptBuf, Transaction, TxOut, Txid, Weight};
use thiserror::Error;

use crate::coin::{Coin, input};
use crate::fee::fee_of;
use crate::link_builder::{Unconfirmed, child_fee};

/// Heaviest child of an unconfirmed version 3 transaction that nodes relay (BIP431): 1000 vB.
pub const MAX_BUMP_WEIGHT: Weight = Weight::from_wu(4_000);

/// A transaction without inputs and outputs: version 4, counts 1 + 1, lock time 4 bytes, marker and flag 2 units.
const EMPTY_WEIGHT: Weight = Weight::from_wu(10 * 4 + 2);

/// Input of the pay-to-anchor output: 41 bytes and an empty witness (its count, 1 unit).
const ANCHOR_INPUT_WEIGHT: Weight = Weight::from_wu(41 * 4 + 1);

/// Why a link cannot be paid for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BumpError {
    /// The link has no pay-to-anchor output, so only its operators can do something.
    #[error("A-79: transaction {link} has no pay-to-anchor output")]
    NotAnchored {
        /// The link.
        link: Txid,
    },
    /// The wanted rate is above the payer's own cap.
    #[error("A-79: a fee rate of {} sat/vB is above the cap of {} sat/vB", rate.to_sat_per_vb_ceil(), cap.to_sat_per_vb_floor())]
    AboveCap {
        /// Rate that was asked for.
        rate: FeeRate,
        /// Highest rate that the payer allows.
        cap: FeeRate,
    },
    /// No coin was given: the anchor output alone pays for nothing.
    #[error("A-79: no coin to pay with")]
    NoCoins,
    /// The child would be too heavy for relay.
    #[error("A-79: the child weighs {weight} units, at most {MAX_BUMP_WEIGHT} are relayed")]
    TooHeavy {
        /// Its weight.
        weight: Weight,
    },
    /// The coins do not pay the fee and leave an output above dust.
    #[error("A-79: the coins hold {} sat, the fee is {} sat, and {} sat must remain", held.to_sat(), fee.to_sat(), dust.to_sat())]
    TooFewCoins {
        /// What the coins and the anchor output hold.
        held: Amount,
        /// The child's fee.
        fee: Amount,
        /// Least value of the output.
        dust: Amount,
    },
}

/// A child that spends the link's pay-to-anchor output together with a member's coins.
#[derive(Clone, Debug)]
pub struct BumpChild {
    link: Transaction,
    parent: Unconfirmed,
    coins: Vec<Coin>,
    refund: ScriptBuf,
}

impl BumpChild {
    /// A child of `link`, which is in the mempool and paid `link_fee`. The rest of the coins goes to `refund`.
    pub fn new(link: Transaction, link_fee: Amount, coins: Vec<Coin>, refund: ScriptBuf) -> Self {
        let parent = Unconfirmed { fee: link_fee, weight: link.weight() };
        Self { link, parent, coins, refund }
    }

    /// Weight of the child once it is signed.
    pub fn weight(&self) -> Weight {
        let output = TxOut { value: Amount::ZERO, script_pubkey: self.refund.clone() }.weight();
        EMPTY_WEIGHT + ANCHOR_INPUT_WEIGHT + output + self.coins.iter().map(Coin::input_weight).sum()
    }

    /// Builds the child so that link and child together have `rate`; the wallet signs inputs 1 and up. Input 0 is
    /// final as it is: its witness is empty.
    ///
    /// # Errors
    /// [`BumpError`] naming what is missing.
    pub fn build(&self, rate: FeeRate, cap: FeeRate) -> Result<Psbt, BumpError> {
        if rate > cap {
            return Err(BumpError::AboveCap { rate, cap });
        }
        if self.coins.is_empty() {
            return Err(BumpError::NoCoins);
        }
        let (anchor, anchor_output) = self.anchor_output()?;
        let weight = self.weight();
        if weight > MAX_BUMP_WEIGHT {
            return Err(BumpError::TooHeavy { weight });
        }
        let fee = child_fee(self.parent, weight, rate).max(fee_of(weight, FeeRate::BROADCAST_MIN));
        let coins = self.coins.iter().map(|coin| coin.output.value);
        let held = coins.fold(anchor_output.value, |sum, value| sum.checked_add(value).unwrap_or(Amount::MAX_MONEY));
        let dust = self.refund.minimal_non_dust();
        let value = held.checked_sub(fee).filter(|rest| *rest >= dust);
        let value = value.ok_or(BumpError::TooFewCoins { held, fee, dust })?;
        let outpoints = std::iter::once(anchor).chain(self.coins.iter().map(|coin| coin.outpoint));
        let transaction = Transaction {
            // BIP431: a child of an unconfirmed version 3 transaction is of version 3 too.
            version: Version(3),
            lock_time: LockTime::ZERO,
            input: outpoints.map(input).collect(),
            output: vec![TxOut { value, script_pubkey: self.refund.clone() }],
        };
        let mut psbt = Psbt::from_unsigned_tx(transaction).expect("no input has a script signature or witness");
        let spent = std::iter::once(anchor_output).chain(self.coins.iter().map(|coin| coin.output.clone()));
        for (input, output) in psbt.inputs.iter_mut().zip(spent) {
            input.witness_utxo = Some(output);
        }
        psbt.inputs[0].final_script_witness = Some(bitcoin::Witness::new());
        Ok(psbt)
    }

    fn anchor_output(&self) -> Result<(OutPoint, TxOut), BumpError> {
        let (txid, anchor) = (self.link.compute_txid(), ScriptBuf::new_p2a());
        let found = (0u32..).zip(&self.link.output).find(|(_, output)| output.script_pubkey == anchor);
        let (vout, output) = found.ok_or(BumpError::NotAnchored { link: txid })?;
        Ok((OutPoint { txid, vout }, output.clone()))
    }
}
