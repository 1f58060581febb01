//! The `musig2` crate, written independently in Rust, as oracle for our use of libsecp256k1's MuSig2.

use althing_channels::{
    FundingAggregate, PartialSignature, PartialSignatureWithNonce, PublicNonce, SessionSecret, funding_script,
};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Message, PublicKey, Secp256k1, SecretKey, schnorr};
use bitcoin::{ScriptBuf, Txid};
use musig2::{AggNonce, BinaryEncoding, KeyAggContext, PubNonce, SecNonce};
use proptest::prelude::*;

fn secret() -> impl Strategy<Value = SecretKey> {
    any::<[u8; 32]>().prop_filter_map("not a scalar", |bytes| SecretKey::from_slice(&bytes).ok())
}

fn public(secret: &SecretKey) -> PublicKey {
    PublicKey::from_secret_key(&Secp256k1::new(), secret)
}

fn oracle(a: &PublicKey, b: &PublicKey) -> KeyAggContext {
    let mut keys = [*a, *b];
    keys.sort_by_key(PublicKey::serialize);
    KeyAggContext::new(keys).unwrap().with_unspendable_taproot_tweak().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn key_and_script_agree(a in secret(), b in secret()) {
        let (a, b) = (public(&a), public(&b));
        let context = oracle(&a, &b);
        let aggregate = FundingAggregate::new(&a, &b);
        let untweaked: PublicKey = context.aggregated_pubkey_untweaked();
        let tweaked: PublicKey = context.aggregated_pubkey();
        prop_assert_eq!(aggregate.internal_key(), untweaked.x_only_public_key().0);
        prop_assert_eq!(aggregate.output_key(), tweaked.x_only_public_key().0);
        // rust-bitcoin's own BIP86 tweak is the second witness.
        let script = ScriptBuf::new_p2tr(&Secp256k1::new(), aggregate.internal_key(), None);
        prop_assert_eq!(funding_script(&a, &b), script.clone());
        prop_assert_eq!(funding_script(&b, &a), script);
    }

    #[test]
    fn one_signature_by_both_libraries(
        hub in secret(),
        member in secret(),
        sighash: [u8; 32],
        seed: [u8; 32],
        txid: [u8; 32],
        number in 0u64..1 << 48,
    ) {
        let (hub_key, member_key) = (public(&hub), public(&member));
        let context = oracle(&hub_key, &member_key);
        let aggregate = FundingAggregate::new(&hub_key, &member_key);

        // The member's wallet speaks `musig2`; ours is the hub, with the nonce that is derived from the counter.
        let ours = aggregate.verification_nonce(&hub, Txid::from_byte_array(txid), number, None);
        let our_nonce = ours.public();
        let theirs = SecNonce::build_with_seckey(seed, member).with_message(&sighash).build();
        let their_nonce = PublicNonce::from_bytes(&theirs.public_nonce().to_bytes()).unwrap();
        let agg_nonce = AggNonce::sum([
            PubNonce::from_bytes(&our_nonce.to_bytes()).unwrap(),
            theirs.public_nonce(),
        ]);
        let scalar: musig2::PartialSignature =
            musig2::sign_partial(&context, member, theirs, &agg_nonce, sighash).unwrap();
        let their_part = PartialSignatureWithNonce {
            signature: PartialSignature::from_bytes(&scalar.serialize()).unwrap(),
            nonce: their_nonce,
        };
        prop_assert!(aggregate.verify_partial(&member_key, &their_part, &our_nonce, sighash));
        prop_assert!(!aggregate.verify_partial(&hub_key, &their_part, &our_nonce, sighash));

        let our_scalar = aggregate.sign(&hub, ours, &their_nonce, sighash);
        musig2::verify_partial(
            &context,
            musig2::PartialSignature::from_slice(&our_scalar.to_bytes()).unwrap(),
            &agg_nonce,
            hub_key,
            &PubNonce::from_bytes(&our_nonce.to_bytes()).unwrap(),
            sighash,
        )
        .unwrap();

        let our_part = PartialSignatureWithNonce { signature: our_scalar, nonce: our_nonce };
        let full = aggregate.aggregate(&our_part, &their_part, sighash).unwrap();
        let oracle_full: schnorr::Signature = musig2::aggregate_partial_signatures::<_, musig2::CompactSignature>(
            &context,
            &agg_nonce,
            [scalar, musig2::PartialSignature::from_slice(&our_scalar.to_bytes()).unwrap()],
            sighash,
        )
        .map(|signature| schnorr::Signature::from_slice(&signature.serialize()).unwrap())
        .unwrap();
        prop_assert_eq!(full, oracle_full);
        Secp256k1::new()
            .verify_schnorr(&full, &Message::from_digest(sighash), &aggregate.output_key())
            .unwrap();
    }

    #[test]
    fn counter_nonce_is_bip327_nonce_gen(
        own in secret(),
        peer in secret(),
        txid: [u8; 32],
        number in 0u64..1 << 48,
    ) {
        // C-16 as an independent implementation would compute it.
        let context = oracle(&public(&own), &public(&peer));
        let aggregate = FundingAggregate::new(&public(&own), &public(&peer));
        let mut rand = [0; 32];
        rand[..8].copy_from_slice(&number.to_be_bytes());
        let aggregated: PublicKey = context.aggregated_pubkey();
        let expected = SecNonce::build_with_seckey(rand, own)
            .with_aggregated_pubkey(aggregated)
            .with_extra_input(&txid)
            .build()
            .public_nonce();
        let nonce = aggregate.verification_nonce(&own, Txid::from_byte_array(txid), number, None).public();
        prop_assert_eq!(nonce.to_bytes().to_vec(), expected.to_bytes().to_vec());
    }
}

#[test]
fn randomness_of_zeros_is_refused() {
    assert!(SessionSecret::new([0; 32]).is_err());
}

#[test]
fn a_peers_nonce_that_cancels_ours_is_harmless() {
    // The sum of the nonces is then the point at infinity, for which BIP327 has a rule of its own.
    let own = SecretKey::from_slice(&[1; 32]).unwrap();
    let peer = SecretKey::from_slice(&[2; 32]).unwrap();
    let aggregate = FundingAggregate::new(&public(&own), &public(&peer));
    let nonce = aggregate.verification_nonce(&own, Txid::from_byte_array([3; 32]), 0, None);
    let mut bytes = nonce.public().to_bytes();
    bytes[0] ^= 1;
    bytes[33] ^= 1;
    let cancelling = PublicNonce::from_bytes(&bytes).unwrap();
    let signature = aggregate.sign(&own, nonce, &cancelling, [4; 32]);
    let forged = PartialSignatureWithNonce { signature, nonce: cancelling };
    let again = aggregate.verification_nonce(&own, Txid::from_byte_array([3; 32]), 0, None).public();
    assert!(!aggregate.verify_partial(&public(&peer), &forged, &again, [4; 32]));
    assert!(aggregate.aggregate(&forged, &forged, [4; 32]).is_none());
}
