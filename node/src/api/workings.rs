//! How a choice stands, in the terms of its voting system (V-33).

use serde::{Deserialize, Serialize};

use super::Measure;

/// What led to the outcome of a choice, or would lead to it as the ballots stand. Options are numbered as in a ballot: from 1,
/// and 0 is "none of these".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceTally {
    /// What the sums of the options are.
    pub measure: Measure,
    /// Weight of the ballots that do not abstain.
    pub cast: String,
    /// Who is ahead, before quorum and threshold are asked; several while they are level.
    pub ahead: Vec<u16>,
    /// Mean grade, or mean number of votes bought, of each option in their order, with two decimals rounded down; empty under
    /// systems that have neither.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub means: Vec<String>,
    /// The rounds of an instant run-off; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<RunOffRound>,
    /// Schulze: the weight that puts the option of the row above that of the column, in their order, "none of these" last; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Vec<String>>,
    /// Schulze: the strength of the strongest path from the option of the row to that of the column; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strengths: Vec<Vec<String>>,
}

/// One round of an instant run-off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOffRound {
    /// What counts in this round for each option that still stands.
    pub standing: Vec<OptionWeight>,
    /// Weight of the ballots that rank none of them any more.
    pub exhausted: String,
    /// Options that fall behind it; none behind the last.
    pub fallen: Vec<u16>,
    /// Who gets the weight of the fallen; the rest of it counts no more.
    pub transfers: Vec<OptionWeight>,
}

/// An option and a weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionWeight {
    /// The option.
    pub option: u16,
    /// The weight.
    pub weight: String,
}
