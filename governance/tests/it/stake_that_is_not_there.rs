//! Hazard: weight without bitcoin behind it.

use althing_governance::roll::{RollEntry, StakeClaim};
use althing_governance::{FundingFact, Roll};
use bitcoin::OutPoint;
use proptest::prelude::*;

use crate::world::{World, charter, keypair, member_id, txid};

fn claim(member: u8, output: u8, member_sat: u64) -> StakeClaim {
    let outpoint = OutPoint { txid: txid(output), vout: 0 };
    StakeClaim {
        member: member_id(member),
        channel: althing_governance::ChannelId([output; 32]),
        outpoint,
        member_funding_key: keypair(member).public_key(),
        hub_funding_key: keypair(99).public_key(),
        member_sat,
    }
}

fn fact(output: u8, value_sat: u64, height: u32, spent_height: Option<u32>) -> FundingFact {
    FundingFact {
        outpoint: OutPoint { txid: txid(output), vout: 0 },
        value_sat,
        height,
        spent_height,
        successor: None,
        released_height: None,
    }
}

#[test]
fn what_counts_at_height_100() {
    // The charter wants 3 confirmations and at least 1000 sat.
    let table = [
        ("confirmed and unspent", 5000, Some(fact(1, 5000, 50, None)), 5000),
        ("no such output", 5000, None, 0),
        ("exactly 3 confirmations", 5000, Some(fact(1, 5000, 98, None)), 5000),
        ("2 confirmations", 5000, Some(fact(1, 5000, 99, None)), 0),
        ("mined after the close", 5000, Some(fact(1, 5000, 101, None)), 0),
        ("spent before", 5000, Some(fact(1, 5000, 50, Some(99))), 0),
        ("spent in the closing block", 5000, Some(fact(1, 5000, 50, Some(100))), 0),
        ("spent one block later", 5000, Some(fact(1, 5000, 50, Some(101))), 5000),
        ("claims more than the output holds", 9000, Some(fact(1, 5000, 50, None)), 5000),
        ("the hub holds a part", 3000, Some(fact(1, 5000, 50, None)), 3000),
        ("exactly the minimum", 1000, Some(fact(1, 5000, 50, None)), 1000),
        ("below the minimum", 999, Some(fact(1, 5000, 50, None)), 0),
        ("no checkpoint", 0, Some(fact(1, 5000, 50, None)), 0),
        ("a height at the end of the range", 5000, Some(fact(1, 5000, u32::MAX, None)), 0),
    ];
    for (name, member_sat, fact, weight) in table {
        let facts: Vec<FundingFact> = fact.into_iter().collect();
        let roll = Roll::compute(&charter(), &[claim(1, 1, member_sat)], &facts, 100);
        assert_eq!(roll.weight(&member_id(1)), weight, "{name}");
        assert_eq!(roll.total(), weight, "{name}");
    }
}

#[test]
fn an_outpoint_counts_once_whoever_claims_it() {
    let claims = [claim(1, 1, 5000), claim(2, 1, 5000), claim(1, 1, 5000)];
    let roll = Roll::compute(&charter(), &claims, &[fact(1, 5000, 50, None)], 100);
    assert_eq!((roll.len(), roll.total()), (1, 5000));
}

/// Who has no weight, as a stake without any age has none, is not counted among the members either.
#[test]
fn a_roll_is_of_those_who_have_weight() {
    let of = |stakes: &[(u8, u64, u128)]| Roll::from_stakes(stakes.iter().map(|(n, sat, w)| (member_id(*n), *sat, *w)));
    let roll = of(&[(1, 5000, 50), (2, 3000, 0), (3, 2000, 20)]);
    assert_eq!((roll.len(), roll.is_empty(), roll.total()), (2, false, 70));
    assert_eq!(roll.entry(&member_id(1)), Some(&RollEntry { stake_sat: 5000, weight: 50 }));
    assert_eq!(roll.entry(&member_id(2)), None);
    assert_eq!(roll.stake_sat(|_| true), 7000);
    assert_eq!(roll.stake_sat(|member| *member == member_id(3)), 2000);
    let nobody = of(&[(2, 3000, 0)]);
    assert_eq!((nobody.len(), nobody.is_empty()), (0, true));
}

#[test]
fn stake_bought_after_the_snapshot_does_not_vote() {
    // Beanstalk: the electorate must be older than the proposal.
    let mut world = World::with_stakes(&[5000, 3000]);
    let id = world.open_vote(1, crate::world::text("A new boat"));
    world.join(3, 1_000_000_000);
    world.vote(3, id, althing_governance::entry::Choice::Yes).unwrap();
    let proposal = &world.state.proposals()[&id];
    assert_eq!(proposal.snapshot_epoch, 1);
    let count = proposal.live.as_ref().unwrap().count();
    assert_eq!((count.parts()[0], count.weight()), (0, 8000));
}

#[test]
fn claims_are_those_of_the_prefix() {
    let mut world = World::empty();
    world.join(1, 5000);
    let size = world.state.size();
    let funding = world.bind(1, 5000).funding;
    let lower = world.checkpoint(1, funding, 100);
    world.append(lower).unwrap();
    let sat = |size| world.state.stake_claims(size).first().map(|claim| claim.member_sat);
    assert_eq!((sat(0), sat(1), sat(size), sat(size + 1)), (None, Some(0), Some(5000), Some(100)));
}

proptest! {
    #[test]
    fn weights_are_never_more_than_the_chain_holds(
        claims in proptest::collection::vec((1u8..5, 1u8..8, any::<u64>()), 0..20),
        facts in proptest::collection::btree_map(1u8..8, (0u64..1_000_000_000, any::<u32>(), any::<Option<u32>>()), 0..8),
        height in any::<u32>(),
    ) {
        let claims: Vec<StakeClaim> = claims.into_iter().map(|(m, o, sat)| claim(m, o, sat)).collect();
        let facts: Vec<FundingFact> = facts.into_iter().map(|(o, (v, h, s))| fact(o, v, h, s)).collect();
        let roll = Roll::compute(&charter(), &claims, &facts, height);
        prop_assert!(roll.total() <= facts.iter().map(|f| u128::from(f.value_sat)).sum::<u128>());
        prop_assert_eq!(roll.total(), roll.iter().map(|(_, e)| e.weight).sum::<u128>());
    }
}
