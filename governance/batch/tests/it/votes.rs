//! Signatures to be checked, and the oracle: libsecp256k1 one by one.

use althing_batch::{Item, KeyCache, Lanes, Verifier};
use secp256k1::{Keypair, SecretKey, XOnlyPublicKey, schnorr};

/// An item that owns its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vote {
    pub(crate) key: [u8; 32],
    pub(crate) message: Vec<u8>,
    pub(crate) signature: [u8; 64],
}

/// The key pair of member `number`.
pub(crate) fn member(number: u64) -> Keypair {
    let mut secret = [7; 32];
    secret[24..].copy_from_slice(&number.to_be_bytes());
    Keypair::from_secret_key(&SecretKey::from_secret_bytes(secret).unwrap())
}

/// A valid signature of `member` under `message`.
pub(crate) fn vote(number: u64, message: &[u8]) -> Vote {
    let keypair = member(number);
    let signature = schnorr::sign_with_aux_rand(message, &keypair, &[number as u8; 32]);
    Vote {
        key: keypair.x_only_public_key().0.to_byte_array(),
        message: message.to_vec(),
        signature: signature.to_byte_array(),
    }
}

/// `count` valid signatures of `members` members under different messages.
pub(crate) fn votes(count: usize, members: usize) -> Vec<Vote> {
    (0..count).map(|i| vote((i % members) as u64, &[i as u8, (i >> 8) as u8, 1].repeat(11)[..32])).collect()
}

pub(crate) fn items(votes: &[Vote]) -> Vec<Item<'_>> {
    votes.iter().map(|vote| Item { key: vote.key, message: &vote.message, signature: vote.signature }).collect()
}

/// Indices that libsecp256k1 refuses.
pub(crate) fn refused_one_by_one(votes: &[Vote]) -> Vec<usize> {
    let is_valid = |vote: &Vote| {
        XOnlyPublicKey::from_byte_array(vote.key).is_ok_and(|key| {
            schnorr::verify(&schnorr::Signature::from_byte_array(vote.signature), &vote.message, &key).is_ok()
        })
    };
    (0..votes.len()).filter(|&i| !is_valid(&votes[i])).collect()
}

/// All ways of computing that this machine has.
pub(crate) fn all_lanes() -> Vec<Lanes> {
    let mut all = vec![Lanes::portable()];
    all.extend((Lanes::detect() != Lanes::portable()).then(Lanes::detect));
    all
}

/// Every way of computing, with cold and warm key cache, agrees with libsecp256k1, and none had to be overruled.
pub(crate) fn assert_exact(votes: &[Vote]) {
    let expected = refused_one_by_one(votes);
    for lanes in all_lanes() {
        let mut verifier = Verifier::with(lanes, KeyCache::with_capacity(64));
        for cache in ["cold", "warm"] {
            assert_eq!(verifier.check(&items(votes)).invalid, expected, "{lanes:?}, {cache} cache");
            assert_eq!(verifier.disagreement(), None, "{lanes:?}, {cache} cache");
        }
    }
}
