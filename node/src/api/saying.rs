//! What a member can say beside proposals, ballots and comments.

use althing_governance::charter::Class;
use serde::{Deserialize, Serialize};

use super::Choice;

/// Something to say in the member's lane. Proposals are named as everywhere: by number or id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Saying {
    /// Hands the member's weight on where the member does not vote.
    Delegate {
        /// Who gets how many parts. Parts are relative to the sum of all; without any the delegation is taken back.
        to: Vec<DelegatePart>,
        /// Parts that go to nobody and abstain.
        #[serde(default)]
        abstain: u16,
        /// On what.
        scope: DelegateScope,
        /// From this height on it is over.
        until: Option<u32>,
    },
    /// An opinion on a comment.
    CommentVote {
        /// The comment's id, hex.
        comment: String,
        /// The opinion.
        opinion: CommentOpinion,
    },
    /// What became of a proposal, by its author.
    Update {
        /// The proposal.
        proposal: String,
        /// 1..=4096 bytes.
        text: String,
    },
    /// Takes a proposal back before its vote opens.
    Withdraw {
        /// The proposal.
        proposal: String,
    },
    /// A guardian's voice against a passed proposal.
    Guard {
        /// The proposal.
        proposal: String,
        /// Stops it for good; else puts it off.
        veto: bool,
    },
    /// Invites somebody.
    Invite {
        /// Vote key, hex.
        member: String,
        /// From this height on it cannot be accepted.
        until: u32,
    },
    /// Accepts an invitation.
    Accept {
        /// Id of the invitation's entry, hex.
        invitation: String,
    },
    /// Holds satoshis for a proposal.
    HoldDeposit {
        /// Id of its first version, hex; it may not be in the log yet.
        thread: String,
        /// Satoshis.
        amount_sat: u64,
    },
    /// Has seen an entry that the log does not have.
    Seen {
        /// The whole entry, hex.
        entry: String,
    },
    /// Casts or changes the ballot of this seed's treasury key, where the treasurers decide as a body (G-45).
    VoteAsTreasurer {
        /// The proposal.
        proposal: String,
        /// The choice.
        choice: Choice,
        /// A public reason, at most 1024 bytes.
        reason: Option<String>,
    },
}

/// One receiver of a delegation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatePart {
    /// Vote key, hex, or the beginning of it, or a name that one member has.
    pub member: String,
    /// Parts, above 0; all together are the whole.
    pub parts: u16,
}

/// What a delegation is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelegateScope {
    /// Everything.
    #[default]
    All,
    /// Proposals of one class.
    Class(Class),
    /// Proposals with a tag.
    Tag(String),
}

/// What a member thinks of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommentOpinion {
    /// Approves.
    Up,
    /// Disapproves.
    Down,
    /// Takes an earlier one back.
    None,
}

/// What can be hidden on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hideable {
    /// Everything that a member writes.
    Member,
    /// A proposal.
    Proposal,
    /// A comment.
    Comment,
}

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    /// Markdown.
    Markdown,
    /// One self-contained file with charts.
    Html,
    /// The data.
    Json,
    /// One figure a line.
    Csv,
}
