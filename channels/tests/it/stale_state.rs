//! A side whose store went back in time: it is told, never broadcasts what is revoked, and signs no second candidate.

use althing_channels::wire::Reestablish;
use althing_channels::{Change, Effect, Msg, Side};

use crate::pair::Pair;

/// A pair whose `side` is at the state it had before `rounds` checkpoints, reconnected.
fn rolled_back(side: Side, rounds: u64) -> Pair {
    let mut pair = Pair::in_use();
    pay(&mut pair);
    let old = pair.stored(side).clone();
    for _ in 0..rounds {
        pay(&mut pair);
    }
    pair.observed.rollbacks = true;
    // C-163: what a hub that is behind is shown, its shell does not take here.
    pair.application_away = Some(Side::Hub);
    *pair.stored(side) = old;
    pair.crash(side);
    pair.reconnect();
    pair.settle();
    pair
}

fn pay(pair: &mut Pair) {
    pair.take_turn(Side::Member);
    pair.pay(Side::Member, Change::Dues { amount_sat: 20_000 }).unwrap();
    pair.settle();
}

#[test]
fn the_peer_proves_it_and_nothing_is_broadcast() {
    for side in [Side::Member, Side::Hub] {
        for rounds in [1, 2, 5] {
            let mut pair = rolled_back(side, rounds);
            assert!(pair.channel(side).is_behind(), "{side:?} {rounds}");
            let refusal = pair.channel(side).force_close().unwrap_err();
            assert_eq!(refusal.rule(), "C-132");
            assert!(pair.observed.behind.contains(&(side, Effect::Behind)));
            // Over a restart too.
            pair.crash(side);
            assert!(pair.channel(side).is_behind());
            assert!(pair.channel(side).force_close().is_err());
            // The other side is as it was, and can close.
            assert!(!pair.channel(side.other()).is_behind());
            pair.force_close(side.other());
        }
    }
}

#[test]
fn the_peer_notices_too() {
    let pair = rolled_back(Side::Member, 3);
    let noticed = pair.observed.behind.iter().find(|(side, _)| *side == Side::Hub);
    assert!(matches!(noticed, Some((_, Effect::PeerBehind { number: 1, expected: 4 }))), "{noticed:?}");
}

// The member forgot that it proposed: the hub's commitment 2 is not known to it, but its own 1 is not revoked.
#[test]
fn a_forgotten_proposal_is_not_made_again_otherwise() {
    let mut pair = Pair::in_use();
    pay(&mut pair);
    pair.take_turn(Side::Member);
    let old = pair.stored(Side::Member).clone();
    pair.pay(Side::Member, Change::Dues { amount_sat: 30_000 }).unwrap();
    let proposal = pair.intercept(Side::Member).unwrap();
    pair.deliver(Side::Hub, &proposal);
    pair.observed.rollbacks = true;
    *pair.stored(Side::Member) = old;
    pair.crash(Side::Member);
    pair.reconnect();
    pair.settle();
    assert!(!pair.channel(Side::Member).is_behind(), "no secret of its own is out");
    let refusal = pair.pay(Side::Member, Change::Dues { amount_sat: 1 }).unwrap_err();
    assert_eq!(refusal.rule(), "C-130", "it would be a second candidate for one number");
    pair.force_close(Side::Member);
}

#[test]
fn who_is_behind_signs_nothing() {
    let mut pair = rolled_back(Side::Hub, 1);
    pair.reconnect();
    pair.settle();
    pair.refusals.clear();
    pair.close(Side::Member);
    pair.settle();
    assert!(pair.closes.is_empty(), "a close would pay the balances of long ago");
}

#[test]
fn a_promise_that_was_lost_is_given_again() {
    let mut pair = Pair::in_use();
    let effects = pair.channel(Side::Member).give_voucher(2_000, [0; 32]).unwrap();
    pair.carry_out(Side::Member, effects);
    pair.drop_next(Side::Member);
    pair.settle();
    assert_eq!(pair.channel(Side::Hub).voucher(Side::Member), None);
    pair.crash(Side::Member);
    pair.reconnect();
    pair.settle();
    assert_eq!(pair.channel(Side::Hub).voucher(Side::Member).unwrap().cumulative_sat, 2_000);
}

fn reestablish_of(pair: &mut Pair, side: Side) -> Reestablish {
    pair.reconnect();
    loop {
        match pair.intercept(side).unwrap() {
            Msg::Reestablish(msg) => return msg,
            _ => continue,
        }
    }
}

#[test]
fn a_lie_about_the_secret_is_refused() {
    let mut pair = Pair::in_use();
    pay(&mut pair);
    let honest = reestablish_of(&mut pair, Side::Hub);
    let secret = honest.last_secret.unwrap();
    let lies = [
        Reestablish { last_secret: Some([7; 32]), ..honest.clone() },
        Reestablish { last_secret: None, ..honest.clone() },
        Reestablish { revoked: 2, ..honest.clone() },
        Reestablish { revoked: 0, ..honest.clone() },
        Reestablish { revoked: u64::MAX, last_secret: Some(secret), ..honest.clone() },
    ];
    for lie in lies {
        pair.deliver(Side::Member, &Msg::Reestablish(lie));
        let (side, refusal) = pair.refusals.pop().unwrap();
        assert_eq!((side, &refusal[..5]), (Side::Member, "C-112"));
        assert!(!pair.channel(Side::Member).is_behind());
    }
    // A number ahead without the secret that proves it proves nothing.
    pair.deliver(Side::Member, &Msg::Reestablish(Reestablish { number: 9, ..honest.clone() }));
    assert_eq!(&pair.refusals.pop().unwrap().1[..5], "C-110");
    let other = Reestablish { next: reestablish_of(&mut pair, Side::Member).next, ..honest.clone() };
    pair.deliver(Side::Member, &Msg::Reestablish(other));
    assert_eq!(&pair.refusals.pop().unwrap().1[..5], "C-14:");
    pair.deliver(Side::Member, &Msg::Reestablish(honest));
    assert!(pair.refusals.is_empty());
}

#[test]
fn what_was_not_answered_is_signed_again_with_the_same_content() {
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 40_000 }).unwrap();
    let Some(Msg::CheckpointSign(first)) = pair.intercept(Side::Member) else { panic!("a proposal") };
    pair.crash(Side::Member);
    let mut again = None;
    pair.reconnect();
    for _ in 0..8 {
        for side in [Side::Hub, Side::Member] {
            let Some(msg) = pair.intercept(side) else { continue };
            if let Msg::CheckpointSign(msg) = &msg {
                again.get_or_insert(msg.clone());
            }
            pair.deliver(side.other(), &msg);
        }
    }
    let again = again.unwrap();
    assert_eq!((&again.proposal, again.checkpoint_signature), (&first.proposal, first.checkpoint_signature));
    assert_ne!(again.signatures, first.signatures, "fresh nonces");
    pair.settle();
    pair.check_against_model();
}

// The other side leaves out where it stands, and goes on to a close: what this old state would divide was paid since (C-304).
#[test]
fn no_close_is_signed_before_the_other_side_has_shown_where_it_stands() {
    let mut pair = Pair::in_use();
    pay(&mut pair);
    let old = pair.stored(Side::Hub).clone();
    pay(&mut pair);
    pair.observed.rollbacks = true;
    *pair.stored(Side::Hub) = old;
    pair.crash(Side::Hub);
    pair.reconnect();
    let shown = loop {
        match pair.intercept(Side::Member).unwrap() {
            Msg::Reestablish(msg) => break msg,
            _ => continue,
        }
    };
    // What the hub says is lost as well, so the member believes that all is as it was.
    while pair.intercept(Side::Hub).is_some() {}
    assert!(!pair.channel(Side::Hub).peer_has_shown());
    pair.close(Side::Member);
    pair.settle();
    let refusal = pair.propose_close(Side::Hub, 0).unwrap_err();
    assert_eq!(refusal.rule(), "C-130");
    let _ = pair.propose_close(Side::Member, 300);
    pair.settle();
    assert!(pair.closes.is_empty(), "a close would pay the balances of long ago");
    pair.deliver(Side::Hub, &Msg::Reestablish(shown));
    assert!(pair.channel(Side::Hub).is_behind() && !pair.channel(Side::Hub).peer_has_shown());
}

/// C-130: seed 1300222 of the long run: a repeat behind a later round was taken for a peer that had lost its state, which ends a channel.
#[test]
fn a_reestablish_that_comes_again_behind_a_round_is_ignored() {
    for side in [Side::Member, Side::Hub] {
        let mut pair = Pair::in_use();
        pay(&mut pair);
        pair.reconnect();
        let again = Msg::Reestablish(reestablish_of(&mut pair, side));
        pair.deliver(side.other(), &again);
        pair.settle();
        pay(&mut pair);
        let number = pair.channel(side).number();
        pair.deliver(side.other(), &again);
        pair.settle();
        assert!(pair.observed.behind.is_empty());
        pay(&mut pair);
        assert_eq!(pair.channel(side).number(), number + 1);
    }
}
