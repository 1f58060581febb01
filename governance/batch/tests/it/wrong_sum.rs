//! A fault of this crate is noticed, and from then on libsecp256k1 alone decides.

use althing_batch::arith::{Affine, Field};
use althing_batch::{KeyCache, Lanes, Verifier};
use secp256k1::{Keypair, XOnlyPublicKey, schnorr};

use crate::votes::{Vote, items, member, refused_one_by_one, votes};

fn point(key: [u8; 32]) -> Affine {
    Affine::lift_x(Field::from_be_bytes(&key).unwrap()).unwrap()
}

/// A key decompressed to the wrong y makes valid signatures fail the equation.
#[test]
fn valid_signatures_refused_by_the_batch() {
    let batch = votes(64, 64);
    let mut keys = KeyCache::with_capacity(64);
    keys.insert(point(batch[20].key).negate());
    let mut verifier = Verifier::with(Lanes::detect(), keys);
    assert!(verifier.check(&items(&batch)).is_all_valid());
    let found = verifier.disagreement().unwrap();
    assert!(found.is_valid);

    // One by one from now on, and right.
    let mut spoiled = batch.clone();
    spoiled[20].signature[40] ^= 1;
    spoiled[50].signature[40] ^= 1;
    assert_eq!(verifier.check(&items(&spoiled)).invalid, [20, 50]);
    assert!(verifier.disagreement().is_some());
}

/// Signatures that the batch believes because it takes another point for the key: the sample sees them.
#[test]
fn invalid_signatures_accepted_by_the_batch() {
    // With the wrong point -P for the key of P, a signature that answers the challenge with -e instead of e is accepted.
    let honest = member(3);
    let (key, parity) = honest.x_only_public_key();
    let nonce = member(99);
    let forged: Vec<_> = (0..16).map(|i| signed_for_the_opposite_key(&honest, parity, key, &nonce, &[i; 32])).collect();
    assert_eq!(refused_one_by_one(&forged).len(), 16);

    let mut keys = KeyCache::with_capacity(4);
    keys.insert(point(key.to_byte_array()).negate());
    let mut verifier = Verifier::with(Lanes::detect(), keys);
    assert_eq!(verifier.check(&items(&forged)).invalid, (0..16).collect::<Vec<_>>());
    assert!(!verifier.disagreement().unwrap().is_valid);
}

/// s = k - e d, where d is the secret of the point with an even y.
fn signed_for_the_opposite_key(
    honest: &Keypair,
    parity: secp256k1::Parity,
    key: XOnlyPublicKey,
    nonce: &Keypair,
    message: &[u8],
) -> Vote {
    use althing_batch::arith::Scalar;
    let even = |pair: &Keypair, parity| {
        let secret = Scalar::from_be_bytes(&pair.to_secret_bytes()).unwrap();
        if parity == secp256k1::Parity::Odd { -secret } else { secret }
    };
    let (r, nonce_parity) = nonce.x_only_public_key();
    let valid = schnorr::sign_with_aux_rand(message, honest, &[0; 32]);
    assert!(schnorr::verify(&valid, message, &key).is_ok());
    let e = Scalar::from_be_bytes_reduced(&challenge(&r.to_byte_array(), &key.to_byte_array(), message));
    let s = even(nonce, nonce_parity) - e * even(honest, parity);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r.to_byte_array());
    signature[32..].copy_from_slice(&s.to_be_bytes());
    Vote { key: key.to_byte_array(), message: message.to_vec(), signature }
}

fn challenge(r: &[u8], key: &[u8], message: &[u8]) -> [u8; 32] {
    use bitcoin::hashes::{Hash as _, sha256};
    let tag = sha256::Hash::hash(b"BIP0340/challenge");
    let parts = [tag.as_byte_array(), tag.as_byte_array(), r, key, message];
    sha256::Hash::hash(&parts.concat()).to_byte_array()
}
