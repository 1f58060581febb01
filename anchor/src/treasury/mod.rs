//! The treasury: its policy, the transactions that pay out of it, and who signed them (docs/spec/treasury.md).
//!
//! What was decided arrives as plain data ([`SpendIntent`]); nothing here knows how decisions are made. A treasurer's
//! machine builds ([`SpendPlan`]), judges ([`check`]), verifies what others signed ([`verify_signatures`]) and puts the
//! signatures together ([`merge_signatures`], [`finalise`]). A member's machine judges what was mined ([`judge_spend`]) and
//! names the keys that signed it ([`signers_of`]).

mod attribution;
mod bond;
mod build;
mod check;
mod descriptor;
mod explain;
mod fields;
mod housekeeping;
mod intent;
mod judge;
mod ownership;
mod paper;
mod policy;
mod queue;
mod reason;
mod signature;
mod stage;
mod stage_check;

pub use attribution::signers_of;
pub use bond::Bond;
pub use build::{PlanError, SpendPlan, TreasuryCoin, child_pays_for_parent, fee_at, replacement_floor};
pub use check::{CheckFacts, Checked, GateState, LEAST_SPARE_SEAL, MAX_NEW_GATES, PsbtVerdict, check};
pub(crate) use descriptor::UNSPENDABLE_KEY;
pub use descriptor::{
    INDEXES_IN_SIGHT, MAX_DESCRIPTOR_BYTES, MAX_TREASURY_KEYS, MOST_INDEXES_IN_SIGHT, SEARCHED_INDEXES, Treasury,
    TreasuryError, indexes_in_sight,
};
pub use explain::{PolicySize, SpendingPath};
pub use fields::{PsbtProof, read_payout, read_proof, write_payout, write_proof};
pub use housekeeping::{HOUSEKEEPING_BLOCKS, housekeeping_budget, housekeeping_cost, mined_housekeeping_cost};
pub use intent::SpendIntent;
pub use judge::{MinedSpend, SpendFinding, judge_spend, judge_staged};
pub use ownership::{OwnershipProof, check_ownership, coins_psbt, ownership_psbt};
pub use paper::{
    MAX_PAPER_BYTES, MAX_REMARK_BYTES, Paper, PaperBody, PaperError, SignedPaper, is_treasurer_hello,
    sign_treasurer_hello, signatures_only,
};
pub use policy::{PolicyError, Recovery, ScriptKind, TreasuryTemplate, compile_policy};
pub use queue::{Candidate, queue, worst_weight};
pub use reason::{Passing, PsbtReason, PsbtUnknown};
pub use signature::{
    InputOrigin, SignatureRefusal, SigningStatus, finalise, finalise_payout, input_origin, input_origins,
    merge_signatures, output_origin, prevout_of, verify_signatures,
};
pub use stage::{Stage, return_psbt};
