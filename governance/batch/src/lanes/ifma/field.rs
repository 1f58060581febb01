//! Eight elements of the field in five vectors of 52-bit limbs.
//!
//! Bounds. The multipliers silently drop all but the low 52 bits of what they are given, so that every limb has to be below
//! 2^52 (and not negative) when it is multiplied. Three forms are told apart, each a special case of the one before:
//! * *loose*: limbs below 2^52, so values below 2^260 = 16 * 2^256;
//! * *tight*: limbs 0 to 3 below 2^52, limb 4 at most 2^48, values below 2^256 + 2^76 < 2p; what multiplications return;
//! * *canonical*: values below p; what is stored.
//!
//! Limbs between operations are *raw*: signed 64-bit numbers of at most 2^57 in absolute value, made loose by [`Raw::carry`].

use core::arch::x86_64::*;

use super::{Block, VECTORS};
use crate::arith::field::P;

const MASK_52: i64 = (1 << 52) - 1;
const MASK_48: i64 = (1 << 48) - 1;
/// 2^256 modulo p: 33 bits.
const FOLD_256: i64 = (1 << 32) + 977;
/// 2^260 modulo p: 37 bits.
const FOLD_260: i64 = FOLD_256 << 4;
/// 2p, limb by limb; each limb below 2^53.
const TWO_P: [i64; 5] = {
    let p = split(P);
    [2 * p[0], 2 * p[1], 2 * p[2], 2 * p[3], 2 * p[4]]
};

/// Eight loose elements; limb i of all of them in vector i.
#[derive(Clone, Copy)]
pub(super) struct Eight([__m512i; 5]);

/// Eight elements with raw limbs.
#[derive(Clone, Copy)]
pub(super) struct Raw([__m512i; 5]);

impl Eight {
    /// Eight times 1.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn one() -> Self {
        Self::small(1)
    }

    /// Eight times a number below 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn small(number: i64) -> Self {
        let zero = _mm512_setzero_si512();
        Self([_mm512_set1_epi64(number), zero, zero, zero, zero])
    }

    /// From words of 64 bits: word i of all of them in vector i.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn from_words(w: [__m512i; 4]) -> Self {
        let mask = _mm512_set1_epi64(MASK_52);
        let join = |low, high| _mm512_and_si512(_mm512_or_si512(low, high), mask);
        Self([
            _mm512_and_si512(w[0], mask),
            join(_mm512_srli_epi64::<52>(w[0]), _mm512_slli_epi64::<12>(w[1])),
            join(_mm512_srli_epi64::<40>(w[1]), _mm512_slli_epi64::<24>(w[2])),
            join(_mm512_srli_epi64::<28>(w[2]), _mm512_slli_epi64::<36>(w[3])),
            _mm512_srli_epi64::<16>(w[3]),
        ])
    }

    /// As words of 64 bits, canonical.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn to_words(self) -> [__m512i; 4] {
        let l = self.canonical().0;
        [
            _mm512_or_si512(l[0], _mm512_slli_epi64::<52>(l[1])),
            _mm512_or_si512(_mm512_srli_epi64::<12>(l[1]), _mm512_slli_epi64::<40>(l[2])),
            _mm512_or_si512(_mm512_srli_epi64::<24>(l[2]), _mm512_slli_epi64::<28>(l[3])),
            _mm512_or_si512(_mm512_srli_epi64::<36>(l[3]), _mm512_slli_epi64::<16>(l[4])),
        ]
    }

    /// The elements of `other` in the lanes of `mask`, those of `self` in the rest.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn replace(self, mask: __mmask8, other: Self) -> Self {
        let mut limbs = self.0;
        for (limb, other) in limbs.iter_mut().zip(other.0) {
            *limb = _mm512_mask_mov_epi64(*limb, mask, other);
        }
        Self(limbs)
    }

    /// As raw limbs, negated in the lanes of `mask`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn negate_some(self, mask: __mmask8) -> Raw {
        let mut limbs = self.0;
        for limb in &mut limbs {
            *limb = _mm512_mask_sub_epi64(*limb, mask, _mm512_setzero_si512(), *limb);
        }
        Raw(limbs)
    }

    /// As raw limbs.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn raw(self) -> Raw {
        Raw(self.0)
    }

    /// The product, tight, of loose elements.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn mul(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        let zero = _mm512_setzero_si512();
        // Column k gets at most 5 low and 5 high halves below 2^52: below 2^56.
        let mut low = [zero; 10];
        let mut high = [zero; 10];
        for i in 0..5 {
            for j in 0..5 {
                low[i + j] = _mm512_madd52lo_epu64(low[i + j], a[i], b[j]);
                high[i + j + 1] = _mm512_madd52hi_epu64(high[i + j + 1], a[i], b[j]);
            }
        }
        let mut columns = [zero; 10];
        for (column, (low, high)) in columns.iter_mut().zip(low.into_iter().zip(high)) {
            *column = _mm512_add_epi64(low, high);
        }
        reduce(columns)
    }

    /// The square, tight, of a loose element.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn square(self) -> Self {
        let a = self.0;
        let zero = _mm512_setzero_si512();
        // Mixed products occur twice. Columns of them: at most 2 low and 2 high halves, doubled below 2^55; then the squares.
        let mut columns = [zero; 10];
        for i in 0..5 {
            for j in i + 1..5 {
                columns[i + j] = _mm512_madd52lo_epu64(columns[i + j], a[i], a[j]);
                columns[i + j + 1] = _mm512_madd52hi_epu64(columns[i + j + 1], a[i], a[j]);
            }
        }
        for (i, &limb) in a.iter().enumerate() {
            columns[2 * i] = _mm512_madd52lo_epu64(_mm512_add_epi64(columns[2 * i], columns[2 * i]), limb, limb);
            let next = columns[2 * i + 1];
            columns[2 * i + 1] = _mm512_madd52hi_epu64(_mm512_add_epi64(next, next), limb, limb);
        }
        reduce(columns)
    }

    /// The same elements below p.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn canonical(self) -> Self {
        let mut limbs = self.0;
        // Limb 4 is below 2^52, so 4 bits stand for 2^256 and more; afterwards the value is below 2^256 + 2^37.
        let above = _mm512_srli_epi64::<48>(limbs[4]);
        limbs[4] = _mm512_and_si512(limbs[4], _mm512_set1_epi64(MASK_48));
        limbs[0] = _mm512_madd52lo_epu64(limbs[0], above, _mm512_set1_epi64(FOLD_256));
        let value = Raw(limbs).carry();
        // At least p exactly if adding 2^256 - p reaches 2^256; the value is below 2p.
        let mut limbs = value.0;
        limbs[0] = _mm512_add_epi64(limbs[0], _mm512_set1_epi64(FOLD_256));
        let mut less_p = Raw(limbs).carry();
        let bit_256 = _mm512_set1_epi64(1 << 48);
        let at_least_p = _mm512_test_epi64_mask(less_p.0[4], bit_256);
        less_p.0[4] = _mm512_and_si512(less_p.0[4], _mm512_set1_epi64(MASK_48));
        value.replace(at_least_p, less_p)
    }
}

impl Raw {
    /// The sum.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn plus(self, other: Self) -> Self {
        let mut limbs = self.0;
        for (limb, other) in limbs.iter_mut().zip(other.0) {
            *limb = _mm512_add_epi64(*limb, other);
        }
        Self(limbs)
    }

    /// The difference; may be negative.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn minus(self, other: Self) -> Self {
        let mut limbs = self.0;
        for (limb, other) in limbs.iter_mut().zip(other.0) {
            *limb = _mm512_sub_epi64(*limb, other);
        }
        Self(limbs)
    }

    /// The same elements as numbers larger by 2p: what makes up for differences down to -2p.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn plus_two_p(self) -> Self {
        self.plus(Self(TWO_P.map(|limb| _mm512_set1_epi64(limb))))
    }

    /// Loose, for values in 0..2^260. Shifts are arithmetic: what negative limbs lack is borrowed from the next.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn carry(self) -> Eight {
        let mask = _mm512_set1_epi64(MASK_52);
        let mut limbs = self.0;
        for i in 0..4 {
            limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], _mm512_srai_epi64::<52>(limbs[i]));
            limbs[i] = _mm512_and_si512(limbs[i], mask);
        }
        Eight(limbs)
    }
}

/// Products lane by lane and vector by vector, tight, of loose elements.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul(a: &Block, b: &Block) -> Block {
    let mut products = *a;
    mul_into(a, b, &mut products);
    products
}

/// As [`mul`], where the products are wanted: a block is 1,280 bytes, and moving it costs a third of multiplying it.
// Not inlined: four multiplications are longer than a call, and copies of them would not fit the instruction cache.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul_into(a: &Block, b: &Block, to: &mut Block) {
    for (product, (a, b)) in to.iter_mut().zip(a.iter().zip(b)) {
        *product = a.mul(*b);
    }
}

/// Products in the place of the second factors.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul_by(a: &Block, b: &mut Block) {
    for (a, b) in a.iter().zip(b) {
        *b = a.mul(*b);
    }
}

/// Squares, tight, of loose elements, where they are wanted.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn square_into(a: &Block, to: &mut Block) {
    for (square, a) in to.iter_mut().zip(a) {
        *square = a.square();
    }
}

/// Squares, tight, of loose elements.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn square(a: &Block) -> Block {
    let mut squares = *a;
    square_into(a, &mut squares);
    squares
}

/// Powers of 2^`times`, tight for `times` above 0, of loose elements.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn square_times(a: &Block, times: u32) -> Block {
    let mut powers = *a;
    for _ in 0..times {
        for power in &mut powers {
            *power = power.square();
        }
    }
    powers
}

/// The block whose vectors are given by number.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn block(vector: impl Fn(usize) -> Eight) -> Block {
    let mut block = [vector(0); VECTORS];
    for (i, slot) in block.iter_mut().enumerate().skip(1) {
        *slot = vector(i);
    }
    block
}

/// Tight elements from ten columns of weight 2^(52 k), each below 2^56, of a value below 2^520.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce(mut t: [__m512i; 10]) -> Eight {
    let mask = _mm512_set1_epi64(MASK_52);
    // Columns 5 to 9 become limbs. Column 9 ends below 2^52, as the whole value is below 2^520 and no column is negative.
    for k in 5..9 {
        t[k + 1] = _mm512_add_epi64(t[k + 1], _mm512_srli_epi64::<52>(t[k]));
        t[k] = _mm512_and_si512(t[k], mask);
    }
    // 2^260 = FOLD_260: columns 0 to 4 grow by a low half below 2^52 and a high half below 2^37, to below 2^57.
    let fold = _mm512_set1_epi64(FOLD_260);
    for k in 0..5 {
        t[k] = _mm512_madd52lo_epu64(t[k], fold, t[k + 5]);
    }
    for k in 0..4 {
        t[k + 1] = _mm512_madd52hi_epu64(t[k + 1], fold, t[k + 5]);
    }
    let beyond = _mm512_madd52hi_epu64(_mm512_setzero_si512(), fold, t[9]);
    let mut limbs = Raw([t[0], t[1], t[2], t[3], t[4]]).carry().0;
    // 2^256 = FOLD_256. Limb 4 is below 2^58, so 10 bits of it, and `beyond` (below 2^37, of weight 2^260) times 16: below 2^42.
    let above = _mm512_add_epi64(_mm512_srli_epi64::<48>(limbs[4]), _mm512_slli_epi64::<4>(beyond));
    limbs[4] = _mm512_and_si512(limbs[4], _mm512_set1_epi64(MASK_48));
    let fold = _mm512_set1_epi64(FOLD_256);
    limbs[0] = _mm512_madd52lo_epu64(limbs[0], above, fold);
    limbs[1] = _mm512_madd52hi_epu64(limbs[1], above, fold);
    // Below 2^256 + 2^75: limb 4 is at most 2^48.
    Raw(limbs).carry()
}

/// Limbs of 52 bits of a number in words of 64.
const fn split(w: [u64; 4]) -> [i64; 5] {
    let mask = MASK_52 as u64;
    [
        (w[0] & mask) as i64,
        ((w[0] >> 52 | w[1] << 12) & mask) as i64,
        ((w[1] >> 40 | w[2] << 24) & mask) as i64,
        ((w[2] >> 28 | w[3] << 36) & mask) as i64,
        (w[3] >> 16) as i64,
    ]
}
