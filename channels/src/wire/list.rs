//! Bounded lists on the wire.

use lightning::io;
use lightning::ln::msgs::DecodeError;
use lightning::util::ser::{Readable, Writeable, Writer};

/// Most hashes in a Merkle path: one for each bit of a log position.
pub const MAX_PATH_HASHES: usize = 64;

/// Hashes of a Merkle path, from the leaf up.
pub type HashList = List<[u8; 32], MAX_PATH_HASHES>;

/// At most `MAX` (itself at most 255) items: `u8` count, then the items. More are neither written nor read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> List<T, MAX> {
    /// Takes the items; `None` when there are more than `MAX`.
    pub fn new(items: Vec<T>) -> Option<Self> {
        const { assert!(MAX <= u8::MAX as usize, "the count is one byte") };
        (items.len() <= MAX).then_some(Self(items))
    }

    /// The items, in the order of the wire.
    pub fn items(&self) -> &[T] {
        &self.0
    }
}

impl<const MAX: usize> List<[u8; 32], MAX> {
    /// The hashes, from the leaf up.
    pub fn hashes(&self) -> &[[u8; 32]] {
        &self.0
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Writeable, const MAX: usize> Writeable for List<T, MAX> {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        (self.0.len() as u8).write(writer)?;
        self.0.iter().try_for_each(|item| item.write(writer))
    }
}

impl<T: Readable, const MAX: usize> Readable for List<T, MAX> {
    fn read<R: io::Read>(reader: &mut R) -> Result<Self, DecodeError> {
        let count: u8 = Readable::read(reader)?;
        if usize::from(count) > MAX {
            return Err(DecodeError::BadLengthDescriptor);
        }
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(Readable::read(reader)?);
        }
        Ok(Self(items))
    }
}
