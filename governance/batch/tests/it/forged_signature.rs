//! Invalid signatures hidden among valid ones: found exactly, whatever they look like.

use althing_batch::arith::Scalar;
use althing_batch::{KeyCache, Lanes, Verifier};
use proptest::prelude::*;

use crate::votes::{Vote, all_lanes, assert_exact, items, member, refused_one_by_one, vote, votes};

/// n, the order of the group; p, the order of the field.
const N: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const P: &str = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";

fn hex32(hex: &str) -> [u8; 32] {
    std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
}

/// One where it is none: what was spoiled before is spoiled once more.
fn s_of(vote: &Vote) -> Scalar {
    Scalar::from_be_bytes(&vote.signature[32..].try_into().unwrap()).unwrap_or_else(|| Scalar::from(1))
}

fn with_s(mut vote: Vote, s: Scalar) -> Vote {
    vote.signature[32..].copy_from_slice(&s.to_be_bytes());
    vote
}

/// Every way to spoil signatures of a batch that we know, by number.
fn spoil(batch: &mut [Vote], at: usize, way: u8) {
    let other = (at + batch.len() / 2 + 1) % batch.len();
    match way {
        0 => batch[at].signature[63] ^= 1,
        1 => batch[at].signature[0] ^= 1,
        2 => batch[at].message.push(0),
        3 => batch[at].key = member(1_000).x_only_public_key().0.to_byte_array(),
        // A pair that cancels in an unweighted sum: s + d and s - d.
        4 => {
            let d = Scalar::from(12_345);
            batch[at] = with_s(batch[at].clone(), s_of(&batch[at]) + d);
            batch[other] = with_s(batch[other].clone(), s_of(&batch[other]) - d);
        }
        // Swapped s: each half of both signatures is genuine.
        5 => {
            let (s, s_other) = (s_of(&batch[at]), s_of(&batch[other]));
            batch[at] = with_s(batch[at].clone(), s_other);
            batch[other] = with_s(batch[other].clone(), s);
        }
        6 => batch[at].signature[32..].copy_from_slice(&hex32(N)),
        7 => batch[at].signature[32..].fill(0xff),
        8 => batch[at].signature[..32].copy_from_slice(&hex32(P)),
        // x = 5 is not on the curve.
        9 => {
            batch[at].signature[..32].fill(0);
            batch[at].signature[31] = 5;
        }
        10 => batch[at].key = hex32(P),
        11 => {
            batch[at].key = [0; 32];
            batch[at].key[31] = 5;
        }
        // The signature for the nonce with the odd y.
        12 => batch[at] = with_s(batch[at].clone(), -s_of(&batch[at])),
        13 => batch[at].signature[32..].fill(0),
        // The same forgery twice, and a valid signature twice.
        14 => {
            batch[at].signature[40] ^= 4;
            batch[other] = batch[at].clone();
        }
        15 => batch[other] = batch[at].clone(),
        _ => unreachable!("ways are numbered below {WAYS}"),
    }
}

const WAYS: u8 = 16;

#[test]
fn every_way_alone() {
    for way in 0..WAYS {
        for at in [0, 1, 31, 63] {
            let mut batch = votes(64, 64);
            spoil(&mut batch, at, way);
            assert_eq!(refused_one_by_one(&batch).is_empty(), way == 15, "way {way}");
            assert_exact(&batch);
        }
    }
}

#[test]
fn every_way_at_once_with_few_keys() {
    let mut batch = votes(96, 5);
    for way in 0..WAYS {
        spoil(&mut batch, usize::from(way) * 5, way);
    }
    assert_exact(&batch);
}

/// With s_1 + d and s_2 - d a sum with equal or guessable weights holds.
#[test]
fn pairs_that_cancel_each_other() {
    for (first, second) in [(0, 1), (0, 63), (13, 14), (62, 63)] {
        for d in [1, 2, u128::MAX] {
            let mut batch = votes(64, 8);
            batch[first] = with_s(batch[first].clone(), s_of(&batch[first]) + Scalar::from(d));
            batch[second] = with_s(batch[second].clone(), s_of(&batch[second]) - Scalar::from(d));
            assert_eq!(refused_one_by_one(&batch), [first, second]);
            assert_exact(&batch);
        }
    }
}

#[test]
fn batches_of_every_small_size() {
    for count in 0..40 {
        let valid = votes(count, 3);
        assert_exact(&valid);
        for at in (0..count).step_by(5) {
            let mut batch = valid.clone();
            batch[at].signature[50] ^= 1;
            assert_exact(&batch);
        }
    }
}

#[test]
fn one_item_many_times() {
    let mut batch = vec![vote(1, b"yes"); 300];
    assert_exact(&batch);
    batch[299].message = b"no".to_vec();
    assert_exact(&batch);
}

#[test]
fn identical_messages_of_different_members() {
    let mut batch: Vec<_> = (0..100).map(|number| vote(number, b"the same")).collect();
    assert_exact(&batch);
    // Two members exchange their signatures.
    let signature = batch[3].signature;
    batch[3].signature = batch[90].signature;
    batch[90].signature = signature;
    assert_eq!(refused_one_by_one(&batch), [3, 90]);
    assert_exact(&batch);
}

#[test]
fn nothing_but_garbage() {
    let batch: Vec<_> =
        (0..200_u8).map(|i| Vote { key: [i; 32], message: vec![i], signature: [i.wrapping_mul(3); 64] }).collect();
    assert_eq!(refused_one_by_one(&batch).len(), 200);
    assert_exact(&batch);
}

#[test]
fn a_large_batch_with_a_few() {
    let mut batch = votes(3_000, 700);
    assert_exact(&batch);
    for at in [0, 700, 701, 1_400, 2_999] {
        batch[at].signature[33] ^= 0x10;
    }
    assert_exact(&batch);
}

/// So many that each is checked for itself: every twentieth, spoiled in turn in every way that a lone signature can be.
#[test]
fn a_large_batch_with_many() {
    for keys in [1, 30, 700] {
        let mut batch = votes(700, keys);
        for (turn, at) in (3..700).step_by(20).enumerate() {
            spoil(&mut batch, at, [0, 1, 2, 3, 12, 13][turn % 6]);
        }
        assert_eq!(refused_one_by_one(&batch).len(), 35);
        assert_exact(&batch);
    }
}

/// Behind a batch with one invalid signature in `every`, in every lane.
fn assert_exact_behind(every: usize, batch: &[Vote]) {
    let mut before = votes(640, 90);
    before.iter_mut().step_by(every).for_each(|vote| vote.signature[40] ^= 1);
    for lanes in all_lanes() {
        let mut verifier = Verifier::with(lanes, KeyCache::with_capacity(64));
        assert_eq!(verifier.check(&items(&before)).invalid, refused_one_by_one(&before));
        assert_eq!(verifier.check(&items(batch)).invalid, refused_one_by_one(batch), "{lanes:?}, 1 of {every}");
        assert_eq!(verifier.disagreement(), None);
    }
}

/// Where many were invalid before, groups have their own sums: two of one group cancel as little as two of a batch.
#[test]
fn pairs_that_cancel_each_other_in_a_group() {
    for keys in [1, 3, 90] {
        let mut batch = votes(90, keys);
        // Whatever the order of the keys, some of these pairs share a group of eight.
        for first in (0..90).step_by(9) {
            batch[first] = with_s(batch[first].clone(), s_of(&batch[first]) + Scalar::from(5));
            batch[first + keys % 9] =
                with_s(batch[first + keys % 9].clone(), s_of(&batch[first + keys % 9]) - Scalar::from(5));
        }
        for every in [100, 8] {
            assert_exact_behind(every, &batch);
        }
    }
}

/// R = P, R another's P, and small s, 0 among them: where a chain of additions may meet the same or the neutral point.
#[test]
fn nonces_that_are_keys() {
    let mut batch = votes(600, 40);
    for at in (0..600).step_by(3) {
        // The nonce is a key, its own or another's, and s is small or arbitrary.
        let r = batch[at / 40 % 2 * 7 + at % 40].key;
        batch[at].signature[..32].copy_from_slice(&r);
        batch[at] = with_s(batch[at].clone(), Scalar::from(at as u128 % 5));
    }
    assert_eq!(refused_one_by_one(&batch).len(), 200);
    assert_exact(&batch);
}

/// More than the cache holds: keys come and go and stay right.
#[test]
fn more_keys_than_the_cache_holds() {
    let mut verifier = Verifier::with(Lanes::portable(), KeyCache::with_capacity(8));
    for round in 0..4 {
        let mut batch = votes(50, 50);
        batch[round].key = batch[round + 1].key;
        assert_eq!(verifier.check(&items(&batch)).invalid, [round]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn same_verdicts_as_one_by_one(
        count in 8_usize..160,
        members in 1_usize..40,
        spoiled in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8), 0..6),
    ) {
        let mut batch = votes(count, members);
        for (at, way) in &spoiled {
            spoil(&mut batch, at.index(count), *way);
        }
        assert_exact(&batch);
    }

    #[test]
    fn same_verdicts_behind_many_invalid_ones(
        count in 16_usize..160,
        members in 1_usize..40,
        spoiled in prop::collection::vec((any::<prop::sample::Index>(), 0..WAYS), 0..9),
        every in prop::sample::select(vec![300_usize, 100, 8]),
    ) {
        let mut batch = votes(count, members);
        for (at, way) in &spoiled {
            spoil(&mut batch, at.index(count), *way);
        }
        assert_exact_behind(every, &batch);
    }

    #[test]
    fn same_verdicts_for_any_changed_byte(byte in 0_usize..96, value in any::<u8>(), at in 0_usize..32) {
        let mut batch = votes(32, 32);
        match byte {
            0..32 => batch[at].key[byte] = value,
            _ => batch[at].signature[byte - 32] = value,
        }
        assert_exact(&batch);
    }
}
