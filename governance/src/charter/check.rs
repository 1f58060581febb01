//! Rules a charter must obey beyond being well formed.

use std::collections::BTreeSet;
use std::fmt;

use bitcoin::Network;

use super::{
    ALL_BP, Charter, Class, MAX_DESCRIPTOR, MAX_GATES, MAX_LIST, MAX_NAME, MAX_PEER, Quorum, Threshold, WeightRule,
};

/// Value below which an output is dust for every script type used here.
const MIN_OUTPUT_SAT: u64 = 546;
/// Lower bound of voting periods outside regtest, in blocks (G-11.7).
const MIN_VOTING_BLOCKS: u32 = 6;

/// One rule that a charter breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Clause of the specification.
    pub rule: &'static str,
    /// Which field.
    pub field: String,
    /// What is wrong, with the value.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.field, self.rule, self.what)
    }
}

impl Charter {
    /// Every rule this charter breaks; empty when it is usable (G-11).
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems(Vec::new());
        self.check_identity(&mut problems);
        self.check_numbers(&mut problems);
        self.check_weight(&mut problems);
        self.check_classes(&mut problems);
        problems.0
    }

    fn is_regtest(&self) -> bool {
        self.bitcoin_network() == Some(Network::Regtest)
    }

    fn check_identity(&self, p: &mut Problems) {
        // G-11.1
        p.length("name", self.name.len(), 1, MAX_NAME);
        p.no_control("name", &self.name);
        if self.bitcoin_network().is_none() {
            p.add("G-11.1", "network", format!("{} is not the genesis block of a known network", self.network));
        }
        p.length("treasury_descriptor", self.treasury_descriptor.len(), 1, MAX_DESCRIPTOR);
        p.no_control("treasury_descriptor", &self.treasury_descriptor);
        p.length("treasurers", self.treasurers.len(), 1, MAX_LIST);
        let mut seen = BTreeSet::new();
        for (i, t) in self.treasurers.iter().enumerate() {
            p.length(&format!("treasurers[{i}].name"), t.name.len(), 1, MAX_NAME);
            p.no_control(&format!("treasurers[{i}].name"), &t.name);
            if !seen.insert(t.key.serialize()) {
                p.add("G-11.2", &format!("treasurers[{i}].key"), format!("{} appears twice", t.key));
            }
        }
        p.length("founders", self.founders.len(), 1, MAX_LIST);
        let mut seen = BTreeSet::new();
        for (i, f) in self.founders.iter().enumerate() {
            if f.key().is_none() {
                p.add("G-11.2", &format!("founders[{i}]"), format!("{f} is not an x-only public key"));
            }
            if !seen.insert(*f) {
                p.add("G-11.2", &format!("founders[{i}]"), format!("{f} appears twice"));
            }
        }
        p.length("gossip_peers", self.gossip_peers.len(), 0, MAX_LIST);
        for (i, peer) in self.gossip_peers.iter().enumerate() {
            p.length(&format!("gossip_peers[{i}]"), peer.len(), 1, MAX_PEER);
            p.no_control(&format!("gossip_peers[{i}]"), peer);
        }
    }

    fn check_numbers(&self, p: &mut Problems) {
        p.at_least("G-11.3", "epoch_blocks", u64::from(self.epoch_blocks), 1);
        // G-11.4: six confirmations everywhere but on regtest, where mining is free.
        for (field, value) in [("stake_confirmations", self.stake_confirmations), ("final_depth", self.final_depth)] {
            if self.is_regtest() {
                p.at_least("G-11.4", field, u64::from(value), 1);
            } else if value != 6 {
                p.add("G-11.4", field, format!("is {value}; must be 6 outside regtest"));
            }
        }
        if self.hub_funding_sat != 0 {
            p.add("G-11.5", "hub_funding_sat", format!("is {}; only 0 is supported for now", self.hub_funding_sat));
        }
        if self.gates == 0 || self.gates > MAX_GATES {
            p.add("G-11.6", "gates", format!("is {}; must be 1 to {MAX_GATES}", self.gates));
        }
        for (field, value) in
            [("gate_sat", self.gate_sat), ("seal_sat", self.seal_sat), ("spare_seal_sat", self.spare_seal_sat)]
        {
            p.at_least("G-11.6", field, value, MIN_OUTPUT_SAT);
        }
        p.at_least("G-11.6", "max_link_fee_rate_sat_vb", self.max_link_fee_rate_sat_vb, 1);
    }

    fn check_weight(&self, p: &mut Problems) {
        p.at_least("G-11.8", "admission.min_stake_sat", self.admission.min_stake_sat(), 1);
        // G-11.8: with open admission anybody can be several members, so every rule under which two small stakes weigh
        // more than one large stake is beaten by splitting.
        match self.weight_rule {
            _ if !self.admission.is_open() => {}
            WeightRule::Stake | WeightRule::StakeAge { .. } => {}
            WeightRule::OneMemberOneVote | WeightRule::SqrtStake => p.add(
                "G-11.8",
                "weight_rule",
                "open admission allows only weight_rule = \"stake\"; anybody could split their stake over several keys"
                    .into(),
            ),
        }
        if let Some(cap) = self.per_member_cap
            && self.admission.is_open()
        {
            p.add("G-11.8", "per_member_cap", format!("is {cap}; open admission allows no cap per member"));
        }
    }

    fn check_classes(&self, p: &mut Problems) {
        p.length("classes", self.classes.len(), 1, MAX_LIST);
        for class in [Class::Text, Class::Spend] {
            let mut last: Option<Option<u64>> = None;
            for (i, rule) in self.classes.iter().enumerate().filter(|(_, rule)| rule.class == class) {
                let field = format!("classes[{i}].max_amount_sat");
                if class == Class::Text && rule.max_amount_sat.is_some() {
                    p.add("G-11.9", &field, "class text moves no amount".into());
                }
                // G-11.9: ascending bands, so that exactly one is the tightest.
                match (last, rule.max_amount_sat) {
                    (None, _) => {}
                    (Some(None), _) => p.add("G-11.9", &field, "a band follows one without limit".into()),
                    (Some(Some(before)), Some(now)) if now <= before => {
                        p.add("G-11.9", &field, format!("is {now}; bands must ascend and the one before has {before}"));
                    }
                    (Some(Some(_)), _) => {}
                }
                last = Some(rule.max_amount_sat);
            }
        }
        for (i, rule) in self.classes.iter().enumerate() {
            let field = |name: &str| format!("classes[{i}].{name}");
            let least = if self.is_regtest() { 1 } else { MIN_VOTING_BLOCKS };
            p.at_least("G-11.7", &field("voting_blocks"), u64::from(rule.voting_blocks), u64::from(least));
            p.at_least("G-11.7", &field("expiry_blocks"), u64::from(rule.expiry_blocks), 1);
            if let Threshold::PercentBp(bp) = rule.threshold
                && !(5001..=ALL_BP).contains(&bp)
            {
                p.add("G-11.10", &field("threshold.percent_bp"), format!("is {bp}; must be 5001 to {ALL_BP}"));
            }
            let (Quorum::ParticipationBp(bp) | Quorum::YesOfTotalBp(bp)) = rule.quorum;
            if !(1..=ALL_BP).contains(&bp) {
                p.add("G-11.10", &field("quorum"), format!("is {bp} basis points; must be 1 to {ALL_BP}"));
            }
        }
    }
}

struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, rule: &'static str, field: &str, what: String) {
        self.0.push(Problem { rule, field: field.into(), what });
    }

    fn at_least(&mut self, rule: &'static str, field: &str, value: u64, least: u64) {
        if value < least {
            self.add(rule, field, format!("is {value}; must be at least {least}"));
        }
    }

    fn length(&mut self, field: &str, found: usize, least: usize, most: usize) {
        if found < least || found > most {
            self.add("G-11.1", field, format!("has length {found}; must be {least} to {most}"));
        }
    }

    fn no_control(&mut self, field: &str, text: &str) {
        if let Some(c) = text.chars().find(|c| c.is_control()) {
            self.add("G-11.1", field, format!("contains the control character U+{:04X}", u32::from(c)));
        }
    }
}
