//! Hazard: an outage of the application closes money channels. While the lane errs, stands still or cannot be judged, money goes on, and
//! whatever waits for the application waits (C-50 to C-54, C-11).

use althing_channels::lane::LANE_WINDOW;
use althing_channels::wire::{AppAck, AppEntry, AppNack, HashList};
use althing_channels::{Change, Msg, Phase, Side};

use crate::pair::Pair;

/// What a lane says that is out of order.
fn of_the_lane() -> [Msg; 3] {
    let words = || "out of order".to_owned();
    [
        AppEntry { sequence: u64::MAX, entry: vec![0xff; 32] }.into(),
        AppAck { receipt: Vec::new(), position: u64::MAX, path: HashList::default() }.into(),
        AppNack { sequence: LANE_WINDOW, entry: [0xff; 32], rule: words(), detail: words(), transient: false }.into(),
    ]
}

fn money_goes_on(pair: &mut Pair) {
    for (side, change) in
        [(Side::Member, Change::Dues { amount_sat: 10_000 }), (Side::Hub, Change::Reward { amount_sat: 1_000 })]
    {
        pair.take_turn(side);
        pair.pay(side, change).unwrap();
        pair.settle();
    }
    pair.check_against_model();
    nothing_ended(pair);
}

fn nothing_ended(pair: &Pair) {
    assert!(pair.both(Phase::Ready), "{:?} {:?}", pair.phase(Side::Member), pair.phase(Side::Hub));
    assert!(pair.failures.is_empty() && pair.commitments.is_empty() && pair.closes.is_empty());
}

#[test]
fn what_a_lane_says_out_of_order_changes_no_channel() {
    for delivered in 0..=4 {
        let mut pair = Pair::in_use();
        pair.pay(Side::Member, Change::Dues { amount_sat: 40_000 }).unwrap();
        for from in [Side::Member, Side::Hub, Side::Hub, Side::Member].into_iter().take(delivered) {
            assert!(pair.deliver_from(from));
        }
        for (side, msg) in [Side::Member, Side::Hub].into_iter().flat_map(|side| of_the_lane().map(|msg| (side, msg))) {
            let before = pair.channel(side).encode();
            pair.deliver(side, &msg);
            assert_eq!(pair.channel(side).encode(), before, "{side:?} after {delivered}: {msg:?}");
            let (refuser, words) = pair.refusals.pop().unwrap();
            assert_eq!((refuser, &words[..5]), (side, "C-11:"));
            nothing_ended(&pair);
        }
        pair.settle();
        money_goes_on(&mut pair);
    }
}

#[test]
fn a_checkpoint_that_the_application_cannot_judge_waits_for_it() {
    for away in [Side::Member, Side::Hub] {
        let mut pair = Pair::in_use();
        pair.take_turn(Side::Member);
        pair.application_away = Some(away);
        pair.pay(Side::Member, Change::Dues { amount_sat: 40_000 }).unwrap();
        for _ in 0..3 {
            pair.settle();
            nothing_ended(&pair);
            let (side, words) = pair.refusals.last().unwrap();
            assert_eq!((*side, words.split(':').next().unwrap()), (away, "C-110"), "{words}");
            pair.reconnect();
        }
        // A restart does not end it either.
        pair.crash(away);
        pair.application_away = None;
        pair.reconnect();
        pair.settle();
        assert_eq!(pair.channel(Side::Hub).balances().hub_sat, 40_000, "{away:?}");
        pair.refusals.clear();
        money_goes_on(&mut pair);
        assert!(pair.refusals.is_empty(), "{:?}", pair.refusals);
    }
}
