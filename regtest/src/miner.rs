//! The key that mined coins belong to: one Taproot key per node, spent by key path (BIP341, BIP86).

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;

use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::key::{Keypair, Secp256k1, TapTweak};
use bitcoin::secp256k1::{All, Message, SecretKey};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::{Address, BlockHash, KnownHrp, TapSighashType, Transaction, TxOut, Witness};

use crate::error::Error;

/// The miner's seed and what follows from it. Worth nothing outside regtest.
pub(crate) struct MinerKey {
    seed: u64,
    secp: Secp256k1<All>,
}

/// Beside the chain, so that a node continued later still owns its coins.
const SEED_FILE: &str = "miner.seed";

impl MinerKey {
    /// The key of a data folder: the given seed, else the one used there before, else a fresh one.
    pub(crate) fn of_folder(folder: &Path, given: Option<u64>) -> Result<Self, Error> {
        let file = folder.join(SEED_FILE);
        let before = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        // The standard library seeds its hashers from the operating system.
        let seed = given.or(before).unwrap_or_else(|| RandomState::new().build_hasher().finish());
        fs::write(&file, format!("{seed}\n")).map_err(Error::io(&file))?;
        Ok(Self { seed, secp: Secp256k1::new() })
    }

    /// The address number `index`; 0 is the one whose coins are spent.
    pub(crate) fn address(&self, index: u64) -> Address {
        let (internal, _) = self.keypair(&index.to_be_bytes()).x_only_public_key();
        Address::p2tr(&self.secp, internal, None, KnownHrp::Regtest)
    }

    /// An address for blocks that replace `first_replaced` and its successors; another one for each such block.
    pub(crate) fn branch_address(&self, first_replaced: &BlockHash) -> Address {
        let (internal, _) = self.keypair(first_replaced.as_byte_array()).x_only_public_key();
        Address::p2tr(&self.secp, internal, None, KnownHrp::Regtest)
    }

    /// Signs all inputs, which spend `spent` in order, all of them coins of address 0.
    pub(crate) fn sign(&self, transaction: &mut Transaction, spent: &[TxOut]) {
        let keypair = self.keypair(&0u64.to_be_bytes()).tap_tweak(&self.secp, None).to_keypair();
        let prevouts = Prevouts::All(spent);
        let mut cache = SighashCache::new(&*transaction);
        let witnesses: Vec<Witness> = (0..spent.len())
            .map(|input| {
                let sighash = cache
                    .taproot_key_spend_signature_hash(input, &prevouts, TapSighashType::Default)
                    .expect("there is one spent output per input");
                let message = Message::from_digest(sighash.to_byte_array());
                let signature = self.secp.sign_schnorr_no_aux_rand(&message, &keypair);
                let sighash_type = TapSighashType::Default;
                Witness::p2tr_key_spend(&bitcoin::taproot::Signature { signature, sighash_type })
            })
            .collect();
        for (input, witness) in transaction.input.iter_mut().zip(witnesses) {
            input.witness = witness;
        }
    }

    fn keypair(&self, label: &[u8]) -> Keypair {
        let mut engine = sha256::Hash::engine();
        engine.input(b"althing/regtest miner");
        engine.input(&self.seed.to_be_bytes());
        engine.input(label);
        let digest = sha256::Hash::from_engine(engine).to_byte_array();
        let secret =
            SecretKey::from_slice(&digest).expect("a hash is zero or above the curve order with probability 2^-127");
        Keypair::from_secret_key(&self.secp, &secret)
    }
}

impl std::fmt::Debug for MinerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MinerKey").field("seed", &self.seed).finish_non_exhaustive()
    }
}
