//! Pure core of stake channels: scripts, transactions, MuSig2, wire messages, open and close.
//!
//! A stake channel is one Taproot output of a member and the hub. This crate holds its rules (`docs/spec/channels.md`,
//! clauses C-n) and nothing that does I/O: randomness, chain facts and messages are arguments, and everything to be done
//! comes back as [`Effect`] values.
//!
//! The shell's loop for a channel:
//! 1. a message: `channel.handle(&msg, session)`; a fact or a wish: the method named after it (`fund`,
//!    `funding_confirmed`, `close`, ...);
//! 2. carry out the returned effects in order; [`Effect::Persist`] stores `channel.encode()`; if anything fails, drop the
//!    channel and load it again with [`Channel::decode`];
//! 3. after a restart `channel.resume()`, after every reconnect `channel.on_reconnect(session)`.
//!
//! Messages are routed by the `channel` (or `opening`) they name; an `open_stake` of an unknown opening goes to
//! [`Channel::hub_accept`].

#![allow(clippy::drop_non_drop, reason = "expansion of LDK's TLV macros")]

pub mod backup;
mod channel;
mod close;
mod commitment;
pub mod fees;
mod ids;
mod justice;
mod keys;
pub mod lane;
mod life;
pub mod monitor;
mod musig;
mod scripts;
mod secp;
mod sweep;
pub mod tower;
pub mod wire;

pub use channel::{
    AppPosition, Change, Channel, ChannelError, CheckpointFacts, CheckpointRequest, CheckpointReview, CommitmentTxids,
    Division, Effect, FundingInForce, FundingSpend, Hold, HubTerms, Ledger, LedgerError, LedgerKeys,
    MAX_CHECKPOINT_BYTES, MAX_FUNDINGS_IN_FORCE, MAX_HOLDS, MAX_SPLICE_BYTES, MAX_WAITING_SPLICES_BYTES,
    OpeningCheckpoint, PendingSplice, PerSide, Phase, REQUIRED_CONFIRMATIONS, SignedCheckpoint, SignedHold,
    SpliceStage, StateError, Violation, Voucher, Wait,
};
pub use close::{CLOSE_RAISE_SAT, CloseError, CloseScripts, CloseTx};
pub use commitment::{AmountError, Balances, CommitmentContext, CommitmentTx, Side, check_amounts, funding_output};
pub use ids::{
    ChannelId, ChannelParams, DUST_SAT, DaoId, HUB_CSV_BLOCKS, HoldId, MAX_MONEY_SAT, MEMBER_CSV_BLOCKS,
    MIN_RESERVE_SAT, NetworkId, OpeningId, P2A_MAX_SAT, tagged_hash,
};
pub use justice::{Breach, JusticeError, JusticeTo};
pub use keys::{ChannelKeys, ChannelPublicKeys, ChannelSeed, MAX_COMMITMENT_NUMBER};
pub use life::{Life, MAX_LIVES};
pub use musig::{
    FundingAggregate, PartialSignature, PartialSignatureWithNonce, PublicNonce, SecretNonce, SessionSecret, ZeroEntropy,
};
pub use scripts::{ToLocal, anchor_script, funding_script, is_close_script, to_remote_script};
pub use sweep::{SweepError, SweepTo, sweep_to_local, sweep_to_remote};
pub use wire::Msg;
