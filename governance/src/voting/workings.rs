//! What led to an outcome, for whoever looks at it (V-33): made by what decides, in the terms of each system.

use super::count::Count;
use super::runoff::{RunOff, RunOffEnd};
use super::schulze::Duels;
use super::share::product_at_least;
use super::system::System;
use super::tie::TieBreak;

/// What the number of an option is (V-33).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Weight for it: a share of the roll.
    Weight,
    /// Weight times grade.
    Points,
    /// Weight times votes bought.
    Votes,
    /// Weight of the ballots that rank it first.
    FirstPlaces,
    /// Other options that more weight puts below it than above it.
    PairsWon,
}

impl Measure {
    /// What the numbers are called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Points => "points",
            Self::Votes => "votes bought",
            Self::FirstPlaces => "first places",
            Self::PairsWon => "pairs won",
        }
    }
}

impl System {
    /// What the numbers of options are (V-33); of a question, weight.
    #[must_use]
    pub const fn measure(self) -> Measure {
        match self {
            Self::Score { .. } => Measure::Points,
            Self::Quadratic { .. } => Measure::Votes,
            Self::InstantRunoff => Measure::FirstPlaces,
            Self::Schulze => Measure::PairsWon,
            _ => Measure::Weight,
        }
    }
}

impl Count {
    /// The number of an option in its system's measure; 0 for an option that is not there.
    #[must_use]
    pub fn figure(&self, option: u16) -> u128 {
        match self.duels() {
            Some(duels) => u128::from(duels.won(option)),
            None => self.parts().get(usize::from(option)).copied().unwrap_or(0),
        }
    }

    /// Mean grade of an option, or mean number of votes bought for it, in hundredths, rounded down; over the weight that did
    /// not abstain. `None` without such weight, and under systems that have neither.
    #[must_use]
    pub fn mean_hundredths(&self, option: u16) -> Option<u128> {
        if !matches!(self.system().measure(), Measure::Points | Measure::Votes) {
            return None;
        }
        let (sum, cast) = (self.figure(option), self.cast());
        let (whole, rest) = (sum.checked_div(cast)?, sum.checked_rem(cast)?);
        // The greatest h with rest * 100 >= cast * h: no product leaves 256 bits.
        let hundredths = (0u64..100).rev().find(|h| product_at_least(rest, 100, cast, *h))?;
        // At most the greatest grade, or the most votes that a budget buys.
        whole.checked_mul(100)?.checked_add(u128::from(hundredths))
    }

    /// The rounds of an instant run-off (V-28); `None` for any other system.
    #[must_use]
    pub fn run_off(&self, tie: Option<TieBreak>) -> Option<RunOff> {
        (self.system() == System::InstantRunoff).then(|| RunOff::of(self.rankings(), self.options(), tie))
    }

    /// The duels of a Schulze vote (V-29); `None` for any other system.
    #[must_use]
    pub fn duels(&self) -> Option<Duels> {
        (self.system() == System::Schulze).then(|| Duels::of(self.parts(), self.options()))
    }

    /// Options of a choice that are ahead as it stands, several while they are level: whom V-27, V-28 or V-29 gives, before any
    /// rule is asked. None while no weight counts.
    #[must_use]
    pub fn ahead(&self, tie: Option<TieBreak>) -> Vec<u16> {
        if !self.system().has_options() || self.cast() == 0 {
            return Vec::new();
        }
        let level = match (self.run_off(tie), self.duels()) {
            (Some(RunOff { end, .. }), _) => match end {
                RunOffEnd::Elected(option) => return vec![option],
                RunOffEnd::Nobody => return Vec::new(),
                // The lot says which of these falls, not which wins.
                RunOffEnd::Level(tied) => return tied,
            },
            (None, Some(duels)) => duels.winners(),
            (None, None) => self.highest(),
        };
        match tie.and_then(|tie| tie.first(&level)) {
            Some(first) => vec![first],
            None => level,
        }
    }
}
