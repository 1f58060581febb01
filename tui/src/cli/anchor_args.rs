//! Links, proofs and timestamps on the command line.

use std::path::PathBuf;

use althing_node::api::{
    AnchorRequest, Body, Evidence, ProofStatement, ReceiptFile, Request, TimestampKind, TimestampOf,
};
use clap::{Args, Subcommand, ValueEnum};

use super::failure::Failure;
use super::local::read_file;

/// `link`.
#[derive(Debug, Subcommand)]
pub enum LinkCommand {
    /// The links on Bitcoin, and how long the seal pays for more.
    List,
    /// How long the seal pays for links.
    Reserve,
    /// Pay more for the link that waits. The operator replaces it; a member pays with a child, where the charter anchors links.
    Bump {
        /// Fee rate to reach, sat/vB; what seems to be needed when absent.
        #[arg(long, value_name = "SAT_PER_VB", value_parser = clap::value_parser!(u64).range(1..=100_000))]
        fee_rate: Option<u64>,
    },
    /// The operators who sign every link together: who they are, who is connected, and what waits for whom.
    Operators {
        /// Add the set of these keys, yours among them (`althing keys`), to the settings of this folder.
        #[arg(long, value_name = "KEY", num_args = 2..=15)]
        add: Vec<String>,
    },
}

/// `ots`.
#[derive(Debug, Subcommand)]
pub enum OtsCommand {
    /// Write an OpenTimestamps file that the released clients check.
    Export {
        /// Epoch of the link.
        epoch: u32,
        /// From the output key on (split), by the link's OP_RETURN output, or by the witness of the link after it.
        #[arg(long, value_enum, default_value_t = OtsKind::Split)]
        kind: OtsKind,
        /// Stamp an entry of the log instead of the epoch header: its position.
        #[arg(long, value_name = "POSITION", conflicts_with = "ballot")]
        entry: Option<u64>,
        /// Stamp a ballot on this proposal.
        #[arg(long, value_name = "PROPOSAL")]
        ballot: Option<String>,
        /// Whose ballot: a vote key or a name; mine when absent.
        #[arg(long, value_name = "KEY", requires = "ballot")]
        member: Option<String>,
        /// The file to write; it ends in .ots, and the stamped file is written beside it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Form of a timestamp on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OtsKind {
    /// From the output key of the link on; every link has it.
    Split,
    /// From the stamped file on, by the link's OP_RETURN output.
    Opreturn,
    /// From the stamped file on, by the witness of the link after it.
    Reveal,
}

/// `proof`.
#[derive(Debug, Subcommand)]
pub enum Proof {
    /// Write a proof file that anybody can verify offline.
    Export(Box<ProofExport>),
    /// Write the hub's receipt for my newest ballot on a proposal, for --statement receipt-fraud.
    Receipt {
        /// The proposal: its number, like '#3', or its id or the first digits of it.
        proposal: String,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// `proof export`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct ProofExport {
    /// The proposal: its number, like '#3', or its id or the first digits of it. Not for frauds and spends.
    pub proposal: Option<String>,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// What the file shall prove.
    #[arg(long, value_enum, group = "what")]
    pub statement: Option<StatementKind>,
    /// The same as --statement tally.
    #[arg(long, group = "what")]
    pub tally: bool,
    /// The same as --statement ballot.
    #[arg(long, group = "what")]
    pub ballot: bool,
    /// Whose ballot, or who did not vote: a vote key, hex, or a name; mine when absent.
    #[arg(long, value_name = "KEY", conflicts_with = "tally")]
    pub member: Option<String>,
    /// In which body of those that decide; the first in which they have a vote when absent.
    #[arg(long, value_enum, conflicts_with = "tally")]
    pub body: Option<BodyName>,
    /// Which milestone of a budget, from 1.
    #[arg(long, value_name = "NUMBER")]
    pub milestone: Option<u16>,
    /// The evidence: for receipt-fraud the receipt as `proof receipt` writes it; for head-fraud, equivocation and two-checkpoints two
    /// signed heads, entries or checkpoints, hex, one a line (of heads one suffices when this node has the other; a checkpoint is one
    /// of the log, or one followed by the signature of one side; without a file the two that this node found by itself).
    #[arg(long, value_name = "FILE")]
    pub evidence: Option<PathBuf>,
    /// For receipt-fraud: a signed head, hex, that tells of another log; else the newest header on Bitcoin is taken.
    #[arg(long, value_name = "FILE")]
    pub head: Option<PathBuf>,
    /// For unauthorised-spend: the transaction that took the coins, as the alarm names it.
    #[arg(long, value_name = "TXID")]
    pub transaction: Option<String>,
    /// For unauthorised-spend, in place of the transaction: a gate that it spent, TXID:VOUT.
    #[arg(long, value_name = "OUTPOINT")]
    pub gate: Option<String>,
    /// Leave out the links: a few kilobytes, for whoever has or gets them from another file (--statement links, or any that is not short).
    #[arg(long)]
    pub short: bool,
}

/// Who decides a proposal, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BodyName {
    /// The members, by weight.
    Members,
    /// The treasurers, one key one vote.
    Treasurers,
    /// The founders, one key one vote.
    Founders,
}

impl From<BodyName> for Body {
    fn from(name: BodyName) -> Self {
        match name {
            BodyName::Members => Self::Members,
            BodyName::Treasurers => Self::Treasurers,
            BodyName::Founders => Self::Founders,
        }
    }
}

/// What a proof file shows, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatementKind {
    /// A ballot is counted as cast.
    Ballot,
    /// Sums, quorum and outcome.
    Tally,
    /// A payment is authorised.
    Authorised,
    /// How much of a budget is paid, may be paid, and is left.
    Budget,
    /// A member did not vote.
    DidNotVote,
    /// The hub promised an entry in a receipt and logged another.
    ReceiptFraud,
    /// The hub signed two heads that contradict each other.
    HeadFraud,
    /// A member signed two entries for one place.
    Equivocation,
    /// A side of a channel signed two checkpoints of one number.
    TwoCheckpoints,
    /// Coins of the treasury were spent without authorisation.
    UnauthorisedSpend,
    /// The links up to the newest final epoch: what short proof files are verified with.
    Links,
}

impl ProofExport {
    /// The request, with the evidence read from its file.
    pub(super) fn request(self) -> Result<Request, Failure> {
        // The node that writes the file may run in another folder.
        let path = std::path::absolute(&self.out).map_err(anyhow::Error::from)?;
        let kind = match self.statement {
            Some(kind) => kind,
            None if self.tally => StatementKind::Tally,
            None => StatementKind::Ballot,
        };
        let short = self.short;
        let (member, body) = (self.member.clone(), self.body.map(Body::from));
        let evidence = match kind {
            StatementKind::Ballot => {
                let statement = ProofStatement::Ballot { member, body };
                return Ok(Request::ProofExport { proposal: self.proposal()?, statement, path, short });
            }
            StatementKind::Tally => {
                let statement = ProofStatement::Tally;
                return Ok(Request::ProofExport { proposal: self.proposal()?, statement, path, short });
            }
            StatementKind::Authorised => Evidence::Authorised { proposal: self.proposal()?, milestone: self.milestone },
            StatementKind::Budget => Evidence::Budget { proposal: self.proposal()? },
            StatementKind::DidNotVote => Evidence::DidNotVote { proposal: self.proposal()?, member, body },
            StatementKind::ReceiptFraud => {
                let file: ReceiptFile = serde_json::from_str(&self.evidence()?)
                    .map_err(|error| Failure::usage(format!("The evidence is no receipt file: {error}")))?;
                let head = self.head.as_deref().map(read_file).transpose()?;
                let ReceiptFile { receipt, entry, position, path } = file;
                let head = head.map(|head| head.trim().to_owned());
                Evidence::ReceiptFraud { receipt, entry, position, path, head }
            }
            StatementKind::HeadFraud => Evidence::HeadFraud { heads: self.evidence_lines()? },
            StatementKind::Equivocation => Evidence::Equivocation { entries: self.evidence_pair()? },
            StatementKind::TwoCheckpoints => {
                // What the node has found by itself is in its store.
                let checkpoints = match self.evidence {
                    Some(_) => self.evidence_pair()?.to_vec(),
                    None => Vec::new(),
                };
                Evidence::TwoCheckpoints { checkpoints }
            }
            StatementKind::UnauthorisedSpend => match (self.transaction.clone(), self.gate.clone()) {
                (Some(txid), None) => Evidence::Theft { txid },
                (None, Some(gate)) => Evidence::UnauthorisedSpend { gate },
                _ => {
                    let usage = "Name the transaction with --transaction TXID, or the gate that it spent with --gate TXID:VOUT.";
                    return Err(Failure::usage(usage));
                }
            },
            StatementKind::Links => Evidence::Links,
        };
        Ok(Request::Anchoring(AnchorRequest::Prove { evidence, path, short }))
    }

    fn proposal(&self) -> Result<String, Failure> {
        self.proposal.clone().ok_or_else(|| Failure::usage("Name the proposal."))
    }

    fn evidence_pair(&self) -> Result<[String; 2], Failure> {
        self.evidence_lines()?.try_into().map_err(|lines: Vec<String>| {
            Failure::usage(format!("The evidence has {} entries, it needs two.", lines.len()))
        })
    }

    fn evidence(&self) -> Result<String, Failure> {
        let file = self.evidence.as_deref().ok_or_else(|| Failure::usage("Name the file with --evidence FILE."))?;
        read_file(file)
    }

    fn evidence_lines(&self) -> Result<Vec<String>, Failure> {
        let text = self.evidence()?;
        Ok(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
    }
}

impl OtsCommand {
    /// The request.
    pub(super) fn request(self) -> Result<Request, Failure> {
        let Self::Export { epoch, kind, entry, ballot, member, out } = self;
        let of = match (entry, ballot) {
            (Some(position), _) => TimestampOf::Entry { position },
            (None, Some(proposal)) => TimestampOf::Ballot { proposal, member },
            (None, None) => TimestampOf::Header,
        };
        let kind = match kind {
            OtsKind::Split => TimestampKind::Split,
            OtsKind::Opreturn => TimestampKind::Opreturn,
            OtsKind::Reveal => TimestampKind::Reveal,
        };
        let path = std::path::absolute(out).map_err(anyhow::Error::from)?;
        Ok(Request::Anchoring(AnchorRequest::Timestamp { epoch, kind, of, path }))
    }
}
