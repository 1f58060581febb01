//! Tests of the screens and the commands, files named by hazard.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod about;
mod ballot_editor;
mod before_typing;
mod choice_sums;
mod commands;
mod dao;
mod drafts;
mod every_command;
mod every_popup;
mod files;
mod first_use;
mod governance_commands;
mod guide;
pub(crate) mod hostile_text;
mod invitations;
mod keeping_commands;
mod keyboard;
mod laws;
mod lesson;
mod mouse;
mod pictures;
mod plain_names;
mod possible;
mod proposal_forms;
mod qr_codes;
mod reading;
mod real_terminal;
mod remap;
pub(crate) mod screens;
mod settings_commands;
mod several_bodies;
mod sizes;
mod slow_node;
mod small;
mod stage;
mod styles;
mod switches;
mod themes;
mod tmux;
mod treasurers_ballot;
mod treasury_commands;
mod treasury_data;
mod treasury_screen;
