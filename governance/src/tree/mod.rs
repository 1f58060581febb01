//! The two kinds of Merkle trees: the append-only log tree and the keyed sum tree.

mod fragment;
pub mod history;
mod overlay;
pub mod sum;

pub use fragment::SumFragment;
pub use history::{HistoryTree, InclusionError, leaf_hash, verify_consistency, verify_inclusion};
pub use overlay::SumOverlay;
pub use sum::{SumAbsence, SumError, SumLeaf, SumProof, SumRoot, SumTree, TreePurpose};
