//! A proposal as its author writes it; also the form of the file that `propose file` reads.

use althing_governance::charter::Class;
use althing_governance::voting::System;
use serde::{Deserialize, Serialize};

/// A proposal as its author writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposalDraft {
    /// One line, 1..=120 bytes.
    pub title: String,
    /// Markdown, at most 16 KiB.
    #[serde(default)]
    pub body: String,
    /// The class, when the effects do not tell; text without effects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Topics; delegations may name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// How it is voted on.
    #[serde(default = "question", skip_serializing_if = "is_question")]
    pub system: System,
    /// The proposal of which this is a new version: its number or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_of: Option<String>,
    /// The request for proposals that this answers: its number or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What happens if it passes; of a question.
    #[serde(default, rename = "effect", skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<DraftEffect>,
    /// What members choose among; empty for a question.
    #[serde(default, rename = "option", skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<DraftOption>,
}

/// One option of a drafted proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftOption {
    /// What it is called, 1..=120 bytes.
    pub label: String,
    /// What happens if it wins.
    #[serde(default, rename = "effect", skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<DraftEffect>,
}

/// An effect of a drafted proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "snake_case", deny_unknown_fields)]
pub enum DraftEffect {
    /// Payments from the treasury, at once.
    Spend {
        /// Address and amount of each payment; 1..=100.
        outputs: Vec<DraftOutput>,
        /// Most the payment may cost in fees.
        fee_cap_sat: u64,
    },
    /// Payments from the treasury, milestone by milestone.
    Budget {
        /// An address of the DAO's network.
        payee: String,
        /// 1..=32 milestones, by ascending `after_blocks`.
        milestones: Vec<DraftMilestone>,
        /// Most each payment may cost in fees.
        fee_cap_sat: u64,
    },
    /// Ends a budget.
    StopBudget {
        /// The budget: its number or id.
        proposal: String,
    },
    /// Another charter.
    RuleChange {
        /// The whole charter, TOML.
        charter: String,
    },
    /// A new member.
    Admit {
        /// Vote key, hex.
        member: String,
    },
    /// A member less.
    Expel {
        /// Vote key, hex.
        member: String,
    },
    /// Other treasurers.
    ElectTreasurers {
        /// Output descriptor of the new treasury.
        descriptor: String,
        /// Names and keys.
        treasurers: Vec<DraftTreasurer>,
    },
    /// Other keys of the hub; at least one.
    ReplaceKeys {
        /// Node key, hex.
        #[serde(default)]
        hub_node_key: Option<String>,
        /// Log key, hex.
        #[serde(default)]
        hub_log_key: Option<String>,
        /// Anchor key, hex.
        #[serde(default)]
        anchor_key: Option<String>,
    },
    /// A deposit goes to the treasury.
    Confiscate {
        /// The proposal for which it is held: its number or id.
        proposal: String,
        /// Who holds it: a vote key, hex.
        member: String,
        /// Satoshis.
        amount_sat: u64,
    },
    /// Authorisations wait.
    Pause {
        /// For how many blocks.
        blocks: u32,
        /// Of which classes.
        classes: Vec<Class>,
    },
    /// Asks for competing proposals.
    Request {
        /// Blocks in which they are taken.
        submission_blocks: u32,
        /// Most satoshis that one may move.
        budget_cap_sat: u64,
    },
}

/// One payment of a drafted spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftOutput {
    /// An address of the DAO's network.
    pub address: String,
    /// Its amount.
    pub amount_sat: u64,
}

/// One milestone of a drafted budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftMilestone {
    /// What it is for, 1..=200 bytes.
    pub description: String,
    /// Satoshis.
    pub amount_sat: u64,
    /// Blocks after the authorisation before it is due.
    #[serde(default)]
    pub after_blocks: u32,
}

/// A treasurer of a drafted election.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftTreasurer {
    /// Name.
    pub name: String,
    /// Key, hex.
    pub key: String,
}

impl ProposalDraft {
    /// A yes/no/abstain question.
    #[must_use]
    pub fn question(title: impl Into<String>, body: impl Into<String>, effects: Vec<DraftEffect>) -> Self {
        Self {
            title: title.into(),
            body: body.into(),
            class: None,
            tags: Vec::new(),
            system: System::YesNoAbstain,
            version_of: None,
            request: None,
            effects,
            options: Vec::new(),
        }
    }
}

const fn question() -> System {
    System::YesNoAbstain
}

fn is_question(system: &System) -> bool {
    *system == System::YesNoAbstain
}
