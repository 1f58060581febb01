//! The peer's revealed per-commitment secrets, all of them in 49 places (BOLT 3). Clause C-112.

use bitcoin::secp256k1::{PublicKey, SecretKey};
use lightning::impl_writeable_tlv_based;
use lightning::ln::chan_utils::CounterpartyCommitmentSecrets;
use lightning::util::ser::Writeable;

use crate::keys::MAX_COMMITMENT_NUMBER;
use crate::secp::secp;

/// Secrets of the peer's commitments 0 to `count - 1`.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::channel) struct PeerSecrets {
    places: CounterpartyCommitmentSecrets,
    count: u64,
}

impl_writeable_tlv_based!(PeerSecrets, {
    (0, places, required),
    (2, count, required),
});

impl core::fmt::Debug for PeerSecrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PeerSecrets").field("count", &self.count).finish_non_exhaustive()
    }
}

impl PeerSecrets {
    pub(super) fn new() -> Self {
        Self { places: CounterpartyCommitmentSecrets::new(), count: 0 }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Takes the next secret; `false` when it does not belong to `point` or not to the chain of the earlier ones.
    #[must_use]
    pub(super) fn push(&mut self, secret: [u8; 32], point: &PublicKey) -> bool {
        let known = SecretKey::from_slice(&secret).is_ok_and(|key| PublicKey::from_secret_key(secp(), &key) == *point);
        if !known
            || self.count > MAX_COMMITMENT_NUMBER
            || self.places.provide_secret(index(self.count), secret).is_err()
        {
            return false;
        }
        self.count += 1;
        true
    }

    /// The secret of commitment `number`, once revealed.
    pub(super) fn get(&self, number: u64) -> Option<SecretKey> {
        if number >= self.count {
            return None;
        }
        SecretKey::from_slice(&self.places.get_secret(index(number))?).ok()
    }

    /// Whether `count` secrets would have filled exactly these places; asking a damaged chain for a secret would panic.
    pub(super) fn is_sound(&self) -> bool {
        let bytes = self.places.encode();
        let stored = bytes.chunks_exact(40).take(49).map(|place| &place[32..]);
        self.count <= MAX_COMMITMENT_NUMBER
            && (0u32..).zip(stored).all(|(place, index)| *index == newest_in(place, self.count).to_be_bytes())
    }
}

fn index(number: u64) -> u64 {
    MAX_COMMITMENT_NUMBER - number
}

// Place p holds the lowest revealed index that ends in exactly p zero bits (48: index 0), or 2^48 while there is none.
fn newest_in(place: u32, count: u64) -> u64 {
    let lowest = MAX_COMMITMENT_NUMBER + 1 - count;
    let step = 1u64 << place;
    if place == 48 {
        return if lowest == 0 { 0 } else { 1 << 48 };
    }
    // The lowest odd multiple of 2^place that is not below.
    let multiple = lowest.div_ceil(step) | 1;
    let index = multiple * step;
    if index > MAX_COMMITMENT_NUMBER { 1 << 48 } else { index }
}
