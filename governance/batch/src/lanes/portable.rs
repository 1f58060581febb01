//! One field element at a time, on any processor.

use super::Addition;
use crate::arith::Affine;
use crate::arith::field::{self, Field};

pub(super) fn lift_x(xs: &[Field]) -> Vec<Option<Affine>> {
    xs.iter().map(|&x| Affine::lift_x(x)).collect()
}

/// Additions in affine coordinates cost 6 multiplications, three of them for the shared inversion; Jacobian ones 11.
pub(super) fn add(from: &[Affine], additions: &[Addition], to: &mut [Affine]) {
    let mut inverses = denominators(from, additions);
    field::invert_all(&mut inverses);
    sums(from, additions, &inverses, to);
}

/// What has to be inverted for each addition; never 0.
pub(super) fn denominators(from: &[Affine], additions: &[Addition]) -> Vec<Field> {
    let denominator = |addition: &Addition| Slope::of(addition.left.of(from), addition.right.of(from)).denominator();
    additions.iter().map(denominator).collect()
}

/// The sums, given the inverses of the denominators.
pub(super) fn sums(from: &[Affine], additions: &[Addition], inverses: &[Field], to: &mut [Affine]) {
    for (addition, &inverse) in additions.iter().zip(inverses) {
        let (left, right) = (addition.left.of(from), addition.right.of(from));
        to[addition.to as usize] = Slope::of(left, right).sum(left, right, inverse);
    }
}

/// The line through two points: numerator and denominator of its slope, or why there is none.
pub(super) enum Slope {
    /// Chord of two points with different x, or the tangent of a doubled point.
    Line { numerator: Field, denominator: Field },
    /// One of them is the neutral element, or they are opposite.
    None,
}

impl Slope {
    #[inline(always)]
    pub(super) fn of(left: Affine, right: Affine) -> Self {
        if left.is_infinity() || right.is_infinity() {
            Self::None
        } else if left.x != right.x {
            Self::Line { numerator: right.y - left.y, denominator: right.x - left.x }
        } else if left.y == right.y {
            let squared = left.x.square();
            Self::Line { numerator: squared.double() + squared, denominator: left.y.double() }
        } else {
            Self::None
        }
    }

    /// What has to be inverted; never 0.
    #[inline(always)]
    pub(super) fn denominator(&self) -> Field {
        match self {
            Self::Line { denominator, .. } => *denominator,
            Self::None => Field::ONE,
        }
    }

    /// The sum of the two points, given the inverse of the denominator.
    #[inline(always)]
    pub(super) fn sum(&self, left: Affine, right: Affine, inverse: Field) -> Affine {
        match self {
            Self::Line { numerator, .. } => {
                let slope = *numerator * inverse;
                let x = slope.square() - left.x - right.x;
                Affine { x, y: slope * (left.x - x) - left.y }
            }
            Self::None if left.is_infinity() => right,
            Self::None if right.is_infinity() => left,
            Self::None => Affine::INFINITY,
        }
    }
}
