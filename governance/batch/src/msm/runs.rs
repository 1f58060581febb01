//! Sums of runs of points, in rounds of independent additions.
//!
//! In each round neighbours of a run are added in pairs, so that a run of n points is one point after log2(n) rounds. No
//! addition of a round needs another's result: all share one inversion per lane.

use crate::arith::Affine;
use crate::lanes::{Addition, Lanes, Term};

/// Points sorted into runs.
#[derive(Debug)]
pub(super) struct Runs {
    terms: Vec<Term>,
    /// Where each run ends in `terms`; it begins where the one before ends.
    ends: Vec<u32>,
}

impl Runs {
    /// Sorts terms, each with the number of its run, by counting.
    pub(super) fn sorted(count: usize, numbered: &[(usize, Term)]) -> Self {
        let mut ends = vec![0_u32; count];
        for (run, _) in numbered {
            ends[*run] += 1;
        }
        let mut begin = 0;
        for end in &mut ends {
            // The begin for now; each term moves it on by one, to the end at last.
            begin += std::mem::replace(end, begin);
        }
        let mut terms = vec![Term::new(0, false); numbered.len()];
        for (run, term) in numbered {
            terms[ends[*run] as usize] = *term;
            ends[*run] += 1;
        }
        Self { terms, ends }
    }
}

/// Sums runs; keeps its memory from one use to the next.
#[derive(Debug)]
pub(super) struct RunSums {
    lanes: Lanes,
    additions: Vec<Addition>,
    from: Vec<Affine>,
    to: Vec<Affine>,
}

impl RunSums {
    pub(super) fn new(lanes: Lanes) -> Self {
        Self { lanes, additions: Vec::new(), from: Vec::new(), to: Vec::new() }
    }

    /// The sum of each run; the neutral element for an empty one.
    pub(super) fn sum(&mut self, points: &[Affine], runs: Runs) -> Vec<Affine> {
        let Runs { mut terms, ends } = runs;
        let mut sums = vec![Affine::INFINITY; ends.len()];
        // Runs not summed yet: number and length, in the order of their terms.
        let mut begin = 0;
        let mut open = Vec::with_capacity(ends.len());
        for (run, &end) in ends.iter().enumerate() {
            if end > begin {
                open.push((run as u32, end - begin));
            }
            begin = end;
        }
        let mut is_first = true;
        while !open.is_empty() {
            let from = if is_first { points } else { &self.from };
            self.to.resize(terms.len() - terms.len() / 2 + open.len(), Affine::INFINITY);
            self.additions.clear();
            let mut rest = terms.as_slice();
            let mut next = 0_u32;
            open.retain_mut(|(run, length)| {
                let (terms, behind) = rest.split_at(*length as usize);
                rest = behind;
                if let [only] = terms {
                    sums[*run as usize] = only.of(from);
                    return false;
                }
                let (pairs, odd) = terms.as_chunks::<2>();
                for &[left, right] in pairs {
                    self.additions.push(Addition { left, right, to: next });
                    next += 1;
                }
                if let [odd] = odd {
                    self.to[next as usize] = odd.of(from);
                    next += 1;
                }
                *length = length.div_ceil(2);
                true
            });
            self.lanes.add(from, &self.additions, &mut self.to);
            std::mem::swap(&mut self.from, &mut self.to);
            terms.clear();
            terms.extend((0..next as usize).map(|index| Term::new(index, false)));
            is_first = false;
        }
        sums
    }
}
