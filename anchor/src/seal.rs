//! The unspent output that the next link has to spend (a single-use seal).

use bitcoin::{Amount, OutPoint, ScriptBuf, TxOut, XOnlyPublicKey};

use crate::commitment::{Commitment, link_output_script};

/// Output 0 of the newest link (or of the genesis transaction), with what opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Where the output is; its index is always 0 for a primary seal.
    pub outpoint: OutPoint,
    /// What it holds. Each link pays its fee out of it.
    pub value: Amount,
    /// Internal key of the output, which signs the link that spends it.
    pub anchor_key: XOnlyPublicKey,
    /// What the output commits to.
    pub commitment: Commitment,
}

impl Seal {
    /// The output's script.
    pub fn script_pubkey(&self) -> ScriptBuf {
        link_output_script(self.anchor_key, self.commitment)
    }

    /// The output itself, as a signature commits to it (BIP341).
    pub fn output(&self) -> TxOut {
        TxOut { value: self.value, script_pubkey: self.script_pubkey() }
    }
}
