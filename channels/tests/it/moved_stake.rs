//! Hazard: a move to another hub that pays into an output without a commitment, or that either hub can turn into another
//! transaction.

use althing_channels::wire::ClosingComplete;
use althing_channels::{
    Change, Channel, ChannelError, ChannelKeys, ChannelSeed, HoldId, Msg, OpeningId, Phase, Side, Violation, Wait,
    funding_script,
};
use bitcoin::{OutPoint, ScriptBuf, Txid};

use crate::pair::{Pair, STAKE_SAT, check_spend, params};

const FEE_SAT: u64 = 555;

/// Funding script of a channel of other seeds.
fn elsewhere() -> ScriptBuf {
    let key = |seed: u8| ChannelKeys::new(ChannelSeed::new([seed; 32])).public().funding;
    funding_script(&key(11), &key(12))
}

fn begin(pair: &mut Pair) -> Result<(), ChannelError> {
    let session = pair.entropy.next();
    let effects = pair.channel(Side::Member).close_into(elsewhere(), session)?;
    pair.carry_out(Side::Member, effects);
    Ok(())
}

fn propose(pair: &mut Pair, funding: OutPoint, fee_sat: u64) -> Result<(), ChannelError> {
    let session = pair.entropy.next();
    let effects = pair.channel(Side::Member).propose_move(funding, fee_sat, session)?;
    pair.carry_out(Side::Member, effects);
    Ok(())
}

fn planned(pair: &mut Pair) -> Txid {
    pair.channel(Side::Member).planned_close(FEE_SAT).unwrap().txid()
}

/// In use, with something on the hub's side.
fn paid() -> Pair {
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 50_000 }).unwrap();
    pair.settle();
    pair.take_turn(Side::Member);
    pair.settle();
    pair
}

#[test]
fn the_transaction_is_known_before_anybody_signs_it() {
    let mut pair = paid();
    begin(&mut pair).unwrap();
    // The hub's script is not known yet.
    assert!(pair.channel(Side::Member).planned_close(FEE_SAT).is_err());
    pair.settle();
    let txid = planned(&mut pair);
    assert!(pair.closes.is_empty(), "signed before the new channel is");
    let funding = OutPoint { txid, vout: 1 };
    propose(&mut pair, funding, FEE_SAT).unwrap();
    pair.settle();
    assert_eq!(pair.closes.len(), 2);
    for close in &pair.closes {
        check_spend(close);
        assert_eq!(close.compute_txid(), txid);
        let moved: Vec<u64> =
            close.output.iter().filter(|o| o.script_pubkey == elsewhere()).map(|o| o.value.to_sat()).collect();
        assert_eq!(moved, [STAKE_SAT - 50_000 - FEE_SAT]);
    }
}

#[test]
fn it_is_the_same_transaction_after_any_restart() {
    for crashed in [Side::Member, Side::Hub] {
        for steps in 0..12 {
            let mut pair = paid();
            begin(&mut pair).unwrap();
            let mut before = None;
            for _ in 0..steps {
                if !pair.deliver_from(Side::Member) && !pair.deliver_from(Side::Hub) {
                    let txid = planned(&mut pair);
                    before = Some(txid);
                    let _ = propose(&mut pair, OutPoint { txid, vout: 1 }, FEE_SAT);
                }
            }
            pair.crash(crashed);
            pair.reconnect();
            pair.settle();
            let txid = planned(&mut pair);
            assert!(before.is_none_or(|before| before == txid));
            let _ = propose(&mut pair, OutPoint { txid, vout: 1 }, FEE_SAT);
            pair.settle();
            assert!(pair.closes.iter().all(|close| close.compute_txid() == txid), "{crashed:?} after {steps}");
            assert_eq!(pair.channel(Side::Member).signed_close().map(bitcoin::Transaction::compute_txid), Some(txid));
        }
    }
}

#[test]
fn no_other_transaction_can_come_of_it() {
    let mut pair = paid();
    begin(&mut pair).unwrap();
    pair.settle();
    let txid = planned(&mut pair);
    // Another fee, an ordinary proposal, another script: each would pay into an output that no commitment stands over.
    let changed = |refusal: ChannelError| {
        matches!(refusal, ChannelError::Invalid(Violation::Changed { .. })).then_some(()).unwrap()
    };
    changed(propose(&mut pair, OutPoint { txid, vout: 1 }, FEE_SAT + 154).unwrap_err());
    changed(pair.propose_close(Side::Member, FEE_SAT).unwrap_err());
    let session = pair.entropy.next();
    changed(pair.channel(Side::Member).close(crate::pair::close_script(Side::Member), session).unwrap_err());
    // The hub has no nonce to propose with, and the member none to answer with.
    assert_eq!(pair.propose_close(Side::Hub, 1_000).unwrap_err(), ChannelError::NotNow(Wait::ClosingNonce));
    propose(&mut pair, OutPoint { txid, vout: 1 }, FEE_SAT).unwrap();
    let Some(Msg::ClosingComplete(own)) = pair.intercept(Side::Member) else { panic!("no proposal") };
    pair.deliver(Side::Member, &Msg::ClosingComplete(ClosingComplete { fee_sat: 1_000, ..own }));
    assert!(pair.refusals.iter().any(|(_, detail)| detail.contains("C-33")), "{:?}", pair.refusals);
    assert!(pair.closes.is_empty());
}

#[test]
fn it_begins_only_when_no_balance_can_change() {
    let refused = |pair: &mut Pair| {
        let refusal = begin(pair).unwrap_err();
        assert!(matches!(refusal, ChannelError::NotNow(_)), "{refusal}");
        assert_eq!(pair.phase(Side::Member), Some(Phase::Ready), "the channel is in use as before");
        assert!(!pair.channel(Side::Member).closes_into());
    };
    let mut pair = Pair::in_use();
    pair.take_turn(Side::Hub);
    pair.settle();
    refused(&mut pair);
    let mut pair = Pair::in_use();
    pair.pay(Side::Member, Change::Dues { amount_sat: 40_000 }).unwrap();
    refused(&mut pair);
    let mut pair = Pair::in_use();
    let hold = pair.channel(Side::Member).order_hold(1, HoldId([1; 32]), 20_000, [0; 32]).unwrap();
    pair.pay(Side::Member, Change::Hold(hold)).unwrap();
    pair.settle();
    pair.take_turn(Side::Member);
    pair.settle();
    refused(&mut pair);
    let mut pair = Pair::in_use();
    pair.announce(10_000).unwrap();
    refused(&mut pair);
}

#[test]
fn closing_alone_stays_possible_at_every_moment() {
    for steps in 0..6 {
        let mut pair = paid();
        begin(&mut pair).unwrap();
        for _ in 0..steps {
            let _ = pair.deliver_from(Side::Member) || pair.deliver_from(Side::Hub);
        }
        pair.force_close(Side::Member);
        assert_eq!(pair.phase(Side::Member), Some(Phase::ForceClosing));
    }
}

#[test]
fn an_opening_that_it_funds_takes_its_outpoint() {
    // The new channel's machine asks no wallet: it takes any outpoint, at whatever place of the transaction.
    let keys = ChannelKeys::new(ChannelSeed::new([11; 32]));
    let (mut channel, _) = Channel::member_open(keys, OpeningId([4; 32]), params()).unwrap();
    let funding = OutPoint { txid: Txid::from_raw_hash(bitcoin::hashes::Hash::from_byte_array([5; 32])), vout: 1 };
    assert!(channel.first_commitments(funding).is_err(), "before the hub's key is known");
    assert!(channel.fund(funding, vec![1], [0; 64]).is_err());
}
