//! A justice transaction that only the revoked commitment opens. Clauses C-80 and C-81.

use bitcoin::consensus::encode;
use bitcoin::hashes::Hash;
use bitcoin::{FeeRate, OutPoint, ScriptBuf, Transaction, Txid};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::commitment::{AmountError, Balances, CommitmentContext, CommitmentTx};
use crate::ids::{P2A_MAX_SAT, tagged_hash};
use crate::justice::{Breach, JusticeError, JusticeTo};
use crate::monitor::Watch;
use crate::scripts::anchor_script;
use crate::secp::secp;

/// Longest blob in bytes that a tower takes: nonce, ciphertext and tag. A justice transaction makes 300 to 370.
pub const MAX_BLOB_BYTES: usize = 1024;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// First 16 bytes of a revoked commitment's transaction id, in the order of E-9: what a tower looks blobs up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hint(pub [u8; 16]);

impl Hint {
    /// Of a commitment.
    pub fn of(commitment: Txid) -> Self {
        let mut hint = [0; 16];
        hint.copy_from_slice(&commitment.as_byte_array()[..16]);
        Self(hint)
    }
}

/// An encrypted justice transaction, and the hint by which it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedJustice {
    /// Of the revoked commitment.
    pub hint: Hint,
    /// Nonce (24) || ciphertext || tag (16).
    pub blob: Vec<u8>,
}

/// What the victim pays for justice that a tower broadcasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TowerTerms {
    /// Where the coins go.
    pub script: ScriptBuf,
    /// Rate of the justice transaction; fixed when it is signed, so that a child over its anchor pays what fees have risen since.
    pub rate: FeeRate,
    /// Auxiliary randomness of the signatures.
    pub aux_rand: [u8; 32],
}

/// Why a blob cannot be made or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The peer has not revoked that commitment.
    #[error("C-80: commitment {number} is not revoked")]
    NotRevoked {
        /// Its number.
        number: u64,
    },
    /// The balances are none of this channel.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// There is nothing to take.
    #[error(transparent)]
    Justice(#[from] JusticeError),
    /// The blob is longer or shorter than any that was made.
    #[error("C-81: a blob of {bytes} bytes, at most {MAX_BLOB_BYTES} are taken")]
    Length {
        /// Its length.
        bytes: usize,
    },
    /// The commitment does not open the blob: another hint, or damaged.
    #[error("C-81: the commitment {commitment} does not open the blob")]
    Sealed {
        /// The commitment tried.
        commitment: Txid,
    },
    /// What was in the blob is no justice for this commitment.
    #[error("C-81: the blob of the commitment {commitment} holds no transaction that spends it")]
    Content {
        /// The commitment.
        commitment: Txid,
    },
}

/// Signs justice for the peer's revoked commitment `number` over the funding of `context` and seals it.
///
/// `balances` are those of that number over that funding, as its checkpoint states them; `nonce` is fresh randomness.
///
/// # Errors
/// [`BlobError`] when the number is not revoked, or there is nothing to take. A peer that had no output leaves nothing to
/// punish; its commitments need no tower.
pub fn seal_justice(
    watch: &Watch<'_>,
    context: &CommitmentContext,
    number: u64,
    balances: Balances,
    terms: &TowerTerms,
    nonce: [u8; NONCE_BYTES],
) -> Result<SealedJustice, BlobError> {
    let secret = watch.secrets.revoked_secret(number).ok_or(BlobError::NotRevoked { number })?;
    let point = secret.public_key(secp());
    let revoked = CommitmentTx::build(context, watch.side.other(), number, &point, balances)?;
    let breach = Breach::find(watch.keys, context, watch.side, secret, revoked.transaction())?;
    let mut to = JusticeTo {
        script: terms.script.clone(),
        fee_sat: 0,
        anchor_sat: Some(P2A_MAX_SAT), // 240 sat is not dust, so a fee and an anchor can stand together (C-80)
        aux_rand: terms.aux_rand,
    };
    // Its size does not depend on its fee.
    let weight = breach.justice(watch.keys, &to)?.weight();
    to.fee_sat = crate::fees::fee(terms.rate, weight).to_sat();
    let justice = breach.justice(watch.keys, &to)?;
    Ok(seal(revoked.txid(), &justice, nonce))
}

impl SealedJustice {
    /// Opens the blob with the commitment that appeared in the chain, and checks that it spends that commitment.
    ///
    /// # Errors
    /// [`BlobError`] naming C-81.
    pub fn open(&self, commitment: &Transaction) -> Result<Transaction, BlobError> {
        let txid = commitment.compute_txid();
        let bytes = self.blob.len();
        let split = (bytes <= MAX_BLOB_BYTES).then(|| self.blob.split_first_chunk::<NONCE_BYTES>()).flatten();
        let (nonce, sealed) = split.ok_or(BlobError::Length { bytes })?;
        let hint = Hint::of(txid);
        let payload = Payload { msg: sealed, aad: &hint.0 };
        let opened = cipher(txid).decrypt(&XNonce::from(*nonce), payload);
        let opened = opened.map_err(|_| BlobError::Sealed { commitment: txid })?;
        let (version, bytes) = opened.split_first().ok_or(BlobError::Content { commitment: txid })?;
        let justice: Option<Transaction> = (*version == VERSION).then(|| encode::deserialize(bytes).ok()).flatten();
        // The anchor is anybody's: its spend by the cheat's own child must not look like the end of the matter.
        let of_value = |outpoint: &OutPoint| {
            let output = usize::try_from(outpoint.vout).ok().and_then(|vout| commitment.output.get(vout));
            outpoint.txid == txid && output.is_some_and(|output| output.script_pubkey != anchor_script())
        };
        let spends = |justice: &Transaction| {
            !justice.input.is_empty() && justice.input.iter().all(|input| of_value(&input.previous_output))
        };
        justice.filter(spends).ok_or(BlobError::Content { commitment: txid })
    }

    /// Hash of the blob, which receipts name: `H_tag("althing/tower-blob/v1", hint || blob)`.
    pub fn digest(&self) -> [u8; 32] {
        tagged_hash("althing/tower-blob/v1", &[&self.hint.0, &self.blob])
    }
}

fn seal(commitment: Txid, justice: &Transaction, nonce: [u8; NONCE_BYTES]) -> SealedJustice {
    let hint = Hint::of(commitment);
    let mut plain = vec![VERSION];
    plain.extend(encode::serialize(justice));
    let sealed = cipher(commitment)
        .encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: &hint.0 })
        .expect("a few hundred bytes are far below the cipher's limit");
    SealedJustice { hint, blob: [nonce.as_slice(), &sealed].concat() }
}

// C-81: the whole id is the key, half of it the hint. The nonce is random, since one commitment may get several blobs: for
// several towers, or again at another fee.
fn cipher(commitment: Txid) -> XChaCha20Poly1305 {
    let key = tagged_hash("althing/tower-key/v1", &[commitment.as_byte_array()]);
    XChaCha20Poly1305::new(&key.into())
}
