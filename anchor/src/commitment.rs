//! The Taproot output that carries a commitment: one spendable leaf at depth 0 under the anchor key.

use std::fmt;

use bitcoin::key::{TapTweak, TweakedPublicKey};
use bitcoin::opcodes::all::{OP_CHECKSIG, OP_DROP};
use bitcoin::secp256k1::Parity;
use bitcoin::taproot::{ControlBlock, LeafVersion, TapNodeHash, TaprootMerkleBranch};
use bitcoin::{Script, ScriptBuf, XOnlyPublicKey};

use crate::curve::secp;

/// The 32 bytes that one link puts on Bitcoin. Opaque here; by convention the tagged hash of an epoch header, or the
/// founding commitment in the genesis transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// Wraps the 32 bytes of a hash.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl From<[u8; 32]> for Commitment {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Commitment({self})")
    }
}

/// The commitment leaf `<commitment> OP_DROP <anchor key> OP_CHECKSIG`: 68 bytes of tapscript (BIP342).
///
/// It can be spent, unlike an OP_RETURN leaf, so that one link may later reveal it and export the history before it
/// as an ordinary timestamp.
pub fn commitment_leaf(anchor_key: XOnlyPublicKey, commitment: Commitment) -> ScriptBuf {
    ScriptBuf::builder()
        .push_slice(commitment.to_bytes())
        .push_opcode(OP_DROP)
        .push_x_only_key(&anchor_key)
        .push_opcode(OP_CHECKSIG)
        .into_script()
}

/// The output script of a link: P2TR, internal key `anchor_key`, script tree of exactly one leaf at depth 0.
pub fn link_output_script(anchor_key: XOnlyPublicKey, commitment: Commitment) -> ScriptBuf {
    ScriptBuf::new_p2tr_tweaked(output_key(anchor_key, commitment).0)
}

/// Whether `script_pubkey` is the link output of `(anchor_key, commitment)` and nothing else.
///
/// The tree of a Taproot output is not visible, but a second leaf changes the Merkle root and with it the output key,
/// so comparing the whole script refuses every other shape.
pub fn opens(script_pubkey: &Script, anchor_key: XOnlyPublicKey, commitment: Commitment) -> bool {
    script_pubkey == link_output_script(anchor_key, commitment).as_script()
}

/// Control block that spends a link output by its leaf (BIP341): leaf version 0xc0, empty Merkle path, 33 bytes.
pub fn leaf_control_block(anchor_key: XOnlyPublicKey, commitment: Commitment) -> ControlBlock {
    ControlBlock {
        leaf_version: LeafVersion::TapScript,
        output_key_parity: output_key(anchor_key, commitment).1,
        internal_key: anchor_key,
        merkle_branch: TaprootMerkleBranch::default(),
    }
}

/// Merkle root of the one-leaf tree: the leaf's own hash (BIP341).
pub(crate) fn merkle_root(anchor_key: XOnlyPublicKey, commitment: Commitment) -> TapNodeHash {
    TapNodeHash::from_script(&commitment_leaf(anchor_key, commitment), LeafVersion::TapScript)
}

/// The tweaked key of a link output and the parity of its y coordinate.
pub(crate) fn output_key(anchor_key: XOnlyPublicKey, commitment: Commitment) -> (TweakedPublicKey, Parity) {
    anchor_key.tap_tweak(secp(), Some(merkle_root(anchor_key, commitment)))
}
