//! Bringing own coins home after a commitment was broadcast. Clause C-27.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::{Keypair, Message};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::LeafVersion;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, TapLeafHash, Transaction, TxIn, TxOut, Witness};
use lightning::ln::chan_utils::derive_private_key;

use crate::commitment::{CommitmentContext, Side, key_spend_sighash, key_spend_witness};
use crate::ids::DUST_SAT;
use crate::keys::ChannelKeys;
use crate::scripts::{ToLocal, to_remote_script};
use crate::secp::secp;

/// Why nothing can be swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The transaction has no output for this side.
    #[error("C-27: the commitment pays nothing to this side")]
    NoOutput,
    /// After the fee nothing worth an output is left.
    #[error("C-27: fee {fee_sat} sat leaves less than {DUST_SAT} sat of {value_sat} sat")]
    Fee {
        /// The fee asked for.
        fee_sat: u64,
        /// What the output holds.
        value_sat: u64,
    },
}

/// Where swept coins go and what the sweep pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepTo {
    /// Script of the only output.
    pub script: ScriptBuf,
    /// Fee in satoshis.
    pub fee_sat: u64,
    /// Auxiliary randomness of the BIP340 signature.
    pub aux_rand: [u8; 32],
}

/// Spends this side's part of its own commitment `number`; valid once that is as deep as the lock says.
///
/// # Errors
/// [`SweepError`] when there is no such output or the fee eats it.
pub fn sweep_to_local(
    keys: &ChannelKeys,
    context: &CommitmentContext,
    side: Side,
    number: u64,
    commitment: &Transaction,
    to: &SweepTo,
) -> Result<Transaction, SweepError> {
    let (peer, csv_blocks) = match side {
        Side::Member => (&context.hub, context.params.member_csv_blocks),
        Side::Hub => (&context.member, context.params.hub_csv_blocks),
    };
    // C-152: a life that was lost may have broadcast it.
    let found = keys.points_in_any_life(number).find_map(|point| {
        let to_local = ToLocal::new(&point, &keys.public().delayed_basepoint, &peer.revocation_basepoint, csv_blocks);
        let (outpoint, prevout) = output_to(commitment, &to_local.script_pubkey()).ok()?;
        Some((point, to_local, outpoint, prevout))
    });
    let (point, to_local, outpoint, prevout) = found.ok_or(SweepError::NoOutput)?;
    let mut sweep = unsigned(outpoint, &prevout, Sequence::from_height(csv_blocks), to)?;
    let leaf_hash = TapLeafHash::from_script(to_local.leaf(), LeafVersion::TapScript);
    let sighash = SighashCache::new(&sweep)
        .taproot_script_spend_signature_hash(0, &Prevouts::All(&[&prevout]), leaf_hash, TapSighashType::Default)
        .expect("the transaction has one input and its only previous output is given");
    let secp = secp();
    let delayed = derive_private_key(secp, &point, &keys.delayed_secret());
    let signature = secp.sign_schnorr_with_aux_rand(
        &Message::from_digest(sighash.to_byte_array()),
        &Keypair::from_secret_key(secp, &delayed),
        &to.aux_rand,
    );
    let mut witness = Witness::new();
    witness.push(signature.serialize());
    witness.push(to_local.leaf());
    witness.push(to_local.control_block().serialize());
    sweep.input[0].witness = witness;
    Ok(sweep)
}

/// Spends this side's part of the *peer's* commitment, at once; as its child it can pay for it too.
///
/// # Errors
/// [`SweepError`] when there is no such output or the fee eats it.
pub fn sweep_to_remote(
    keys: &ChannelKeys,
    peer_commitment: &Transaction,
    to: &SweepTo,
) -> Result<Transaction, SweepError> {
    let (outpoint, prevout) = output_to(peer_commitment, &to_remote_script(&keys.public().payment))?;
    let mut sweep = unsigned(outpoint, &prevout, Sequence::ENABLE_RBF_NO_LOCKTIME, to)?;
    let secp = secp();
    let tweaked = Keypair::from_secret_key(secp, &keys.payment_secret()).tap_tweak(secp, None).to_keypair();
    let message = Message::from_digest(key_spend_sighash(&sweep, &prevout));
    let signature = secp.sign_schnorr_with_aux_rand(&message, &tweaked, &to.aux_rand);
    sweep.input[0].witness = key_spend_witness(&signature);
    Ok(sweep)
}

fn output_to(transaction: &Transaction, script: &ScriptBuf) -> Result<(OutPoint, TxOut), SweepError> {
    let txid = transaction.compute_txid();
    (0u32..)
        .zip(&transaction.output)
        .find(|(_, output)| output.script_pubkey == *script)
        .map(|(vout, output)| (OutPoint { txid, vout }, output.clone()))
        .ok_or(SweepError::NoOutput)
}

fn unsigned(outpoint: OutPoint, prevout: &TxOut, sequence: Sequence, to: &SweepTo) -> Result<Transaction, SweepError> {
    let (fee_sat, value_sat) = (to.fee_sat, prevout.value.to_sat());
    let left_sat = value_sat
        .checked_sub(fee_sat)
        .filter(|left| *left >= DUST_SAT)
        .ok_or(SweepError::Fee { fee_sat, value_sat })?;
    Ok(Transaction {
        // C-25: only version 3 may spend a version 3 parent that is still unconfirmed (BIP431).
        version: Version::non_standard(3),
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: outpoint,
            script_sig: ScriptBuf::new(),
            sequence,
            witness: Witness::new(),
        }],
        output: vec![TxOut { value: Amount::from_sat(left_sat), script_pubkey: to.script.clone() }],
    })
}
