//! The ledger alone: thousands of proposals against the reference model, without a channel around them.

use althing_channels::{Balances, Change, HoldId, Ledger, LedgerKeys, PerSide, Side, SignedHold, Voucher};
use bitcoin::OutPoint;
use lightning::util::ser::{BigSize, Readable as _, Writeable as _};
use proptest::prelude::*;

use crate::pair::{funding_outpoint, keys};
use crate::testkit::model::Model;
use crate::testkit::money::lane_position;

fn ledger_keys() -> LedgerKeys {
    let funding = PerSide { member: keys(Side::Member).public().funding, hub: keys(Side::Hub).public().funding };
    LedgerKeys { channel: althing_channels::ChannelId([5; 32]), funding }
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Member), Just(Side::Hub)]
}

/// Amounts around every bound there is, and any.
fn any_amount() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..800,
        prop::sample::select(vec![241, 329, 330, 331, 999, 1_000, 1_001, 5_000, 10_000, 49_999, 50_000, 90_000]),
        0u64..200_000,
        any::<u64>(),
    ]
}

fn any_change() -> impl Strategy<Value = Change> {
    let id = || (0u8..4).prop_map(|id| HoldId([id; 32]));
    let funding = || (0u32..4).prop_map(|vout| OutPoint { vout, ..funding_outpoint() });
    let member = keys(Side::Member).funding_keypair();
    let channel = ledger_keys().channel;
    prop_oneof![
        any_amount().prop_map(|amount_sat| Change::Dues { amount_sat }),
        any_amount().prop_map(|amount_sat| Change::Reward { amount_sat }),
        (1u64..9, id(), any_amount()).prop_map(move |(serial, id, amount_sat)| {
            Change::Hold(SignedHold::sign(channel, serial, id, amount_sat, &member, [0; 32]))
        }),
        id().prop_map(|id| Change::HoldRelease { id }),
        (id(), 0..200_000u64).prop_map(|(id, amount_sat)| Change::HoldForfeit { id, amount_sat }),
        (any_side(), any_amount()).prop_map(move |(from, cumulative_sat)| {
            let key = keys(from).funding_keypair();
            Change::Voucher(Voucher::sign(channel, from, cumulative_sat, &key, [0; 32]))
        }),
        (funding(), 0u64..200_000).prop_map(|(funding, amount_sat)| Change::Deposit { funding, amount_sat }),
        (funding(), 0u64..100_000).prop_map(|(funding, amount_sat)| Change::PayOut { funding, amount_sat }),
        funding().prop_map(|funding| Change::FundingLocked { funding }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_ledger_is_the_model(
        start in 330u64..200_000,
        proposals in prop::collection::vec(
            (any_side(), prop::collection::vec(any_change(), 0..4), 0u64..6), 1..12),
    ) {
        let balances = Balances { member_sat: start, hub_sat: 0 };
        let mut ledger = Ledger::opening(funding_outpoint(), balances);
        let mut model = Model::new(start, 0);
        model.fund(funding_outpoint());
        for (proposer, changes, sequence) in proposals {
            let app = lane_position(sequence);
            let (after, expected) = (ledger.apply(&ledger_keys(), proposer, &changes, app), model.after(proposer, &changes, app));
            prop_assert_eq!(after.is_ok(), expected.is_some(), "{:?} {:?}: {:?}", proposer, changes, after);
            let (Ok(after), Some(expected)) = (after, expected) else { continue };
            (ledger, model) = (after, expected);
            prop_assert_eq!(i128::from(ledger.balances().member_sat), model.member_sat);
            prop_assert_eq!(i128::from(ledger.balances().hub_sat), model.hub_sat);
            prop_assert_eq!(i128::from(ledger.held_sat()), model.held_sat());
            for side in [Side::Member, Side::Hub] {
                prop_assert_eq!(i128::from(ledger.spendable_sat(side)), model.spendable_sat(side));
            }
        }
    }
}

#[test]
fn a_promise_counts_for_its_channel_only() {
    let (other, member) = (althing_channels::ChannelId([6; 32]), keys(Side::Member));
    let ledger = Ledger::opening(funding_outpoint(), Balances { member_sat: 1_000_000, hub_sat: 0 });
    let key = member.funding_keypair();
    for change in [
        Change::Hold(SignedHold::sign(other, 1, HoldId([1; 32]), 5_000, &key, [0; 32])),
        Change::Voucher(Voucher::sign(other, Side::Member, 5_000, &key, [0; 32])),
    ] {
        let refusal = ledger.apply(&ledger_keys(), Side::Hub, &[change], lane_position(0)).unwrap_err();
        assert!(refusal.to_string().contains("does not verify"), "{refusal}");
    }
}

/// C-105: a state from before names the serial of a withdrawal. It is read, and the serial forgotten.
#[test]
fn a_ledger_that_names_a_withdrawal_is_read() {
    let ledger = Ledger::opening(funding_outpoint(), Balances { member_sat: 1_000_000, hub_sat: 0 });
    let bytes = ledger.encode();
    let mut rest = bytes.as_slice();
    let number = |rest: &mut &[u8]| BigSize::read(rest).unwrap().0;
    number(&mut rest);
    let mut records = vec![(10, 7u64.to_be_bytes().to_vec())];
    while !rest.is_empty() {
        let (kind, length) = (number(&mut rest), number(&mut rest));
        let (value, after) = rest.split_at(usize::try_from(length).unwrap());
        records.push((kind, value.to_vec()));
        rest = after;
    }
    records.sort();
    let record = |(kind, value): &(u64, Vec<u8>)| {
        [BigSize(*kind).encode(), BigSize(value.len() as u64).encode(), value.clone()].concat()
    };
    let stream: Vec<u8> = records.iter().flat_map(record).collect();
    let stored = [BigSize(stream.len() as u64).encode(), stream].concat();
    assert!(stored.len() > bytes.len());
    assert_eq!(Ledger::read(&mut stored.as_slice()).unwrap(), ledger);
}
