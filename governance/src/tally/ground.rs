//! What polls have in common that are over one roll and respect the same delegations, and how one of them is counted on it.
//!
//! A poll in which few voted costs what those few affect: their delegations are taken out of a flow without any ballot, and
//! their leaves replaced in a tree without any ballot. One in which many voted is counted as a whole, its shards side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{BallotLeaf, Delegations, Poll, TallyError};
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

/// Weight behind a seat's leaf.
#[derive(Clone, Copy)]
struct Carried {
    /// With which its ballot counts; of no meaning without one.
    received: u128,
    /// That abstains by its delegation.
    abstained: u128,
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
        let tree = parallel::tree(workers, purpose, self.seats(), |index| {
            let seat = seat_at(index);
            self.leaf(poll, seat, None, Carried { received: 0, abstained: self.basin.abstained_at(seat) })
        })?;
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
        let live = self.with_voters(&cast);
        count.add_standing(live.abstained(&self.basin))?;
        for cast in &cast {
            count.add(cast.ballot.fields, self.carried(&live, cast.seat).received)?;
        }
        Ok(count)
    }

    /// As [`Poll::tree`]; [`Ground::lay_tree`] comes first.
    pub(super) fn tree(&self, workers: &dyn Workers, poll: &Poll<'_>) -> Result<SumOverlay, TallyError> {
        let purpose = poll.purpose()?;
        let cast = self.cast(poll, &mut Count::new(poll.system, poll.options)?)?;
        if let Some(bare) = self.bare.get(&purpose.sum_count()).filter(|_| self.is_thin(poll)) {
            let mut tree = SumOverlay::new(Arc::clone(bare));
            let live = self.with_voters(&cast);
            let leaf = |seat, ballot| self.leaf(poll, seat, ballot, self.carried(&live, seat));
            let own = cast.iter().map(|cast| leaf(cast.seat, Some(&cast.ballot)));
            let handed_on = live.shifted_abstainers(&self.basin).map(|seat| leaf(seat, None));
            tree.replace(own.chain(handed_on).collect::<Result<Vec<_>, _>>()?)?;
            return Ok(tree);
        }
        let flow = self.sharded(workers, &cast);
        let leaf = |index| {
            let seat = seat_at(index);
            let found = cast.binary_search_by_key(&seat, |cast| cast.seat).ok().map(|at| &cast[at].ballot);
            let carried = Carried { received: flow.received(seat), abstained: flow.abstained_at(seat) };
            self.leaf(poll, seat, found, carried)
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

    /// The flow while these vote; nothing flows where nobody delegates.
    fn with_voters(&self, cast: &[Cast<'_>]) -> Live {
        let mut live = Live::new();
        for cast in cast.iter().filter(|_| !self.delegated.is_empty()) {
            live.set_votes(&self.basin, cast.seat, true);
        }
        live
    }

    /// What a seat carries in that flow.
    fn carried(&self, live: &Live, seat: Seat) -> Carried {
        if self.delegated.is_empty() {
            return Carried { received: self.electorate().weight(seat), abstained: 0 };
        }
        Carried { received: live.received(&self.basin, seat), abstained: live.abstained_at(&self.basin, seat) }
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
        carried: Carried,
    ) -> Result<SumLeaf, TallyError> {
        let ballot = ballot.map(|record| poll.counted(record, carried.received)).transpose()?;
        let (member, own) = (self.electorate().member(seat), self.electorate().weight(seat));
        let delegation = || Some(BallotLeaf::of_delegation(*self.delegated.get(&seat)?, carried.abstained));
        poll.leaf(member, own, ballot, delegation)
    }
}

/// Seats are the roll's members in their order, fewer than 2^32 of them.
fn seat_at(index: usize) -> Seat {
    Seat(u32::try_from(index).expect("an electorate's seats are numbered in 32 bits"))
}
