//! A cooperative close that waits: further rounds pay more, whoever proposes them, and the highest one wins.

use althing_channels::wire::{ClosingComplete, ClosingSig, Shutdown};
use althing_channels::{
    CLOSE_RAISE_SAT, Change, ChannelError, CloseError, Effect, FundingSpend, HoldId, Msg, Phase, Side, Violation, Wait,
};
use bitcoin::Transaction;

use crate::pair::{Pair, STAKE_SAT, check_spend, close_script};

fn fee_sat(close: &Transaction) -> u64 {
    STAKE_SAT - close.output.iter().map(|output| output.value.to_sat()).sum::<u64>()
}

/// Both sides have signed a close at 200 sat.
fn closing() -> Pair {
    let mut pair = Pair::new(Vec::new());
    pair.run_until(Phase::Ready);
    pair.close(Side::Member);
    pair.settle();
    assert_eq!(pair.closes.iter().map(fee_sat).collect::<Vec<_>>(), [200, 200]);
    pair
}

/// C-36: nobody begins a close over what is held, and nobody answers one.
#[test]
fn what_is_held_is_not_divided_by_a_close() {
    let mut pair = Pair::in_use();
    let hold = pair.channel(Side::Member).order_hold(1, HoldId([1; 32]), 300_000, [0; 32]).unwrap();
    pair.take_turn(Side::Member);
    pair.pay(Side::Member, Change::Hold(hold)).unwrap();
    for side in [Side::Member, Side::Hub] {
        let session = pair.entropy.next();
        let refused = pair.channel(side).close(close_script(side), session).unwrap_err();
        let held_sat = 300_000;
        assert_eq!(refused, ChannelError::NotNow(Wait::Holds { held_sat }), "{side:?}, the round under way");
        pair.settle();
    }
    // A member's program of another kind says it all the same.
    let channel = pair.channel(Side::Hub).id().unwrap();
    let shutdown = Shutdown { channel, script: close_script(Side::Member), nonce: None };
    let (before, session) = (pair.channel(Side::Hub).encode(), pair.entropy.next());
    let effects = pair.channel(Side::Hub).handle(&Msg::Shutdown(shutdown), session);
    assert!(matches!(effects.as_slice(), [_, Effect::Refused { rule: "C-36", .. }]), "{effects:?}");
    assert_eq!(pair.channel(Side::Hub).encode(), before);
    pair.take_turn(Side::Hub);
    pair.pay(Side::Hub, Change::HoldForfeit { id: HoldId([1; 32]), amount_sat: 300_000 }).unwrap();
    pair.settle();
    pair.close(Side::Member);
    pair.settle();
    let hubs = pair.channel(Side::Hub).signed_close().unwrap().output.clone();
    assert!(hubs.iter().any(|o| o.script_pubkey == close_script(Side::Hub) && o.value.to_sat() == 300_000), "{hubs:?}");
}

/// C-36: a hold and a wish to close cross on the way. The one who wished goes on with the channel, and closes it when the hold has ended.
#[test]
fn a_close_that_crosses_a_hold_is_taken_back() {
    for proposer in [Side::Member, Side::Hub] {
        let closer = proposer.other();
        let mut pair = Pair::in_use();
        let hold = pair.channel(Side::Member).order_hold(1, HoldId([1; 32]), 300_000, [0; 32]).unwrap();
        pair.take_turn(proposer);
        pair.pay(proposer, Change::Hold(hold)).unwrap();
        pair.close(closer);
        assert_eq!(pair.phase(closer), Some(Phase::Closing));
        pair.settle();
        assert_eq!([Side::Member, Side::Hub].map(|side| pair.phase(side)), [Some(Phase::Ready); 2], "{closer:?}");
        assert!(pair.refusals.iter().any(|(side, why)| *side == proposer && why.starts_with("C-36")));
        // Also behind a restart, and the script that was named stays.
        pair.crash(closer);
        pair.reconnect();
        pair.settle();
        assert_eq!(pair.phase(closer), Some(Phase::Ready));
        assert_eq!(pair.channel(closer).own_close_script(), Some(&close_script(closer)));
        pair.take_turn(Side::Hub);
        pair.pay(Side::Hub, Change::HoldRelease { id: HoldId([1; 32]) }).unwrap();
        pair.settle();
        // Whoever wishes it now: both say where their part goes.
        pair.close(proposer);
        pair.settle();
        assert_eq!(fee_sat(pair.channel(closer).signed_close().unwrap()), 200);
        pair.run_until(Phase::Closed);
        assert_eq!(pair.closed[&closer], FundingSpend::CooperativeClose);
    }
}

#[test]
fn each_round_pays_more_and_both_hold_the_last() {
    let mut pair = closing();
    for fee in [354, 508, 5_000, 90_000] {
        pair.propose_close(Side::Member, fee).unwrap();
        pair.settle();
        for side in [Side::Member, Side::Hub] {
            let signed = pair.channel(side).signed_close().unwrap().clone();
            check_spend(&signed);
            assert_eq!(fee_sat(&signed), fee);
        }
    }
    assert_eq!(pair.closes.len(), 10);
    pair.run_until(Phase::Closed);
    assert_eq!(pair.closed[&Side::Hub], FundingSpend::CooperativeClose);
}

#[test]
fn a_round_that_could_not_replace_is_refused_and_the_same_one_is_not() {
    let mut pair = closing();
    for fee in [0, 199, 201, 200 + CLOSE_RAISE_SAT - 1] {
        let refusal = pair.propose_close(Side::Member, fee).unwrap_err();
        assert_eq!(refusal, ChannelError::Invalid(Violation::FeeLowered { fee_sat: fee, signed_sat: 200 }));
        assert_eq!(refusal.rule(), "C-35");
    }
    // As after a lost closing_sig: the same transaction with new nonces.
    pair.propose_close(Side::Member, 200).unwrap();
    pair.settle();
    assert!(pair.closes.iter().all(|close| fee_sat(close) == 200));
    pair.propose_close(Side::Member, 200 + CLOSE_RAISE_SAT).unwrap();
    pair.settle();
    assert_eq!(fee_sat(pair.channel(Side::Hub).signed_close().unwrap()), 354);
    assert_eq!(pair.refusals, []);
}

#[test]
fn the_other_side_refuses_too() {
    let mut pair = closing();
    pair.propose_close(Side::Member, 1_000).unwrap();
    let Some(Msg::ClosingComplete(good)) = pair.intercept(Side::Member) else { panic!("no proposal") };
    for fee in [0, 100, 300, STAKE_SAT, u64::MAX] {
        pair.deliver(Side::Hub, &Msg::ClosingComplete(ClosingComplete { fee_sat: fee, ..good.clone() }));
    }
    let rules: Vec<&str> = pair.refusals.iter().map(|(_, detail)| &detail[..4]).collect();
    assert_eq!(rules, ["C-35", "C-35", "C-35", "C-31", "C-31"]);
    // None of them used up the announced nonce.
    pair.deliver(Side::Hub, &Msg::ClosingComplete(good));
    pair.settle();
    assert_eq!(fee_sat(pair.channel(Side::Member).signed_close().unwrap()), 1_000);
}

#[test]
fn a_side_pays_for_its_own_proposals_only() {
    let mut pair = closing();
    // The hub has nothing in this channel.
    let refusal = pair.propose_close(Side::Hub, 400).unwrap_err();
    let none = CloseError::Fee { fee_sat: 400, payer: Side::Hub, part_sat: 0 };
    assert_eq!(refusal, ChannelError::Invalid(Violation::Close(none)));
    // At no cost of its own it can propose what is signed already.
    assert_eq!(
        pair.propose_close(Side::Hub, 0).unwrap_err(),
        ChannelError::Invalid(Violation::FeeLowered { fee_sat: 0, signed_sat: 200 })
    );
}

#[test]
fn a_nonce_serves_one_round() {
    let mut pair = closing();
    pair.propose_close(Side::Member, 500).unwrap();
    assert_eq!(pair.propose_close(Side::Member, 900).unwrap_err(), ChannelError::NotNow(Wait::ClosingNonce));
    pair.settle();
    pair.propose_close(Side::Member, 900).unwrap();
    // A second answer to the same round, or one to no round, changes nothing.
    let Some(Msg::ClosingComplete(proposal)) = pair.intercept(Side::Member) else { panic!("no proposal") };
    pair.deliver(Side::Hub, &Msg::ClosingComplete(proposal.clone()));
    let Some(Msg::ClosingSig(answer)) = pair.intercept(Side::Hub) else { panic!("no answer") };
    pair.deliver(Side::Hub, &Msg::ClosingComplete(proposal));
    assert_eq!(pair.refusals.len(), 1, "the announced nonce is another one now");
    pair.deliver(Side::Member, &Msg::ClosingSig(ClosingSig { fee_sat: 901, ..answer.clone() }));
    pair.deliver(Side::Member, &Msg::ClosingSig(answer.clone()));
    pair.deliver(Side::Member, &Msg::ClosingSig(answer));
    assert_eq!(pair.refusals.len(), 3);
    assert_eq!(fee_sat(pair.channel(Side::Member).signed_close().unwrap()), 900);
}

#[test]
fn restarts_between_rounds_lose_nothing_signed() {
    for side in [Side::Member, Side::Hub] {
        let mut pair = closing();
        pair.propose_close(Side::Member, 700).unwrap();
        pair.settle();
        pair.crash(side);
        assert!(!pair.channel(side).can_propose_close());
        assert_eq!(fee_sat(pair.channel(side).signed_close().unwrap()), 700);
        pair.close_fee_sat = 2_000;
        pair.reconnect();
        pair.settle();
        assert_eq!(fee_sat(pair.channel(Side::Member).signed_close().unwrap()), 2_000);
        assert_eq!(fee_sat(pair.channel(Side::Hub).signed_close().unwrap()), 2_000);
    }
}

/// A channel in which the hub has 100,000 sat, with a close signed at 200 sat.
fn closing_with_hub_coins() -> Pair {
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 100_000 }).unwrap();
    pair.settle();
    pair.close(Side::Hub);
    pair.settle();
    pair
}

fn values(close: &Transaction) -> Vec<u64> {
    close.output.iter().map(|output| output.value.to_sat()).collect()
}

#[test]
fn the_hub_bumps_with_its_own_coins() {
    let mut pair = closing_with_hub_coins();
    assert_eq!(values(pair.channel(Side::Hub).signed_close().unwrap()), [100_000, 899_800]);
    pair.propose_close(Side::Hub, 1_000).unwrap();
    pair.settle();
    for side in [Side::Member, Side::Hub] {
        assert_eq!(values(pair.channel(side).signed_close().unwrap()), [99_000, 900_000]);
    }
    pair.propose_close(Side::Member, 1_154).unwrap();
    pair.settle();
    assert_eq!(values(pair.channel(Side::Hub).signed_close().unwrap()), [100_000, 898_846]);
    assert_eq!(pair.refusals, []);
}

#[test]
fn crossing_proposals_end_with_the_higher_on_both_sides() {
    for (member_fee, hub_fee, highest) in [(3_000, 2_000, 3_000), (2_000, 3_000, 3_000)] {
        let mut pair = closing_with_hub_coins();
        pair.propose_close(Side::Member, member_fee).unwrap();
        pair.propose_close(Side::Hub, hub_fee).unwrap();
        pair.settle();
        let signed = [Side::Member, Side::Hub].map(|side| pair.channel(side).signed_close().unwrap().clone());
        assert_eq!(signed[0], signed[1]);
        assert_eq!(fee_sat(&signed[0]), highest);
        check_spend(&signed[0]);
    }
}
