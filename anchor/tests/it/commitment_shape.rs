//! Output 0 carries exactly one commitment; every other Taproot shape is refused.

use althing_anchor::{LinkError, commitment_leaf, leaf_control_block, link_output_script, opens, verify_link};
use bitcoin::hashes::Hash;
use bitcoin::opcodes::all::{OP_PUSHNUM_1, OP_RETURN};
use bitcoin::secp256k1::Message;
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::taproot::{LeafVersion, TaprootBuilder, TaprootSpendInfo};
use bitcoin::{Amount, OutPoint, ScriptBuf, TapLeafHash, TapSighashType, TxOut, Txid};
use proptest::prelude::*;

use crate::support::{commitment, input, key, keypair, secp, transaction};

fn spend_info(leaves: Vec<(u8, ScriptBuf)>) -> TaprootSpendInfo {
    let builder = leaves
        .into_iter()
        .fold(TaprootBuilder::new(), |builder, (depth, script)| builder.add_leaf(depth, script).unwrap());
    builder.finalize(&secp(), key(1)).unwrap()
}

#[test]
fn output_is_what_the_general_taproot_builder_makes_of_one_leaf() {
    let info = spend_info(vec![(0, commitment_leaf(key(1), commitment(2)))]);
    let expected = ScriptBuf::new_p2tr_tweaked(info.output_key());
    assert_eq!(link_output_script(key(1), commitment(2)), expected);
    assert!(opens(&expected, key(1), commitment(2)));
}

#[test]
fn leaf_is_push_drop_push_checksig() {
    let mut expected = vec![0x20];
    expected.extend([2; 32]);
    expected.extend([0x75, 0x20]);
    expected.extend(key(1).serialize());
    expected.push(0xac);
    assert_eq!(commitment_leaf(key(1), commitment(2)).as_bytes(), expected);
    assert_eq!(expected.len(), 68);
}

#[test]
fn every_other_shape_is_refused() {
    let leaf = commitment_leaf(key(1), commitment(2));
    let other = commitment_leaf(key(1), commitment(3));
    let op_return = ScriptBuf::new_op_return([2; 32]);
    let anyone = ScriptBuf::builder().push_opcode(OP_PUSHNUM_1).into_script();
    assert!(op_return.as_bytes()[0] == OP_RETURN.to_u8());
    let p2tr = |leaves| ScriptBuf::new_p2tr_tweaked(spend_info(leaves).output_key());
    let table = [
        ("two leaves, two commitments", p2tr(vec![(1, leaf.clone()), (1, other)])),
        ("the same leaf twice", p2tr(vec![(1, leaf.clone()), (1, leaf.clone())])),
        ("a leaf that anybody can spend beside it", p2tr(vec![(1, leaf.clone()), (1, anyone)])),
        ("an OP_RETURN leaf", p2tr(vec![(0, op_return.clone())])),
        ("no leaf", ScriptBuf::new_p2tr(&secp(), key(1), None)),
        ("the key untweaked", {
            let untweaked = bitcoin::key::TweakedPublicKey::dangerous_assume_tweaked(key(1));
            ScriptBuf::new_p2tr_tweaked(untweaked)
        }),
        ("another internal key", link_output_script(key(9), commitment(2))),
        ("another commitment", link_output_script(key(1), commitment(3))),
        ("no taproot: the leaf in P2WSH", leaf.to_p2wsh()),
        ("no taproot: OP_RETURN output", op_return),
        ("empty script", ScriptBuf::new()),
    ];
    let seal = OutPoint { txid: Txid::from_byte_array([5; 32]), vout: 0 };
    for (name, script) in table {
        assert!(!opens(&script, key(1), commitment(2)), "{name}");
        let output = TxOut { value: Amount::from_sat(1_000), script_pubkey: script.clone() };
        let link = transaction(vec![input(seal.txid, 0)], vec![output]);
        let refusal = verify_link(&link, seal, key(1), commitment(2)).unwrap_err();
        match script.is_p2tr() {
            true => assert!(matches!(refusal, LinkError::DoesNotOpen { .. }), "{name}: {refusal}"),
            false => assert!(matches!(refusal, LinkError::NotTaproot { .. }), "{name}: {refusal}"),
        }
    }
}

/// What a node checks when a link is spent by its leaf: the control block leads to the output key, and the key in the
/// leaf signs the script-path sighash (BIP341, BIP342).
#[test]
fn leaf_can_be_spent() {
    let (anchor_key, committed) = (key(1), commitment(2));
    let leaf = commitment_leaf(anchor_key, committed);
    let control = leaf_control_block(anchor_key, committed);
    assert_eq!(control.serialize().len(), 33);
    let script_pubkey = link_output_script(anchor_key, committed);
    let output_key = bitcoin::XOnlyPublicKey::from_slice(&script_pubkey.as_bytes()[2..]).unwrap();
    assert!(control.verify_taproot_commitment(&secp(), output_key, &leaf));
    assert!(!control.verify_taproot_commitment(&secp(), output_key, &commitment_leaf(anchor_key, commitment(3))));

    let spent = TxOut { value: Amount::from_sat(5_000), script_pubkey };
    let reveal = transaction(vec![input(Txid::from_byte_array([5; 32]), 0)], vec![spent.clone()]);
    let leaf_hash = TapLeafHash::from_script(&leaf, LeafVersion::TapScript);
    let sighash = SighashCache::new(&reveal)
        .taproot_script_spend_signature_hash(0, &Prevouts::All(&[spent]), leaf_hash, TapSighashType::Default)
        .unwrap();
    let message = Message::from_digest(sighash.to_byte_array());
    let signature = secp().sign_schnorr_no_aux_rand(&message, &keypair(1));
    secp().verify_schnorr(&signature, &message, &anchor_key).unwrap();
}

proptest! {
    /// Both parities of the output key occur, and the control block always carries the right one.
    #[test]
    fn control_block_fits_any_commitment(bytes: [u8; 32], n in 1u8..=200) {
        let committed = bytes.into();
        let script = link_output_script(key(n), committed);
        let output_key = bitcoin::XOnlyPublicKey::from_slice(&script.as_bytes()[2..]).unwrap();
        let leaf = commitment_leaf(key(n), committed);
        prop_assert!(leaf_control_block(key(n), committed).verify_taproot_commitment(&secp(), output_key, &leaf));
    }
}
