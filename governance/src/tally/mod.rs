//! Counting: the last ballot of each member, times the weight that it carries. What follows is [`crate::voting`]'s to say.

mod ground;
mod grounds;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ballots::{BallotRecord, Ballots};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::delegation::{Book, Electorate, ElectorateError, Flow, Graph, Topic, View, resolve};
use crate::entry::MAX_FIELDS;
use crate::id::{EntryId, MemberId};
use crate::long_list::LongList;
use crate::roll::{Roll, RollEntry};
use crate::tree::{SumError, SumLeaf, SumTree, TreePurpose};
use crate::voting::{Count, CountError, System};

pub use crate::voting::Outcome;
pub use grounds::Grounds;

/// Everything a count depends on.
#[derive(Debug, Clone)]
pub struct Poll<'a> {
    /// How it is voted on.
    pub system: System,
    /// Options of the proposal's own; 0 for a question.
    pub options: u16,
    /// Who may vote, with what weight.
    pub roll: &'a Roll,
    /// What was voted.
    pub ballots: &'a Ballots,
    /// The entries of the log by position: those of the ballots go into their leaves.
    pub entries: &'a LongList<EntryId>,
    /// Entries below this position count.
    pub cutoff: u64,
    /// Who hands their weight on; `None` where nobody can.
    pub delegations: Option<Delegations<'a>>,
}

/// The delegations that a poll respects.
#[derive(Debug, Clone)]
pub struct Delegations<'a> {
    /// All of them.
    pub book: &'a Book,
    /// What the proposal is about.
    pub topic: Topic,
    /// Delegations below this position count; below the poll's own where they are frozen.
    pub cutoff: u64,
    /// The proposal closes at this height, for those that expire.
    pub close_height: u32,
}

impl Delegations<'_> {
    /// What decides which of them are in force; the same for polls that none of them tells apart.
    #[must_use]
    pub fn view(&self) -> View {
        self.book.view(&self.topic, self.cutoff, self.close_height)
    }
}

/// Totals of a question, in the order in which its tree carries them (V-11).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Weight for.
    pub yes: u128,
    /// Weight against, vetoes included.
    pub no: u128,
    /// Weight of ballots that abstained.
    pub abstain: u128,
    /// Weight that stands aside by delegations, without a ballot (L-18).
    pub standing: u128,
    /// Number of members with weight who voted.
    pub ballots: u128,
    /// Weight of the whole roll, voted or not.
    pub weight: u128,
}

/// What the ballot tree says of one member of the roll (G-76).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BallotLeaf {
    /// Neither voted nor delegated.
    None,
    /// Voted.
    Own(CountedBallot),
    /// Delegated and did not vote.
    Delegated {
        /// The delegation in force.
        entry: EntryId,
    },
    /// The same, and some weight abstains by that delegation (L-17).
    Abstained {
        /// The delegation in force.
        entry: EntryId,
        /// Weight that abstains by it: of the member's own, and of what came to them; above 0.
        weight: u128,
    },
}

/// The ballot that counts for a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedBallot {
    /// Its position in the log.
    pub position: u64,
    /// Its entry.
    pub entry: EntryId,
    /// Its fields.
    pub fields: Vec<u16>,
    /// Weight with which it is counted: the member's own and what others delegated.
    pub weight: u128,
}

/// Why ballots cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TallyError {
    /// A ballot or the weights do not fit the system.
    #[error(transparent)]
    Count(#[from] CountError),
    /// The roll is no electorate.
    #[error(transparent)]
    Electorate(#[from] ElectorateError),
    /// The tree cannot be built.
    #[error(transparent)]
    Tree(#[from] SumError),
    /// The log given has no entry where a ballot should be.
    #[error("G-76: there is a ballot at position {position}, but the log has no entry there")]
    NoEntry {
        /// Position of the ballot.
        position: u64,
    },
}

impl Poll<'_> {
    /// The totals (V-10, L-13). Does not depend on the order of arrival.
    ///
    /// # Errors
    /// [`TallyError`].
    pub fn count(&self) -> Result<Count, TallyError> {
        let mut count = Count::new(self.system, self.options)?;
        count.add_roll(self.roll.total())?;
        let flow = self.flow()?;
        if let Some((_, flow)) = &flow {
            count.add_standing(flow.abstained())?;
        }
        for (member, record) in self.ballots.all_counted(self.cutoff) {
            let weight = self.carried(flow.as_ref(), &member);
            count.add(record.fields, weight)?;
        }
        Ok(count)
    }

    /// The ballot tree: one leaf for every member of the roll (G-76). Its root's sums are the tally.
    ///
    /// This and [`Poll::count`] say what a tally is. Many polls, or large ones, go over [`Grounds`].
    ///
    /// # Errors
    /// [`TallyError`].
    pub fn tree(&self) -> Result<SumTree, TallyError> {
        let last: BTreeMap<MemberId, BallotRecord<'_>> = self.ballots.all_counted(self.cutoff).collect();
        let flow = self.flow()?;
        let leaf = |(member, entry): (&MemberId, &RollEntry)| {
            let weight = self.carried(flow.as_ref(), member);
            let ballot = last.get(member).map(|record| self.counted(record, weight)).transpose()?;
            self.leaf(*member, entry.weight, ballot, || {
                let at = flow.as_ref().and_then(|(graph, flow)| Some((flow, graph.electorate().seat(member)?)));
                let abstained = at.map_or(0, |(flow, seat)| flow.abstained_at(seat));
                self.delegation_of(member).map(|entry| BallotLeaf::of_delegation(entry, abstained))
            })
        };
        let leaves = self.roll.iter().map(leaf).collect::<Result<Vec<_>, TallyError>>()?;
        Ok(SumTree::build(self.purpose()?, leaves)?)
    }

    /// What its tree is for.
    fn purpose(&self) -> Result<TreePurpose, TallyError> {
        Ok(TreePurpose::Ballots { sums: Count::new(self.system, self.options)?.sums().len() })
    }

    /// A ballot as its leaf says it.
    fn counted(&self, record: &BallotRecord<'_>, weight: u128) -> Result<CountedBallot, TallyError> {
        let entry = self.entry_at(record.position)?;
        Ok(CountedBallot { position: record.position, entry, fields: record.fields.to_vec(), weight })
    }

    /// The leaf of a member with `own` weight; `delegation` is that of one without a ballot who delegates.
    fn leaf(
        &self,
        member: MemberId,
        own: u128,
        ballot: Option<CountedBallot>,
        delegation: impl FnOnce() -> Option<BallotLeaf>,
    ) -> Result<SumLeaf, TallyError> {
        let leaf = match ballot {
            Some(ballot) => BallotLeaf::Own(ballot),
            None => delegation().unwrap_or(BallotLeaf::None),
        };
        Ok(SumLeaf { key: member.0, value: leaf.to_bytes(), sums: leaf.sums(self.system, self.options, own)? })
    }

    fn entry_at(&self, position: u64) -> Result<EntryId, TallyError> {
        let entry = usize::try_from(position).ok().and_then(|place| self.entries.get(place));
        entry.copied().ok_or(TallyError::NoEntry { position })
    }

    /// The delegation of a member that is in force for this poll.
    #[must_use]
    pub fn delegation_of(&self, member: &MemberId) -> Option<EntryId> {
        let d = self.delegations.as_ref()?;
        d.book.in_force(member, &d.topic, d.cutoff, d.close_height).map(|record| record.entry)
    }

    /// The delegations in force over the roll; `None` where nobody can delegate.
    fn graph(&self) -> Result<Option<Graph>, TallyError> {
        let Some(d) = &self.delegations else { return Ok(None) };
        let electorate = Arc::new(Electorate::of_roll(self.roll)?);
        Ok(Some(Graph::of_book(electorate, d.book, &d.topic, d.cutoff, d.close_height)))
    }

    fn flow(&self) -> Result<Option<(Graph, Flow)>, TallyError> {
        let Some(graph) = self.graph()? else { return Ok(None) };
        let voters = self.ballots.all_counted(self.cutoff).filter_map(|(m, _)| graph.electorate().seat(&m));
        let flow = resolve(&graph, voters);
        Ok(Some((graph, flow)))
    }

    /// Weight with which a voter's ballot is counted.
    fn carried(&self, flow: Option<&(Graph, Flow)>, member: &MemberId) -> u128 {
        match flow {
            Some((graph, flow)) => graph.electorate().seat(member).map_or(0, |seat| flow.received(graph, seat)),
            None => self.roll.weight(member),
        }
    }
}

impl Sums {
    /// The totals of a question; `None` for a proposal with options.
    #[must_use]
    pub fn of(count: &Count) -> Option<Self> {
        if count.system().has_options() {
            return None;
        }
        let (yes, against) = count.parts().split_first()?;
        Some(Self {
            yes: *yes,
            no: against.iter().sum(),
            abstain: count.abstained(),
            standing: count.standing(),
            ballots: count.ballots(),
            weight: count.weight(),
        })
    }
}

impl BallotLeaf {
    /// Of a member without a ballot whose delegation in force is `entry`, by which `abstained` weight abstains.
    const fn of_delegation(entry: EntryId, abstained: u128) -> Self {
        match abstained {
            0 => Self::Delegated { entry },
            weight => Self::Abstained { entry, weight },
        }
    }

    /// The ballot that counts; `None` when the member did not vote.
    #[must_use]
    pub const fn ballot(&self) -> Option<&CountedBallot> {
        match self {
            Self::Own(ballot) => Some(ballot),
            Self::None | Self::Delegated { .. } | Self::Abstained { .. } => None,
        }
    }

    /// The sums of the leaf of a member with `own` weight: what the ballot or the delegation adds, and the weight (G-76).
    ///
    /// # Errors
    /// [`CountError`] when the ballot is none of the system's.
    pub fn sums(&self, system: System, options: u16, own: u128) -> Result<Vec<u128>, CountError> {
        let mut count = Count::new(system, options)?;
        count.add_roll(own)?;
        match self {
            Self::Own(ballot) => count.add(&ballot.fields, ballot.weight)?,
            Self::Abstained { weight, .. } => count.add_standing(*weight)?,
            Self::None | Self::Delegated { .. } => {}
        }
        Ok(count.sums())
    }
}

impl Canonical for BallotLeaf {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::None => w.u8(0),
            Self::Own(ballot) => {
                w.u8(1);
                w.u64(ballot.position);
                ballot.entry.encode(w);
                w.list(&ballot.fields);
                w.u128(ballot.weight);
            }
            Self::Delegated { entry } => {
                w.u8(2);
                entry.encode(w);
            }
            Self::Abstained { entry, weight } => {
                w.u8(3);
                entry.encode(w);
                w.u128(*weight);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::None),
            1 => Ok(Self::Own(CountedBallot {
                position: r.u64()?,
                entry: Canonical::decode(r)?,
                fields: r.list("ballot fields", MAX_FIELDS)?,
                weight: r.u128()?,
            })),
            2 => Ok(Self::Delegated { entry: Canonical::decode(r)? }),
            3 => match (Canonical::decode(r)?, r.u128()?) {
                (_, 0) => {
                    let problem = "is 0, which is a leaf of kind 2".into();
                    Err(DecodeError::Rule { rule: "G-76", field: "weight that abstains", problem })
                }
                (entry, weight) => Ok(Self::Abstained { entry, weight }),
            },
            found => Err(DecodeError::UnknownVariant { field: "ballot leaf", found }),
        }
    }
}
