//! Proof files: everything needed to check one statement offline, in one file.
//!
//! [`bundle`] is the file's form, [`export`] makes one from a node's verified state, [`verify`] judges one without I/O.

pub mod bundle;
mod export;
mod tally;
mod verify;
mod why;

pub use bundle::{Bundle, Statement};
pub use export::export;
pub(crate) use export::{StoredBlocks, make};
pub use tally::ShownPayment;
pub(crate) use verify::decode;
pub use verify::{Finding, Rejection, verify};
pub use why::why;
