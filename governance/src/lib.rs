//! Pure core of an Althing DAO: charter, log, roll, proposals, ballots, tally, trees, receipts and the epoch header.
//!
//! Everything here is a function of its arguments. The log (an ordered list of [`entry::Entry`]) and facts about the
//! Bitcoin chain ([`roll::FundingFact`], block hashes, heights) go in; states, refusals, trees and headers come out. The
//! hub, every member and every auditor run the same code over the same log and must get the same bytes.
//!
//! The order of reading: [`charter`] (the rules), [`dao`] (what a DAO is identified by), [`entry`] (what the log holds),
//! [`state`] (which entries are accepted), [`lifecycle`] (when a proposal opens and closes), [`roll`] (who weighs how much),
//! [`voting`] (what ballots may say and decide), [`delegation`] (who speaks with whose weight), [`ballots`] and [`tally`] (what was counted),
//! [`ledger`] (what was decided and what follows), [`tree`] (how it is committed to) and [`epoch`] (the header that goes on Bitcoin).
//!
//! Clauses are cited by their letter: `G-n` docs/spec/governance.md, `V-n` docs/spec/voting.md, `L-n`
//! docs/spec/delegation.md, `R-n` docs/spec/charter.md, `E-n` docs/spec/encoding.md.

pub mod ballots;
pub mod charter;
pub mod codec;
pub mod dao;
pub mod delegation;
pub mod entry;
pub mod epoch;
pub mod hash;
pub mod id;
pub mod id_map;
mod index;
mod layers;
pub mod ledger;
pub mod lifecycle;
pub mod long_list;
mod moves;
pub mod parallel;
pub mod receipt;
pub mod report;
pub mod roll;
pub mod signing;
pub mod state;
pub mod tally;
pub mod text;
pub mod tree;
pub mod voting;

pub use charter::Charter;
pub use codec::{Canonical, DecodeError};
pub use dao::DaoParams;
pub use entry::Entry;
pub use epoch::{EpochClose, EpochHeader};
pub use id::{ChannelId, CharterHash, DaoId, EntryId, HeaderHash, LaneHead, MemberId, NetworkId, ProposalId, TreeHash};
pub use ledger::Ledger;
pub use roll::{FundingFact, Roll};
pub use state::{LogState, Refusal};
