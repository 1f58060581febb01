//! secp256k1 in variable time: for public data only. Public so that tests can hold it against independent oracles.

pub mod field;
mod limbs;
pub mod point;
pub mod scalar;
mod split;

pub use field::Field;
pub use point::{Affine, Jacobian};
pub use scalar::Scalar;
pub use split::HalfScalar;
