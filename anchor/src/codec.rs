//! Reader and writer of the canonical encoding (docs/spec/encoding.md, E-1 to E-9).

use thiserror::Error;

/// Why bytes are not the one canonical form of a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Input ended inside a field (E-7).
    #[error("E-7: input ends inside {field}: {needed} bytes needed, {left} left")]
    Truncated {
        /// The field being read.
        field: &'static str,
        /// Bytes the field needs.
        needed: usize,
        /// Bytes that were left.
        left: usize,
    },
    /// Bytes follow the value (E-7).
    #[error("E-7: {left} bytes left over after the value")]
    TrailingBytes {
        /// How many bytes were left over.
        left: usize,
    },
    /// The first byte is not a version this decoder knows (E-8).
    #[error("E-8: version {found} is unknown, expected {expected}")]
    UnknownVersion {
        /// Version byte found.
        found: u8,
        /// The only version accepted.
        expected: u8,
    },
    /// A length or count is above the limit of its field (E-3, E-4).
    #[error("{field}: length {length} is above the limit of {limit}")]
    TooLong {
        /// The field being read.
        field: &'static str,
        /// Length or count that the input claims.
        length: u64,
        /// Largest length or count allowed.
        limit: u64,
    },
    /// An enumeration number, option byte or value that the field does not allow (E-5, E-6).
    #[error("{field}: value {value} is not allowed")]
    NotAllowed {
        /// The field being read.
        field: &'static str,
        /// The value found.
        value: u64,
    },
    /// Bytes that are not a Bitcoin transaction in the required form.
    #[error("{rule}: {field} is not acceptable: {reason}")]
    Transaction {
        /// The clause that asks for the form.
        rule: &'static str,
        /// The field being read.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Writes canonical bytes.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    /// Fixed-size bytes, no length (E-2).
    pub(crate) fn array(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }

    /// Length-prefixed bytes (E-3).
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.count(value.len());
        self.array(value);
    }

    /// Count of a list (E-4).
    pub(crate) fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).expect("every list and byte string of this crate has a limit far below 2^32"));
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads canonical bytes; every length is checked against the bytes that are there before anything is allocated.
pub(crate) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    pub(crate) fn take(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], DecodeError> {
        let truncated = DecodeError::Truncated { field, needed: length, left: self.left.len() };
        let (head, tail) = self.left.split_at_checked(length).ok_or(truncated)?;
        self.left = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(field, N)?;
        Ok(bytes.try_into().expect("take returns exactly N bytes"))
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(self.array::<1>(field)?[0])
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array(field)?))
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array(field)?))
    }

    pub(crate) fn version(&mut self, expected: u8) -> Result<(), DecodeError> {
        let found = self.u8("version")?;
        if found == expected { Ok(()) } else { Err(DecodeError::UnknownVersion { found, expected }) }
    }

    /// A count or length no larger than `limit`.
    pub(crate) fn count(&mut self, field: &'static str, limit: usize) -> Result<usize, DecodeError> {
        let claimed = self.u32(field)?;
        let too_long = DecodeError::TooLong { field, length: claimed.into(), limit: limit as u64 };
        usize::try_from(claimed).ok().filter(|count| *count <= limit).ok_or(too_long)
    }

    pub(crate) fn bytes(&mut self, field: &'static str, limit: usize) -> Result<&'a [u8], DecodeError> {
        let length = self.count(field, limit)?;
        self.take(field, length)
    }

    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        match self.left.len() {
            0 => Ok(()),
            left => Err(DecodeError::TrailingBytes { left }),
        }
    }
}
