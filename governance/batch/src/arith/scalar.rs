//! Integers modulo n, the order of secp256k1's group (SEC 2), always fully reduced.

use std::ops::{Add, Mul, Neg, Sub};

use super::limbs::{self, Words};

/// n, least significant word first.
const N: Words = [0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, u64::MAX];
/// 2^256 - n: what a bit of weight 2^256 is worth.
const FOLD: Words = [0x402d_a173_2fc9_bebf, 0x4551_2319_50b7_5fc4, 1, 0];

/// An integer modulo n, below n. Equal scalars have equal words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scalar(pub(super) Words);

impl Scalar {
    /// 0.
    pub const ZERO: Self = Self([0; 4]);

    /// Reads 32 bytes, most significant first; `None` for n and above.
    #[must_use]
    pub fn from_be_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = limbs::from_be_bytes(bytes);
        limbs::sub(&words, &N).1.then_some(Self(words))
    }

    /// Reads 32 bytes, most significant first, modulo n; what BIP340 does with the challenge hash.
    #[must_use]
    pub fn from_be_bytes_reduced(bytes: &[u8; 32]) -> Self {
        Self(reduce_once(&limbs::from_be_bytes(bytes), false))
    }

    /// 32 bytes, most significant first.
    #[must_use]
    pub fn to_be_bytes(self) -> [u8; 32] {
        limbs::to_be_bytes(&self.0)
    }

    /// True for 0.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The smaller of the number and its negative, and whether it is the negative.
    pub(super) fn magnitude(self) -> (Words, bool) {
        let negative = -self;
        let is_larger = self.0.iter().rev().gt(negative.0.iter().rev());
        if is_larger { (negative.0, true) } else { (self.0, false) }
    }
}

impl From<u128> for Scalar {
    fn from(number: u128) -> Self {
        Self([number as u64, (number >> 64) as u64, 0, 0])
    }
}

impl Add for Scalar {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (sum, overflow) = limbs::add(&self.0, &other.0);
        Self(reduce_once(&sum, overflow))
    }
}

impl Sub for Scalar {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let (difference, below_zero) = limbs::sub(&self.0, &other.0);
        Self(if below_zero { limbs::add(&difference, &N).0 } else { difference })
    }
}

impl Neg for Scalar {
    type Output = Self;

    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl Mul for Scalar {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let mut wide = limbs::mul(&self.0, &other.0);
        // Each round replaces high * 2^256 by high * FOLD, 127 bits shorter: 512, 386, 260 and at most 257 bits.
        loop {
            let [l0, l1, l2, l3, h0, h1, h2, h3] = wide;
            let high = [h0, h1, h2, h3];
            let low = [l0, l1, l2, l3];
            if high == [0; 4] {
                return Self(reduce_once(&low, false));
            }
            wide = limbs::mul(&high, &FOLD);
            let mut carry = false;
            for (i, word) in wide.iter_mut().enumerate() {
                let (sum, first) = word.overflowing_add(low.get(i).copied().unwrap_or(0));
                let (sum, second) = sum.overflowing_add(u64::from(carry));
                (*word, carry) = (sum, first | second);
            }
        }
    }
}

/// A number below 2n, given modulo 2^256 with its overflow, modulo n.
fn reduce_once(words: &Words, overflow: bool) -> Words {
    let (less_n, at_least_n) = limbs::add(words, &FOLD);
    if overflow | at_least_n { less_n } else { *words }
}
