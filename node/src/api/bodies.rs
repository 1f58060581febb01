//! What is answered about the bodies that decide a proposal, and about vetoes.

use althing_governance::charter::Body;
use serde::{Deserialize, Serialize};

use super::Tally;

/// How the vetoes stand. Their weight is part of what is against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VetoTally {
    /// Weight that said no with veto.
    pub weight: String,
    /// Weight of yes and no together, of which the rule asks for a share.
    pub cast: String,
    /// From this share of it on, in basis points, the proposal is vetoed.
    pub needed_bp: u16,
    /// Whether these sums reach it.
    pub is_reached: bool,
}

/// The vote of one of the bodies that decide a proposal, each by itself (G-45).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyTally {
    /// Which body.
    pub body: Body,
    /// How many may vote in it.
    pub voters: u64,
    /// Whether this node's member has a vote in it; of the treasurers, whether the treasury key of this folder is one of theirs.
    pub i_am_one: bool,
    /// Its sums.
    pub tally: Tally,
    /// What it says by these sums: passed, rejected, no_quorum, tied or vetoed; `None` while a tie waits for its block.
    pub outcome: Option<String>,
}
