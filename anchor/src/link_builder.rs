//! Building and signing the next link.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::{Keypair, Message, schnorr};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::taproot::Signature;
use bitcoin::transaction::Version;
use bitcoin::{
    FeeRate, OutPoint, ScriptBuf, Sequence, TapSighashType, Transaction, TxIn, TxOut, Witness, XOnlyPublicKey,
};
use thiserror::Error;

use crate::commitment::{Commitment, link_output_script, merkle_root, output_key};
use crate::curve::secp;
use crate::fee::{FeeError, link_fee, value_after_fee};
use crate::seal::Seal;

/// Why a link cannot be built or signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The fee cannot or must not be paid.
    #[error(transparent)]
    Fee(#[from] FeeError),
    /// The key offered for signing is not the seal's anchor key.
    #[error("A-8: the seal is held by anchor key {expected}, the key offered is {found}")]
    WrongKey {
        /// Public part of the key offered.
        found: Box<XOnlyPublicKey>,
        /// The seal's anchor key.
        expected: Box<XOnlyPublicKey>,
    },
    /// A signature made elsewhere does not verify under the seal's output key.
    #[error("A-8: the signature does not verify under the seal's output key")]
    BadSignature,
}

/// Describes the next link: which seal it spends and what it commits to.
#[derive(Clone, Debug)]
pub struct LinkBuilder {
    seal: Seal,
    anchor_key: XOnlyPublicKey,
    commitment: Commitment,
}

impl LinkBuilder {
    /// A link that spends `seal` and commits to `commitment`; `anchor_key` is the internal key of its output 0 and
    /// will have to sign the link after this one.
    pub fn new(seal: Seal, anchor_key: XOnlyPublicKey, commitment: Commitment) -> Self {
        Self { seal, anchor_key, commitment }
    }

    /// Builds the unsigned transaction at `fee_rate`, which must not be above `cap`.
    ///
    /// To replace a stuck link, build again from the same seal with the same commitment and a higher rate: a
    /// replacement never changes what is committed to.
    ///
    /// # Errors
    /// [`BuildError::Fee`] when the rate is above the cap or the seal cannot pay.
    pub fn build(&self, fee_rate: FeeRate, cap: FeeRate) -> Result<UnsignedLink, BuildError> {
        let value = value_after_fee(self.seal.value, link_fee(fee_rate, cap)?)?;
        //
        let transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: self.seal.outpoint,
                script_sig: ScriptBuf::new(),
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                witness: Witness::new(),
            }],
            output: vec![TxOut { value, script_pubkey: link_output_script(self.anchor_key, self.commitment) }],
        };
        Ok(UnsignedLink { transaction, seal: self.seal, anchor_key: self.anchor_key, commitment: self.commitment })
    }
}

/// A link that lacks its signature.
#[derive(Clone, Debug)]
pub struct UnsignedLink {
    transaction: Transaction,
    seal: Seal,
    anchor_key: XOnlyPublicKey,
    commitment: Commitment,
}

impl UnsignedLink {
    /// The transaction without witness; its id is final.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// The BIP341 message that the seal's output key signs (key path, SIGHASH_DEFAULT), for signers elsewhere.
    pub fn sighash(&self) -> Message {
        let prevouts = [self.seal.output()];
        let sighash = SighashCache::new(&self.transaction)
            .taproot_key_spend_signature_hash(0, &Prevouts::All(&prevouts), TapSighashType::Default)
            .expect("one input and its one previous output are given");
        Message::from_digest(sighash.to_byte_array())
    }

    /// Signs with the seal's (untweaked) anchor key. `aux_rand` is 32 bytes of fresh entropy (BIP340).
    ///
    /// # Errors
    /// [`BuildError::WrongKey`] when the key is another one.
    pub fn sign(self, key: &Keypair, aux_rand: &[u8; 32]) -> Result<SignedLink, BuildError> {
        let found = key.x_only_public_key().0;
        if found != self.seal.anchor_key {
            let expected = Box::new(self.seal.anchor_key);
            return Err(BuildError::WrongKey { found: Box::new(found), expected });
        }
        let root = merkle_root(self.seal.anchor_key, self.seal.commitment);
        let tweaked = key.tap_tweak(secp(), Some(root)).to_keypair();
        let signature = secp().sign_schnorr_with_aux_rand(&self.sighash(), &tweaked, aux_rand);
        self.attach(signature)
    }

    /// Completes the link with a signature made elsewhere, for example by several operators with MuSig2 (BIP327).
    ///
    /// # Errors
    /// [`BuildError::BadSignature`] when it does not verify under the seal's output key.
    pub fn attach(mut self, signature: schnorr::Signature) -> Result<SignedLink, BuildError> {
        let key = output_key(self.seal.anchor_key, self.seal.commitment).0.to_x_only_public_key();
        secp().verify_schnorr(&signature, &self.sighash(), &key).map_err(|_| BuildError::BadSignature)?;
        let signature = Signature { signature, sighash_type: TapSighashType::Default };
        self.transaction.input[0].witness = Witness::p2tr_key_spend(&signature);
        let seal = Seal {
            outpoint: OutPoint { txid: self.transaction.compute_txid(), vout: 0 },
            value: self.transaction.output[0].value,
            anchor_key: self.anchor_key,
            commitment: self.commitment,
        };
        Ok(SignedLink { transaction: self.transaction, seal })
    }
}

/// A link ready to be broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedLink {
    transaction: Transaction,
    seal: Seal,
}

impl SignedLink {
    /// The signed transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// The seal that the next link will spend.
    pub fn seal(&self) -> Seal {
        self.seal
    }
}
