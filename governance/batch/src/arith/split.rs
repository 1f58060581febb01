//! Scalars in two halves: k = k_1 + k_2 lambda, where lambda P costs one multiplication in the field.
//!
//! Gallant, Lambert and Vanstone, "Faster point multiplication on elliptic curves with efficient endomorphisms" (2001). The
//! lattice basis is the one of "Guide to Elliptic Curve Cryptography" (Hankerson, Menezes, Vanstone), algorithm 3.74.

use super::limbs::{self, Words};
use super::point::Affine;
use super::{Field, Scalar};

/// A primitive cube root of 1 modulo n; lambda (x, y) = (beta x, y).
const LAMBDA: Scalar =
    Scalar([0xdf02_967c_1b23_bd72, 0x122e_22ea_2081_6678, 0xa526_1c02_8812_645a, 0x5363_ad4c_c05c_30e0]);
/// The cube root of 1 modulo p that belongs to lambda.
const BETA: Field = Field([0xc139_6c28_7195_01ee, 0x9cf0_4975_12f5_8995, 0x6e64_479e_ac34_34e9, 0x7ae9_6a2b_657c_0710]);
/// -b_1 of the lattice basis (a_1, b_1), (a_2, b_2).
const MINUS_B1: u128 = 0xe443_7ed6_010e_8828_6f54_7fa9_0abf_e4c3;
/// b_2 of the lattice basis.
const B2: u128 = 0x3086_d221_a7d4_6bcd_e86c_90e4_9284_eb15;
/// b_2 / n, rounded, with 384 bits after the point.
const B2_OVER_N: Words = [0xe893_209a_45db_b031, 0x3daa_8a14_71e8_ca7f, 0xe86c_90e4_9284_eb15, 0x3086_d221_a7d4_6bcd];
/// -b_1 / n, rounded, with 384 bits after the point.
const MINUS_B1_OVER_N: Words =
    [0x1571_b4ae_8ac4_7f71, 0x2212_08ac_9df5_06c6, 0x6f54_7fa9_0abf_e4c4, 0xe443_7ed6_010e_8828];

/// A factor of at most 128 bits with a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HalfScalar {
    /// The absolute value.
    pub magnitude: u128,
    /// Whether it is subtracted.
    pub negative: bool,
}

impl From<u128> for HalfScalar {
    fn from(magnitude: u128) -> Self {
        Self { magnitude, negative: false }
    }
}

impl Scalar {
    /// `(k_1, k_2)` with `self = k_1 + k_2 lambda`, to be multiplied with a point and with its [`Affine::times_lambda`].
    #[must_use]
    pub fn split(self) -> (HalfScalar, HalfScalar) {
        let c1 = multiply_round(&self.0, &B2_OVER_N);
        let c2 = multiply_round(&self.0, &MINUS_B1_OVER_N);
        let second = Self::from(c1) * Self::from(MINUS_B1) - Self::from(c2) * Self::from(B2);
        let first = self - second * LAMBDA;
        (half(first), half(second))
    }
}

impl Affine {
    /// lambda times the point.
    #[must_use]
    pub fn times_lambda(self) -> Self {
        Self { x: self.x * BETA, y: self.y }
    }
}

/// `a * b / 2^384`, rounded to the nearest. Below 2^128 as b is below 2^256.
fn multiply_round(a: &Words, b: &Words) -> u128 {
    let [.., below, low, high] = limbs::mul(a, b);
    // a < n < 2^256 - 2^128, so that the quotient is below 2^128 - 1 and rounding up stays in range.
    (u128::from(high) << 64 | u128::from(low)) + u128::from(below >> 63)
}

fn half(scalar: Scalar) -> HalfScalar {
    let ([low, high, 0, 0], negative) = scalar.magnitude() else {
        unreachable!("both halves are below 2^128: rounding moves them by at most half a lattice vector each")
    };
    HalfScalar { magnitude: u128::from(high) << 64 | u128::from(low), negative }
}
