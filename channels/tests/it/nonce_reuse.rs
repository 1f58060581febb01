//! A nonce that enters two signing sessions gives the funding key away. The pair in `pair.rs` watches every signing
//! nonce over all restarts; here are the cases it cannot reach.

use std::collections::BTreeSet;

use althing_channels::{ChannelKeys, ChannelSeed, Effect, FundingAggregate, Msg, Phase, SessionSecret, Side};
use bitcoin::Txid;
use bitcoin::hashes::Hash;
use proptest::prelude::*;

use crate::pair::{Fault, FaultKind, Pair, keys};

#[test]
fn own_commitment_is_signed_once_whatever_happens() {
    for side in [Side::Member, Side::Hub] {
        let mut pair = Pair::new(Vec::new());
        pair.run_until(Phase::Ready);
        pair.force_close(side);
        for _ in 0..3 {
            pair.crash(side);
            pair.reconnect();
            pair.settle();
            pair.force_close(side);
        }
        let (_, first) = pair.commitments.first().unwrap().clone();
        assert!(pair.commitments.len() >= 7);
        assert!(pair.commitments.iter().all(|broadcast| *broadcast == (side, first.clone())));
        // Nothing else is signed afterwards.
        let session = pair.entropy.next();
        let refusal = pair.channel(side).close(crate::pair::close_script(side), session).unwrap_err();
        assert_eq!(refusal.to_string(), "C-11: closing is not possible in phase ForceClosing");
    }
}

#[test]
fn a_close_signed_after_a_force_close_is_ignored() {
    let mut pair = Pair::new(Vec::new());
    pair.run_until(Phase::Ready);
    pair.settle();
    pair.close(Side::Member);
    // shutdown, shutdown, closing_complete; the hub's answer is held back.
    for from in [Side::Member, Side::Hub, Side::Member] {
        let msg = pair.intercept(from).unwrap();
        pair.deliver(from.other(), &msg);
    }
    let answer = pair.intercept(Side::Hub).unwrap();
    assert!(matches!(answer, Msg::ClosingSig(_)));
    pair.force_close(Side::Member);
    pair.deliver(Side::Member, &answer);
    assert_eq!(pair.phase(Side::Member), Some(Phase::ForceClosing));
    assert_eq!(pair.closes.len(), 1, "only the hub broadcast the close");
}

#[test]
fn forgotten_signing_of_the_own_commitment_repeats_the_session() {
    // The crash comes after signing and before storing. The stored peer signature is the first one for ever, so the
    // second signing has the same message and nonces.
    let mut pair = Pair::new(Vec::new());
    pair.run_until(Phase::Ready);
    let stored = pair.channel(Side::Member).encode();
    let witnesses: BTreeSet<_> = (0..3)
        .map(|_| {
            let mut channel = althing_channels::Channel::decode(&stored, keys(Side::Member)).unwrap();
            format!("{:?}", channel.force_close().unwrap())
        })
        .collect();
    assert_eq!(witnesses.len(), 1);
}

#[test]
fn a_repeated_signature_is_ignored_in_silence() {
    let mut pair = Pair::new(Vec::new());
    for from in [Side::Member, Side::Hub, Side::Member] {
        let msg = pair.intercept(from).unwrap();
        pair.deliver(from.other(), &msg);
    }
    let signed = pair.intercept(Side::Hub).unwrap();
    assert!(matches!(signed, Msg::FundingSigned(_)));
    pair.deliver(Side::Member, &signed);
    let stored = pair.channel(Side::Member).encode();
    let again = pair.channel(Side::Hub).on_reconnect(SessionSecret::new([77; 32]).unwrap());
    let Effect::Send(fresh) = &again[0] else { panic!("{again:?}") };
    assert_ne!(*fresh, signed, "signed again with another nonce");
    for msg in [&signed, fresh] {
        pair.deliver(Side::Member, msg);
    }
    assert!(pair.refusals.is_empty(), "{:?}", pair.refusals);
    assert_eq!(pair.channel(Side::Member).encode(), stored);
}

#[test]
fn peers_later_signature_does_not_replace_the_first() {
    // A hub that signs commitment 0 again on every reconnect must not change what the member stored.
    let mut pair = Pair::new(vec![Fault { at: 12, kind: FaultKind::Disconnect }]);
    pair.run_until(Phase::Ready);
    let stored = pair.channel(Side::Member).encode();
    for _ in 0..3 {
        pair.reconnect();
        pair.settle();
    }
    assert_eq!(pair.channel(Side::Member).encode(), stored);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    // The counter nonce differs with the funding, the number and the key, and with nothing else.
    #[test]
    fn verification_nonces_are_distinct(
        seed: [u8; 32],
        txids in prop::collection::btree_set(any::<[u8; 32]>(), 2..4),
        numbers in prop::collection::btree_set(0u64..1 << 48, 2..4),
    ) {
        let own = ChannelKeys::new(ChannelSeed::new(seed));
        let aggregate =
            FundingAggregate::new(&own.public().funding, &keys(Side::Hub).public().funding);
        let mut seen = BTreeSet::new();
        for txid in &txids {
            for number in &numbers {
                let txid = Txid::from_byte_array(*txid);
                let nonce = aggregate.verification_nonce(&own.funding_secret(), txid, *number, None);
                let again = aggregate.verification_nonce(&own.funding_secret(), txid, *number, None);
                prop_assert_eq!(nonce.public(), again.public());
                seen.insert(nonce.public().to_bytes());
            }
        }
        prop_assert_eq!(seen.len(), txids.len() * numbers.len());
    }

    // A generator that repeats itself does not repeat a nonce, unless message and peer's nonce are the same too.
    #[test]
    fn signing_nonces_survive_a_stuck_generator(
        entropy in any::<[u8; 32]>().prop_filter("zeros", |bytes| *bytes != [0; 32]),
        first: [u8; 32],
        second: [u8; 32],
    ) {
        prop_assume!(first != second);
        let (own, peer) = (keys(Side::Member), keys(Side::Hub));
        let aggregate = FundingAggregate::new(&own.public().funding, &peer.public().funding);
        let nonce_of = |number| {
            let txid = Txid::from_byte_array([5; 32]);
            aggregate.verification_nonce(&peer.funding_secret(), txid, number, None).public()
        };
        let mut seen = BTreeSet::new();
        for sighash in [first, second] {
            for number in [0, 1] {
                let session = SessionSecret::new(entropy).unwrap();
                let part = aggregate.sign_fresh(
                    &own.funding_secret(), session, &nonce_of(number), sighash);
                seen.insert(part.nonce.to_bytes());
            }
        }
        prop_assert_eq!(seen.len(), 4);
    }
}
