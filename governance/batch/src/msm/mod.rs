//! The sum of many points, each times its own factor: Pippenger's bucket method.
//!
//! Factors are cut into signed digits. For each digit position (window) every point goes into the bucket of its digit, the
//! buckets are summed, and the sum of buckets times their digits is the window's part. All additions of points are done in
//! rounds of independent ones ([`runs`]), so that they share inversions and fill the lanes of the processor.
//!
//! The layout of rounds follows no other verifier; the method itself is Pippenger, "On the evaluation of powers and
//! monomials" (1980), with the signed digits of Bernstein, Doumen, Lange and Oosterwijk, "Faster batch forgery
//! identification" (2012).

mod digits;
mod each;
mod runs;
mod weighted;

use crate::arith::{Affine, HalfScalar, Jacobian};
use crate::lanes::{Lanes, Term};
use digits::Windows;
pub(crate) use each::{Product, add_each, multiply_generator, sum_groups};
use runs::{RunSums, Runs};

/// Digits handled in one pass: enough to amortise the inversions, few enough to stay in the processor's caches.
const DIGITS_PER_PASS: usize = 1 << 14;

/// Sum of `factors[i] * points[i]`.
///
/// # Panics
/// When the slices differ in length.
pub(crate) fn multiply_and_sum(lanes: Lanes, factors: &[HalfScalar], points: &[Affine]) -> Jacobian {
    assert_eq!(factors.len(), points.len(), "every point has its factor");
    let windows = Windows::for_points(points.len());
    let per_pass = (DIGITS_PER_PASS / points.len().max(1)).clamp(1, windows.count());
    let mut sums = RunSums::new(lanes);
    let mut total = Jacobian::INFINITY;
    // From the most significant window down: what is there already is worth 2^bits times as much as the next.
    for pass in windows.positions().rev().step_by(per_pass) {
        let pass = (pass + 1).saturating_sub(per_pass)..pass + 1;
        let buckets = fill_buckets(&mut sums, windows, pass.clone(), factors, points);
        for window in weighted::sums(&mut sums, &buckets, windows.buckets()).iter().rev() {
            total = total.double_times(windows.bits()).add(window);
        }
    }
    total
}

/// The summed buckets of the windows of one pass, window after window; bucket i holds the points with digit i + 1.
fn fill_buckets(
    sums: &mut RunSums,
    windows: Windows,
    pass: std::ops::Range<usize>,
    factors: &[HalfScalar],
    points: &[Affine],
) -> Vec<Affine> {
    let buckets = windows.buckets();
    let mut digits = Vec::with_capacity(pass.len() * factors.len());
    for (row, position) in pass.clone().enumerate() {
        for (index, factor) in factors.iter().enumerate() {
            let digit = windows.digit(factor.magnitude, position);
            if digit != 0 {
                let bucket = row * buckets + digit.unsigned_abs() as usize - 1;
                digits.push((bucket, Term::new(index, (digit < 0) != factor.negative)));
            }
        }
    }
    sums.sum(points, Runs::sorted(pass.len() * buckets, &digits))
}
