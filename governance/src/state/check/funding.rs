//! The funding outputs that a checkpoint stands on: the bound one, until a splice is confirmed in its place.

use super::super::record::ChannelRecord;
use super::super::refusal::{Refusal, invalid};
use crate::entry::Checkpoint;

/// G-23: the first funding is one that the newest checkpoint before names, before there is one the bound one. Over the bound
/// output the balances are not more than its value; what is more than a later output's value counts for nothing (G-33), and
/// whether that output exists is the roll's question: a reorganisation could not be answered here.
pub(super) fn check_funding(channel: &ChannelRecord, c: &Checkpoint) -> Result<(), Refusal> {
    let bound = channel.bind.funding;
    let Some(first) = c.fundings.first().map(|first| first.outpoint) else {
        return invalid("G-23", "the checkpoint names no funding".to_owned());
    };
    let is_known = match channel.checkpoints.last() {
        Some((_, newest)) => newest.fundings.iter().any(|known| known.outpoint == first),
        None => first == bound,
    };
    if !is_known {
        let words = "is neither the bound outpoint nor one that the checkpoint before it names";
        return invalid("G-23", format!("the first funding {first} {words}; bound is {bound}"));
    }
    match c.member_sat.checked_add(c.hub_sat) {
        None => invalid("G-23", format!("balances {} + {} sat are too much", c.member_sat, c.hub_sat)),
        Some(sum) if first == bound && sum > channel.bind.value_sat => {
            let (member, hub, value) = (c.member_sat, c.hub_sat, channel.bind.value_sat);
            invalid("G-23", format!("balances {member} + {hub} sat are more than the {value} sat funded"))
        }
        Some(_) => Ok(()),
    }
}
