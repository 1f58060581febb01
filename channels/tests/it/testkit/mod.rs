//! A member and a hub in memory, driven by hand, by faults or by bytes; shared with the fuzz target.

#![allow(dead_code, reason = "the fuzz target uses a part of it")]

pub(crate) mod clock;
pub(crate) mod driver;
mod ends;
mod fault;
pub(crate) mod model;
pub(crate) mod money;
mod nonces;
pub(crate) mod pair;
pub(crate) mod restores;
mod splices;
