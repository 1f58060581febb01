//! What the sums decide under a rule.

use super::count::Count;
use super::rule::{Quorum, Rule, share_at_least};
use super::runoff::{self, RunOff};
use super::schulze::Duels;
use super::share::product_at_least;
use super::system::System;
use super::tie::TieBreak;
use crate::codec::{Canonical, DecodeError, Reader, Writer};

/// What was decided (V-32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Quorum and threshold were reached.
    Passed {
        /// The winning option; `None` when the system has no options.
        option: Option<u16>,
    },
    /// The threshold was missed, or "none of these" won.
    Rejected,
    /// The quorum was missed.
    NoQuorum,
    /// As many yes as no; fails.
    Tied,
    /// Enough weight said no with veto; fails, and the deposit is forfeited.
    Vetoed,
}

/// Options are level, the outcome depends on which of them wins (or drops out), and the block that decides is not known
/// yet (V-31).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("V-31: options {tied:?} are level; the block six above the close decides")]
pub struct Undecided {
    /// The options, ascending.
    pub tied: Vec<u16>,
}

impl Outcome {
    /// Whether the proposal takes effect.
    #[must_use]
    pub const fn has_passed(self) -> bool {
        matches!(self, Self::Passed { .. })
    }

    /// Its number in the decision tree.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Passed { .. } => 1,
            Self::Rejected => 2,
            Self::NoQuorum => 3,
            Self::Tied => 4,
            Self::Vetoed => 5,
        }
    }

    /// One word for lists and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed { .. } => "passed",
            Self::Rejected => "rejected",
            Self::NoQuorum => "no_quorum",
            Self::Tied => "tied",
            Self::Vetoed => "vetoed",
        }
    }
}

impl Count {
    /// What this count decides under `rule` (V-21 to V-31). `tie` is known once the block six above the close is.
    ///
    /// # Errors
    /// [`Undecided`] when the outcome hangs on a tie and `tie` is `None`.
    pub fn outcome(&self, rule: &Rule, tie: Option<TieBreak>) -> Result<Outcome, Undecided> {
        match self.system() {
            System::Optimistic => Ok(self.unless_opposed(rule)),
            System::YesNoAbstain | System::YesNoVeto => Ok(self.yes_or_no(rule)),
            _ if !self.reaches_turnout(rule) => Ok(Outcome::NoQuorum), // V-26.1
            System::InstantRunoff => match RunOff::of(self.rankings(), self.options(), tie).winner()? {
                Some(winner) => Ok(self.judge(winner, rule)),
                None => Ok(Outcome::Rejected),
            },
            System::Schulze => self.settle(&Duels::of(self.parts(), self.options()).winners(), rule, tie),
            _ => self.settle(&self.highest(), rule, tie),
        }
    }

    /// Weight that said no with veto, which is part of what stands against; `None` under a system that has no veto.
    #[must_use]
    pub fn vetoes(&self) -> Option<u128> {
        self.parts().get(2).copied().filter(|_| self.system() == System::YesNoVeto)
    }

    /// Whether the vetoes reach the share of the weight cast that stops it (V-24), whatever quorum and threshold say.
    #[must_use]
    pub fn is_vetoed(&self, rule: &Rule) -> bool {
        self.vetoes().is_some_and(|veto| veto > 0 && share_at_least(veto, self.cast(), rule.veto_bp))
    }

    /// V-23, V-24.
    fn yes_or_no(&self, rule: &Rule) -> Outcome {
        let (yes, no) = self.for_and_against();
        if !self.reaches_turnout(rule) || !self.reaches_yes_of_total(yes, rule) {
            return Outcome::NoQuorum;
        }
        if self.is_vetoed(rule) {
            return Outcome::Vetoed; // V-24
        }
        if yes == no && yes > 0 {
            return Outcome::Tied;
        }
        if rule.threshold.is_met(yes, no) { Outcome::Passed { option: None } } else { Outcome::Rejected }
    }

    /// V-25.
    fn unless_opposed(&self, rule: &Rule) -> Outcome {
        let (_, no) = self.for_and_against();
        if self.weight() == 0 {
            return Outcome::NoQuorum; // nobody is there who could have opposed
        }
        if share_at_least(no, self.weight(), rule.oppose_bp) {
            return Outcome::Rejected;
        }
        Outcome::Passed { option: None }
    }

    /// Whichever of `tied` wins; without asking for the tie's block when all of them would come to the same (V-31).
    fn settle(&self, tied: &[u16], rule: &Rule, tie: Option<TieBreak>) -> Result<Outcome, Undecided> {
        let mut outcomes = tied.iter().map(|option| self.judge(*option, rule));
        let Some(first) = outcomes.next() else { return Ok(Outcome::Rejected) };
        if outcomes.all(|other| other == first) {
            return Ok(first);
        }
        match tie.and_then(|tie| tie.first(tied)) {
            Some(winner) => Ok(self.judge(winner, rule)),
            None => Err(Undecided { tied: tied.to_vec() }),
        }
    }

    /// What it comes to when `winner` wins (V-26).
    #[must_use]
    pub fn judge(&self, winner: u16, rule: &Rule) -> Outcome {
        let (yes, no) = self.against_none(winner);
        if winner == self.options() || !rule.threshold.is_met(yes, no) {
            return Outcome::Rejected; // V-26.3
        }
        if !self.reaches_yes_of_total(yes, rule) || !self.reaches_turnout_without(no, rule) {
            return Outcome::NoQuorum; // V-26.4
        }
        Outcome::Passed { option: Some(winner) }
    }

    /// Options with the highest sum, ascending (V-27).
    pub(super) fn highest(&self) -> Vec<u16> {
        let best = self.parts().iter().max();
        (0u16..).zip(self.parts()).filter(|(_, sum)| Some(*sum) == best).map(|(option, _)| option).collect()
    }

    /// For a question: yes and all against it. Vetoes count as no (V-24).
    pub(super) fn for_and_against(&self) -> (u128, u128) {
        // Cannot overflow: the weight cast fits.
        (self.parts()[0], self.parts()[1..].iter().sum())
    }

    /// An option's sum and that of "none of these"; of rankings, the weight that prefers the one to the other (V-26.2).
    #[must_use]
    pub fn against_none(&self, option: u16) -> (u128, u128) {
        let none = self.options();
        match self.system() {
            System::InstantRunoff => {
                (runoff::preferring(self.rankings(), option, none), runoff::preferring(self.rankings(), none, option))
            }
            System::Schulze => match self.duels() {
                Some(duels) => (duels.preferring(option, none), duels.preferring(none, option)),
                None => (0, 0),
            },
            _ => (self.figure(option), self.figure(none)),
        }
    }

    /// V-21 but for yes of total: whether a choice comes to more than *no quorum* at once (V-26).
    #[must_use]
    pub fn reaches_turnout(&self, rule: &Rule) -> bool {
        let participating = match rule.quorum {
            // V-21: votes against a question do not help it to a quorum.
            Quorum::ParticipationBp(bp) => {
                let counted = if self.system().has_options() { self.cast() } else { self.for_and_against().0 };
                // The sum fits: it is part of the weight that voted.
                self.participants() > 0 && share_at_least(counted + self.abstained(), self.participants(), bp)
            }
            Quorum::YesOfTotalBp(_) => true,
        };
        self.weight() > 0 && self.ballots() >= u128::from(rule.distinct_voters_min) && participating
    }

    /// V-26.4: whether it would also reach the quorum without those who voted for "none of these", so that nobody helps an
    /// option to pass by voting against all of them. `none` is what stands against the winner, in units of the system.
    fn reaches_turnout_without(&self, none: u128, rule: &Rule) -> bool {
        let Quorum::ParticipationBp(bp) = rule.quorum else { return true };
        let unit = u64::from(self.system().unit());
        // (cast + abstain) * unit - none >= participants * unit * bp / 10000, and no product leaves 256 bits.
        let voted = self.cast() + self.abstained();
        let counted = match voted.checked_mul(u128::from(unit)) {
            Some(units) => units.saturating_sub(none),
            // Then weights are so large that whole ones are exact enough: rounded against the option.
            None => voted.saturating_sub(none.div_ceil(u128::from(unit))),
        };
        self.is_share_of(self.participants(), counted, bp)
    }

    /// What participation is measured by: the roll without what stands aside (V-21, L-18).
    #[must_use]
    pub fn participants(&self) -> u128 {
        self.weight().saturating_sub(self.standing())
    }

    /// Whether `yes` is enough of the roll, where the rule asks for that (V-21). Grades and bought votes count per best
    /// grade, so that the whole roll giving it is the whole.
    fn reaches_yes_of_total(&self, yes: u128, rule: &Rule) -> bool {
        match rule.quorum {
            Quorum::YesOfTotalBp(bp) => self.is_share_of_roll(yes, bp),
            Quorum::ParticipationBp(_) => true,
        }
    }

    /// Whether a sum reaches `bp` basis points of what the whole roll could give.
    pub(super) fn is_share_of_roll(&self, sum: u128, bp: u16) -> bool {
        self.is_share_of(self.weight(), sum, bp)
    }

    /// Whether a sum reaches `bp` basis points of what `weight` could give.
    fn is_share_of(&self, weight: u128, sum: u128, bp: u16) -> bool {
        let whole = u64::from(bp) * u64::from(self.system().unit());
        product_at_least(sum, u64::from(super::ALL_BP), weight, whole)
    }
}

impl Canonical for Outcome {
    fn encode(&self, w: &mut Writer) {
        w.u8(self.number());
        if let Self::Passed { option } = self {
            w.option(*option, Writer::u16);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            1 => Ok(Self::Passed { option: r.option("winning option", Reader::u16)? }),
            2 => Ok(Self::Rejected),
            3 => Ok(Self::NoQuorum),
            4 => Ok(Self::Tied),
            5 => Ok(Self::Vetoed),
            found => Err(DecodeError::UnknownVariant { field: "outcome", found }),
        }
    }
}
