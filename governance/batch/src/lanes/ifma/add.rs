//! Additions of points, thirty-two at a time, with inversions shared by all that stand in the same lane.

use core::arch::x86_64::*;
use std::cell::RefCell;

use super::field::{Eight, Raw, block, mul, mul_by, mul_into, square};
use super::{BLOCK, Block, VECTORS, rows};
use crate::arith::field::invert_all;
use crate::arith::{Affine, Field};
use crate::lanes::Addition;
use crate::lanes::portable::{self, Slope};

/// What the way back through the product of the denominators needs of a block. It is made in its place: moving it costs as much as a
/// multiplication.
#[derive(Clone, Copy)]
struct Step {
    denominators: Block,
    /// The product of all denominators up to these, lane by lane.
    product: Block,
    lines: Lines,
}

thread_local! {
    /// Steps from the additions before, to be overwritten: filling new ones took a fifth of the time of all additions.
    static STEPS: RefCell<Vec<Step>> = const { RefCell::new(Vec::new()) };
}

/// Which lanes of each vector do not add along a chord.
#[derive(Clone, Copy, Default)]
struct Lines {
    /// A point is added to itself: the tangent.
    doubling: [__mmask8; VECTORS],
    /// Anything else: left to the portable code.
    special: [__mmask8; VECTORS],
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add(from: &[Affine], additions: &[Addition], to: &mut [Affine]) {
    let (blocks, rest) = additions.as_chunks::<BLOCK>();
    let one = block(|_| Eight::one());
    let mut kept = STEPS.take();
    if kept.len() < blocks.len() {
        kept.resize(blocks.len(), Step { denominators: one, product: one, lines: Lines::default() });
    }
    let steps = &mut kept[..blocks.len()];
    for (i, additions) in blocks.iter().enumerate() {
        let (before, step) = steps.split_at_mut(i);
        let Step { denominators, product, lines } = &mut step[0];
        *lines = self::denominators(from, additions, denominators);
        mul_into(before.last().map_or(&one, |step| &step.product), denominators, product);
    }
    // One inversion for all lanes and for what is left over, which takes less time one by one than as a block.
    let mut inverses = portable::denominators(from, rest);
    let left_over = inverses.len();
    if !blocks.is_empty() {
        let product = steps.last().map_or(&one, |step| &step.product);
        inverses.extend(product.iter().flat_map(|eight| rows::store(eight.to_words())).map(Field));
    }
    invert_all(&mut inverses);
    let (left_over, lanes) = inverses.split_at(left_over);
    portable::sums(from, rest, left_over, to);
    let (lanes, _) = lanes.as_chunks::<8>();
    if !lanes.is_empty() {
        let mut inverse = block(|v| Eight::from_words(rows::load(lanes[v].each_ref().map(|value| &value.0))));
        let mut inverses = inverse;
        for (i, (additions, step)) in blocks.iter().zip(&*steps).enumerate().rev() {
            let before = i.checked_sub(1).map_or(&one, |i| &steps[i].product);
            mul_into(&inverse, before, &mut inverses);
            mul_by(&step.denominators, &mut inverse);
            sums(from, additions, step.lines.doubling, &inverses, to);
            if step.lines.special != [0; VECTORS] {
                special_sums(from, additions, step.lines.special, &inverses, to);
            }
        }
    }
    STEPS.set(kept);
}

/// The denominators of the slopes, never 0: x of the right less x of the left, or twice y.
#[target_feature(enable = "avx512f,avx512ifma")]
fn denominators(from: &[Affine], additions: &[Addition; BLOCK], denominators: &mut Block) -> Lines {
    let (vectors, _) = additions.as_chunks::<8>();
    let mut lines = Lines::default();
    for (v, additions) in vectors.iter().enumerate() {
        let left = rows::load(additions.each_ref().map(|addition| &from[addition.left.index()].x.0));
        let right = rows::load(additions.each_ref().map(|addition| &from[addition.right.index()].x.0));
        // The neutral element is the only one with x = 0: 7 has no square root.
        let zero = [_mm512_setzero_si512(); 4];
        let neutral = rows::equal(&left, &zero) | rows::equal(&right, &zero);
        let no_chord = rows::equal(&left, &right) | neutral;
        // Canonical less canonical is above -p.
        denominators[v] = Eight::from_words(right).raw().minus(Eight::from_words(left).raw()).plus_two_p().carry();
        if no_chord == 0 {
            continue;
        }
        lines.doubling[v] = mask(additions, |addition| addition.left == addition.right) & !neutral;
        lines.special[v] = no_chord & !lines.doubling[v];
        // Twice something between -p and p.
        let y = left_y(from, additions);
        denominators[v] = denominators[v].replace(lines.doubling[v], y.plus(y).plus_two_p().carry());
        if lines.special[v] != 0 {
            let slope = |addition: &Addition| Slope::of(addition.left.of(from), addition.right.of(from));
            let values = additions.each_ref().map(|addition| slope(addition).denominator());
            let values = Eight::from_words(rows::load(values.each_ref().map(|value| &value.0)));
            denominators[v] = denominators[v].replace(lines.special[v], values);
        }
    }
    lines
}

/// The sums by chord or tangent; garbage in special lanes, to be overwritten.
#[target_feature(enable = "avx512f,avx512ifma")]
fn sums(
    from: &[Affine],
    additions: &[Addition; BLOCK],
    doubling: [__mmask8; VECTORS],
    inverses: &Block,
    to: &mut [Affine],
) {
    let (vectors, _) = additions.as_chunks::<8>();
    let left_x = block(|v| {
        Eight::from_words(rows::load(vectors[v].each_ref().map(|addition| &from[addition.left.index()].x.0)))
    });
    let right_x = block(|v| {
        Eight::from_words(rows::load(vectors[v].each_ref().map(|addition| &from[addition.right.index()].x.0)))
    });
    // Above -2p, and with 2p more below 4p.
    let mut rises = block(|v| right_y(from, &vectors[v]).minus(left_y(from, &vectors[v])).plus_two_p().carry());
    if doubling != [0; VECTORS] {
        let squares = square(&left_x);
        for (v, rise) in rises.iter_mut().enumerate() {
            // 3 x^2: three times tight is below 6p.
            let square = squares[v].raw();
            *rise = rise.replace(doubling[v], square.plus(square).plus(square).carry());
        }
    }
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
        let y = products[v].raw().minus(left_y(from, additions)).plus_two_p().carry();
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

/// y of the left points: canonical or its negative, so between -p and p.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn left_y(from: &[Affine], additions: &[Addition; 8]) -> Raw {
    let rows = rows::load(additions.each_ref().map(|addition| &from[addition.left.index()].y.0));
    Eight::from_words(rows).negate_some(mask(additions, |addition| addition.left.is_negative()))
}

/// y of the right points, between -p and p as well.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn right_y(from: &[Affine], additions: &[Addition; 8]) -> Raw {
    let rows = rows::load(additions.each_ref().map(|addition| &from[addition.right.index()].y.0));
    Eight::from_words(rows).negate_some(mask(additions, |addition| addition.right.is_negative()))
}

/// The lanes for which `is_set` holds.
#[inline]
fn mask(additions: &[Addition; 8], is_set: impl Fn(&Addition) -> bool) -> __mmask8 {
    additions.iter().rev().fold(0, |mask, addition| mask << 1 | u8::from(is_set(addition)))
}
