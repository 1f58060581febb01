//! Several channels close alone at one time: each child has a coin of its own, and is small enough to be relayed.

use std::collections::BTreeSet;

use althing_channels::Side;
use althing_channels::monitor::{
    Child, ChildError, CoinForClosing, Need, WalletCoin, assign_coins, bump_child, reserve_per_close, to_remote_child,
};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, FeeRate, OutPoint, TxOut, Txid, Weight};
use proptest::prelude::*;

use crate::ended::{Ended, LIVE};
use crate::pair::close_script;

fn outpoint(number: u8) -> OutPoint {
    OutPoint { txid: Txid::from_byte_array([number; 32]), vout: u32::from(number) }
}

pub(crate) fn coin(number: u8, value_sat: u64) -> WalletCoin {
    let output = TxOut { value: Amount::from_sat(value_sat), script_pubkey: close_script(Side::Member) };
    WalletCoin { outpoint: outpoint(number), output, witness_weight: Weight::from_wu(66) }
}

#[test]
fn parent_and_child_together_pay_the_rate() {
    let ended = Ended::new(Side::Member);
    let commitment = ended.commitment(Side::Member, LIVE);
    for sat_vb in [1, 7, 300] {
        let rate = FeeRate::from_sat_per_vb_u32(sat_vb);
        let child = bump_child(&commitment, &[coin(1, 200_000)], &close_script(Side::Member), rate).unwrap();
        let Child { transaction, prevouts, fee_sat } = child;
        assert_eq!(fee_sat, 320 * u64::from(sat_vb));
        assert_eq!(transaction.version.0, 3);
        assert_eq!(transaction.output[0].value.to_sat(), 200_000 - fee_sat);
        assert_eq!(prevouts.iter().map(|output| output.value.to_sat()).sum::<u64>(), 200_000);
        assert!(reserve_per_close(rate).to_sat() >= fee_sat + 330);
    }
}

// C-77: what is kept while nothing is asked for pays for 50 sat/vB, and what is made then still counts when fees have doubled.
#[test]
fn what_is_kept_pays_for_a_spike() {
    let rate = FeeRate::from_sat_per_vb_u32;
    let commitment = Ended::new(Side::Member).commitment(Side::Member, LIVE);
    for urgent in [0, 1, 20, 50, 51, 200, 500] {
        let CoinForClosing { kept, made } = CoinForClosing::at(rate(urgent));
        assert!(made >= kept && made >= CoinForClosing::at(rate(2 * urgent)).kept, "{urgent}");
        let coins = [coin(1, kept.to_sat())];
        let child = bump_child(&commitment, &coins, &close_script(Side::Member), rate(urgent.max(50))).unwrap();
        assert_eq!(child.fee_sat, 320 * u64::from(urgent.max(50)));
    }
    assert_eq!(
        CoinForClosing::at(rate(2)),
        CoinForClosing { kept: Amount::from_sat(16_330), made: Amount::from_sat(16_330) }
    );
}

#[test]
fn the_peers_commitment_needs_no_coin_of_the_wallet() {
    let ended = Ended::new(Side::Member);
    let commitment = ended.commitment(Side::Hub, LIVE);
    let rate = FeeRate::from_sat_per_vb_u32(10);
    let child = to_remote_child(&ended.keys, &commitment, &close_script(Side::Member), rate, [7; 32]).unwrap();
    assert_eq!(commitment.vsize() + child.vsize(), 320);
    assert_eq!(child.output[0].value.to_sat(), 600_000 - 3_200);
    // Input 0 is the anchor: anybody's, without a witness.
    assert!(child.input[0].witness.is_empty());
    let prevouts: Vec<TxOut> =
        child.input.iter().map(|input| commitment.output[input.previous_output.vout as usize].clone()).collect();
    let sighash = bitcoin::sighash::SighashCache::new(&child)
        .taproot_key_spend_signature_hash(
            1,
            &bitcoin::sighash::Prevouts::All(&prevouts),
            bitcoin::sighash::TapSighashType::Default,
        )
        .unwrap();
    let key = bitcoin::XOnlyPublicKey::from_slice(&prevouts[1].script_pubkey.as_bytes()[2..]).unwrap();
    let signature = bitcoin::secp256k1::schnorr::Signature::from_slice(&child.input[1].witness[0]).unwrap();
    let message = bitcoin::secp256k1::Message::from_digest(sighash.to_byte_array());
    bitcoin::secp256k1::Secp256k1::new().verify_schnorr(&signature, &message, &key).unwrap();
}

#[test]
fn refusals_of_children() {
    let ended = Ended::new(Side::Member);
    let commitment = ended.commitment(Side::Member, LIVE);
    let (script, rate) = (close_script(Side::Member), FeeRate::from_sat_per_vb_u32(10));
    assert_eq!(bump_child(&ended.close(300), &[coin(1, 9_000)], &script, rate), Err(ChildError::NoAnchor));
    let refusal = bump_child(&commitment, &[coin(1, 3_529)], &script, rate);
    assert_eq!(refusal, Err(ChildError::Funds { have_sat: 3_529, need_sat: 3_530 }));
    assert!(bump_child(&commitment, &[coin(1, 3_530)], &script, rate).is_ok());
    let many: Vec<WalletCoin> = (0..20).map(|number| coin(number, 1_000)).collect();
    assert!(matches!(bump_child(&commitment, &many, &script, rate), Err(ChildError::Size { vsize: 1_245 })));
    // The own commitment pays the peer's key.
    let refusal = to_remote_child(&ended.keys, &commitment, &script, rate, [7; 32]);
    assert_eq!(refusal, Err(ChildError::NoOutput));
}

proptest! {
    /// Against the most that any assignment could give: needs and coins are thresholds, so sorting both tells.
    #[test]
    fn as_many_close_as_there_are_coins(
        values in prop::collection::vec(1u64..20, 0..12),
        least in prop::collection::vec((1u64..20, prop::option::of(0u8..12)), 0..12),
    ) {
        let coins: Vec<WalletCoin> = (0u8..).zip(&values).map(|(number, value)| coin(number, *value)).collect();
        let needs: Vec<Need> = (100u8..)
            .zip(&least)
            .map(|(number, (least_sat, held))| Need {
                funding: outpoint(number),
                least_sat: *least_sat,
                held: held.map(outpoint),
            })
            .collect();
        let given = assign_coins(&needs, &coins);
        let used: BTreeSet<OutPoint> = given.values().map(|coin| coin.outpoint).collect();
        prop_assert_eq!(used.len(), given.len(), "a coin for two children");
        for need in &needs {
            let Some(coin) = given.get(&need.funding) else { continue };
            prop_assert!(coin.output.value.to_sat() >= need.least_sat);
        }
        if needs.iter().all(|need| need.held.is_none()) {
            let (mut sorted_least, mut sorted_values) =
                (least.iter().map(|(least, _)| *least).collect::<Vec<_>>(), values.clone());
            sorted_least.sort_unstable();
            sorted_values.sort_unstable();
            let mut best = 0;
            for value in sorted_values {
                if sorted_least.get(best).is_some_and(|least| *least <= value) {
                    best += 1;
                }
            }
            prop_assert_eq!(given.len(), best);
        }
    }
}

#[test]
fn a_child_keeps_its_coin() {
    let coins = [coin(1, 5_000), coin(2, 4_000)];
    let need = |least_sat, held| Need { funding: outpoint(9), least_sat, held: Some(outpoint(held)) };
    let coin_of = |need| assign_coins(&[need], &coins)[&outpoint(9)].outpoint;
    assert_eq!(coin_of(need(3_000, 1)), outpoint(1));
    assert_eq!(coin_of(need(4_500, 2)), outpoint(1), "what it held is too small now");
    let two = [need(3_000, 1), Need { funding: outpoint(8), least_sat: 1, held: Some(outpoint(1)) }];
    let given = assign_coins(&two, &coins);
    assert_eq!((given[&outpoint(9)].outpoint, given[&outpoint(8)].outpoint), (outpoint(1), outpoint(2)));
}
