//! A sum tree whose leaves are made and hashed in pieces.

use super::fragments::Fragments;
use super::workers::{Workers, divide, each};
use crate::tree::{SumError, SumFragment, SumLeaf, SumTree, TreePurpose};

/// The tree over `seats` leaves by ascending key, `leaf` making the one at an index. The same, node for node, as
/// [`SumTree::build`] makes of all of them.
///
/// # Errors
/// What `leaf` says, that of the lowest shard first; [`SumError`] on keys out of order, a wrong number of sums or an overflow.
pub fn tree<E: From<SumError> + Send>(
    workers: &dyn Workers,
    purpose: TreePurpose,
    seats: usize,
    leaf: impl Fn(usize) -> Result<SumLeaf, E> + Sync,
) -> Result<SumTree, E> {
    let shards = divide(workers, seats);
    let hash = |shard: usize| -> Result<SumFragment, E> {
        let range = shards.range(shard);
        let leaves = range.clone().map(&leaf).collect::<Result<Vec<_>, E>>()?;
        Ok(SumFragment::hash(purpose, range.start, leaves)?)
    };
    let mut fragments = Fragments::new(purpose);
    for fragment in each(workers, 0..shards.count(), hash) {
        fragments.insert(fragment?)?;
    }
    Ok(fragments.finish()?)
}
