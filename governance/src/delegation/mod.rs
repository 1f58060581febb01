//! Delegation: who speaks with whose weight when its owner does not vote (`L-n`, docs/spec/12-delegation.md).
//!
//! The order of reading: [`Delegation`] (what a member says).

mod body;

pub use body::{Delegation, MAX_PARTS, MAX_TAG, Part, Scope, Tag};
