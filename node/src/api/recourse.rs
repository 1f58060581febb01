//! What members do about a hub that does not do its part; and the gates of the treasury.

use serde::{Deserialize, Serialize};

/// An order about a hub that keeps something out, or lied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum RecourseRequest {
    /// Puts an entry on Bitcoin, so that the hub has to log it (G-107). Answers when the transaction is out.
    Force {
        /// `last` for the own entry that the hub has not acknowledged; the id of an own entry; or any whole entry, hex.
        entry: String,
        /// Fee rate of the transaction, sat/vB, 1..=1000; what seems to be needed when absent.
        fee_rate_sat_vb: Option<u64>,
        /// Only says what it would do.
        only_review: bool,
    },
    /// The whole entry, for others to note or to force (G-97, G-107).
    Entry {
        /// As of `Force`.
        entry: String,
    },
    /// Puts the proof into the log that the hub signed what no honest hub signs (G-109).
    Fraud {
        /// A proof file of the statement (P-12, P-13), hex.
        proof: String,
        /// Only says what it would do.
        only_review: bool,
    },
}

/// An order or a question about gates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum GateRequest {
    /// Every gate, in the order in which they are given out.
    List,
    /// Hub: notes in the log which gates a transaction of the treasury made or took back (G-108).
    Refill {
        /// The transaction, in a block.
        txid: String,
        /// Which of its outputs are gates from now on; none when it only takes back.
        outputs: Vec<u32>,
        /// Only says what it would do.
        only_review: bool,
    },
}

/// An entry on its way to Bitcoin, or what that would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forced {
    /// Id of the entry, hex.
    pub entry: String,
    /// What kind of entry it is.
    pub kind: String,
    /// The transaction that carries it; absent in a review.
    pub txid: Option<String>,
    /// What it pays.
    pub fee_sat: u64,
    /// Its size.
    pub vsize: u64,
    /// What it pays for each virtual byte, rounded up.
    pub fee_rate_sat_vb: u64,
    /// What it does, in sentences.
    pub sentences: Vec<String>,
}

/// An entry as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeEntry {
    /// Its id, hex.
    pub entry: String,
    /// What kind of entry it is.
    pub kind: String,
    /// Its canonical bytes, hex.
    pub bytes: String,
}

/// A gate of the treasury.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The output.
    pub outpoint: String,
    /// Whether a refill made it; else the genesis transaction did.
    pub refilled: bool,
    /// `free`, `assigned`, `paid` or `taken back`.
    pub state: String,
    /// The proposal that it was given to, if any.
    pub proposal: Option<String>,
}
