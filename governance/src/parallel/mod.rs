//! Pieces of a tally that run side by side. Nothing here starts a thread: the shell hands the pieces to its own ([`Workers`]).
//!
//! Members are divided into [`Shards`] by key. Each shard counts its own members' ballots ([`TallyShard`]); where weight is
//! delegated across shards, they exchange [`Parcel`]s, once per step. Counts merge in any order ([`crate::voting::Count`]), and
//! each shard hashes its own leaves of the ballot tree, which [`Fragments`] joins in any order of arrival.
//!
//! Law, tested: for any number of shards and any order in which pieces run and results arrive, counts, rankings and roots
//! are those of the whole, bit for bit (L-14).

mod flow;
mod fragments;
mod hashing;
mod shards;
mod tally_shard;
mod workers;

pub use flow::ShardedFlow;
pub use fragments::Fragments;
pub use hashing::tree;
pub use shards::Shards;
pub use tally_shard::{Parcel, TallyShard};
pub use workers::{Alone, Piece, Workers, each};
