//! After a force close both sides get their parts, with keys of the seed alone.

use althing_channels::{Phase, Side, SweepError, SweepTo, ToLocal, sweep_to_local, sweep_to_remote, to_remote_script};
use bitcoin::hashes::Hash;
use bitcoin::key::XOnlyPublicKey;
use bitcoin::secp256k1::{Message, Secp256k1, schnorr};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::{ControlBlock, LeafVersion};
use bitcoin::{ScriptBuf, Sequence, TapLeafHash, Transaction};

use crate::pair::{Pair, close_script, keys};

fn to(fee_sat: u64) -> SweepTo {
    SweepTo { script: close_script(Side::Member), fee_sat, aux_rand: [4; 32] }
}

fn force_closed(by: Side) -> (Pair, Transaction) {
    let mut pair = Pair::new(Vec::new());
    pair.run_until(Phase::Ready);
    pair.force_close(by);
    let (_, commitment) = pair.commitments[0].clone();
    (pair, commitment)
}

#[test]
fn member_sweeps_its_own_commitment_after_the_lock() {
    let (mut pair, commitment) = force_closed(Side::Member);
    let context = pair.channel(Side::Member).context().unwrap();
    let own = keys(Side::Member);
    let sweep = sweep_to_local(&own, &context, Side::Member, 0, &commitment, &to(130)).unwrap();
    assert_eq!(sweep.vsize(), 130);
    assert_eq!(sweep.input[0].sequence, Sequence::from_height(144));
    assert_eq!(sweep.output[0].value.to_sat(), 1_000_000 - 130);

    // As a node would check it: the leaf is in the output, and the delayed key of the leaf signed.
    let prevout = &commitment.output[sweep.input[0].previous_output.vout as usize];
    let witness: Vec<&[u8]> = sweep.input[0].witness.iter().collect();
    let leaf = ScriptBuf::from(witness[1].to_vec());
    let control = ControlBlock::decode(witness[2]).unwrap();
    let output_key = XOnlyPublicKey::from_slice(&prevout.script_pubkey.as_bytes()[2..]).unwrap();
    let secp = Secp256k1::new();
    assert!(control.verify_taproot_commitment(&secp, output_key, &leaf));
    assert_eq!(
        leaf.to_asm_string().split(' ').skip(2).collect::<Vec<_>>().join(" "),
        "OP_CHECKSIGVERIFY OP_PUSHBYTES_2 9000 OP_CSV"
    );
    let sighash = SighashCache::new(&sweep)
        .taproot_script_spend_signature_hash(
            0,
            &Prevouts::All(&[prevout]),
            TapLeafHash::from_script(&leaf, LeafVersion::TapScript),
            TapSighashType::Default,
        )
        .unwrap();
    let delayed = XOnlyPublicKey::from_slice(&leaf.as_bytes()[1..33]).unwrap();
    let signature = schnorr::Signature::from_slice(witness[0]).unwrap();
    secp.verify_schnorr(&signature, &Message::from_digest(sighash.to_byte_array()), &delayed).unwrap();
}

#[test]
fn member_takes_its_part_of_the_hubs_commitment_at_once() {
    let (_, commitment) = force_closed(Side::Hub);
    let own = keys(Side::Member);
    let sweep = sweep_to_remote(&own, &commitment, &to(111)).unwrap();
    assert_eq!(sweep.vsize(), 111);
    let prevout = &commitment.output[sweep.input[0].previous_output.vout as usize];
    assert_eq!(prevout.script_pubkey, to_remote_script(&own.public().payment));
    let sighash = SighashCache::new(&sweep)
        .taproot_key_spend_signature_hash(0, &Prevouts::All(&[prevout]), TapSighashType::Default)
        .unwrap();
    let key = XOnlyPublicKey::from_slice(&prevout.script_pubkey.as_bytes()[2..]).unwrap();
    let signature = schnorr::Signature::from_slice(sweep.input[0].witness.nth(0).unwrap()).unwrap();
    Secp256k1::new().verify_schnorr(&signature, &Message::from_digest(sighash.to_byte_array()), &key).unwrap();
}

#[test]
fn nothing_to_sweep_is_said() {
    let (mut pair, commitment) = force_closed(Side::Member);
    let context = pair.channel(Side::Hub).context().unwrap();
    let hub = keys(Side::Hub);
    assert_eq!(sweep_to_remote(&hub, &commitment, &to(1)), Err(SweepError::NoOutput));
    assert_eq!(sweep_to_local(&hub, &context, Side::Hub, 0, &commitment, &to(1)), Err(SweepError::NoOutput));
    let member = keys(Side::Member);
    for fee_sat in [999_671, u64::MAX] {
        assert_eq!(
            sweep_to_local(&member, &context, Side::Member, 0, &commitment, &to(fee_sat)),
            Err(SweepError::Fee { fee_sat, value_sat: 1_000_000 })
        );
    }
}

#[test]
fn a_revealed_secret_gives_the_peer_the_revocation_key() {
    // What justice rests on, from commitment 0 on.
    let (member, hub) = (keys(Side::Member), keys(Side::Hub));
    let secp = Secp256k1::new();
    let revocation = lightning::ln::chan_utils::derive_private_revocation_key(
        &secp,
        &member.per_commitment_secret(0),
        &hub.revocation_secret(),
    );
    let to_local = ToLocal::new(
        &member.per_commitment_point(0),
        &member.public().delayed_basepoint,
        &hub.public().revocation_basepoint,
        144,
    );
    assert_eq!(to_local.spend_info().internal_key(), revocation.x_only_public_key(&secp).0);
}
