//! Tagged hashes of the batch: BIP340's challenges, and the weights with which the equations are summed (S-3, S-4).

use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};

use crate::item::Item;

/// The weights of one batch, fixed by every byte of it.
///
/// They must not be known before all signatures are: a weight that leaves out one s lets two wrong signatures cancel.
#[derive(Debug, Clone)]
pub struct Weights {
    seed: [u8; 32],
}

impl Weights {
    /// Hashes the whole batch (S-3).
    ///
    /// # Panics
    /// With 2^32 items or more, or a message of 2^32 bytes or more (S-1).
    #[must_use]
    pub fn of(items: &[Item<'_>]) -> Self {
        let Tagged(mut engine) = Tagged::new("althing/batch-weights/v1");
        engine.input(&length(items.len()));
        for item in items {
            engine.input(&item.signature);
            engine.input(&item.key);
            engine.input(&length(item.message.len()));
            engine.input(item.message);
        }
        let seed = sha256::Hash::from_engine(engine).to_byte_array();
        Self { seed }
    }

    /// The seed (S-3).
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        self.seed
    }

    /// The weights of `count` items (S-4). The first is 1: scaling all weights by the same number changes no verdict.
    #[must_use]
    pub fn expand(&self, count: usize) -> Vec<u128> {
        let mut weights = Vec::with_capacity(count + 1);
        let expand = Tagged::new("althing/batch-weight/v1");
        for block in 0..count.div_ceil(2) {
            let hash = expand.hash(&[&self.seed, &length(block)]);
            let (halves, _) = hash.as_chunks::<16>();
            weights.extend(halves.iter().map(|half| u128::from_be_bytes(*half)));
        }
        weights.truncate(count);
        if let Some(first) = weights.first_mut() {
            *first = 1;
        }
        weights
    }

    /// The index among `count` of the `draw`th signature to be checked again one by one; fixed by the batch like the weights.
    pub(crate) fn sample(&self, draw: usize, count: usize) -> usize {
        let hash = Tagged::new("althing/batch-sample/v1").hash(&[&self.seed, &length(draw)]);
        let (words, _) = hash.as_chunks::<8>();
        // Any bias of the remainder is below count / 2^64.
        (u64::from_be_bytes(words[0]) % count.max(1) as u64) as usize
    }
}

/// A tagged hash (E-12) whose tag has been hashed already.
pub(crate) struct Tagged(sha256::HashEngine);

impl Tagged {
    pub(crate) fn new(tag: &str) -> Self {
        let tag = sha256::Hash::hash(tag.as_bytes());
        let mut engine = sha256::Hash::engine();
        engine.input(tag.as_byte_array());
        engine.input(tag.as_byte_array());
        Self(engine)
    }

    pub(crate) fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut engine = self.0.clone();
        parts.iter().for_each(|part| engine.input(part));
        sha256::Hash::from_engine(engine).to_byte_array()
    }
}

/// A count or length as `u32` (E-3, E-4); S-1 keeps it in range.
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("S-1: fewer than 2^32 items and bytes").to_be_bytes()
}
