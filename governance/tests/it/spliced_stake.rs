//! Hazard: a splice that counts a stake twice, makes new coins old, loses the weight of coins that never moved, or keeps that of
//! coins that left.

use althing_governance::entry::CheckpointFunding;
use althing_governance::roll::StakeClaim;
use althing_governance::{Charter, Entry, FundingFact, Roll};
use bitcoin::OutPoint;
use proptest::prelude::*;

use crate::world::{World, charter, keypair, member_id, txid};

/// The charter of the tests wants so many.
const CONFIRMATIONS: u32 = 3;

fn outpoint(number: u8) -> OutPoint {
    OutPoint { txid: txid(number), vout: 0 }
}

fn claim(member_sat: u64) -> StakeClaim {
    StakeClaim {
        member: member_id(1),
        channel: althing_governance::ChannelId([1; 32]),
        outpoint: outpoint(1),
        member_funding_key: keypair(1).public_key(),
        hub_funding_key: keypair(99).public_key(),
        member_sat,
    }
}

/// Facts of a channel that was spliced: values and heights, oldest first; the newest output is unspent.
fn facts(outputs: &[(u64, u32)]) -> Vec<FundingFact> {
    let facts = (1u8..).zip(outputs).enumerate().map(|(at, (number, (value_sat, height)))| {
        let next = outputs.get(at + 1);
        FundingFact {
            outpoint: outpoint(number),
            value_sat: *value_sat,
            height: *height,
            spent_height: next.map(|(_, height)| *height),
            successor: next.map(|_| outpoint(number + 1)),
            released_height: None,
        }
    });
    facts.collect()
}

fn aged_charter(cap_blocks: u32) -> Charter {
    Charter { weight_rule: althing_governance::charter::WeightRule::StakeAge { cap_blocks }, ..charter() }
}

/// What happened, the balance, the outputs, and the weight.
type Row = (&'static str, u64, &'static [(u64, u32)], u128);

#[test]
fn what_a_splice_counts_at_height_100() {
    let table: [Row; 9] = [
        ("a deposit that is not deep keeps the old weight", 5000, &[(5000, 50), (8000, 100)], 5000),
        ("also when both say that it is theirs", 8000, &[(5000, 50), (8000, 99)], 5000),
        ("deep enough, it counts", 8000, &[(5000, 50), (8000, 98)], 8000),
        ("and before the new balance is signed it does not", 5000, &[(5000, 50), (8000, 90)], 5000),
        ("a payment out counts at once", 5000, &[(5000, 50), (2000, 100)], 2000),
        ("out and in again: what came back is not deep", 5000, &[(5000, 50), (2000, 60), (5000, 99)], 2000),
        ("a splice in a later block changes nothing yet", 5000, &[(5000, 50), (2000, 101)], 5000),
        ("a first output that is not deep", 5000, &[(5000, 99), (8000, 100)], 0),
        ("two splices in one block", 9000, &[(5000, 50), (7000, 90), (9000, 90)], 9000),
    ];
    for (name, member_sat, outputs, weight) in table {
        let roll = Roll::compute(&charter(), &[claim(member_sat)], &facts(outputs), 100);
        assert_eq!(roll.weight(&member_id(1)), weight, "{name}");
    }
}

#[test]
fn a_spliced_output_claimed_as_a_stake_of_its_own_counts_once() {
    let own = StakeClaim { outpoint: outpoint(2), member: member_id(2), ..claim(8000) };
    for claims in [[claim(8000), own.clone()], [own.clone(), claim(8000)]] {
        let roll = Roll::compute(&charter(), &claims, &facts(&[(5000, 50), (8000, 90)]), 100);
        assert_eq!((roll.len(), roll.total()), (1, 8000));
    }
}

#[test]
fn facts_that_lead_in_a_circle_end() {
    let mut circle = facts(&[(5000, 50), (8000, 90)]);
    circle[1].successor = Some(outpoint(1));
    let roll = Roll::compute(&charter(), &[claim(8000)], &circle, 100);
    assert!(roll.total() <= 8000);
}

#[test]
fn who_takes_coins_out_after_the_snapshot_keeps_the_weight_of_the_rest() {
    let before = Roll::compute(&charter(), &[claim(5000)], &facts(&[(5000, 50)]), 100);
    let later = |outputs: &[(u64, u32)]| Roll::compute(&charter(), &[claim(5000)], &facts(outputs), 120);
    let weight = |later: &Roll| before.still_locked(&charter(), later).weight(&member_id(1));
    assert_eq!(weight(&later(&[(5000, 50)])), 5000);
    assert_eq!(weight(&later(&[(5000, 50), (2000, 110)])), 2000, "weight follows what stays");
    assert_eq!(weight(&later(&[(5000, 50), (9000, 110)])), 5000, "a deposit does not vote on what was snapped before");
    assert_eq!(weight(&later(&[(5000, 50), (2000, 110), (9000, 115)])), 2000, "out and in again is out");
    let grown = Roll::compute(&charter(), &[claim(8000)], &facts(&[(5000, 50), (8000, 90)]), 100);
    let later = |outputs: &[(u64, u32)]| Roll::compute(&charter(), &[claim(8000)], &facts(outputs), 120);
    let weight = |later: &Roll| grown.still_locked(&charter(), later).weight(&member_id(1));
    assert_eq!(weight(&later(&[(5000, 50), (8000, 90)])), 8000, "a deposit before the snapshot stays");
    assert_eq!(weight(&later(&[(5000, 50), (8000, 90), (6000, 110)])), 6000, "less what leaves behind it");
    let mut closed = facts(&[(5000, 50), (4000, 110)]);
    (closed[1].spent_height, closed[1].released_height) = (Some(115), Some(118));
    let is_released = |height| Roll::compute(&charter(), &[claim(5000)], &closed, height).is_released(&outpoint(1));
    assert!(!is_released(117) && is_released(118));
    assert_eq!(weight(&Roll::compute(&charter(), &[claim(5000)], &closed, 116)), 4000, "its own output of the close");
    assert_eq!(weight(&Roll::compute(&charter(), &[claim(5000)], &closed, 118)), 0, "spent elsewhere");
}

#[test]
fn the_log_takes_a_checkpoint_over_what_the_one_before_named_beside_the_first() {
    let mut world = World::empty();
    world.join(1, 5000);
    let bound = world.bind(1, 5000).funding;
    let over = |world: &mut World, outpoints: &[OutPoint], member_sat| {
        let Entry::Checkpoint(signed) = world.checkpoint(1, bound, member_sat) else { panic!("a checkpoint") };
        let mut checkpoint = signed.checkpoint;
        let first = checkpoint.fundings[0];
        let named = |outpoint: &OutPoint| CheckpointFunding { outpoint: *outpoint, ..first };
        checkpoint.fundings = outpoints.iter().map(named).collect();
        world.sign_checkpoint(1, checkpoint)
    };
    let refused = |world: &mut World, entry: Entry| world.append(entry).unwrap_err().to_string();
    let (next, stranger) = (outpoint(201), outpoint(202));
    let early = over(&mut world, &[next], 8000);
    assert!(refused(&mut world, early).contains("G-23: the first funding"));
    let pending = over(&mut world, &[bound, next], 5000);
    world.append(pending).unwrap();
    let too_much = over(&mut world, &[bound, next], 8000);
    assert!(refused(&mut world, too_much).contains("more than the 5000 sat funded"));
    let other = over(&mut world, &[stranger], 8000);
    assert!(refused(&mut world, other).contains("G-23: the first funding"));
    let locked = over(&mut world, &[next], 8000);
    world.append(locked).unwrap();
    let back = over(&mut world, &[bound], 5000);
    assert!(refused(&mut world, back).contains("G-23: the first funding"), "the bound output is spent for good");
    assert_eq!(world.state.stake_claims(world.state.size())[0].outpoint, bound, "the claim stays that of the channel");
}

/// Oracle: every satoshi by itself, in a pile; who comes last goes first.
fn pile(outputs: &[(u64, u32)], balance: u64, height: u32) -> Vec<u32> {
    let mined: Vec<&(u64, u32)> = outputs.iter().filter(|(_, mined)| *mined <= height).collect();
    let mut pile: Vec<(u32, bool)> = Vec::new();
    for (value, mined) in mined {
        pile.truncate(*value as usize);
        let deep = mined + CONFIRMATIONS <= height + 1;
        pile.resize(*value as usize, (*mined, deep));
    }
    pile.truncate(balance as usize);
    pile.into_iter().filter(|(_, deep)| *deep).map(|(mined, _)| mined).collect()
}

proptest! {
    #[test]
    fn satoshis_by_the_pile(
        steps in proptest::collection::vec((0u64..4000, 0u32..12), 1..8),
        balance in 0u64..5000,
        height in 45u32..120,
        later in 0u32..40,
        cap in 0u32..60,
    ) {
        let mut outputs = Vec::new();
        let mut mined = 50;
        for (value, after) in steps {
            mined += after;
            outputs.push((value, mined));
        }
        let facts = facts(&outputs);
        let compute = |charter: &Charter, height| Roll::compute(charter, &[claim(balance)], &facts, height);
        let min = charter().admission.min_stake_sat();
        let counted = pile(&outputs, balance, height);
        let weight = |satoshis: &[u32]| if (satoshis.len() as u64) < min { 0 } else { satoshis.len() as u128 };
        prop_assert_eq!(compute(&charter(), height).weight(&member_id(1)), weight(&counted));

        let aged = aged_charter(cap);
        let age = |satoshis: &[u32]| -> u128 {
            if (satoshis.len() as u64) < min { return 0 }
            satoshis.iter().map(|mined| u128::from((height - mined).min(cap))).sum()
        };
        prop_assert_eq!(compute(&aged, height).weight(&member_id(1)), age(&counted));

        // G-37: of the snapshot's satoshis those that no later output left out.
        let mut locked = counted;
        for (value, _) in outputs.iter().filter(|(_, mined)| (height + 1..=height + later).contains(mined)) {
            locked.truncate(*value as usize);
        }
        let still = |charter: &Charter| {
            compute(charter, height).still_locked(charter, &compute(charter, height + later)).weight(&member_id(1))
        };
        prop_assert_eq!(still(&charter()), weight(&locked));
        prop_assert_eq!(still(&aged), age(&locked));
    }
}
