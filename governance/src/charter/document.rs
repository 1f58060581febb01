//! The charter as people write it: a TOML document in which an unknown or missing field is an error.

use std::str::FromStr;

use bitcoin::Network;
use serde::{Deserialize, Serialize};

use super::unreadable::not_a_charter;
use super::{
    Admission, Charter, ClassRule, DelegationLimits, DiscussionLimits, Guardians, Guards, Problem, Rewards, Staging,
    Treasurer, WeightRule,
};
use crate::id::NetworkId;

/// Version of the document. That of the canonical bytes follows from what it says.
const VERSION: u32 = 1;

/// The networks by their names in charters.
const NETWORKS: [(&str, Network); 4] = [
    ("regtest", Network::Regtest),
    ("signet", Network::Signet),
    ("testnet4", Network::Testnet4),
    ("bitcoin", Network::Bitcoin),
];

/// Why a TOML document is not a charter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CharterError {
    /// Not TOML, or a field is unknown, missing or of the wrong type. The text names field and line.
    #[error("R-1: charter is not a valid document: {0}")]
    Document(String),
    /// A field's text is not what it should be.
    #[error("R-1: charter field {field} = {value:?}: {rule}")]
    Field {
        /// Which field.
        field: String,
        /// What it must be.
        rule: String,
        /// What it is.
        value: String,
    },
    /// The document is well formed but breaks rules.
    #[error("charter breaks {} rule(s): {}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Rules(Vec<Problem>),
}

impl Charter {
    /// Reads a charter and checks it (R-50 to R-79, G-122).
    ///
    /// # Errors
    /// [`CharterError`] naming field, rule and value.
    pub fn from_toml(text: &str) -> Result<Self, CharterError> {
        let charter = Self::from_toml_unchecked(text)?;
        match charter.check() {
            problems if problems.is_empty() => Ok(charter),
            problems => Err(CharterError::Rules(problems)),
        }
    }

    /// Reads a charter without checking its rules, so that a tool can list every problem itself.
    ///
    /// # Errors
    /// [`CharterError::Document`] or [`CharterError::Field`].
    pub fn from_toml_unchecked(text: &str) -> Result<Self, CharterError> {
        let doc: Document =
            toml::from_str(text).map_err(|error| CharterError::Document(not_a_charter(text, &error)))?;
        doc.into_charter()
    }

    /// The document that reads as this charter, every field written out.
    ///
    /// # Errors
    /// [`CharterError::Document`] for a network without a name, or a number that TOML cannot hold (above 2^63 - 1); neither
    /// occurs in a charter that passed [`Charter::check`].
    pub fn to_toml(&self) -> Result<String, CharterError> {
        let document = Document::of(self)?;
        toml::to_string(&document).map_err(|error| CharterError::Document(error.to_string()))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    name: String,
    network: String,
    hub_node_key: String,
    hub_log_key: String,
    anchor_key: String,
    treasury_descriptor: String,
    treasurers: Vec<TreasurerDocument>,
    founders: Vec<String>,
    admission: Admission,
    epoch_blocks: u32,
    #[serde(default = "six")]
    stake_confirmations: u32,
    #[serde(default = "six")]
    final_depth: u32,
    #[serde(default)]
    hub_funding_sat: u64,
    weight_rule: WeightRule,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_member_cap: Option<u64>,
    gates: u8,
    gate_sat: u64,
    seal_sat: u64,
    spare_seal_sat: u64,
    max_link_fee_rate_sat_vb: u64,
    #[serde(default)]
    gossip_peers: Vec<String>,
    classes: Vec<ClassRule>,
    #[serde(default)]
    guards: Guards,
    #[serde(default)]
    guardians: Guardians,
    #[serde(default)]
    rewards: Rewards,
    #[serde(default)]
    delegation: DelegationLimits,
    #[serde(default)]
    discussion: DiscussionLimits,
    //
    #[serde(default)]
    hub_bond_sat: u64,
    #[serde(default)]
    dormant_after_epochs: u32,
    #[serde(default = "default_suspension")]
    equivocation_suspension_epochs: u32,
    #[serde(default = "default_forced_entry_delay")]
    forced_entry_delay_blocks: u32,
    #[serde(default)]
    anchored_links: bool,
    #[serde(default = "default_succession_window")]
    succession_window_blocks: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    staging: Option<Staging>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TreasurerDocument {
    name: String,
    key: String,
}

fn six() -> u32 {
    6
}

fn default_suspension() -> u32 {
    4
}

fn default_forced_entry_delay() -> u32 {
    144
}

/// A month: time for the members to find each other and sign while a rogue hub goes on.
fn default_succession_window() -> u32 {
    4320
}

impl Document {
    fn of(charter: &Charter) -> Result<Self, CharterError> {
        Ok(Self {
            version: VERSION,
            name: charter.name.clone(),
            network: network_name(charter.network)?.to_owned(),
            hub_node_key: charter.hub_node_key.to_string(),
            hub_log_key: charter.hub_log_key.to_string(),
            anchor_key: charter.anchor_key.to_string(),
            treasury_descriptor: charter.treasury_descriptor.clone(),
            treasurers: charter
                .treasurers
                .iter()
                .map(|t| TreasurerDocument { name: t.name.clone(), key: t.key.to_string() })
                .collect(),
            founders: charter.founders.iter().map(ToString::to_string).collect(),
            admission: charter.admission,
            epoch_blocks: charter.epoch_blocks,
            stake_confirmations: charter.stake_confirmations,
            final_depth: charter.final_depth,
            hub_funding_sat: charter.hub_funding_sat,
            weight_rule: charter.weight_rule,
            per_member_cap: charter.per_member_cap,
            gates: charter.gates,
            gate_sat: charter.gate_sat,
            seal_sat: charter.seal_sat,
            spare_seal_sat: charter.spare_seal_sat,
            max_link_fee_rate_sat_vb: charter.max_link_fee_rate_sat_vb,
            gossip_peers: charter.gossip_peers.clone(),
            classes: charter.classes.clone(),
            guards: charter.guards.clone(),
            guardians: charter.guardians.clone(),
            rewards: charter.rewards,
            delegation: charter.delegation,
            discussion: charter.discussion,
            hub_bond_sat: charter.hub_bond_sat,
            dormant_after_epochs: charter.dormant_after_epochs,
            equivocation_suspension_epochs: charter.equivocation_suspension_epochs,
            forced_entry_delay_blocks: charter.forced_entry_delay_blocks,
            anchored_links: charter.anchored_links,
            succession_window_blocks: charter.succession_window_blocks,
            staging: charter.staging.clone(),
        })
    }

    fn into_charter(self) -> Result<Charter, CharterError> {
        if self.version != VERSION {
            return Err(CharterError::Field {
                field: "version".into(),
                rule: format!("must be {VERSION}"),
                value: self.version.to_string(),
            });
        }
        let mut treasurers = Vec::new();
        for (i, t) in self.treasurers.into_iter().enumerate() {
            let key =
                parse(&format!("treasurers[{i}].key"), "must be a compressed public key (33 bytes in hex)", &t.key)?;
            treasurers.push(Treasurer { name: t.name, key });
        }
        let mut founders = Vec::new();
        for (i, f) in self.founders.iter().enumerate() {
            founders.push(parse(&format!("founders[{i}]"), "must be an x-only vote key (32 bytes in hex)", f)?);
        }
        Ok(Charter {
            network: parse_network(&self.network)?,
            name: self.name,
            hub_node_key: parse(
                "hub_node_key",
                "must be a compressed public key (33 bytes in hex)",
                &self.hub_node_key,
            )?,
            hub_log_key: parse("hub_log_key", "must be an x-only public key (32 bytes in hex)", &self.hub_log_key)?,
            anchor_key: parse("anchor_key", "must be an x-only public key (32 bytes in hex)", &self.anchor_key)?,
            treasury_descriptor: self.treasury_descriptor,
            treasurers,
            founders,
            admission: self.admission,
            epoch_blocks: self.epoch_blocks,
            stake_confirmations: self.stake_confirmations,
            final_depth: self.final_depth,
            hub_funding_sat: self.hub_funding_sat,
            weight_rule: self.weight_rule,
            per_member_cap: self.per_member_cap,
            gates: self.gates,
            gate_sat: self.gate_sat,
            seal_sat: self.seal_sat,
            spare_seal_sat: self.spare_seal_sat,
            max_link_fee_rate_sat_vb: self.max_link_fee_rate_sat_vb,
            gossip_peers: self.gossip_peers,
            classes: self.classes,
            guards: self.guards,
            guardians: self.guardians,
            rewards: self.rewards,
            delegation: self.delegation,
            discussion: self.discussion,
            hub_bond_sat: self.hub_bond_sat,
            dormant_after_epochs: self.dormant_after_epochs,
            equivocation_suspension_epochs: self.equivocation_suspension_epochs,
            forced_entry_delay_blocks: self.forced_entry_delay_blocks,
            anchored_links: self.anchored_links,
            succession_window_blocks: self.succession_window_blocks,
            staging: self.staging,
        })
    }
}

fn parse_network(name: &str) -> Result<NetworkId, CharterError> {
    let found = NETWORKS.iter().find(|(known, _)| *known == name);
    found.map(|(_, network)| NetworkId::of(*network)).ok_or_else(|| CharterError::Field {
        field: "network".into(),
        rule: "must be regtest, signet, testnet4 or bitcoin".into(),
        value: name.into(),
    })
}

fn network_name(id: NetworkId) -> Result<&'static str, CharterError> {
    let found = NETWORKS.iter().find(|(_, network)| NetworkId::of(*network) == id);
    found.map(|(name, _)| *name).ok_or_else(|| CharterError::Document(format!("network {id} has no name")))
}

fn parse<T: FromStr>(field: &str, rule: &str, value: &str) -> Result<T, CharterError> {
    value.parse().map_err(|_| CharterError::Field { field: field.into(), rule: rule.into(), value: value.into() })
}
