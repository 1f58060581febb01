//! The two operations that take the time, on many inputs at once: square roots for `lift_x`, and additions of points.
//!
//! [`Lanes::portable`] computes one after the other; [`Lanes::detect`] finds out at run time whether the processor has
//! AVX-512-IFMA and then computes eight field elements per instruction. Both give the same words.

#[cfg(target_arch = "x86_64")]
mod ifma;
mod portable;

use std::fmt;

use crate::arith::{Affine, Field};

/// A way of computing on many field elements.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Lanes(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Ifma(ifma::Ifma),
}

/// A point of a slice, or its opposite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term(u32);

/// An addition: which points, and where the sum goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addition {
    /// First summand, in the slice `from`.
    pub left: Term,
    /// Second summand, in the slice `from`.
    pub right: Term,
    /// Index of the sum in the slice `to`.
    pub to: u32,
}

impl Lanes {
    /// The fastest that this processor has.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(ifma) = ifma::Ifma::detect() {
            return Self(Kind::Ifma(ifma));
        }
        Self::portable()
    }

    /// One by one, on every processor.
    #[must_use]
    pub fn portable() -> Self {
        Self(Kind::Portable)
    }

    /// Its name, for logs and benchmarks.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Ifma(_) => "AVX-512-IFMA",
        }
    }

    /// Whether several are computed at once.
    #[must_use]
    pub fn is_wide(self) -> bool {
        self != Self::portable()
    }

    /// `lift_x` (BIP340) of each x, in order: the point with an even y, `None` where x is not on the curve.
    #[must_use]
    pub fn lift_x(self, xs: &[Field]) -> Vec<Option<Affine>> {
        match self.0 {
            Kind::Portable => portable::lift_x(xs),
            #[cfg(target_arch = "x86_64")]
            Kind::Ifma(ifma) => ifma.lift_x(xs),
        }
    }

    /// Does all `additions`: `to[to] = from[left] + from[right]`, every special case included.
    ///
    /// # Panics
    /// When an index is out of range.
    pub fn add(self, from: &[Affine], additions: &[Addition], to: &mut [Affine]) {
        match self.0 {
            Kind::Portable => portable::add(from, additions, to),
            #[cfg(target_arch = "x86_64")]
            Kind::Ifma(ifma) => ifma.add(from, additions, to),
        }
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Term {
    /// The point at `index`, or its opposite.
    ///
    /// # Panics
    /// When `index` is 2^31 or more.
    #[must_use]
    #[inline(always)]
    pub fn new(index: usize, negative: bool) -> Self {
        assert!(index < 1 << 31, "index {index} of a term is not below 2^31");
        Self((index as u32) << 1 | u32::from(negative))
    }

    /// Index of the point.
    #[must_use]
    #[inline(always)]
    pub fn index(self) -> usize {
        (self.0 >> 1) as usize
    }

    /// Whether its opposite is meant.
    #[must_use]
    #[inline(always)]
    pub fn is_negative(self) -> bool {
        self.0 & 1 == 1
    }

    /// The point that is meant.
    #[must_use]
    #[inline(always)]
    pub fn of(self, points: &[Affine]) -> Affine {
        let point = points[self.index()];
        if self.is_negative() { point.negate() } else { point }
    }
}
