//! A wallet's coin that helps to pay.

use bitcoin::{OutPoint, ScriptBuf, Sequence, TxIn, TxOut, Weight, Witness};

/// An unspent output of a wallet, and what spending it will weigh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coin {
    /// Where it is.
    pub outpoint: OutPoint,
    /// The output itself.
    pub output: TxOut,
    /// Weight of the witness that spends it, with its count of items: 66 for a P2TR key spend, at most 109 for P2WPKH.
    /// Coins that need a script signature (not segwit) are not supported.
    pub satisfaction: Weight,
}

impl Coin {
    /// Weight of the whole input: outpoint 36, empty script signature 1, sequence 4 bytes, and the witness.
    pub(crate) fn input_weight(&self) -> Weight {
        Weight::from_wu(41 * 4) + self.satisfaction
    }
}

/// An input that signals replaceability (BIP125) and has no witness yet.
pub(crate) fn input(previous_output: OutPoint) -> TxIn {
    TxIn {
        previous_output,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    }
}
