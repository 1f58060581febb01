//! The commands and their options.

use std::path::PathBuf;

use althing_node::api::WaitFor;
use clap::{Args, Parser, Subcommand};

pub(super) use super::about::{Completions, History, Man, SettingsCommand, WhyArgs};
pub(super) use super::anchor_args::{LinkCommand, OtsCommand, Proof};
pub(super) use super::backup::{BackupCommand, RestoreArgs};
pub(super) use super::bench::Bench;
pub(super) use super::channel_args::{Bump, Migrate, TakeOut, TopUp};
pub(super) use super::onboarding::Join;
pub(super) use super::propose_args::{ProposalText, Propose};
pub(super) use super::recourse::{ForceArgs, GatesCommand};
pub(super) use super::say_args::{CommentVote, Delegate, DepositCommand, Guardian, Hide, Invite, Report, UpdateArgs};
pub(super) use super::tower::TowerCommand;
pub(super) use super::treasury::{PsbtCommand, TreasurerArgs, TreasuryCommand};
pub(super) use super::vote_args::Vote;
use crate::theme::ThemeName;

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
    #[arg(long, global = true, env = "ALTHING_READONLY")]
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
    /// Accept an invitation.
    Accept {
        /// Id of the invitation.
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
    /// Show it again.
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
    /// The state of the node and of the links: exit 1 when fraud is proven, 2 when data is withheld.
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

/// Options of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// bitcoin, testnet4, signet or regtest.
    #[arg(long, default_value = "bitcoin")]
    pub network: String,
    /// This is real money: needed with the network bitcoin.
    #[arg(long)]
    pub mainnet: bool,
    /// This machine's own Bitcoin Core.
    #[command(flatten)]
    pub bitcoind: Bitcoind,
    /// File with the words of a backup, `-` for the standard input; else new words are made.
    #[arg(long, value_name = "FILE")]
    pub words_file: Option<PathBuf>,
}

/// How to reach a Bitcoin Core.
#[derive(Debug, Clone, Args)]
pub struct Bitcoind {
    /// Address of Bitcoin Core's RPC, like http://127.0.0.1:8332.
    #[arg(long = "bitcoind", env = "ALTHING_BITCOIND", value_name = "URL")]
    pub url: String,
    /// The credentials.
    #[command(flatten)]
    pub login: Login,
}

/// The credentials of a Bitcoin Core.
#[derive(Debug, Clone, Args)]
pub struct Login {
    /// Bitcoin Core's cookie file.
    #[arg(long, env = "ALTHING_COOKIE", value_name = "FILE")]
    pub cookie: Option<PathBuf>,
    /// User of the RPC, where there is no cookie.
    #[arg(long, env = "ALTHING_RPC_USER", value_name = "NAME", requires = "rpc_password_file")]
    pub rpc_user: Option<String>,
    /// File whose first line is the password of that user.
    #[arg(long, value_name = "FILE", requires = "rpc_user")]
    pub rpc_password_file: Option<PathBuf>,
}

/// What a check leans on. Without any, what cannot be known is said.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// File of block headers.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub headers: Option<PathBuf>,
    /// Address of Bitcoin Core's RPC.
    #[arg(long = "bitcoind", value_name = "URL")]
    pub url: Option<String>,
    /// The credentials.
    #[command(flatten)]
    pub login: Login,
}

/// `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// What to check it against.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Only look at so many entries, chosen by the hash of the block that anchors the log.
    #[arg(long, value_name = "ENTRIES", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub random: Option<u32>,
    /// Keep how far it came in this file, and go on there when it was stopped.
    #[arg(long, value_name = "FILE", conflicts_with = "random")]
    pub resume: Option<PathBuf>,
    /// Write a proof of the first difference to this file, if what the hub signed proves it.
    #[arg(long, value_name = "FILE", conflicts_with = "random")]
    pub proof: Option<PathBuf>,
}

/// `keys`.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Show them.
    Show {
        /// The vote, log and anchor key after so many replacements.
        #[arg(long, default_value_t = 0)]
        replacement: u32,
    },
}

/// `charter`.
#[derive(Debug, Subcommand)]
pub enum Charter {
    /// Print a charter with comments, to start from.
    Template {
        /// association, cooperative, grants or starter.
        #[arg(default_value = "starter")]
        kind: String,
    },
    /// Check a charter: exit 1 names what is wrong.
    Check {
        /// The charter, TOML.
        file: PathBuf,
    },
    /// Say in sentences what a charter lays down.
    #[command(alias = "print")]
    Explain {
        /// The charter, TOML.
        file: PathBuf,
    },
    /// Say field by field what another charter changes, and whether a vote may change it so.
    Diff {
        /// The charter as it is, TOML.
        old: PathBuf,
        /// The charter as it would be, TOML.
        new: PathBuf,
    },
    /// Print the charter in force, TOML.
    Show,
}

/// `dao`.
#[derive(Debug, Subcommand)]
pub enum Dao {
    /// Found a DAO: broadcasts the genesis transaction.
    Found {
        /// The charter, TOML.
        #[arg(long, value_name = "FILE")]
        charter: PathBuf,
        /// Address that members will reach the hub at, HOST:PORT.
        #[arg(long, value_name = "ADDRESS")]
        listen: String,
    },
    /// Verify a DAO file against Bitcoin and make this folder a member of it.
    Join {
        /// The DAO file that the founder published.
        file: PathBuf,
        /// The name the others see.
        #[arg(long)]
        name: String,
    },
    /// The DAO of this folder.
    Show,
    /// The invitation to the DAO of this folder, as text and QR code.
    Invitation,
}

/// `hub`.
#[derive(Debug, Subcommand)]
pub enum HubCommand {
    /// Run until stopped.
    Run {
        /// Listen elsewhere than the founding said, HOST:PORT.
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<String>,
    },
    /// Say that the log of this folder is the newest there is, when no member can show so. Only if the folder was never put back
    /// from a copy: else the hub proves its own fraud.
    Confirm,
}

/// `member`.
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// Run until stopped.
    Run,
}

/// `wallet`.
#[derive(Debug, Subcommand)]
pub enum Wallet {
    /// A fresh receiving address.
    Address,
    /// The balances.
    Balance,
}

/// `stake`.
#[derive(Debug, Subcommand)]
pub enum StakeCommand {
    /// Lock bitcoin in a channel with the hub. It stays yours.
    Open {
        /// Amount in satoshis.
        amount_sat: u64,
        /// Fee rate of the funding transaction, sat/vB.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1000))]
        fee_rate: u64,
    },
    /// List my channels.
    List,
    /// Close a channel; the stake returns to the wallet and stops counting.
    Close {
        /// The channel, as `stake list` shows it.
        channel: String,
        /// Fee of the closing transaction, satoshis.
        #[arg(long, default_value_t = 500)]
        fee_sat: u64,
    },
}

/// `channel`.
#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    /// List the channels: a member's own, a hub's all.
    List,
    /// One channel, and how far its end has come.
    Show {
        /// The channel's id or the beginning of it.
        channel: String,
    },
    /// Pay the other side out of a channel: dues from a member, a reward from the hub.
    Pay {
        /// The channel's id or the beginning of it.
        channel: String,
        /// Amount in satoshis.
        amount_sat: u64,
    },
    /// Add coins of the wallet to a channel, which stays in use.
    #[command(name = "topup")]
    TopUp(TopUp),
    /// Take coins out of a channel, which stays in use.
    Withdraw(TakeOut),
    /// Replace a top-up or withdrawal that waits to be mined by one at a higher fee rate.
    Bump(Bump),
    /// Move a channel to another hub, which has to serve the same DAO. Asked for once; the node goes on with it by itself.
    Migrate(Migrate),
    /// Close a channel together with the other side, or alone.
    Close {
        /// The channel's id or the beginning of it.
        channel: String,
        /// Fee of the closing transaction, satoshis. Asked again with a higher fee, it replaces a close that waits.
        #[arg(long, default_value_t = 500)]
        fee_sat: u64,
        /// Alone, when the other side does not answer: the wallet pays, and the coins wait for the channel's lock.
        #[arg(long)]
        force: bool,
    },
}

/// `proposal`.
#[derive(Debug, Subcommand)]
pub enum ProposalCommand {
    /// Its effects, text, sums and discussion.
    Show {
        /// Its number, like '#3', or its id or the first digits of it.
        id: String,
    },
    /// What differs between two versions.
    Diff {
        /// The one: its number, like '#3', or its id or the first digits of it.
        old: String,
        /// The other.
        new: String,
    },
}

/// `comment`.
#[derive(Debug, Args)]
pub struct CommentArgs {
    /// The proposal: its number, like '#3', or its id or the first digits of it.
    pub proposal: String,
    /// The comment; `-` reads it from the standard input.
    pub text: String,
    /// Id of the comment that this one answers.
    #[arg(long, value_name = "ID")]
    pub parent: Option<String>,
}

/// `wait`.
#[derive(Debug, Args)]
pub struct Wait {
    /// Longest time to wait.
    #[arg(long, default_value_t = 600, value_name = "SECONDS", global = true)]
    pub timeout: u64,
    /// For what.
    #[command(subcommand)]
    pub until: WaitCommand,
}

/// What can be waited for.
#[derive(Debug, Clone, Subcommand)]
pub enum WaitCommand {
    /// The Bitcoin source and the verified log reached a height.
    Height {
        /// The height.
        height: u32,
    },
    /// The link of an epoch is final.
    EpochFinal {
        /// The epoch.
        epoch: u32,
    },
    /// I am on the roll of the newest final epoch.
    OnRoll,
    /// The log has that many verified entries.
    LogSize {
        /// Number of entries.
        entries: u64,
    },
    /// Voting on a proposal has begun.
    VotingOpen {
        /// Its id.
        proposal: String,
    },
    /// The outcome of a proposal is in a final epoch.
    Decided {
        /// Its id.
        proposal: String,
    },
}

impl From<WaitCommand> for WaitFor {
    fn from(until: WaitCommand) -> Self {
        match until {
            WaitCommand::Height { height } => WaitFor::Height(height),
            WaitCommand::EpochFinal { epoch } => WaitFor::EpochFinal(epoch),
            WaitCommand::OnRoll => WaitFor::OnRoll,
            WaitCommand::LogSize { entries } => WaitFor::LogSize(entries),
            WaitCommand::VotingOpen { proposal } => WaitFor::VotingOpen(proposal),
            WaitCommand::Decided { proposal } => WaitFor::Decided(proposal),
        }
    }
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The proof file.
    pub file: PathBuf,
    /// What to check it against.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// `headers`.
#[derive(Debug, Subcommand)]
pub enum Headers {
    /// Write all block headers of a Bitcoin Core to a file.
    Export {
        /// The file to write.
        file: PathBuf,
        /// The Bitcoin Core.
        #[command(flatten)]
        bitcoind: Bitcoind,
    },
}

/// `tui`.
#[derive(Debug, Args)]
pub struct Tui {
    /// Colours; NO_COLOR turns them off.
    #[arg(long, value_enum, env = "ALTHING_THEME")]
    pub theme: Option<ThemeName>,
    /// Leave the mouse to the terminal.
    #[arg(long)]
    pub no_mouse: bool,
    /// With the ten steps of the tutorial above the screens.
    #[arg(long)]
    pub learn: bool,
}
