//! Hazard: a side forgets that it gave its turn away, or a promise, and acts as if it still had it. Both are stored before they are sent
//! (C-61).

use althing_channels::{Channel, Effect, Msg, Side};

use crate::pair::{Pair, keys};

/// What is there after a restart: what the last step before the first message stored.
fn stored_before_sending(pair: &mut Pair, side: Side, effects: &[Effect]) -> Channel {
    let sends = effects.iter().position(|effect| matches!(effect, Effect::Send(_))).unwrap();
    let stores = effects[..sends].iter().any(|effect| matches!(effect, Effect::Persist));
    let bytes = if stores { pair.channel(side).encode() } else { pair.stored(side).clone().unwrap() };
    Channel::decode(&bytes, keys(side)).unwrap()
}

#[test]
fn a_turn_that_was_given_is_not_taken_again_after_a_restart() {
    let mut pair = Pair::in_use();
    pair.take_turn(Side::Member);
    let effects = pair.channel(Side::Hub).ask_turn().unwrap();
    let Some(Effect::Send(asked @ Msg::CheckpointTurn(_))) = effects.first() else { panic!("{effects:?}") };
    let session = pair.entropy.next();
    let effects = pair.channel(Side::Member).handle(asked, session);
    let gives = |effect: &Effect| matches!(effect, Effect::Send(Msg::CheckpointTurn(msg)) if msg.given);
    assert!(effects.iter().any(gives), "{effects:?}");
    let restarted = stored_before_sending(&mut pair, Side::Member, &effects);
    assert!(!restarted.turn_is_own(), "it forgot that it gave its turn, and both would propose");
}

#[test]
fn a_promise_that_was_given_is_known_after_a_restart() {
    for side in [Side::Member, Side::Hub] {
        let mut pair = Pair::in_use();
        if side == Side::Hub {
            pair.pay(Side::Member, althing_channels::Change::Dues { amount_sat: 50_000 }).unwrap();
            pair.settle();
        }
        let effects = pair.channel(side).give_voucher(2_000, [0; 32]).unwrap();
        let mut restarted = stored_before_sending(&mut pair, side, &effects);
        assert_eq!(restarted.voucher(side).map(|known| known.cumulative_sat), Some(2_000), "{side:?} forgot a promise");
        // The next contains it, so it is not given twice.
        let Ok(effects) = restarted.give_voucher(500, [0; 32]) else { panic!("{side:?} can promise more") };
        let next = effects.iter().find_map(|effect| match effect {
            Effect::Send(Msg::GiveVoucher(msg)) => Some(msg.voucher.cumulative_sat),
            _ => None,
        });
        assert_eq!(next, Some(2_500));
    }
}
