//! The whole system from outside: the real program in processes of its own, on a real bitcoind.
//!
//! One story is told once for this binary ([`stage::told`]); most tests look at what it left behind. The tests take
//! turns, as each of them occupies a machine with two cores.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may fail like tests; clippy's exemption sees only test functions"
)]

mod bad_input;
mod breaches;
mod channel_ends;
mod closes;
mod governance;
mod hub_kill;
mod log_rows;
mod lost_laptop;
mod reorg;
mod replaced_keys;
mod stage;
mod story;
mod tampered_log;
mod tampered_proof;
