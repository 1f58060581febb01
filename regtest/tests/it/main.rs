//! The harness against a real bitcoind, one file per hazard.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may fail like tests; clippy's exemption sees only test functions"
)]

mod chain;
mod embit;
mod funds;
mod left_behind;
mod lifecycle;
mod ots;
mod ots_client;
mod partition;
mod pinned_close;
mod provisioning;
mod second_verifier;
mod stuck_anchor;
mod typed_calls;
