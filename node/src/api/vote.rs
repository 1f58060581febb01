//! What is answered about votes of every kind, delegations, deposits and rewards.

use althing_governance::charter::Class;
use althing_governance::voting::System;
use serde::{Deserialize, Serialize};

use super::{ApiError, Ballot, BodyTally, ErrorKind};

/// How a proposal is voted on, and everything around the vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteFacts {
    /// The voting system.
    pub system: System,
    /// The options, numbered from 1 in this order, and "none of these" last; empty for a question.
    pub options: Vec<ProposalOption>,
    /// Topics.
    pub tags: Vec<String>,
    /// Ids of all versions, oldest first; one for a proposal without changes.
    pub versions: Vec<String>,
    /// The request for proposals that it answers.
    pub request: Option<String>,
    /// Of a request for proposals: until when answers are taken, and which came; those of one proposal alone, a list leaves them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submissions: Option<Submissions>,
    /// Height at which voting ends as far as can be told: later after a late surge, earlier when nothing can change.
    pub ends_at: Option<u32>,
    /// Hash of the charter whose rules it keeps, hex.
    pub charter: String,
    /// What passes takes effect from this height on; later after a late surge or when guardians ask for it.
    pub authorised_at: Option<u32>,
    /// What is then not executed expires at this height.
    pub expires_at: Option<u32>,
    /// What the author has to hold, satoshis; in a list by the rule alone, of one proposal as failures before it raised it.
    pub deposit_sat: u64,
    /// What became of it in words, once decided.
    pub decision: Option<String>,
    /// Payments that it makes, in words.
    pub payments: Vec<String>,
    /// What it, or payments of it, wait for although their time has come, in words (N-206); empty where nothing does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<String>,
    /// What guardians asked for, in words.
    pub guardians: Vec<String>,
    /// Whether it is hidden on this machine.
    pub hidden: bool,
    /// Where its rules stand on the bars.
    #[serde(default)]
    pub marks: super::Marks,
    /// The bodies that decide it, in the order of the rule, each with its vote; empty where the members alone decide.
    #[serde(default)]
    pub bodies: Vec<BodyTally>,
    /// What each body came to at the close, where the count at enactment came to other sums, which are then the proposal's (V-34).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_close: Vec<BodyTally>,
    /// Who of the treasurers voted, where they decide as a body (G-45).
    #[serde(default)]
    pub treasurers: Option<TreasurersVote>,
}

/// What answers a request for proposals (G-88).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submissions {
    /// Answers are taken below this height, and voted on together from it on; none while no head covers the request.
    pub until: Option<u32>,
    /// Whether they still are.
    pub are_taken: bool,
    /// Those that came, in the order of the log; the newest version of each.
    pub answers: Vec<Submission>,
}

/// An answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Id, hex.
    pub id: String,
    /// Its number.
    pub number: u64,
    /// Its title; untrusted text.
    pub title: String,
    /// Where it stands.
    pub state: super::ProposalState,
    /// What it asks for, satoshis.
    pub amount_sat: u64,
}

/// How the charter in force lets proposals of a class be voted on (N-200).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VotedBy {
    /// The class.
    pub class: Class,
    /// The systems of all its rules, in their order; which rule a payment falls under depends on its amount.
    pub systems: Vec<System>,
}

/// What the treasurers, as a body of their own, have said so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreasurersVote {
    /// How many the charter names.
    pub of: u64,
    /// How many of them have cast a ballot that counts.
    pub voted: u64,
    /// Whether the treasury key of this folder is one of theirs.
    pub i_am_one: bool,
    /// That key's newest ballot.
    pub my_ballot: Option<Ballot>,
}

/// One option of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalOption {
    /// What it is called; untrusted text, but for "none of these".
    pub label: String,
    /// Its number so far, or final, in the measure that `Tally::choice` names (V-33). `None` until the roll is known.
    pub sum: Option<String>,
    /// Its number at the close, where it was counted again with other sums (V-34).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum_at_close: Option<String>,
    /// Whether it won.
    pub won: bool,
}

impl Default for VoteFacts {
    fn default() -> Self {
        Self {
            system: System::YesNoAbstain,
            options: Vec::new(),
            tags: Vec::new(),
            versions: Vec::new(),
            request: None,
            submissions: None,
            ends_at: None,
            charter: String::new(),
            authorised_at: None,
            expires_at: None,
            deposit_sat: 0,
            decision: None,
            payments: Vec::new(),
            held_back: Vec::new(),
            guardians: Vec::new(),
            hidden: false,
            marks: super::Marks::default(),
            bodies: Vec::new(),
            at_close: Vec::new(),
            treasurers: None,
        }
    }
}

/// What proposing something would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalReview {
    /// The id that it would have now, hex; a deposit is held for this or for the first version's.
    pub id: String,
    /// Id of its first version, hex.
    pub thread: String,
    /// Its class.
    pub class: String,
    /// Its title, as given.
    pub title: String,
    /// Its effects, in sentences made from parsed values.
    pub effects: Vec<String>,
    /// Options, in order, without "none of these".
    pub options: Vec<String>,
    /// How it would be voted on, in sentences.
    pub rules: Vec<String>,
    /// What the log would take, and its author should think of first.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What the author has to hold, satoshis.
    pub deposit_sat: u64,
    /// Why it cannot be proposed now, with the rule.
    pub refusal: Option<Refused>,
}

/// Why something cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The rule.
    pub rule: String,
    /// The rule with the values.
    pub message: String,
    /// Whether it may be possible later.
    pub transient: bool,
}

/// Something that was said and is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Id of the entry, hex.
    pub entry: String,
    /// Its position in the log.
    pub position: Option<u64>,
    /// What was said, in sentences.
    pub sentences: Vec<String>,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        let transient = error.kind == ErrorKind::NotNow;
        Self { rule: error.rule.unwrap_or_default(), message: error.message, transient }
    }
}

/// What saying something would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SayReview {
    /// In sentences.
    pub sentences: Vec<String>,
    /// Why it cannot be said, if so.
    pub refusal: Option<Refused>,
}

/// Where the member's weight goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegations {
    /// What the member delegates now.
    pub mine: Vec<MyDelegation>,
    /// On the proposal asked for: where every part of the member's own weight ends.
    pub routes: Vec<WeightRoute>,
    /// On the proposal asked for: the weight that the member's own ballot is counted with, or would be.
    pub carried: Option<String>,
    /// Whether there is such a ballot.
    #[serde(default)]
    pub has_voted: bool,
    /// The same on every vote that is open, when none was asked for.
    #[serde(default)]
    pub votes: Vec<DelegatedVote>,
}

/// What delegations come to in one open vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedVote {
    /// The proposal's id, hex.
    pub proposal: String,
    /// Its number.
    pub number: u64,
    /// Its title; untrusted text.
    pub title: String,
    /// Whether the member cast a ballot of their own, which overrides every delegation.
    pub has_voted: bool,
    /// Weight that this ballot is counted with, or would be.
    pub carried: String,
    /// Where every part of the member's own weight ends.
    pub routes: Vec<WeightRoute>,
}

/// A delegation of this node's member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyDelegation {
    /// On what: `all`, `class ...` or `tag ...`.
    pub scope: String,
    /// Receivers with their parts of 10,000.
    pub to: Vec<DelegatedPart>,
    /// From this height on it is over.
    pub until: Option<u32>,
    /// Position of its entry in the log.
    pub position: u64,
}

/// A receiver of a delegation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedPart {
    /// Vote key, hex; empty where the part abstains.
    pub member: String,
    /// Untrusted text.
    pub name: String,
    /// Whether the part goes to nobody and abstains.
    #[serde(default)]
    pub abstains: bool,
    /// Parts of 10,000.
    pub parts: u16,
}

/// Where a part of the member's weight ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightRoute {
    /// The vote key at which it ends, hex.
    pub member: String,
    /// Untrusted text.
    pub name: String,
    /// Weight.
    pub weight: String,
    /// How many steps away.
    pub steps: u16,
    /// What becomes of it there, in a sentence.
    pub words: String,
}

/// A deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// Vote key of the holder, hex.
    pub member: String,
    /// Untrusted text.
    pub member_name: String,
    /// Id of the proposal's first version, hex.
    pub thread: String,
    /// Satoshis.
    pub amount_sat: u64,
    /// held, returned or forfeited.
    pub state: String,
    /// Epoch in which it was settled.
    pub epoch: Option<u32>,
}

/// What a hub owes the treasury: forfeited deposits that it collected in its channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubDebt {
    /// Which hub: 0 for the founding one, 1 for the first that a succession put in.
    pub office: u32,
    /// Satoshis of forfeited deposits that checkpoints gave it.
    pub collected_sat: u64,
    /// Satoshis that marked payments have brought the treasury.
    pub paid_sat: u64,
    /// What is left.
    pub owed_sat: u64,
    /// The last height at which it is paid in time; `None` while it is too little to be due.
    pub due_height: Option<u32>,
    /// Whether it was not.
    pub is_overdue: bool,
}

/// A reward or due of this node's member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reward {
    /// Epoch.
    pub epoch: u32,
    /// What the member gets, satoshis.
    pub reward_sat: u64,
    /// What the member owes, satoshis.
    pub dues_sat: u64,
}
