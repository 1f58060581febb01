//! Where the spare seal is: from treasury to treasury as elections change them.
//!
//! Treasurers who were voted out keep their keys, and the spare seal lies under them until it is moved. What moves it is decided by
//! the chain and the treasuries alone, so that no hub has to note it and a hub that is gone cannot keep it back.

use bitcoin::taproot::TapNodeHash;
use bitcoin::{OutPoint, ScriptBuf, Transaction, XOnlyPublicKey};

use crate::curve::secp;
use crate::fee::MIN_SEAL;
use crate::treasury::UNSPENDABLE_KEY;

/// Place of the new spare seal among the outputs of a move.
pub const MOVED_SPARE_VOUT: u32 = 0;

/// A spare seal and the script under which it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpareSeal {
    /// The output.
    pub outpoint: OutPoint,
    /// Its script: of some treasury at index 0 (T-6).
    pub script: ScriptBuf,
}

impl SpareSeal {
    /// The spare seal that a transaction moves this one to; `None` if it is no move. `treasuries` are the scripts at index 0 of the
    /// treasuries that there were, the oldest first.
    ///
    /// Only to a newer treasury: who was elected later has it from who was elected earlier, and never back. Else treasurers who were
    /// voted out could take it again from under a certificate, as often as they like.
    #[must_use]
    pub fn moved_by(&self, transaction: &Transaction, treasuries: &[ScriptBuf]) -> Option<Self> {
        let from = treasuries.iter().position(|script| *script == self.script)?;
        let output = transaction.output.first()?;
        let to = treasuries.iter().rposition(|script| *script == output.script_pubkey)?;
        let is_move = transaction.input.first()?.previous_output == self.outpoint
            && from < to
            && output.script_pubkey != self.script
            && output.value >= MIN_SEAL
            && !self.is_kept_by(transaction);
        let outpoint = OutPoint { txid: transaction.compute_txid(), vout: MOVED_SPARE_VOUT };
        is_move.then(|| Self { outpoint, script: output.script_pubkey.clone() })
    }

    /// The output to which a transaction took this one without continuing the chain, for who does not know the treasuries: the shape of a
    /// move, into P2WSH, or into P2TR with this root of a script tree under the key that nobody has. No link has such an output 0 that
    /// anybody could go on from, so that this is no succession, whoever made it.
    #[must_use]
    pub fn taken_by(&self, transaction: &Transaction, root: Option<TapNodeHash>) -> Option<Self> {
        let output = transaction.output.first()?;
        let script = &output.script_pubkey;
        let is_shown = match root {
            None => script.is_p2wsh(),
            Some(_) => {
                let nobodys: XOnlyPublicKey = UNSPENDABLE_KEY.parse().expect("a constant of BIP341");
                *script == ScriptBuf::new_p2tr(secp(), nobodys, root)
            }
        };
        let is_move = transaction.input.first()?.previous_output == self.outpoint
            && is_shown
            && output.value >= MIN_SEAL
            && !self.is_kept_by(transaction);
        let outpoint = OutPoint { txid: transaction.compute_txid(), vout: MOVED_SPARE_VOUT };
        is_move.then(|| Self { outpoint, script: script.clone() })
    }

    /// Whether a spender has an output 1 with this script, as a succession link does and no move: who does not know the
    /// treasuries tells by it which output to follow.
    #[must_use]
    pub fn is_kept_by(&self, transaction: &Transaction) -> bool {
        transaction.output.get(1).is_some_and(|output| output.script_pubkey == self.script)
    }
}
