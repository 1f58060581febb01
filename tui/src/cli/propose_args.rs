//! `propose`: every class of proposal on the command line.

use std::path::{Path, PathBuf};

use althing_node::api::{
    Class, DraftEffect, DraftMilestone, DraftOption, DraftOutput, DraftTreasurer, ProposalDraft, System,
};
use clap::{Args, Subcommand};

use super::console::Console;
use super::failure::Failure;
use super::local;
use super::parse::{MOST_SAT, by, named};
use crate::parts;
use crate::parts::{class, class_names, milestone, payment, treasurer};

/// What every proposal has.
#[derive(Debug, Args)]
pub struct ProposalText {
    /// One line, at most 120 bytes.
    #[arg(long)]
    pub title: String,
    /// File with the text, Markdown; `-` for the standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    pub body_file: Option<PathBuf>,
    /// The text itself.
    #[arg(long, default_value = "")]
    pub body: String,
    /// A topic; again for each. Delegations may name it.
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// The proposal of which this is a new version.
    #[arg(long, value_name = "PROPOSAL")]
    pub version_of: Option<String>,
    /// The request for proposals that this answers.
    #[arg(long, value_name = "PROPOSAL")]
    pub request: Option<String>,
    /// How it is voted on.
    #[arg(long, default_value = "yes_no_abstain", value_parser = named("V-1", system_names, system))]
    pub system: System,
    /// What members choose among; again for each.
    #[arg(long = "option", value_name = "LABEL")]
    pub options: Vec<String>,
    /// Say what it would do and what it would need, and send nothing.
    #[arg(long)]
    pub check: bool,
}

/// `propose`.
#[derive(Debug, Subcommand)]
pub enum Propose {
    /// A decision in words; with --system and --option a choice.
    Text {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
    },
    /// Payments from the treasury.
    Spend {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
        /// A payment, ADDRESS=SATOSHIS; again for each.
        #[arg(long = "to", value_name = "ADDRESS=SATOSHIS", required_unless_present = "csv", value_parser = by("G-24", payment))]
        outputs: Vec<DraftOutput>,
        /// More payments from a file: a line `address,satoshis` for each; lines that begin with # are passed over.
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
        /// Most the payment may cost in fees, satoshis.
        #[arg(long, value_name = "SATOSHIS")]
        fee_cap: u64,
    },
    /// Payments from the treasury by milestone, which a later vote can stop.
    Budget {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
        /// Address that every milestone pays.
        #[arg(long, value_name = "ADDRESS")]
        to: String,
        /// A milestone, SATOSHIS@BLOCKS=DESCRIPTION: blocks after the authorisation; again for each.
        #[arg(long = "milestone", value_name = "SATOSHIS@BLOCKS=WHAT", required = true, value_parser = by("G-84", milestone))]
        milestones: Vec<DraftMilestone>,
        /// Most each payment may cost in fees, satoshis.
        #[arg(long, value_name = "SATOSHIS")]
        fee_cap: u64,
    },
    /// End a budget: what is not yet authorised is never paid.
    StopBudget {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
        /// The budget: its number, like '#3', or its id or the first digits of it.
        #[arg(long)]
        budget: String,
    },
    /// Another charter in place of the one in force.
    RuleChange {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
        /// The whole new charter, TOML; `charter show` prints the one in force.
        #[arg(long, value_name = "FILE")]
        charter: PathBuf,
    },
    /// Admit members.
    Admit {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
        /// Vote key; again for each.
        #[arg(long = "member", value_name = "KEY", required = true)]
        members: Vec<String>,
    },
    /// Expel members.
    Expel {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
        /// Vote key or name; again for each.
        #[arg(long = "member", value_name = "MEMBER", required = true)]
        members: Vec<String>,
    },
    /// Elect treasurers, with a new treasury.
    Elect {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
        /// Output descriptor of the new treasury.
        #[arg(long)]
        descriptor: String,
        /// A treasurer, NAME=KEY; again for each.
        #[arg(long = "treasurer", value_name = "NAME=KEY", required = true, value_parser = by("G-24", treasurer))]
        treasurers: Vec<DraftTreasurer>,
    },
    /// Replace keys of the hub or of the anchor links.
    ReplaceKeys {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
        /// Node key of the hub.
        #[arg(long, value_name = "KEY")]
        hub_node_key: Option<String>,
        /// Log key of the hub.
        #[arg(long, value_name = "KEY")]
        hub_log_key: Option<String>,
        /// Anchor key.
        #[arg(long, value_name = "KEY")]
        anchor_key: Option<String>,
    },
    /// Take a deposit that is held.
    Confiscate {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
        /// The proposal for which it is held.
        #[arg(long)]
        proposal: String,
        /// Who holds it.
        #[arg(long)]
        member: String,
        /// Satoshis.
        #[arg(long)]
        amount_sat: u64,
    },
    /// Hold authorisations back for some blocks. Pays nothing.
    Pause {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
        /// For how many blocks.
        #[arg(long)]
        blocks: u32,
        /// A class, such as spend; again for each.
        #[arg(long = "class", value_name = "CLASS", required = true, value_parser = named("R-20", class_names, class))]
        classes: Vec<Class>,
    },
    /// Ask for competing proposals, of which at most one passes.
    Request {
        /// Title and text.
        #[command(flatten)]
        text: ProposalText,
        /// Blocks in which they are taken.
        #[arg(long)]
        submission_blocks: u32,
        /// Most satoshis that one may move.
        #[arg(long, value_name = "SATOSHIS")]
        budget_cap: u64,
    },
    /// Anything, from a file: docs/guide/member.md says its form.
    File {
        /// The proposal, TOML.
        file: PathBuf,
        /// Say what it would do and what it would need, and send nothing.
        #[arg(long)]
        check: bool,
    },
}

impl Propose {
    /// The draft, and whether it shall only be checked.
    pub(super) fn draft(self, console: &mut Console<'_>) -> Result<(ProposalDraft, bool), Failure> {
        let one = |effect| vec![effect];
        let (text, effects, class) = match self {
            Self::File { file, check } => {
                let written = local::read_file(&file)?;
                let draft = toml::from_str(&written).map_err(|error| unreadable(&file, &error))?;
                return Ok((draft, check));
            }
            Self::Text { text } => (text, Vec::new(), Class::Text),
            Self::Spend { text, mut outputs, csv, fee_cap } => {
                if let Some(csv) = csv {
                    let payments = parts::payments(&local::read_file(&csv)?);
                    outputs.extend(payments.map_err(|problem| Failure::rule("G-24", problem))?);
                }
                (text, one(DraftEffect::Spend { outputs, fee_cap_sat: fee_cap }), Class::Spend)
            }
            Self::Budget { text, to, milestones, fee_cap } => {
                (text, one(DraftEffect::Budget { payee: to, milestones, fee_cap_sat: fee_cap }), Class::Budget)
            }
            Self::StopBudget { text, budget } => {
                (text, one(DraftEffect::StopBudget { proposal: budget }), Class::Budget)
            }
            Self::RuleChange { text, charter } => {
                let charter = local::read_file(&charter)?;
                (text, one(DraftEffect::RuleChange { charter }), Class::RuleChange)
            }
            Self::Admit { text, members } => {
                (text, members.into_iter().map(|member| DraftEffect::Admit { member }).collect(), Class::Admit)
            }
            Self::Expel { text, members } => {
                (text, members.into_iter().map(|member| DraftEffect::Expel { member }).collect(), Class::Expel)
            }
            Self::Elect { text, descriptor, treasurers } => {
                (text, one(DraftEffect::ElectTreasurers { descriptor, treasurers }), Class::ElectTreasurers)
            }
            Self::ReplaceKeys { text, hub_node_key, hub_log_key, anchor_key } => {
                (text, one(DraftEffect::ReplaceKeys { hub_node_key, hub_log_key, anchor_key }), Class::ReplaceKeys)
            }
            Self::Confiscate { text, proposal, member, amount_sat } => {
                (text, one(DraftEffect::Confiscate { proposal, member, amount_sat }), Class::Confiscate)
            }
            Self::Pause { text, blocks, classes } => (text, one(DraftEffect::Pause { blocks, classes }), Class::Pause),
            Self::Request { text, submission_blocks, budget_cap } => {
                let effect = DraftEffect::Request { submission_blocks, budget_cap_sat: budget_cap };
                (text, one(effect), Class::Request)
            }
        };
        let body = local::body(&text, console)?;
        let options = text.options.into_iter().map(|label| DraftOption { label, effects: Vec::new() }).collect();
        let draft = ProposalDraft {
            title: text.title,
            body,
            class: Some(class),
            tags: text.tags,
            system: text.system,
            version_of: text.version_of,
            request: text.request,
            effects,
            options,
        };
        Ok((draft, text.check))
    }
}

/// A file that is no proposal: where, and of a number what it must be, since the library's own words for one that is too large name
/// no range.
fn unreadable(file: &Path, error: &toml::de::Error) -> Failure {
    let mut text = error.to_string().trim_end().replace(" as i128, expected any value", ", which is too large");
    if ["too large", "expected u64", "expected u32", "expected u16"].iter().any(|words| text.contains(words)) {
        text.push_str(&format!(
            "; a number here is a whole one: satoshis from 0 to {MOST_SAT}, blocks from 0 to {}",
            u32::MAX
        ));
    }
    Failure::rule("G-24", format!("G-24: {}: {text}", file.display()))
}

/// The names of all systems, as they are typed.
fn system_names() -> Vec<&'static str> {
    vec![
        "yes_no_abstain",
        "yes_no_veto",
        "optimistic",
        "single_choice",
        "approval",
        "score=MAX",
        "instant_runoff",
        "schulze",
        "split",
        "quadratic=CREDITS",
    ]
}

/// A voting system by its name in the charter.
fn system(text: &str) -> Result<System, String> {
    let text = text.replace('-', "_");
    let (name, number) = match text.split_once('=') {
        Some((name, number)) => (name, Some(number)),
        None => (text.as_str(), None),
    };
    let grade = || format!("`{text}` needs its highest grade, a number from 1 to {}, like score=5", u16::MAX);
    let budget = || format!("`{text}` needs its credits, a number from 1 to {}, like quadratic=100", u32::MAX);
    Ok(match (name, number) {
        ("yes_no_abstain", None) => System::YesNoAbstain,
        ("yes_no_veto", None) => System::YesNoVeto,
        ("optimistic", None) => System::Optimistic,
        ("single_choice", None) => System::SingleChoice,
        ("approval", None) => System::Approval,
        ("instant_runoff", None) => System::InstantRunoff,
        ("schulze", None) => System::Schulze,
        ("split", None) => System::Split,
        ("score", Some(max)) => System::Score { max: max.parse().map_err(|_| grade())? },
        ("score", None) => return Err(grade()),
        ("quadratic", Some(credits)) => System::Quadratic { credits: credits.parse().map_err(|_| budget())? },
        ("quadratic", None) => return Err(budget()),
        _ => return Err(format!("`{text}` is none of {}", system_names().join(", "))),
    })
}
