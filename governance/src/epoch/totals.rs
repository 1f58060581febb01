//! Totals of a vote as a tree's root carries them.

use super::{BallotRoot, ProofError};
use crate::tally::Sums;
use crate::voting::{Count, System};

/// Sums of a ballot tree, with what it takes to read them (V-11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// How it is voted on.
    pub system: System,
    /// Options of the proposal's own; 0 for a question.
    pub options: u16,
    /// The sums: the system's own part, then (where there are options) the weight cast, abstentions, what stands aside,
    /// ballots, and the weight of the roll.
    pub sums: Vec<u128>,
}

impl Totals {
    /// The sums of a tree of `electorate` members; no more weight can have voted than there is, and no more members (G-77).
    pub(super) fn new(root: &BallotRoot, sums: &[u128], electorate: u64) -> Result<Self, ProofError> {
        let totals = Self { system: root.system, options: root.options, sums: sums.to_vec() };
        let wanted = Count::new(root.system, root.options).map_or(0, |count| count.sums().len());
        if sums.len() != wanted {
            let (system, found) = (root.system.name(), sums.len());
            return Err(ProofError::Contradiction(format!("a ballot tree by {system} has {wanted} sums, not {found}")));
        }
        let voted = totals.cast().and_then(|cast| cast.checked_add(totals.abstained())?.checked_add(totals.standing()));
        if voted.is_some_and(|voted| voted <= totals.weight()) && totals.ballots() <= u128::from(electorate) {
            return Ok(totals);
        }
        Err(ProofError::Contradiction(format!("totals {sums:?} of {electorate} members exceed the roll")))
    }

    /// Weight of the whole roll, voted or not.
    #[must_use]
    pub fn weight(&self) -> u128 {
        self.nth_last(1)
    }

    /// Number of ballots with weight.
    #[must_use]
    pub fn ballots(&self) -> u128 {
        self.nth_last(2)
    }

    /// Weight that stands aside by delegations, without a ballot (L-18).
    #[must_use]
    pub fn standing(&self) -> u128 {
        self.nth_last(3)
    }

    /// Weight of ballots that abstained.
    #[must_use]
    pub fn abstained(&self) -> u128 {
        self.nth_last(4)
    }

    /// The totals of a question; `None` for a proposal with options.
    #[must_use]
    pub fn question(&self) -> Option<Sums> {
        Sums::of(&Count::from_sums(self.system, self.options, &self.sums).ok()?)
    }

    /// The counter with these sums, for the outcome; `None` for an instant run-off, whose outcome needs the ballots.
    #[must_use]
    pub fn count(&self) -> Option<Count> {
        Count::from_sums(self.system, self.options, &self.sums).ok()
    }

    /// Weight of ballots that did not abstain; `None` when it does not fit.
    fn cast(&self) -> Option<u128> {
        if self.system.has_options() {
            return Some(self.nth_last(5));
        }
        let parts = &self.sums[..self.sums.len().saturating_sub(4)];
        parts.iter().try_fold(0u128, |sum, part| sum.checked_add(*part))
    }

    fn nth_last(&self, place: usize) -> u128 {
        self.sums.len().checked_sub(place).map_or(0, |index| self.sums[index])
    }
}
