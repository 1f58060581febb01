//! Pure core of what the DAO puts on Bitcoin: anchor links, inclusion proofs, header chains, treasury outputs.
//!
//! A DAO's history is a chain of Bitcoin transactions ("links"). Each link spends output 0 of the link before it and
//! commits, in the Taproot tweak of its own output 0, to one opaque 32-byte [`Commitment`]. Because Bitcoin lets an
//! output be spent once, there is one history. This crate builds, signs, follows and verifies links; it never learns
//! what a commitment means.
//!
//! Nothing here reads a clock, a file, the network or a source of randomness: facts about the chain are arguments.
//! The rules are numbered in `docs/spec/anchor.md` as A-n (anchoring) and T-n (treasury) and cited in the code.
//!
//! | to do | start at |
//! |---|---|
//! | found a DAO | [`Treasury::parse`], [`genesis_outputs`], [`verify_genesis`] |
//! | anchor an epoch | [`LinkBuilder`], [`LinkTracker`] |
//! | keep a proof of a link | [`TxInclusion::from_block_txids`], [`LinkEvidence`] |
//! | share the anchor key among operators | [`Operators`], [`OfferedLink`], [`NonceRound`], [`SealPledge`] |
//! | pay for links, wait or bump | [`FeePolicy`], [`Reserve`], [`LinkBuilder::build_replacement`], [`BumpChild`] |
//! | go on without the hub | [`SuccessionCertificate`], [`judge_succession`] |
//! | prove what became of a seal or gate | [`judge_seal_spend`], [`judge_gate_spend`] |
//! | pay out of the treasury | [`TreasuryTemplate`], [`SpendPlan`], [`check_psbt`], [`merge_signatures`], [`finalise`] |
//! | judge what left it | [`judge_spend`] |
//! | export a link as a timestamp | [`split_timestamp`], [`op_return_timestamp`], [`reveal_timestamp`] |
//! | check a history offline | [`HeaderChain::from_bytes`], [`verify_chain`] |
//!
//! ```
//! use althing_anchor::{Commitment, LinkBuilder, Seal, verify_link};
//! use bitcoin::hashes::Hash;
//! use bitcoin::secp256k1::{Keypair, Secp256k1};
//! use bitcoin::{Amount, FeeRate, OutPoint, Txid};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Keypair::from_seckey_slice(&Secp256k1::new(), &[1; 32])?;
//! let anchor_key = key.x_only_public_key().0;
//! let seal = Seal {
//!     outpoint: OutPoint { txid: Txid::from_byte_array([9; 32]), vout: 0 },
//!     value: Amount::from_sat(10_000),
//!     anchor_key,
//!     commitment: Commitment::new([0; 32]),
//! };
//! let epoch = Commitment::new([1; 32]);
//! let (rate, cap) = (FeeRate::from_sat_per_vb_u32(2), FeeRate::from_sat_per_vb_u32(50));
//! let link = LinkBuilder::new(seal, anchor_key, epoch).build(rate, cap)?.sign(&key, &[7; 32])?;
//! let next = verify_link(link.transaction(), seal.outpoint, anchor_key, epoch)?;
//! assert_eq!(next, link.seal().outpoint);
//! # Ok(())
//! # }
//! ```

mod bump;
mod chain;
mod codec;
mod coin;
mod commitment;
mod curve;
mod difficulty;
mod evidence;
mod fee;
mod fee_policy;
mod genesis;
mod headers;
mod inclusion;
mod link;
mod link_builder;
mod link_signing;
mod merkle;
mod musig;
mod offered;
mod ots;
mod pledge;
mod reserve;
mod seal;
mod shape;
mod spend_verdict;
mod succession;
mod tracker;
mod tracker_codec;
mod treasury;

pub use bump::{BumpChild, BumpError, MAX_BUMP_WEIGHT};
pub use chain::{ChainError, ClaimedLink, LinkChain, VerifiedChain, VerifiedLink, mined_height, verify_chain};
pub use codec::DecodeError;
pub use coin::Coin;
pub use commitment::{Commitment, commitment_leaf, leaf_control_block, link_output_script, opens};
pub use evidence::{LinkEvidence, MAX_TRANSACTION_BYTES, read_stripped};
pub use fee::{FeeError, INCREMENTAL_RELAY_RATE, LINK_VSIZE, LINK_WEIGHT, MIN_SEAL, link_fee, links_affordable};
pub use fee_policy::{FeeDecision, FeeMarket, FeePolicy};
pub use genesis::{Genesis, GenesisError, GenesisParams, MAX_GATES, genesis_outputs, verify_genesis};
pub use headers::{BlockHashes, HeaderChain, HeaderError, minimum_work, work_caveat};
pub use inclusion::{InclusionError, MAX_BRANCH_DEPTH, TxInclusion};
pub use link::{LinkError, verify_link};
pub use link_builder::{BuildError, LinkBuilder, MAX_TOP_UP_COINS, Unconfirmed};
pub use link_signing::{SignedLink, UnsignedLink};
pub use musig::{
    MAX_OPERATORS, NonceRound, OperatorError, Operators, PartialSignature, PublicNonce, SessionEntropy, SessionError,
    SignatureRound, ZeroEntropy, is_operator_hello, sign_operator_hello,
};
pub use offered::OfferedLink;
pub use ots::{
    Attestation, Attested, ExportError, FileHash, MAX_MESSAGE_BYTES, MAX_OTS_BYTES, MAX_OTS_DEPTH, OtsError, OtsOp,
    OtsPath, TimestampFile, link_steps, op_return_timestamp, reveal_timestamp, split_timestamp,
};
pub use pledge::SealPledge;
pub use reserve::{Reserve, ReserveAlarm, ReserveForecast};
pub use seal::Seal;
pub use shape::{BUMP_OUTPUT_VALUE, LinkShape, OtsForm};
pub use spend_verdict::{
    AllowedSpend, GateVerdict, SealVerdict, UnauthorisedReason, judge_gate_spend, judge_seal_spend,
};
pub use succession::{
    CertificateError, ClaimedSuccession, MAX_SUCCESSION_SIGNERS, MOVED_SPARE_VOUT, Primary, SpareSeal, Succession,
    SuccessionCertificate, SuccessionError, SuccessionRules, SuccessionSignature, SuccessionStatement,
    first_succession, judge_succession, signs_rivals, spare_seal_after, succession_outputs,
};
pub use tracker::{
    BlockId, ChainEvent, Effect, HaltReason, LinkState, LinkTracker, MAX_VERSIONS, TrackerError, Transition,
};
pub use treasury::{
    Bond, Candidate, CheckFacts, Checked, GateState, HOUSEKEEPING_BLOCKS, INDEXES_IN_SIGHT, InputOrigin,
    LEAST_SPARE_SEAL, MAX_DESCRIPTOR_BYTES, MAX_NEW_GATES, MAX_PAPER_BYTES, MAX_REMARK_BYTES, MAX_TREASURY_KEYS,
    MOST_INDEXES_IN_SIGHT, MinedSpend, OwnershipProof, Paper, PaperBody, PaperError, Passing, PlanError, PolicyError,
    PolicySize, PsbtProof, PsbtReason, PsbtUnknown, PsbtVerdict, Recovery, SEARCHED_INDEXES, ScriptKind,
    SignatureRefusal, SignedPaper, SigningStatus, SpendFinding, SpendIntent, SpendPlan, SpendingPath, Stage, Treasury,
    TreasuryCoin, TreasuryError, TreasuryTemplate, check as check_psbt, check_ownership, child_pays_for_parent,
    coins_psbt, compile_policy, fee_at, finalise, finalise_payout, housekeeping_budget, housekeeping_cost,
    indexes_in_sight, input_origin, input_origins, is_treasurer_hello, judge_spend, judge_staged, merge_signatures,
    mined_housekeeping_cost, output_origin, ownership_psbt, prevout_of, queue, read_payout, read_proof,
    replacement_floor, return_psbt, sign_treasurer_hello, signatures_only, signers_of, verify_signatures, worst_weight,
    write_payout, write_proof,
};
