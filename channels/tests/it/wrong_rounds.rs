//! A peer that breaks the rules of a round: refused with the clause, nothing revoked, nothing lost.

use althing_channels::wire::{CheckpointRevoke, CheckpointSign, CheckpointTurn, GiveVoucher, List};
use althing_channels::{Change, HoldId, Msg, Side, SignedHold, Voucher};

use crate::pair::{Pair, keys};
use crate::testkit::money::lane_position;

/// The messages of an undisturbed round, with the pair before each of them.
fn round() -> [Msg; 4] {
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 40_000 }).unwrap();
    let proposal = pair.intercept(Side::Member).unwrap();
    pair.deliver(Side::Hub, &proposal);
    let (revoke, answer) = (pair.intercept(Side::Hub).unwrap(), pair.intercept(Side::Hub).unwrap());
    pair.deliver(Side::Member, &revoke);
    pair.deliver(Side::Member, &answer);
    [proposal, revoke, answer, pair.intercept(Side::Member).unwrap()]
}

/// A pair in which the first `count` messages of the round have arrived.
fn after(count: usize) -> (Pair, [Msg; 4]) {
    let messages = round();
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 40_000 }).unwrap();
    let froms = [Side::Member, Side::Hub, Side::Hub, Side::Member];
    for from in &froms[..count] {
        let msg = pair.intercept(*from).unwrap();
        pair.deliver(from.other(), &msg);
    }
    (pair, messages)
}

fn refused(pair: &mut Pair, to: Side, msg: Msg, rule: &str) {
    let before = pair.channel(to).encode();
    pair.deliver(to, &msg);
    let (side, refusal) = pair.refusals.pop().unwrap_or_else(|| panic!("{msg:?} was not refused"));
    assert_eq!((side, refusal.split(':').next().unwrap()), (to, rule), "{refusal}");
    assert_eq!(pair.channel(to).encode(), before, "a refusal changes nothing");
}

fn sign(msg: &Msg) -> CheckpointSign {
    let Msg::CheckpointSign(msg) = msg else { panic!("{msg:?}") };
    msg.clone()
}

fn revoke(msg: &Msg) -> CheckpointRevoke {
    let Msg::CheckpointRevoke(msg) = msg else { panic!("{msg:?}") };
    msg.clone()
}

#[test]
fn a_wrong_proposal() {
    let (mut pair, messages) = after(0);
    let right = sign(&messages[0]);
    let foreign = sign(&messages[2]).signatures;
    refused(&mut pair, Side::Hub, CheckpointSign { signatures: foreign, ..right.clone() }.into(), "C-17");
    refused(&mut pair, Side::Hub, CheckpointSign { signatures: List::default(), ..right.clone() }.into(), "C-141");
    refused(&mut pair, Side::Hub, CheckpointSign { number: 2, ..right.clone() }.into(), "C-110");
    let mut other = right.clone();
    other.proposal.as_mut().unwrap().changes = List::new(vec![Change::Dues { amount_sat: 40_001 }]).unwrap();
    refused(&mut pair, Side::Hub, other.into(), "C-17");
    let mut long = right.clone();
    long.proposal.as_mut().unwrap().checkpoint = vec![0; 4097];
    refused(&mut pair, Side::Hub, long.into(), "C-18");
    let mut taking = right.clone();
    taking.proposal.as_mut().unwrap().changes = List::new(vec![Change::Reward { amount_sat: 1 }]).unwrap();
    refused(&mut pair, Side::Hub, taking.into(), "C-102");
    pair.settle();
    pair.check_against_model();
}

#[test]
fn a_wrong_revocation() {
    let (mut pair, messages) = after(1);
    let right = revoke(&messages[1]);
    refused(&mut pair, Side::Member, CheckpointRevoke { secret: [9; 32], ..right.clone() }.into(), "C-112");
    refused(&mut pair, Side::Member, CheckpointRevoke { secret: [0; 32], ..right.clone() }.into(), "C-112");
    let own = keys(Side::Hub).per_commitment_secret(1).secret_bytes();
    refused(&mut pair, Side::Member, CheckpointRevoke { number: 1, secret: own, ..right.clone() }.into(), "C-110");
    let mut bare = right;
    bare.next.nonces = List::default();
    refused(&mut pair, Side::Member, bare.into(), "C-141");
    pair.settle();
    pair.check_against_model();
}

#[test]
fn an_answer_before_the_revocation_or_a_wrong_one() {
    let (mut pair, messages) = after(1);
    refused(&mut pair, Side::Member, messages[2].clone(), "C-110");
    let (mut pair, messages) = after(2);
    let signatures = sign(&messages[0]).signatures;
    let wrong = CheckpointSign { signatures, ..sign(&messages[2]) };
    refused(&mut pair, Side::Member, wrong.into(), "C-17");
    pair.settle();
    pair.check_against_model();
}

#[test]
fn a_second_candidate_is_proof_against_its_signer() {
    let (mut pair, messages) = after(1);
    let mut other = sign(&messages[0]);
    other.checkpoint_signature = [3; 64];
    refused(&mut pair, Side::Hub, other.into(), "C-14");
    pair.settle();
    pair.check_against_model();
}

#[test]
fn what_comes_again_is_ignored() {
    let (mut pair, messages) = after(4);
    for (to, msg) in [Side::Hub, Side::Member, Side::Member, Side::Hub].into_iter().zip(&messages) {
        let before = pair.channel(to).encode();
        pair.deliver(to, msg);
        assert_eq!(pair.channel(to).encode(), before, "{msg:?}");
    }
    assert!(pair.refusals.is_empty(), "{:?}", pair.refusals);
}

#[test]
fn out_of_turn() {
    let (mut pair, messages) = after(4);
    // The member proposes again at once, which the hub's machine would not.
    let again = CheckpointSign { number: 2, ..sign(&messages[0]) };
    refused(&mut pair, Side::Hub, again.into(), "C-113");
    let channel = pair.channel(Side::Hub).id().unwrap();
    // A yield by the side that has no turn to give, and one from the future.
    for turn in [0, 1, 2, 3, u64::MAX] {
        let before = pair.channel(Side::Hub).encode();
        pair.deliver(Side::Hub, &CheckpointTurn { channel, turn, given: true }.into());
        assert_eq!(pair.channel(Side::Hub).encode(), before);
    }
}

#[test]
fn nothing_of_the_money_lane_after_leaving() {
    let (mut pair, messages) = after(2);
    pair.force_close(Side::Member);
    refused(&mut pair, Side::Member, messages[2].clone(), "C-11");
    refused(&mut pair, Side::Member, messages[1].clone(), "C-11");
}

#[test]
fn vouchers() {
    let mut pair = Pair::in_use();
    let channel = pair.channel(Side::Member).id().unwrap();
    let key = keys(Side::Member).funding_keypair();
    let voucher = |from, cumulative_sat, key| Voucher::sign(channel, from, cumulative_sat, key, [1; 32]);
    let give = |voucher| Msg::GiveVoucher(GiveVoucher { channel, voucher });
    let hub_key = keys(Side::Hub).funding_keypair();
    refused(&mut pair, Side::Hub, give(voucher(Side::Member, 100, &hub_key)), "C-103, C-104");
    refused(&mut pair, Side::Hub, give(voucher(Side::Hub, 100, &key)), "C-103, C-104");
    // Half of 1% of 1,000,000.
    refused(&mut pair, Side::Hub, give(voucher(Side::Member, 5_001, &key)), "C-104");
    for (cumulative_sat, known_sat) in [(3_000, 3_000), (5_000, 5_000), (4_000, 5_000)] {
        pair.deliver(Side::Hub, &give(voucher(Side::Member, cumulative_sat, &key)));
        assert_eq!(pair.channel(Side::Hub).voucher(Side::Member).unwrap().cumulative_sat, known_sat);
    }
    // The hub settles it in its own turn: it debits the member by what the member signed.
    let newest = pair.channel(Side::Hub).voucher(Side::Member).unwrap();
    pair.take_turn(Side::Hub);
    pair.pay(Side::Hub, Change::Voucher(newest)).unwrap();
    pair.settle();
    pair.check_against_model();
    assert_eq!(pair.channel(Side::Member).balances().hub_sat, 5_000);
    pair.take_turn(Side::Hub);
    assert_eq!(pair.pay(Side::Hub, Change::Voucher(newest)).unwrap_err().rule(), "C-104", "settled once");
}

#[test]
fn orders_are_folded_once() {
    let mut pair = Pair::in_use();
    let channel = pair.channel(Side::Member).id().unwrap();
    let key = keys(Side::Member).funding_keypair();
    let hold = SignedHold::sign(channel, 1, HoldId([4; 32]), 10_000, &key, [1; 32]);
    pair.take_turn(Side::Hub);
    pair.propose(Side::Hub, vec![Change::Hold(hold)], lane_position(0)).unwrap();
    pair.settle();
    pair.take_turn(Side::Hub);
    pair.pay(Side::Hub, Change::HoldRelease { id: HoldId([4; 32]) }).unwrap();
    pair.settle();
    pair.take_turn(Side::Hub);
    // The hub has the old order, and would like to use it again.
    assert_eq!(pair.pay(Side::Hub, Change::Hold(hold)).unwrap_err().rule(), "C-103");
    let forged = SignedHold { serial: 2, ..hold };
    assert_eq!(pair.pay(Side::Hub, Change::Hold(forged)).unwrap_err().rule(), "C-103");
    pair.check_against_model();
}

#[test]
fn the_reserve_dust_and_the_lane_bind() {
    let mut pair = Pair::in_use();
    pair.observed.lane = 5;
    let dues = |amount_sat| Change::Dues { amount_sat };
    let refusal = |pair: &mut Pair, change| pair.pay(Side::Member, change).unwrap_err().to_string();
    assert_eq!(
        refusal(&mut pair, dues(990_001)),
        "C-107: Member has 1000000 sat to spend of which 10000 sat are kept, not 990001 sat"
    );
    assert!(refusal(&mut pair, dues(0)).starts_with("C-107"));
    assert_eq!(
        refusal(&mut pair, dues(300)),
        "C-22: 300 sat in outputs below 330 sat; the anchor takes at most 240 sat"
    );
    pair.pay(Side::Member, dues(200)).unwrap();
    pair.settle();
    pair.take_turn(Side::Member);
    for back in [lane_position(4), althing_channels::AppPosition { head: [0; 32], ..lane_position(5) }] {
        let refusal = pair.propose(Side::Member, vec![], back).unwrap_err();
        assert_eq!(refusal.rule(), "C-108");
    }
    pair.pay(Side::Member, dues(989_800)).unwrap();
    pair.settle();
    pair.check_against_model();
    assert_eq!(pair.channel(Side::Hub).balances().member_sat, 10_000);
}

#[test]
fn a_close_waits_for_the_round_and_pays_its_balances() {
    for closer in [Side::Member, Side::Hub] {
        for count in 0..4 {
            let (mut pair, _) = after(count);
            pair.close(closer);
            pair.settle();
            pair.reconnect();
            pair.settle();
            let close = pair.closes.last().unwrap_or_else(|| panic!("{closer:?} after {count} messages"));
            let mut parts: Vec<u64> = close.output.iter().map(|output| output.value.to_sat()).collect();
            parts.sort_unstable();
            assert_eq!(parts.iter().sum::<u64>() + 200, 1_000_000);
            assert_eq!(parts[0], 40_000, "{closer:?} after {count} messages");
            assert_eq!(pair.pay(Side::Hub, Change::Reward { amount_sat: 1 }).unwrap_err().rule(), "C-11");
        }
    }
}
