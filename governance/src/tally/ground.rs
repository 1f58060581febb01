//! What polls have in common that are over one roll and respect the same delegations, and how one of them is counted on it.
//!
//! A poll in which few voted costs what those few affect: their delegations are taken out of a flow without any ballot, and
//! their leaves replaced in a tree without any ballot. One in which many voted is counted as a whole, its shards side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Delegations, Poll, TallyError};
use crate::ballots::BallotRecord;
use crate::delegation::{Basin, Electorate, Graph, Live, Seat};
use crate::id::EntryId;
use crate::parallel::{self, ShardedFlow, Workers};
use crate::tree::{SumLeaf, SumOverlay, SumTree};
use crate::voting::Count;

/// A tree is made anew when more than one leaf in so many is replaced: from there on that costs less.
const FEW: usize = 4;

/// See the module.
pub(super) struct Ground {
    /// Without edges where nobody delegates.
    basin: Basin,
    /// Delegations in force, by seat.
    delegated: BTreeMap<Seat, EntryId>,
    /// Ballot trees without any ballot, by the number of their sums.
    bare: BTreeMap<usize, Arc<SumTree>>,
}

/// The ballot that counts for a seat.
struct Cast<'a> {
    seat: Seat,
    ballot: BallotRecord<'a>,
}

impl Ground {
    pub(super) fn new(electorate: Arc<Electorate>, delegations: Option<&Delegations<'_>>) -> Self {
        let Some(d) = delegations else {
            return Self {
                basin: Basin::new(Graph::new(electorate)),
                delegated: BTreeMap::new(),
                bare: BTreeMap::new(),
            };
        };
        let in_force = d.book.all_in_force(&d.topic, d.cutoff, d.close_height);
        let delegated =
            in_force.filter_map(|(member, record)| Some((electorate.seat(&member)?, record.entry))).collect();
        let graph = Graph::of_book(electorate, d.book, &d.topic, d.cutoff, d.close_height);
        Self { basin: Basin::new(graph), delegated, bare: BTreeMap::new() }
    }

    pub(super) fn seats(&self) -> usize {
        self.electorate().len()
    }

    /// Whether so few voted in it that it costs less to count only what they change.
    pub(super) fn is_thin(&self, poll: &Poll<'_>) -> bool {
        poll.ballots.voters().saturating_mul(FEW) <= self.seats()
    }

    /// Makes the tree without any ballot for polls that count as this one does.
    pub(super) fn lay_tree(&mut self, workers: &dyn Workers, poll: &Poll<'_>) -> Result<(), TallyError> {
        let purpose = poll.purpose()?;
        if self.bare.contains_key(&purpose.sum_count()) {
            return Ok(());
        }
        let tree = parallel::tree(workers, purpose, self.seats(), |index| self.leaf(poll, seat_at(index), None, 0))?;
        self.bare.insert(purpose.sum_count(), Arc::new(tree));
        Ok(())
    }

    /// As [`Poll::count`].
    pub(super) fn count(&self, workers: &dyn Workers, poll: &Poll<'_>) -> Result<Count, TallyError> {
        let mut count = Count::new(poll.system, poll.options)?;
        let cast = self.cast(poll, &mut count)?;
        if !self.is_thin(poll) {
            let flow = self.sharded(workers, &cast);
            return Ok(flow.count(workers, poll.system, poll.options)?);
        }
        count.add_roll(self.electorate().total())?;
        self.with_voters(&cast, |received| {
            cast.iter().try_for_each(|cast| count.add(cast.ballot.fields, received(cast.seat)))
        })?;
        Ok(count)
    }

    /// As [`Poll::tree`]; [`Ground::lay_tree`] comes first.
    pub(super) fn tree(&self, workers: &dyn Workers, poll: &Poll<'_>) -> Result<SumOverlay, TallyError> {
        let purpose = poll.purpose()?;
        let cast = self.cast(poll, &mut Count::new(poll.system, poll.options)?)?;
        if let Some(bare) = self.bare.get(&purpose.sum_count()).filter(|_| self.is_thin(poll)) {
            let mut tree = SumOverlay::new(Arc::clone(bare));
            let leaves = self.with_voters(&cast, |received| {
                let leaf = |cast: &Cast<'_>| self.leaf(poll, cast.seat, Some(&cast.ballot), received(cast.seat));
                cast.iter().map(leaf).collect::<Result<Vec<_>, _>>()
            })?;
            tree.replace(leaves)?;
            return Ok(tree);
        }
        let flow = self.sharded(workers, &cast);
        let leaf = |index| {
            let seat = seat_at(index);
            let found = cast.binary_search_by_key(&seat, |cast| cast.seat).ok().map(|at| &cast[at].ballot);
            self.leaf(poll, seat, found, flow.received(seat))
        };
        Ok(parallel::tree(workers, purpose, self.seats(), leaf)?.into())
    }

    fn electorate(&self) -> &Electorate {
        self.basin.graph().electorate()
    }

    /// The ballots that count, by seat; those of whoever is not in the roll are looked at and count for nothing (V-10).
    fn cast<'p>(&self, poll: &Poll<'p>, count: &mut Count) -> Result<Vec<Cast<'p>>, TallyError> {
        let mut cast = Vec::new();
        for (member, ballot) in poll.ballots.all_counted(poll.cutoff) {
            match self.electorate().seat(&member) {
                Some(seat) => cast.push(Cast { seat, ballot }),
                None => count.add(ballot.fields, 0)?,
            }
        }
        Ok(cast)
    }

    /// Asks what each ballot weighs while these vote.
    fn with_voters<R>(&self, cast: &[Cast<'_>], ask: impl FnOnce(&dyn Fn(Seat) -> u128) -> R) -> R {
        if self.delegated.is_empty() {
            return ask(&|seat| self.electorate().weight(seat));
        }
        let mut live = Live::new();
        for cast in cast {
            live.set_votes(&self.basin, cast.seat, true);
        }
        ask(&|seat| live.received(&self.basin, seat))
    }

    fn sharded<'g>(&'g self, workers: &dyn Workers, cast: &[Cast<'g>]) -> ShardedFlow<'g> {
        let ballots: Vec<(Seat, &[u16])> = cast.iter().map(|cast| (cast.seat, cast.ballot.fields)).collect();
        ShardedFlow::resolve(workers, self.basin.graph(), &ballots)
    }

    fn leaf(
        &self,
        poll: &Poll<'_>,
        seat: Seat,
        ballot: Option<&BallotRecord<'_>>,
        received: u128,
    ) -> Result<SumLeaf, TallyError> {
        let ballot = ballot.map(|record| poll.counted(record, received)).transpose()?;
        let (member, own) = (self.electorate().member(seat), self.electorate().weight(seat));
        poll.leaf(member, own, ballot, || self.delegated.get(&seat).copied())
    }
}

/// Seats are the roll's members in their order, fewer than 2^32 of them.
fn seat_at(index: usize) -> Seat {
    Seat(u32::try_from(index).expect("an electorate's seats are numbered in 32 bits"))
}
