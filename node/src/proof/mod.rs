//! Proof files: everything needed to check one statement offline, in one file.
//!
//! [`bundle`] is the file's form, [`export`] makes one from a node's verified state, [`verify`] judges one without I/O.

mod authorised;
pub mod budget;
pub mod bundle;
mod evidence;
mod export;
mod fraud;
mod held;
mod history;
mod later;
pub mod office;
pub mod parts;
pub mod refill;
mod short;
mod successor;
pub mod tallies;
mod tally;
pub mod theft;
mod two_checkpoints;
mod verify;
mod walked;
mod whose;
mod why;
mod words;

pub(crate) use bundle::newer_version;
pub use bundle::{Bundle, Statement};
pub(crate) use evidence::prove_conflict;
pub use evidence::{export_receipt, prove};
pub use export::export;
pub(crate) use export::{StoredBlocks, created, logged, make, write};
pub(crate) use held::hold_proofs;
pub(crate) use short::is_short;
pub use short::{ShortFile, ShortRefusal, verify_short};
pub use tally::ShownPayment;
pub(crate) use verify::decode;
pub use verify::{Finding, Rejection, verify};
pub use why::{why, why_link};
