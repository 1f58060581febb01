//! Additions of points, thirty-two at a time, with inversions shared by all that stand in the same lane.

use core::arch::x86_64::*;

use super::field::{Eight, block, mul, square};
use super::{BLOCK, Block, VECTORS, rows};
use crate::arith::field::invert_all;
use crate::arith::{Affine, Field};
use crate::lanes::Addition;
use crate::lanes::portable::{self, Slope};

/// What the way back through the product of the denominators needs of a block.
struct Step {
    denominators: Block,
    /// The product of all denominators before, lane by lane.
    before: Block,
    /// Lanes whose addition is no chord, for each vector: a doubling, or no line at all.
    special: [__mmask8; VECTORS],
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add(from: &[Affine], additions: &[Addition], to: &mut [Affine]) {
    let (blocks, rest) = additions.as_chunks::<BLOCK>();
    let mut product = block(|_| Eight::one());
    let mut steps = Vec::with_capacity(blocks.len());
    for additions in blocks {
        let (denominators, special) = denominators(from, additions);
        steps.push(Step { denominators, before: product, special });
        product = mul(&product, &denominators);
    }
    // One inversion for all lanes and for what is left over, which takes less time one by one than as a block.
    let mut inverses = portable::denominators(from, rest);
    let left_over = inverses.len();
    if !blocks.is_empty() {
        inverses.extend(product.iter().flat_map(|eight| rows::store(eight.to_words())).map(Field));
    }
    invert_all(&mut inverses);
    let (left_over, lanes) = inverses.split_at(left_over);
    portable::sums(from, rest, left_over, to);
    let (lanes, _) = lanes.as_chunks::<8>();
    if lanes.is_empty() {
        return;
    }
    let mut inverse = block(|v| Eight::from_words(rows::load(lanes[v].each_ref().map(|value| &value.0))));
    for (additions, step) in blocks.iter().zip(&steps).rev() {
        let inverses = mul(&inverse, &step.before);
        inverse = mul(&inverse, &step.denominators);
        sums(from, additions, &inverses, to);
        if step.special != [0; VECTORS] {
            special_sums(from, additions, step.special, &inverses, to);
        }
    }
}

/// The denominators of the slopes: x of the right less x of the left, never 0.
#[target_feature(enable = "avx512f,avx512ifma")]
fn denominators(from: &[Affine], additions: &[Addition; BLOCK]) -> (Block, [__mmask8; VECTORS]) {
    let (vectors, _) = additions.as_chunks::<8>();
    let mut special = [0; VECTORS];
    let mut denominators = block(|_| Eight::one());
    for (v, additions) in vectors.iter().enumerate() {
        let left = rows::load(additions.each_ref().map(|addition| &from[addition.left.index()].x.0));
        let right = rows::load(additions.each_ref().map(|addition| &from[addition.right.index()].x.0));
        // The neutral element is the only one with x = 0: 7 has no square root.
        let zero = [_mm512_setzero_si512(); 4];
        special[v] = rows::equal(&left, &right) | rows::equal(&left, &zero) | rows::equal(&right, &zero);
        // Canonical less canonical is above -p.
        denominators[v] = Eight::from_words(right).raw().minus(Eight::from_words(left).raw()).plus_two_p().carry();
        if special[v] != 0 {
            let mut values = [Field::ZERO; 8];
            for (value, addition) in values.iter_mut().zip(additions) {
                *value = Slope::of(addition.left.of(from), addition.right.of(from)).denominator();
            }
            let values = Eight::from_words(rows::load(values.each_ref().map(|value| &value.0)));
            denominators[v] = denominators[v].replace(special[v], values);
        }
    }
    (denominators, special)
}

/// The sums by the chord through both points; garbage in special lanes, to be overwritten.
#[target_feature(enable = "avx512f,avx512ifma")]
fn sums(from: &[Affine], additions: &[Addition; BLOCK], inverses: &Block, to: &mut [Affine]) {
    let (vectors, _) = additions.as_chunks::<8>();
    let left_x = block(|v| {
        Eight::from_words(rows::load(vectors[v].each_ref().map(|addition| &from[addition.left.index()].x.0)))
    });
    let right_x = block(|v| {
        Eight::from_words(rows::load(vectors[v].each_ref().map(|addition| &from[addition.right.index()].x.0)))
    });
    // Canonical or its negative: between -p and p.
    let left_y = |v: usize| {
        let rows = rows::load(vectors[v].each_ref().map(|addition| &from[addition.left.index()].y.0));
        Eight::from_words(rows).negate_some(mask(&vectors[v], |addition| addition.left.is_negative()))
    };
    let right_y = |v: usize| {
        let rows = rows::load(vectors[v].each_ref().map(|addition| &from[addition.right.index()].y.0));
        Eight::from_words(rows).negate_some(mask(&vectors[v], |addition| addition.right.is_negative()))
    };
    // Above -2p, and with 2p more below 4p.
    let rises = block(|v| right_y(v).minus(left_y(v)).plus_two_p().carry());
    let slopes = mul(&rises, inverses);
    let squares = square(&slopes);
    // Tight less two canonical: above -2p, and with 2p more below 4p.
    let x = block(|v| squares[v].raw().minus(left_x[v].raw()).minus(right_x[v].raw()).plus_two_p().carry());
    let x_words = x.map(|x| x.to_words());
    // Canonical less canonical.
    let runs = block(|v| left_x[v].raw().minus(Eight::from_words(x_words[v]).raw()).plus_two_p().carry());
    let products = mul(&slopes, &runs);
    for (v, additions) in vectors.iter().enumerate() {
        // Tight less something between -p and p.
        let y = products[v].raw().minus(left_y(v)).plus_two_p().carry();
        let points = rows::store(x_words[v]).into_iter().zip(rows::store(y.to_words()));
        for (addition, (x, y)) in additions.iter().zip(points) {
            to[addition.to as usize] = Affine { x: Field(x), y: Field(y) };
        }
    }
}

/// The sums in special lanes.
#[cold]
#[target_feature(enable = "avx512f,avx512ifma")]
fn special_sums(
    from: &[Affine],
    additions: &[Addition; BLOCK],
    special: [__mmask8; VECTORS],
    inverses: &Block,
    to: &mut [Affine],
) {
    let (vectors, _) = additions.as_chunks::<8>();
    for (v, additions) in vectors.iter().enumerate() {
        let inverses = rows::store(inverses[v].to_words());
        for lane in (0..8).filter(|lane| special[v] >> lane & 1 == 1) {
            let (left, right) = (additions[lane].left.of(from), additions[lane].right.of(from));
            to[additions[lane].to as usize] = Slope::of(left, right).sum(left, right, Field(inverses[lane]));
        }
    }
}

/// The lanes for which `is_set` holds.
#[inline]
fn mask(additions: &[Addition; 8], is_set: impl Fn(&Addition) -> bool) -> __mmask8 {
    additions.iter().rev().fold(0, |mask, addition| mask << 1 | u8::from(is_set(addition)))
}
