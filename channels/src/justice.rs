//! Punishing a revoked commitment: whoever broadcasts one loses its own part. Clause C-70.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::{Keypair, Message, PublicKey, SecretKey};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, TapNodeHash, Transaction, TxIn, TxOut, Witness};
use lightning::ln::chan_utils::derive_private_revocation_key;

use crate::commitment::{CommitmentContext, Side, key_spend_witness};
use crate::ids::{DUST_SAT, P2A_MAX_SAT};
use crate::keys::ChannelKeys;
use crate::scripts::{ToLocal, anchor_script, to_remote_script};
use crate::secp::secp;

/// Why a revoked commitment cannot be punished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JusticeError {
    /// The transaction has no output that the revealed secret opens: it is another commitment, or the cheat had nothing.
    #[error("C-70: the transaction has no output that the revealed secret opens")]
    NothingRevoked,
    /// Every output was spent already.
    #[error("C-70: nothing is left to take")]
    NothingLeft,
    /// The anchor would hold more than anchors may.
    #[error("C-70: an anchor of {anchor_sat} sat, at most {P2A_MAX_SAT} sat are allowed")]
    Anchor {
        /// The value asked for.
        anchor_sat: u64,
    },
    /// After fee and anchor nothing worth an output is left.
    #[error("C-70: fee {fee_sat} sat leaves less than {DUST_SAT} sat of {value_sat} sat")]
    Fee {
        /// The fee asked for.
        fee_sat: u64,
        /// What the inputs hold.
        value_sat: u64,
    },
}

/// Where the coins go and what the justice transaction pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JusticeTo {
    /// Script of the output that gets everything.
    pub script: ScriptBuf,
    /// Fee in satoshis.
    pub fee_sat: u64,
    /// Value in satoshis of a P2A output with which anybody can pay more; `None` leaves it out.
    ///
    /// With a fee it must be at least 240 to be relayed; 0 is relayed only with fee 0 and a child that spends it (BIP433).
    pub anchor_sat: Option<u64>,
    /// Auxiliary randomness of the BIP340 signatures.
    pub aux_rand: [u8; 32],
}

/// The outputs of a revoked commitment of the peer that this side can take. Clause C-70.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Per-commitment secret with which the peer revoked the commitment.
    secret: SecretKey,
    inputs: Vec<BreachInput>,
}

/// One output to take: the merkle root says which key signs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BreachInput {
    outpoint: OutPoint,
    prevout: TxOut,
    /// The root of the peer's `to_local`; `None` for this side's `to_remote`.
    revoked: Option<TapNodeHash>,
}

impl Breach {
    /// Finds the peer's `to_local` and this side's `to_remote` in `revoked`, a commitment of the peer of `side`.
    ///
    /// # Errors
    /// [`JusticeError::NothingRevoked`] when `secret` opens none of its outputs.
    pub fn find(
        keys: &ChannelKeys,
        context: &CommitmentContext,
        side: Side,
        secret: SecretKey,
        revoked: &Transaction,
    ) -> Result<Self, JusticeError> {
        let to_local = revoked_to_local(keys, context, side, &secret);
        let own_script = to_remote_script(&keys.public().payment);
        let txid = revoked.compute_txid();
        let inputs: Vec<BreachInput> = (0u32..)
            .zip(&revoked.output)
            .filter_map(|(vout, prevout)| {
                let revoked = if prevout.script_pubkey == to_local.script_pubkey() {
                    to_local.spend_info().merkle_root()
                } else if prevout.script_pubkey == own_script {
                    None
                } else {
                    return None;
                };
                Some(BreachInput { outpoint: OutPoint { txid, vout }, prevout: prevout.clone(), revoked })
            })
            .collect();
        if !inputs.iter().any(|input| input.revoked.is_some()) {
            return Err(JusticeError::NothingRevoked);
        }
        Ok(Self { secret, inputs })
    }

    /// Outpoints that are taken, in the order of the commitment's outputs.
    pub fn outpoints(&self) -> impl Iterator<Item = OutPoint> {
        self.inputs.iter().map(|input| input.outpoint)
    }

    /// Sum of what is taken, in satoshis.
    pub fn value_sat(&self) -> u64 {
        // Outputs of one valid transaction: their sum is below all bitcoin.
        self.inputs.iter().map(|input| input.prevout.value.to_sat()).fold(0, u64::saturating_add)
    }

    /// Leaves out an output that is spent already: the two may be taken at different times.
    #[must_use]
    pub fn without(mut self, outpoint: OutPoint) -> Self {
        self.inputs.retain(|input| input.outpoint != outpoint);
        self
    }

    /// Builds and signs the justice transaction: version 3, key paths only, one output, on wish a P2A output.
    ///
    /// # Errors
    /// [`JusticeError`] when nothing is left, or fee or anchor do not fit.
    pub fn justice(&self, keys: &ChannelKeys, to: &JusticeTo) -> Result<Transaction, JusticeError> {
        if self.inputs.is_empty() {
            return Err(JusticeError::NothingLeft);
        }
        let mut transaction = self.unsigned(to)?;
        let prevouts: Vec<&TxOut> = self.inputs.iter().map(|input| &input.prevout).collect();
        let witnesses: Vec<Witness> = {
            let mut cache = SighashCache::new(&transaction);
            (0..self.inputs.len())
                .zip(&self.inputs)
                .map(|(index, input)| {
                    let sighash = cache
                        .taproot_key_spend_signature_hash(index, &Prevouts::All(&prevouts), TapSighashType::Default)
                        .expect("every input has its previous output in the list");
                    let message = Message::from_digest(sighash.to_byte_array());
                    let signer = self.signer(keys, input);
                    key_spend_witness(&secp().sign_schnorr_with_aux_rand(&message, &signer, &to.aux_rand))
                })
                .collect()
        };
        for (input, witness) in transaction.input.iter_mut().zip(witnesses) {
            input.witness = witness;
        }
        Ok(transaction)
    }

    fn unsigned(&self, to: &JusticeTo) -> Result<Transaction, JusticeError> {
        let (fee_sat, value_sat) = (to.fee_sat, self.value_sat());
        let anchor_sat = to.anchor_sat.unwrap_or(0);
        if anchor_sat > P2A_MAX_SAT {
            return Err(JusticeError::Anchor { anchor_sat });
        }
        let left_sat = value_sat
            .checked_sub(fee_sat)
            .and_then(|left| left.checked_sub(anchor_sat))
            .filter(|left| *left >= DUST_SAT)
            .ok_or(JusticeError::Fee { fee_sat, value_sat })?;
        let mut output = vec![TxOut { value: Amount::from_sat(left_sat), script_pubkey: to.script.clone() }];
        output.extend(to.anchor_sat.map(|sat| TxOut { value: Amount::from_sat(sat), script_pubkey: anchor_script() }));
        Ok(Transaction {
            // C-70: only version 3 may spend a version 3 parent that is still unconfirmed (BIP431).
            version: Version::non_standard(3),
            lock_time: LockTime::ZERO,
            input: self
                .inputs
                .iter()
                .map(|input| TxIn {
                    previous_output: input.outpoint,
                    script_sig: ScriptBuf::new(),
                    sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                    witness: Witness::new(),
                })
                .collect(),
            output,
        })
    }

    fn signer(&self, keys: &ChannelKeys, input: &BreachInput) -> Keypair {
        let (secret, root) = match input.revoked {
            Some(root) => (derive_private_revocation_key(secp(), &self.secret, &keys.revocation_secret()), Some(root)),
            None => (keys.payment_secret(), None),
        };
        Keypair::from_secret_key(secp(), &secret).tap_tweak(secp(), root).to_keypair()
    }
}

/// The `to_local` of the peer's commitment that `secret` revokes.
fn revoked_to_local(keys: &ChannelKeys, context: &CommitmentContext, side: Side, secret: &SecretKey) -> ToLocal {
    let point = PublicKey::from_secret_key(secp(), secret);
    let (peer, csv_blocks) = match side {
        Side::Member => (&context.hub, context.params.hub_csv_blocks),
        Side::Hub => (&context.member, context.params.member_csv_blocks),
    };
    ToLocal::new(&point, &peer.delayed_basepoint, &keys.public().revocation_basepoint, csv_blocks)
}
