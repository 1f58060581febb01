//! Buckets times their digits, summed.
//!
//! The usual running sum needs two dependent additions per bucket. Here the buckets of a window stand in a matrix of
//! 2^k columns; with bucket i = 2^k row + column and digit i + 1, the sum is that of (column + 1) times the column sums plus
//! 2^k times that of row times the row sums. Row and column sums are independent additions; only about 2 sqrt(buckets) are left for
//! running sums.

use super::runs::{RunSums, Runs};
use crate::arith::{Affine, Jacobian};
use crate::lanes::Term;

/// For each window of `per_window` buckets (a power of two), the sum of (i + 1) times bucket i.
pub(super) fn sums(sums: &mut RunSums, buckets: &[Affine], per_window: usize) -> Vec<Jacobian> {
    let log_columns = per_window.ilog2() / 2;
    let columns = 1 << log_columns;
    let rows = per_window / columns;
    // Runs of a window: first its columns, then its rows.
    let per_matrix = columns + rows;
    let mut terms = Vec::with_capacity(2 * buckets.len());
    for (index, _) in buckets.iter().enumerate().filter(|(_, bucket)| !bucket.is_infinity()) {
        let (window, place) = (index / per_window, index % per_window);
        let term = Term::new(index, false);
        terms.push((window * per_matrix + place % columns, term));
        terms.push((window * per_matrix + columns + place / columns, term));
    }
    let windows = buckets.len() / per_window;
    let lines = sums.sum(buckets, Runs::sorted(windows * per_matrix, &terms));
    lines
        .chunks_exact(per_matrix)
        .map(|lines| {
            let (columns, rows) = lines.split_at(columns);
            // Row 0 counts 0 times.
            running_sum(&rows[1..]).double_times(log_columns).add(&running_sum(columns))
        })
        .collect()
}

/// The sum of (i + 1) times point i: each suffix of the points once.
fn running_sum(points: &[Affine]) -> Jacobian {
    let (mut suffix, mut sum) = (Jacobian::INFINITY, Jacobian::INFINITY);
    for point in points.iter().rev() {
        suffix = suffix.add_affine(point);
        sum = sum.add(&suffix);
    }
    sum
}
