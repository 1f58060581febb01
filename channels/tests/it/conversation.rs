//! An undisturbed opening and close, message by message.

use althing_channels::{Msg, Phase, Side};

use crate::pair::Pair;

/// Every message of the money lane, as a real channel sends it.
pub(crate) fn channel_messages() -> Vec<Msg> {
    let mut messages = Vec::new();
    run_through(|_, msg| messages.push(msg.clone()));
    messages
}

/// Opens and closes a channel; `observe` sees the pair after every delivery.
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
            pair.close(Side::Member);
        } else if idle {
            return;
        }
    }
}
