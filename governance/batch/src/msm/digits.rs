//! Factors of 128 bits as signed digits.

use std::ops::Range;

/// How factors are cut: digits of `bits` bits in -2^(bits-1) ..= 2^(bits-1), least significant first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Windows {
    bits: u32,
}

impl Windows {
    /// Digits of so many bits, at most 14.
    pub(super) const fn of_bits(bits: u32) -> Self {
        Self { bits }
    }

    /// The cut with the fewest additions for so many points.
    pub(super) fn for_points(points: usize) -> Self {
        (3..=14).map(Self::of_bits).min_by_key(|windows| windows.additions(points)).expect("twelve candidates")
    }

    /// Bits per digit.
    pub(super) fn bits(self) -> u32 {
        self.bits
    }

    /// How many digits a factor has: one bit more than 128, for the carry out of the most significant one.
    pub(super) fn count(self) -> usize {
        129_u32.div_ceil(self.bits) as usize
    }

    /// The digit positions, least significant first.
    pub(super) fn positions(self) -> Range<usize> {
        0..self.count()
    }

    /// Buckets per window: one for each absolute value but 0.
    pub(super) const fn buckets(self) -> usize {
        1 << (self.bits - 1)
    }

    /// The digit of `factor` at `position`.
    ///
    /// An unsigned digit whose top bit is set stands for itself less 2^bits and carries 1 into the next. So the digit at a
    /// position is its bits, less 2^bits if its top bit is set, plus the top bit of the position below: no chain of carries.
    #[inline(always)]
    pub(super) fn digit(self, factor: u128, position: usize) -> i32 {
        let low = position as u32 * self.bits;
        let mask = (1_i32 << self.bits) - 1;
        let digit = factor.checked_shr(low).unwrap_or(0) as i32 & mask;
        let carry_in = if low == 0 { 0 } else { (factor >> (low - 1)) as i32 & 1 };
        let carry_out = digit >> (self.bits - 1);
        digit + carry_in - (carry_out << self.bits)
    }

    /// Additions for so many points: into buckets, two for each bucket and the rest of [`super::weighted`].
    fn additions(self, points: usize) -> usize {
        // A Jacobian addition costs about as much as four affine ones that share their inversion.
        let table = 4 * 2 * 2 * self.buckets().isqrt();
        self.count() * (points + 2 * self.buckets() + table)
    }
}
