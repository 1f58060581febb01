//! Every lane of the fast path computes what the portable path computes.

use althing_batch::arith::{Affine, Field};
use althing_batch::lanes::{Addition, Lanes, Term};
use proptest::prelude::*;

use crate::votes::all_lanes;
use crate::wrong_point::multiple;

/// Roots at edge values and around the sizes of blocks of lanes.
#[test]
fn roots_agree_in_every_lane() {
    let mut edges: Vec<Field> = (0..40_u8)
        .map(|i| {
            let mut bytes = [0; 32];
            bytes[31] = i;
            Field::from_be_bytes(&bytes).unwrap()
        })
        .collect();
    edges.extend(edges.clone().into_iter().map(|x| -x));
    for bit in 0..256 {
        let mut bytes = [0; 32];
        bytes[31 - bit / 8] = 1 << (bit % 8);
        let power = Field::from_be_bytes(&bytes).unwrap();
        edges.extend([power, -power, power - Field::ONE]);
    }
    for lanes in all_lanes() {
        for count in (0..40).chain([edges.len()]) {
            let xs = &edges[edges.len() - count..];
            let expected: Vec<_> = xs.iter().map(|&x| Affine::lift_x(x)).collect();
            assert_eq!(lanes.lift_x(xs), expected, "{lanes:?}, {count} at once");
        }
        // Each value in each of the lanes, beside a different neighbour.
        for shift in 0..16 {
            let mut xs = edges.clone();
            xs.rotate_left(shift);
            let expected: Vec<_> = xs.iter().map(|&x| Affine::lift_x(x)).collect();
            assert_eq!(lanes.lift_x(&xs), expected, "{lanes:?}, rotated by {shift}");
        }
    }
}

#[test]
fn lifted_points_are_even_and_on_the_curve() {
    let xs: Vec<_> = (1..200).map(|i| multiple(i).x).collect();
    for lanes in all_lanes() {
        for (x, point) in xs.iter().zip(lanes.lift_x(&xs)) {
            let point = point.unwrap();
            assert_eq!(point.x, *x);
            assert!(point.is_on_curve() && !point.y.is_odd());
        }
    }
}

/// The small multiples of G, whose sums meet every special case.
fn table() -> Vec<Affine> {
    (0..32).map(multiple).collect()
}

fn signed(term: Term) -> i64 {
    let factor = term.index() as i64;
    if term.is_negative() { -factor } else { factor }
}

fn assert_additions(lanes: Lanes, pairs: &[(Term, Term)]) {
    let table: Vec<_> = (0..64).map(multiple).collect();
    let additions: Vec<_> = pairs
        .iter()
        .enumerate()
        .map(|(i, &(left, right))| Addition { left, right, to: (pairs.len() - 1 - i) as u32 })
        .collect();
    let mut sums = vec![Affine::GENERATOR; pairs.len()];
    lanes.add(&table[..32], &additions, &mut sums);
    sums.reverse();
    for (&(left, right), sum) in pairs.iter().zip(sums) {
        let expected = signed(left) + signed(right);
        let point = table[expected.unsigned_abs() as usize];
        let point = if expected < 0 { point.negate() } else { point };
        assert_eq!(sum, point, "{lanes:?}: {left:?} + {right:?}");
    }
}

/// All pairs of -5 G ..= 5 G next to each other, at every offset.
#[test]
fn special_cases_in_every_lane() {
    let terms: Vec<_> = (0..6).flat_map(|index| [Term::new(index, false), Term::new(index, true)]).collect();
    let pairs: Vec<_> = terms.iter().flat_map(|&a| terms.iter().map(move |&b| (a, b))).collect();
    for lanes in all_lanes() {
        for offset in 0..40 {
            let mut rotated = pairs.repeat(3);
            rotated.rotate_left(offset);
            assert_additions(lanes, &rotated);
        }
    }
}

#[test]
fn no_additions() {
    for lanes in all_lanes() {
        lanes.add(&table(), &[], &mut []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn additions_agree(pairs in prop::collection::vec((0_usize..32, any::<bool>(), 0_usize..32, any::<bool>()), 0..300)) {
        let pairs: Vec<_> =
            pairs.into_iter().map(|(a, minus_a, b, minus_b)| (Term::new(a, minus_a), Term::new(b, minus_b))).collect();
        for lanes in all_lanes() {
            assert_additions(lanes, &pairs);
        }
    }

    #[test]
    fn roots_agree(xs in prop::collection::vec(any::<[u8; 32]>(), 0..50)) {
        let xs: Vec<_> = xs.iter().filter_map(Field::from_be_bytes).collect();
        let expected = Lanes::portable().lift_x(&xs);
        prop_assert_eq!(Lanes::detect().lift_x(&xs), expected);
    }
}
