//! Tests of the screens and the commands, files named by hazard.

mod dao;
mod hostile_text;
mod keyboard;
mod laws;
mod pictures;
mod screens;
mod sizes;
mod slow_node;
