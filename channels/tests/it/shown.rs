//! A hub that came back with an old disk, and a member that may have nothing to broadcast, close together over the newest checkpoint that
//! both signed (C-160 to C-165).

use althing_channels::wire::{CheckpointShown, PeerError, Shutdown};
use althing_channels::{Change, ChannelError, ChannelId, Division, Effect, HoldId, Msg, Phase, Side, Violation};

use crate::pair::{Fault, FaultKind, Pair, close_script, funding_outpoint};

const DUES_SAT: u64 = 20_000;
const FEE_SAT: u64 = 200;

fn pay(pair: &mut Pair) {
    pair.take_turn(Side::Member);
    pair.pay(Side::Member, Change::Dues { amount_sat: DUES_SAT }).unwrap();
    pair.settle();
}

/// A pair whose hub is put back by some checkpoints; the member may have come out of the newest backup.
fn put_back(rounds: usize, member_too: bool) -> Pair {
    let mut pair = Pair::in_use();
    pay(&mut pair);
    pair.remember_past();
    (0..rounds).for_each(|_| pay(&mut pair));
    assert!(pair.put_hub_back(member_too));
    pair
}

fn meet(pair: &mut Pair) {
    pair.reconnect();
    pair.settle();
}

/// What the member shows; the hub has heard everything before it.
fn intercepted(pair: &mut Pair) -> CheckpointShown {
    pair.reconnect();
    while pair.deliver_from(Side::Hub) {}
    loop {
        match pair.intercept(Side::Member) {
            Some(Msg::CheckpointShown(shown)) => return shown,
            Some(msg) => pair.deliver(Side::Hub, &msg),
            None => panic!("nothing was shown"),
        }
    }
}

fn paid_to_member(pair: &Pair) -> u64 {
    let close = pair.closes.last().expect("a close");
    let mine = close.output.iter().filter(|output| output.script_pubkey == close_script(Side::Member));
    mine.map(|output| output.value.to_sat()).sum()
}

fn last_refusal(pair: &mut Pair) -> (Side, String) {
    let (side, text) = pair.refusals.pop().expect("a refusal");
    (side, text[..5].to_owned())
}

#[test]
fn both_close_with_the_balances_of_the_newest_checkpoint() {
    for (rounds, member_too) in [(1, true), (2, true), (6, true), (1, false), (3, false)] {
        let mut pair = put_back(rounds, member_too);
        meet(&mut pair);
        let newest = 1 + rounds as u64;
        assert!(pair.channel(Side::Hub).is_behind() && pair.channel(Side::Member).peer_is_behind());
        assert_eq!(pair.channel(Side::Hub).division().map(|division| division.number), Some(newest));
        if member_too {
            assert_eq!(pair.channel(Side::Member).force_close().unwrap_err().rule(), "C-92", "nothing else is left");
        }
        pair.close(Side::Member);
        pair.settle();
        // `check_close` compares with the model of that number.
        assert_eq!(paid_to_member(&pair), 1_000_000 - newest * DUES_SAT - FEE_SAT);
        assert_eq!(pair.closes.len(), 2, "both broadcast it");
        assert_eq!(pair.closes[0], pair.closes[1]);
        // C-160: nothing else of the hub goes out, whatever it took.
        assert_eq!(pair.channel(Side::Hub).force_close().unwrap_err().rule(), "C-132");
        assert!(pair.commitments.is_empty());
        // Over a restart of both, with another round.
        pair.crash(Side::Hub);
        pair.crash(Side::Member);
        pair.close_fee_sat = 400;
        meet(&mut pair);
        assert_eq!(paid_to_member(&pair), 1_000_000 - newest * DUES_SAT - 400);
        assert!(pair.channel(Side::Hub).force_close().is_err());
    }
}

/// Every message of it, lost, doubled, overtaken, and with either side or the connection gone: no secret nonce meets two sessions
/// (`note_nonce`), nothing leaves that is not stored, and at last the channel is over with the newest balances.
#[test]
fn every_step_with_every_fault() {
    let mut steps = 0;
    for kind in FaultKind::ALL {
        for at in 0.. {
            let mut pair = put_back(2, true);
            let begin = pair.step;
            pair.faults = vec![Fault { at: begin + at, kind }];
            meet(&mut pair);
            pair.close(Side::Member);
            pair.settle();
            if pair.step <= begin + at {
                break;
            }
            steps += 1;
            pair.faults.clear();
            for _ in 0..3 {
                meet(&mut pair);
                if pair.phase(Side::Member) == Some(Phase::Ready) {
                    pair.close(Side::Member);
                    pair.settle();
                }
            }
            assert_eq!(paid_to_member(&pair), 1_000_000 - 3 * DUES_SAT - FEE_SAT, "{kind:?} {at}");
            assert!(pair.commitments.is_empty());
            for side in [Side::Hub, Side::Member] {
                pair.see_chain(side, Some(0));
            }
            assert!(pair.is_over(), "{kind:?} {at}");
        }
    }
    assert!(steps > 100, "{steps}");
}

/// What a hub refuses, it forgets; what it has taken stands.
#[test]
fn what_is_not_the_newest_or_not_of_this_channel_is_refused() {
    let mut pair = put_back(3, true);
    let shown = intercepted(&mut pair);
    let hub = Side::Hub;
    let right = pair.division_of(&shown);
    let refusal = |pair: &mut Pair, division: Division| {
        let session = pair.entropy.next();
        let error = pair.channel(hub).take_division(division, None, session).unwrap_err();
        assert_eq!(pair.channel(hub).division(), None);
        error
    };
    // Older than what the hub itself remembers.
    let old = refusal(&mut pair, Division { number: 0, ..right });
    assert_eq!(old, ChannelError::Invalid(Violation::ShownOld { number: 0, known: 1 }));
    // Sums of another value, a part that no close can pay, another funding.
    for (member_sat, hub_sat) in
        [(right.member_sat + 1, right.hub_sat), (right.member_sat, right.hub_sat - 1), (u64::MAX, 1)]
    {
        let error = refusal(&mut pair, Division { member_sat, hub_sat, ..right });
        assert_eq!(error.rule(), "C-162", "{member_sat} {hub_sat}");
    }
    let mut funding = funding_outpoint();
    funding.vout += 1;
    assert_eq!(refusal(&mut pair, Division { funding, ..right }).rule(), "C-141");
    // Nor one that the chain has with another value; what this side itself knows goes before what the chain is said to have.
    let session = pair.entropy.next();
    let elsewhere = Division { funding, ..right };
    let error = pair.channel(hub).take_division(elsewhere, Some(999_999), session).unwrap_err();
    assert_eq!(error, ChannelError::Invalid(Violation::ShownSum { shown_sat: 1_000_000, funding_sat: 999_999 }));
    let session = pair.entropy.next();
    let more = Division { member_sat: right.member_sat + 1, ..right };
    assert_eq!(pair.channel(hub).take_division(more, Some(1_000_001), session).unwrap_err().rule(), "C-162");
    // By message: another channel, a checkpoint that is too long, an older number.
    for (lie, rule) in [
        (CheckpointShown { channel: ChannelId([5; 32]), ..shown.clone() }, "C-13:"),
        (CheckpointShown { checkpoint: vec![0; 4_097], ..shown.clone() }, "C-18:"),
        (CheckpointShown { number: 0, ..shown.clone() }, "C-162"),
    ] {
        pair.deliver(hub, &Msg::CheckpointShown(lie));
        assert_eq!(last_refusal(&mut pair), (hub, rule.to_owned()));
        assert_eq!(pair.channel(hub).division(), None);
    }
    // The log has a newer one: the shell refuses, and with it the close.
    pair.observed.logged = shown.number + 1;
    pair.deliver(hub, &Msg::CheckpointShown(shown.clone()));
    assert_eq!(last_refusal(&mut pair), (hub, "C-163".to_owned()));
    pair.close(Side::Member);
    pair.settle();
    assert_eq!(last_refusal(&mut pair), (hub, "C-164".to_owned()));
    assert!(pair.closes.is_empty(), "a close by what nobody took");
    // It comes to be known later that the log ends there: the same proposal is made again.
    pair.observed.logged = shown.number;
    pair.deliver(hub, &Msg::CheckpointShown(shown.clone()));
    pair.settle();
    assert_eq!(paid_to_member(&pair), right.member_sat - FEE_SAT);
    // What was taken does not go back, and is not asked about again.
    let session = pair.entropy.next();
    let error =
        pair.channel(hub).take_division(Division { number: right.number - 1, ..right }, None, session).unwrap_err();
    assert_eq!(error, ChannelError::Invalid(Violation::ShownOld { number: right.number - 1, known: right.number }));
    pair.application_away = Some(hub);
    pair.refusals.clear();
    pair.deliver(hub, &Msg::CheckpointShown(shown));
    assert!(pair.refusals.is_empty());
    assert_eq!(pair.channel(hub).division(), Some(&right));
}

/// C-162: a log that turns out to be longer takes away what was taken.
#[test]
fn a_longer_log_takes_away_what_was_shown() {
    let mut pair = put_back(2, true);
    meet(&mut pair);
    assert!(pair.channel(Side::Hub).division().is_some());
    assert_eq!(pair.channel(Side::Hub).judge_by_log(3), [], "that is the one");
    assert_eq!(pair.channel(Side::Hub).judge_by_log(4), [Effect::Persist]);
    assert_eq!(pair.channel(Side::Hub).division(), None);
}

/// C-162: nobody shows anything to a side that is not behind, and to a member never.
#[test]
fn who_is_not_behind_takes_nothing() {
    let mut pair = put_back(2, false);
    let shown = intercepted(&mut pair);
    let mut other = Pair::in_use();
    (0..3).for_each(|_| pay(&mut other));
    for (side, rule) in [(Side::Hub, "C-162"), (Side::Member, "C-11:")] {
        let before = other.channel(side).encode();
        other.deliver(side, &Msg::CheckpointShown(shown.clone()));
        assert_eq!(last_refusal(&mut other), (side, rule.to_owned()));
        assert_eq!(other.channel(side).encode(), before);
    }
}

/// A member that is behind shows nothing, proposes nothing, and takes nothing that it is shown.
#[test]
fn a_member_that_is_behind_has_no_part_in_it() {
    let mut pair = Pair::in_use();
    pay(&mut pair);
    let old = pair.stored(Side::Member).clone();
    (0..2).for_each(|_| pay(&mut pair));
    pair.finds_itself_behind(old);
    let shown = CheckpointShown {
        channel: pair.channel(Side::Member).id().unwrap(),
        number: 3,
        checkpoint: vec![1],
        member_signature: [2; 64],
        hub_signature: [3; 64],
    };
    pair.deliver(Side::Member, &Msg::CheckpointShown(shown));
    assert_eq!(last_refusal(&mut pair), (Side::Member, "C-11:".to_owned()));
    // The hub says that it is behind as well; that changes nothing.
    let channel = pair.channel(Side::Member).id();
    while pair.intercept(Side::Member).is_some() {}
    for rule in ["C-93", "C-132"] {
        pair.deliver(Side::Member, &PeerError::new(rule, "", channel).into());
        assert!(!pair.channel(Side::Member).peer_is_behind());
        assert_eq!(pair.intercept(Side::Member), None);
    }
    pair.close(Side::Member);
    pair.settle();
    let session = pair.entropy.next();
    assert!(pair.channel(Side::Member).propose_close(300, session).is_err());
    assert!(pair.closes.is_empty() && pair.channel(Side::Member).force_close().is_err());
}

/// The member proposed a checkpoint, and has the hub's revocation but not its signature: what both signed is the one before.
#[test]
fn of_a_round_that_nobody_can_finish_the_checkpoint_before_it_counts() {
    for rounds in [0, 2] {
        let mut pair = Pair::in_use();
        (0..rounds).for_each(|_| pay(&mut pair));
        pair.take_turn(Side::Member);
        let old = pair.stored(Side::Hub).clone();
        pair.pay(Side::Member, Change::Dues { amount_sat: 5_000 }).unwrap();
        assert!(pair.deliver_from(Side::Member) && pair.deliver_from(Side::Hub), "the proposal, and the revocation");
        pair.observed.put_back = true;
        *pair.stored(Side::Hub) = old;
        pair.crash(Side::Hub);
        meet(&mut pair);
        assert_eq!(pair.channel(Side::Member).peer_numbers().0, rounds + 1);
        assert_eq!(pair.channel(Side::Hub).division().map(|division| division.number), Some(rounds));
        pair.close(Side::Member);
        pair.settle();
        assert_eq!(paid_to_member(&pair), 1_000_000 - rounds * DUES_SAT - FEE_SAT);
    }
}

/// Seed 4 of the long run: the member's disk is lost behind the hub's, and comes back with the newest backup; the observer took the hub's word for
/// what had been signed.
#[test]
fn a_member_that_loses_its_disk_behind_the_hubs_has_the_newest_balances() {
    for meets in [false, true] {
        let mut pair = put_back(2, false);
        if meets {
            meet(&mut pair);
        }
        assert!(pair.lose_disk());
        meet(&mut pair);
        pair.close(Side::Member);
        pair.settle();
        assert_eq!(paid_to_member(&pair), 1_000_000 - 3 * DUES_SAT - FEE_SAT);
        assert!(pair.commitments.is_empty());
    }
}

/// C-162: the hub's disk is of before a splice that was mined since, and the member's was lost too.
#[test]
fn a_splice_that_the_hub_forgot_is_divided_as_the_chain_has_it() {
    for added_sat in [250_000, -200_000] {
        let mut pair = Pair::in_use();
        pay(&mut pair);
        let old = pair.stored(Side::Hub).clone();
        pair.take_turn(Side::Member);
        pair.announce(added_sat).unwrap();
        pair.settle();
        for side in [Side::Member, Side::Hub] {
            pair.confirm_splice(side);
            pair.settle();
        }
        pay(&mut pair);
        pair.observed.put_back = true;
        *pair.stored(Side::Hub) = old;
        pair.crash(Side::Hub);
        assert!(pair.lose_disk());
        meet(&mut pair);
        let funding = pair.observed.left.unwrap();
        assert_eq!(pair.channel(Side::Hub).division().map(|division| division.funding), Some(funding));
        assert_eq!(pair.channel(Side::Member).force_close().unwrap_err().rule(), "C-92", "nothing else is left");
        pair.close(Side::Member);
        pair.settle();
        assert_eq!(pair.closes.last().unwrap().input[0].previous_output, funding);
        assert_eq!(paid_to_member(&pair), 1_000_000u64.saturating_add_signed(added_sat) - 2 * DUES_SAT - FEE_SAT);
        assert!(pair.commitments.is_empty());
    }
}

/// C-161: the log alone tells the hub that it is old; all that the member hears of it is the word.
#[test]
fn a_hub_that_learns_of_its_age_from_the_log_is_shown_it_too() {
    let mut pair = Pair::in_use();
    pay(&mut pair);
    pair.take_turn(Side::Hub);
    let old = pair.stored(Side::Hub).clone();
    pair.pay(Side::Hub, Change::Reward { amount_sat: 1_000 }).unwrap();
    // The hub's last message, its revocation, is lost with the disk; the log has the checkpoint.
    assert!(pair.deliver_from(Side::Hub) && pair.deliver_from(Side::Member) && pair.deliver_from(Side::Member));
    assert_eq!(pair.channel(Side::Hub).number(), 2);
    pair.observed.put_back = true;
    *pair.stored(Side::Hub) = old;
    pair.crash(Side::Hub);
    pair.reconnect();
    let effects = pair.channel(Side::Hub).judge_by_log(2);
    pair.carry_out(Side::Hub, effects);
    pair.settle();
    assert_eq!(pair.channel(Side::Hub).division().map(|division| division.number), Some(2));
    pair.close(Side::Member);
    pair.settle();
    assert_eq!(paid_to_member(&pair), 1_000_000 - DUES_SAT + 1_000 - FEE_SAT);
}

/// C-164: whether holds of an old ledger are still in force is the log's to say.
#[test]
fn holds_of_an_old_ledger_do_not_hold_it_up() {
    let mut pair = Pair::in_use();
    let hold = pair.channel(Side::Member).order_hold(1, HoldId([5; 32]), 30_000, [0; 32]).unwrap();
    pair.pay(Side::Member, Change::Hold(hold)).unwrap();
    pair.settle();
    pair.remember_past();
    pair.take_turn(Side::Hub);
    pair.pay(Side::Hub, Change::HoldRelease { id: hold.id }).unwrap();
    pair.settle();
    pay(&mut pair);
    assert!(pair.put_hub_back(true));
    meet(&mut pair);
    assert_eq!(pair.channel(Side::Hub).ledger().unwrap().held_sat(), 30_000);
    pair.close(Side::Member);
    pair.settle();
    assert_eq!(paid_to_member(&pair), 1_000_000 - DUES_SAT - FEE_SAT);
}

/// C-165: the hub named a script, and lost it with its disk.
#[test]
fn a_hub_that_is_behind_may_name_its_script_anew() {
    for is_behind in [false, true] {
        let mut pair = if is_behind { put_back(2, true) } else { Pair::in_use() };
        meet(&mut pair);
        pair.close(Side::Member);
        while pair.deliver_from(Side::Member) {}
        let said = loop {
            match pair.intercept(Side::Hub).expect("the hub's shutdown") {
                Msg::Shutdown(said) => break said,
                other => pair.deliver(Side::Member, &other),
            }
        };
        pair.deliver(Side::Member, &Msg::Shutdown(said.clone()));
        pair.refusals.clear();
        let anew = Shutdown { script: close_script(Side::Member), ..said };
        pair.deliver(Side::Member, &Msg::Shutdown(anew));
        let refused: Vec<_> = pair.refusals.iter().map(|(_, text)| text[..5].to_owned()).collect();
        assert_eq!(refused, if is_behind { vec![] } else { vec!["C-14:".to_owned()] });
    }
}

/// The hub proposes nothing of what it was shown: what it signs, the member has proposed.
#[test]
fn the_hub_itself_proposes_nothing() {
    let mut pair = put_back(2, true);
    meet(&mut pair);
    pair.close(Side::Hub);
    assert_eq!(pair.propose_close(Side::Hub, 100).unwrap_err().rule(), "C-33", "no nonce of the member yet");
    pair.settle();
    let refusal = pair.propose_close(Side::Hub, 1_000).unwrap_err();
    assert_eq!(refusal.rule(), "C-132");
    assert_eq!(paid_to_member(&pair), 1_000_000 - 3 * DUES_SAT - FEE_SAT, "the member proposed");
}
