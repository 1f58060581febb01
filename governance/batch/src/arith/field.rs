//! The field of secp256k1: integers modulo p = 2^256 - 2^32 - 977 (SEC 2), always fully reduced.

use std::ops::{Add, Mul, Neg, Sub};

use super::limbs::{self, Words};

/// p, least significant word first.
pub(crate) const P: Words = [0xffff_fffe_ffff_fc2f, u64::MAX, u64::MAX, u64::MAX];
/// 2^256 - p: what a bit of weight 2^256 is worth.
const FOLD: u64 = (1 << 32) + 977;

/// An integer modulo p, below p. Equal elements have equal words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct Field(pub(crate) Words);

impl Field {
    /// 0.
    pub const ZERO: Self = Self([0; 4]);
    /// 1.
    pub const ONE: Self = Self([1, 0, 0, 0]);

    /// Reads 32 bytes, most significant first; `None` for p and above.
    #[must_use]
    pub fn from_be_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = limbs::from_be_bytes(bytes);
        limbs::sub(&words, &P).1.then_some(Self(words))
    }

    /// 32 bytes, most significant first.
    #[must_use]
    pub fn to_be_bytes(self) -> [u8; 32] {
        limbs::to_be_bytes(&self.0)
    }

    /// True for 0.
    #[must_use]
    #[inline(always)]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// True for odd numbers; what BIP340 asks of y.
    #[must_use]
    pub fn is_odd(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Twice the number.
    #[must_use]
    #[inline(always)]
    pub fn double(self) -> Self {
        self + self
    }

    /// The square.
    #[must_use]
    #[inline(always)]
    pub fn square(self) -> Self {
        let a = &self.0;
        // Products of different words occur twice: summed once, doubled, then the squares of the words go in.
        let mut r = [0; 8];
        let mut carry;
        (r[1], carry) = limbs::mul_add(a[0], a[1], 0, 0);
        (r[2], carry) = limbs::mul_add(a[0], a[2], carry, 0);
        (r[3], r[4]) = limbs::mul_add(a[0], a[3], carry, 0);
        (r[3], carry) = limbs::mul_add(a[1], a[2], r[3], 0);
        (r[4], r[5]) = limbs::mul_add(a[1], a[3], r[4], carry);
        (r[5], r[6]) = limbs::mul_add(a[2], a[3], r[5], 0);
        r[7] = r[6] >> 63;
        for i in (2..7).rev() {
            r[i] = r[i] << 1 | r[i - 1] >> 63;
        }
        r[1] <<= 1;
        let mut carry = 0u128;
        for i in 0..4 {
            let wide = u128::from(a[i]) * u128::from(a[i]);
            let low = u128::from(r[2 * i]) + u128::from(wide as u64) + carry;
            r[2 * i] = low as u64;
            let high = u128::from(r[2 * i + 1]) + (wide >> 64) + (low >> 64);
            r[2 * i + 1] = high as u64;
            carry = high >> 64;
        }
        Self(reduce(&r))
    }

    /// The number squared `times` times: its power of 2^`times`.
    #[must_use]
    pub fn square_times(self, times: u32) -> Self {
        (0..times).fold(self, |x, _| x.square())
    }

    /// The inverse, by Fermat: the power p - 2. 0 for 0.
    #[must_use]
    pub fn invert(self) -> Self {
        let chain = Chain::of(self);
        // p - 2 = (2^223 - 1) 2^33 + (2^22 - 1) 2^10 + 0b0000101101
        (((chain.ones_223.square_times(23) * chain.ones_22).square_times(5) * self).square_times(3) * chain.ones_2)
            .square_times(2)
            * self
    }

    /// A square root; `None` when there is none. As p = 3 mod 4, the candidate is the power (p + 1) / 4.
    #[must_use]
    pub fn sqrt(self) -> Option<Self> {
        let chain = Chain::of(self);
        // (p + 1) / 4 = (2^223 - 1) 2^31 + (2^22 - 1) 2^8 + 0b00001100
        let root = ((chain.ones_223.square_times(23) * chain.ones_22).square_times(6) * chain.ones_2).square_times(2);
        (root.square() == self).then_some(root)
    }
}

impl Add for Field {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let (sum, overflow) = limbs::add(&self.0, &other.0);
        Self(reduce_once(&sum, overflow))
    }
}

impl Sub for Field {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let (difference, below_zero) = limbs::sub(&self.0, &other.0);
        // Adding p is subtracting FOLD modulo 2^256, and cannot go below zero again: the difference is above -p.
        Self(limbs::sub(&difference, &[if below_zero { FOLD } else { 0 }, 0, 0, 0]).0)
    }
}

impl Neg for Field {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl Mul for Field {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(reduce(&limbs::mul(&self.0, &other.0)))
    }
}

/// Inverts every element in place for the price of one inversion and three multiplications each (Montgomery's trick).
///
/// No element may be 0: one would turn all results into 0.
pub(crate) fn invert_all(elements: &mut [Field]) {
    if elements.is_empty() {
        return;
    }
    let mut product = Field::ONE;
    let before: Vec<_> = elements
        .iter()
        .map(|&element| {
            let so_far = product;
            product = product * element;
            so_far
        })
        .collect();
    let mut inverse = product.invert();
    for (element, before) in elements.iter_mut().zip(before).rev() {
        (*element, inverse) = (inverse * before, inverse * *element);
    }
}

/// Powers shared by the exponents of inversion and square root, which begin with runs of ones.
struct Chain {
    ones_2: Field,
    ones_22: Field,
    ones_223: Field,
}

impl Chain {
    /// `ones_k` is the power 2^k - 1; ones_(j + k) = ones_j^(2^k) ones_k.
    fn of(x: Field) -> Self {
        let ones_2 = x.square() * x;
        let ones_3 = ones_2.square() * x;
        let ones_6 = ones_3.square_times(3) * ones_3;
        let ones_9 = ones_6.square_times(3) * ones_3;
        let ones_11 = ones_9.square_times(2) * ones_2;
        let ones_22 = ones_11.square_times(11) * ones_11;
        let ones_44 = ones_22.square_times(22) * ones_22;
        let ones_88 = ones_44.square_times(44) * ones_44;
        let ones_176 = ones_88.square_times(88) * ones_88;
        let ones_220 = ones_176.square_times(44) * ones_44;
        let ones_223 = ones_220.square_times(3) * ones_3;
        Self { ones_2, ones_22, ones_223 }
    }
}

/// 512 bits modulo p.
#[inline(always)]
fn reduce(wide: &[u64; 8]) -> Words {
    let mut low = [0; 4];
    let mut carry = 0;
    for i in 0..4 {
        (low[i], carry) = limbs::mul_add(wide[i + 4], FOLD, wide[i], carry);
    }
    // carry <= FOLD, so what it is worth has at most 66 bits; a second overflow leaves a sum below 2^67.
    let worth = u128::from(carry) * u128::from(FOLD);
    let (sum, overflow) = limbs::add(&low, &[worth as u64, (worth >> 64) as u64, 0, 0]);
    reduce_once(&sum, overflow)
}

/// A number below 2p, given modulo 2^256 with its overflow, modulo p.
#[inline(always)]
fn reduce_once(words: &Words, overflow: bool) -> Words {
    let (less_p, at_least_p) = limbs::add(words, &[FOLD, 0, 0, 0]);
    if overflow | at_least_p { less_p } else { *words }
}
