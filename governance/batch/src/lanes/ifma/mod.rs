//! Eight field elements per instruction with AVX-512-IFMA, thirty-two in flight.
//!
//! `vpmadd52luq` and `vpmadd52huq` multiply eight pairs of 52-bit numbers at once. One multiplication in the field is a long
//! chain of dependent instructions, so that four independent vectors ([`Block`]) are worked on in turn to keep both
//! multipliers busy.

#![allow(unsafe_code, reason = "SIMD intrinsics: calls of functions with target features, and loads of vectors")]

mod add;
mod field;
mod lift;
mod rows;

use super::Addition;
use crate::arith::{Affine, Field};

/// Vectors worked on in turn: as many multiplications as the processor can look ahead.
const VECTORS: usize = 4;
/// Field elements in a block.
const BLOCK: usize = 8 * VECTORS;
/// Four vectors of eight field elements.
type Block = [field::Eight; VECTORS];

/// Proof that the processor has what this module needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ifma(());

impl Ifma {
    /// `None` on processors without it.
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")).then_some(Self(()))
    }

    pub(super) fn lift_x(self, xs: &[Field]) -> Vec<Option<Affine>> {
        // SAFETY: `self` exists only where the processor has avx512f and avx512ifma.
        unsafe { lift::lift_x(xs) }
    }

    pub(super) fn add(self, from: &[Affine], additions: &[Addition], to: &mut [Affine]) {
        // SAFETY: as above.
        unsafe { add::add(from, additions, to) }
    }
}
