//! The treasury's part of the vocabulary.

use serde::{Deserialize, Serialize};

use super::{CoinView, PaperView, SessionView, TreasuryOverview};
pub use crate::treasury::check::{CheckReport, CheckedInput, CheckedOutput, CheckedPayment, ReasonLine};
pub use crate::treasury::policy::{KeyView, PolicySource, PolicyView};
pub use crate::treasury::{Flow, key::TreasurerKeys};

/// What can be asked of a node about the treasury, and what a treasurer can order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreasuryRequest {
    /// Policy, balance, generations, payments that may be made.
    Overview,
    /// This treasurer's public keys.
    Keys,
    /// A receiving address that was not paid to yet.
    Address,
    /// Every coin.
    Coins,
    /// Freezes a coin, or thaws it without a reason.
    Freeze {
        /// `txid:vout`.
        outpoint: String,
        /// Why; `None` thaws.
        reason: Option<String>,
    },
    /// Builds the transaction of authorised payments and opens a signing session.
    Open {
        /// Proposals, by number or id; a budget's milestone as `ID/n`, n from 1.
        payments: Vec<String>,
        /// sat/vB; the node's own estimate when absent.
        fee_rate_sat_vb: Option<u64>,
        /// Blocks that the coins have rested: opens the way of a recovery.
        rest_blocks: Option<u16>,
    },
    /// Opens a session that moves the treasury's own coins: consolidation, or the sweep of former generations.
    OpenHousekeeping {
        /// sat/vB; the node's own estimate when absent.
        fee_rate_sat_vb: Option<u64>,
        /// Only coins below this value; all when absent.
        below_sat: Option<u64>,
        /// Blocks that the coins have rested: opens the way of a recovery.
        rest_blocks: Option<u16>,
        /// New gates to be made (T-321); those of former treasuries that no decision has are replaced in any case.
        #[serde(default)]
        gates: u16,
    },
    /// Opens a session by which the bonds of a hub that are free go back to it (T-93).
    ReturnBond {
        /// sat/vB; the node's own estimate when absent.
        fee_rate_sat_vb: Option<u64>,
    },
    /// Opens a session by which guardians and a treasurer bring back what is staged (T-95).
    ReturnStaged {
        /// The stage transaction: its id or the beginning of it.
        stage: String,
        /// sat/vB; the node's own estimate when absent.
        fee_rate_sat_vb: Option<u64>,
    },
    /// At the hub: pays what is missing of its bond into the treasury (T-94).
    BringBond {
        /// Says only what would be paid.
        only_review: bool,
    },
    /// Opens the replacement of a session at a higher rate: same payments, same coins.
    Bump {
        /// The session, or the beginning of its id.
        session: String,
        /// sat/vB.
        fee_rate_sat_vb: u64,
    },
    /// Opens a child that pays for a session that was broadcast: it spends the change, at a fee that brings both to the rate.
    Child {
        /// The session, or the beginning of its id.
        session: String,
        /// sat/vB, of both together.
        fee_rate_sat_vb: u64,
    },
    /// Pays for the payout of a staged payment with a child of this node's own wallet (T-100).
    PayForPayout {
        /// The session of the staged payment, or the beginning of its id.
        session: String,
        /// sat/vB, of both together.
        fee_rate_sat_vb: u64,
        /// Says only what would be paid.
        only_review: bool,
    },
    /// All sessions.
    Sessions,
    /// One session with its PSBT.
    Session {
        /// Its id or the beginning of it.
        session: String,
    },
    /// Takes signatures in from a PSBT; a session that is not known is opened if the PSBT passes the check.
    Import {
        /// Base64.
        psbt: String,
    },
    /// Checks and signs a session with this treasurer's key.
    Sign {
        /// Its id or the beginning of it.
        session: String,
    },
    /// Checks and signs a PSBT, and opens its session if it is new.
    SignPsbt {
        /// Base64.
        psbt: String,
    },
    /// Notes why this treasurer does not sign.
    Refuse {
        /// The session.
        session: String,
        /// Why.
        reason: String,
    },
    /// Adds a comment to a session.
    Comment {
        /// The session.
        session: String,
        /// What.
        text: String,
    },
    /// Puts the signatures together and broadcasts the transaction.
    Broadcast {
        /// The session.
        session: String,
    },
    /// Judges a PSBT by this node's chain and log, without signing.
    Check {
        /// Base64.
        psbt: String,
    },
    /// What the treasury had when an epoch closed, and the PSBT by which the treasurers show it (T-83).
    Funds {
        /// The epoch; the newest final one when absent.
        epoch: Option<u32>,
    },
    /// What left the treasury, judged.
    Flows,
    /// What treasurers said to each other over the hub.
    Papers,
    /// All labels.
    Labels,
    /// Sets labels.
    SetLabels {
        /// Kind (`tx`, `addr`, `output`), reference, label.
        labels: Vec<(String, String, String)>,
    },
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "treasury", rename_all = "snake_case")]
pub enum TreasuryReply {
    /// To `Overview`.
    Overview(Box<TreasuryOverview>),
    /// To `Keys`.
    Keys(TreasurerKeys),
    /// To `Address`.
    Address {
        /// The address.
        address: String,
        /// Its derivation index.
        index: u32,
    },
    /// To `Coins`.
    Coins {
        /// The largest first.
        coins: Vec<CoinView>,
    },
    /// To `Open`, `Session`, `Import`, `Sign`, `SignPsbt`, `Refuse`, `Comment`, `Bump`, `Broadcast`.
    Session(Box<SessionView>),
    /// To `Sessions`.
    Sessions {
        /// The oldest first, without their PSBTs.
        sessions: Vec<SessionView>,
    },
    /// To `BringBond`.
    Bond {
        /// What is missing, and paid by the transaction.
        sat: u64,
        /// The transaction; `None` for a review.
        txid: Option<String>,
    },
    /// To `PayForPayout`.
    PayoutChild(PayoutChild),
    /// To `Funds`.
    Funds(Box<Funds>),
    /// To `Check`.
    Check(Box<CheckReport>),
    /// To `Flows`.
    Flows {
        /// The oldest first.
        flows: Vec<Flow>,
    },
    /// To `Papers`.
    Papers {
        /// The oldest first.
        papers: Vec<PaperView>,
    },
    /// To `Labels`.
    Labels {
        /// Kind, reference, label.
        labels: Vec<(String, String, String)>,
    },
    /// To `Freeze` and `SetLabels`.
    Done,
}

/// A child that pays for a staged payment's payout (T-100).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutChild {
    /// The payout.
    pub payout: String,
    /// What it pays by itself.
    pub paid_sat: u64,
    /// What the child pays, from this node's own wallet.
    pub fee_sat: u64,
    /// The rate that comes of it for both together, sat/vB, rounded up.
    pub fee_rate_sat_vb: u64,
    /// The child.
    pub txid: String,
}

/// What the treasury had when an epoch closed (T-83).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funds {
    /// The epoch.
    pub epoch: u32,
    /// Height at which it closed.
    pub height: u32,
    /// What is signed: the hash of its header, in hexadecimal.
    pub message: String,
    /// The treasury of the charter in that header.
    pub descriptor: String,
    /// Its coins then: `txid:vout` and satoshis.
    pub coins: Vec<(String, u64)>,
    /// What every treasurer signs, in base64.
    pub psbt: String,
}
