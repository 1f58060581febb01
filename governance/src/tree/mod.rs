//! The two kinds of Merkle trees: the append-only log tree and the keyed sum tree.

pub mod history;
pub mod sum;

pub use history::{HistoryTree, InclusionError, leaf_hash, verify_consistency, verify_inclusion};
pub use sum::{SumAbsence, SumError, SumLeaf, SumProof, SumRoot, SumTree, TreePurpose};
