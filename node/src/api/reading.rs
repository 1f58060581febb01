//! How far a node has read what its answers rest on (docs/spec/node.md, N-425).

use serde::{Deserialize, Serialize};

/// How far the log is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Entries that are read and verified here.
    pub entries: u64,
    /// Height of the newest signed head among them.
    pub height: Option<u32>,
    /// Entries that the hub has, as it said on the connection that there is now.
    pub hub_entries: Option<u64>,
    /// Whether that is all, and if not, why.
    pub state: ReadState,
}

/// Whether the log is read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadState {
    /// All that the hub has is here.
    Whole,
    /// The hub has more, which is being read.
    Behind,
    /// Bitcoin is not read to its end since the start.
    ChainBehind,
    /// The node has begun just now and calls the hub, which has not answered yet.
    Calling,
    /// The hub has not said where its log ends: it is not connected.
    NoHub,
    /// The hub gives this folder nothing more: it is a copy (N-125).
    Refused,
    /// The hub's log breaks a rule, and is followed no further.
    Halted,
}

impl Reading {
    /// Whether the answers rest on all that there is.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.state == ReadState::Whole
    }

    /// Up to where the log goes here, and why not further, in a sentence; empty where it is whole.
    #[must_use]
    pub fn words(&self) -> String {
        let here = match (self.entries, self.height) {
            (0, _) => "nothing of the log is here yet".to_owned(),
            (entries, None) => format!("{entries} entries of the log are here"),
            (entries, Some(height)) => format!("{entries} entries of the log are here, up to height {height}"),
        };
        match self.state {
            ReadState::Whole => String::new(),
            ReadState::Behind => {
                let of =
                    self.hub_entries.map_or_else(String::new, |entries| format!("; the hub has {entries} entries"));
                format!("The log is not read to its end: {here}{of}.")
            }
            ReadState::ChainBehind => format!("Bitcoin is not read to its end yet: {here}, and this may be old."),
            ReadState::Calling => format!("The hub has not answered yet: {here}, and this may be old."),
            ReadState::NoHub => format!("The hub is not reachable: {here}, and this may be old."),
            ReadState::Refused => format!("The hub refuses this folder as a copy (N-125): {here}, and this is old."),
            ReadState::Halted => format!("The hub's log is followed no further: {here}, and this may be old."),
        }
    }
}
