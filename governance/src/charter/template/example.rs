//! Keys of nobody, for documents that show where keys stand.

use bitcoin::hashes::{Hash as _, sha256};
use bitcoin::secp256k1::{Parity, PublicKey, XOnlyPublicKey};

/// How many there are.
pub const EXAMPLE_KEYS: u8 = 7;

/// Example key `number`: a point that comes from a hash, so that nobody knows its secret. Money under it is lost, not stolen.
#[must_use]
pub fn example_key(number: u8) -> XOnlyPublicKey {
    let mut x = sha256::Hash::hash(&[b"althing/example key/".as_slice(), &[number]].concat());
    loop {
        match XOnlyPublicKey::from_slice(x.as_byte_array()) {
            Ok(key) => return key,
            // About every other hash is no point's.
            Err(_) => x = sha256::Hash::hash(x.as_byte_array()),
        }
    }
}

/// The same with the even one of its two heights.
#[must_use]
pub fn example_public_key(number: u8) -> PublicKey {
    PublicKey::from_x_only_public_key(example_key(number), Parity::Even)
}

/// Whether the text, or the key in hexadecimal, has one of them.
pub(crate) fn is_example(text: &str) -> bool {
    (1..=EXAMPLE_KEYS).any(|number| text.contains(&example_key(number).to_string()))
}
