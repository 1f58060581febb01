//! The commands and their options.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(super) use super::about::{Completions, History, Man, SettingsCommand, WhyArgs};
pub(super) use super::anchor_args::{LinkCommand, OtsCommand, Proof};
pub(super) use super::backup::{BackupCommand, RestoreArgs};
pub(super) use super::bench::Bench;
pub(super) use super::channel_args::{Bump, ChannelCommand, Migrate, Send, StakeCommand, TakeOut, TopUp, Wallet};
pub(super) use super::check_args::{AuditArgs, Headers, SourceArgs, Verify};
pub(super) use super::light::LightCommand;
pub(super) use super::onboarding::Join;
use super::parse;
pub(super) use super::propose_args::{ProposalText, Propose};
pub(super) use super::recourse::{ForceArgs, GatesCommand};
pub(super) use super::say_args::{
    CommentArgs, CommentVote, Delegate, DepositCommand, Guardian, Hide, Invite, ProposalCommand, Report, UpdateArgs,
};
pub(super) use super::setup_args::{Bitcoind, Charter, Dao, HubCommand, Init, Keys, Login, MemberCommand, Tui};
pub(super) use super::tower::TowerCommand;
pub(super) use super::treasury::{PsbtCommand, TreasurerArgs, TreasuryCommand};
pub(super) use super::vote_args::Vote;
pub(super) use super::wait_args::Wait;

/// Bitcoin-anchored governance: stake, propose, vote, verify.
///
/// Exit codes: 0 done (valid); 1 the request breaks a rule (invalid); 2 not possible now (cannot tell); 3 trouble of this
/// machine. The answer goes to the standard output, reviews and progress to the standard error. With --json the answer is one
/// JSON value, also when it is {"error":{"kind","rule","message"}}.
#[derive(Debug, Parser)]
#[command(name = "althing", version, max_term_width = 100)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The variable that does the same as `--readonly`.
const READONLY: &str = "ALTHING_READONLY";

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Folder with the keys, the store and the settings of one member or hub [default: althing in the user's data folder].
    #[arg(long, global = true, env = "ALTHING_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Answer as JSON.
    #[arg(long, global = true, conflicts_with = "plain")]
    pub json: bool,
    /// Answer as one `name: value` a line, for screen readers and line tools.
    #[arg(long, global = true)]
    pub plain: bool,
    /// Do not ask for the typed word before something irreversible.
    #[arg(long, global = true)]
    pub yes: bool,
    /// Only look: refuse everything that would change something.
    #[arg(long, global = true, env = READONLY, value_parser = parse::switch(READONLY))]
    pub readonly: bool,
    /// File whose first line is the password; else ALTHING_PASSWORD, else it is asked for.
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make or restore the keys of this folder.
    Init(Init),
    /// The public keys of this folder.
    #[command(subcommand)]
    Keys(Keys),
    /// Write and check a charter.
    #[command(subcommand)]
    Charter(Charter),
    /// Found or join a DAO, or show the one of this folder.
    #[command(subcommand)]
    Dao(Dao),
    /// Run the hub of the DAO founded in this folder.
    #[command(subcommand)]
    Hub(HubCommand),
    /// Run this member's node.
    #[command(subcommand)]
    Member(MemberCommand),
    /// The on-chain wallet.
    #[command(subcommand)]
    Wallet(Wallet),
    /// The DAO's treasury.
    #[command(subcommand)]
    Treasury(TreasuryCommand),
    /// Transactions to be signed.
    #[command(subcommand)]
    Psbt(PsbtCommand),
    /// Be a treasurer unattended.
    Treasurer(TreasurerArgs),
    /// My stake channels.
    #[command(subcommand)]
    Stake(StakeCommand),
    /// Stake channels one by one, at a member's or a hub's node.
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Backups of my channels.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Take my channels up again in a folder made from the seed words: from the hub's backup or my own copy.
    Restore(RestoreArgs),
    /// Keep own entries and proofs only, or the whole log.
    #[command(subcommand)]
    Light(LightCommand),
    /// Run a watchtower, or name those that watch for this folder.
    #[command(subcommand)]
    Tower(TowerCommand),
    /// Put a proposal into the log.
    #[command(subcommand)]
    Propose(Propose),
    /// List the proposals.
    Proposals,
    /// One proposal.
    #[command(subcommand)]
    Proposal(ProposalCommand),
    /// Comment on a proposal.
    Comment(CommentArgs),
    /// Say what you think of a comment; it decides nothing.
    CommentVote(CommentVote),
    /// Add a remark of the author to a proposal, which stays as it is.
    Update(UpdateArgs),
    /// Take a proposal of mine back before its vote opens.
    Withdraw {
        /// The proposal: its number, like '#3', or its id or the first digits of it.
        proposal: String,
    },
    /// Cast a ballot, or change it.
    Vote(Vote),
    /// Hand my weight on where I do not vote, or take it back.
    Delegate(Delegate),
    /// What I delegate, and where my weight goes.
    Delegations {
        /// On this proposal: its number, like '#3', or its id or the first digits of it.
        #[arg(long)]
        proposal: Option<String>,
    },
    /// Deposits for proposals.
    #[command(subcommand)]
    Deposit(DepositCommand),
    /// The deposits of all members and what became of them.
    Deposits,
    /// My rewards and dues.
    Rewards,
    /// Speak as a guardian against a passed proposal.
    #[command(subcommand)]
    Guardian(Guardian),
    /// Invite somebody, where the charter admits by invitation.
    Invite(Invite),
    /// The invitations of my vote key, and those that I gave, with what became of them.
    Invitations,
    /// Accept an invitation.
    Accept {
        /// Id of the invitation, or its first digits; the one that is open for me when absent.
        #[arg(default_value = "", hide_default_value = true)]
        invitation: String,
    },
    /// Put another vote key of this folder in the place of mine; the key of my stake signs for it.
    RotateKey,
    /// Prove that a member signed two entries for one place.
    Equivocation {
        /// File with both entries, one a line: each whole in hex, or its id if the log or a note in it has it.
        file: PathBuf,
    },
    /// State that I have seen an entry that the log leaves out.
    Seen {
        /// File with the whole entry, hex.
        file: PathBuf,
    },
    /// Put an entry on Bitcoin that the hub keeps out of the log, so that it has to log it.
    Force(ForceArgs),
    /// Prove to the log that the hub signed what no honest hub signs; its bond is forfeited.
    Fraud {
        /// A proof file of two heads, or of a receipt, as `proof` or the node itself made it.
        file: PathBuf,
    },
    /// Gates of the treasury: what each is for; and what a hub notes of new ones.
    #[command(subcommand)]
    Gates(GatesCommand),
    /// Hide something of others on this machine only.
    Hide(Hide),
    /// Show again what was hidden on this machine.
    Unhide(Hide),
    /// The transparency report, every figure with what backs it.
    Report(Report),
    /// My ballots and how far each is from final.
    Ballots,
    /// The links on Bitcoin.
    Links,
    /// Links one by one: fees, reserve, paying more.
    #[command(subcommand)]
    Link(LinkCommand),
    /// Put another hub in the place of one that is gone.
    #[command(subcommand)]
    Succession(super::succession::SuccessionCommand),
    /// OpenTimestamps files.
    #[command(subcommand)]
    Ots(OtsCommand),
    /// The members with stake and weight.
    Members,
    /// The state of the node.
    Status,
    /// The state of the node and of the links: exit 1 when fraud is proven, 2 when data is withheld, 3 when nobody can be asked.
    Health,
    /// Wait until the node has seen and verified something.
    Wait(Wait),
    /// Proof files.
    #[command(subcommand)]
    Proof(Proof),
    /// Check a proof file, offline: exit 0 valid, 1 invalid, 2 cannot tell.
    Verify(Verify),
    /// Replay the whole log of this folder from its beginning: exit 0 valid, 1 invalid, 2 cannot tell.
    Audit(AuditArgs),
    /// Block headers for checking proofs offline.
    #[command(subcommand)]
    Headers(Headers),
    /// The public log as static files that any web host can serve.
    #[command(subcommand)]
    Tiles(super::tiles::Tiles),
    /// Join a DAO by an invitation, from nothing to a staked member, by plain questions.
    Join(Join),
    /// Why something is true: from the receipt to the block, each step recomputed here.
    Why(WhyArgs),
    /// How something came to be what it is.
    #[command(subcommand)]
    History(History),
    /// Measure what a hub takes on this machine.
    #[command(subcommand)]
    Bench(Bench),
    /// The screens.
    Tui(Tui),
    /// Learn it in ten steps on a private DAO.
    Learn,
    /// Where the data, the settings and the log are.
    Info,
    /// How I like the screens: theme, keys, bell, other DAOs.
    #[command(subcommand)]
    Settings(SettingsCommand),
    /// Completions for bash, zsh, fish and others.
    Completions(Completions),
    /// Manual pages.
    Man(Man),
    /// Ask the node that runs on this folder to stop.
    Stop,
}
