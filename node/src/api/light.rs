//! What a light member's folder holds (N-220).

use serde::{Deserialize, Serialize};

/// How far a light member has read the log since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LightStatus {
    /// Entries read and checked since the start.
    pub read: u64,
    /// Entries that the log has at least, by what the folder holds.
    pub at_least: u64,
    /// Whether less is read than that: nothing is signed, and shown is what the folder holds (N-221).
    pub reads_anew: bool,
}

impl LightStatus {
    /// Why what is shown is not all, in a sentence; with whether the hub is connected, where that is known.
    #[must_use]
    pub fn words(&self, hub_connected: Option<bool>) -> String {
        let Self { read, at_least, .. } = self;
        let why = match hub_connected {
            Some(true) => "; the hub is asked for the rest",
            Some(false) => "; the hub, which has the rest, is not reachable",
            None => "",
        };
        format!(
            "N-221: this is a light member, which keeps no log: {read} of at least {at_least} entries are read since the start{why}. \
             What this folder holds by itself is checked by proof: `althing light show`. Nothing is signed before the rest is read."
        )
    }
}

/// What a folder holds by itself, also without its hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LightView {
    /// How far the log is read; absent where the whole log is kept.
    pub light: Option<LightStatus>,
    /// Own entries, in the order of the log.
    pub own: Vec<HeldOwn>,
    /// Entries kept that proofs begin with: proposals, heads, replaced keys.
    pub others: u64,
    /// Proofs under final links, each of which was judged as any receiver would.
    pub proofs: Vec<HeldProof>,
}

/// An own entry with its receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldOwn {
    /// Its id.
    pub entry: String,
    /// What it is.
    pub kind: String,
    /// Its place in the log.
    pub position: u64,
    /// The height by which the receipt promises it to be anchored.
    pub anchored_by_height: u32,
}

/// A statement that this folder can prove to anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldProof {
    /// Id of the proposal.
    pub proposal: String,
    /// Its number in the log.
    pub number: u32,
    /// Its title; untrusted text.
    pub title: String,
    /// Whether it is about the own ballot; else about sums and outcome.
    pub own_ballot: bool,
    /// The epoch under whose header it is.
    pub epoch: u32,
    /// The statement in words; untrusted text.
    pub words: String,
}
