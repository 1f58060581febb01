//! Signing a link that is built.

use bitcoin::hashes::Hash;
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::{Keypair, Message, schnorr};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::taproot::{LeafVersion, Signature};
use bitcoin::{
    Amount, OutPoint, TapLeafHash, TapSighashType, TapTweakHash, Transaction, TxOut, Witness, XOnlyPublicKey,
};

use crate::commitment::{Commitment, commitment_leaf, leaf_control_block, merkle_root, output_key};
use crate::curve::secp;
use crate::link_builder::BuildError;
use crate::seal::Seal;

/// A link that lacks its signature.
#[derive(Clone, Debug)]
pub struct UnsignedLink {
    transaction: Transaction,
    /// The outputs being spent, in the order of the inputs.
    spent: Vec<TxOut>,
    fee: Amount,
    /// Whether the seal is spent by its leaf.
    reveal: bool,
    seal: Seal,
    anchor_key: XOnlyPublicKey,
    commitment: Commitment,
}

impl UnsignedLink {
    pub(crate) fn new(
        transaction: Transaction,
        spent: Vec<TxOut>,
        fee: Amount,
        reveal: bool,
        seal: Seal,
        anchor_key: XOnlyPublicKey,
        commitment: Commitment,
    ) -> Self {
        Self { transaction, spent, fee, reveal, seal, anchor_key, commitment }
    }

    /// The transaction without witness; its id is final.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// The outputs that it spends, in the order of its inputs, for a wallet that signs inputs 1 and up.
    pub fn spent_outputs(&self) -> &[TxOut] {
        &self.spent
    }

    /// The seal that it spends.
    pub fn seal(&self) -> Seal {
        self.seal
    }

    /// What it pays.
    pub fn fee(&self) -> Amount {
        self.fee
    }

    /// The BIP341 message for input 0 (SIGHASH_DEFAULT; of the leaf when the link reveals it), for signers elsewhere.
    pub fn sighash(&self) -> Message {
        let mut cache = SighashCache::new(&self.transaction);
        let (spent, sort) = (Prevouts::All(&self.spent), TapSighashType::Default);
        let sighash = if self.reveal {
            let leaf = commitment_leaf(self.seal.anchor_key, self.seal.commitment);
            let leaf_hash = TapLeafHash::from_script(&leaf, LeafVersion::TapScript);
            cache.taproot_script_spend_signature_hash(0, &spent, leaf_hash, sort)
        } else {
            cache.taproot_key_spend_signature_hash(0, &spent, sort)
        };
        Message::from_digest(sighash.expect("every input has its spent output").to_byte_array())
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
        // the leaf names the anchor key itself.
        let signer = if self.reveal { *key } else { key.tap_tweak(secp(), Some(root)).to_keypair() };
        let signature = secp().sign_schnorr_with_aux_rand(&self.sighash(), &signer, aux_rand);
        self.attach(signature)
    }

    /// Completes the link with a signature made elsewhere, for example by several operators with MuSig2 (BIP327).
    ///
    /// # Errors
    /// [`BuildError::BadSignature`] when it does not verify under the key that spends the seal.
    pub fn attach(mut self, signature: schnorr::Signature) -> Result<SignedLink, BuildError> {
        let Seal { anchor_key, commitment, .. } = self.seal;
        let key = if self.reveal { anchor_key } else { output_key(anchor_key, commitment).0.to_x_only_public_key() };
        secp().verify_schnorr(&signature, &self.sighash(), &key).map_err(|_| BuildError::BadSignature)?;
        let signature = Signature { signature, sighash_type: TapSighashType::Default };
        self.transaction.input[0].witness = if self.reveal {
            let leaf = commitment_leaf(anchor_key, commitment);
            let control_block = leaf_control_block(anchor_key, commitment).serialize();
            Witness::from_slice(&[signature.to_vec(), leaf.into_bytes(), control_block])
        } else {
            Witness::p2tr_key_spend(&signature)
        };
        let seal = Seal {
            outpoint: OutPoint { txid: self.transaction.compute_txid(), vout: 0 },
            value: self.transaction.output[0].value,
            anchor_key: self.anchor_key,
            commitment: self.commitment,
        };
        Ok(SignedLink { fee: self.fee, transaction: self.transaction, seal })
    }

    /// What a signer of the key path adds to the anchor key (BIP341); `None` when the leaf is spent.
    pub(crate) fn key_tweak(&self) -> Option<[u8; 32]> {
        let Seal { anchor_key, commitment, .. } = self.seal;
        let root = merkle_root(anchor_key, commitment);
        (!self.reveal).then(|| TapTweakHash::from_key_and_tweak(anchor_key, Some(root)).to_byte_array())
    }
}

/// A link whose input 0 is signed: ready to be broadcast, unless a wallet has to sign for coins of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedLink {
    transaction: Transaction,
    fee: Amount,
    seal: Seal,
}

impl SignedLink {
    /// The signed transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// What it pays.
    pub fn fee(&self) -> Amount {
        self.fee
    }

    /// The seal that the next link will spend.
    pub fn seal(&self) -> Seal {
        self.seal
    }

    /// Puts in the witness of a wallet's coin; `index` is its input, from 1. `None` when there is no such coin.
    #[must_use]
    pub fn with_wallet_witness(mut self, index: usize, witness: Witness) -> Option<Self> {
        self.transaction.input.get_mut(index).filter(|_| index > 0)?.witness = witness;
        Some(self)
    }
}
