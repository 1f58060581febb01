//! Signatures: what is signed, by whom, and how to check many at once.

use std::ops::Deref;

use bitcoin::secp256k1::{self, Keypair, Message, Secp256k1, Signing, Verification, XOnlyPublicKey, schnorr};

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tagged_hash;

/// Something that one key signs as a whole (E-13).
pub trait Statement: Canonical {
    /// Tag of the signed message.
    const TAG: &'static str;
    /// Version byte, and the kind byte for log entries; part of the signed bytes.
    const PREFIX: &'static [u8];

    /// Exactly the bytes that are signed: prefix and fields.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.fixed(Self::PREFIX);
        self.encode(&mut w);
        w.into_bytes()
    }

    /// Signs with `key`. `aux_rand` is BIP340's auxiliary randomness; the shell draws it.
    fn sign<C: Signing>(self, secp: &Secp256k1<C>, key: &Keypair, aux_rand: &[u8; 32]) -> Signed<Self> {
        let signature = sign(secp, Self::TAG, &self.signed_bytes(), key, aux_rand);
        Signed { statement: self, signature }
    }
}

/// A statement and its signature. Byte form: prefix, fields, signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    /// What was signed.
    pub statement: T,
    /// BIP340 signature; not verified by the type.
    pub signature: schnorr::Signature,
}

impl<T> Deref for Signed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.statement
    }
}

impl<T: Statement> Signed<T> {
    /// The check that this is signed by `signer`.
    #[must_use]
    pub fn signature_check(&self, signer: &XOnlyPublicKey, what: &'static str) -> SignatureCheck {
        SignatureCheck::new(what, signer.serialize(), T::TAG, &self.statement.signed_bytes(), self.signature)
    }
}

impl<T: Statement> Canonical for Signed<T> {
    fn encode(&self, w: &mut Writer) {
        w.fixed(T::PREFIX);
        self.statement.encode(w);
        w.signature(&self.signature);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        read_prefix(r, T::PREFIX)?;
        Ok(Self { statement: T::decode(r)?, signature: r.signature()? })
    }
}

/// One BIP340 verification to be done; the shell runs them in batches on all cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureCheck {
    /// What is signed, for messages.
    pub what: &'static str,
    /// X-only key; any bytes, so that a bad key is a failed check.
    pub key: [u8; 32],
    /// The 32-byte message.
    pub message: [u8; 32],
    /// The signature.
    pub signature: schnorr::Signature,
}

/// A signature that does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("E-13: {what}: signature by key {} does not verify", XOnlyHex(.key))]
pub struct SignatureError {
    /// What should have been signed.
    pub what: &'static str,
    /// By whom.
    pub key: [u8; 32],
}

impl SignatureCheck {
    /// The check of a signature over `H_tag(tag, bytes)`.
    #[must_use]
    pub fn new(what: &'static str, key: [u8; 32], tag: &str, bytes: &[u8], signature: schnorr::Signature) -> Self {
        Self { what, key, message: tagged_hash(tag, &[bytes]), signature }
    }

    /// Verifies this one (BIP340).
    ///
    /// # Errors
    /// [`SignatureError`] when the key is no key or the signature is not its.
    pub fn verify<C: Verification>(&self, secp: &Secp256k1<C>) -> Result<(), SignatureError> {
        let error = SignatureError { what: self.what, key: self.key };
        let key = XOnlyPublicKey::from_slice(&self.key).map_err(|_| error)?;
        secp.verify_schnorr(&self.signature, &Message::from_digest(self.message), &key).map_err(|_| error)
    }
}

/// Verifies every check, in order.
///
/// # Errors
/// The first that fails.
pub fn verify_all<C: Verification>(secp: &Secp256k1<C>, checks: &[SignatureCheck]) -> Result<(), SignatureError> {
    checks.iter().try_for_each(|check| check.verify(secp))
}

/// Signs `H_tag(tag, bytes)` (E-13).
pub fn sign<C: Signing>(
    secp: &Secp256k1<C>,
    tag: &str,
    bytes: &[u8],
    key: &Keypair,
    aux_rand: &[u8; 32],
) -> secp256k1::schnorr::Signature {
    let message = Message::from_digest(tagged_hash(tag, &[bytes]));
    secp.sign_schnorr_with_aux_rand(&message, key, aux_rand)
}

pub(crate) fn read_prefix(r: &mut Reader<'_>, prefix: &[u8]) -> Result<(), DecodeError> {
    for (i, expected) in prefix.iter().enumerate() {
        let found = r.u8()?;
        if found != *expected {
            return Err(DecodeError::UnknownVariant { field: if i == 0 { "version" } else { "entry kind" }, found });
        }
    }
    Ok(())
}

struct XOnlyHex<'a>(&'a [u8; 32]);

impl std::fmt::Display for XOnlyHex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use bitcoin::hex::DisplayHex as _;
        write!(f, "{}", self.0.as_hex())
    }
}
