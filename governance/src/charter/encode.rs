//! Canonical bytes of the charter (G-12).

use super::{Charter, ClassRule, MAX_DESCRIPTOR, MAX_LIST, MAX_NAME, MAX_PEER, Staging, Treasurer};
use crate::codec::{Canonical, DecodeError, Reader, Writer};

/// Version of a charter that asks authors for no weight.
const PLAIN: u8 = 1;
/// Version of one in which a rule does.
const WITH_PROPOSERS: u8 = 2;
/// Version of one that stages payments; it has the weights of R-23 too, whatever they are (G-121).
const WITH_STAGING: u8 = 3;

impl Canonical for Charter {
    fn encode(&self, w: &mut Writer) {
        let asks_weight = self.classes.iter().any(|rule| rule.min_proposer_weight > 0);
        w.u8(match (&self.staging, asks_weight) {
            (Some(_), _) => WITH_STAGING,
            (None, true) => WITH_PROPOSERS,
            (None, false) => PLAIN,
        });
        w.text(&self.name);
        self.network.encode(w);
        w.public_key(&self.hub_node_key);
        w.x_only_key(&self.hub_log_key);
        w.x_only_key(&self.anchor_key);
        w.text(&self.treasury_descriptor);
        w.list(&self.treasurers);
        w.list(&self.founders);
        self.admission.encode(w);
        w.u32(self.epoch_blocks);
        w.u32(self.stake_confirmations);
        w.u32(self.final_depth);
        w.u64(self.hub_funding_sat);
        self.weight_rule.encode(w);
        w.option(self.per_member_cap, Writer::u64);
        w.u8(self.gates);
        w.u64(self.gate_sat);
        w.u64(self.seal_sat);
        w.u64(self.spare_seal_sat);
        w.u64(self.max_link_fee_rate_sat_vb);
        w.count(self.gossip_peers.len());
        for peer in &self.gossip_peers {
            w.text(peer);
        }
        w.list(&self.classes);
        self.guards.encode(w);
        self.guardians.encode(w);
        self.rewards.encode(w);
        self.delegation.encode(w);
        self.discussion.encode(w);
        w.u64(self.hub_bond_sat);
        w.u32(self.dormant_after_epochs);
        w.u32(self.equivocation_suspension_epochs);
        w.u32(self.forced_entry_delay_blocks);
        w.bool(self.anchored_links);
        w.u32(self.succession_window_blocks);
        if asks_weight || self.staging.is_some() {
            w.count(self.classes.len());
            self.classes.iter().for_each(|rule| w.u64(rule.min_proposer_weight));
        }
        if let Some(staging) = &self.staging {
            staging.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = r.u8()?;
        if ![PLAIN, WITH_PROPOSERS, WITH_STAGING].contains(&version) {
            return Err(DecodeError::UnknownVariant { field: "charter version", found: version });
        }
        let mut charter = Self {
            name: r.text("charter name", MAX_NAME)?,
            network: Canonical::decode(r)?,
            hub_node_key: r.public_key("hub_node_key")?,
            hub_log_key: r.x_only_key("hub_log_key")?,
            anchor_key: r.x_only_key("anchor_key")?,
            treasury_descriptor: r.text("treasury_descriptor", MAX_DESCRIPTOR)?,
            treasurers: r.list("treasurers", MAX_LIST)?,
            founders: r.list("founders", MAX_LIST)?,
            admission: Canonical::decode(r)?,
            epoch_blocks: r.u32()?,
            stake_confirmations: r.u32()?,
            final_depth: r.u32()?,
            hub_funding_sat: r.u64()?,
            weight_rule: Canonical::decode(r)?,
            per_member_cap: r.option("per_member_cap", Reader::u64)?,
            gates: r.u8()?,
            gate_sat: r.u64()?,
            seal_sat: r.u64()?,
            spare_seal_sat: r.u64()?,
            max_link_fee_rate_sat_vb: r.u64()?,
            gossip_peers: {
                let n = r.count("gossip_peers", MAX_LIST)?;
                let mut peers = Vec::new();
                for _ in 0..n {
                    peers.push(r.text("gossip_peers", MAX_PEER)?);
                }
                peers
            },
            classes: r.list("classes", MAX_LIST)?,
            guards: Canonical::decode(r)?,
            guardians: Canonical::decode(r)?,
            rewards: Canonical::decode(r)?,
            delegation: Canonical::decode(r)?,
            discussion: Canonical::decode(r)?,
            hub_bond_sat: r.u64()?,
            dormant_after_epochs: r.u32()?,
            equivocation_suspension_epochs: r.u32()?,
            forced_entry_delay_blocks: r.u32()?,
            anchored_links: r.bool("anchored_links")?,
            succession_window_blocks: r.u32()?,
            staging: None,
        };
        if version != PLAIN {
            proposers(r, &mut charter.classes)?;
        }
        match version {
            WITH_STAGING => charter.staging = Some(Staging::decode(r)?),
            WITH_PROPOSERS => some_weight(&charter.classes)?,
            _ => {}
        }
        Ok(charter)
    }
}

/// one number for each rule.
fn proposers(r: &mut Reader<'_>, rules: &mut [ClassRule]) -> Result<(), DecodeError> {
    let field = "min_proposer_weights";
    let found = r.count(field, MAX_LIST)?;
    if found != rules.len() {
        let problem = format!("are {found} for {} rules", rules.len());
        return Err(DecodeError::Rule { rule: "R-23", field, problem });
    }
    for rule in rules.iter_mut() {
        rule.min_proposer_weight = r.u64()?;
    }
    Ok(())
}

/// not all of them 0, so that no charter has two encodings.
fn some_weight(rules: &[ClassRule]) -> Result<(), DecodeError> {
    if rules.iter().all(|rule| rule.min_proposer_weight == 0) {
        let (field, problem) = ("min_proposer_weights", "are all 0 in a charter of version 2".into());
        return Err(DecodeError::Rule { rule: "R-23", field, problem });
    }
    Ok(())
}

impl Canonical for Treasurer {
    fn encode(&self, w: &mut Writer) {
        w.text(&self.name);
        w.public_key(&self.key);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { name: r.text("treasurer name", MAX_NAME)?, key: r.public_key("treasurer key")? })
    }
}
