//! The canonical encoding (docs/spec/encoding.md): every value has one byte form and a decoder refuses every other.

use std::fmt;

use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey, schnorr};
use bitcoin::{BlockHash, OutPoint, Txid};

/// A value with exactly one byte form.
///
/// Law, tested for every implementation: `from_bytes(b) == Ok(v)` if and only if `v.to_bytes() == b`.
pub trait Canonical: Sized {
    /// Appends the byte form of `self`.
    fn encode(&self, w: &mut Writer);

    /// Reads one value and leaves the reader just behind it.
    ///
    /// # Errors
    /// [`DecodeError`] naming the clause broken. Never panics, whatever the bytes.
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// The byte form of `self` alone.
    fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.encode(&mut w);
        w.into_bytes()
    }

    /// Reads one value that fills `bytes` completely (E-7).
    ///
    /// # Errors
    /// As [`Canonical::decode`], and [`DecodeError::TrailingBytes`] when bytes are left over.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let value = Self::decode(&mut r)?;
        r.finish()?;
        Ok(value)
    }
}

/// Why bytes are not the canonical form of a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input stops inside a value.
    #[error("E-7: input ends early: {wanted} more bytes wanted, {left} left")]
    EndOfInput {
        /// Bytes the next field needs.
        wanted: usize,
        /// Bytes that were left.
        left: usize,
    },
    /// The input goes on behind the value.
    #[error("E-7: {count} bytes left over behind the value")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A length or count is above the limit of that field.
    #[error("E-3/E-4: {field} has length {found}, at most {max} is allowed")]
    TooLong {
        /// Name of the field.
        field: &'static str,
        /// The length that was claimed.
        found: usize,
        /// The largest allowed.
        max: usize,
    },
    /// A length or count is below the limit of that field.
    #[error("E-3/E-4: {field} has length {found}, at least {min} is required")]
    TooShort {
        /// Name of the field.
        field: &'static str,
        /// The length found.
        found: usize,
        /// The smallest allowed.
        min: usize,
    },
    /// An enumeration, option or version byte has no meaning.
    #[error("E-5/E-6/E-8: {field} has no variant {found}")]
    UnknownVariant {
        /// Name of the field.
        field: &'static str,
        /// The number found.
        found: u8,
    },
    /// Text is not UTF-8.
    #[error("E-3: {field} is not valid UTF-8")]
    NotUtf8 {
        /// Name of the field.
        field: &'static str,
    },
    /// 32 or 33 bytes are not a public key.
    #[error("E-11: {field} is not a point on the curve")]
    NotAKey {
        /// Name of the field.
        field: &'static str,
    },
    /// The value breaks a rule of its own.
    #[error("{rule}: {field}: {problem}")]
    Rule {
        /// Clause of the specification.
        rule: &'static str,
        /// Name of the field.
        field: &'static str,
        /// What is wrong, with the value.
        problem: String,
    },
}

/// Builds the byte form of a value, field by field.
#[derive(Debug, Default, Clone)]
pub struct Writer {
    out: Vec<u8>,
    short_sums: bool,
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty writer with room for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// One byte (E-1).
    pub fn u8(&mut self, v: u8) {
        self.out.push(v);
    }

    /// One byte, 0 or 1 (E-15).
    pub fn bool(&mut self, v: bool) {
        self.u8(u8::from(v));
    }

    /// Two bytes, big-endian (E-1).
    pub fn u16(&mut self, v: u16) {
        self.out.extend_from_slice(&v.to_be_bytes());
    }

    /// Four bytes, big-endian (E-1).
    pub fn u32(&mut self, v: u32) {
        self.out.extend_from_slice(&v.to_be_bytes());
    }

    /// Eight bytes, big-endian (E-1).
    pub fn u64(&mut self, v: u64) {
        self.out.extend_from_slice(&v.to_be_bytes());
    }

    /// Writes sums in the short form (E-16) from here on, or no more.
    pub fn set_short_sums(&mut self, short: bool) {
        self.short_sums = short;
    }

    /// Sixteen bytes, big-endian (E-1).
    pub fn u128(&mut self, v: u128) {
        self.out.extend_from_slice(&v.to_be_bytes());
    }

    /// A sum: sixteen bytes, or as few as it takes (E-16).
    pub fn sum(&mut self, v: u128) {
        if !self.short_sums {
            return self.u128(v);
        }
        let bytes = v.to_be_bytes();
        let significant = bytes.into_iter().skip_while(|byte| *byte == 0);
        let start = self.out.len();
        self.u8(0);
        self.out.extend(significant);
        self.out[start] = u8::try_from(self.out.len() - start - 1).expect("there are 16 bytes at most");
    }

    /// Bytes as they stand, without a length (E-2).
    pub fn fixed(&mut self, v: &[u8]) {
        self.out.extend_from_slice(v);
    }

    /// A length and the bytes (E-3).
    pub fn bytes(&mut self, v: &[u8]) {
        self.count(v.len());
        self.out.extend_from_slice(v);
    }

    /// A length and UTF-8 (E-3).
    pub fn text(&mut self, v: &str) {
        self.bytes(v.as_bytes());
    }

    /// The count before the items of a list (E-4).
    pub fn count(&mut self, n: usize) {
        self.u32(u32::try_from(n).expect("every list and text here is limited far below 2^32"));
    }

    /// A list in the order given (E-4).
    pub fn list<T: Canonical>(&mut self, items: &[T]) {
        self.count(items.len());
        for item in items {
            item.encode(self);
        }
    }

    /// An option (E-5).
    pub fn option<T>(&mut self, v: Option<T>, some: impl FnOnce(&mut Self, T)) {
        match v {
            None => self.u8(0),
            Some(v) => {
                self.u8(1);
                some(self, v);
            }
        }
    }

    /// A transaction id in the order in which Bitcoin hashes it (E-9).
    pub fn txid(&mut self, v: &Txid) {
        self.fixed(v.as_byte_array());
    }

    /// A block hash in the order in which Bitcoin hashes it (E-9).
    pub fn block_hash(&mut self, v: &BlockHash) {
        self.fixed(v.as_byte_array());
    }

    /// A transaction id and an output index (E-9).
    pub fn outpoint(&mut self, v: &OutPoint) {
        self.txid(&v.txid);
        self.u32(v.vout);
    }

    /// A compressed public key (E-11).
    pub fn public_key(&mut self, v: &PublicKey) {
        self.fixed(&v.serialize());
    }

    /// An x-only public key (E-11).
    pub fn x_only_key(&mut self, v: &XOnlyPublicKey) {
        self.fixed(&v.serialize());
    }

    /// A BIP340 signature (E-11).
    pub fn signature(&mut self, v: &schnorr::Signature) {
        self.fixed(v.as_ref());
    }
}

/// Reads values from bytes, field by field. Allocates only for bytes that are there.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    short_sums: bool,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, short_sums: false }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The byte `offset` ahead, without moving; `None` behind the end.
    #[must_use]
    pub fn peek(&self, offset: usize) -> Option<u8> {
        self.rest.get(offset).copied()
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`] when bytes are left (E-7).
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { count }),
        }
    }

    fn take(&mut self, wanted: usize) -> Result<&'a [u8], DecodeError> {
        let Some((head, rest)) = self.rest.split_at_checked(wanted) else {
            return Err(DecodeError::EndOfInput { wanted, left: self.rest.len() });
        };
        self.rest = rest;
        Ok(head)
    }

    /// Bytes of a known number (E-2).
    ///
    /// # Errors
    /// When fewer are left.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("take returned N bytes"))
    }

    /// One byte (E-1).
    ///
    /// # Errors
    /// At the end of the input.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.fixed::<1>()?[0])
    }

    /// One byte, 0 or 1 (E-15).
    ///
    /// # Errors
    /// At the end of the input, or for another byte.
    pub fn bool(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(DecodeError::UnknownVariant { field, found }),
        }
    }

    /// Two bytes, big-endian (E-1).
    ///
    /// # Errors
    /// At the end of the input.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.fixed().map(u16::from_be_bytes)
    }

    /// Four bytes, big-endian (E-1).
    ///
    /// # Errors
    /// At the end of the input.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// Eight bytes, big-endian (E-1).
    ///
    /// # Errors
    /// At the end of the input.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.fixed().map(u64::from_be_bytes)
    }

    /// Sixteen bytes, big-endian (E-1).
    ///
    /// # Errors
    /// At the end of the input.
    pub fn u128(&mut self) -> Result<u128, DecodeError> {
        self.fixed().map(u128::from_be_bytes)
    }

    /// Reads sums in the short form (E-16) from here on, or no more.
    pub fn set_short_sums(&mut self, short: bool) {
        self.short_sums = short;
    }

    /// A sum: sixteen bytes, or as few as it takes (E-16).
    ///
    /// # Errors
    /// At the end of the input, and when fewer bytes would do.
    pub fn sum(&mut self) -> Result<u128, DecodeError> {
        if !self.short_sums {
            return self.u128();
        }
        let length = usize::from(self.u8()?);
        if length > 16 {
            return Err(DecodeError::TooLong { field: "sum", found: length, max: 16 });
        }
        let bytes = self.take(length)?;
        if bytes.first() == Some(&0) {
            let problem = format!("{length} bytes are given and fewer would do");
            return Err(DecodeError::Rule { rule: "E-16", field: "sum", problem });
        }
        Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte)))
    }

    /// A list count or byte length, at most `max` (E-3, E-4).
    ///
    /// # Errors
    /// At the end of the input or above `max`.
    pub fn count(&mut self, field: &'static str, max: usize) -> Result<usize, DecodeError> {
        let found = self.u32()? as usize;
        if found > max {
            return Err(DecodeError::TooLong { field, found, max });
        }
        Ok(found)
    }

    /// A length and that many bytes, at most `max` (E-3).
    ///
    /// # Errors
    /// At the end of the input or above `max`.
    pub fn bytes(&mut self, field: &'static str, max: usize) -> Result<Vec<u8>, DecodeError> {
        let n = self.count(field, max)?;
        Ok(self.take(n)?.to_vec())
    }

    /// A length and that many bytes of UTF-8 (E-3).
    ///
    /// # Errors
    /// As [`Reader::bytes`], and when it is not UTF-8.
    pub fn text(&mut self, field: &'static str, max: usize) -> Result<String, DecodeError> {
        String::from_utf8(self.bytes(field, max)?).map_err(|_| DecodeError::NotUtf8 { field })
    }

    /// A list of at most `max` items (E-4).
    ///
    /// # Errors
    /// As the items', or above `max`.
    pub fn list<T: Canonical>(&mut self, field: &'static str, max: usize) -> Result<Vec<T>, DecodeError> {
        let n = self.count(field, max)?;
        // No reservation: a claimed count must not allocate before its bytes are seen.
        let mut items = Vec::new();
        for _ in 0..n {
            items.push(T::decode(self)?);
        }
        Ok(items)
    }

    /// An option (E-5).
    ///
    /// # Errors
    /// When the first byte is neither 0 nor 1, or as `some`.
    pub fn option<T>(
        &mut self,
        field: &'static str,
        some: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        match self.u8()? {
            0 => Ok(None),
            1 => some(self).map(Some),
            found => Err(DecodeError::UnknownVariant { field, found }),
        }
    }

    /// A version byte, which must be 1 (E-8).
    ///
    /// # Errors
    /// When it is another.
    pub fn version(&mut self, field: &'static str) -> Result<(), DecodeError> {
        match self.u8()? {
            1 => Ok(()),
            found => Err(DecodeError::UnknownVariant { field, found }),
        }
    }

    /// A transaction id (E-9).
    ///
    /// # Errors
    /// At the end of the input.
    pub fn txid(&mut self) -> Result<Txid, DecodeError> {
        self.fixed().map(Txid::from_byte_array)
    }

    /// A block hash (E-9).
    ///
    /// # Errors
    /// At the end of the input.
    pub fn block_hash(&mut self) -> Result<BlockHash, DecodeError> {
        self.fixed().map(BlockHash::from_byte_array)
    }

    /// An outpoint (E-9).
    ///
    /// # Errors
    /// At the end of the input.
    pub fn outpoint(&mut self) -> Result<OutPoint, DecodeError> {
        Ok(OutPoint { txid: self.txid()?, vout: self.u32()? })
    }

    /// A compressed public key (E-11).
    ///
    /// # Errors
    /// At the end of the input or when it is no point.
    pub fn public_key(&mut self, field: &'static str) -> Result<PublicKey, DecodeError> {
        PublicKey::from_slice(&self.fixed::<33>()?).map_err(|_| DecodeError::NotAKey { field })
    }

    /// An x-only public key (E-11).
    ///
    /// # Errors
    /// At the end of the input or when it is no point.
    pub fn x_only_key(&mut self, field: &'static str) -> Result<XOnlyPublicKey, DecodeError> {
        XOnlyPublicKey::from_slice(&self.fixed::<32>()?).map_err(|_| DecodeError::NotAKey { field })
    }

    /// A BIP340 signature; any 64 bytes, verified elsewhere (E-11).
    ///
    /// # Errors
    /// At the end of the input.
    pub fn signature(&mut self) -> Result<schnorr::Signature, DecodeError> {
        Ok(schnorr::Signature::from_slice(&self.fixed::<64>()?).expect("every 64 bytes are taken"))
    }
}

impl Canonical for u16 {
    fn encode(&self, w: &mut Writer) {
        w.u16(*self);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.u16()
    }
}

impl Canonical for u32 {
    fn encode(&self, w: &mut Writer) {
        w.u32(*self);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.u32()
    }
}

impl Canonical for OutPoint {
    fn encode(&self, w: &mut Writer) {
        w.outpoint(self);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.outpoint()
    }
}

/// A number in a list of sums; no other `u128` stands in a list.
impl Canonical for u128 {
    fn encode(&self, w: &mut Writer) {
        w.sum(*self);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.sum()
    }
}

/// The text must have between `min` and `max` bytes.
///
/// # Errors
/// [`DecodeError::TooShort`] or [`DecodeError::TooLong`].
pub fn check_length(field: &'static str, found: usize, min: usize, max: usize) -> Result<(), DecodeError> {
    if found < min {
        return Err(DecodeError::TooShort { field, found, min });
    }
    if found > max {
        return Err(DecodeError::TooLong { field, found, max });
    }
    Ok(())
}

/// The items must stand in strictly ascending order of their keys, so that each comes once and a list has one form.
///
/// # Errors
/// [`DecodeError::Rule`] naming the key that comes twice, or the two that stand in the wrong order.
pub fn check_ascending<T, K: Ord + fmt::Display>(
    rule: &'static str,
    field: &'static str,
    items: &[T],
    key: impl Fn(&T) -> &K,
) -> Result<(), DecodeError> {
    let mut pairs = items.windows(2).map(|pair| (key(&pair[0]), key(&pair[1])));
    let Some((first, second)) = pairs.find(|(first, second)| first >= second) else { return Ok(()) };
    let problem = match first == second {
        true => format!("{first} comes twice"),
        false => format!("{second} stands behind {first}; must ascend"),
    };
    Err(DecodeError::Rule { rule, field, problem })
}
