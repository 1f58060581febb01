//! The child that pays for a commitment: it spends the anchor and brings the fee. Clause C-74.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::{Keypair, Message};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Weight, Witness};

use crate::commitment::key_spend_witness;
use crate::fees::{REPLACEMENT_STEP, fee};
use crate::ids::DUST_SAT;
use crate::keys::ChannelKeys;
use crate::scripts::{anchor_script, to_remote_script};
use crate::secp::secp;

/// Largest virtual size of a version 3 child of an unconfirmed parent, in vB (BIP431).
pub const TRUC_CHILD_MAX_VSIZE: u64 = 1000;

/// Weight of the witness of a key-path spend: count, length and 64 bytes.
const KEY_PATH_WITNESS: Weight = Weight::from_wu(66);

/// A confirmed coin of the wallet. An unconfirmed one would be a second parent, which version 3 does not allow (BIP431).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletCoin {
    /// The coin.
    pub outpoint: OutPoint,
    /// Its value and script.
    pub output: TxOut,
    /// Weight of the witness that the wallet will give it; 66 for a P2TR key path.
    pub witness_weight: Weight,
}

/// A child whose wallet inputs are still to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Without witnesses; input 0 is the anchor, which needs none.
    pub transaction: Transaction,
    /// What its inputs spend, in their order.
    pub prevouts: Vec<TxOut>,
    /// What it pays, in satoshis.
    pub fee_sat: u64,
}

/// Why no child can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChildError {
    /// The parent has no P2A output.
    #[error("C-74: the parent has no anchor")]
    NoAnchor,
    /// The parent pays nothing to this side.
    #[error("C-74: the parent pays nothing to this side")]
    NoOutput,
    /// The coins do not pay the fee and an output.
    #[error("C-74: the coins hold {have_sat} sat, {need_sat} sat are needed")]
    Funds {
        /// What they hold.
        have_sat: u64,
        /// Fee and the smallest output.
        need_sat: u64,
    },
    /// The child would be larger than version 3 allows.
    #[error("C-74: a child of {vsize} vB, at most {TRUC_CHILD_MAX_VSIZE} are relayed")]
    Size {
        /// Its size.
        vsize: u64,
    },
}

/// Builds the child of a zero-fee `parent` with coins of the wallet; both together pay `rate`.
///
/// What is left after the fee goes to `change`. The wallet signs every input but the first.
///
/// # Errors
/// [`ChildError`] when there is no anchor, or the coins are too few or too many.
pub fn bump_child(
    parent: &Transaction,
    coins: &[WalletCoin],
    change: &ScriptBuf,
    rate: FeeRate,
) -> Result<Child, ChildError> {
    bump_paying(parent, 0, coins, change, rate)
}

/// Builds the child of a `parent` that pays `parent_fee_sat` itself; both together pay `rate`, and the child at least what it
/// takes to be relayed.
///
/// # Errors
/// As [`bump_child`].
pub fn bump_paying(
    parent: &Transaction,
    parent_fee_sat: u64,
    coins: &[WalletCoin],
    change: &ScriptBuf,
    rate: FeeRate,
) -> Result<Child, ChildError> {
    let (anchor, anchor_output) = find(parent, &anchor_script()).ok_or(ChildError::NoAnchor)?;
    let mut prevouts = vec![anchor_output];
    prevouts.extend(coins.iter().map(|coin| coin.output.clone()));
    let inputs = std::iter::once(anchor).chain(coins.iter().map(|coin| coin.outpoint));
    let mut transaction = Transaction {
        version: Version::non_standard(3), // C-74
        lock_time: LockTime::ZERO,
        input: inputs.map(unsigned_input).collect(),
        output: vec![TxOut { value: Amount::ZERO, script_pubkey: change.clone() }],
    };
    let weight = signed_weight(&transaction, coins);
    let vsize = weight.to_vbytes_ceil();
    if vsize > TRUC_CHILD_MAX_VSIZE {
        return Err(ChildError::Size { vsize });
    }
    // Rounded up per transaction, as nodes count a package.
    let package = Weight::from_vb(parent.weight().to_vbytes_ceil().saturating_add(vsize)).unwrap_or(Weight::MAX);
    let own_sat = fee(REPLACEMENT_STEP, Weight::from_vb(vsize).unwrap_or(Weight::MAX)).to_sat();
    let fee_sat = fee(rate, package).to_sat().saturating_sub(parent_fee_sat).max(own_sat);
    let have_sat = prevouts.iter().map(|output| output.value.to_sat()).fold(0, u64::saturating_add);
    let left_sat = have_sat.checked_sub(fee_sat).filter(|left| *left >= DUST_SAT);
    let left_sat = left_sat.ok_or(ChildError::Funds { have_sat, need_sat: fee_sat.saturating_add(DUST_SAT) })?;
    transaction.output[0].value = Amount::from_sat(left_sat);
    Ok(Child { transaction, prevouts, fee_sat })
}

/// Builds and signs the child of the *peer's* unconfirmed commitment: own `to_remote` pays for both and comes home with it, so
/// that no coin of the wallet is needed.
///
/// # Errors
/// [`ChildError`] when the commitment has no anchor or pays this side too little.
pub fn to_remote_child(
    keys: &ChannelKeys,
    peer_commitment: &Transaction,
    script: &ScriptBuf,
    rate: FeeRate,
    aux_rand: [u8; 32],
) -> Result<Transaction, ChildError> {
    let (outpoint, output) =
        find(peer_commitment, &to_remote_script(&keys.public().payment)).ok_or(ChildError::NoOutput)?;
    let coin = WalletCoin { outpoint, output, witness_weight: KEY_PATH_WITNESS };
    let Child { mut transaction, prevouts, .. } = bump_child(peer_commitment, &[coin], script, rate)?;
    let secp = secp();
    let sighash = SighashCache::new(&transaction)
        .taproot_key_spend_signature_hash(1, &Prevouts::All(&prevouts), TapSighashType::Default)
        .expect("the child has two inputs and both previous outputs are given");
    let signer = Keypair::from_secret_key(secp, &keys.payment_secret()).tap_tweak(secp, None).to_keypair();
    let message = Message::from_digest(sighash.to_byte_array());
    let signature = secp.sign_schnorr_with_aux_rand(&message, &signer, &aux_rand);
    transaction.input[1].witness = key_spend_witness(&signature);
    Ok(transaction)
}

fn find(transaction: &Transaction, script: &ScriptBuf) -> Option<(OutPoint, TxOut)> {
    let txid = transaction.compute_txid();
    let (vout, output) = (0u32..).zip(&transaction.output).find(|(_, output)| output.script_pubkey == *script)?;
    Some((OutPoint { txid, vout }, output.clone()))
}

fn unsigned_input(previous_output: OutPoint) -> TxIn {
    TxIn {
        previous_output,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    }
}

/// Weight with all witnesses: marker and flag, one count byte for the anchor's empty witness, and the coins'.
fn signed_weight(unsigned: &Transaction, coins: &[WalletCoin]) -> Weight {
    let witnesses = coins.iter().map(|coin| coin.witness_weight.to_wu()).fold(2 + 1, u64::saturating_add);
    Weight::from_wu(unsigned.weight().to_wu().saturating_add(witnesses))
}
