//! Hazard: a secret nonce on a disk, from where it comes back and signs twice. What a side stores is the same whatever randomness it drew,
//! so that nothing of a nonce can be in it: those of the own commitments follow from a counter, all others are of memory (C-15 to C-17).

use althing_channels::{Change, Msg, Phase, Side};

use crate::pair::{Entropy, Pair};

/// Numbers of entropy that a delivery may use.
const DRAWS: u64 = 64;

/// What `side` stored at each step of a channel's life, and what it sent, when its own randomness begins at `from`.
fn life(side: Side, from: u64) -> (Vec<Vec<u8>>, Vec<Msg>) {
    let mut pair = Pair::new(Vec::new());
    let (mut stored, mut sent) = (Vec::new(), Vec::new());
    let mut drawn = 0;
    // The other side draws the same in every life.
    let mut draw_for = |pair: &mut Pair, acting: Side| {
        drawn += DRAWS;
        pair.entropy = Entropy::from(if acting == side { from + drawn } else { drawn });
    };
    loop {
        let mut idle = true;
        for from in [Side::Member, Side::Hub] {
            while let Some(msg) = pair.intercept(from) {
                idle = false;
                let is_last = matches!(msg, Msg::ClosingComplete(_));
                if from == side {
                    sent.push(msg.clone());
                }
                if is_last {
                    // A signed close has both sides' nonces in its signature; before that, all of them are of memory.
                    stored.extend(pair.stored(side).clone());
                    draw_for(&mut pair, side);
                    pair.force_close(side);
                    stored.extend(pair.stored(side).clone());
                    return (stored, sent);
                }
                draw_for(&mut pair, from.other());
                pair.deliver(from.other(), &msg);
                stored.extend(pair.stored(side).clone());
            }
        }
        if !idle {
            continue;
        }
        if pair.phase(Side::Member) == Some(Phase::AwaitConfirmation) {
            let output = pair.channel(Side::Hub).funding_output().unwrap();
            for acting in [Side::Member, Side::Hub] {
                draw_for(&mut pair, acting);
                let effects = pair.channel(acting).funding_confirmed(&output, 1).unwrap();
                pair.carry_out(acting, effects);
            }
            continue;
        }
        let (acting, change) = match pair.channel(Side::Hub).number() {
            0 => (Side::Member, Change::Dues { amount_sat: 50_000 }),
            1 => (Side::Hub, Change::Reward { amount_sat: 3_000 }),
            _ => {
                draw_for(&mut pair, Side::Member);
                pair.close(Side::Member);
                continue;
            }
        };
        draw_for(&mut pair, acting);
        pair.pay(acting, change).unwrap();
    }
}

#[test]
fn what_is_stored_is_the_same_with_any_randomness() {
    for side in [Side::Member, Side::Hub] {
        let [(stored, sent), (again, sent_again)] = [1 << 32, 1 << 33].map(|from| life(side, from));
        assert!(stored.len() > 10 && stored.len() == again.len(), "{side:?}: {} and {}", stored.len(), again.len());
        for (at, (one, other)) in stored.iter().zip(&again).enumerate() {
            assert_eq!(one, other, "{side:?} stores something of a nonce at step {at}");
        }
        // There was something to store: nonces of signatures on commitments, and announced ones of the close.
        let differ: Vec<&Msg> =
            sent.iter().zip(&sent_again).filter(|(one, other)| one != other).map(|(one, _)| one).collect();
        let kinds = [
            differ.iter().any(|msg| matches!(msg, Msg::CheckpointSign(_))),
            differ.iter().any(|msg| matches!(msg, Msg::Shutdown(_))),
            differ.iter().any(|msg| matches!(msg, Msg::CommitmentSigned(_) | Msg::FundingSigned(_))),
        ];
        assert_eq!(kinds, [true; 3], "{side:?}");
    }
}
