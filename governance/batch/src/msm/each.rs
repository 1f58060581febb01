//! Many products of a factor and a point, each for itself, computed side by side.
//!
//! One product is a chain of doublings and additions that depend on each other; a step of a thousand chains is a thousand
//! independent additions, which share an inversion and fill the lanes.

use std::sync::LazyLock;

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

/// `factors[i] * points[i]`; no point may be the neutral element.
pub(crate) fn multiply_each(lanes: Lanes, factors: &[Scalar], points: &[Affine]) -> Vec<Affine> {
    let count = points.len();
    let halves: Vec<[HalfScalar; 2]> = factors.iter().map(|factor| factor.split().into()).collect();
    // The products so far, then the tables: what a step adds has to be in one slice.
    let mut from = vec![Affine::INFINITY; count];
    from.reserve(2 * TABLE * count);
    for table in multiples(lanes, points, TABLE).chunks_exact(TABLE) {
        from.extend_from_slice(table);
        // Multiples of lambda times the point: a multiplication each, where an addition is six.
        from.extend(table.iter().map(|multiple| multiple.times_lambda()));
    }
    let mut products = vec![Affine::INFINITY; count];
    let mut additions = Vec::with_capacity(count);
    let mut step = |from: &mut [Affine], right: &dyn Fn(usize) -> Option<Term>| {
        additions.clear();
        for index in 0..count {
            additions.extend(right(index).map(|right| Addition {
                left: Term::new(index, false),
                right,
                to: index as u32,
            }));
        }
        lanes.add(from, &additions, &mut products);
        from[..count].copy_from_slice(&products);
    };
    for position in WINDOWS.positions().rev() {
        for _ in 0..WINDOWS.bits() {
            let is_started: Vec<_> = from[..count].iter().map(|product| !product.is_infinity()).collect();
            step(&mut from, &|index| is_started[index].then(|| Term::new(index, false)));
        }
        for half in [0, 1] {
            step(&mut from, &|index| {
                let factor = halves[index][half];
                let digit = WINDOWS.digit(factor.magnitude, position);
                let place = count + (2 * index + half) * TABLE + (digit.unsigned_abs() as usize).checked_sub(1)?;
                Some(Term::new(place, (digit < 0) != factor.negative))
            });
        }
    }
    products
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
