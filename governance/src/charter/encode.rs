//! Canonical bytes of the charter (G-12).

use super::{
    Admission, Charter, Class, ClassRule, MAX_DESCRIPTOR, MAX_LIST, MAX_NAME, MAX_PEER, Treasurer, WeightRule,
};
use crate::codec::{Canonical, DecodeError, Reader, Writer};

impl Canonical for Charter {
    fn encode(&self, w: &mut Writer) {
        w.u8(1);
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
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.version("charter version")?;
        Ok(Self {
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
        })
    }
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

impl Canonical for Admission {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Open { min_stake_sat } => {
                w.u8(0);
                w.u64(*min_stake_sat);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::Open { min_stake_sat: r.u64()? }),
            found => Err(DecodeError::UnknownVariant { field: "admission", found }),
        }
    }
}

impl Canonical for WeightRule {
    fn encode(&self, w: &mut Writer) {
        w.u8(match self {
            Self::Stake => 0,
            Self::OneMemberOneVote => 1,
            Self::SqrtStake => 2,
        });
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::Stake),
            1 => Ok(Self::OneMemberOneVote),
            2 => Ok(Self::SqrtStake),
            found => Err(DecodeError::UnknownVariant { field: "weight_rule", found }),
        }
    }
}

impl Canonical for Class {
    fn encode(&self, w: &mut Writer) {
        w.u8(match self {
            Self::Text => 0,
            Self::Spend => 1,
        });
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::Text),
            1 => Ok(Self::Spend),
            found => Err(DecodeError::UnknownVariant { field: "class", found }),
        }
    }
}

impl Canonical for ClassRule {
    fn encode(&self, w: &mut Writer) {
        self.class.encode(w);
        w.option(self.max_amount_sat, Writer::u64);
        w.u32(self.review_blocks);
        w.u32(self.voting_blocks);
        w.u32(self.veto_blocks);
        w.u32(self.expiry_blocks);
        self.threshold.encode(w);
        self.quorum.encode(w);
        w.u32(self.distinct_voters_min);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            class: Canonical::decode(r)?,
            max_amount_sat: r.option("max_amount_sat", Reader::u64)?,
            review_blocks: r.u32()?,
            voting_blocks: r.u32()?,
            veto_blocks: r.u32()?,
            expiry_blocks: r.u32()?,
            threshold: Canonical::decode(r)?,
            quorum: Canonical::decode(r)?,
            distinct_voters_min: r.u32()?,
        })
    }
}
