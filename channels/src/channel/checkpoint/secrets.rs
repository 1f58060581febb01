//! The peer's revealed per-commitment secrets, all those of one life in 49 places (BOLT 3). Clauses C-112 and C-155.

use bitcoin::secp256k1::{PublicKey, SecretKey};
use lightning::impl_writeable_tlv_based;
use lightning::ln::chan_utils::CounterpartyCommitmentSecrets;
use lightning::util::ser::Writeable;

use crate::keys::MAX_COMMITMENT_NUMBER;
use crate::life::{Life, are_in_order};
use crate::secp::secp;

/// Secrets of the peer's commitments 0 to `count - 1`.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::channel) struct PeerSecrets {
    /// Those from before the first life.
    places: CounterpartyCommitmentSecrets,
    count: u64,
    /// The peer's lives, the firsts ascending. The type is even: software that does not know lives must not go on with the channel.
    lives: Vec<PeerLife>,
}

impl_writeable_tlv_based!(PeerSecrets, {
    (0, places, required),
    (2, count, required),
    (4, lives, optional_vec),
});

/// A life of the peer, and what it has revealed in it.
#[derive(Clone, PartialEq, Eq)]
struct PeerLife {
    life: Life,
    places: CounterpartyCommitmentSecrets,
}

impl_writeable_tlv_based!(PeerLife, {
    (0, life, required),
    (2, places, required),
});

impl core::fmt::Debug for PeerSecrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PeerSecrets").field("count", &self.count).finish_non_exhaustive()
    }
}

impl PeerSecrets {
    pub(super) fn new() -> Self {
        Self { places: CounterpartyCommitmentSecrets::new(), count: 0, lives: Vec::new() }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The peer's lives.
    pub(super) fn lives(&self) -> impl DoubleEndedIterator<Item = Life> + '_ {
        self.lives.iter().map(|known| known.life)
    }

    /// The peer begins a life, above every number of which a secret is known; one that was announced and never used gives way (C-154).
    pub(super) fn begin(&mut self, life: Life) {
        debug_assert!(life.first > self.count, "C-154: nothing that is used gives way");
        self.lives.retain(|known| known.life.first < life.first);
        self.lives.push(PeerLife { life, places: CounterpartyCommitmentSecrets::new() });
    }

    /// Takes the next secret; `false` when it does not belong to `point` or not to the chain of the earlier ones.
    #[must_use]
    pub(super) fn push(&mut self, secret: [u8; 32], point: &PublicKey) -> bool {
        let known = SecretKey::from_slice(&secret).is_ok_and(|key| PublicKey::from_secret_key(secp(), &key) == *point);
        let count = self.count;
        let of_life = self.lives.iter_mut().rfind(|known| known.life.first <= count);
        let (first, places) = of_life.map_or((0, &mut self.places), |known| (known.life.first, &mut known.places));
        if !known || count > MAX_COMMITMENT_NUMBER || places.provide_secret(index(count - first), secret).is_err() {
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
        let of_life = self.lives.iter().rfind(|known| known.life.first <= number);
        let (first, places) = of_life.map_or((0, &self.places), |known| (known.life.first, &known.places));
        SecretKey::from_slice(&places.get_secret(index(number - first))?).ok()
    }

    /// Whether `count` secrets would have filled exactly these places; asking a damaged chain for a secret would panic.
    pub(super) fn is_sound(&self) -> bool {
        let lives: Vec<Life> = self.lives().collect();
        let firsts = [0].into_iter().chain(lives.iter().map(|life| life.first));
        let ends = lives.iter().map(|life| life.first).chain([u64::MAX]);
        let places = [&self.places].into_iter().chain(self.lives.iter().map(|known| &known.places));
        self.count <= MAX_COMMITMENT_NUMBER
            && are_in_order(&lives)
            && firsts
                .zip(ends)
                .zip(places)
                .all(|((first, end), places)| has_taken(places, self.count.min(end).saturating_sub(first)))
    }
}

/// Whether `count` secrets fill exactly these places.
fn has_taken(places: &CounterpartyCommitmentSecrets, count: u64) -> bool {
    let bytes = places.encode();
    let stored = bytes.chunks_exact(40).take(49).map(|place| &place[32..]);
    (0u32..).zip(stored).all(|(place, index)| *index == newest_in(place, count).to_be_bytes())
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
