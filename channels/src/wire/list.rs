//! A bounded list of hashes on the wire.

use lightning::io;
use lightning::ln::msgs::DecodeError;
use lightning::util::ser::{Readable, Writeable, Writer};

/// Most hashes in a Merkle path: one for each bit of a log position.
pub const MAX_PATH_HASHES: usize = 64;

/// Hashes of a Merkle path, from the leaf up: `u8` count, then 32 bytes each.
///
/// More than [`MAX_PATH_HASHES`] are neither written nor read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HashList(Vec<[u8; 32]>);

impl HashList {
    /// Takes the hashes; `None` when there are more than [`MAX_PATH_HASHES`].
    pub fn new(hashes: Vec<[u8; 32]>) -> Option<Self> {
        (hashes.len() <= MAX_PATH_HASHES).then_some(Self(hashes))
    }

    /// The hashes, from the leaf up.
    pub fn hashes(&self) -> &[[u8; 32]] {
        &self.0
    }
}

impl Writeable for HashList {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        (self.0.len() as u8).write(writer)?;
        self.0.iter().try_for_each(|hash| hash.write(writer))
    }
}

impl Readable for HashList {
    fn read<R: io::Read>(reader: &mut R) -> Result<Self, DecodeError> {
        let count: u8 = Readable::read(reader)?;
        if usize::from(count) > MAX_PATH_HASHES {
            return Err(DecodeError::BadLengthDescriptor);
        }
        let mut hashes = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            hashes.push(Readable::read(reader)?);
        }
        Ok(Self(hashes))
    }
}
