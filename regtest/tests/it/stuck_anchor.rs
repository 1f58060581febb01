//! A link below the mempool's minimum: a real node takes it together with a member's child, and a better version of it.

use althing_anchor::{BumpChild, Coin, Commitment, LinkBuilder, LinkShape, Seal, SignedLink, link_output_script};
use althing_regtest::Node;
use althing_regtest::bitcoin::hashes::Hash;
use althing_regtest::bitcoin::key::TapTweak;
use althing_regtest::bitcoin::secp256k1::{Keypair, Message, Secp256k1};
use althing_regtest::bitcoin::sighash::{Prevouts, SighashCache};
use althing_regtest::bitcoin::{
    Amount, FeeRate, OutPoint, Psbt, ScriptBuf, TapSighashType, Transaction, TxOut, Weight, Witness,
};

const CAP: FeeRate = FeeRate::from_sat_per_vb_u32(500);

fn rate(sat_per_vb: u32) -> FeeRate {
    FeeRate::from_sat_per_vb_u32(sat_per_vb)
}

fn keypair(n: u8) -> Keypair {
    Keypair::from_seckey_slice(&Secp256k1::new(), &[n; 32]).unwrap()
}

/// The member's wallet: one taproot key.
fn wallet() -> ScriptBuf {
    ScriptBuf::new_p2tr(&Secp256k1::new(), keypair(7).x_only_public_key().0, None)
}

/// A seal and a coin of a member, both mined.
fn founded(node: &Node) -> (Seal, Coin) {
    let (anchor_key, commitment) = (keypair(5).x_only_public_key().0, Commitment::new([1; 32]));
    let (value, satisfaction) = (Amount::from_sat(100_000), Weight::from_wu(66));
    let seal = TxOut { value, script_pubkey: link_output_script(anchor_key, commitment) };
    let coin = TxOut { value, script_pubkey: wallet() };
    let founding = node.pay_outputs(vec![seal, coin.clone()]).unwrap();
    node.mine(1).unwrap();
    let at = |vout| OutPoint { txid: founding.compute_txid(), vout };
    (Seal { outpoint: at(0), value, anchor_key, commitment }, Coin { outpoint: at(1), output: coin, satisfaction })
}

fn builder(seal: Seal, shape: LinkShape) -> LinkBuilder {
    LinkBuilder::new(seal, seal.anchor_key, Commitment::new([2; 32])).shape(shape)
}

fn link(seal: Seal, shape: LinkShape, fee_rate: FeeRate) -> SignedLink {
    builder(seal, shape).build(fee_rate, CAP).unwrap().sign(&keypair(5), &[7; 32]).unwrap()
}

/// Signs inputs 1 and up as the wallet does.
fn signed(psbt: &Psbt) -> Transaction {
    let spent: Vec<TxOut> = psbt.inputs.iter().map(|input| input.witness_utxo.clone().unwrap()).collect();
    let mut transaction = psbt.unsigned_tx.clone();
    for index in 1..transaction.input.len() {
        let sighash = SighashCache::new(&transaction)
            .taproot_key_spend_signature_hash(index, &Prevouts::All(&spent), TapSighashType::Default)
            .unwrap();
        let (secp, message) = (Secp256k1::new(), Message::from_digest(sighash.to_byte_array()));
        let signature = secp.sign_schnorr_no_aux_rand(&message, &keypair(7).tap_tweak(&secp, None).to_keypair());
        transaction.input[index].witness = Witness::from_slice(&[signature.serialize()]);
    }
    transaction
}

#[test]
fn a_member_pays_for_a_link_that_pays_nothing() {
    let node = Node::start().unwrap();
    let (seal, coin) = founded(&node);
    let stuck = link(seal, LinkShape::Anchored, FeeRate::ZERO);
    assert!(node.broadcast(stuck.transaction()).is_err(), "alone it is below the minimum");
    let bump = BumpChild::new(stuck.transaction().clone(), stuck.fee(), vec![coin], wallet());
    let child = signed(&bump.build(rate(20), CAP).unwrap());
    let answer = node.submit_package(&[stuck.transaction().clone(), child.clone()]).unwrap();
    assert_eq!(answer["package_msg"], "success", "{answer}");
    node.mine(1).unwrap();
    for transaction in [stuck.transaction(), &child] {
        assert!(node.inclusion(&transaction.compute_txid()).unwrap().is_some());
    }
}

#[test]
fn a_replacement_as_cheap_as_allowed_is_taken() {
    for shape in [LinkShape::Plain, LinkShape::Anchored] {
        let node = Node::start().unwrap();
        let (seal, _) = founded(&node);
        let stuck = link(seal, shape, rate(2));
        node.broadcast(stuck.transaction()).unwrap();
        let better = builder(seal, shape).build_replacement(stuck.transaction(), rate(3), CAP).unwrap();
        let better = better.sign(&keypair(5), &[7; 32]).unwrap();
        node.broadcast(better.transaction()).unwrap();
        assert_eq!(node.mempool().unwrap(), [better.transaction().compute_txid()], "{shape:?}");
    }
}

#[test]
fn the_next_link_pays_for_a_stuck_one() {
    for shape in [LinkShape::Plain, LinkShape::Anchored] {
        let node = Node::start().unwrap();
        let (seal, _) = founded(&node);
        let stuck = link(seal, shape, rate(1));
        node.broadcast(stuck.transaction()).unwrap();
        let parent = althing_anchor::Unconfirmed { fee: stuck.fee(), weight: stuck.transaction().weight() };
        let next = builder(stuck.seal(), shape).build_over(parent, rate(30), CAP).unwrap();
        let next = next.sign(&keypair(5), &[7; 32]).unwrap();
        node.broadcast(next.transaction()).unwrap();
        node.mine(1).unwrap();
        assert!(node.inclusion(&next.transaction().compute_txid()).unwrap().is_some(), "{shape:?}");
    }
}
