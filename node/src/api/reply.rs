//! What is answered.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    AnchorReply, BackupInfo, BodyTally, ChannelDetail, Choice, ChoiceTally, Curve, Delegations, Deposit, Forced, Gate,
    HubDebt, HubWork, InvitationView, Keeping, LightStatus, LightView, MemberHistory, ProposalOption, ProposalReview,
    Reading, Refused, Restored, Reward, Said, SayReview, SpotCheck, TowerStatus, TreasuryReply, VetoTally, VoteFacts,
    VotedBy, WholeEntry, Why,
};

/// The answer to a [`Request`](super::Request).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Reply {
    /// Nothing changed since the revision named.
    Unchanged,
    /// To `Snapshot`.
    Snapshot(Box<Snapshot>),
    /// To `Status`.
    Status(Box<Status>),
    /// To `Reading`.
    Reading(Reading),
    /// To `WalletAddress`.
    Address {
        /// A receiving address never shown before.
        address: String,
    },
    /// To `WalletSend`.
    Sent {
        /// The transaction.
        txid: String,
        /// Satoshis that arrive.
        amount_sat: u64,
        /// Satoshis of its fee.
        fee_sat: u64,
    },
    /// To `WalletBalance`.
    Balance(Balance),
    /// To `StakeOpen`, `StakeClose` and `StakeForceClose`: the channel as it now is.
    Stake(Stake),
    /// To `Stakes`.
    Stakes {
        /// Oldest first.
        stakes: Vec<Stake>,
    },
    /// To `Propose` and `Proposal`.
    Proposal(Box<Proposal>),
    /// To `Proposals`.
    Proposals {
        /// Newest first.
        proposals: Vec<Proposal>,
    },
    /// To `Comment`.
    Comment(Comment),
    /// To `BallotReview`.
    BallotReview(Box<BallotReview>),
    /// To `Vote`.
    Ballot(Ballot),
    /// To `Ballots`.
    Ballots {
        /// Newest first.
        ballots: Vec<Ballot>,
    },
    /// To `Links`.
    Links {
        /// From epoch 1 on.
        links: Vec<Link>,
    },
    /// To `Members`.
    Members {
        /// By name.
        members: Vec<Member>,
    },
    /// To `Tower`.
    Tower(Box<TowerStatus>),
    /// To `BackupWrite`.
    Backup(Box<BackupInfo>),
    /// To `Restore`.
    Restored(Box<Restored>),
    /// To `Light`.
    Light(Box<LightView>),
    /// To `ProofExport`.
    Proof {
        /// The file written.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// What it proves, in a sentence.
        statement: String,
    },
    /// To `ProposalReview`.
    ProposalReview(Box<ProposalReview>),
    /// To `Say`, `RotateKey` and `Equivocation`; to `Recourse` about fraud and to `Gates` about a refill.
    Said(Said),
    /// To `SayReview`, and to reviews of what is answered by `Said`.
    SayReview(SayReview),
    /// To `Recourse` about an entry that is put on Bitcoin.
    Forced(Box<Forced>),
    /// An entry as it was signed.
    WholeEntry(WholeEntry),
    /// To `Gates` about all of them.
    Gates {
        /// In the order in which they are given out.
        gates: Vec<Gate>,
    },
    /// To `Delegations`.
    Delegations(Box<Delegations>),
    /// To `Deposits`.
    Deposits {
        /// In the order of the log.
        deposits: Vec<Deposit>,
        /// What hubs owe the treasury of those that were forfeited.
        debts: Vec<HubDebt>,
    },
    /// To `Rewards`.
    Rewards {
        /// By epoch.
        rewards: Vec<Reward>,
    },
    /// To `Report` and `Charter`.
    Text {
        /// A document.
        text: String,
    },
    /// To `Why`.
    Why(Box<Why>),
    /// To `MemberHistory`.
    MemberHistory(Box<MemberHistory>),
    /// To `Invitations`.
    Invitations {
        /// Those that can be accepted first.
        invitations: Vec<InvitationView>,
    },
    /// To `Curve`.
    Curve(Curve),
    /// To `Treasury`.
    Treasury {
        /// The answer.
        reply: TreasuryReply,
    },
    /// To `Anchoring`.
    Anchoring(AnchorReply),
    /// To `Hide`, `Wait` and `Stop`.
    Done,
}

/// Everything the screens draw, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Grows with every change.
    pub revision: u64,
    /// The node.
    pub status: Status,
    /// Newest first, without their comments.
    pub proposals: Vec<Proposal>,
    /// From epoch 1 on.
    pub links: Vec<Link>,
    /// The member's own, newest first.
    pub ballots: Vec<Ballot>,
    /// The members.
    pub members: Vec<Member>,
    /// The member's own stake channels.
    pub stakes: Vec<Stake>,
    /// How the charter in force lets each class be voted on; a class that is not here has no rule (N-200).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voted_by: Vec<VotedBy>,
}

/// The state of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The DAO's id, hex.
    pub dao_id: String,
    /// The DAO's name, from the charter.
    pub dao_name: String,
    /// `regtest`, `signet`, `testnet4` or `bitcoin`.
    pub network: String,
    /// Member or hub.
    pub role: Role,
    /// Height of the best block of this node's own Bitcoin source.
    pub tip_height: u32,
    /// Its hash, as usually printed.
    pub tip_hash: String,
    /// Entries of the log this node holds and has verified.
    pub log_size: u64,
    /// Tip height of the newest signed log head that this node has verified.
    pub head_height: Option<u32>,
    /// Whether the hub is reachable now (always true on the hub).
    pub hub_connected: bool,
    /// The member of this node, once bound.
    pub member: Option<Member>,
    /// The member's vote key, hex, also before it is bound.
    pub vote_key: Option<String>,
    /// Length of an epoch.
    pub epoch_blocks: u32,
    /// The next height at which an epoch closes.
    pub next_close_height: u32,
    /// The newest epoch whose link is final.
    pub final_epoch: Option<u32>,
    /// Depth at which results are final.
    pub final_depth: u32,
    /// On-chain wallet.
    pub balance: Balance,
    /// What was ordered to be paid in channels and is in no checkpoint of both sides yet.
    #[serde(default, skip_serializing_if = "is_none_paid")]
    pub paying_sat: u64,
    /// The least that the charter takes as a stake, satoshis (G-32).
    #[serde(default, skip_serializing_if = "is_none_paid")]
    pub least_stake_sat: u64,
    /// What was looked at again with the newest final link; absent before the first and at a hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot_check: Option<SpotCheck>,
    /// How a hub does its work; absent at a member, and before its first batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<HubWork>,
    /// How far a light member has read the log since its start; absent where the log is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub light: Option<LightStatus>,
    /// That another member has the name by which this folder's will come in, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_taken: Option<String>,
    /// That a former treasury still has the spare seal, if so (N-247).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_spare_seal: Option<String>,
    /// The stake that is on its way, where the log has none of this folder's yet: how much, in which channel, how deep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stake_under_way: Option<String>,
    /// What dues take from a stake, in a sentence; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dues: Option<String>,
    /// How far the log is read; absent where all of it is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// What a person must know: a stopped Bitcoin source, a broken rule, a conflicting head. In full sentences.
    pub alarms: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none_paid(sat: &u64) -> bool {
    *sat == 0
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Holds the log, receipts entries, anchors epochs.
    Hub,
    /// Votes, and verifies everything.
    Member,
}

/// On-chain wallet balances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Confirmed and spendable.
    pub confirmed_sat: u64,
    /// Not yet confirmed.
    pub pending_sat: u64,
}

/// A stake channel of this node's member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stake {
    /// Channel id, hex; empty until the funding outpoint is known.
    pub channel: String,
    /// `txid:vout` of the funding output.
    pub funding_outpoint: Option<String>,
    /// The member's part of the funding output, by the newest checkpoint.
    pub amount_sat: u64,
    /// Confirmations of the funding transaction seen by this node.
    pub confirmations: u32,
    /// Confirmations needed to count as stake.
    pub confirmations_needed: u32,
    /// Where the channel stands, in a word: opening, funding, ready, closing, closed, failed; copy where the
    /// hub refuses this folder.
    pub state: String,
    /// The same in a sentence.
    pub words: String,
    /// Transaction id of the close, if any.
    pub closing_txid: Option<String>,
    /// How well it is kept; absent from nodes that know no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeping: Option<Box<Keeping>>,
    /// What is in it, and what leaving it costs; absent from nodes that know no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<ChannelDetail>>,
}

/// A member on the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Vote key, hex: the first, by which the log knows the member.
    pub vote_key: String,
    /// The vote key that speaks for this member now, hex, where another has come in the place of the first (G-90).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_in_force: Option<String>,
    /// The name the member gave; untrusted text.
    pub name: String,
    /// Whether others have it too.
    #[serde(default)]
    pub is_double: bool,
    /// Balance in the member's channels by the newest checkpoints in the log.
    pub stake_sat: u64,
    /// Weight on the roll of the newest final epoch; `None` if not on it.
    pub weight: Option<String>,
    /// `txid:vout` of each bound funding output.
    pub funding_outpoints: Vec<String>,
    /// Whether it is hidden on this machine.
    #[serde(default)]
    pub hidden: bool,
}

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// Logged, but no signed head covers it yet.
    Logged,
    /// Discussion before voting.
    Review,
    /// Ballots are accepted.
    Voting,
    /// Voting is over; the header that states the outcome is not yet anchored and final.
    Closed,
    /// Passed; a spend may still wait out its veto window.
    Passed,
    /// Rejected by the threshold.
    Rejected,
    /// Too little took part.
    NoQuorum,
    /// As much yes as no.
    Tied,
    /// Passed and authorised for execution.
    Authorised,
    /// Authorised, but not executed in time.
    Expired,
    /// Taken back by its author, or void.
    Withdrawn,
    /// A newer version took its place.
    Superseded,
    /// A guard keeps it from having any effect.
    Barred,
    /// Stopped by votes with veto, or by the guardians.
    Vetoed,
    /// It took effect.
    Executed,
    /// Something else happened first.
    Lapsed,
}

/// A proposal as this node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its id, hex.
    pub id: String,
    /// Its place among the DAO's proposals, from 1.
    pub number: u64,
    /// Its class, such as `text` or `spend`.
    pub class: String,
    /// Untrusted text.
    pub title: String,
    /// Untrusted Markdown.
    pub body: String,
    /// Vote key of the author, hex.
    pub author: String,
    /// Name of the author; untrusted text.
    pub author_name: String,
    /// Its effects in full sentences, made from parsed values and never from the prose.
    pub effects: Vec<String>,
    /// Where it stands.
    pub state: ProposalState,
    /// Position of its entry in the log.
    pub position: u64,
    /// Heights of its life; `None` until a head covers its entry.
    pub heights: Option<ProposalHeights>,
    /// Epoch whose roll gives the weights.
    pub snapshot_epoch: u32,
    /// Sums so far, or final; `None` until the roll is known.
    pub tally: Option<Tally>,
    /// The rule for passing, in a sentence.
    pub threshold: String,
    /// The quorum, in a sentence.
    pub quorum: String,
    /// This node's member's ballot.
    pub my_ballot: Option<Ballot>,
    /// Number of comments.
    pub comment_count: u64,
    /// The discussion; empty in lists.
    pub comments: Vec<Comment>,
    /// For an authorised spend: `txid:vout` of the gate assigned to it.
    pub gate: Option<String>,
    /// How it is voted on, and everything around the vote.
    #[serde(default)]
    pub vote: VoteFacts,
}

/// Heights of a proposal's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalHeights {
    /// Tip height of the first head that covers it.
    pub entry_height: u32,
    /// Voting opens.
    pub open_height: u32,
    /// Voting closes.
    pub close_height: u32,
}

/// Sums of a proposal. Weights are decimal integers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Weight for; of a choice what is for the option that is ahead, in the measure of `choice` (V-26).
    pub yes: String,
    /// Weight against; of a choice what stands against that option: "none of these" (V-26).
    pub no: String,
    /// Weight of ballots that abstain.
    pub abstain: String,
    /// Weight that stands aside by delegations, without a ballot; a quorum of participation leaves it out of the roll (L-18).
    pub standing: String,
    /// Number of ballots counted.
    pub ballots: u64,
    /// Weight of the whole roll.
    pub total_weight: String,
    /// Weight of members silent for long, which the quorum leaves out of it (G-46); `None` where it leaves out none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dormant_weight: Option<String>,
    /// Whether the quorum is met by these sums.
    pub quorum_met: bool,
    /// Whether the threshold is met by these sums.
    pub threshold_met: bool,
    /// Whether nothing changes these sums any more but a count at enactment (V-34).
    pub is_final: bool,
    /// How a choice stands, in the terms of its voting system; `None` for a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<ChoiceTally>,
    /// The vetoes, under the system that has them (V-24).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub veto: Option<VetoTally>,
}

/// A comment on a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Entry id, hex.
    pub id: String,
    /// The comment it answers.
    pub parent: Option<String>,
    /// Vote key of the author, hex.
    pub author: String,
    /// Untrusted text.
    pub author_name: String,
    /// Untrusted text.
    pub text: String,
    /// Position in the log.
    pub position: u64,
    /// Tip height of the first head that covers it.
    pub height: Option<u32>,
    /// Whether the proposal's author marked it as an update.
    #[serde(default)]
    pub is_update: bool,
    /// Members who approve of it.
    #[serde(default)]
    pub up: u64,
    /// Members who disapprove of it.
    #[serde(default)]
    pub down: u64,
    /// Whether it, or its author, is hidden on this machine.
    #[serde(default)]
    pub hidden: bool,
}

/// A ballot of this node's member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// The proposal's id, hex.
    pub proposal: String,
    /// The proposal's title; untrusted text.
    pub title: String,
    /// The choice.
    pub choice: Choice,
    /// The public reason; untrusted text.
    pub reason: Option<String>,
    /// Sequence in the member's app lane.
    pub sequence: u64,
    /// Position in the log, once promised.
    pub position: Option<u64>,
    /// Whether a later ballot of the same key replaced it.
    pub replaced: bool,
    /// Height at which the vote had ended when the log took this ballot, which then does not count (G-42).
    #[serde(default)]
    pub too_late: Option<u32>,
    /// Whether the treasury key cast it, in the treasurers' own vote (G-45).
    #[serde(default)]
    pub as_treasurer: bool,
    /// How far it has come.
    pub path: BallotPath,
    /// The same in a sentence.
    pub words: String,
}

/// How far a ballot has come toward finality.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum BallotPath {
    /// Signed and stored here; not yet acknowledged by the hub.
    Stored,
    /// The hub's signed receipt is stored here.
    Promised {
        /// Height by which the entry will be under an anchored root.
        anchored_by_height: u32,
    },
    /// In the log this node verified, under a signed head.
    Logged {
        /// Tip height of the first head that covers it.
        head_height: u32,
    },
    /// Under an epoch header whose link is broadcast but not mined.
    Anchored {
        /// The epoch.
        epoch: u32,
        /// The link.
        txid: String,
    },
    /// The link is mined.
    Confirmed {
        /// The epoch.
        epoch: u32,
        /// The link.
        txid: String,
        /// Depth of the link.
        confirmations: u32,
        /// Depth that is final.
        needed: u32,
    },
    /// The link is final.
    Final {
        /// The epoch.
        epoch: u32,
        /// The link.
        txid: String,
        /// Height of the link's block.
        height: u32,
    },
}

/// What casting a ballot would do: shown before it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BallotReview {
    /// The proposal.
    pub proposal: Proposal,
    /// The choice.
    pub choice: Choice,
    /// The choice cast before, which this one replaces.
    pub replaces: Option<Choice>,
    /// The member's weight on the snapshot roll.
    pub weight: String,
    /// The sums as they would be.
    pub tally_after: Option<Tally>,
    /// The options with their sums as they would be; empty for a question.
    #[serde(default)]
    pub options_after: Vec<ProposalOption>,
    /// Where others than the members decide, beside them or alone: the bodies with their sums as they would be.
    #[serde(default)]
    pub bodies_after: Vec<BodyTally>,
    /// What is signed and what is public about it, in sentences.
    pub sentences: Vec<String>,
    /// Why it cannot be cast, if so.
    pub refusal: Option<Refused>,
}

/// One link on Bitcoin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Epoch it commits.
    pub epoch: u32,
    /// Transaction id.
    pub txid: String,
    /// Output that carries the commitment and is the next seal: always 0.
    pub vout: u32,
    /// The 32-byte commitment, hex.
    pub commitment: String,
    /// Height of its block.
    pub height: Option<u32>,
    /// Depth now; 0 while unmined.
    pub confirmations: u32,
    /// Where it stands (N-243): built, broadcast, seen, mined, final; undone when it was final and is in no block; halted when something
    /// else spent its seal; unavailable when it is final and its header or log is withheld.
    pub state: String,
    /// Virtual size.
    pub vsize: u64,
    /// Height at which the epoch closed.
    pub closing_height: u32,
    /// Entries of the log under it.
    pub log_size: u64,
    /// Whether this node recomputed the header from the log and found the same bytes.
    pub verified: bool,
}
