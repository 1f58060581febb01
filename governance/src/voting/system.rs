//! Which voting systems there are, and their numbers.

use super::schema::{BallotFault, BallotSchema};
use crate::codec::{Canonical, DecodeError, Reader, Writer};

/// Fewest options of a proposal that has options (V-2).
pub const MIN_OPTIONS: u16 = 2;
/// Most options of a proposal, so that a ballot has at most 64 fields (V-2).
pub const MAX_OPTIONS: u16 = 62;
/// Most options under Schulze, whose sums grow with their square (V-2).
pub const MAX_SCHULZE_OPTIONS: u16 = 15;

/// How a proposal is voted on (V-1).
///
/// The first two and the last ask one question; the others let members choose among a proposal's options, to which "none
/// of these" is always appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum System {
    /// For, against, or present only.
    YesNoAbstain,
    /// As yes/no/abstain, with a stronger no that forfeits the deposit when enough weight says it.
    YesNoVeto,
    /// One option each; the one with the most weight wins.
    SingleChoice,
    /// Any number of options each.
    Approval,
    /// A grade for every option.
    Score {
        /// Best grade, at least 1; the worst is 0.
        max: u16,
    },
    /// Ranking; the option with the fewest first preferences drops out until one has more than half.
    InstantRunoff,
    /// Ranking; every pair of options is compared (Markus Schulze, "A new monotonic, clone-independent, reversal symmetric,
    /// and Condorcet-consistent single-winner election method", 2011; winning votes).
    Schulze,
    /// Weight divided over options in parts of 10,000.
    Split,
    /// Votes bought from a budget: v votes for an option cost v^2 credits.
    Quadratic {
        /// Credits of every ballot, at least 1.
        credits: u32,
    },
    /// Passes unless enough weight is against.
    Optimistic,
}

/// Why a system cannot be used for a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SystemFault {
    /// The number of options does not suit the system.
    #[error("V-2: {} takes {min} to {max} options, not {found}", .system.name())]
    Options {
        /// The system.
        system: System,
        /// Options of the proposal.
        found: u16,
        /// Fewest.
        min: u16,
        /// Most.
        max: u16,
    },
    /// The best grade or the budget is 0, so that no ballot could say anything.
    #[error("V-1: {} with {} 0 lets no ballot say anything; must be at least 1", .system.name(), if matches!(.system, System::Score { .. }) { "max" } else { "credits" })]
    NothingToGive {
        /// The system.
        system: System,
    },
}

impl SystemFault {
    /// As the fault of a field that is decoded, which names the clause before the field.
    pub(crate) fn of_field(&self, field: &'static str) -> DecodeError {
        let rule = match self {
            Self::Options { .. } => "V-2",
            Self::NothingToGive { .. } => "V-1",
        };
        let message = self.to_string();
        let problem = message.strip_prefix(rule).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&message);
        DecodeError::Rule { rule, field, problem: problem.to_owned() }
    }
}

impl System {
    /// Its number in the encoding (V-1).
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::YesNoAbstain => 0,
            Self::YesNoVeto => 1,
            Self::SingleChoice => 2,
            Self::Approval => 3,
            Self::Score { .. } => 4,
            Self::InstantRunoff => 5,
            Self::Schulze => 6,
            Self::Split => 7,
            Self::Quadratic { .. } => 8,
            Self::Optimistic => 9,
        }
    }

    /// Its name in charters, messages and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::YesNoAbstain => "yes_no_abstain",
            Self::YesNoVeto => "yes_no_veto",
            Self::SingleChoice => "single_choice",
            Self::Approval => "approval",
            Self::Score { .. } => "score",
            Self::InstantRunoff => "instant_runoff",
            Self::Schulze => "schulze",
            Self::Split => "split",
            Self::Quadratic { .. } => "quadratic",
            Self::Optimistic => "optimistic",
        }
    }

    /// Its name with its bound, for people: `score of 0 to 5`.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Score { max } => format!("score of 0 to {max}"),
            Self::Quadratic { credits } => format!("quadratic with {credits} credits"),
            other => other.name().to_owned(),
        }
    }

    /// Whether members choose among a proposal's options; otherwise they answer one question.
    #[must_use]
    pub const fn has_options(self) -> bool {
        !matches!(self, Self::YesNoAbstain | Self::YesNoVeto | Self::Optimistic)
    }

    /// Whether ballots are rankings.
    #[must_use]
    pub const fn is_ranked(self) -> bool {
        matches!(self, Self::InstantRunoff | Self::Schulze)
    }

    /// Whether the system can be used with this many options of the proposal's own (V-1, V-2).
    ///
    /// # Errors
    /// [`SystemFault`] with the limits.
    pub fn check(self, options: u16) -> Result<(), SystemFault> {
        if matches!(self, Self::Score { max: 0 } | Self::Quadratic { credits: 0 }) {
            return Err(SystemFault::NothingToGive { system: self });
        }
        let (min, max) = match self {
            Self::Schulze => (MIN_OPTIONS, MAX_SCHULZE_OPTIONS),
            _ if self.has_options() => (MIN_OPTIONS, MAX_OPTIONS),
            _ => (0, 0),
        };
        if (min..=max).contains(&options) {
            Ok(())
        } else {
            Err(SystemFault::Options { system: self, found: options, min, max })
        }
    }

    /// What its ballots look like (V-3). `options` passed [`System::check`].
    #[must_use]
    pub fn schema(self, options: u16) -> BallotSchema {
        BallotSchema::of(self, options)
    }

    /// Whether these fields are a ballot (V-3 to V-7). `options` passed [`System::check`].
    ///
    /// # Errors
    /// [`BallotFault`] naming the clause and the value.
    pub fn validate(self, options: u16, fields: &[u16]) -> Result<(), BallotFault> {
        self.schema(options).validate(fields)
    }

    /// The most that one unit of weight can add to an option's sum: the best grade, the most votes a budget buys, else 1.
    #[must_use]
    pub fn unit(self) -> u16 {
        match self {
            Self::Score { max } => max,
            Self::Quadratic { credits } => {
                u16::try_from(credits.isqrt()).expect("the square root of 32 bits has 16 bits")
            }
            _ => 1,
        }
    }
}

impl Canonical for System {
    fn encode(&self, w: &mut Writer) {
        w.u8(self.number());
        match self {
            Self::Score { max } => w.u16(*max),
            Self::Quadratic { credits } => w.u32(*credits),
            _ => {}
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let system = match r.u8()? {
            0 => Self::YesNoAbstain,
            1 => Self::YesNoVeto,
            2 => Self::SingleChoice,
            3 => Self::Approval,
            4 => Self::Score { max: r.u16()? },
            5 => Self::InstantRunoff,
            6 => Self::Schulze,
            7 => Self::Split,
            8 => Self::Quadratic { credits: r.u32()? },
            9 => Self::Optimistic,
            found => return Err(DecodeError::UnknownVariant { field: "voting system", found }),
        };
        match system {
            Self::Score { max: 0 } | Self::Quadratic { credits: 0 } => {
                let fault = SystemFault::NothingToGive { system };
                Err(fault.of_field("voting system"))
            }
            _ => Ok(system),
        }
    }
}
