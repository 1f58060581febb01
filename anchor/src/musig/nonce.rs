//! What operators send one another while they sign, and the entropy that it is made of.

use secp_musig::musig;
use thiserror::Error;

/// Fresh randomness for one signing session of one operator. Move-only, so that using it consumes it.
pub struct SessionEntropy([u8; 32]);

/// The bytes given as entropy are all zero: the generator is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("A-72: session entropy is all zero")]
pub struct ZeroEntropy;

impl SessionEntropy {
    /// Takes 32 bytes of the operating system's generator that were never used before.
    ///
    /// # Errors
    /// [`ZeroEntropy`] when all bytes are zero.
    pub fn new(bytes: [u8; 32]) -> Result<Self, ZeroEntropy> {
        if bytes == [0; 32] { Err(ZeroEntropy) } else { Ok(Self(bytes)) }
    }

    pub(super) fn into_bytes(self) -> [u8; 32] {
        self.0
    }
}

/// The public half of an operator's nonce: two compressed points (BIP327), checked to be on the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicNonce(pub(super) musig::PublicNonce);

impl PublicNonce {
    /// The 66 bytes to send.
    pub fn to_bytes(&self) -> [u8; 66] {
        self.0.serialize()
    }

    /// Reads 66 bytes; `None` when they are not two points.
    pub fn from_bytes(bytes: &[u8; 66]) -> Option<Self> {
        musig::PublicNonce::from_byte_array(bytes).ok().map(Self)
    }
}

/// An operator's share of the signature: one scalar (BIP327).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialSignature(pub(super) musig::PartialSignature);

impl PartialSignature {
    /// The 32 bytes to send.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.serialize()
    }

    /// Reads 32 bytes; `None` when they are not below the order of the group.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        musig::PartialSignature::from_byte_array(bytes).ok().map(Self)
    }
}
