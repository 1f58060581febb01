//! Checkpoints: three messages, in turns, over losses and crashes, never away from the reference model.

use althing_channels::{Change, HoldId, Side};
use proptest::prelude::*;

use crate::pair::{Fault, FaultKind, Pair};
use crate::testkit::driver::{Driver, Seeded, Seen};

#[test]
fn dues_and_rewards_in_turns() {
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 40_000 }).unwrap();
    pair.settle();
    pair.check_against_model();
    pair.pay(Side::Hub, Change::Reward { amount_sat: 5_000 }).unwrap();
    pair.settle();
    pair.check_against_model();
    let refusal = pair.pay(Side::Hub, Change::Reward { amount_sat: 1 }).unwrap_err();
    assert_eq!(refusal.rule(), "C-113");
    pair.take_turn(Side::Hub);
    pair.pay(Side::Hub, Change::Reward { amount_sat: 1_000 }).unwrap();
    pair.settle();
    pair.check_against_model();
    assert_eq!(pair.channel(Side::Member).balances().member_sat, 1_000_000 - 40_000 + 6_000);
    assert_eq!(pair.observed.signed.len(), 3);
    assert!(pair.refusals.is_empty(), "{:?}", pair.refusals);
}

#[test]
fn a_hold_is_kept_released_and_forfeited() {
    let mut pair = Pair::in_use();
    for (serial, id) in [(1, HoldId([1; 32])), (2, HoldId([2; 32]))] {
        let order = pair.channel(Side::Member).order_hold(serial, id, 300_000, [0; 32]).unwrap();
        pair.take_turn(Side::Member);
        pair.pay(Side::Member, Change::Hold(order)).unwrap();
        pair.settle();
    }
    let ledger = pair.channel(Side::Hub).ledger().unwrap().clone();
    assert_eq!((ledger.balances().member_sat, ledger.spendable_sat(Side::Member)), (1_000_000, 400_000));
    pair.take_turn(Side::Hub);
    pair.pay(Side::Hub, Change::HoldRelease { id: HoldId([1; 32]) }).unwrap();
    pair.settle();
    pair.take_turn(Side::Hub);
    let more = pair.pay(Side::Hub, Change::HoldForfeit { id: HoldId([2; 32]), amount_sat: 300_001 }).unwrap_err();
    assert_eq!(more.rule(), "C-101", "{more}");
    pair.pay(Side::Hub, Change::HoldForfeit { id: HoldId([2; 32]), amount_sat: 200_000 }).unwrap();
    pair.settle();
    pair.check_against_model();
    let ledger = pair.channel(Side::Member).ledger().unwrap().clone();
    assert_eq!((ledger.balances().hub_sat, ledger.forfeited_sat(), ledger.held_sat()), (200_000, 200_000, 0));
    assert!(pair.refusals.is_empty(), "{:?}", pair.refusals);
}

/// A round by each side; the steps it takes.
fn two_rounds(faults: &[Fault]) -> usize {
    let mut pair = Pair::in_use();
    let start = pair.step;
    pair.faults = faults.iter().map(|fault| Fault { at: fault.at + start, kind: fault.kind }).collect();
    for (side, change) in
        [(Side::Member, Change::Dues { amount_sat: 50_000 }), (Side::Hub, Change::Reward { amount_sat: 7_000 })]
    {
        let number = pair.channel(side).number();
        for _ in 0..20 {
            let proposed = pair.pay(side, change).is_ok();
            pair.settle();
            let done = |pair: &mut Pair, side| {
                pair.channel(side).number() > number && pair.channel(side).peer_numbers().0 > number
            };
            if done(&mut pair, side) && done(&mut pair, side.other()) {
                break;
            }
            if !proposed || !pair.in_flight() {
                pair.reconnect();
                pair.settle();
            }
        }
    }
    pair.check_against_model();
    assert!(pair.channel(Side::Member).number() >= 2, "{faults:?}");
    assert!(pair.failures.is_empty() && pair.commitments.is_empty(), "{faults:?}");
    pair.step - start
}

#[test]
fn every_step_with_every_fault() {
    let steps = two_rounds(&[]);
    assert!(steps > 15, "the grid needs steps to strike at: {steps}");
    for kind in FaultKind::ALL {
        for at in 0..steps {
            two_rounds(&[Fault { at, kind }]);
        }
    }
}

// A message is lost, comes twice or behind the next one, and a side is started anew at once or a little later: before it stored what came
// of that, or after it.
#[test]
fn every_step_with_every_fault_and_a_restart() {
    let steps = two_rounds(&[]);
    for (kind, restarted) in FaultKind::of_the_wire_and_a_restart() {
        for at in 0..steps {
            for later in 1..=2 {
                two_rounds(&[Fault { at, kind }, Fault { at: at + later, kind: FaultKind::Crash(restarted) }]);
            }
        }
    }
}

// The connection breaks, and something else goes wrong while both say where they stand.
#[test]
fn every_step_of_reestablishing_with_every_fault() {
    let steps = two_rounds(&[]);
    for kind in FaultKind::ALL {
        for (at, later) in (0..steps).flat_map(|at| (1..=8).map(move |later| (at, later))) {
            two_rounds(&[Fault { at, kind: FaultKind::Disconnect }, Fault { at: at + later, kind }]);
        }
    }
}

/// The number of a kind of change that there was, and that nobody may use again (C-105).
const WITHDRAWAL: u8 = 6;

#[test]
fn seeds_run_against_the_model() {
    let mut all = Seen::default();
    for seed in 0..80 {
        let mut driver = if seed % 2 == 0 { Driver::new() } else { Driver::unopened() };
        driver.run(&mut Seeded(seed), 1_000);
        driver.come_to_rest();
        all.add(driver.seen);
    }
    assert!(all.checkpoints > 300, "{all:?}");
    assert_eq!(
        all.kinds.iter().copied().collect::<Vec<_>>(),
        (0..=9).filter(|kind| *kind != WITHDRAWAL).collect::<Vec<_>>(),
        "every kind of change is folded"
    );
    assert!(all.opened > 5 && all.closed_together > 5 && all.raised > 5 && all.left_alone > 5, "{all:?}");
    assert!(all.restores > 50 && all.lies > 3, "{all:?}");
}

#[test]
#[should_panic(expected = "Hub sends before it stores")]
fn a_shell_that_does_not_store_is_caught() {
    let mut pair = Pair::in_use();
    pair.forgetful = Some(Side::Hub);
    pair.pay(Side::Member, Change::Dues { amount_sat: 50_000 }).unwrap();
    pair.settle();
}

#[test]
#[should_panic(expected = "one nonce in two sessions")]
fn a_generator_that_repeats_itself_is_caught() {
    let mut pair = Pair::in_use();
    pair.note_nonce([2; 66], [1; 32]);
    pair.note_nonce([2; 66], [3; 32]);
}

#[test]
#[should_panic(expected = "two candidates for one number")]
fn a_second_candidate_is_caught() {
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 50_000 }).unwrap();
    // A shell that goes back to before the proposal and decides otherwise.
    let other = Pair::in_use();
    let proposals = std::mem::take(&mut pair.observed.proposals);
    pair = other;
    pair.observed.proposals = proposals;
    let _ = pair.pay(Side::Member, Change::Dues { amount_sat: 60_000 });
}

fn any_fault() -> impl Strategy<Value = Fault> {
    (0usize..60, 0..FaultKind::ALL.len()).prop_map(|(at, kind)| Fault { at, kind: FaultKind::ALL[kind] })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn many_faults(faults in prop::collection::vec(any_fault(), 2..10)) {
        two_rounds(&faults);
    }

    // The same harness as the fuzz target.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), opened: bool) {
        let mut driver = if opened { Driver::new() } else { Driver::unopened() };
        driver.run(&mut bytes.iter(), 5_000);
        driver.come_to_rest();
    }
}
