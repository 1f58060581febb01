//! A detached timestamp file: the hash of some file, and operations that lead from it to attestations.

use super::op::OtsOp;
use super::path::OtsPath;
use super::reader::{OtsError, Reader};

/// First bytes of every file.
pub(super) const MAGIC: &[u8; 31] = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94";

/// The only major version there is.
pub(super) const VERSION: u64 = 1;

/// Tag of an attestation by a Bitcoin block header.
pub(super) const BITCOIN_TAG: [u8; 8] = [0x05, 0x88, 0x96, 0x0d, 0x73, 0xd7, 0x19, 0x01];

/// How the stamped file is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileHash {
    /// SHA-1, 20 bytes.
    Sha1,
    /// RIPEMD-160, 20 bytes.
    Ripemd160,
    /// SHA-256, 32 bytes; what this crate writes.
    Sha256,
}

/// Who says that a message existed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attestation {
    /// The message is the Merkle root in the header of the block at this height.
    Bitcoin {
        /// Height of the block.
        height: u32,
    },
    /// Something else, for example the promise of a calendar; not interpreted.
    Other {
        /// What kind of attestation it is.
        tag: [u8; 8],
        /// Its content.
        payload: Vec<u8>,
    },
}

/// An attestation and the message that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// The message: the Merkle root, in hashing order, for [`Attestation::Bitcoin`].
    pub message: Vec<u8>,
    /// What is said about it.
    pub attestation: Attestation,
}

/// A detached timestamp file. It has an attestation at the end of every branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampFile {
    pub(super) hash: FileHash,
    pub(super) digest: Vec<u8>,
    pub(super) root: Node,
}

/// What follows a message: one or more of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node(pub(super) Vec<Branch>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    Attestation(Attestation),
    Op(OtsOp, Node),
}

impl TimestampFile {
    /// The timestamp of a file with SHA-256 hash `digest`, whose `path` leads to the Merkle root of the block at
    /// `height`.
    ///
    /// # Errors
    /// [`OtsError::MessageLength`] when a message on the path is too long, [`OtsError::TooDeep`] when there are too many.
    pub fn new(digest: [u8; 32], path: &OtsPath, height: u32) -> Result<Self, OtsError> {
        path.apply(&digest)?;
        if path.ops().len() >= super::MAX_OTS_DEPTH {
            return Err(OtsError::TooDeep);
        }
        let end = Node(vec![Branch::Attestation(Attestation::Bitcoin { height })]);
        let root = path.ops().iter().rev().fold(end, |node, op| Node(vec![Branch::Op(op.clone(), node)]));
        Ok(Self { hash: FileHash::Sha256, digest: digest.to_vec(), root })
    }

    /// How the stamped file is hashed.
    pub fn hash(&self) -> FileHash {
        self.hash
    }

    /// Hash of the stamped file.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// Follows every branch: what is attested, and by what. For [`Attestation::Bitcoin`] the caller compares the message
    /// with the Merkle root of that block.
    ///
    /// # Errors
    /// [`OtsError::MessageLength`] when an operation does not apply.
    pub fn attestations(&self) -> Result<Vec<Attested>, OtsError> {
        let mut found = vec![];
        self.root.follow(&self.digest, &mut found)?;
        Ok(found)
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        write_number(&mut bytes, VERSION);
        bytes.push(self.hash.tag());
        bytes.extend_from_slice(&self.digest);
        self.root.write(&mut bytes);
        bytes
    }

    /// Reads a file of anybody's making. Every operation but Keccak-256 is known.
    ///
    /// # Errors
    /// [`OtsError`] naming what is wrong; also when an operation does not apply to its message.
    pub fn decode(bytes: &[u8]) -> Result<Self, OtsError> {
        let file = Reader::new(bytes)?.file()?;
        file.attestations()?;
        Ok(file)
    }
}

impl FileHash {
    fn tag(self) -> u8 {
        match self {
            Self::Sha1 => 0x02,
            Self::Ripemd160 => 0x03,
            Self::Sha256 => 0x08,
        }
    }
}

impl Node {
    /// Recursion is as deep as the reader allows, see [`super::MAX_OTS_DEPTH`].
    fn follow(&self, message: &[u8], found: &mut Vec<Attested>) -> Result<(), OtsError> {
        for branch in &self.0 {
            match branch {
                Branch::Attestation(attestation) => {
                    found.push(Attested { message: message.to_vec(), attestation: attestation.clone() });
                }
                Branch::Op(op, next) => next.follow(&op.apply(message)?, found)?,
            }
        }
        Ok(())
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        for (index, branch) in self.0.iter().enumerate() {
            if index + 1 < self.0.len() {
                bytes.push(0xff);
            }
            match branch {
                Branch::Attestation(attestation) => attestation.write(bytes),
                Branch::Op(op, next) => {
                    bytes.push(op.tag());
                    if let Some(argument) = op.argument() {
                        write_bytes(bytes, argument);
                    }
                    next.write(bytes);
                }
            }
        }
    }
}

impl Attestation {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(0x00);
        match self {
            Self::Bitcoin { height } => {
                let mut payload = vec![];
                write_number(&mut payload, (*height).into());
                bytes.extend_from_slice(&BITCOIN_TAG);
                write_bytes(bytes, &payload);
            }
            Self::Other { tag, payload } => {
                bytes.extend_from_slice(tag);
                write_bytes(bytes, payload);
            }
        }
    }
}

/// LEB128: seven bits a byte, the lowest first.
fn write_number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn write_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    write_number(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}
