//! Points against libsecp256k1, special cases of additions included.

use althing_batch::arith::{Affine, Field, Jacobian, Scalar};
use proptest::prelude::*;
use secp256k1::{PublicKey, SecretKey};

/// `factor` times G by libsecp256k1; the neutral element for 0.
pub(crate) fn multiple(factor: u64) -> Affine {
    if factor == 0 {
        return Affine::INFINITY;
    }
    let mut secret = [0; 32];
    secret[24..].copy_from_slice(&factor.to_be_bytes());
    affine(&PublicKey::from_secret_key(&SecretKey::from_secret_bytes(secret).unwrap()))
}

fn affine(key: &PublicKey) -> Affine {
    let bytes = key.serialize_uncompressed();
    let coordinate = |at: usize| Field::from_be_bytes(&bytes[at..at + 32].try_into().unwrap()).unwrap();
    Affine { x: coordinate(1), y: coordinate(33) }
}

/// All sums of -4 G ..= 4 G: doubling, opposite points and the neutral element on either side.
#[test]
fn small_multiples_add_up() {
    let signed = |factor: i64| {
        let point = multiple(factor.unsigned_abs());
        if factor < 0 { point.negate() } else { point }
    };
    for a in -4..=4 {
        for b in -4..=4 {
            // With a Z that is not 1.
            let left = Jacobian::from(signed(a)).add(&Jacobian::from(signed(9))).add_affine(&signed(-9));
            let right = Jacobian::from(signed(b)).add(&Jacobian::from(signed(5))).add_affine(&signed(-5));
            assert_eq!(left.add(&right).to_affine(), signed(a + b), "{a} G + {b} G");
            assert_eq!(left.add_affine(&signed(b)).to_affine(), signed(a + b), "{a} G + {b} G, affine");
            assert_eq!(left.add(&right.negate()).to_affine(), signed(a - b), "{a} G - {b} G");
        }
        assert_eq!(Jacobian::from(signed(a)).double().to_affine(), signed(2 * a));
        assert!(signed(a).is_on_curve());
    }
}

#[test]
fn generator_is_that_of_libsecp256k1() {
    assert_eq!(Affine::GENERATOR, multiple(1));
}

/// lambda G is (beta x, y): three times in a row is the point again, and 1 + lambda + lambda^2 = 0.
#[test]
fn lambda_is_a_cube_root_of_one() {
    let point = multiple(123_456_789);
    let once = point.times_lambda();
    let twice = once.times_lambda();
    assert_ne!(once, point);
    assert_eq!(twice.times_lambda(), point);
    assert!(Jacobian::from(point).add_affine(&once).add_affine(&twice).is_infinity());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sums_like_libsecp256k1(a in 1..u64::MAX, b in 1..u64::MAX) {
        prop_assume!(a != b);
        let (left, right) = (multiple(a), multiple(b));
        let key = |factor: u64| {
            let mut secret = [0; 32];
            secret[24..].copy_from_slice(&factor.to_be_bytes());
            PublicKey::from_secret_key(&SecretKey::from_secret_bytes(secret).unwrap())
        };
        let expected = affine(&key(a).combine(&key(b)).unwrap());
        prop_assert_eq!(Jacobian::from(left).add_affine(&right).to_affine(), expected);
    }

    /// k P by our halves (double and add) is k P by libsecp256k1.
    #[test]
    fn halves_multiply_like_libsecp256k1(k in any::<[u8; 32]>(), base in 1..u64::MAX) {
        let k = Scalar::from_be_bytes_reduced(&k);
        prop_assume!(!k.is_zero());
        let point = multiple(base);
        let (first, second) = k.split();
        let mut sum = Jacobian::INFINITY;
        for bit in (0..128).rev() {
            sum = sum.double();
            for (half, point) in [(first, point), (second, point.times_lambda())] {
                if half.magnitude >> bit & 1 == 1 {
                    sum = sum.add_affine(&if half.negative { point.negate() } else { point });
                }
            }
        }
        let mut secret = [0; 32];
        secret[24..].copy_from_slice(&base.to_be_bytes());
        let key = PublicKey::from_secret_key(&SecretKey::from_secret_bytes(secret).unwrap());
        let factor = secp256k1::Scalar::from_be_bytes(k.to_be_bytes()).unwrap();
        prop_assert_eq!(sum.to_affine(), affine(&key.mul_tweak(&factor).unwrap()));
    }
}
