//! A straight line of operations, put together step by step.

use super::op::OtsOp;
use super::reader::OtsError;

/// Operations one after the other, from the hash of a file to what a block attests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtsPath(Vec<OtsOp>);

impl OtsPath {
    /// No operation.
    pub fn new() -> Self {
        Self::default()
    }

    /// The operations.
    pub fn ops(&self) -> &[OtsOp] {
        &self.0
    }

    /// Puts `prefix` and `suffix` around the message; empty ones are left out, as the format has no empty argument.
    #[must_use]
    pub fn wrap(mut self, prefix: &[u8], suffix: &[u8]) -> Self {
        if !prefix.is_empty() {
            self.0.push(OtsOp::Prepend(prefix.to_vec()));
        }
        if !suffix.is_empty() {
            self.0.push(OtsOp::Append(suffix.to_vec()));
        }
        self
    }

    /// Hashes once.
    #[must_use]
    pub fn sha256(mut self) -> Self {
        self.0.push(OtsOp::Sha256);
        self
    }

    /// Hashes twice, as Bitcoin does.
    #[must_use]
    pub fn sha256d(self) -> Self {
        self.sha256().sha256()
    }

    /// Goes up one level of an RFC 9162 tree, `SHA256(01 || left || right)`.
    #[must_use]
    pub fn log_node(self, sibling: &[u8; 32], sibling_is_left: bool) -> Self {
        if sibling_is_left {
            self.wrap(&[&[1], &sibling[..]].concat(), &[]).sha256()
        } else {
            self.wrap(&[1], sibling).sha256()
        }
    }

    /// Takes the tagged hash (BIP340) of the message: `tag_hash` is the SHA-256 of the tag.
    #[must_use]
    pub fn tagged_hash(self, tag_hash: &[u8; 32]) -> Self {
        self.wrap(&[*tag_hash, *tag_hash].concat(), &[]).sha256()
    }

    /// Goes up one level of a block's Merkle tree.
    #[must_use]
    pub(super) fn block_node(self, sibling: &[u8], sibling_is_left: bool) -> Self {
        let (prefix, suffix): (&[u8], &[u8]) = if sibling_is_left { (sibling, &[]) } else { (&[], sibling) };
        self.wrap(prefix, suffix).sha256d()
    }

    /// This path, then `next`.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.0.extend(next.0);
        self
    }

    /// What the operations make of `message`.
    ///
    /// # Errors
    /// [`OtsError::MessageLength`].
    pub fn apply(&self, message: &[u8]) -> Result<Vec<u8>, OtsError> {
        self.0.iter().try_fold(message.to_vec(), |message, op| op.apply(&message))
    }
}
