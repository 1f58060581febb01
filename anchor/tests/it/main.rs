//! Integration tests, one file per hazard.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

mod bump_child;
mod chain_history;
mod commitment_shape;
mod empty_reserve;
mod fee_spike;
mod founding;
mod header_rules;
mod housekeeping;
mod hub_bond;
mod inclusion_forgery;
mod key_rotation;
mod link_building;
mod link_shapes;
mod mined_edges;
mod moved_back;
mod moved_spare_seal;
mod not_yet;
mod operators;
mod ots_files;
mod plan_edges;
mod psbt_check;
mod psbt_check_edges;
mod reorg;
mod seal_spent_elsewhere;
mod spare_seal;
mod staged_edges;
mod staged_payments;
mod stuck_link;
mod succession;
mod support;
mod tampering;
mod treasury_explained;
mod treasury_papers;
mod treasury_policy;
mod treasury_queue;
mod treasury_signing;
mod treasury_vectors;
mod treasury_world;
mod vectors;
mod vectors_extended;
