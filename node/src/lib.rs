//! The shell: hub and member services, SQLite store, Bitcoin source, BOLT 8 peers, proofs and audit.

pub mod api;
pub mod audit;
pub mod chain;
pub mod chain_view;
pub mod config;
pub mod control;
pub mod dao;
pub mod engine;
pub mod facts;
pub mod hub;
pub mod intake;
pub mod judge;
pub mod keys;
pub mod lease;
pub mod ledger;
pub mod local;
pub mod member;
pub mod peer_budget;
pub mod peers;
pub mod proof;
pub mod setup;
pub mod shell;
pub mod stakes;
pub mod store;
pub mod view;
pub mod wallet;
