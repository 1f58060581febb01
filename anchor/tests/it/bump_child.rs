//! Any member pays for a stuck anchored link; what cannot be relayed is refused before it is sent.

use althing_anchor::{BumpChild, BumpError, Coin, LinkBuilder, LinkShape, MAX_BUMP_WEIGHT, Seal, SignedLink};
use bitcoin::hashes::Hash;
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::Message;
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, TapSighashType, Transaction, TxOut, Txid, Weight, Witness};

use crate::support::{CAP, commitment, key, keypair, secp};

fn rate(sat_per_vb: u32) -> FeeRate {
    FeeRate::from_sat_per_vb_u32(sat_per_vb)
}

fn link(shape: LinkShape) -> SignedLink {
    let seal = Seal {
        outpoint: OutPoint { txid: Txid::from_byte_array([5; 32]), vout: 0 },
        value: Amount::from_sat(10_000),
        anchor_key: key(1),
        commitment: commitment(1),
    };
    let builder = LinkBuilder::new(seal, key(2), commitment(2)).shape(shape);
    builder.build(rate(1), CAP).unwrap().sign(&keypair(1), &[7; 32]).unwrap()
}

/// The member's wallet: one taproot key.
fn wallet() -> ScriptBuf {
    ScriptBuf::new_p2tr(&secp(), key(7), None)
}

fn coin(vout: u32, sat: u64) -> Coin {
    let output = TxOut { value: Amount::from_sat(sat), script_pubkey: wallet() };
    let outpoint = OutPoint { txid: Txid::from_byte_array([6; 32]), vout };
    Coin { outpoint, output, satisfaction: Weight::from_wu(66) }
}

fn child(shape: LinkShape, coins: Vec<Coin>) -> BumpChild {
    let link = link(shape);
    BumpChild::new(link.transaction().clone(), link.fee(), coins, wallet())
}

/// Signs inputs 1 and up as the wallet does.
fn signed(psbt: &bitcoin::Psbt) -> Transaction {
    let spent: Vec<TxOut> = psbt.inputs.iter().map(|input| input.witness_utxo.clone().unwrap()).collect();
    let mut transaction = psbt.unsigned_tx.clone();
    for index in 1..transaction.input.len() {
        let sighash = SighashCache::new(&transaction)
            .taproot_key_spend_signature_hash(index, &Prevouts::All(&spent), TapSighashType::Default)
            .unwrap();
        let tweaked = keypair(7).tap_tweak(&secp(), None).to_keypair();
        let signature = secp().sign_schnorr_no_aux_rand(&Message::from_digest(sighash.to_byte_array()), &tweaked);
        transaction.input[index].witness = Witness::from_slice(&[signature.serialize()]);
    }
    transaction
}

#[test]
fn link_and_child_have_the_wanted_rate_together() {
    let link = link(LinkShape::Anchored);
    for coins in [vec![coin(0, 100_000)], (0..5).map(|vout| coin(vout, 20_000)).collect()] {
        let bump = child(LinkShape::Anchored, coins);
        let psbt = bump.build(rate(50), CAP).unwrap();
        assert_eq!(psbt.inputs[0].final_script_witness, Some(Witness::new()));
        let transaction = signed(&psbt);
        assert_eq!(transaction.version, Version(3));
        assert_eq!(transaction.weight(), bump.weight());
        let anchor = OutPoint { txid: link.transaction().compute_txid(), vout: 1 };
        assert_eq!(transaction.input[0].previous_output, anchor);
        let both = link.transaction().weight() + transaction.weight();
        assert_eq!(link.fee() + psbt.fee().unwrap(), rate(50).fee_wu(both).unwrap());
    }
}

#[test]
fn what_would_not_work_is_refused_by_name() {
    let plain = link(LinkShape::Plain).transaction().compute_txid();
    let refusal = |bump: BumpChild, fee_rate| bump.build(fee_rate, CAP).unwrap_err();
    let rich = || vec![coin(0, 1_000_000)];
    assert_eq!(refusal(child(LinkShape::Plain, rich()), rate(5)), BumpError::NotAnchored { link: plain });
    assert_eq!(refusal(child(LinkShape::Anchored, vec![]), rate(5)), BumpError::NoCoins);
    let above = BumpError::AboveCap { rate: rate(101), cap: CAP };
    assert_eq!(refusal(child(LinkShape::Anchored, rich()), rate(101)), above);
    let many = child(LinkShape::Anchored, (0..20).map(|vout| coin(vout, 1_000)).collect());
    let weight = many.weight();
    assert!(weight > MAX_BUMP_WEIGHT);
    assert_eq!(refusal(many, rate(5)), BumpError::TooHeavy { weight });
    let poor = refusal(child(LinkShape::Anchored, vec![coin(0, 500)]), rate(5));
    assert!(matches!(poor, BumpError::TooFewCoins { held, .. } if held == Amount::from_sat(740)), "{poor}");
}
