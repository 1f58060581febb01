//! A charter to start from.

use std::fmt::Write as _;

use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey};

use crate::id::MemberId;

/// What a template cannot know.
#[derive(Debug, Clone)]
pub struct AssociationArguments {
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
    /// Vote keys of the founders.
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

/// An association that decides by stake: resolutions by majority, spends in two bands by majority and two thirds.
///
/// The result is a document to edit, not yet checked; give it to [`super::Charter::from_toml`].
#[must_use]
pub fn association_template(a: &AssociationArguments) -> String {
    let mut treasurers = String::new();
    for (name, key) in &a.treasurers {
        write!(treasurers, "\n[[treasurers]]\nname = {}\nkey = \"{key}\"\n", quoted(name))
            .expect("a String takes all text");
    }
    let founders: Vec<String> = a.founders.iter().map(|f| format!("  \"{f}\",\n")).collect();
    format!(
        r#"# Charter of an association. Every line is part of the charter hash except comments and layout.
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

# Open admission allows only weight by stake.
admission = {{ open = {{ min_stake_sat = {min_stake_sat} }} }}
weight_rule = "stake"

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
{treasurers}
[[classes]]
class = "text"
voting_blocks = {voting_blocks}
expiry_blocks = 4320
threshold = "majority"
quorum = {{ participation_bp = 2000 }}

[[classes]]
class = "spend"
max_amount_sat = 10000000
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = "majority"
quorum = {{ participation_bp = 3000 }}
distinct_voters_min = 2

[[classes]]
class = "spend"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ yes_of_total_bp = 3000 }}
distinct_voters_min = 3
"#,
        name = quoted(&a.name),
        network = quoted(&a.network),
        hub_node_key = a.hub_node_key,
        hub_log_key = a.hub_log_key,
        anchor_key = a.anchor_key,
        descriptor = quoted(&a.treasury_descriptor),
        founders = founders.concat(),
        min_stake_sat = a.min_stake_sat,
        epoch_blocks = a.epoch_blocks,
        stake_confirmations = a.stake_confirmations,
        final_depth = a.final_depth,
        voting_blocks = a.voting_blocks,
        veto_blocks = a.veto_blocks,
    )
}

/// A TOML basic string, whatever the text holds.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
