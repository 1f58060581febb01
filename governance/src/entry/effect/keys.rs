//! Effects that replace the charter or parts of it.

use std::collections::BTreeSet;

use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey};

use super::rule;
use crate::charter::{Charter, MAX_DESCRIPTOR, MAX_LIST, MAX_NAME, Treasurer};
use crate::codec::{Canonical, DecodeError, Reader, Writer, check_length};
use crate::entry::text::{check_line, check_name};
use crate::id::CharterHash;

/// Another charter, whole (G-85). What changes is computed from both, never described by the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleChange {
    /// The charter it was written against; it lapses if another is in force by then.
    pub replaces: CharterHash,
    /// The charter that comes into force.
    pub charter: Box<Charter>,
}

/// Another treasury and those who hold its keys (G-85).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectTreasurers {
    /// Output descriptor of the new treasury, to which the old one is swept; 1 to 2048 bytes.
    pub descriptor: String,
    /// 1 to 64 treasurers.
    pub treasurers: Vec<Treasurer>,
}

/// Other keys of the hub, at least one (G-85).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplaceKeys {
    /// The hub's new node key.
    pub hub_node_key: Option<PublicKey>,
    /// The hub's new log key.
    pub hub_log_key: Option<XOnlyPublicKey>,
    /// The new internal key of anchor links.
    pub anchor_key: Option<XOnlyPublicKey>,
}

impl ElectTreasurers {
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        check_line("treasury descriptor", &self.descriptor, 1, MAX_DESCRIPTOR)?;
        check_length("treasurers", self.treasurers.len(), 1, MAX_LIST)?;
        let (mut keys, mut names) = (BTreeSet::new(), BTreeSet::new());
        for treasurer in &self.treasurers {
            check_name("treasurer name", &treasurer.name, 1, MAX_NAME)?;
            if !names.insert(treasurer.name.to_lowercase()) {
                return Err(rule("R-52", "treasurer name", format!("{:?} is two treasurers'", treasurer.name)));
            }
            if !keys.insert(treasurer.key.serialize()) {
                return Err(rule("R-52", "treasurer key", format!("{} is two treasurers'", treasurer.key)));
            }
        }
        Ok(())
    }
}

impl ReplaceKeys {
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        if *self == (Self { hub_node_key: None, hub_log_key: None, anchor_key: None }) {
            return Err(rule("G-85", "replaced keys", "are none; name at least one".into()));
        }
        Ok(())
    }
}

impl Canonical for RuleChange {
    fn encode(&self, w: &mut Writer) {
        self.replaces.encode(w);
        self.charter.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { replaces: Canonical::decode(r)?, charter: Box::new(Canonical::decode(r)?) })
    }
}

impl Canonical for ElectTreasurers {
    fn encode(&self, w: &mut Writer) {
        w.text(&self.descriptor);
        w.list(&self.treasurers);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            descriptor: r.text("treasury descriptor", MAX_DESCRIPTOR)?,
            treasurers: r.list("treasurers", MAX_LIST)?,
        })
    }
}

impl Canonical for ReplaceKeys {
    fn encode(&self, w: &mut Writer) {
        w.option(self.hub_node_key.as_ref(), Writer::public_key);
        w.option(self.hub_log_key.as_ref(), Writer::x_only_key);
        w.option(self.anchor_key.as_ref(), Writer::x_only_key);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            hub_node_key: r.option("hub_node_key", |r| r.public_key("hub_node_key"))?,
            hub_log_key: r.option("hub_log_key", |r| r.x_only_key("hub_log_key"))?,
            anchor_key: r.option("anchor_key", |r| r.x_only_key("anchor_key"))?,
        })
    }
}
