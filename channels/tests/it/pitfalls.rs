//! What has cost other channel systems money or channels (docs/channel-pitfalls.md), as far as no other file is about it; and that
//! every test which that page names exists.

use std::fs;
use std::path::Path;

use althing_channels::wire::MAX_CHANGES;
use althing_channels::{Change, Channel, HoldId, MAX_FUNDINGS_IN_FORCE, MAX_HOLDS, Msg, Phase, Side};
use bitcoin::{Amount, TxOut};

use crate::pair::{Pair, STAKE_SAT, keys};
use crate::testkit::money::lane_position;

#[test]
fn every_test_that_the_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/channel-pitfalls.md")).unwrap();
    let (pitfalls, durable) = page.split_once("## What is durable before what").unwrap();
    let rows = rows_of(pitfalls);
    let numbers: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let expected = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 18b 18c 18d 19";
    assert_eq!(numbers, expected.split(' ').collect::<Vec<_>>());
    let (durable, seen) = durable.split_once("## Seen to fail").unwrap();
    let (lines, seen) = (rows_of(durable), rows_of(seen));
    assert_eq!(lines.len(), 7, "C-61 line by line");
    for row in rows.iter().chain(&lines).chain(&seen) {
        let tests: Vec<&str> = row.last().unwrap().split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test for {}", row[0]);
        for test in tests {
            let parts: Vec<&str> = test.split("::").collect();
            let [suite, file, name] = parts[..] else { panic!("{test} is not suite::file::test") };
            let folder = match suite {
                "channels" => "channels/tests/it",
                "node" => "node/tests/it",
                "e2e" => "regtest/tests/e2e",
                "regtest" => "regtest/tests/it",
                other => panic!("no suite {other}"),
            };
            let path = root.join(folder).join(format!("{file}.rs"));
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(text.contains(&format!("fn {name}(")), "{test} is not in {}", path.display());
        }
    }
}

/// Rows of a table, without its heading.
fn rows_of(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .skip(1)
        .collect()
}

#[test]
fn what_is_sent_again_keeps_its_order() {
    // The hub has revoked and signed; both messages are lost, then both are wanted again.
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 40_000 }).unwrap();
    let proposal = pair.intercept(Side::Member).unwrap();
    pair.deliver(Side::Hub, &proposal);
    let order = |pair: &mut Pair| {
        let mut kinds = Vec::new();
        while let Some(msg) = pair.intercept(Side::Hub) {
            kinds.push(match msg {
                Msg::CheckpointRevoke(_) => "revoke",
                Msg::CheckpointSign(_) => "sign",
                _ => continue,
            });
        }
        kinds
    };
    assert_eq!(order(&mut pair), ["revoke", "sign"]);
    for _ in 0..2 {
        pair.crash(Side::Hub);
        pair.reconnect();
        loop {
            let msg = pair.intercept(Side::Member).unwrap();
            pair.deliver(Side::Hub, &msg);
            if matches!(msg, Msg::Reestablish(_)) {
                break;
            }
        }
        assert_eq!(order(&mut pair), ["revoke", "sign"]);
    }
    pair.reconnect();
    pair.settle();
    pair.check_against_model();
}

#[test]
fn equal_holds_are_told_apart() {
    let mut pair = Pair::in_use();
    let ids = [HoldId([1; 32]), HoldId([2; 32])];
    for (serial, id) in (1..).zip(ids) {
        pair.take_turn(Side::Member);
        let order = pair.channel(Side::Member).order_hold(serial, id, 50_000, [0; 32]).unwrap();
        pair.pay(Side::Member, Change::Hold(order)).unwrap();
        pair.settle();
    }
    pair.take_turn(Side::Hub);
    pair.pay(Side::Hub, Change::HoldForfeit { id: ids[1], amount_sat: 50_000 }).unwrap();
    pair.settle();
    let left: Vec<HoldId> = pair.channel(Side::Member).ledger().unwrap().holds().iter().map(|hold| hold.id).collect();
    assert_eq!(left, [ids[0]]);
    pair.take_turn(Side::Hub);
    let again = pair.pay(Side::Hub, Change::HoldForfeit { id: ids[1], amount_sat: 50_000 }).unwrap_err();
    assert_eq!(again.rule(), "C-103", "taken once: {again}");
    pair.check_against_model();
}

#[test]
fn a_payment_out_leaves_the_reserve_also_of_what_is_held() {
    let mut pair = Pair::in_use();
    let order = pair.channel(Side::Member).order_hold(1, HoldId([1; 32]), 300_000, [0; 32]).unwrap();
    pair.pay(Side::Member, Change::Hold(order)).unwrap();
    pair.settle();
    pair.take_turn(Side::Member);
    // 1,000,000 without 300,000 held and 10,000 kept.
    pair.announce(-690_001).unwrap();
    pair.settle();
    assert_eq!(pair.channel(Side::Member).fundings().len(), 1, "a payment out reached into the reserve");
    pair.announce(-690_000).unwrap();
    pair.settle();
    assert_eq!(pair.channel(Side::Member).fundings().len(), 2);
    pair.check_against_model();
}

#[test]
fn a_state_does_not_grow_with_its_checkpoints() {
    let mut pair = Pair::in_use();
    let pay = |pair: &mut Pair, rounds: u64| {
        for round in 0..rounds {
            let side = if round % 2 == 0 { Side::Member } else { Side::Hub };
            pair.observed.lane += 1_000;
            let change = match side {
                Side::Member => Change::Dues { amount_sat: 20_000 },
                Side::Hub => Change::Reward { amount_sat: 9_000 },
            };
            if !pair.channel(side).turn_is_own() {
                pair.take_turn(side);
            }
            pair.pay(side, change).unwrap();
            pair.settle();
        }
        [Side::Member, Side::Hub].map(|side| pair.channel(side).encode().len())
    };
    let few = pay(&mut pair, 4);
    let many = pay(&mut pair, 60);
    // A secret more for each doubling, in BOLT 3's compact form: 49 at the most.
    for (few, many) in few.into_iter().zip(many) {
        assert!(many <= few + 6 * 64 && many < 8_192, "{few} bytes became {many}");
    }
}

#[test]
fn what_a_state_can_hold_is_bounded_and_can_be_closed() {
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 100_000 }).unwrap();
    pair.settle();
    let held = |at: usize| HoldId([u8::try_from(at).unwrap(); 32]);
    for at in 1..=MAX_HOLDS + 1 {
        pair.take_turn(Side::Member);
        let order = pair.channel(Side::Member).order_hold(at as u64, held(at), 1_000, [0; 32]).unwrap();
        let held = pair.pay(Side::Member, Change::Hold(order)).map_err(|refusal| refusal.rule());
        assert_eq!(held, if at > MAX_HOLDS { Err("C-103") } else { Ok(()) }, "hold {at}");
        pair.settle();
    }
    for added in 1..=MAX_FUNDINGS_IN_FORCE {
        pair.take_turn(Side::Member);
        pair.announce(1_000 * i64::try_from(added).unwrap()).unwrap();
        pair.settle();
        let in_force = pair.channel(Side::Hub).fundings().len();
        assert_eq!(in_force, (added + 1).min(MAX_FUNDINGS_IN_FORCE), "after {added} splices");
    }
    pair.take_turn(Side::Hub);
    let many = vec![Change::Reward { amount_sat: 1 }; MAX_CHANGES + 1];
    let refusal = pair.propose(Side::Hub, many, lane_position(0)).unwrap_err();
    assert_eq!(refusal.rule(), "C-101");
    // As full as it can be, it is stored in a few pages and leaves by one small transaction.
    for side in [Side::Member, Side::Hub] {
        assert!(pair.channel(side).encode().len() < 32_768, "{}", pair.channel(side).encode().len());
        pair.force_close(side);
    }
    for (side, commitment) in &pair.commitments {
        assert_eq!((commitment.output.len(), commitment.vsize()), (3, 167), "{side:?}");
    }
}

#[test]
fn nothing_is_in_use_before_its_confirmation() {
    let mut pair = Pair::new(Vec::new());
    while pair.phase(Side::Member) != Some(Phase::AwaitConfirmation) || pair.in_flight() {
        assert!(pair.deliver_from(Side::Member) || pair.deliver_from(Side::Hub));
    }
    let output = pair.channel(Side::Hub).funding_output().unwrap();
    for side in [Side::Member, Side::Hub] {
        let refusal = pair.channel(side).funding_confirmed(&output, 0).unwrap_err();
        assert_eq!(refusal.rule(), "C-19");
        assert!(pair.channel(side).ledger().is_none(), "nothing can be paid yet");
    }
    let mut pair = Pair::in_use();
    pair.announce(250_000).unwrap();
    pair.settle();
    let new = pair.channel(Side::Member).fundings()[1];
    let output = TxOut {
        value: Amount::from_sat(STAKE_SAT + 250_000),
        script_pubkey: pair.channel(Side::Member).funding_output().unwrap().script_pubkey,
    };
    assert_eq!(pair.channel(Side::Member).splice_confirmed(new, &output, 0).unwrap_err().rule(), "C-19");
    // The old funding stays enforceable: a version 3 transaction is not relayed over an unconfirmed splice.
    pair.force_close(Side::Member);
    assert_ne!(pair.commitments[0].1.input[0].previous_output, new);
}

// What was signed for the other side cannot be taken back: not by another proposal, a restart, a reconnect or the other side's silence.
#[test]
fn after_proposing_there_is_no_way_back() {
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 40_000 }).unwrap();
    let disturbances: [fn(&mut Pair); 3] = [|_| {}, |pair| pair.crash(Side::Member), Pair::reconnect];
    for disturbance in disturbances {
        disturbance(&mut pair);
        for change in [Change::Dues { amount_sat: 40_000 }, Change::Dues { amount_sat: 1 }] {
            let refusal = pair.pay(Side::Member, change).unwrap_err();
            assert!(["C-110", "C-130"].contains(&refusal.rule()), "{refusal}");
        }
        let stored = pair.restored(Side::Member).unwrap();
        assert_eq!(stored.peer_numbers(), (0, 1), "it forgot what it signed");
    }
    pair.settle();
    pair.check_against_model();
    assert_eq!(pair.channel(Side::Hub).balances().hub_sat, 40_000);
}

#[test]
fn a_second_copy_of_a_store_cannot_be_made_to_sign_otherwise() {
    // The same stored bytes twice, as after a copy: both sign the same or nothing.
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 40_000 }).unwrap();
    pair.settle();
    let stored = pair.stored(Side::Member).clone().unwrap();
    let mut broadcast = Vec::new();
    for _ in 0..2 {
        let mut copy = Channel::decode(&stored, keys(Side::Member)).unwrap();
        broadcast.push(copy.force_close().unwrap());
    }
    assert_eq!(broadcast[0], broadcast[1]);
}
