//! The operators of an anchor key and the key that they make together.

use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey};
use secp_musig::musig::KeyAggCache;
use thiserror::Error;

/// Most operators behind one anchor key.
pub const MAX_OPERATORS: usize = 15;

/// Two to [`MAX_OPERATORS`] operators, all of whom sign every link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operators {
    /// In the order of BIP327's KeySort.
    keys: Vec<PublicKey>,
}

/// Why keys are not a set of operators.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// Too few or too many keys.
    #[error("A-70: {found} operators, must be 2 to {MAX_OPERATORS}")]
    Count {
        /// How many keys were given.
        found: usize,
    },
    /// A key occurs twice.
    #[error("A-70: operator {key} is named twice")]
    Repeated {
        /// The key.
        key: Box<PublicKey>,
    },
}

impl Operators {
    /// Takes the operators' keys; their order does not matter.
    ///
    /// # Errors
    /// [`OperatorError`] when there are not 2 to [`MAX_OPERATORS`] different keys.
    pub fn new(mut keys: Vec<PublicKey>) -> Result<Self, OperatorError> {
        //
        if !(2..=MAX_OPERATORS).contains(&keys.len()) {
            return Err(OperatorError::Count { found: keys.len() });
        }
        // A fixed order makes one set of people one anchor key, whoever lists them.
        keys.sort_unstable_by_key(PublicKey::serialize);
        if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(OperatorError::Repeated { key: Box::new(pair[0]) });
        }
        Ok(Self { keys })
    }

    /// The operators' keys in the order of BIP327's KeySort.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The aggregate: the anchor key that a header names as the next one. It is the internal key of the link output,
    /// before the Taproot tweak.
    pub fn anchor_key(&self) -> XOnlyPublicKey {
        x_only(self.aggregate().agg_pk())
    }

    /// Place of `key` in [`Operators::keys`].
    pub(super) fn place(&self, key: &PublicKey) -> Option<usize> {
        self.keys.iter().position(|other| other == key)
    }

    pub(super) fn aggregate(&self) -> KeyAggCache {
        let keys: Vec<secp_musig::PublicKey> = self.keys.iter().map(public).collect();
        KeyAggCache::new(&keys.iter().collect::<Vec<_>>())
    }
}

pub(super) fn public(key: &PublicKey) -> secp_musig::PublicKey {
    secp_musig::PublicKey::from_slice(&key.serialize()).expect("both libraries accept the same points")
}

fn x_only(key: secp_musig::XOnlyPublicKey) -> XOnlyPublicKey {
    XOnlyPublicKey::from_slice(&key.to_byte_array()).expect("both libraries accept the same points")
}
