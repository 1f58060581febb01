//! The whole system from outside: the real program in processes of its own, on a real bitcoind.
//!
//! One story is told once for this binary ([`stage::told`]); most tests look at what it left behind. The tests take
//! turns, as each of them occupies a machine with two cores.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may fail like tests; clippy's exemption sees only test functions"
)]

mod absent_signers;
mod accounts;
mod anchoring;
mod bad_input;
mod breaches;
mod by_keyboard;
mod channel_ends;
mod closes;
mod copies;
mod debts;
mod diverted_seal;
mod every_command;
mod exit;
mod fee_spike;
mod fees_rise;
mod figures;
mod forgotten;
mod governance;
mod housekeeping_budget;
mod hub_bond;
mod hub_disk;
mod hub_kill;
mod kills;
mod learns;
mod light;
mod log_rows;
mod long_channel;
mod lost_laptop;
mod many_channels;
mod moved_alone;
mod moved_hub;
mod moved_spare_seal;
mod old_copies;
mod opening_pool;
mod operators;
mod orders;
#[path = "../it/ots_client.rs"]
mod ots_client;
mod oversize;
mod overtaken;
mod peer_flood;
mod reads_on;
mod recourse;
mod refused_late;
mod reorg;
mod replaced_keys;
mod replaced_vote_key;
mod screens;
mod second_verifier;
mod sent_again;
mod sizes;
mod sources;
mod splices;
mod stage;
mod staged;
mod stale_backup;
mod story;
mod succession;
mod succession_again;
mod tampered_log;
mod tampered_proof;
mod timestamps;
mod told;
mod tower;
mod treasurers;
mod treasurers_body;
mod treasury;
mod treasury_life;
mod treasury_peers;
mod two_checkpoints;
mod vote_ends;
mod vouchers;
mod why;
mod wire;
