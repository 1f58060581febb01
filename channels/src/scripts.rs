//! Output scripts of a stake channel. Clauses C-5, C-20 to C-22.

use bitcoin::opcodes::all::{OP_CHECKSIGVERIFY, OP_CSV};
use bitcoin::script::{Builder, ScriptBuf};
use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey};
use bitcoin::taproot::{ControlBlock, LeafVersion, TaprootBuilder, TaprootSpendInfo};
use lightning::ln::channel_keys::{DelayedPaymentBasepoint, DelayedPaymentKey, RevocationBasepoint, RevocationKey};

use crate::musig::FundingAggregate;
use crate::secp::secp;

/// Script of the funding output of two funding keys, in either order. Clause C-5.
///
/// Anybody (hub, member, auditor) recomputes it from the two keys of a stake claim and compares it with the chain.
pub fn funding_script(member_key: &PublicKey, hub_key: &PublicKey) -> ScriptBuf {
    FundingAggregate::new(member_key, hub_key).script_pubkey()
}

/// The broadcaster's own output: revocable by key path, else spendable after a relative lock. Clause C-20.
#[derive(Clone, Debug)]
pub struct ToLocal {
    leaf: ScriptBuf,
    spend_info: TaprootSpendInfo,
}

impl ToLocal {
    /// Output of the commitment whose per-commitment point is `point`.
    ///
    /// `delayed_basepoint` is the broadcaster's, `revocation_basepoint` the other side's.
    pub fn new(
        point: &PublicKey,
        delayed_basepoint: &PublicKey,
        revocation_basepoint: &PublicKey,
        csv_blocks: u16,
    ) -> Self {
        let delayed =
            DelayedPaymentKey::from_basepoint(secp(), &DelayedPaymentBasepoint::from(*delayed_basepoint), point);
        let revocation =
            RevocationKey::from_basepoint(secp(), &RevocationBasepoint::from(*revocation_basepoint), point);
        Self::from_keys(
            revocation.to_public_key().x_only_public_key().0,
            delayed.to_public_key().x_only_public_key().0,
            csv_blocks,
        )
    }

    /// The script to pay to.
    pub fn script_pubkey(&self) -> ScriptBuf {
        ScriptBuf::new_p2tr_tweaked(self.spend_info.output_key())
    }

    /// The only leaf: `<delayed key> OP_CHECKSIGVERIFY <csv> OP_CHECKSEQUENCEVERIFY`.
    pub fn leaf(&self) -> &ScriptBuf {
        &self.leaf
    }

    /// Proof that the leaf is in the output, for the script-path spend.
    pub fn control_block(&self) -> ControlBlock {
        self.spend_info
            .control_block(&(self.leaf.clone(), LeafVersion::TapScript))
            .expect("the leaf was put in when the tree was built")
    }

    /// Keys and tree, for the key-path spend that punishes.
    pub fn spend_info(&self) -> &TaprootSpendInfo {
        &self.spend_info
    }

    fn from_keys(revocation: XOnlyPublicKey, delayed: XOnlyPublicKey, csv_blocks: u16) -> Self {
        let leaf = Builder::new()
            .push_x_only_key(&delayed)
            .push_opcode(OP_CHECKSIGVERIFY)
            .push_int(i64::from(csv_blocks))
            .push_opcode(OP_CSV)
            .into_script();
        let spend_info = TaprootBuilder::new()
            .add_leaf(0, leaf.clone())
            .expect("a single leaf at depth 0 is a whole tree")
            .finalize(secp(), revocation)
            .expect("a whole tree can be finalised");
        Self { leaf, spend_info }
    }
}

/// The other side's output: key path to its static payment key, no lock. Clause C-21.
pub fn to_remote_script(payment_key: &PublicKey) -> ScriptBuf {
    let internal = payment_key.x_only_public_key().0;
    ScriptBuf::new_p2tr(secp(), internal, None)
}

/// Pay-to-anchor: anybody may spend it to bump the fee (BIP433). Clause C-22.
pub fn anchor_script() -> ScriptBuf {
    ScriptBuf::new_p2a()
}

/// Whether a cooperative close may pay to `script`: P2WPKH, P2WSH or P2TR. Clause C-32.
pub fn is_close_script(script: &ScriptBuf) -> bool {
    script.is_p2wpkh() || script.is_p2wsh() || script.is_p2tr()
}
