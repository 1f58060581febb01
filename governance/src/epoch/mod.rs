//! Closing an epoch: from a prefix of the log and the rolls to the trees and the header, for everybody alike.

mod ballot_root;
mod body_proof;
mod close;
mod decision;
mod header;
mod proof;
mod totals;

pub use ballot_root::{BallotRoot, Stage};
pub use body_proof::{BodyProof, OfficeProof};
pub use close::{CloseError, EpochClose, close, close_by, due_boundary};
pub use decision::{Authorisation, DecisionLeaf};
pub use header::{EpochHeader, HeaderDifference};
pub use proof::{
    BallotProof, BallotStatement, DecisionProof, ProofError, RollProof, RollStatement, TallyProof, TallyStatement,
};
pub use totals::Totals;
