//! What can be said of a vote that is still open.

use super::count::Count;
use super::outcome::Outcome;
use super::rule::{ALL_BP, Rule};
use super::system::System;

/// Who would win if the vote closed now (V-41). A change of it in the last quarter is a late surge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leader {
    /// The proposal would pass, with this option where there are options.
    Passes {
        /// The option.
        option: Option<u16>,
    },
    /// The proposal would fail, for whatever reason.
    Fails,
}

impl Count {
    /// Whether no distribution of `remaining_weight`, the weight on the roll that has not voted, can change the outcome
    /// (V-40). Exact, but for rankings: those are decided early only when nothing remains. Ballots counted so far must
    /// be final. It is taken as possible that any number of members holds the remaining weight.
    #[must_use]
    pub fn decided_early(&self, rule: &Rule, remaining_weight: u128) -> bool {
        let Ok(now) = self.outcome(rule, None) else { return false };
        if remaining_weight == 0 {
            return true;
        }
        if self.system().is_ranked() {
            return false;
        }
        // Sums are monotone in the ballots, so that whatever can be reached at all shows at a corner: when all that
        // remains does the most for one side. But for a tie of yes and no, which lies between corners.
        !self.may_become_tied(now, remaining_weight)
            && self.corners().all(|fields| self.outcome_with(&fields, remaining_weight, rule) == Some(now))
    }

    /// Who would win if the vote closed now; `None` while options are level (V-41).
    #[must_use]
    pub fn leading(&self, rule: &Rule) -> Option<Leader> {
        match self.outcome(rule, None) {
            Ok(Outcome::Passed { option }) => Some(Leader::Passes { option }),
            Ok(_) => Some(Leader::Fails),
            Err(_) => None,
        }
    }

    /// Whether support reaches `bp` basis points of the roll, so that the deposit is returned (V-42): the weight for the
    /// question, or for the best supported of the proposal's own options. An empty roll supports nothing.
    #[must_use]
    pub fn is_supported(&self, bp: u16) -> bool {
        let support = if self.system().has_options() {
            (0..self.options()).map(|option| self.against_none(option).0).max().unwrap_or(0)
        } else {
            self.for_and_against().0
        };
        self.weight() > 0 && self.is_share_of_roll(support, bp)
    }

    /// Ballots that each do the most for one side or option.
    fn corners(&self) -> impl Iterator<Item = Vec<u16>> {
        let (system, options) = (self.system(), self.options());
        let sides = match system {
            System::YesNoAbstain | System::Optimistic => 1..=2,
            System::YesNoVeto => 1..=3,
            _ => 0..=options,
        };
        let all_on =
            move |option: u16, value: u16| (0..=options).map(|o| if o == option { value } else { 0 }).collect();
        sides.map(move |side| match system {
            System::Split => all_on(side, ALL_BP),
            System::Approval | System::Score { .. } | System::Quadratic { .. } => all_on(side, system.unit()),
            _ => vec![side],
        })
    }

    /// The outcome after one more ballot of `weight`, counted as if as many members had cast it as possible.
    fn outcome_with(&self, fields: &[u16], weight: u128, rule: &Rule) -> Option<Outcome> {
        let mut count = self.clone();
        count.add(fields, weight).ok()?;
        count.add_ballots(weight - 1).ok()?;
        count.outcome(rule, None).ok()
    }

    /// Whether yes and no can come out level, which only quorum and veto take precedence over (V-23).
    fn may_become_tied(&self, now: Outcome, remaining_weight: u128) -> bool {
        let (yes, no) = self.for_and_against();
        matches!(self.system(), System::YesNoAbstain | System::YesNoVeto)
            && !matches!(now, Outcome::NoQuorum | Outcome::Vetoed)
            && yes.abs_diff(no) <= remaining_weight
    }
}
