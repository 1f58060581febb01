//! Integration tests of the governance core, one file per hazard.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod abused_rules;
mod anchored_lie;
mod charter_change;
mod charter_document;
mod charter_rules;
mod charter_vectors;
mod concentration;
mod decided;
mod delegation_entry;
mod delegation_flow;
mod delegation_vectors;
mod deposits;
mod disasters;
mod dishonest_trees;
mod double_vote;
mod epoch_in_parts;
mod every_entry;
mod garbage_bytes;
mod hostile_report;
mod log_tree;
mod lost_entry;
mod members_who_are_not;
mod miscount;
mod naive_delegation;
mod outcome_table;
mod parallel_tally;
mod proof_size;
mod refused_entry;
mod report_figures;
mod stake_that_is_not_there;
mod sum_tree_forgery;
mod sum_tree_in_parts;
mod vectors;
mod voting_ballots;
mod voting_count;
mod voting_early;
mod voting_oracle;
mod voting_outcomes;
mod voting_ranked;
mod voting_vectors;
mod world;
mod wrong_clock;
mod wrong_header;
