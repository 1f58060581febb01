//! An undisturbed opening, two checkpoints and a close, message by message.

use althing_channels::{Change, Msg, Phase, Side};

use crate::pair::Pair;

/// Every message of the money lane, as a real channel sends it.
pub(crate) fn channel_messages() -> Vec<Msg> {
    let mut messages = Vec::new();
    run_through(|_, msg| messages.push(msg.clone()));
    messages
}

/// Opens a channel, makes two checkpoints and closes it; `observe` sees the pair after every delivery.
pub(crate) fn run_through(mut observe: impl FnMut(&mut Pair, &Msg)) {
    let mut pair = Pair::new(Vec::new());
    loop {
        let mut idle = true;
        for side in [Side::Member, Side::Hub] {
            while let Some(msg) = pair.intercept(side) {
                pair.deliver(side.other(), &msg);
                observe(&mut pair, &msg);
                idle = false;
            }
        }
        if idle && pair.phase(Side::Member) == Some(Phase::AwaitConfirmation) {
            let output = pair.channel(Side::Hub).funding_output().unwrap();
            for side in [Side::Member, Side::Hub] {
                let effects = pair.channel(side).funding_confirmed(&output, 1).unwrap();
                pair.carry_out(side, effects);
            }
        } else if idle && pair.both(Phase::Ready) {
            match pair.channel(Side::Hub).number() {
                0 => pair.pay(Side::Member, Change::Dues { amount_sat: 50_000 }).unwrap(),
                1 => promise_and_pay(&mut pair),
                _ => pair.close(Side::Member),
            }
        } else if idle {
            return;
        }
    }
}

/// The member gets the turn back, promises to pay, and settles its promise.
fn promise_and_pay(pair: &mut Pair) {
    if !pair.channel(Side::Member).turn_is_own() {
        let effects = pair.channel(Side::Member).ask_turn().unwrap();
        return pair.carry_out(Side::Member, effects);
    }
    let effects = pair.channel(Side::Member).give_voucher(2_000, [0; 32]).unwrap();
    pair.carry_out(Side::Member, effects);
    let voucher = pair.channel(Side::Member).voucher(Side::Member).unwrap();
    pair.pay(Side::Member, Change::Voucher(voucher)).unwrap();
}

/// What a member shows a hub that was put back by one checkpoint (C-161), and that hub's state.
pub(crate) fn shown_message() -> (Msg, Vec<u8>) {
    let mut pair = Pair::in_use();
    let old = pair.stored(Side::Hub).clone();
    pair.pay(Side::Member, Change::Dues { amount_sat: 50_000 }).unwrap();
    pair.settle();
    pair.observed.put_back = true;
    *pair.stored(Side::Hub) = old;
    pair.crash(Side::Hub);
    pair.reconnect();
    pair.deliver_from(Side::Hub);
    pair.deliver_from(Side::Hub);
    let shown = loop {
        match pair.intercept(Side::Member) {
            Some(msg @ Msg::CheckpointShown(_)) => break msg,
            Some(msg) => pair.deliver(Side::Hub, &msg),
            None => panic!("nothing was shown"),
        }
    };
    (shown, pair.channel(Side::Hub).encode())
}
