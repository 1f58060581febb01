//! Counting: the last ballot of each member, times weight, and what follows from the sums. Integers only.

use std::collections::BTreeMap;

use crate::charter::{ALL_BP, ClassRule, Quorum, Threshold};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::entry::Choice;
use crate::id::{EntryId, MemberId};
use crate::roll::Roll;
use crate::tree::{SumError, SumLeaf, SumTree, TreePurpose};

/// A ballot in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BallotRecord {
    /// Its position.
    pub position: u64,
    /// Its entry.
    pub entry: EntryId,
    /// What it says.
    pub choice: Choice,
}

/// Every ballot on one proposal, by member and ascending position.
pub type Ballots = BTreeMap<MemberId, Vec<BallotRecord>>;

/// Totals of one proposal, in the order in which the tree carries them (G-50).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Weight for.
    pub yes: u128,
    /// Weight against.
    pub no: u128,
    /// Weight that abstained.
    pub abstain: u128,
    /// Number of members with weight who voted.
    pub ballots: u128,
    /// Weight of the whole roll, voted or not.
    pub weight: u128,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Quorum and threshold were reached.
    Passed,
    /// The threshold was missed.
    Rejected,
    /// The quorum was missed.
    NoQuorum,
    /// As many yes as no; fails.
    Tied,
}

/// What the ballot tree says of one member of the roll (G-76).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BallotLeaf {
    /// The ballot that counts; `None` when the member did not vote.
    pub ballot: Option<CountedBallot>,
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
}

/// The last ballot of each member before position `cutoff` (G-42).
pub fn last_ballots(ballots: &Ballots, cutoff: u64) -> impl Iterator<Item = (MemberId, BallotRecord)> {
    ballots.iter().filter_map(move |(member, records)| {
        let before = records.partition_point(|record| record.position < cutoff);
        records[..before].last().map(|record| (*member, *record))
    })
}

/// Totals over the last ballots before `cutoff`, weighted by `roll` (G-50). Does not depend on the order of arrival.
#[must_use]
pub fn tally(roll: &Roll, ballots: &Ballots, cutoff: u64) -> Sums {
    let mut sums = Sums { weight: roll.total(), ..Sums::default() };
    for (member, record) in last_ballots(ballots, cutoff) {
        sums.add(record.choice, roll.weight(&member));
    }
    sums
}

/// The ballot tree: one leaf for every member of the roll (G-76). Its root's sums are the tally.
///
/// # Errors
/// [`SumError::Overflow`] when the weights do not fit 128 bits.
pub fn ballot_tree(roll: &Roll, ballots: &Ballots, cutoff: u64) -> Result<SumTree, SumError> {
    let last: BTreeMap<MemberId, BallotRecord> = last_ballots(ballots, cutoff).collect();
    let leaves = roll
        .iter()
        .map(|(member, entry)| {
            let record = last.get(member);
            let mut sums = Sums { weight: entry.weight, ..Sums::default() };
            if let Some(record) = record {
                sums.add(record.choice, entry.weight);
            }
            let ballot = record.map(|record| CountedBallot {
                position: record.position,
                entry: record.entry,
                fields: vec![record.choice.field()],
            });
            SumLeaf { key: member.0, value: BallotLeaf { ballot }.to_bytes(), sums: sums.to_vec() }
        })
        .collect();
    SumTree::build(TreePurpose::Ballots, leaves)
}

impl Sums {
    /// In the order of the tree: yes, no, abstain, ballots, weight.
    #[must_use]
    pub fn to_vec(self) -> Vec<u128> {
        vec![self.yes, self.no, self.abstain, self.ballots, self.weight]
    }

    /// From the order of the tree; `None` for another number of sums.
    #[must_use]
    pub fn from_slice(sums: &[u128]) -> Option<Self> {
        let [yes, no, abstain, ballots, weight] = *sums else { return None };
        Some(Self { yes, no, abstain, ballots, weight })
    }

    /// What these totals decide under `rule` (G-51 to G-53).
    #[must_use]
    pub fn outcome(&self, rule: &ClassRule) -> Outcome {
        if self.weight == 0 || !self.reaches_quorum(rule) {
            return Outcome::NoQuorum;
        }
        if self.yes == self.no && self.yes > 0 {
            return Outcome::Tied;
        }
        if self.reaches_threshold(rule) { Outcome::Passed } else { Outcome::Rejected }
    }

    /// Whether turnout and number of voters suffice (G-51).
    #[must_use]
    pub fn reaches_quorum(&self, rule: &ClassRule) -> bool {
        let (counted, bp) = match rule.quorum {
            Quorum::ParticipationBp(bp) => (self.yes.saturating_add(self.abstain), bp),
            Quorum::YesOfTotalBp(bp) => (self.yes, bp),
        };
        self.ballots >= u128::from(rule.distinct_voters_min) && share_at_least(counted, self.weight, bp)
    }

    /// Whether enough of yes and no is yes; never on zero votes (G-52).
    #[must_use]
    pub fn reaches_threshold(&self, rule: &ClassRule) -> bool {
        let cast = self.yes.saturating_add(self.no);
        match rule.threshold {
            Threshold::Majority => self.yes > self.no,
            Threshold::PercentBp(bp) => self.yes > 0 && share_at_least(self.yes, cast, bp),
        }
    }

    /// Counts one member's ballot.
    pub fn add(&mut self, choice: Choice, weight: u128) {
        if weight > 0 {
            // Cannot saturate: every weight is part of the roll's total, which fits.
            let side = self.side(choice);
            *side = side.saturating_add(weight);
            self.ballots = self.ballots.saturating_add(1);
        }
    }

    /// Takes back what [`Sums::add`] counted.
    pub fn remove(&mut self, choice: Choice, weight: u128) {
        if weight > 0 {
            let side = self.side(choice);
            *side = side.saturating_sub(weight);
            self.ballots = self.ballots.saturating_sub(1);
        }
    }

    fn side(&mut self, choice: Choice) -> &mut u128 {
        match choice {
            Choice::Yes => &mut self.yes,
            Choice::No => &mut self.no,
            Choice::Abstain => &mut self.abstain,
        }
    }
}

/// `part / whole >= bp / 10000`, cross-multiplied. A product that does not fit 128 bits cannot arise from satoshis (they
/// are below 2^51); if it does, the answer is no.
fn share_at_least(part: u128, whole: u128, bp: u16) -> bool {
    match (part.checked_mul(u128::from(ALL_BP)), whole.checked_mul(u128::from(bp))) {
        (Some(left), Some(right)) => left >= right,
        _ => false,
    }
}

impl Outcome {
    /// Its number in the decision tree.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Passed => 1,
            Self::Rejected => 2,
            Self::NoQuorum => 3,
            Self::Tied => 4,
        }
    }

    /// One word for lists and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Rejected => "rejected",
            Self::NoQuorum => "no_quorum",
            Self::Tied => "tied",
        }
    }
}

impl Canonical for Outcome {
    fn encode(&self, w: &mut Writer) {
        w.u8(self.number());
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            1 => Ok(Self::Passed),
            2 => Ok(Self::Rejected),
            3 => Ok(Self::NoQuorum),
            4 => Ok(Self::Tied),
            found => Err(DecodeError::UnknownVariant { field: "outcome", found }),
        }
    }
}

impl Canonical for BallotLeaf {
    fn encode(&self, w: &mut Writer) {
        w.option(self.ballot.as_ref(), |w, ballot| {
            w.u64(ballot.position);
            ballot.entry.encode(w);
            w.list(&ballot.fields);
        });
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let ballot = r.option("ballot", |r| {
            Ok(CountedBallot {
                position: r.u64()?,
                entry: Canonical::decode(r)?,
                fields: r.list("ballot fields", crate::entry::MAX_FIELDS)?,
            })
        })?;
        Ok(Self { ballot })
    }
}
