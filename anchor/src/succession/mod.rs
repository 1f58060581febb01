//! Going on without the hub: the members' certificate and the spender of the spare seal.
//!
//! If the hub is gone, withholds data or spends the seal elsewhere, the treasurers spend the spare seal into a link
//! that commits to a [`SuccessionCertificate`]: a statement that names the last header the members accept, and
//! signatures of more than half of the weight of that header's roll. Neither members nor treasurers can do it alone,
//! and the hub is not asked.

mod certificate;
mod judge;
mod spare;
mod statement;

pub use certificate::{CertificateError, MAX_SUCCESSION_SIGNERS, SuccessionCertificate, SuccessionSignature};
pub use judge::{
    ClaimedSuccession, Primary, Succession, SuccessionError, SuccessionRules, first_succession, judge_succession,
    spare_seal_after, succession_outputs,
};
pub use spare::{MOVED_SPARE_VOUT, SpareSeal};
pub use statement::{SuccessionStatement, signs_rivals};
