//! Many small sums of products of a factor and a point, computed side by side (Straus's method).
//!
//! One sum is a chain of doublings and additions that depend on each other; a step of a thousand chains is a thousand
//! independent additions, which share an inversion and fill the lanes. The products of one sum share its doublings.

use std::sync::LazyLock;

use super::DIGITS_PER_PASS;
use super::digits::Windows;
use super::runs::{RunSums, Runs};
use crate::arith::{Affine, HalfScalar, Jacobian, Scalar};
use crate::lanes::{Addition, Lanes, Term};

/// Digits of -8 ..= 8: more would need more room than the processor's caches have for the tables of a thousand points.
const WINDOWS: Windows = Windows::of_bits(4);
/// Points in the table of one half of a factor.
const TABLE: usize = WINDOWS.buckets();
/// Multiples of one power of 256 in the table of the generator.
const GENERATOR_TABLE: usize = 256;

/// (j + 1) 256^i G, at i * 256 + j.
static GENERATOR_MULTIPLES: LazyLock<Vec<Affine>> = LazyLock::new(|| {
    let mut power = Jacobian::from(Affine::GENERATOR);
    let powers: Vec<_> = (0..32)
        .map(|_| {
            let point = power.to_affine();
            power = power.double_times(8);
            point
        })
        .collect();
    multiples(Lanes::portable(), &powers, GENERATOR_TABLE)
});

/// A point with its factor, in two halves for the point and lambda times it; the second half may be missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    /// Not the neutral element.
    pub(crate) point: Affine,
    pub(crate) first: HalfScalar,
    pub(crate) second: Option<HalfScalar>,
    /// The sum that it belongs to.
    pub(crate) group: usize,
}

/// The sum of the products of each of `groups` groups.
pub(crate) fn sum_groups(lanes: Lanes, products: &[Product], groups: usize) -> Vec<Affine> {
    let points: Vec<_> = products.iter().map(|product| product.point).collect();
    let mut tables = multiples(lanes, &points, TABLE);
    // Behind them the multiples of lambda times a point: a multiplication each, where an addition is six.
    let mut halves = Vec::with_capacity(2 * products.len());
    for (row, product) in products.iter().enumerate() {
        halves.push((product.first, row * TABLE, product.group));
        if let Some(second) = product.second {
            halves.push((second, tables.len(), product.group));
            tables.extend_from_within(row * TABLE..(row + 1) * TABLE);
            let behind = tables.len() - TABLE;
            tables[behind..].iter_mut().for_each(|multiple| *multiple = multiple.times_lambda());
        }
    }
    let mut sums = RunSums::new(lanes);
    let mut totals = Totals { lanes, points: vec![Affine::INFINITY; 2 * groups], sums: vec![Affine::INFINITY; groups] };
    let mut digits = Vec::new();
    let per_pass = (DIGITS_PER_PASS / halves.len().max(1)).clamp(1, WINDOWS.count());
    for pass in WINDOWS.positions().rev().step_by(per_pass) {
        let pass = (pass + 1).saturating_sub(per_pass)..pass + 1;
        digits.clear();
        for (row, position) in pass.clone().enumerate() {
            for &(factor, table, group) in &halves {
                let digit = WINDOWS.digit(factor.magnitude, position);
                if let Some(place) = (digit.unsigned_abs() as usize).checked_sub(1) {
                    let term = Term::new(table + place, (digit < 0) != factor.negative);
                    digits.push((row * groups + group, term));
                }
            }
        }
        let parts = sums.sum(&tables, Runs::sorted(pass.len() * groups, &digits));
        for part in parts.chunks_exact(groups).rev() {
            (0..WINDOWS.bits()).for_each(|_| totals.double());
            totals.add(part);
        }
    }
    totals.sums
}

/// `left[i] + right[i]`.
pub(crate) fn add_each(lanes: Lanes, left: Vec<Affine>, right: &[Affine]) -> Vec<Affine> {
    let mut totals = Totals { lanes, points: [left.as_slice(), right].concat(), sums: left };
    totals.add(right);
    totals.sums
}

/// Sums that grow side by side.
struct Totals {
    lanes: Lanes,
    /// The sums so far, and behind them what is added: an addition has both in one slice.
    points: Vec<Affine>,
    sums: Vec<Affine>,
}

impl Totals {
    fn double(&mut self) {
        let count = self.sums.len();
        // One term twice: a tangent, and no chord whose points happen to be the same.
        let additions: Vec<_> = (0..count)
            .filter(|&index| !self.sums[index].is_infinity())
            .map(|index| Addition { left: Term::new(index, false), right: Term::new(index, false), to: index as u32 })
            .collect();
        self.points[..count].copy_from_slice(&self.sums);
        self.lanes.add(&self.points, &additions, &mut self.sums);
    }

    fn add(&mut self, summands: &[Affine]) {
        let count = self.sums.len();
        self.points[..count].copy_from_slice(&self.sums);
        self.points[count..].copy_from_slice(summands);
        let mut additions = Vec::with_capacity(count);
        for (index, (sum, summand)) in self.sums.iter_mut().zip(summands).enumerate() {
            let (left, right) = (Term::new(index, false), Term::new(count + index, false));
            match (sum.is_infinity(), summand.is_infinity()) {
                (_, true) => {}
                (true, false) => *sum = *summand,
                (false, false) => additions.push(Addition { left, right, to: index as u32 }),
            }
        }
        self.lanes.add(&self.points, &additions, &mut self.sums);
    }
}

/// `factors[i] * G`.
pub(crate) fn multiply_generator(lanes: Lanes, factors: &[Scalar]) -> Vec<Affine> {
    let mut digits = Vec::with_capacity(32 * factors.len());
    for (run, factor) in factors.iter().enumerate() {
        for (power, &digit) in factor.to_be_bytes().iter().rev().enumerate() {
            if let Some(place) = usize::from(digit).checked_sub(1) {
                digits.push((run, Term::new(power * GENERATOR_TABLE + place, false)));
            }
        }
    }
    RunSums::new(lanes).sum(&GENERATOR_MULTIPLES, Runs::sorted(factors.len(), &digits))
}

/// 1 to `count` (a power of two) times each base: (j + 1) times base i at i * `count` + j.
fn multiples(lanes: Lanes, bases: &[Affine], count: usize) -> Vec<Affine> {
    let mut table = vec![Affine::INFINITY; bases.len() * count];
    for (row, base) in table.chunks_exact_mut(count).zip(bases) {
        row[0] = *base;
    }
    let mut known = 1;
    while known < count {
        // known times the base and each multiple up to it make the next ones.
        let term = |index| Term::new(index, false);
        let additions: Vec<_> = (0..table.len())
            .step_by(count)
            .flat_map(|row| {
                (row..row + known).map(move |place| Addition {
                    left: term(row + known - 1),
                    right: term(place),
                    to: (place + known) as u32,
                })
            })
            .collect();
        let from = table.clone();
        lanes.add(&from, &additions, &mut table);
        known *= 2;
    }
    table
}
