//! Tests of the stake-channel core, one file per hazard.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod bip_vectors;
mod bolt3;
mod breach;
mod chain_reorg;
mod cited_clauses;
mod close_rounds;
mod coins_come_home;
mod conversation;
mod ended;
mod fee_spike;
mod given_away;
mod hostile_bytes;
mod keeping_vectors;
mod lane_order;
mod lane_outage;
mod ledger_rules;
mod let_go;
mod lives;
mod long_run;
mod lost_messages;
mod many_closes;
mod money_lane;
mod moved_stake;
mod musig_oracle;
mod nonce_reuse;
mod old_backup;
mod pitfalls;
mod shown;
mod sizes;
mod splicing;
mod stale_state;
mod stored_nonces;
mod stored_state;
mod tampered_signature;
mod testkit;
mod tower;
mod vectors;
mod virtual_time;
mod wrong_rounds;
mod wrong_terms;

use testkit::pair;
