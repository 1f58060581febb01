//! Everything else that a member can say, on the command line.

use std::path::PathBuf;

use althing_node::api::{Class, CommentOpinion, DelegatePart, DelegateScope, Hideable, ReportFormat, Saying};
use clap::{Args, Subcommand, ValueEnum};

use super::parse::{by, named};
use crate::parts::{class, class_names};

/// `proposal`.
#[derive(Debug, Subcommand)]
pub enum ProposalCommand {
    /// A proposal's effects, text, sums and discussion.
    Show {
        /// Its number, like '#3', or its id or the first digits of it.
        id: String,
    },
    /// What differs between two versions of a proposal.
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
    /// The comment that this one answers: its id or the first digits of it.
    #[arg(long, value_name = "ID")]
    pub parent: Option<String>,
}

/// `comment-vote`.
#[derive(Debug, Args)]
pub struct CommentVote {
    /// The comment: its id or the first digits of it.
    pub comment: String,
    /// up, down, or none to take an earlier one back.
    pub opinion: OpinionArg,
}

/// An opinion on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OpinionArg {
    /// Approve.
    Up,
    /// Disapprove.
    Down,
    /// Take an earlier opinion back.
    None,
}

/// `update`.
#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// The proposal: its number, like '#3', or its id or the first digits of it.
    pub proposal: String,
    /// The remark; `-` reads it from the standard input.
    pub text: String,
}

/// `delegate`.
#[derive(Debug, Args)]
pub struct Delegate {
    /// A member by name or vote key, with =PARTS when there are several; parts are relative to their sum.
    #[arg(value_name = "MEMBER[=PARTS]", required_unless_present_any = ["revoke", "abstain"], conflicts_with = "revoke", value_parser = by("L-2", part))]
    pub to: Vec<DelegatePart>,
    /// Where I do not vote my weight abstains: all of it, or beside members so many parts.
    #[arg(
        long,
        value_name = "PARTS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        value_parser = by("L-2", abstaining_parts),
        conflicts_with = "revoke"
    )]
    pub abstain: Option<u16>,
    /// Take back what I delegated there.
    #[arg(long)]
    pub revoke: bool,
    /// Only on proposals of this class.
    #[arg(long, value_parser = named("R-20", class_names, class), conflicts_with = "tag")]
    pub class: Option<Class>,
    /// Only on proposals with this tag.
    #[arg(long)]
    pub tag: Option<String>,
    /// It holds for votes that close below this height.
    #[arg(long, value_name = "HEIGHT", conflicts_with = "revoke")]
    pub until: Option<u32>,
}

/// `deposit`.
#[derive(Debug, Subcommand)]
pub enum DepositCommand {
    /// Hold satoshis of my stake for a proposal; `propose ... --check` tells its id and how many.
    Hold {
        /// Id of the proposal's first version.
        thread: String,
        /// Satoshis.
        amount_sat: u64,
    },
}

/// `guardian`.
#[derive(Debug, Subcommand)]
pub enum Guardian {
    /// Put the authorisation of what passed off, once.
    Delay {
        /// The proposal: its number, like '#3', or its id or the first digits of it.
        proposal: String,
    },
    /// Stop what passed for good.
    Veto {
        /// The proposal: its number, like '#3', or its id or the first digits of it.
        proposal: String,
    },
}

/// `invite`.
#[derive(Debug, Args)]
pub struct Invite {
    /// Vote key of whom to invite.
    pub member: String,
    /// From this height on it cannot be accepted.
    #[arg(long, value_name = "HEIGHT")]
    pub until: u32,
}

/// `hide` and `unhide`.
#[derive(Debug, Args)]
pub struct Hide {
    /// What kind of thing.
    pub what: HideableArg,
    /// Its id or the first digits of it; a member's name, a proposal's number.
    pub id: String,
}

/// What can be hidden, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HideableArg {
    /// Everything that a member writes.
    Member,
    /// A proposal.
    Proposal,
    /// A comment.
    Comment,
}

/// `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// First epoch; the first of all when absent.
    #[arg(long, value_name = "EPOCH")]
    pub from: Option<u32>,
    /// Last epoch; the newest final one when absent.
    #[arg(long, value_name = "EPOCH")]
    pub to: Option<u32>,
    /// md, html, json or csv; md when absent, json with --json or --plain.
    #[arg(long, value_enum)]
    pub format: Option<FormatArg>,
    /// The file to write; else it is printed.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Form of a report on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// Markdown.
    Md,
    /// One file with charts.
    Html,
    /// The data.
    Json,
    /// One figure a line.
    Csv,
}

impl From<CommentVote> for Saying {
    fn from(vote: CommentVote) -> Self {
        let opinion = match vote.opinion {
            OpinionArg::Up => CommentOpinion::Up,
            OpinionArg::Down => CommentOpinion::Down,
            OpinionArg::None => CommentOpinion::None,
        };
        Self::CommentVote { comment: vote.comment, opinion }
    }
}

impl From<Delegate> for Saying {
    fn from(delegate: Delegate) -> Self {
        let scope = match (delegate.class, delegate.tag) {
            (Some(class), _) => DelegateScope::Class(class),
            (None, Some(tag)) => DelegateScope::Tag(tag),
            (None, None) => DelegateScope::All,
        };
        Self::Delegate { to: delegate.to, abstain: delegate.abstain.unwrap_or(0), scope, until: delegate.until }
    }
}

impl From<DepositCommand> for Saying {
    fn from(command: DepositCommand) -> Self {
        let DepositCommand::Hold { thread, amount_sat } = command;
        Self::HoldDeposit { thread, amount_sat }
    }
}

impl From<Guardian> for Saying {
    fn from(guardian: Guardian) -> Self {
        match guardian {
            Guardian::Delay { proposal } => Self::Guard { proposal, veto: false },
            Guardian::Veto { proposal } => Self::Guard { proposal, veto: true },
        }
    }
}

impl From<HideableArg> for Hideable {
    fn from(what: HideableArg) -> Self {
        match what {
            HideableArg::Member => Self::Member,
            HideableArg::Proposal => Self::Proposal,
            HideableArg::Comment => Self::Comment,
        }
    }
}

impl From<FormatArg> for ReportFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Md => Self::Markdown,
            FormatArg::Html => Self::Html,
            FormatArg::Json => Self::Json,
            FormatArg::Csv => Self::Csv,
        }
    }
}

/// `MEMBER[=PARTS]`.
fn part(text: &str) -> Result<DelegatePart, String> {
    let (member, parts) = match text.rsplit_once('=') {
        None => (text, 1),
        Some((member, parts)) => (member, number_of_parts(parts)?),
    };
    Ok(DelegatePart { member: member.to_owned(), parts })
}

/// `--abstain=PARTS`. No part that abstains is said by leaving it out.
fn abstaining_parts(text: &str) -> Result<u16, String> {
    match number_of_parts(text)? {
        0 => Err("`0` is not a number of parts from 1 to 65535".to_owned()),
        parts => Ok(parts),
    }
}

fn number_of_parts(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number of parts from 1 to 65535"))
}
