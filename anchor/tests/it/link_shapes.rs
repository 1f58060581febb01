//! Every shape of a link weighs what the builder pays for, and verifies like a plain one.

use althing_anchor::{
    BUMP_OUTPUT_VALUE, BuildError, Coin, LinkBuilder, LinkShape, MAX_TOP_UP_COINS, OtsForm, Seal, commitment_leaf,
    leaf_control_block, verify_link,
};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::schnorr;
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, TxOut, Txid, Weight, Witness};

use crate::support::{CAP, commitment, key, keypair, secp};

const SHAPES: [(LinkShape, OtsForm, usize); 6] = [
    (LinkShape::Plain, OtsForm::Split, 111),
    (LinkShape::Plain, OtsForm::OpReturn, 111 + 43),
    (LinkShape::Plain, OtsForm::Reveal, 111 + 26),
    (LinkShape::Anchored, OtsForm::Split, 111 + 13),
    (LinkShape::Anchored, OtsForm::OpReturn, 111 + 13 + 43),
    (LinkShape::Anchored, OtsForm::Reveal, 111 + 13 + 26),
];

fn seal() -> Seal {
    Seal {
        outpoint: OutPoint { txid: Txid::from_byte_array([5; 32]), vout: 0 },
        value: Amount::from_sat(10_000),
        anchor_key: key(1),
        commitment: commitment(1),
    }
}

fn builder(shape: LinkShape, form: OtsForm) -> LinkBuilder {
    LinkBuilder::new(seal(), key(2), commitment(2)).shape(shape).ots(form)
}

#[test]
fn each_shape_weighs_what_is_paid_for() {
    let rate = FeeRate::from_sat_per_kwu(777);
    for (shape, form, vsize) in SHAPES {
        let link = builder(shape, form).build(rate, CAP).unwrap().sign(&keypair(1), &[7; 32]).unwrap();
        let (transaction, fee) = (link.transaction(), rate.fee_wu(shape.weight(form)).unwrap());
        assert_eq!((transaction.vsize(), transaction.weight()), (vsize, shape.weight(form)), "{shape:?} {form:?}");
        assert_eq!(link.fee(), fee);
        let paid: Amount = transaction.output.iter().map(|output| output.value).sum();
        assert_eq!(paid + fee, seal().value);
        assert_eq!(shape.cost(form, rate, CAP), Ok(seal().value - link.seal().value));
        let next = verify_link(transaction, seal().outpoint, key(2), commitment(2));
        assert_eq!(next, Ok(link.seal().outpoint));
    }
}

#[test]
fn an_anchored_link_can_be_paid_for_by_anybody() {
    let link = builder(LinkShape::Anchored, OtsForm::Split).build(FeeRate::ZERO, CAP).unwrap();
    let expected = TxOut { value: BUMP_OUTPUT_VALUE, script_pubkey: ScriptBuf::from_hex("51024e73").unwrap() };
    assert_eq!(link.transaction().output[1], expected);
    assert_eq!(link.transaction().version, Version(3));
    assert_eq!(expected.script_pubkey.minimal_non_dust(), BUMP_OUTPUT_VALUE);
}

#[test]
fn an_op_return_repeats_the_commitment_and_is_last() {
    for shape in [LinkShape::Plain, LinkShape::Anchored] {
        let link = builder(shape, OtsForm::OpReturn).build(FeeRate::ZERO, CAP).unwrap();
        let last = link.transaction().output.last().unwrap();
        assert_eq!(last.value, Amount::ZERO);
        assert_eq!(last.script_pubkey.as_bytes(), [&[0x6a, 0x20][..], &[2; 32]].concat());
    }
}

#[test]
fn a_revealing_link_shows_the_leaf_of_the_seal() {
    let unsigned = builder(LinkShape::Plain, OtsForm::Reveal).build(FeeRate::ZERO, CAP).unwrap();
    let sighash = unsigned.sighash();
    let link = unsigned.clone().sign(&keypair(1), &[7; 32]).unwrap();
    let witness = &link.transaction().input[0].witness;
    assert_eq!(witness.len(), 3);
    let signature = schnorr::Signature::from_slice(&witness[0]).unwrap();
    secp().verify_schnorr(&signature, &sighash, &key(1)).unwrap();
    assert_eq!(&witness[1], commitment_leaf(key(1), commitment(1)).as_bytes());
    assert_eq!(&witness[2], leaf_control_block(key(1), commitment(1)).serialize());
    // A signature for the key path is none for the leaf.
    let key_path = builder(LinkShape::Plain, OtsForm::Split).build(FeeRate::ZERO, CAP).unwrap();
    let key_path = key_path.sign(&keypair(1), &[7; 32]).unwrap().transaction().input[0].witness[0].to_vec();
    let signature = schnorr::Signature::from_slice(&key_path).unwrap();
    assert_eq!(unsigned.attach(signature), Err(BuildError::BadSignature));
}

#[test]
fn a_wallet_tops_the_seal_up() {
    let coin = |vout| Coin {
        outpoint: OutPoint { txid: Txid::from_byte_array([6; 32]), vout },
        output: TxOut { value: Amount::from_sat(50_000), script_pubkey: ScriptBuf::new_p2tr(&secp(), key(3), None) },
        satisfaction: Weight::from_wu(66),
    };
    let (empty, rate) = (Seal { value: Amount::from_sat(330), ..seal() }, FeeRate::from_sat_per_vb_u32(10));
    let builder = LinkBuilder::new(empty, key(2), commitment(2));
    assert!(builder.build(rate, CAP).unwrap_err().to_string().contains("seal exhausted"));
    let builder = builder.top_up(vec![coin(0), coin(1)]);
    let unsigned = builder.build(rate, CAP).unwrap();
    assert_eq!(unsigned.spent_outputs().len(), 3);
    let fee = unsigned.fee();
    let link = unsigned.sign(&keypair(1), &[7; 32]).unwrap();
    assert_eq!(link.seal().value, Amount::from_sat(100_330) - fee);
    assert!(link.clone().with_wallet_witness(0, Witness::new()).is_none());
    assert!(link.clone().with_wallet_witness(3, Witness::new()).is_none());
    let wallet = Witness::from_slice(&[[1; 64]]);
    let link = link.with_wallet_witness(1, wallet.clone()).unwrap().with_wallet_witness(2, wallet).unwrap();
    assert_eq!(link.transaction().weight(), builder.weight());
    assert_eq!(fee, rate.fee_wu(builder.weight()).unwrap());
    let many = (0..6).map(coin).collect();
    let refused = LinkBuilder::new(seal(), key(2), commitment(2)).top_up(many).build(rate, CAP).unwrap_err();
    assert_eq!(refused, BuildError::TooManyCoins { found: MAX_TOP_UP_COINS + 1 });
}
