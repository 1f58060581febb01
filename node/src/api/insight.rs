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
    /// Part of the roll from which on a no stops it, basis points; only under the optimistic system, which has no other mark (V-25).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oppose_bp: Option<u16>,
}

/// What a member did, for whoever thinks of handing weight on to them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberHistory {
    /// Vote key, hex.
    pub member: String,
    /// The name the member gave; untrusted text.
    pub name: String,
    /// Votes that have begun and in which a ballot of the member's counts or would have: where other bodies alone decide (G-45), saying
    /// nothing is no absence.
    pub could_vote: u64,
    /// Of these, those with a ballot of the member's that counts.
    pub voted: u64,
    /// These votes, newest first; at most 200.
    pub votes: Vec<CastBefore>,
    /// Proposals that the member wrote, each version.
    pub proposed: u64,
    /// Comments that the member wrote.
    pub comments: u64,
    /// Who hands weight on to the member now.
    pub receives: Vec<HandedOn>,
}

/// What a member said on a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CastBefore {
    /// Id of the proposal, hex.
    pub proposal: String,
    /// Its number.
    pub number: u64,
    /// Its title; untrusted text.
    pub title: String,
    /// What became of it.
    pub state: super::ProposalState,
    /// The ballot that counts; none where the member did not vote.
    pub choice: Option<super::Choice>,
    /// Why a ballot of the member's does not count, where there is one and none that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<LostBallot>,
    /// The public reason that was given with it; untrusted text.
    pub reason: Option<String>,
    /// The member's own weight on its roll, decimal.
    pub weight: String,
    /// The weight with which the ballot is counted, decimal: the own one and what others delegated; none without a ballot.
    pub carried: Option<String>,
}

/// Why a ballot does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostBallot {
    /// It is one of two that were signed for one place (G-98).
    Void,
    /// The vote had ended (G-42).
    TooLate,
}

/// An invitation of a member's (G-94).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationView {
    /// Its entry, hex: what an acceptance names.
    pub id: String,
    /// Vote key of whoever invites, hex.
    pub by: String,
    /// Their name; untrusted text.
    pub by_name: String,
    /// Vote key of whoever is invited, hex.
    pub invitee: String,
    /// Whether that is this node's member.
    pub mine: bool,
    /// From this height on it cannot be accepted.
    pub until: u32,
    /// What became of it.
    pub state: InvitationState,
}

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// It can be accepted.
    Open,
    /// It was accepted.
    Accepted,
    /// Its height is past.
    Expired,
}

/// Weight that is handed on to a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOn {
    /// Vote key of whose weight it is, hex.
    pub member: String,
    /// Their name; untrusted text.
    pub name: String,
    /// On what: everything, a class or a tag; untrusted text.
    pub scope: String,
    /// Which part of it, basis points.
    pub share_bp: u16,
    /// From this height on it is over.
    pub until: Option<u32>,
}

/// Stored entries that were looked at again, chosen by the block of a final link (N-362).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotCheck {
    /// Epoch of the link.
    pub epoch: u32,
    /// Hash of its block, which chose them.
    pub block: String,
    /// How many were chosen.
    pub entries: u32,
    /// The first that is not what it was, in a sentence.
    pub difference: Option<String>,
}

/// How a hub does its work: its newest batches of entries (N-173).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubWork {
    /// Batches that are remembered, at most 1024.
    pub batches: u64,
    /// Entries in them.
    pub entries: u64,
    /// Entries in the largest.
    pub largest: u64,
    /// From the first entry of a batch to its receipts, microseconds: what half, 99 % and all batches stay within.
    pub wait_us: [u64; 3],
    /// Of that, signing and storing, in the same way.
    pub store_us: [u64; 3],
    /// Entries and wait of the newest, the oldest first; at most 120.
    pub newest: Vec<(u64, u64)>,
}

impl HubWork {
    /// Batches that are told one by one.
    pub const NEWEST: usize = 120;
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
