//! Schulze's method with winning votes: strongest paths through the matrix of pairs (V-29).

/// Options that no other beats by a stronger path, ascending; at least one. `pairs` is the matrix of V-14.
pub(super) fn winners(pairs: &[u128], options: u16) -> Vec<u16> {
    let strengths = strongest_paths(pairs, options);
    let strength = |row, column| strengths[cell(options, row, column)];
    (0..=options).filter(|one| (0..=options).all(|other| strength(*one, other) >= strength(other, *one))).collect()
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
