//! The screens and the commands of `althing`: everything a member sees.
//!
//! Both speak to a node through [`althing_node::api::Service`] only. Screens follow one loop: an event becomes an
//! [`app::Action`], [`app::update`] changes the [`app::App`] and may ask for [`app::Command`]s, [`screen::render`] draws.
//! Nothing blocks the drawing thread: requests run in the [`worker`].
//!
//! Text of other people reaches a terminal only through [`untrusted::Untrusted`].

pub mod app;
pub mod backend;
pub mod cli;
pub mod deeds;
pub mod files;
pub mod format;
pub mod fuzzy;
pub mod invite;
pub mod keymap;
pub mod labels;
pub mod log;
pub mod parts;
pub mod picture;
pub mod readonly;
pub mod screen;
pub mod settings;
pub mod signals;
pub mod sums;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod untrusted;
pub mod widget;
pub mod words;
pub mod worker;
