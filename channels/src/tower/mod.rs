//! Watchtowers: who punishes a revoked commitment while its victim is offline. Clauses C-80 to C-84.
//!
//! For every commitment of the peer that is revoked, the victim gives the tower a signed justice transaction, encrypted so
//! that only the revoked commitment itself opens it. The tower learns nothing before there is a breach, signs a receipt for
//! what it holds, and looks at every transaction in the chain. Votes revoke nothing, so they cost no blob.

mod blob;
mod receipt;
mod respond;

pub use blob::{BlobError, Hint, MAX_BLOB_BYTES, SealedJustice, TowerTerms, seal_justice};
pub use receipt::{ReceiptError, TowerReceipt};
pub use respond::{Justice, Pressing, Response, TowerWatch};
