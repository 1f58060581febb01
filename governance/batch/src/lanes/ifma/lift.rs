//! `lift_x` of thirty-two x coordinates at a time.

use core::arch::x86_64::*;

use super::field::{self, Eight, block, mul, square, square_times};
use super::{BLOCK, Block, rows};
use crate::arith::{Affine, Field};

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn lift_x(xs: &[Field]) -> Vec<Option<Affine>> {
    let mut points = Vec::with_capacity(xs.len().next_multiple_of(BLOCK));
    for xs in xs.chunks(BLOCK) {
        // Lanes without an x of their own lift 1.
        let mut padded = [Field::ONE; BLOCK];
        padded[..xs.len()].copy_from_slice(xs);
        lift_block(&padded, &mut points);
    }
    points.truncate(xs.len());
    points
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn lift_block(xs: &[Field; BLOCK], points: &mut Vec<Option<Affine>>) {
    let (vectors, _) = xs.as_chunks::<8>();
    let x = block(|v| Eight::from_words(rows::load(vectors[v].each_ref().map(|x| &x.0))));
    let cubed = mul(&square(&x), &x);
    // Tight plus 7: far below 2^260.
    let curve = block(|v| cubed[v].raw().plus(Eight::small(7).raw()).carry());
    let y = sqrt(&curve);
    let squared = square(&y);
    for (v, xs) in vectors.iter().enumerate() {
        let is_root = rows::equal(&squared[v].to_words(), &curve[v].to_words());
        let words = y[v].to_words();
        let is_odd = _mm512_test_epi64_mask(words[0], _mm512_set1_epi64(1));
        for (lane, (x, y)) in xs.iter().zip(rows::store(words)).enumerate() {
            let y = if is_odd >> lane & 1 == 1 { -Field(y) } else { Field(y) };
            points.push((is_root >> lane & 1 == 1).then_some(Affine { x: *x, y }));
        }
    }
}

/// The power (p + 1) / 4 = (2^223 - 1) 2^31 + (2^22 - 1) 2^8 + 0b00001100: a root where there is one.
///
/// The same chain as [`Field::sqrt`]; `ones_k` is the power 2^k - 1.
#[target_feature(enable = "avx512f,avx512ifma")]
fn sqrt(x: &Block) -> Block {
    let append = |ones: &Block, count: u32, more: &Block| mul(&field::square_times(ones, count), more);
    let ones_2 = append(x, 1, x);
    let ones_3 = append(&ones_2, 1, x);
    let ones_6 = append(&ones_3, 3, &ones_3);
    let ones_9 = append(&ones_6, 3, &ones_3);
    let ones_11 = append(&ones_9, 2, &ones_2);
    let ones_22 = append(&ones_11, 11, &ones_11);
    let ones_44 = append(&ones_22, 22, &ones_22);
    let ones_88 = append(&ones_44, 44, &ones_44);
    let ones_176 = append(&ones_88, 88, &ones_88);
    let ones_220 = append(&ones_176, 44, &ones_44);
    let ones_223 = append(&ones_220, 3, &ones_3);
    square_times(&append(&append(&ones_223, 23, &ones_22), 6, &ones_2), 2)
}
