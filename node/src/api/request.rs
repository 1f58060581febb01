//! What can be asked or ordered.

use std::path::PathBuf;

use althing_governance::charter::Body;
use serde::{Deserialize, Serialize};

use super::{
    AnchorRequest, Choice, CurveOf, GateRequest, Hideable, ProposalDraft, RecourseRequest, ReportFormat, Saying,
    TreasuryRequest,
};

/// A question or an order to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// Everything the screens draw, if it changed since that revision.
    Snapshot {
        /// The revision of the last snapshot the caller has; 0 for none.
        since: u64,
    },
    /// The state of this node.
    Status,
    /// How far the log is read here (N-425).
    Reading,
    /// What a light member's folder holds by itself (N-220).
    Light,
    /// A fresh receiving address of the on-chain wallet.
    WalletAddress,
    /// Balances of the on-chain wallet.
    WalletBalance,
    /// Sends coins of the on-chain wallet to an address.
    WalletSend {
        /// The address, of the DAO's network.
        to: String,
        /// Satoshis; all there is when absent.
        amount_sat: Option<u64>,
        /// Fee rate, sat/vB, 1..=1000; the estimate when absent.
        fee_rate_sat_vb: Option<u64>,
        /// Whether it is only said what that would do.
        review: bool,
    },
    /// Opens a stake channel of that amount with the hub and binds it to the vote key.
    StakeOpen {
        /// Value of the funding output.
        amount_sat: u64,
        /// Fee rate of the funding transaction, sat/vB; 1..=1000.
        fee_rate_sat_vb: u64,
    },
    /// The member's own stake channels.
    Stakes,
    /// Closes a stake channel cooperatively; the stake returns to the on-chain wallet. Asked again while the close waits, it pays
    /// more: at least 154 sat above the fee before.
    StakeClose {
        /// The channel id, hex, as `Stakes` lists it.
        channel: String,
        /// Fee of the closing transaction; it leaves the member's output.
        fee_sat: u64,
    },
    /// Closes a stake channel alone, with what both sides signed last. The wallet pays for it; the own part comes home after
    /// the channel's lock.
    StakeForceClose {
        /// The channel id, hex, as `Stakes` lists it.
        channel: String,
        /// Member: the person knows that no folder with these keys was used later than this one (C-150).
        #[serde(default)]
        newest: bool,
    },
    /// Pays the other side out of a stake channel, at the next checkpoint: a member its dues, the hub a reward.
    ChannelPay {
        /// The channel id, hex, as `Stakes` lists it.
        channel: String,
        /// Satoshis.
        amount_sat: u64,
    },
    /// Pays the other side of a stake channel at once, by a voucher that it folds later, ahead of the dues or rewards that the log decides.
    ChannelVoucher {
        /// The channel id, hex, as `Stakes` lists it.
        channel: String,
        /// Satoshis.
        amount_sat: u64,
    },
    /// Adds coins of the wallet to a stake channel, which stays in use. Answers when the transaction is out.
    ChannelTopUp {
        /// The channel id, hex, as `Stakes` lists it.
        channel: String,
        /// Satoshis.
        amount_sat: u64,
        /// Fee rate of the transaction, sat/vB; 1..=1000.
        fee_rate_sat_vb: u64,
        /// Only say what it would do.
        #[serde(default)]
        review: bool,
    },
    /// Takes coins out of a stake channel, which stays in use. Answers when the transaction is out.
    ChannelWithdraw {
        /// The channel id, hex, as `Stakes` lists it.
        channel: String,
        /// Satoshis that leave the channel; the fee is taken from them.
        amount_sat: u64,
        /// Where they go; to the own wallet if absent.
        to: Option<String>,
        /// Fee rate of the transaction, sat/vB; 1..=1000.
        fee_rate_sat_vb: u64,
        /// Only say what it would do.
        #[serde(default)]
        review: bool,
    },
    /// Replaces a top-up or withdrawal that waits to be mined by one at a higher fee rate. Answers when that is out.
    ChannelBump {
        /// The channel id, hex, as `Stakes` lists it.
        channel: String,
        /// Fee rate of the transaction, sat/vB; 1..=1000.
        fee_rate_sat_vb: u64,
        /// Only say what it would do.
        #[serde(default)]
        review: bool,
    },
    /// Moves a stake channel to another hub: with the present one in one transaction, or without it by a close alone and a new
    /// opening. Answers when the transaction is out, or after 10 seconds with what it waits for; it goes on by itself.
    ChannelMigrate {
        /// The channel id, hex, as `Stakes` lists it.
        channel: String,
        /// The other hub: `node_id@host:port`.
        to: String,
        /// Fee rate of the transaction, sat/vB; 1..=1000.
        fee_rate_sat_vb: u64,
        /// Without the present hub.
        #[serde(default)]
        alone: bool,
        /// Alone: the person knows that no folder with these keys was used later than this one (C-150).
        #[serde(default)]
        newest: bool,
        /// Only say what it would do.
        #[serde(default)]
        review: bool,
    },
    /// Takes the order to move a stake channel back, before both hubs sign.
    ChannelMigrateCancel {
        /// The channel id, hex, as `Stakes` lists it.
        channel: String,
    },
    /// Puts a proposal into the log.
    Propose {
        /// What is proposed.
        draft: ProposalDraft,
    },
    /// What proposing this would do, without doing it.
    ProposalReview {
        /// What is proposed.
        draft: ProposalDraft,
    },
    /// All proposals, newest first.
    Proposals,
    /// One proposal with its discussion.
    Proposal {
        /// Its number, like `#3`, or its id, hex, or an unambiguous beginning of it (at least 4 digits).
        id: String,
    },
    /// Adds a comment to a proposal.
    Comment {
        /// The proposal's id or a beginning of it.
        proposal: String,
        /// The comment answered, if any: its id, hex.
        parent: Option<String>,
        /// 1..=4096 bytes.
        text: String,
    },
    /// What casting this ballot would do, without doing it: for the review page.
    BallotReview {
        /// The proposal's id or a beginning of it.
        proposal: String,
        /// The choice.
        choice: Choice,
        /// A public reason, at most 1 KiB.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Casts a ballot, or changes the one cast before. Answers when the hub's receipt is stored.
    Vote {
        /// The proposal's id or a beginning of it.
        proposal: String,
        /// The choice.
        choice: Choice,
        /// A public reason, at most 1024 bytes.
        reason: Option<String>,
    },
    /// Says something else in the member's lane. Answers when the hub's receipt is stored and the log has it.
    Say {
        /// What is said.
        saying: Saying,
    },
    /// What saying it would do, without doing it.
    SayReview {
        /// What is said.
        saying: Saying,
    },
    /// Replaces the member's vote key by the next one of this folder's seed. The key of a stake channel signs for it.
    RotateKey,
    /// Puts the proof into the log that a member signed two entries for one place.
    Equivocation {
        /// Both entries, each whole in hex, or its id if the log or a note in it has it.
        entries: [String; 2],
    },
    /// About a hub that keeps something out, or lied.
    Recourse(RecourseRequest),
    /// About the gates of the treasury.
    Gates(GateRequest),
    /// Where the member's weight goes.
    Delegations {
        /// On this proposal; else only what is delegated.
        proposal: Option<String>,
    },
    /// Deposits held and settled.
    Deposits,
    /// The member's rewards and dues.
    Rewards,
    /// Hides something of others on this machine, or shows it again.
    Hide {
        /// What kind of thing.
        what: Hideable,
        /// Its id or a beginning of it; of a proposal also its number.
        id: String,
        /// Whether to hide it.
        hidden: bool,
    },
    /// The transparency report.
    Report {
        /// First epoch; the first of all when absent.
        from: Option<u32>,
        /// Last epoch; the newest final one when absent.
        to: Option<u32>,
        /// Its form.
        format: ReportFormat,
    },
    /// The charter in force, TOML.
    Charter,
    /// The member's own ballots with their path to finality.
    Ballots,
    /// The chain of links on Bitcoin.
    Links,
    /// The members with stake and weight.
    Members,
    /// Something about the treasury.
    Treasury {
        /// What.
        about: TreasuryRequest,
    },
    /// Writes a proof file for one statement.
    ProofExport {
        /// The proposal's id or a beginning of it.
        proposal: String,
        /// What the file shall prove.
        statement: ProofStatement,
        /// The file to write.
        path: PathBuf,
        /// Without the links, which another file has (P-161).
        #[serde(default)]
        short: bool,
    },
    /// Why something is true, step by step, each done again by this node.
    Why {
        /// The proposal's number, id or a beginning of it.
        proposal: String,
        /// What is asked about.
        statement: ProofStatement,
        /// Of a ballot: the entry of the log that is meant, such as one that was replaced; the one that counts when absent.
        #[serde(default)]
        entry: Option<u64>,
    },
    /// Why a link closes the epoch that it says it closes: header, link and block, each done again by this node.
    WhyLink {
        /// Its epoch.
        epoch: u32,
    },
    /// What a member did (N-174).
    MemberHistory {
        /// Vote key, hex, or the beginning of it, or a name that one member has.
        member: String,
    },
    /// Invitations of the own vote key (N-195).
    Invitations,
    /// How something came to be what it is, over heights.
    Curve {
        /// Of what.
        of: CurveOf,
    },
    /// Waits until the node has seen and verified this much.
    Wait {
        /// The condition.
        until: WaitFor,
        /// Longest time to wait.
        timeout_secs: u64,
    },
    /// About links, their fees, proofs and timestamps.
    Anchoring(AnchorRequest),
    /// The state of a tower.
    Tower,
    /// What a sealed backup holds, judged with this node's keys; nothing is changed.
    BackupInspect {
        /// The backup, hex.
        sealed: String,
    },
    /// Writes the newest backup of the member's channels to a file, sealed with the seed words.
    BackupWrite {
        /// The file to write; it is replaced whole.
        path: PathBuf,
    },
    /// Takes the member's channels up from the newest backup there is: the hub's, or this one.
    Restore {
        /// A sealed backup of the member's own, hex.
        sealed: Option<String>,
    },
    /// Hub: the log of this folder is the newest there is, although no member has shown so yet.
    HubConfirm,
    /// Asks the node to stop in good order.
    Stop,
}

/// What a proof file shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofStatement {
    /// A member's ballot is counted as cast.
    Ballot {
        /// The member: vote key or name, or a treasurer's by the charter; the node's own when absent.
        member: Option<String>,
        /// In which of the bodies that decide it; the first in which they have a vote when absent.
        #[serde(default)]
        body: Option<Body>,
    },
    /// The sums, the quorum, the outcome and, for a spend, the authorisation.
    Tally,
    /// A payment that may be made, with the tally that decided it.
    Payment {
        /// Which milestone of a budget, from 0; absent for a spend.
        milestone: Option<u16>,
    },
}

/// Something a caller can wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// The node's Bitcoin source and the verified log both reached this height.
    Height(u32),
    /// The link of this epoch is final and the log says so.
    EpochFinal(u32),
    /// The node's own member is on the roll of the newest final epoch.
    OnRoll,
    /// The log has at least this many verified entries.
    LogSize(u64),
    /// Voting on this proposal (id, hex) has begun.
    VotingOpen(String),
    /// The outcome of this proposal (id, hex) is in a final epoch.
    Decided(String),
    /// It is known that this folder's state of this channel (id, hex) is the newest (C-150).
    ChannelKnown(String),
}
