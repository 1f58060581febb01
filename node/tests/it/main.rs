//! Tests of the shell: one small DAO played in memory on a chain of real blocks, and everything that can lie about it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod audited_directory;
mod bad_files;
mod budget_left;
mod calling;
mod chain;
mod charters;
mod choices;
mod cited_clauses;
mod dishonest_hub;
mod flipped_byte;
mod forged;
mod forger;
mod funds;
mod fuzz_targets;
mod intake;
mod kept_out;
mod kill_under_load;
mod light;
mod log_changes;
mod moved_spare_seal;
mod peer_flood;
mod psbt_file;
mod random_bytes;
mod refilled_gate;
mod reorganised;
mod runoff_proof;
mod several_bodies;
mod short_proof;
mod short_proof_size;
mod staged_spend;
mod statements;
mod stolen_coins;
mod store;
mod story;
mod succeeded_since;
mod successor;
mod tiles;
mod treasury_that_is_none;
mod true_statement;
mod two_checkpoints;
mod vectors;
mod wallet_coins;
mod world;
