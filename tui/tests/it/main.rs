//! Tests of the screens and the commands, files named by hazard.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ballot_editor;
mod commands;
mod dao;
mod governance_commands;
mod guide;
mod hostile_text;
mod keeping_commands;
mod keyboard;
mod laws;
mod pictures;
mod screens;
mod sizes;
mod slow_node;
mod stage;
