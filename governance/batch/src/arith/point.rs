//! Points of secp256k1: y^2 = x^3 + 7 over [`Field`], a group of prime order n (SEC 2).
//!
//! Formulas: Explicit-Formulas Database, short Weierstrass curves with a = 0 in Jacobian coordinates.

use super::Field;

/// A point as x and y, or the neutral element, written (0, 0): no point has y = 0, as the order is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C, align(64))]
pub struct Affine {
    /// x coordinate.
    pub x: Field,
    /// y coordinate.
    pub y: Field,
}

impl Affine {
    /// The neutral element.
    pub const INFINITY: Self = Self { x: Field::ZERO, y: Field::ZERO };
    /// The generator G.
    pub const GENERATOR: Self = Self {
        x: Field([0x59f2_815b_16f8_1798, 0x029b_fcdb_2dce_28d9, 0x55a0_6295_ce87_0b07, 0x79be_667e_f9dc_bbac]),
        y: Field([0x9c47_d08f_fb10_d4b8, 0xfd17_b448_a685_5419, 0x5da4_fbfc_0e11_08a8, 0x483a_da77_26a3_c465]),
    };

    /// BIP340's `lift_x`: the point with this x and an even y; `None` when x is not on the curve.
    #[must_use]
    pub fn lift_x(x: Field) -> Option<Self> {
        let y = curve(x).sqrt()?;
        Some(Self { x, y: if y.is_odd() { -y } else { y } })
    }

    /// True for the neutral element.
    #[must_use]
    #[inline(always)]
    pub fn is_infinity(self) -> bool {
        self.y.is_zero()
    }

    /// True for the neutral element and for what satisfies the curve equation.
    #[must_use]
    pub fn is_on_curve(self) -> bool {
        self.is_infinity() || self.y.square() == curve(self.x)
    }

    /// The point with the opposite y.
    #[must_use]
    #[inline(always)]
    pub fn negate(self) -> Self {
        Self { x: self.x, y: -self.y }
    }
}

/// A point as (X / Z^2, Y / Z^3); the neutral element has Z = 0.
#[derive(Debug, Clone, Copy)]
pub struct Jacobian {
    x: Field,
    y: Field,
    z: Field,
}

impl Jacobian {
    /// The neutral element.
    pub const INFINITY: Self = Self { x: Field::ONE, y: Field::ONE, z: Field::ZERO };

    /// True for the neutral element.
    #[must_use]
    pub fn is_infinity(&self) -> bool {
        self.z.is_zero()
    }

    /// Twice the point (dbl-2009-l).
    #[must_use]
    pub fn double(&self) -> Self {
        let a = self.x.square();
        let b = self.y.square();
        let c = b.square();
        let d = ((self.x + b).square() - a - c).double();
        let e = a.double() + a;
        let x = e.square() - d.double();
        let y = e * (d - x) - c.double().double().double();
        Self { x, y, z: (self.y * self.z).double() }
    }

    /// 2^`times` times the point.
    #[must_use]
    pub fn double_times(&self, times: u32) -> Self {
        (0..times).fold(*self, |point, _| point.double())
    }

    /// The sum.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        if self.is_infinity() {
            return *other;
        }
        if other.is_infinity() {
            return *self;
        }
        let z1_squared = self.z.square();
        let z2_squared = other.z.square();
        let u1 = self.x * z2_squared;
        let s1 = self.y * z2_squared * other.z;
        let h = other.x * z1_squared - u1;
        let r = other.y * z1_squared * self.z - s1;
        self.chord(u1, s1, h, r, self.z * other.z)
    }

    /// The sum with a point whose Z is 1.
    #[must_use]
    pub fn add_affine(&self, other: &Affine) -> Self {
        if other.is_infinity() {
            return *self;
        }
        if self.is_infinity() {
            return Self::from(*other);
        }
        let z_squared = self.z.square();
        let h = other.x * z_squared - self.x;
        let r = other.y * z_squared * self.z - self.y;
        self.chord(self.x, self.y, h, r, self.z)
    }

    /// The point with the opposite Y.
    #[must_use]
    pub fn negate(&self) -> Self {
        Self { x: self.x, y: -self.y, z: self.z }
    }

    /// X / Z^2 and Y / Z^3; one inversion.
    #[must_use]
    pub fn to_affine(&self) -> Affine {
        let inverse = self.z.invert();
        let squared = inverse.square();
        Affine { x: self.x * squared, y: self.y * squared * inverse }
    }

    /// The sum of two points with X = `u` and `u + h`, Y = `s` and `s + r` over the common Z = `z`; `self` is the first.
    fn chord(&self, u: Field, s: Field, h: Field, r: Field, z: Field) -> Self {
        if h.is_zero() {
            // The same x: either the same point or its opposite.
            return if r.is_zero() { self.double() } else { Self::INFINITY };
        }
        let h_squared = h.square();
        let h_cubed = h_squared * h;
        let v = u * h_squared;
        let x = r.square() - h_cubed - v.double();
        Self { x, y: r * (v - x) - s * h_cubed, z: z * h }
    }
}

impl From<Affine> for Jacobian {
    fn from(point: Affine) -> Self {
        if point.is_infinity() { Self::INFINITY } else { Self { x: point.x, y: point.y, z: Field::ONE } }
    }
}

/// x^3 + 7: what y^2 is on the curve.
fn curve(x: Field) -> Field {
    x.square() * x + Field([7, 0, 0, 0])
}
