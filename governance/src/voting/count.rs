//! Adding ballots up: sums that do not depend on the order, and can be taken back.

use std::collections::BTreeMap;

use smallvec::{SmallVec, smallvec};

use super::apportion::apportion;
use super::schema::BallotFault;
use super::system::{System, SystemFault};

/// Ballots of an instant run-off that did not abstain, each with the weight behind it (V-15). No weight is zero.
pub type Rankings = BTreeMap<Vec<u16>, u128>;

/// Sums that one ballot changes, and by how much; four are enough for one choice in any system.
type Cells = SmallVec<[(usize, u128); 4]>;

/// Sums over the ballots on one proposal (V-10 to V-15).
///
/// Addition commutes, so that shards can count by themselves and [`Count::merge`]; [`Count::remove`] undoes
/// [`Count::add`], so that a changed ballot costs its own fields only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    system: System,
    options: u16,
    /// As V-11 lays them out.
    sums: Vec<u128>,
    /// Empty but for an instant run-off, whose outcome does not follow from sums.
    rankings: Rankings,
}

/// Why something cannot be counted. The counter is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CountError {
    /// The system cannot be used with these options.
    #[error(transparent)]
    System(#[from] SystemFault),
    /// Not a ballot of this system.
    #[error(transparent)]
    Ballot(#[from] BallotFault),
    /// A sum would not fit 128 bits.
    #[error("V-13: the weights do not fit 128 bits")]
    Overflow,
    /// A ballot to take back was not in the count with that weight.
    #[error("V-13: no ballot {fields:?} of weight {weight} was counted")]
    NotCounted {
        /// The ballot's fields.
        fields: Vec<u16>,
        /// The weight to take back.
        weight: u128,
    },
    /// More weight that stands aside to take back than was counted.
    #[error("L-18: no weight {weight} was counted as standing aside")]
    NotStanding {
        /// The weight to take back.
        weight: u128,
    },
    /// Counts of different systems or numbers of options.
    #[error("V-13: a count of {} with {found_options} options cannot be added to one of {} with {options}", .found.name(), .system.name())]
    Different {
        /// System of the count.
        system: System,
        /// Its options.
        options: u16,
        /// System of the one to add.
        found: System,
        /// Its options.
        found_options: u16,
    },
    /// Another number of sums than the system has.
    #[error("V-11: {wanted} sums are needed, not {found}")]
    SumsLength {
        /// As many as V-11 lists.
        wanted: usize,
        /// Found.
        found: usize,
    },
    /// Ballots of an instant run-off that are not those behind its sums.
    #[error("V-15: the rankings do not add up to the sums")]
    RankingsDiffer,
}

impl Count {
    /// Nothing counted yet.
    ///
    /// # Errors
    /// [`CountError::System`].
    pub fn new(system: System, options: u16) -> Result<Self, CountError> {
        system.check(options)?;
        let sums = vec![0; Layout::of(system, options).len()];
        Ok(Self { system, options, sums, rankings: Rankings::new() })
    }

    /// From sums in the order of V-11, such as the root of a ballot tree carries. An instant run-off with votes needs
    /// [`Count::from_parts`].
    ///
    /// # Errors
    /// As [`Count::from_parts`].
    pub fn from_sums(system: System, options: u16, sums: &[u128]) -> Result<Self, CountError> {
        Self::from_parts(system, options, sums, Rankings::new())
    }

    /// From sums and the rankings of an instant run-off, which must be empty for any other system.
    ///
    /// # Errors
    /// [`CountError::System`], [`CountError::SumsLength`], [`CountError::Overflow`] when the weight that voted does not fit,
    /// [`CountError::Ballot`] and [`CountError::RankingsDiffer`].
    pub fn from_parts(system: System, options: u16, sums: &[u128], rankings: Rankings) -> Result<Self, CountError> {
        let mut count = Self::new(system, options)?;
        if sums.len() != count.sums.len() {
            return Err(CountError::SumsLength { wanted: count.sums.len(), found: sums.len() });
        }
        if system == System::InstantRunoff {
            for (fields, weight) in &rankings {
                count.add(fields, *weight)?;
            }
            let recounted = count.layout().parts + 1; // first preferences and the weight that voted
            if count.sums[..recounted] != sums[..recounted] || count.rankings != rankings {
                return Err(CountError::RankingsDiffer); // V-15
            }
        } else if !rankings.is_empty() {
            return Err(CountError::RankingsDiffer);
        }
        count.sums.copy_from_slice(sums);
        count.checked_turnout().ok_or(CountError::Overflow)?;
        Ok(count)
    }

    /// Counts a ballot with its weight. A ballot without weight leaves no trace (V-10).
    ///
    /// # Errors
    /// [`CountError::Ballot`] or [`CountError::Overflow`].
    pub fn add(&mut self, fields: &[u16], weight: u128) -> Result<(), CountError> {
        self.system.validate(self.options, fields)?;
        if weight == 0 {
            return Ok(());
        }
        self.checked_turnout().and_then(|turnout| turnout.checked_add(weight)).ok_or(CountError::Overflow)?;
        let cells = self.cells(fields, weight).ok_or(CountError::Overflow)?;
        self.update(&cells, u128::checked_add).ok_or(CountError::Overflow)?;
        if self.keeps_ranking(fields) {
            // Fits, because the weight that voted, of which it is a part, fits.
            *self.rankings.entry(fields.to_vec()).or_default() += weight;
        }
        Ok(())
    }

    /// Takes back what [`Count::add`] counted.
    ///
    /// # Errors
    /// [`CountError::Ballot`], or [`CountError::NotCounted`] when the sums hold less than that.
    pub fn remove(&mut self, fields: &[u16], weight: u128) -> Result<(), CountError> {
        self.system.validate(self.options, fields)?;
        if weight == 0 {
            return Ok(());
        }
        let not_counted = || CountError::NotCounted { fields: fields.to_vec(), weight };
        let ranking_left = if self.keeps_ranking(fields) {
            let held = self.rankings.get(fields).copied().unwrap_or(0);
            Some(held.checked_sub(weight).ok_or_else(not_counted)?)
        } else {
            None
        };
        let cells = self.cells(fields, weight).ok_or_else(not_counted)?;
        self.update(&cells, u128::checked_sub).ok_or_else(not_counted)?;
        match ranking_left {
            Some(0) => drop(self.rankings.remove(fields)),
            Some(left) => drop(self.rankings.insert(fields.to_vec(), left)),
            None => {}
        }
        Ok(())
    }

    /// Counts weight that stands aside: it abstains by a delegation, and is no ballot (L-17, L-18).
    ///
    /// # Errors
    /// [`CountError::Overflow`].
    pub fn add_standing(&mut self, weight: u128) -> Result<(), CountError> {
        self.checked_turnout().and_then(|turnout| turnout.checked_add(weight)).ok_or(CountError::Overflow)?;
        let at = self.layout().standing();
        self.sums[at] += weight; // fits, because the turnout does
        Ok(())
    }

    /// Takes back what [`Count::add_standing`] counted.
    ///
    /// # Errors
    /// [`CountError::NotStanding`] when less stands aside than that.
    pub fn remove_standing(&mut self, weight: u128) -> Result<(), CountError> {
        let at = self.layout().standing();
        self.sums[at] = self.sums[at].checked_sub(weight).ok_or(CountError::NotStanding { weight })?;
        Ok(())
    }

    /// The same ballot with another weight, as when a delegation changes. Not the difference is added: parts of a split
    /// ballot are rounded down, so that they are no linear function of the weight.
    ///
    /// # Errors
    /// As [`Count::remove`] and [`Count::add`].
    pub fn reweigh(&mut self, fields: &[u16], old: u128, new: u128) -> Result<(), CountError> {
        self.remove(fields, old)?;
        self.add(fields, new).inspect_err(|_| {
            self.add(fields, old).expect("it was counted a moment ago");
        })
    }

    /// Adds weight of the roll, voted or not, to that against which quorums are measured.
    ///
    /// # Errors
    /// [`CountError::Overflow`].
    pub fn add_roll(&mut self, weight: u128) -> Result<(), CountError> {
        let at = self.layout().weight();
        self.sums[at] = self.sums[at].checked_add(weight).ok_or(CountError::Overflow)?;
        Ok(())
    }

    /// The same count measured against a roll that is smaller by some weight (G-46).
    #[must_use]
    pub fn without_roll(&self, weight: u128) -> Self {
        let mut smaller = self.clone();
        let at = self.layout().weight();
        smaller.sums[at] = smaller.sums[at].saturating_sub(weight);
        smaller
    }

    /// Adds all that another counter of the same system and options counted (V-13).
    ///
    /// # Errors
    /// [`CountError::Different`] or [`CountError::Overflow`].
    pub fn merge(&mut self, other: &Self) -> Result<(), CountError> {
        if (self.system, self.options) != (other.system, other.options) {
            return Err(CountError::Different {
                system: self.system,
                options: self.options,
                found: other.system,
                found_options: other.options,
            });
        }
        let turnout = self.checked_turnout().zip(other.checked_turnout());
        turnout.and_then(|(mine, theirs)| mine.checked_add(theirs)).ok_or(CountError::Overflow)?;
        let cells: Vec<(usize, u128)> = other.sums.iter().copied().enumerate().collect();
        self.update(&cells, u128::checked_add).ok_or(CountError::Overflow)?;
        for (fields, weight) in &other.rankings {
            *self.rankings.entry(fields.clone()).or_default() += weight; // fits as in `add`
        }
        Ok(())
    }

    /// The voting system.
    #[must_use]
    pub const fn system(&self) -> System {
        self.system
    }

    /// Options of the proposal's own, which is also the index of "none of these".
    #[must_use]
    pub const fn options(&self) -> u16 {
        self.options
    }

    /// All sums in the order of V-11.
    #[must_use]
    pub fn sums(&self) -> Vec<u128> {
        self.sums.clone()
    }

    /// The ballots of an instant run-off; empty for any other system.
    #[must_use]
    pub const fn rankings(&self) -> &Rankings {
        &self.rankings
    }

    /// The system's own part of the sums (V-11): yes and no (and veto), one per option, or the matrix of pairs.
    #[must_use]
    pub fn parts(&self) -> &[u128] {
        &self.sums[..self.layout().parts]
    }

    /// Weight of ballots that did not abstain.
    #[must_use]
    pub fn cast(&self) -> u128 {
        // Cannot overflow: `checked_turnout` holds for every value of this type.
        if self.system.has_options() { self.sums[self.layout().parts] } else { self.parts().iter().sum() }
    }

    /// Weight of ballots that abstained.
    #[must_use]
    pub fn abstained(&self) -> u128 {
        self.sums[self.layout().abstain()]
    }

    /// Weight that stands aside by delegations, without a ballot (L-18).
    #[must_use]
    pub fn standing(&self) -> u128 {
        self.sums[self.layout().standing()]
    }

    /// Number of ballots with weight.
    #[must_use]
    pub fn ballots(&self) -> u128 {
        self.sums[self.layout().ballots()]
    }

    /// Weight of the whole roll, voted or not.
    #[must_use]
    pub fn weight(&self) -> u128 {
        self.sums[self.layout().weight()]
    }

    /// Counts further voters without weight of their own; for questions of what might yet come.
    pub(super) fn add_ballots(&mut self, ballots: u128) -> Result<(), CountError> {
        let at = self.layout().ballots();
        self.sums[at] = self.sums[at].checked_add(ballots).ok_or(CountError::Overflow)?;
        Ok(())
    }

    fn layout(&self) -> Layout {
        Layout::of(self.system, self.options)
    }

    /// Weight that voted or stands aside. Every public way to a value of this type checks that it fits.
    fn checked_turnout(&self) -> Option<u128> {
        let cast = if self.system.has_options() {
            self.cast()
        } else {
            self.parts().iter().try_fold(0u128, |sum, part| sum.checked_add(*part))?
        };
        cast.checked_add(self.abstained())?.checked_add(self.standing())
    }

    fn keeps_ranking(&self, fields: &[u16]) -> bool {
        self.system == System::InstantRunoff && !fields.is_empty()
    }

    /// What a valid ballot adds to which sums, each sum at most once; `None` when a product does not fit.
    fn cells(&self, fields: &[u16], weight: u128) -> Option<Cells> {
        let layout = self.layout();
        let mut cells: Cells = smallvec![(layout.ballots(), 1)];
        let abstains = fields.is_empty() || (!self.system.has_options() && fields == [0]);
        if abstains {
            cells.push((layout.abstain(), weight));
            return Some(cells);
        }
        if self.system.has_options() {
            cells.push((layout.parts, weight));
        }
        match self.system {
            System::YesNoAbstain | System::YesNoVeto | System::Optimistic => {
                cells.push((usize::from(fields[0]) - 1, weight));
            }
            System::SingleChoice | System::InstantRunoff => cells.push((usize::from(fields[0]), weight)),
            System::Approval | System::Score { .. } | System::Quadratic { .. } => {
                for (option, value) in fields.iter().enumerate() {
                    cells.push((option, weight.checked_mul(u128::from(*value))?));
                }
            }
            System::Split => cells.extend(apportion(weight, fields).enumerate()),
            System::Schulze => {
                cells.extend(preferred_pairs(self.options, fields).map(|pair| (pair, weight)));
            }
        }
        Some(cells)
    }

    /// Applies `change` to the sums named in `cells`; to none of them when one fails.
    fn update(&mut self, cells: &[(usize, u128)], change: fn(u128, u128) -> Option<u128>) -> Option<()> {
        let new: SmallVec<[u128; 4]> =
            cells.iter().map(|(at, by)| change(self.sums[*at], *by)).collect::<Option<_>>()?;
        for ((at, _), sum) in cells.iter().zip(new) {
            self.sums[*at] = sum;
        }
        Some(())
    }
}

/// Where in the sums what stands (V-11).
struct Layout {
    /// How many sums the system has of its own; they come first.
    parts: usize,
    /// Whether the weight that did not abstain follows them. Of yes and no it is the sum, so that it is left out.
    has_cast: bool,
}

impl Layout {
    fn of(system: System, options: u16) -> Self {
        let all = usize::from(options) + 1;
        let parts = match system {
            System::YesNoAbstain | System::Optimistic => 2,
            System::YesNoVeto => 3,
            System::Schulze => all * all,
            _ => all,
        };
        Self { parts, has_cast: system.has_options() }
    }

    fn abstain(&self) -> usize {
        self.parts + usize::from(self.has_cast)
    }

    fn standing(&self) -> usize {
        self.abstain() + 1
    }

    fn ballots(&self) -> usize {
        self.abstain() + 2
    }

    fn weight(&self) -> usize {
        self.abstain() + 3
    }

    fn len(&self) -> usize {
        self.abstain() + 4
    }
}

/// Indexes into the matrix of pairs (row preferred to column) for which a ranking counts (V-14): every listed option
/// over those after it and over all that are not listed.
fn preferred_pairs(options: u16, ranking: &[u16]) -> impl Iterator<Item = usize> {
    let all = options + 1;
    ranking.iter().enumerate().flat_map(move |(place, better)| {
        (0..all)
            .filter(move |worse| !ranking[..=place].contains(worse))
            .map(move |worse| usize::from(*better) * usize::from(all) + usize::from(worse))
    })
}
