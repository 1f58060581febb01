//! Hazard: a stake that moves to another hub counts twice, falls off the roll on its way, becomes young, or keeps the balance of the
//! channel that it left (G-33).

use althing_governance::charter::WeightRule;
use althing_governance::roll::StakeClaim;
use althing_governance::{ChannelId, Charter, FundingFact, Roll};
use bitcoin::OutPoint;
use proptest::prelude::*;

use crate::world::{charter, keypair, member_id, txid};

fn outpoint(number: u8) -> OutPoint {
    OutPoint { txid: txid(number), vout: 0 }
}

/// Channel `number` of a member, with the hub whose key is `hub`.
fn claim(number: u8, hub: u8, member: u8, member_sat: u64) -> StakeClaim {
    StakeClaim {
        member: member_id(member),
        channel: ChannelId([number; 32]),
        outpoint: outpoint(number),
        member_funding_key: keypair(1).public_key(),
        hub_funding_key: keypair(hub).public_key(),
        member_sat,
    }
}

fn fact(number: u8, value_sat: u64, height: u32, spent: Option<(u32, u8)>) -> FundingFact {
    FundingFact {
        outpoint: outpoint(number),
        value_sat,
        height,
        spent_height: spent.map(|(height, _)| height),
        successor: spent.map(|(_, to)| outpoint(to)),
        released_height: None,
    }
}

fn weight(charter: &Charter, claims: &[StakeClaim], facts: &[FundingFact], height: u32) -> u128 {
    Roll::compute(charter, claims, facts, height).weight(&member_id(1))
}

#[test]
fn it_counts_once_at_every_height_of_its_way() {
    let claims = [claim(1, 98, 1, 5000), claim(2, 99, 1, 4800)];
    let unmoved = [fact(1, 5000, 50, None)];
    assert_eq!(weight(&charter(), &claims, &unmoved, 99), 5000, "bound with the other hub, and not mined");
    let moved = [fact(1, 5000, 50, Some((100, 2))), fact(2, 4800, 100, None)];
    for height in 100..110 {
        assert_eq!(
            weight(&charter(), &claims, &moved, height),
            4800,
            "at {height}, however few confirmations the move has"
        );
    }
    // The order of the claims is no matter, and neither is the order of the facts.
    let (turned, reversed) = ([claims[1].clone(), claims[0].clone()], [moved[1], moved[0]]);
    assert_eq!(weight(&charter(), &turned, &reversed, 105), 4800);
    // Not bound with the other hub: the coins left.
    assert_eq!(weight(&charter(), &claims[..1], &[fact(1, 5000, 50, None)], 105), 5000);
}

#[test]
fn the_balance_is_that_of_the_channel_it_is_in() {
    let facts = [fact(1, 5000, 50, Some((100, 2))), fact(2, 4800, 100, None)];
    // Dues were paid in the new channel; the old one's last checkpoint stays what it was.
    assert_eq!(weight(&charter(), &[claim(1, 98, 1, 5000), claim(2, 99, 1, 3000)], &facts, 120), 3000);
    // A balance above what moved counts only as deep as what came later.
    let spliced = [fact(1, 5000, 50, Some((100, 2))), fact(2, 4800, 100, Some((118, 3))), fact(3, 9000, 118, None)];
    let claims = [claim(1, 98, 1, 5000), claim(2, 99, 1, 9000)];
    assert_eq!(weight(&charter(), &claims, &spliced, 118), 4800);
    assert_eq!(weight(&charter(), &claims, &spliced, 120), 9000);
}

#[test]
fn it_stays_as_old_as_it_was() {
    let aged = Charter { weight_rule: WeightRule::StakeAge { cap_blocks: 1000 }, ..charter() };
    let facts = [fact(1, 5000, 50, Some((100, 2))), fact(2, 4800, 100, None)];
    let claims = [claim(1, 98, 1, 5000), claim(2, 99, 1, 4800)];
    assert_eq!(weight(&aged, &claims, &facts, 150), 4800 * 100);
}

#[test]
fn votes_cast_before_go_on_with_what_moved() {
    let before = Roll::compute(&charter(), &[claim(1, 98, 1, 5000)], &[fact(1, 5000, 50, None)], 99);
    let claims = [claim(1, 98, 1, 5000), claim(2, 99, 1, 4800)];
    let later =
        |second: FundingFact| Roll::compute(&charter(), &claims, &[fact(1, 5000, 50, Some((100, 2))), second], 120);
    let locked = |later: &Roll| before.still_locked(&charter(), later).weight(&member_id(1));
    assert_eq!(locked(&later(fact(2, 4800, 100, None))), 4800);
    let gone = FundingFact { spent_height: Some(110), released_height: Some(110), ..fact(2, 4800, 100, None) };
    assert_eq!(locked(&later(gone)), 0, "it left the new channel before the enactment");
}

#[test]
fn somebody_elses_channel_is_no_move() {
    let facts = [fact(1, 5000, 50, Some((100, 2))), fact(2, 4800, 100, None)];
    let claims = [claim(1, 98, 1, 5000), claim(2, 99, 2, 4800)];
    let roll = Roll::compute(&charter(), &claims, &facts, 120);
    assert!(roll.total() <= 5000, "the coins of one output count for one claim");
}

#[test]
fn two_moves_in_a_row() {
    let facts = [fact(1, 5000, 50, Some((100, 2))), fact(2, 4800, 100, Some((110, 3))), fact(3, 4600, 110, None)];
    let claims = [claim(1, 97, 1, 5000), claim(2, 98, 1, 4800), claim(3, 99, 1, 4600)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let claims: Vec<StakeClaim> = order.iter().map(|index: &usize| claims[*index].clone()).collect();
        assert_eq!(weight(&charter(), &claims, &facts, 110), 4600);
    }
}

proptest! {
    /// However channels were spent into one another, nobody weighs more than the coins that are unspent, and the order is no matter.
    #[test]
    fn never_more_than_what_is_there(
        values in prop::collection::vec(100u64..10_000, 1..6),
        next in prop::collection::vec(prop::option::of(0usize..6), 6),
        balances in prop::collection::vec(100u64..10_000, 6),
    ) {
        let count = values.len();
        let facts: Vec<FundingFact> = values.iter().enumerate().map(|(at, value)| {
            // Only forward, as transactions are.
            let to = next[at].map(|to| at + 1 + to).filter(|to| *to < count);
            let height = |at: usize| 50 + at as u32;
            fact(at as u8 + 1, *value, height(at), to.map(|to| (height(to), to as u8 + 1)))
        }).collect();
        let claims: Vec<StakeClaim> =
            (0..count).map(|at| claim(at as u8 + 1, 99, 1, balances[at])).collect();
        let unspent: u64 = facts.iter().filter(|fact| fact.spent_height.is_none()).map(|fact| fact.value_sat).sum();
        let roll = Roll::compute(&charter(), &claims, &facts, 200);
        prop_assert!(roll.stake_sat(|_| true) <= unspent);
        let (mut turned, mut reversed) = (claims.clone(), facts.clone());
        turned.reverse();
        reversed.reverse();
        let again = Roll::compute(&charter(), &turned, &reversed, 200);
        prop_assert_eq!(again.total(), roll.total());
    }
}
