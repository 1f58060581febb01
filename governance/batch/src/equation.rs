//! The batch equation (S-5): which points are summed with which factors.

use crate::arith::{Affine, Field, HalfScalar, Jacobian, Scalar};
use crate::item::Item;
use crate::key_cache::KeyCache;
use crate::lanes::Lanes;
use crate::msm::{self, Product};
use crate::weights::{Tagged, Weights};

/// Signatures checked side by side at a time: enough to amortise inversions, few enough for the memory near the processor.
const SIDE_BY_SIDE: usize = 2048;

/// Signatures that share an equation where one in a hundred is invalid: a few more, and too many groups fail; fewer, and each has too much to itself.
const GROUP: usize = 8;

/// Well-formed signatures of a batch (S-2), sorted by key, with their weights.
pub(crate) struct Equation {
    entries: Vec<Entry>,
    lanes: Lanes,
}

/// What one signature brings into the sum.
struct Entry {
    /// Index of the item.
    item: usize,
    key: Affine,
    nonce: Affine,
    e: Scalar,
    s: Scalar,
    weight: u128,
    /// Weight times e: the factor of the key.
    key_factor: Scalar,
    /// Weight times s: the factor of the generator.
    generator_factor: Scalar,
}

impl Equation {
    /// Decodes and lifts all items; those that are not well-formed (S-2) are left out, their indices returned beside.
    pub(crate) fn new(lanes: Lanes, keys: &mut KeyCache, items: &[Item<'_>], weights: &Weights) -> (Self, Vec<usize>) {
        let decoded: Vec<_> = items.iter().map(Decoded::of).collect();
        let points = lift_all(lanes, keys, &decoded);
        let challenge = Tagged::new("BIP0340/challenge");
        let mut entries = Vec::with_capacity(items.len());
        let mut malformed = Vec::new();
        for (index, weight) in weights.expand(items.len()).into_iter().enumerate() {
            let item = &items[index];
            let (Some(decoded), Some((key, nonce))) = (&decoded[index], points[index]) else {
                malformed.push(index);
                continue;
            };
            let e = Scalar::from_be_bytes_reduced(&challenge.hash(&[&item.r(), &item.key, item.message]));
            let factor = Scalar::from(weight);
            entries.push(Entry {
                item: index,
                key,
                nonce,
                e,
                s: decoded.s,
                weight,
                key_factor: factor * e,
                generator_factor: factor * decoded.s,
            });
        }
        // Signatures of one key side by side: their factors add up to one (S-5).
        entries.sort_unstable_by_key(|entry| (entry.key.x.0, entry.item));
        (Self { entries, lanes }, malformed)
    }

    /// How many well-formed signatures there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Indices of the items that stand at `positions`.
    pub(crate) fn items(&self, positions: &[usize]) -> Vec<usize> {
        positions.iter().map(|&position| self.entries[position].item).collect()
    }

    /// How far the signatures at `positions` are off: the sum of weight (R + e P - s G), neutral when all are valid.
    pub(crate) fn error(&self, positions: std::ops::Range<usize>) -> Jacobian {
        let entries = &self.entries[positions];
        let mut sum = Sum::with_capacity(entries.len());
        let mut generator_factor = Scalar::ZERO;
        for same_key in entries.chunk_by(|a, b| a.key.x == b.key.x) {
            let mut key_factor = Scalar::ZERO;
            for entry in same_key {
                sum.push(entry.weight.into(), entry.nonce);
                key_factor = key_factor + entry.key_factor;
                generator_factor = generator_factor + entry.generator_factor;
            }
            sum.push_split(key_factor, same_key[0].key);
        }
        sum.push_split(-generator_factor, Affine::GENERATOR);
        msm::multiply_and_sum(self.lanes, &sum.factors, &sum.points)
    }

    /// Those of `positions` whose own equation s G = R + e P does not hold; no weights.
    ///
    /// In wide lanes a fraction of the time that libsecp256k1 takes, else about the same.
    pub(crate) fn failed_each(&self, positions: &[usize]) -> Vec<usize> {
        let mut failed = Vec::new();
        for positions in positions.chunks(SIDE_BY_SIDE) {
            let entries = positions.iter().map(|&position| &self.entries[position]);
            let products: Vec<_> =
                entries.clone().enumerate().map(|(group, entry)| product(entry.e, entry.key, group)).collect();
            let nonces: Vec<_> = entries.clone().map(|entry| entry.nonce).collect();
            let left = msm::multiply_generator(self.lanes, &entries.map(|entry| entry.s).collect::<Vec<_>>());
            let right = msm::sum_groups(self.lanes, &products, positions.len());
            let right = msm::add_each(self.lanes, right, &nonces);
            failed.extend((0..positions.len()).filter(|&index| left[index] != right[index]).map(|i| positions[i]));
        }
        failed
    }

    /// Those of `positions` that are in a group of [`GROUP`] neighbours whose error (S-5) is not neutral; all others are valid (S-6).
    pub(crate) fn failed_groups(&self, positions: std::ops::Range<usize>) -> Vec<usize> {
        let mut failed = Vec::new();
        for begin in positions.clone().step_by(SIDE_BY_SIDE) {
            let end = positions.end.min(begin + SIDE_BY_SIDE);
            let mut products = Vec::with_capacity(2 * (end - begin));
            let mut generator_factors = Vec::with_capacity(SIDE_BY_SIDE / GROUP);
            for (group, entries) in self.entries[begin..end].chunks(GROUP).enumerate() {
                let mut generator_factor = Scalar::ZERO;
                for same_key in entries.chunk_by(|a, b| a.key.x == b.key.x) {
                    let mut key_factor = Scalar::ZERO;
                    for entry in same_key {
                        products.push(Product { point: entry.nonce, first: entry.weight.into(), second: None, group });
                        key_factor = key_factor + entry.key_factor;
                        generator_factor = generator_factor + entry.generator_factor;
                    }
                    products.push(product(key_factor, same_key[0].key, group));
                }
                generator_factors.push(generator_factor);
            }
            let left = msm::multiply_generator(self.lanes, &generator_factors);
            let right = msm::sum_groups(self.lanes, &products, generator_factors.len());
            for (group, (left, right)) in left.iter().zip(&right).enumerate() {
                let begin = begin + group * GROUP;
                if left != right {
                    failed.extend(begin..end.min(begin + GROUP));
                }
            }
        }
        failed
    }
}

/// A key with its factor.
fn product(factor: Scalar, point: Affine, group: usize) -> Product {
    let (first, second) = factor.split();
    Product { point, first, second: Some(second), group }
}

/// The numbers of an item, in range (S-2).
struct Decoded {
    key: Field,
    r: Field,
    s: Scalar,
}

impl Decoded {
    fn of(item: &Item<'_>) -> Option<Self> {
        Some(Self {
            key: Field::from_be_bytes(&item.key)?,
            r: Field::from_be_bytes(&item.r())?,
            s: Scalar::from_be_bytes(&item.s())?,
        })
    }
}

/// Key and nonce point of each item; `None` where one is not on the curve.
fn lift_all(lanes: Lanes, keys: &mut KeyCache, decoded: &[Option<Decoded>]) -> Vec<Option<(Affine, Affine)>> {
    let known: Vec<_> = decoded.iter().map(|item| keys.point(item.as_ref()?.key)).collect();
    let mut xs = Vec::with_capacity(2 * decoded.len());
    for (item, known) in decoded.iter().zip(&known) {
        let Some(item) = item else { continue };
        xs.push(item.r);
        if known.is_none() {
            xs.push(item.key);
        }
    }
    let mut lifted = lanes.lift_x(&xs).into_iter();
    let mut next = || lifted.next().expect("as many points as coordinates");
    decoded
        .iter()
        .zip(known)
        .map(|(item, known)| {
            item.as_ref()?;
            let nonce = next();
            let key = known.or_else(|| next().inspect(|&point| keys.insert(point)));
            Some((key?, nonce?))
        })
        .collect()
}

/// Factors and points side by side.
struct Sum {
    factors: Vec<HalfScalar>,
    points: Vec<Affine>,
}

impl Sum {
    /// Room for so many signatures of as many keys.
    fn with_capacity(signatures: usize) -> Self {
        let terms = 3 * signatures + 2;
        Self { factors: Vec::with_capacity(terms), points: Vec::with_capacity(terms) }
    }

    fn push(&mut self, factor: HalfScalar, point: Affine) {
        self.factors.push(factor);
        self.points.push(point);
    }

    /// A factor of full length, as two halves.
    fn push_split(&mut self, factor: Scalar, point: Affine) {
        let (first, second) = factor.split();
        self.push(first, point);
        self.push(second, point.times_lambda());
    }
}
