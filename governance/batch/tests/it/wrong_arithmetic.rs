//! Field and scalars against a general library of big numbers.

use althing_batch::arith::{Field, HalfScalar, Scalar};
use num_bigint::BigUint;
use proptest::prelude::*;

fn p() -> BigUint {
    (BigUint::from(1_u8) << 256) - (BigUint::from(1_u8) << 32) - 977_u32
}

fn n() -> BigUint {
    BigUint::parse_bytes(b"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16).unwrap()
}

fn lambda() -> BigUint {
    BigUint::parse_bytes(b"5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72", 16).unwrap()
}

fn be_bytes(number: &BigUint) -> [u8; 32] {
    let bytes = number.to_bytes_be();
    let mut padded = [0; 32];
    padded[32 - bytes.len()..].copy_from_slice(&bytes);
    padded
}

fn field(number: &BigUint) -> Field {
    Field::from_be_bytes(&be_bytes(number)).unwrap()
}

fn scalar(number: &BigUint) -> Scalar {
    Scalar::from_be_bytes(&be_bytes(number)).unwrap()
}

fn big(bytes: [u8; 32]) -> BigUint {
    BigUint::from_bytes_be(&bytes)
}

/// Numbers below `modulus`, where carries and reductions happen: its ends, single bits, runs of ones, middle words empty or full.
fn edges(modulus: &BigUint) -> Vec<BigUint> {
    let one = BigUint::from(1_u8);
    let mut numbers = vec![];
    for bit in [0, 1, 31, 32, 33, 51, 52, 53, 63, 64, 65, 103, 104, 127, 128, 129, 156, 191, 192, 208, 254, 255_u32] {
        let power = &one << bit;
        numbers.extend([&power - &one, power.clone(), &power + &one]);
        if power < *modulus {
            numbers.extend([modulus - &power, modulus - &power - &one]);
        }
    }
    numbers.extend([2_u32, 3, 7, 976, 977, 978].map(BigUint::from));
    numbers.extend([modulus / 2_u32, modulus / 2_u32 + 1_u32, (modulus - 1_u32) / 3_u32, modulus / 7_u32]);
    numbers.retain(|number| number < modulus);
    numbers
}

fn assert_field(a: &BigUint, b: &BigUint) {
    let (p, x, y) = (p(), field(a), field(b));
    assert_eq!(big((x + y).to_be_bytes()), (a + b) % &p, "{a:x} + {b:x}");
    assert_eq!(big((x - y).to_be_bytes()), (a + &p - b) % &p, "{a:x} - {b:x}");
    assert_eq!(big((x * y).to_be_bytes()), a * b % &p, "{a:x} * {b:x}");
}

fn assert_field_alone(a: &BigUint) {
    let (p, x) = (p(), field(a));
    assert_eq!(big(x.square().to_be_bytes()), a * a % &p, "{a:x} squared");
    assert_eq!(big((-x).to_be_bytes()), (&p - a) % &p, "-{a:x}");
    assert_eq!(big(x.invert().to_be_bytes()), a.modpow(&(&p - 2_u32), &p), "1 / {a:x}");
    let is_square = a.modpow(&((&p - 1_u32) / 2_u32), &p) <= BigUint::from(1_u8);
    assert_eq!(x.sqrt().is_some(), is_square, "root of {a:x}");
    if let Some(root) = x.sqrt() {
        assert_eq!(root * root, x);
    }
}

fn assert_scalar(a: &BigUint, b: &BigUint) {
    let (n, x, y) = (n(), scalar(a), scalar(b));
    assert_eq!(big((x + y).to_be_bytes()), (a + b) % &n, "{a:x} + {b:x}");
    assert_eq!(big((x - y).to_be_bytes()), (a + &n - b) % &n, "{a:x} - {b:x}");
    assert_eq!(big((x * y).to_be_bytes()), a * b % &n, "{a:x} * {b:x}");
}

/// The halves are right for k; that they fit in 128 bits is in their type.
fn assert_split(k: &BigUint) {
    let n = n();
    let signed = |half: HalfScalar| {
        if half.negative { &n - BigUint::from(half.magnitude) } else { BigUint::from(half.magnitude) }
    };
    let (first, second) = scalar(k).split();
    assert_eq!((signed(first) + signed(second) * lambda()) % &n, *k, "halves of {k:x}");
}

#[test]
fn field_at_its_edges() {
    let numbers = edges(&p());
    for a in &numbers {
        assert_field_alone(a);
        numbers.iter().for_each(|b| assert_field(a, b));
    }
}

#[test]
fn scalars_at_their_edges() {
    let numbers = edges(&n());
    for a in &numbers {
        assert_split(a);
        numbers.iter().for_each(|b| assert_scalar(a, b));
    }
}

/// Where the rounding of the halves turns: multiples of lambda and their neighbours.
#[test]
fn halves_around_multiples_of_lambda() {
    let n = n();
    for factor in edges(&(BigUint::from(1_u8) << 128)) {
        for near in [n.clone() - 1_u32, BigUint::ZERO, BigUint::from(1_u8)] {
            assert_split(&((&factor * lambda() + &near) % &n));
        }
    }
}

#[test]
fn numbers_out_of_range() {
    let one = BigUint::from(1_u8);
    for modulus in [p(), n()] {
        for number in [modulus.clone(), &modulus + &one, (&one << 256) - &one] {
            let bytes = be_bytes(&number);
            assert_eq!(Field::from_be_bytes(&bytes).is_none(), number >= p());
            assert_eq!(Scalar::from_be_bytes(&bytes).is_none(), number >= n());
            assert_eq!(big(Scalar::from_be_bytes_reduced(&bytes).to_be_bytes()), number % n());
        }
    }
}

proptest! {
    #[test]
    fn field_anywhere(a in any::<[u8; 32]>(), b in any::<[u8; 32]>()) {
        let (a, b) = (big(a) % p(), big(b) % p());
        assert_field(&a, &b);
        assert_field_alone(&a);
    }

    #[test]
    fn scalars_anywhere(a in any::<[u8; 32]>(), b in any::<[u8; 32]>()) {
        let (a, b) = (big(a) % n(), big(b) % n());
        assert_scalar(&a, &b);
        assert_split(&a);
    }
}
