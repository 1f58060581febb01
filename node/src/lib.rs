//! The shell: hub and member services, SQLite store, Bitcoin source, BOLT 8 peers, proofs and audit.

pub mod api;
