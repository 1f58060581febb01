//! Who and where the DAO is: names, keys, network, and the outputs of its genesis.

use std::collections::BTreeSet;

use super::Problems;
use crate::charter::template::is_example;
use crate::charter::{Charter, MAX_DESCRIPTOR, MAX_GATES, MAX_LIST, MAX_NAME, MAX_PEER};
use crate::id::MemberId;

/// Value below which an output is dust for every script type used here.
const MIN_OUTPUT_SAT: u64 = 546;

pub(super) fn check(charter: &Charter, p: &mut Problems) {
    p.text("name", &charter.name, MAX_NAME);
    //
    if charter.bitcoin_network().is_none() {
        p.add(
            "R-51",
            "network",
            format!("is {}; must be the genesis block of regtest, signet, testnet4 or bitcoin", charter.network),
        );
    }
    p.text("treasury_descriptor", &charter.treasury_descriptor, MAX_DESCRIPTOR);
    p.length("treasurers", charter.treasurers.len(), 1, MAX_LIST);
    let (mut seen, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (i, treasurer) in charter.treasurers.iter().enumerate() {
        p.text(&format!("treasurers[{i}].name"), &treasurer.name, MAX_NAME);
        if !names.insert(treasurer.name.to_lowercase()) {
            p.add(
                "R-52",
                &format!("treasurers[{i}].name"),
                format!("{:?} is another treasurer's name; must differ from it in small letters", treasurer.name),
            );
        }
        if !seen.insert(treasurer.key.serialize()) {
            p.add("R-52", &format!("treasurers[{i}].key"), format!("{} appears twice; must stand once", treasurer.key));
        }
    }
    p.length("founders", charter.founders.len(), 1, MAX_LIST);
    vote_keys("founders", &charter.founders, p);
    p.length("guardians.members", charter.guardians.members.len(), 0, MAX_LIST);
    vote_keys("guardians.members", &charter.guardians.members, p);
    p.length("guards.excluded_members", charter.guards.excluded_members.len(), 0, MAX_LIST);
    vote_keys("guards.excluded_members", &charter.guards.excluded_members, p);
    p.length("gossip_peers", charter.gossip_peers.len(), 0, MAX_LIST);
    for (i, peer) in charter.gossip_peers.iter().enumerate() {
        p.text(&format!("gossip_peers[{i}]"), peer, MAX_PEER);
    }
    examples(charter, p);
    clock(charter, p);
    genesis(charter, p);
}

/// what a template shows is for nobody's use, but where nothing is at stake.
fn examples(charter: &Charter, p: &mut Problems) {
    if charter.is_regtest() {
        return;
    }
    let hub = [
        ("hub_node_key".to_owned(), charter.hub_node_key.to_string()),
        ("hub_log_key".to_owned(), charter.hub_log_key.to_string()),
        ("anchor_key".to_owned(), charter.anchor_key.to_string()),
        ("treasury_descriptor".to_owned(), charter.treasury_descriptor.clone()),
    ];
    let numbered = |i: usize, list: &str, key: String| (format!("{list}[{i}]"), key);
    let treasurers = charter.treasurers.iter().enumerate().map(|(i, t)| numbered(i, "treasurers", t.key.to_string()));
    let founders = charter.founders.iter().enumerate().map(|(i, key)| numbered(i, "founders", key.to_string()));
    let guardians = charter.guardians.members.iter().enumerate();
    let guardians = guardians.map(|(i, key)| numbered(i, "guardians.members", key.to_string()));
    let staging = charter.staging.iter().flat_map(|staging| &staging.keys).enumerate();
    let staging = staging.map(|(i, key)| numbered(i, "staging.keys", key.to_string()));
    for (field, text) in hub.into_iter().chain(treasurers).chain(founders).chain(guardians).chain(staging) {
        if is_example(&text) {
            p.add(
                "R-78",
                &field,
                "has a template's example key, of which nobody has the secret; must be your own".into(),
            );
        }
    }
}

fn clock(charter: &Charter, p: &mut Problems) {
    p.within("R-53", "epoch_blocks", charter.epoch_blocks, 1, u64::from(super::MAX_PERIOD_BLOCKS));
    // six confirmations everywhere but on regtest, where mining is free.
    for (field, value) in [("stake_confirmations", charter.stake_confirmations), ("final_depth", charter.final_depth)] {
        if charter.is_regtest() {
            p.within("R-54", field, value, 1, u64::from(super::MAX_PERIOD_BLOCKS));
        } else if value != 6 {
            p.add("R-54", field, format!("is {value}; must be 6 outside regtest"));
        }
    }
}

fn genesis(charter: &Charter, p: &mut Problems) {
    //
    if charter.hub_funding_sat != 0 {
        p.add("R-55", "hub_funding_sat", format!("is {}; must be 0", charter.hub_funding_sat));
    }
    p.within("R-56", "gates", charter.gates, 1, u64::from(MAX_GATES));
    for (field, sat) in
        [("gate_sat", charter.gate_sat), ("seal_sat", charter.seal_sat), ("spare_seal_sat", charter.spare_seal_sat)]
    {
        if sat < MIN_OUTPUT_SAT {
            p.add("R-56", field, format!("is {sat}; must be at least {MIN_OUTPUT_SAT}"));
        }
        p.sat(field, sat);
    }
    if charter.max_link_fee_rate_sat_vb == 0 {
        p.add("R-56", "max_link_fee_rate_sat_vb", "is 0; must be at least 1".into());
    }
    p.sat("max_link_fee_rate_sat_vb", charter.max_link_fee_rate_sat_vb);
}

/// Every one a key, none twice.
fn vote_keys(field: &str, members: &[MemberId], p: &mut Problems) {
    let mut seen = BTreeSet::new();
    for (i, member) in members.iter().enumerate() {
        if member.key().is_none() {
            p.add(
                "R-52",
                &format!("{field}[{i}]"),
                format!("is {member}; must be an x-only public key, and no point has this x"),
            );
        }
        if !seen.insert(*member) {
            p.add("R-52", &format!("{field}[{i}]"), format!("{member} appears twice; must stand once"));
        }
    }
}
