//! The vectors of BIP340, alone and hidden in a batch of valid signatures.

use althing_batch::arith::{Affine, Field};
use althing_batch::{Lanes, Verifier};

use crate::votes::{Vote, assert_exact, items, refused_one_by_one, votes};

const CSV: &str = include_str!("../../../../docs/spec/vectors/bip340.csv");

/// Each vector with the verdict that it states.
fn vectors() -> Vec<(Vote, bool)> {
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    CSV.lines()
        .skip(1)
        .map(|line| {
            let [_, _, key, _, message, signature, result, _] =
                line.splitn(8, ',').collect::<Vec<_>>().try_into().unwrap();
            let vote = Vote {
                key: bytes(key).try_into().unwrap(),
                message: bytes(message),
                signature: bytes(signature).try_into().unwrap(),
            };
            (vote, result == "TRUE")
        })
        .collect()
}

#[test]
fn all_nineteen_together() {
    let (votes, stated): (Vec<_>, Vec<_>) = vectors().into_iter().unzip();
    assert_eq!(votes.len(), 19);
    let invalid: Vec<_> = (0..19).filter(|&i| !stated[i]).collect();
    assert_eq!(refused_one_by_one(&votes), invalid);
    assert_exact(&votes);
}

#[test]
fn each_alone_in_a_batch_of_valid_ones() {
    for (vote, is_valid) in vectors() {
        let mut batch = votes(40, 7);
        batch.insert(23, vote);
        let expected = if is_valid { vec![] } else { vec![23] };
        assert_eq!(Verifier::new().check(&items(&batch)).invalid, expected);
        assert_exact(&batch);
    }
}

/// The batch must refuse by its own arithmetic, not because libsecp256k1 looks at malformed items anyway.
#[test]
fn coordinates_off_the_curve_are_not_lifted() {
    for (vote, _) in vectors() {
        let r = vote.signature[..32].try_into().unwrap();
        for bytes in [vote.key, r] {
            let expected = secp256k1::XOnlyPublicKey::from_byte_array(bytes).is_ok();
            let lifted = Field::from_be_bytes(&bytes).and_then(Affine::lift_x);
            assert_eq!(lifted.is_some(), expected);
            if let Some(x) = Field::from_be_bytes(&bytes) {
                assert_eq!(Lanes::detect().lift_x(&[x; 9]), [lifted; 9]);
            }
        }
    }
}
