//! Batch verification of BIP340 signatures: many signatures in one multi-scalar multiplication, exact verdicts.
//!
//! [`Verifier::check`] returns the same set of invalid signatures as libsecp256k1 asked one by one, except with probability
//! at most 2^-128 per batch (docs/adr/0004-batch-verification.md). Whatever is reported invalid was refused by libsecp256k1
//! itself, and a sample of what is accepted is shown to it as well.
//!
//! Everything here is public: keys, messages, signatures. The arithmetic therefore runs in **variable time** and must never
//! see a secret key or nonce.
//!
//! The order of reading: [`item`] (what goes in and out), [`verifier`] (the decisions), [`weights`] (what makes forgeries not cancel), `equation` (what is summed), `msm`
//! (how it is summed), [`lanes`] (eight field elements at once where the processor can), [`arith`] (field, scalars, points).
//!
//! The clauses cited as `S-n` are in `docs/spec/batch.md`.

pub mod arith;
mod equation;
pub mod item;
pub mod key_cache;
pub mod lanes;
mod msm;
pub mod verifier;
pub mod weights;

pub use item::{Item, Verdict};
pub use key_cache::KeyCache;
pub use lanes::Lanes;
pub use verifier::Verifier;
pub use weights::Weights;
