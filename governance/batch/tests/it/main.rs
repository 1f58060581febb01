//! Integration tests of batch verification, one file per hazard.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod bip340_vectors;
mod forged_signature;
mod other_weights;
mod votes;
mod wrong_arithmetic;
mod wrong_lane;
mod wrong_point;
mod wrong_sum;
