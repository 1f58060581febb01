//! Integration tests, one file per hazard.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

mod chain_history;
mod commitment_shape;
mod founding;
mod header_rules;
mod inclusion_forgery;
mod link_building;
mod reorg;
mod support;
mod tampering;
mod treasury_policy;
mod vectors;
