//! A new funding comes into force only with commitments over it, and replaces the old one once both see it confirmed.

use althing_channels::{Change, ChannelError, MAX_WAITING_SPLICES_BYTES, Phase, Side, Violation};

use crate::pair::{Fault, FaultKind, Pair};

fn spliced(delta_sat: i64) -> Pair {
    let mut pair = Pair::in_use();
    pair.announce(delta_sat).unwrap();
    pair.settle();
    pair
}

fn confirm(pair: &mut Pair) {
    for side in [Side::Member, Side::Hub] {
        pair.confirm_splice(side);
        pair.settle();
    }
}

#[test]
fn a_deposit_and_a_payment_out() {
    let mut pair = spliced(250_000);
    assert_eq!(pair.channel(Side::Hub).fundings().len(), 2);
    assert_eq!(pair.channel(Side::Hub).balances().member_sat, 1_000_000, "counted once, and not yet");
    let signed = [Side::Member, Side::Hub].map(|side| pair.channel(side).splice_transactions());
    assert_eq!(signed[0].len(), 1);
    assert_eq!(signed[0], signed[1], "both sides have the signed transaction");
    let id = pair.channel(Side::Hub).id();
    confirm(&mut pair);
    pair.check_against_model();
    assert_eq!(pair.channel(Side::Hub).fundings().len(), 1);
    assert_eq!(pair.channel(Side::Hub).balances().member_sat, 1_250_000);
    assert_eq!(pair.channel(Side::Hub).id(), id);
    pair.take_turn(Side::Member);
    pair.announce(-200_000).unwrap();
    pair.settle();
    confirm(&mut pair);
    pair.check_against_model();
    assert_eq!(pair.channel(Side::Member).balances().member_sat, 1_050_000);
    assert!(pair.refusals.is_empty(), "{:?}", pair.refusals);
}

#[test]
fn payments_go_on_while_a_splice_waits() {
    let mut pair = spliced(250_000);
    for amount_sat in [20_000, 30_000] {
        pair.take_turn(Side::Member);
        pair.pay(Side::Member, Change::Dues { amount_sat }).unwrap();
        pair.settle();
    }
    let ledger = pair.channel(Side::Hub).ledger().unwrap().clone();
    let over: Vec<u64> =
        ledger.fundings().iter().map(|funding| ledger.balances_over(funding.outpoint).unwrap().member_sat).collect();
    assert_eq!(over, [950_000, 1_200_000]);
    confirm(&mut pair);
    pair.check_against_model();
    assert_eq!(pair.channel(Side::Member).balances().member_sat, 1_200_000);
    pair.close(Side::Member);
    pair.settle();
    let close = pair.closes.last().unwrap();
    assert_eq!(close.output.iter().map(|output| output.value.to_sat()).sum::<u64>(), 1_250_000 - 200);
}

// C-35: both sign a close before they see that the splice has taken the funding's place; then they close what there is.
#[test]
fn a_close_of_what_was_spliced_away_binds_no_other() {
    for delta_sat in [250_000, -200_000] {
        let mut pair = spliced(delta_sat);
        pair.close(Side::Member);
        pair.settle();
        assert_eq!(pair.closes.len(), 2, "over the old funding");
        confirm(&mut pair);
        pair.reconnect();
        pair.settle();
        let funding = pair.observed.left.unwrap();
        for side in [Side::Member, Side::Hub] {
            assert_eq!(pair.channel(side).fundings(), [funding]);
            let close = pair.channel(side).signed_close().unwrap();
            assert_eq!(close.input[0].previous_output, funding, "{side:?}");
            let paid: u64 = close.output.iter().map(|output| output.value.to_sat()).sum();
            assert_eq!(paid, 1_000_000u64.saturating_add_signed(delta_sat) - 200);
        }
    }
}

#[test]
fn one_of_several_splices_confirms() {
    let mut pair = spliced(250_000);
    pair.take_turn(Side::Member);
    pair.announce(300_000).unwrap();
    pair.settle();
    assert_eq!(pair.channel(Side::Hub).fundings().len(), 3);
    confirm(&mut pair);
    pair.check_against_model();
    assert_eq!(pair.channel(Side::Hub).fundings().len(), 1);
    assert_eq!(pair.channel(Side::Hub).balances().member_sat, 1_300_000);
}

#[test]
fn a_checkpoint_cannot_bring_in_a_funding_that_was_not_announced() {
    let mut pair = Pair::in_use();
    let funding = bitcoin::OutPoint { vout: 9, ..crate::pair::funding_outpoint() };
    for change in [
        Change::Deposit { funding, amount_sat: 5 },
        Change::PayOut { funding, amount_sat: 5 },
        Change::FundingLocked { funding },
    ] {
        let refusal = pair.pay(Side::Member, change).unwrap_err();
        assert_eq!(refusal, Violation::NotAgreed { funding }.into());
    }
}

#[test]
fn wrong_transactions_are_refused() {
    let mut pair = Pair::in_use();
    let (good, prevouts) = pair.splice_transaction(10_000);
    let mut elsewhere = good.clone();
    elsewhere.output[0].script_pubkey = crate::pair::close_script(Side::Member);
    let mut same = good.clone();
    same.output[0].value = prevouts[1].value;
    let mut without = good.clone();
    without.input[1].previous_output.vout += 1;
    for (transaction, vout, words) in [
        (elsewhere, 0, "its output is not to both funding keys"),
        (same, 0, "it changes nothing"),
        (without, 0, "it does not spend the funding once"),
        (good, 5, "it has no such output"),
    ] {
        let refusal = pair.channel(Side::Member).announce_splice(transaction, prevouts.clone(), vout).unwrap_err();
        assert_eq!(refusal.to_string(), format!("C-142: splice transaction: {words}"));
    }
}

/// C-91: what waits in a channel has to fit into a backup.
#[test]
fn splices_that_would_not_fit_into_a_backup_are_not_announced() {
    let mut pair = Pair::in_use();
    let (transaction, mut prevouts) = pair.splice_transaction(10_000);
    let at =
        transaction.input.iter().position(|input| input.previous_output != crate::pair::funding_outpoint()).unwrap();
    prevouts[at].script_pubkey = bitcoin::ScriptBuf::from_bytes(vec![1; MAX_WAITING_SPLICES_BYTES]);
    let refusal = pair.channel(Side::Member).announce_splice(transaction, prevouts, 0).unwrap_err();
    assert!(
        matches!(refusal, ChannelError::Invalid(Violation::WaitingSplices { bytes }) if bytes > MAX_WAITING_SPLICES_BYTES),
        "{refusal}"
    );
    assert_eq!(refusal.rule(), "C-91");
    pair.announce(10_000).unwrap();
}

#[test]
fn leaving_alone_spends_the_funding_that_confirmed() {
    let mut pair = spliced(250_000);
    let old = pair.channel(Side::Member).funding().unwrap();
    pair.force_close(Side::Member);
    assert_eq!(pair.commitments[0].1.input[0].previous_output, old);
    // The splice was mined all the same.
    pair.confirm_splice(Side::Member);
    pair.force_close(Side::Member);
    let new = pair.observed.left.unwrap();
    assert_eq!(pair.commitments[1].1.input[0].previous_output, new);
    pair.force_close(Side::Member);
    assert_eq!(pair.commitments[2].1, pair.commitments[1].1, "signed once");
    pair.crash(Side::Member);
    assert_eq!(pair.phase(Side::Member), Some(Phase::ForceClosing));
    assert_eq!(pair.channel(Side::Member).resume().len(), 2);
}

/// A deposit up to where the hub's nonce for the old funding's input is on its way.
fn nonce_under_way() -> Pair {
    let mut pair = Pair::in_use();
    pair.announce(250_000).unwrap();
    while pair.channel(Side::Hub).peer_numbers() != (1, 1) {
        assert!(pair.deliver_from(Side::Member) || pair.deliver_from(Side::Hub));
    }
    pair
}

fn both_have_signed(pair: &mut Pair) -> bool {
    [Side::Member, Side::Hub].into_iter().all(|side| pair.channel(side).splice_transactions().len() == 1)
}

#[test]
fn a_nonce_that_arrives_twice_is_answered_alike() {
    let mut pair = nonce_under_way();
    pair.duplicate_next(Side::Hub);
    pair.settle();
    assert!(both_have_signed(&mut pair));
    confirm(&mut pair);
    pair.check_against_model();
}

#[test]
fn an_answer_to_an_older_nonce_leaves_the_newer_one_in_use() {
    let mut pair = nonce_under_way();
    // The hub begins again before the first answer reaches it, as after a reconnect that lost nothing.
    let first = pair.intercept(Side::Hub).unwrap();
    pair.deliver(Side::Member, &first);
    let old_answer = pair.intercept(Side::Member).unwrap();
    pair.reconnect();
    let mut idle = false;
    while !idle {
        idle = true;
        for side in [Side::Hub, Side::Member] {
            while let Some(msg) = pair.intercept(side) {
                idle = false;
                if matches!(msg, althing_channels::Msg::SpliceSign(_)) && side == Side::Member {
                    pair.deliver(Side::Hub, &old_answer);
                }
                pair.deliver(side.other(), &msg);
            }
        }
    }
    assert!(both_have_signed(&mut pair));
    assert!(pair.refusals.iter().any(|(_, words)| words.contains("C-17")), "{:?}", pair.refusals);
    confirm(&mut pair);
    pair.check_against_model();
}

/// A deposit from announcement to lock; the steps it takes.
fn deposit(faults: &[Fault]) -> usize {
    let mut pair = Pair::in_use();
    let start = pair.step;
    pair.faults = faults.iter().map(|fault| Fault { at: fault.at + start, kind: fault.kind }).collect();
    for _ in 0..30 {
        let is_done =
            |pair: &mut Pair, side| pair.channel(side).number() == 2 && pair.channel(side).peer_numbers() == (2, 2);
        if is_done(&mut pair, Side::Member) && is_done(&mut pair, Side::Hub) {
            break;
        }
        if pair.channel(Side::Member).number() == 0 && pair.channel(Side::Member).due_splice_change().is_none() {
            let _ = pair.announce(250_000);
        }
        pair.settle();
        confirm(&mut pair);
        for side in [Side::Member, Side::Hub] {
            pair.splice_on(side);
        }
        pair.settle();
        pair.reconnect();
        pair.settle();
    }
    assert_eq!(pair.channel(Side::Member).balances().member_sat, 1_250_000, "{faults:?}");
    pair.check_against_model();
    assert!(pair.failures.is_empty() && pair.commitments.is_empty(), "{faults:?}");
    pair.step - start
}

#[test]
fn every_step_with_every_fault() {
    let steps = deposit(&[]);
    assert!(steps > 20, "the grid needs steps to strike at: {steps}");
    for kind in FaultKind::ALL {
        for at in 0..steps {
            deposit(&[Fault { at, kind }]);
        }
    }
}

#[test]
fn every_step_with_every_fault_and_a_restart() {
    let steps = deposit(&[]);
    for (kind, restarted) in FaultKind::of_the_wire_and_a_restart() {
        for at in 0..steps {
            for later in 1..=2 {
                deposit(&[Fault { at, kind }, Fault { at: at + later, kind: FaultKind::Crash(restarted) }]);
            }
        }
    }
}

#[test]
fn a_round_over_an_announcement_that_the_hub_lost_ends() {
    // Two announcements arrive in the other order, so that the hub takes the older one for the newest.
    let mut pair = Pair::in_use();
    pair.announce(250_000).unwrap();
    pair.announce(300_000).unwrap();
    pair.swap_next(Side::Member);
    pair.settle();
    assert_eq!(pair.channel(Side::Member).fundings().len(), 1);
    assert!(pair.refusals.iter().any(|(side, why)| *side == Side::Hub && why.contains("C-142")), "{:?}", pair.refusals);
    for _ in 0..2 {
        pair.reconnect();
        pair.settle();
    }
    assert_eq!(pair.channel(Side::Hub).fundings().len(), 2, "{:?}", pair.refusals);
    assert_eq!(pair.channel(Side::Hub).fundings(), pair.channel(Side::Member).fundings());
    pair.check_against_model();
}
