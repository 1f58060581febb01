//! OpenTimestamps files (`.ots`): links as ordinary timestamps, checked by anybody's client against any Bitcoin node.
//!
//! The format has operations on bytes only, no addition of points, so the step from a commitment to the Taproot output
//! key cannot be expressed. Hence three forms ([`crate::OtsForm`]): [`split_timestamp`] begins behind that step,
//! [`op_return_timestamp`] goes through a copy of the commitment, [`reveal_timestamp`] through the leaf that a later
//! link shows in its witness.

mod export;
mod file;
mod op;
mod path;
mod reader;

pub use export::{ExportError, link_steps, op_return_timestamp, reveal_timestamp, split_timestamp};
pub use file::{Attestation, Attested, FileHash, TimestampFile};
pub use op::{MAX_MESSAGE_BYTES, OtsOp};
pub use path::OtsPath;
pub use reader::{MAX_OTS_BYTES, MAX_OTS_DEPTH, OtsError};
