//! What is answered to "how did it come to this?" and "why is this true?".

use serde::{Deserialize, Serialize};

/// What a curve is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "curve", rename_all = "snake_case")]
pub enum CurveOf {
    /// The sums of a proposal, as its ballots came.
    Tally {
        /// Its number, id or the beginning of it.
        proposal: String,
    },
    /// The balances of a stake channel, checkpoint by checkpoint.
    Channel {
        /// Its id, hex, or the beginning of it (at least 4 digits).
        channel: String,
    },
}

/// Values over heights.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Curve {
    /// What each value is, such as `yes`; of a choice the number of the option.
    pub labels: Vec<String>,
    /// Satoshis or weight.
    pub unit: String,
    /// What to know about these values, in a sentence.
    pub note: String,
    /// Oldest first; heights ascend, each at most once.
    pub points: Vec<CurvePoint>,
}

/// The values from one height on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Tip height of the signed head, or of the checkpoint.
    pub height: u32,
    /// One for each label, decimal integers.
    pub values: Vec<String>,
}

/// Why something is true, step by step from what a member holds to a block of Bitcoin, each recomputed by this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Id of the proposal, hex; empty where a link is asked about.
    pub proposal: String,
    /// What is shown, in a sentence; parsed values only.
    pub statement: String,
    /// From the receipt to the block.
    pub steps: Vec<WhyStep>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyStep {
    /// receipt, leaf, root, count, header, link or block.
    pub name: String,
    /// How it stands.
    pub state: WhyState,
    /// What was done here to know it, or what is missing.
    pub sentence: String,
    /// Names and values, in full, to compare with any other program.
    pub values: Vec<(String, String)>,
}

/// Where a vote's rules stand on its bars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Part of yes and no that must be yes, basis points; of a majority 5000, which must be exceeded.
    pub threshold_bp: Option<u16>,
    /// Part of the roll that must take part, basis points.
    pub quorum_bp: Option<u16>,
    /// Whether only yes counts toward the quorum.
    pub quorum_of_yes: bool,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyState {
    /// Recomputed here, and it holds.
    Holds,
    /// Not there yet.
    NotYet,
    /// Recomputed here, and it does not hold.
    Broken,
}
