//! Operations of OpenTimestamps: each turns one message into the next.

use bitcoin::hashes::{Hash, ripemd160, sha1, sha256};
use bitcoin::hex::DisplayHex;

use super::reader::OtsError;

/// Longest message and longest argument of an operation, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 4096;

/// One operation on a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtsOp {
    /// `f0`: the message, then these bytes (1 to [`MAX_MESSAGE_BYTES`]).
    Append(Vec<u8>),
    /// `f1`: these bytes, then the message.
    Prepend(Vec<u8>),
    /// `f2`: the bytes of the message in the reverse order.
    Reverse,
    /// `f3`: the message in lower-case hexadecimal.
    Hexlify,
    /// `02`: SHA-1.
    Sha1,
    /// `03`: RIPEMD-160.
    Ripemd160,
    /// `08`: SHA-256.
    Sha256,
}

impl OtsOp {
    /// The byte that stands for the operation.
    pub fn tag(&self) -> u8 {
        match self {
            Self::Append(_) => 0xf0,
            Self::Prepend(_) => 0xf1,
            Self::Reverse => 0xf2,
            Self::Hexlify => 0xf3,
            Self::Sha1 => 0x02,
            Self::Ripemd160 => 0x03,
            Self::Sha256 => 0x08,
        }
    }

    /// Applies the operation.
    ///
    /// # Errors
    /// [`OtsError::MessageLength`] when the message or the result is empty or longer than [`MAX_MESSAGE_BYTES`].
    pub fn apply(&self, message: &[u8]) -> Result<Vec<u8>, OtsError> {
        let result_length = match self {
            Self::Append(argument) | Self::Prepend(argument) => message.len().saturating_add(argument.len()),
            Self::Hexlify => message.len().saturating_mul(2),
            Self::Reverse => message.len(),
            Self::Sha1 | Self::Ripemd160 => 20,
            Self::Sha256 => 32,
        };
        //
        for length in [message.len(), result_length] {
            if length == 0 || length > MAX_MESSAGE_BYTES {
                return Err(OtsError::MessageLength { length });
            }
        }
        Ok(match self {
            Self::Append(argument) => [message, argument].concat(),
            Self::Prepend(argument) => [argument, message].concat(),
            Self::Reverse => message.iter().rev().copied().collect(),
            Self::Hexlify => message.to_lower_hex_string().into_bytes(),
            Self::Sha1 => sha1::Hash::hash(message).to_byte_array().to_vec(),
            Self::Ripemd160 => ripemd160::Hash::hash(message).to_byte_array().to_vec(),
            Self::Sha256 => sha256::Hash::hash(message).to_byte_array().to_vec(),
        })
    }

    pub(super) fn argument(&self) -> Option<&[u8]> {
        match self {
            Self::Append(argument) | Self::Prepend(argument) => Some(argument),
            _ => None,
        }
    }
}
