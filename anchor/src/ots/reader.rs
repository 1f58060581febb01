//! Reading `.ots` files of anybody's making, within bounds.

use thiserror::Error;

use super::file::{Attestation, BITCOIN_TAG, Branch, FileHash, MAGIC, Node, TimestampFile, VERSION};
use super::op::{MAX_MESSAGE_BYTES, OtsOp};

/// Longest file read, in bytes. Each byte of a file may cost a client the hashing of [`MAX_MESSAGE_BYTES`] more.
pub const MAX_OTS_BYTES: usize = 1 << 16;

/// Most messages one after the other, as other clients limit it.
pub const MAX_OTS_DEPTH: usize = 256;

/// Longest content of an attestation, in bytes.
const MAX_PAYLOAD_BYTES: usize = 8192;

/// Why bytes are not a timestamp file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OtsError {
    /// The file is longer than [`MAX_OTS_BYTES`].
    #[error("A-93: the file has {length} bytes, at most {MAX_OTS_BYTES} are read")]
    FileTooLong {
        /// Its length.
        length: usize,
    },
    /// The first bytes are not those of a timestamp file.
    #[error("A-92: not an OpenTimestamps file: it begins with other bytes")]
    NotATimestamp,
    /// A version that is not known.
    #[error("A-92: version {found} of the format is unknown, expected {VERSION}")]
    UnknownVersion {
        /// Version found.
        found: u64,
    },
    /// The file ends too early.
    #[error("A-92: the file ends inside {field}")]
    Truncated {
        /// What was being read.
        field: &'static str,
    },
    /// Bytes follow the timestamp.
    #[error("A-92: {left} bytes left over after the timestamp")]
    TrailingBytes {
        /// How many.
        left: usize,
    },
    /// A number that is too large for its field, or not written in the shortest form.
    #[error("A-93: {field} is a number too large or not in its shortest form")]
    BadNumber {
        /// The field.
        field: &'static str,
    },
    /// An operation that is not known (Keccak-256, `67`, is among these).
    #[error("A-93: operation {tag:02x} is unknown")]
    UnknownOp {
        /// Byte of the operation.
        tag: u8,
    },
    /// A length out of bounds.
    #[error("A-93: {field} has {length} bytes, which is not allowed")]
    BadLength {
        /// The field.
        field: &'static str,
        /// Its length.
        length: u64,
    },
    /// More than [`MAX_OTS_DEPTH`] messages one after the other.
    #[error("A-93: more than {MAX_OTS_DEPTH} operations one after the other")]
    TooDeep,
    /// An operation does not apply: its message or result is empty or too long.
    #[error("A-93: a message of {length} bytes, must be 1 to {MAX_MESSAGE_BYTES}")]
    MessageLength {
        /// Length of the message.
        length: usize,
    },
}

pub(super) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, OtsError> {
        if bytes.len() > MAX_OTS_BYTES {
            Err(OtsError::FileTooLong { length: bytes.len() })
        } else {
            Ok(Self { left: bytes })
        }
    }

    pub(super) fn file(mut self) -> Result<TimestampFile, OtsError> {
        self.left = self.left.strip_prefix(MAGIC).ok_or(OtsError::NotATimestamp)?;
        let found = self.number("the version")?;
        if found != VERSION {
            return Err(OtsError::UnknownVersion { found });
        }
        let (hash, length) = match self.byte("the file's hash")? {
            0x02 => (FileHash::Sha1, 20),
            0x03 => (FileHash::Ripemd160, 20),
            0x08 => (FileHash::Sha256, 32),
            tag => return Err(OtsError::UnknownOp { tag }),
        };
        let digest = self.take("the file's hash", length)?.to_vec();
        let root = self.node(1)?;
        if !self.left.is_empty() {
            return Err(OtsError::TrailingBytes { left: self.left.len() });
        }
        Ok(TimestampFile { hash, digest, root })
    }

    /// Recursion ends at [`MAX_OTS_DEPTH`].
    fn node(&mut self, depth: usize) -> Result<Node, OtsError> {
        if depth > MAX_OTS_DEPTH {
            return Err(OtsError::TooDeep);
        }
        let mut branches = vec![];
        loop {
            let tag = self.byte("an operation")?;
            let (tag, is_last) = if tag == 0xff { (self.byte("an operation")?, false) } else { (tag, true) };
            branches.push(match tag {
                0x00 => Branch::Attestation(self.attestation()?),
                tag => Branch::Op(self.op(tag)?, self.node(depth + 1)?),
            });
            if is_last {
                return Ok(Node(branches));
            }
        }
    }

    fn op(&mut self, tag: u8) -> Result<OtsOp, OtsError> {
        Ok(match tag {
            0xf0 => OtsOp::Append(self.argument()?),
            0xf1 => OtsOp::Prepend(self.argument()?),
            0xf2 => OtsOp::Reverse,
            0xf3 => OtsOp::Hexlify,
            0x02 => OtsOp::Sha1,
            0x03 => OtsOp::Ripemd160,
            0x08 => OtsOp::Sha256,
            tag => return Err(OtsError::UnknownOp { tag }),
        })
    }

    fn argument(&mut self) -> Result<Vec<u8>, OtsError> {
        let argument = self.bytes("an argument", MAX_MESSAGE_BYTES)?;
        if argument.is_empty() { Err(OtsError::BadLength { field: "an argument", length: 0 }) } else { Ok(argument) }
    }

    fn attestation(&mut self) -> Result<Attestation, OtsError> {
        let tag = self.take("an attestation", 8)?.try_into().expect("take returns eight bytes");
        let payload = self.bytes("an attestation", MAX_PAYLOAD_BYTES)?;
        if tag != BITCOIN_TAG {
            return Ok(Attestation::Other { tag, payload });
        }
        let mut inner = Reader { left: &payload };
        let height = u32::try_from(inner.number("a height")?).map_err(|_| OtsError::BadNumber { field: "a height" })?;
        match inner.left.len() {
            0 => Ok(Attestation::Bitcoin { height }),
            left => Err(OtsError::TrailingBytes { left }),
        }
    }

    fn bytes(&mut self, field: &'static str, limit: usize) -> Result<Vec<u8>, OtsError> {
        let length = self.number(field)?;
        let bounded = usize::try_from(length).ok().filter(|length| *length <= limit);
        let bounded = bounded.ok_or(OtsError::BadLength { field, length })?;
        Ok(self.take(field, bounded)?.to_vec())
    }

    /// LEB128 below 2^63, in its shortest form only, so that a file has one byte form.
    fn number(&mut self, field: &'static str) -> Result<u64, OtsError> {
        let mut value = 0;
        for place in 0..9 {
            let byte = self.byte(field)?;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return if byte == 0 && place > 0 { Err(OtsError::BadNumber { field }) } else { Ok(value) };
            }
        }
        Err(OtsError::BadNumber { field })
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, OtsError> {
        Ok(self.take(field, 1)?[0])
    }

    fn take(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], OtsError> {
        let (head, tail) = self.left.split_at_checked(length).ok_or(OtsError::Truncated { field })?;
        self.left = tail;
        Ok(head)
    }
}
