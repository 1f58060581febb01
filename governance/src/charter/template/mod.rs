//! Charters to start from: documents with comments, to be edited and then read by [`Charter::from_toml`].
//!
//! [`Charter::from_toml`]: super::Charter::from_toml

mod association;
mod cooperative;
mod example;
mod grants;
mod rules;
mod starter;

use std::fmt::Write as _;
use std::str::FromStr;

use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey};

use crate::id::MemberId;

pub use association::association;
pub use cooperative::cooperative;
pub(crate) use example::is_example;
pub use example::{EXAMPLE_KEYS, example_key, example_public_key};
pub use grants::grants;
pub use starter::starter;

/// Which charter to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// See [`association`].
    Association,
    /// See [`cooperative`].
    Cooperative,
    /// See [`grants`].
    Grants,
    /// See [`starter`].
    Starter,
}

/// What a template cannot know.
#[derive(Debug, Clone)]
pub struct TemplateArguments {
    /// Name of the DAO.
    pub name: String,
    /// `regtest`, `signet`, `testnet4` or `bitcoin`.
    pub network: String,
    /// Node key of the hub (BOLT 8).
    pub hub_node_key: PublicKey,
    /// Key with which the hub signs the log.
    pub hub_log_key: XOnlyPublicKey,
    /// Internal key of the anchor links.
    pub anchor_key: XOnlyPublicKey,
    /// Output descriptor of the treasury.
    pub treasury_descriptor: String,
    /// Names and keys of the treasurers.
    pub treasurers: Vec<(String, PublicKey)>,
    /// Vote keys of the founders. With three or more of them, they are guardians of the templates that have guardians.
    pub founders: Vec<MemberId>,
    /// Smallest stake in satoshis.
    pub min_stake_sat: u64,
    /// Epoch length, stake confirmations and final depth in blocks. Regtest may shorten all of them.
    pub epoch_blocks: u32,
    /// See [`super::Charter::stake_confirmations`].
    pub stake_confirmations: u32,
    /// See [`super::Charter::final_depth`].
    pub final_depth: u32,
    /// Least voting period in blocks.
    pub voting_blocks: u32,
    /// Blocks from a passed vote to its authorisation.
    pub veto_blocks: u32,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 4] = [Self::Association, Self::Cooperative, Self::Grants, Self::Starter];

    /// Its name in commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Association => "association",
            Self::Cooperative => "cooperative",
            Self::Grants => "grants",
            Self::Starter => "starter",
        }
    }

    /// The document, not yet checked.
    #[must_use]
    pub fn document(self, arguments: &TemplateArguments) -> String {
        match self {
            Self::Association => association(arguments),
            Self::Cooperative => cooperative(arguments),
            Self::Grants => grants(arguments),
            Self::Starter => starter(arguments),
        }
    }
}

/// A name that no template has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no template is called {0:?}; there are association, cooperative, grants and starter")]
pub struct UnknownTemplate(String);

impl FromStr for Template {
    type Err = UnknownTemplate;

    fn from_str(name: &str) -> Result<Self, UnknownTemplate> {
        Self::ALL.into_iter().find(|template| template.name() == name).ok_or_else(|| UnknownTemplate(name.to_owned()))
    }
}

/// The part of a document before its rules: identity, clock and genesis. `what` completes "Charter of";
/// `admission` and `weight_rule` are TOML values.
fn identity(a: &TemplateArguments, what: &str, admission: &str, weight_rule: &str) -> String {
    let founders: Vec<String> = a.founders.iter().map(|f| format!("  \"{f}\",\n")).collect();
    format!(
        r#"# Charter of {what}. Every line is part of the charter hash except comments and layout.
version = 1
name = {name}
network = {network}

# Keys of the hub: its node, its log signatures, its anchor links.
hub_node_key = "{hub_node_key}"
hub_log_key = "{hub_log_key}"
anchor_key = "{anchor_key}"

treasury_descriptor = {descriptor}
founders = [
{founders}]

# Who becomes a member, and what a member weighs.
admission = {admission}
weight_rule = {weight_rule}

# Blocks.
epoch_blocks = {epoch_blocks}
stake_confirmations = {stake_confirmations}
final_depth = {final_depth}

# Outputs of the genesis transaction, in satoshis. The seal pays the links' fees.
hub_funding_sat = 0
gates = 4
gate_sat = 10000
seal_sat = 1000000
spare_seal_sat = 10000
max_link_fee_rate_sat_vb = 50
gossip_peers = []
"#,
        name = quoted(&a.name),
        network = quoted(&a.network),
        hub_node_key = a.hub_node_key,
        hub_log_key = a.hub_log_key,
        anchor_key = a.anchor_key,
        descriptor = quoted(&a.treasury_descriptor),
        founders = founders.concat(),
        epoch_blocks = a.epoch_blocks,
        stake_confirmations = a.stake_confirmations,
        final_depth = a.final_depth,
    )
}

/// One table per treasurer.
fn treasurers(a: &TemplateArguments) -> String {
    let mut out = String::new();
    for (name, key) in &a.treasurers {
        write!(out, "\n[[treasurers]]\nname = {}\nkey = \"{key}\"\n", quoted(name)).expect("a String takes all text");
    }
    out
}

/// The founders as guardians, more than half of whom have to agree; none when they are fewer than three, because one of two
/// could block and two of two never be found.
fn guardians(a: &TemplateArguments) -> String {
    let count = a.founders.len();
    if count < 3 {
        return String::new();
    }
    let members: Vec<String> = a.founders.iter().map(|f| format!("  \"{f}\",\n")).collect();
    format!(
        "\n# May put off or veto what passed, in its veto window, and nothing else.\n[guardians]\nmembers = [\n{}]\n\
         threshold = {}\ndelay_blocks = {}\n",
        members.concat(),
        count / 2 + 1,
        a.veto_blocks,
    )
}

/// A TOML basic string, whatever the text holds.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
