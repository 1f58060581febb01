//! Schulze's method with winning votes: strongest paths through the matrix of pairs (V-29).

use std::collections::BTreeSet;

/// Every option against every other (V-14), and the strongest paths between them (V-29). It is what decides, and not a
/// picture of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duels {
    options: u16,
    pairs: Vec<u128>,
    strengths: Vec<u128>,
}

impl Duels {
    /// Of the matrix of V-14.
    pub(super) fn of(pairs: &[u128], options: u16) -> Self {
        Self { options, pairs: pairs.to_vec(), strengths: strongest_paths(pairs, options) }
    }

    /// Weight of the ballots that put `better` above `worse`; 0 for an option that is not there.
    #[must_use]
    pub fn preferring(&self, better: u16, worse: u16) -> u128 {
        self.at(&self.pairs, better, worse)
    }

    /// Strength of the strongest path from the one to the other; 0 without one, and for an option that is not there.
    #[must_use]
    pub fn strength(&self, from: u16, to: u16) -> u128 {
        self.at(&self.strengths, from, to)
    }

    /// How many of the other options more weight puts below this one than above it.
    #[must_use]
    pub fn won(&self, option: u16) -> u16 {
        let beats = |other: &u16| self.preferring(option, *other) > self.preferring(*other, option);
        u16::try_from((0..=self.options).filter(beats).count()).unwrap_or(u16::MAX)
    }

    /// Options that no other beats by a stronger path, ascending; at least one.
    pub(super) fn winners(&self) -> Vec<u16> {
        let is_unbeaten =
            |one: &u16| (0..=self.options).all(|other| self.strength(*one, other) >= self.strength(other, *one));
        (0..=self.options).filter(is_unbeaten).collect()
    }

    /// A shortest circle of wins through an option that is ahead: each beats the next, and the last one the first. Empty where there
    /// is none, so that no other option stands in its way but by being level.
    #[must_use]
    pub fn circle(&self) -> Vec<u16> {
        let beats = |one: u16, other: u16| self.preferring(one, other) > self.preferring(other, one);
        let Some(first) = self.winners().first().copied() else { return Vec::new() };
        // Paths from it on, the shorter ones first, each option reached once.
        let (mut paths, mut reached) = (vec![vec![first]], BTreeSet::new());
        loop {
            let mut longer = Vec::new();
            for path in &paths {
                let Some(last) = path.last().copied() else { continue };
                if beats(last, first) {
                    return path.clone();
                }
                for next in (0..=self.options).filter(|next| *next != first && beats(last, *next)) {
                    if reached.insert(next) {
                        longer.push(path.iter().copied().chain([next]).collect());
                    }
                }
            }
            if longer.is_empty() {
                return Vec::new();
            }
            paths = longer;
        }
    }

    fn at(&self, matrix: &[u128], row: u16, column: u16) -> u128 {
        if row > self.options || column > self.options {
            return 0;
        }
        matrix.get(cell(self.options, row, column)).copied().unwrap_or(0)
    }
}

/// Place of the pair (row preferred to column) in the matrix, row after row.
pub(super) fn cell(options: u16, row: u16, column: u16) -> usize {
    usize::from(row) * (usize::from(options) + 1) + usize::from(column)
}

/// The strength of a path is that of its weakest link; of a pair, the strength of its strongest path. The algorithm of
/// Floyd and Warshall with (min, max) for (+, min).
fn strongest_paths(pairs: &[u128], options: u16) -> Vec<u128> {
    let mut paths = links(pairs, options);
    for via in 0..=options {
        for from in 0..=options {
            for to in 0..=options {
                let detour = paths[cell(options, from, via)].min(paths[cell(options, via, to)]);
                let path = &mut paths[cell(options, from, to)];
                *path = detour.max(*path);
            }
        }
    }
    paths
}

/// A won pair is a link as strong as the weight that won it; a lost or level pair is none (winning votes).
fn links(pairs: &[u128], options: u16) -> Vec<u128> {
    let mut links = vec![0; pairs.len()];
    for row in 0..=options {
        for column in 0..=options {
            let (won, lost) = (pairs[cell(options, row, column)], pairs[cell(options, column, row)]);
            if won > lost {
                links[cell(options, row, column)] = won;
            }
        }
    }
    links
}
