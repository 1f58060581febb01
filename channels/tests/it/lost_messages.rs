//! Messages are lost and programs crash at every step; the channel opens and closes all the same.

use althing_channels::{FundingSpend, Phase, Side};
use proptest::prelude::*;

use crate::pair::{Fault, FaultKind, Pair};

fn open_and_close(faults: Vec<Fault>, closer: Side) -> Pair {
    let mut pair = Pair::new(faults.clone());
    pair.run_until(Phase::Ready);
    assert!(pair.funding_broadcast);
    while [Side::Member, Side::Hub].iter().all(|side| pair.phase(*side) == Some(Phase::Ready)) {
        // A crash before the decision was stored forgets it; the user decides again.
        pair.close(closer);
    }
    // Two further rounds, until both sides have the close that pays more.
    for fee_sat in [500, 5_000] {
        pair.close_fee_sat = fee_sat;
        let has = |pair: &mut Pair, side| {
            let close = pair.channel(side).signed_close();
            close.is_some_and(|close| close.output[0].value.to_sat() == 1_000_000 - fee_sat)
        };
        for _ in 0..20 {
            pair.settle();
            if has(&mut pair, Side::Member) && has(&mut pair, Side::Hub) {
                break;
            }
            if pair.propose_close(Side::Member, fee_sat).is_err() {
                pair.reconnect();
            }
        }
        assert!(has(&mut pair, Side::Member) && has(&mut pair, Side::Hub), "{faults:?} {fee_sat}");
    }
    pair.run_until(Phase::Closed);
    assert!(pair.failures.is_empty(), "{:?}", pair.failures);
    assert!(!pair.closes.is_empty());
    pair
}

#[test]
fn undisturbed_opening_and_close() {
    for closer in [Side::Member, Side::Hub] {
        let pair = open_and_close(Vec::new(), closer);
        assert!(pair.refusals.is_empty(), "{:?}", pair.refusals);
        assert!(pair.step > 40, "the grid below needs steps to strike at: {}", pair.step);
        let close = pair.closes.last().unwrap();
        assert_eq!(close.output.len(), 1, "the hub has no part in this channel");
        assert_eq!(close.output[0].value.to_sat(), 1_000_000 - 5_000);
    }
}

#[test]
fn every_step_with_every_fault() {
    for closer in [Side::Member, Side::Hub] {
        let steps = open_and_close(Vec::new(), closer).step;
        for at in 0..steps {
            for kind in FaultKind::ALL {
                open_and_close(vec![Fault { at, kind }], closer);
            }
        }
    }
}

// A message is lost, comes twice or behind the next one, and a side is started anew before or after it stored what came of that.
#[test]
fn every_step_with_every_fault_and_a_restart() {
    let steps = open_and_close(Vec::new(), Side::Member).step;
    for (kind, restarted) in FaultKind::of_the_wire_and_a_restart() {
        for at in 0..steps {
            for later in 1..=2 {
                let restart = Fault { at: at + later, kind: FaultKind::Crash(restarted) };
                open_and_close(vec![Fault { at, kind }, restart], Side::Member);
            }
        }
    }
}

/// C-130: who closes before the other side has heard that the channel is in use says that again first.
#[test]
fn a_close_waits_for_a_side_that_has_not_heard_that_the_channel_is_in_use() {
    for closing in [Side::Member, Side::Hub] {
        let mut pair = Pair::new(Vec::new());
        while !pair.both(Phase::AwaitConfirmation) || pair.in_flight() {
            assert!(pair.deliver_from(Side::Member) || pair.deliver_from(Side::Hub));
        }
        pair.see_chain(closing.other(), Some(0));
        assert!(pair.deliver_from(closing.other()));
        pair.see_chain(closing, Some(0));
        pair.drop_next(closing);
        assert_eq!(
            [closing, closing.other()].map(|side| pair.phase(side)),
            [Phase::Ready, Phase::AwaitConfirmation].map(Some)
        );
        pair.close(closing);
        pair.settle();
        pair.run_until(Phase::Closed);
        assert_eq!(pair.closes.len(), 2, "{closing:?}");
    }
}

/// C-34: a channel that was left before the hub had the last signature of the opening is over for the hub too.
#[test]
fn a_channel_that_was_left_before_the_hub_could_leave_it_is_over() {
    let mut pair = Pair::new(Vec::new());
    while pair.phase(Side::Member) != Some(Phase::AwaitConfirmation) {
        assert!(pair.deliver_from(Side::Hub) || pair.deliver_from(Side::Member));
    }
    pair.drop_next(Side::Member);
    pair.force_close(Side::Member);
    assert_eq!(pair.phase(Side::Hub), Some(Phase::AwaitCommitmentSigned));
    for side in [Side::Member, Side::Hub] {
        pair.see_chain(side, Some(0));
    }
    assert!(pair.is_over());
    let ends = [Side::Member, Side::Hub].map(|side| pair.closed[&side]);
    assert_eq!(ends, [FundingSpend::OwnCommitment, FundingSpend::PeerCommitment]);
}

#[test]
fn nothing_is_broadcast_before_the_member_holds_commitment_0() {
    let mut pair = Pair::new(Vec::new());
    let mut seen = Vec::new();
    while !pair.funding_broadcast {
        let before = pair.phase(Side::Member).unwrap();
        seen.push(before);
        let from = if before == Phase::AwaitAccept && seen.len() % 2 == 1
            || before == Phase::AwaitFundingSigned && pair.phase(Side::Hub) < Some(Phase::AwaitCommitmentSigned)
        {
            Side::Member
        } else {
            Side::Hub
        };
        let msg = pair.intercept(from).unwrap();
        pair.deliver(from.other(), &msg);
    }
    assert_eq!(seen, [Phase::AwaitAccept, Phase::AwaitAccept, Phase::AwaitFundingSigned, Phase::AwaitFundingSigned]);
    // BroadcastFunding itself checks that the stored state can force close (see `pair`).
    assert_eq!(pair.phase(Side::Member), Some(Phase::AwaitConfirmation));
}

#[test]
fn the_close_can_be_bumped() {
    let mut pair = Pair::new(Vec::new());
    pair.run_until(Phase::Ready);
    pair.close(Side::Member);
    pair.settle();
    assert_eq!(pair.closes.len(), 2, "both sides broadcast");
    for fee_sat in [500, 5_000] {
        let session = pair.entropy.next();
        let effects = pair.channel(Side::Member).propose_close(fee_sat, session).unwrap();
        pair.carry_out(Side::Member, effects);
        pair.settle();
        assert_eq!(pair.closes.last().unwrap().output[0].value.to_sat(), 1_000_000 - fee_sat);
    }
    let session = pair.entropy.next();
    let refusal = pair.channel(Side::Member).propose_close(4_999, session).unwrap_err();
    assert_eq!(refusal.to_string(), "C-35: a fee of 4999 sat is not 154 sat above the 5000 sat already signed");
}

fn any_fault() -> impl Strategy<Value = Fault> {
    (0usize..120, 0..FaultKind::ALL.len()).prop_map(|(at, kind)| Fault { at, kind: FaultKind::ALL[kind] })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn many_faults(faults in prop::collection::vec(any_fault(), 0..12), hub_closes: bool) {
        open_and_close(faults, if hub_closes { Side::Hub } else { Side::Member });
    }
}
