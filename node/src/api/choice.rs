//! What a member chooses, in the words of each voting system.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ApiError;

/// Stands for "none of these" where an option is named.
pub const NONE: u16 = 0;

/// A choice on a proposal. Options are numbered from 1 in the order shown; [`NONE`] is "none of these".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// For the proposal.
    Yes,
    /// Against it.
    No,
    /// Neither; counts toward a participation quorum.
    Abstain,
    /// Against it, and more than that; only under yes/no with veto.
    Veto,
    /// One option; single choice.
    Pick(u16),
    /// Every option that is acceptable; approval.
    Approve(Vec<u16>),
    /// A grade for each option named, 0 for the others; score.
    Score(Vec<(u16, u16)>),
    /// Options, best first; instant run-off and Schulze.
    Rank(Vec<u16>),
    /// Parts of 10,000 for each option named; split.
    Split(Vec<(u16, u16)>),
    /// Votes bought for each option named, at the price of their squares; quadratic.
    Credits(Vec<(u16, u16)>),
}

impl Choice {
    /// Refuses a choice among options that names none, where a person fills it in (N-426): it would be cast as the least grade for
    /// everything, or as an abstention, that nobody asked for.
    ///
    /// # Errors
    /// `V-3`.
    pub fn expect_named(&self) -> Result<(), ApiError> {
        let says_nothing = match self {
            Self::Approve(options) | Self::Rank(options) => options.is_empty(),
            Self::Score(values) | Self::Split(values) | Self::Credits(values) => values.is_empty(),
            Self::Yes | Self::No | Self::Abstain | Self::Veto | Self::Pick(_) => false,
        };
        match says_nothing {
            false => Ok(()),
            true => {
                Err(ApiError::invalid("V-3", "V-3: no option is named; `abstain` is for a ballot without a choice"))
            }
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.write_str("yes"),
            Self::No => f.write_str("no"),
            Self::Abstain => f.write_str("abstain"),
            Self::Veto => f.write_str("no with veto"),
            Self::Pick(option) => f.write_str(&option_name(*option)),
            Self::Approve(options) if options.is_empty() => f.write_str("approves nothing"),
            Self::Approve(options) => write!(f, "approves {}", names(options)),
            Self::Rank(options) if options.is_empty() => f.write_str("ranks nothing"),
            Self::Score(none) if none.is_empty() => f.write_str("scores every option 0"),
            Self::Split(none) if none.is_empty() => f.write_str("splits nothing"),
            Self::Credits(none) if none.is_empty() => f.write_str("buys no votes"),
            Self::Rank(options) => write!(f, "ranks {}", names(options)),
            Self::Score(grades) => write!(f, "scores {}", pairs(grades)),
            Self::Split(parts) => write!(f, "splits {}", pairs(parts)),
            Self::Credits(votes) => write!(f, "buys {}", pairs(votes)),
        }
    }
}

/// An option by its number, as people write it.
#[must_use]
pub fn option_name(option: u16) -> String {
    match option {
        NONE => "none".to_owned(),
        number => number.to_string(),
    }
}

fn names(options: &[u16]) -> String {
    options.iter().map(|option| option_name(*option)).collect::<Vec<_>>().join(", ")
}

fn pairs(values: &[(u16, u16)]) -> String {
    values.iter().map(|(option, value)| format!("{}={value}", option_name(*option))).collect::<Vec<_>>().join(", ")
}
