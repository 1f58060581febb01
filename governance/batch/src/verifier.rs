//! The decisions: batch, halves, one by one; and what happens when the two ways of checking disagree.

use std::ops::Range;

use secp256k1::{XOnlyPublicKey, schnorr};

use crate::arith::Jacobian;
use crate::equation::Equation;
use crate::item::{Item, Verdict};
use crate::key_cache::KeyCache;
use crate::lanes::Lanes;
use crate::weights::Weights;

/// Batches smaller than this are checked one by one: shared doublings and inversions do not pay yet, and the sample is one of few.
const SMALLEST_BATCH: usize = 16;
/// A part of a failed batch that is not divided any further but checked one by one.
const SMALLEST_PART: usize = 16;
/// A part of which both halves failed is not divided any further if it has so many signatures: each is checked for itself, side
/// by side in wide lanes, which takes less than to search for several.
const SMALLEST_SIDE_BY_SIDE: usize = 128;
/// A batch of which one signature in so many was invalid makes the next ones be checked each signature for itself: the sum that fails
/// costs as much as it saves.
const CROWDED: usize = 200;
/// A batch of which one signature in so many was invalid makes the next ones be checked without groups.
const SWAMPED: usize = 16;
/// Clean batches after which sums are tried again.
const CALM: u32 = 4;
/// Among so many accepted signatures one is shown to libsecp256k1 as well.
const SAMPLE_EVERY: usize = 1024;

/// Checks batches of signatures. One for each thread.
///
/// ```
/// use althing_batch::{Item, Verifier};
///
/// let forged = Item { key: [2; 32], message: &[0; 32], signature: [1; 64] };
/// assert_eq!(Verifier::new().check(&[forged]).invalid, [0]);
/// ```
#[derive(Debug)]
pub struct Verifier {
    lanes: Lanes,
    keys: KeyCache,
    disagreement: Option<Disagreement>,
    /// Batches to be checked each signature for itself before a sum is tried again.
    wary: u32,
    /// Whether the last batch had so many invalid signatures that most groups of [`Equation::failed_groups`] would fail.
    is_swamped: bool,
}

/// A signature about which this crate and libsecp256k1 had different opinions: a fault here, or of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disagreement {
    /// The x-only key.
    pub key: [u8; 32],
    /// The message.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: [u8; 64],
    /// What libsecp256k1 says of it; the batch said the opposite.
    pub is_valid: bool,
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Verifier {
    /// A verifier for this processor, without a key cache.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Lanes::detect(), KeyCache::with_capacity(0))
    }

    /// A verifier that computes with `lanes` and remembers keys in `keys`.
    #[must_use]
    pub fn with(lanes: Lanes, keys: KeyCache) -> Self {
        Self { lanes, keys, disagreement: None, wary: 0, is_swamped: false }
    }

    /// The first disagreement with libsecp256k1. From then on every signature is checked one by one, for ever.
    ///
    /// Operators should be told: it means a fault of this crate or of the machine.
    #[must_use]
    pub fn disagreement(&self) -> Option<&Disagreement> {
        self.disagreement.as_ref()
    }

    /// Checks all signatures (BIP340). The indices returned are exactly those that libsecp256k1 refuses one by one, except that
    /// an invalid signature is missed with probability at most 2^-128 (S-6).
    ///
    /// From 64 items up it takes clearly less time than one by one when all are valid; with many invalid ones in portable lanes it
    /// takes up to twice as long: keep sources of invalid signatures apart.
    ///
    /// # Panics
    /// With 2^29 items or more, or a message of 2^32 bytes or more (S-1).
    pub fn check(&mut self, items: &[Item<'_>]) -> Verdict {
        assert!(items.len() < 1 << 29, "S-1: {} items in one batch", items.len());
        if self.disagreement.is_some() || items.len() < SMALLEST_BATCH {
            return one_by_one(items);
        }
        let is_wary = self.wary > 0;
        if is_wary && !self.lanes.is_wide() {
            let verdict = one_by_one(items);
            self.note(items.len(), verdict.invalid.len());
            return verdict;
        }
        let weights = Weights::of(items);
        let verdict = match is_wary {
            true => self.check_side_by_side(items, &weights),
            false => self.check_batch(items, &weights),
        };
        let verdict = verdict.and_then(|verdict| sampled(items, &weights, verdict));
        let verdict = verdict.unwrap_or_else(|Overruled { index, is_valid }| {
            let Item { key, message, signature } = items[index];
            self.disagreement = Some(Disagreement { key, message: message.to_vec(), signature, is_valid });
            one_by_one(items)
        });
        self.note(items.len(), verdict.invalid.len());
        verdict
    }

    /// Invalid signatures come in crowds: what the last batches were like says how the next is checked with the least work.
    fn note(&mut self, checked: usize, invalid: usize) {
        self.is_swamped = invalid * SWAMPED >= checked;
        if invalid * CROWDED >= checked {
            self.wary = CALM;
        } else if invalid == 0 {
            self.wary = self.wary.saturating_sub(1);
        }
    }

    /// In groups, side by side in wide lanes, each of a failed group for itself; what does not hold is libsecp256k1's to refuse.
    fn check_side_by_side(&mut self, items: &[Item<'_>], weights: &Weights) -> Result<Verdict, Overruled> {
        let (equation, mut invalid) = Equation::new(self.lanes, &mut self.keys, items, weights);
        // S-2: refused by the rules for bytes; libsecp256k1 has to agree on each.
        invalid.iter().try_for_each(|index| refused(items, &[*index]).map(drop))?;
        let suspects = match self.is_swamped {
            true => (0..equation.len()).collect(),
            false => equation.failed_groups(0..equation.len()),
        };
        let failed = equation.failed_each(&suspects);
        if failed.is_empty() && !self.is_swamped {
            refused(items, &equation.items(&suspects))?;
        }
        for index in equation.items(&failed) {
            invalid.extend(refused(items, &[index])?);
        }
        invalid.sort_unstable();
        Ok(Verdict { invalid })
    }

    /// By the batch equation; whatever it does not accept, one by one.
    fn check_batch(&mut self, items: &[Item<'_>], weights: &Weights) -> Result<Verdict, Overruled> {
        let (equation, malformed) = Equation::new(self.lanes, &mut self.keys, items, weights);
        let mut invalid = Vec::new();
        // S-2: refused by the rules for bytes; libsecp256k1 has to agree on each.
        for index in malformed {
            invalid.extend(refused(items, &[index])?);
        }
        for part in Search::new(&equation, self.lanes).failed_parts() {
            let is_side_by_side = self.lanes.is_wide() && part.len() >= SMALLEST_SIDE_BY_SIDE;
            let failed =
                if is_side_by_side { equation.failed_each(&equation.failed_groups(part.clone())) } else { vec![] };
            if failed.is_empty() {
                let suspects: Vec<_> = part.collect();
                invalid.extend(refused(items, &equation.items(&suspects))?);
            }
            // The equation of each of these failed, so that libsecp256k1 has to refuse each.
            for index in equation.items(&failed) {
                invalid.extend(refused(items, &[index])?);
            }
        }
        invalid.sort_unstable();
        Ok(Verdict { invalid })
    }
}

/// libsecp256k1 says `is_valid` of an item of which the batch says the opposite.
struct Overruled {
    index: usize,
    is_valid: bool,
}

/// Those of `suspects`, at least one of them invalid, that libsecp256k1 refuses.
fn refused(items: &[Item<'_>], suspects: &[usize]) -> Result<Vec<usize>, Overruled> {
    let refused: Vec<_> = suspects.iter().copied().filter(|&index| !is_valid(&items[index])).collect();
    match suspects.first() {
        Some(&first) if refused.is_empty() => Err(Overruled { index: first, is_valid: true }),
        _ => Ok(refused),
    }
}

/// Shows a sample of the accepted signatures to libsecp256k1 (S-7).
fn sampled(items: &[Item<'_>], weights: &Weights, verdict: Verdict) -> Result<Verdict, Overruled> {
    for draw in 0..items.len().div_ceil(SAMPLE_EVERY) {
        let index = weights.sample(draw, items.len());
        if verdict.invalid.binary_search(&index).is_err() && !is_valid(&items[index]) {
            return Err(Overruled { index, is_valid: false });
        }
    }
    Ok(verdict)
}

fn one_by_one(items: &[Item<'_>]) -> Verdict {
    Verdict { invalid: (0..items.len()).filter(|&index| !is_valid(&items[index])).collect() }
}

/// What libsecp256k1 says.
fn is_valid(item: &Item<'_>) -> bool {
    XOnlyPublicKey::from_byte_array(item.key).is_ok_and(|key| {
        schnorr::verify(&schnorr::Signature::from_byte_array(item.signature), item.message, &key).is_ok()
    })
}

/// Bisection of a failed batch.
struct Search<'a> {
    equation: &'a Equation,
    lanes: Lanes,
    /// Signatures that may still be summed again. With many invalid ones it is cheaper to ask for each than to search.
    budget: usize,
    failed: Vec<Range<usize>>,
}

impl<'a> Search<'a> {
    fn new(equation: &'a Equation, lanes: Lanes) -> Self {
        Self { equation, lanes, budget: equation.len(), failed: Vec::new() }
    }

    /// Parts whose equation does not hold; all signatures outside of them are valid.
    fn failed_parts(mut self) -> Vec<Range<usize>> {
        let all = 0..self.equation.len();
        let error = self.equation.error(all.clone());
        self.search(all, &error);
        self.failed
    }

    fn search(&mut self, part: Range<usize>, error: &Jacobian) {
        if error.is_infinity() {
            return;
        }
        let half = part.len() / 2;
        if part.len() <= SMALLEST_PART || half > self.budget {
            self.failed.push(part);
            return;
        }
        self.budget -= half;
        let middle = part.start + half;
        // The halves' errors add up to the whole's, so the second needs no sum of its own.
        let left = self.equation.error(part.start..middle);
        let right = error.add(&left.negate());
        let is_crowded = !left.is_infinity() && !right.is_infinity();
        if is_crowded && self.lanes.is_wide() && part.len() >= SMALLEST_SIDE_BY_SIDE {
            self.failed.push(part);
            return;
        }
        self.search(part.start..middle, &left);
        self.search(middle..part.end, &right);
    }
}
