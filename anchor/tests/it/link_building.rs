//! Building, paying for and signing a link; the wrong seal, the wrong key, the empty purse.

use althing_anchor::{
    BuildError, FeeError, LINK_VSIZE, LINK_WEIGHT, LinkBuilder, LinkError, MIN_SEAL, Seal, link_fee, links_affordable,
    verify_link,
};
use bitcoin::hashes::Hash;
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::schnorr;
use bitcoin::{Amount, FeeRate, OutPoint, Transaction, Txid};

use crate::support::{CAP, commitment, input, key, keypair, secp, signed, transaction};

fn seal(sat: u64) -> Seal {
    Seal {
        outpoint: OutPoint { txid: Txid::from_byte_array([5; 32]), vout: 0 },
        value: Amount::from_sat(sat),
        anchor_key: key(1),
        commitment: commitment(1),
    }
}

fn rate(sat_per_vb: u32) -> FeeRate {
    FeeRate::from_sat_per_vb_u32(sat_per_vb)
}

#[test]
fn a_link_costs_111_vbytes() {
    let link = signed(seal(10_000), 1, 2, commitment(2), 3);
    assert_eq!(link.transaction().vsize() as u64, 111);
    assert_eq!(LINK_VSIZE, 111);
    assert_eq!(link.transaction().weight(), LINK_WEIGHT);
    assert_eq!(link.transaction().output[0].value, Amount::from_sat(10_000 - 3 * 111));
    assert!(link.transaction().is_explicitly_rbf());
}

#[test]
fn signature_verifies_under_the_key_in_the_spent_script() {
    let link = signed(seal(10_000), 1, 2, commitment(2), 3);
    let unsigned = LinkBuilder::new(seal(10_000), key(2), commitment(2)).build(rate(3), CAP).unwrap();
    let script = seal(10_000).script_pubkey();
    let output_key = bitcoin::XOnlyPublicKey::from_slice(&script.as_bytes()[2..]).unwrap();
    let witness = &link.transaction().input[0].witness;
    assert_eq!(witness.len(), 1);
    let signature = schnorr::Signature::from_slice(&witness[0]).unwrap();
    secp().verify_schnorr(&signature, &unsigned.sighash(), &output_key).unwrap();
    assert_eq!(link.transaction().compute_txid(), unsigned.transaction().compute_txid());
}

#[test]
fn links_follow_one_another() {
    let first = signed(seal(10_000), 1, 2, commitment(2), 1);
    let second = signed(first.seal(), 2, 3, commitment(3), 1);
    let outpoint = verify_link(first.transaction(), seal(0).outpoint, key(2), commitment(2)).unwrap();
    assert_eq!(outpoint, first.seal().outpoint);
    assert_eq!(verify_link(second.transaction(), outpoint, key(3), commitment(3)), Ok(second.seal().outpoint));
    assert_eq!(second.seal().value, Amount::from_sat(10_000 - 222));
}

#[test]
fn a_wallet_may_top_up_and_take_change() {
    let mut link = signed(seal(10_000), 1, 2, commitment(2), 1).transaction().clone();
    link.input.push(input(Txid::from_byte_array([6; 32]), 1));
    link.output.push(link.output[0].clone());
    assert!(verify_link(&link, seal(0).outpoint, key(2), commitment(2)).is_ok());
}

#[test]
fn what_is_no_link_is_refused_by_name() {
    let good = signed(seal(10_000), 1, 2, commitment(2), 1).transaction().clone();
    let change = |edit: &dyn Fn(&mut Transaction)| {
        let mut link = good.clone();
        edit(&mut link);
        verify_link(&link, seal(0).outpoint, key(2), commitment(2)).unwrap_err()
    };
    let other = input(Txid::from_byte_array([6; 32]), 0);
    let wrong = LinkError::WrongSeal { found: other.previous_output, expected: seal(0).outpoint };
    assert_eq!(change(&|link| link.input.clear()), LinkError::NoInput);
    assert_eq!(change(&|link| link.output.clear()), LinkError::NoOutput);
    assert_eq!(change(&|link| link.input[0] = other.clone()), wrong);
    // The seal must be at input 0, not somewhere among the inputs.
    assert_eq!(change(&|link| link.input.insert(0, other.clone())), wrong);
    // The same transaction, other output.
    let vout = OutPoint { vout: 1, ..seal(0).outpoint };
    assert_eq!(
        change(&|link| link.input[0].previous_output = vout),
        LinkError::WrongSeal { found: vout, expected: seal(0).outpoint }
    );
    // The commitment must be at output 0.
    let elsewhere = change(&|link| {
        let mut first = link.output[0].clone();
        first.script_pubkey = althing_anchor::link_output_script(key(2), commitment(9));
        link.output.insert(0, first);
    });
    assert!(matches!(elsewhere, LinkError::DoesNotOpen { .. }), "{elsewhere}");
    let empty = transaction(vec![], vec![]);
    assert_eq!(verify_link(&empty, seal(0).outpoint, key(2), commitment(2)), Err(LinkError::NoInput));
}

#[test]
fn fees_have_a_cap_and_a_floor() {
    let build = |sat, fee_rate| LinkBuilder::new(seal(sat), key(2), commitment(2)).build(fee_rate, CAP).map(|_| ());
    assert_eq!(build(111 + 330, rate(1)), Ok(()));
    let exhausted = FeeError::SealExhausted { value: Amount::from_sat(440), fee: Amount::from_sat(111) };
    assert_eq!(build(440, rate(1)), Err(BuildError::Fee(exhausted)));
    assert!(build(0, rate(0)).unwrap_err().to_string().contains("seal exhausted"));
    assert_eq!(build(100_000_000, CAP), Ok(()));
    let above = rate(101);
    assert_eq!(build(100_000_000, above), Err(BuildError::Fee(FeeError::AboveCap { rate: above, cap: CAP })));
    // A rate that overflows is an unaffordable fee, not a panic.
    assert_eq!(link_fee(FeeRate::MAX, FeeRate::MAX), Ok(Amount::MAX_MONEY));
    // 444 wu at 1 sat/kwu is 0.444 sat, paid as 1.
    assert_eq!(link_fee(FeeRate::from_sat_per_kwu(1), CAP), Ok(Amount::from_sat(1)));
}

#[test]
fn the_forecast_is_what_building_allows() {
    for sat in [0, 329, 330, 440, 441, 1_000, 12_345] {
        let mut held = seal(sat);
        let mut built = 0;
        while let Ok(unsigned) = LinkBuilder::new(held, key(1), commitment(1)).build(rate(2), CAP) {
            held.value = unsigned.transaction().output[0].value;
            built += 1;
        }
        assert_eq!(links_affordable(Amount::from_sat(sat), rate(2)), Some(built), "{sat}");
        assert!(sat < 330 || held.value >= MIN_SEAL);
    }
    assert_eq!(links_affordable(Amount::from_sat(1_000), FeeRate::ZERO), None);
}

#[test]
fn only_the_seals_key_signs() {
    let unsigned = LinkBuilder::new(seal(10_000), key(2), commitment(2)).build(rate(1), CAP).unwrap();
    let refusal = unsigned.clone().sign(&keypair(2), &[0; 32]).unwrap_err();
    assert_eq!(refusal, BuildError::WrongKey { found: Box::new(key(2)), expected: Box::new(key(1)) });
    // A signature by the untweaked key, and one by the key tweaked without the leaf, are no signatures.
    let untweaked = secp().sign_schnorr_no_aux_rand(&unsigned.sighash(), &keypair(1));
    assert_eq!(unsigned.clone().attach(untweaked), Err(BuildError::BadSignature));
    let no_leaf = keypair(1).tap_tweak(&secp(), None).to_keypair();
    let no_leaf = secp().sign_schnorr_no_aux_rand(&unsigned.sighash(), &no_leaf);
    assert_eq!(unsigned.attach(no_leaf), Err(BuildError::BadSignature));
}

#[test]
fn a_replacement_commits_to_the_same() {
    let slow = signed(seal(10_000), 1, 2, commitment(2), 1);
    let fast = signed(seal(10_000), 1, 2, commitment(2), 5);
    assert_ne!(slow.transaction().compute_txid(), fast.transaction().compute_txid());
    assert_eq!(slow.transaction().output[0].script_pubkey, fast.transaction().output[0].script_pubkey);
    assert_eq!(slow.transaction().input[0].previous_output, fast.transaction().input[0].previous_output);
}
