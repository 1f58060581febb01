//! Links, what they cost, and what is proven by them.

use std::path::PathBuf;

use althing_governance::charter::Body;
use bitcoin::FeeRate;
use serde::{Deserialize, Serialize};

/// A question or an order about links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum AnchorRequest {
    /// How long the seal pays for links.
    Reserve,
    /// Whether fraud is proven, and whether data is withheld.
    Health,
    /// Writes the hub's receipt for the newest own ballot on a proposal, as JSON.
    Receipt {
        /// The proposal: number, id or a beginning of it.
        proposal: String,
        /// The file to write.
        path: PathBuf,
    },
    /// Pays more for the link that waits: a hub with another version of it, a member with a child.
    Bump {
        /// Rate to pay, sat/vB; what seems to be needed when absent.
        fee_rate_sat_vb: Option<u64>,
        /// Only says what it would do.
        only_review: bool,
    },
    /// Who signs links together, and what waits for whom.
    Operators,
    /// A step toward another hub.
    Succession(SuccessionRequest),
    /// Writes a proof file for a statement that rests on more than the log.
    Prove {
        /// What is to be proven.
        evidence: Evidence,
        /// The file to write.
        path: PathBuf,
        /// Without the links, which another file has (P-161).
        #[serde(default)]
        short: bool,
    },
    /// Writes an OpenTimestamps file, and the file that it stamps.
    Timestamp {
        /// Epoch of the link.
        epoch: u32,
        /// Which form.
        kind: TimestampKind,
        /// What is stamped; of the split form always the link itself.
        of: TimestampOf,
        /// The file to write; the stamped file has the same name without `.ots`.
        path: PathBuf,
    },
}

/// Who signs links together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorView {
    /// Every set in the node's settings; none when the hub signs alone.
    pub sets: Vec<OperatorSet>,
    /// What waits for whom, or was refused, in words.
    pub waits: Option<String>,
}

/// Operators behind one anchor key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorSet {
    /// The key that they make together, x-only, hex.
    pub anchor_key: String,
    /// Whether the next link is signed by them.
    pub in_force: bool,
    /// In the order of their keys.
    pub operators: Vec<OperatorStatus>,
}

/// One operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorStatus {
    /// Compressed key, hex.
    pub key: String,
    /// Whether it is this node's.
    pub is_own: bool,
    /// Whether it is connected; only the hub knows.
    pub is_connected: Option<bool>,
}

/// An answer about links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum AnchorReply {
    /// To `Reserve`.
    Reserve(LinkReserve),
    /// To `Bump`.
    Bump(Bump),
    /// To `Operators`.
    Operators(OperatorView),
    /// To `Prove`.
    Proof {
        /// The file written.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// What it proves, in a sentence.
        statement: String,
    },
    /// To `Timestamp`.
    Timestamp(Timestamp),
    /// To `Health`.
    Health {
        /// Proofs of the hub's fraud that this node has written.
        fraud: Vec<PathBuf>,
        /// Links on Bitcoin whose header or log is not here.
        unavailable: Vec<Withheld>,
        /// What is to be said of a hub key in force by which nothing is signed (N-132).
        #[serde(default)]
        silent_key: Option<String>,
        /// What is to be said of a link that was final and is not, or of a chain of links that has ended (N-240).
        #[serde(default)]
        undone: Option<String>,
        /// Why the Bitcoin source cannot be asked (B-1 to B-4).
        #[serde(default)]
        source: Option<String>,
        /// That the hub refuses this folder as a copy (N-125), or turns it away (N-443).
        #[serde(default)]
        copy: Option<String>,
        /// Everything that a person must know.
        alarms: Vec<String>,
    },
    /// To `Succession`.
    Succession(SuccessionAnswer),
    /// To `Receipt`.
    Receipt {
        /// The file written.
        path: PathBuf,
    },
}

/// A step toward another hub. Files travel as hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum SuccessionRequest {
    /// Makes the statement for another hub.
    Propose {
        /// Its log key, x-only, hex.
        hub_log_key: String,
        /// Its anchor key, x-only, hex.
        anchor_key: String,
        /// Its node id, hex.
        node_id: String,
        /// The last epoch that the members accept; the newest final one when absent.
        after: Option<u32>,
        /// Entries of the log that stay, at most; all that are here when absent.
        size: Option<u64>,
    },
    /// Follows the new hub from now on.
    Follow {
        /// The certificate.
        certificate: String,
        /// Where the new hub listens: `host:port`.
        address: String,
        /// Only says what it would do.
        only_review: bool,
    },
    /// Signs a statement as the node's member.
    Sign {
        /// The statement.
        statement: String,
        /// Only says what it would do.
        only_review: bool,
    },
    /// Makes a certificate and weighs it.
    Collect {
        /// The statement.
        statement: String,
        /// Members' keys and signatures.
        signatures: Vec<String>,
        /// The files that they are from, to name the one that is refused.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<String>,
    },
    /// Makes the transaction that spends the spare seal.
    Spend {
        /// The certificate.
        certificate: String,
        /// Fee rate, sat/vB.
        fee_rate_sat_vb: u64,
    },
    /// Signs that transaction as the node's treasurer.
    Cosign {
        /// The certificate.
        certificate: String,
        /// The transaction (BIP174).
        psbt: String,
        /// Only says what it would do.
        only_review: bool,
    },
    /// Combines the treasurers' signatures and broadcasts.
    Publish {
        /// The signed transactions (BIP174).
        psbts: Vec<String>,
    },
    /// Judges whether a certificate is carried out.
    Judge {
        /// The certificate.
        certificate: String,
    },
}

/// The outcome of a step toward another hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessionAnswer {
    /// What goes into a file, hex.
    pub file: Option<String>,
    /// What was found or done, in sentences.
    pub words: Vec<String>,
    /// Whether the step is complete; a certificate without enough weight is not.
    pub done: bool,
}

/// How long the seal pays for links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkReserve {
    /// What the newest seal holds.
    pub seal_sat: u64,
    /// What one link costs now.
    pub link_sat: u64,
    /// At which rate, sat/vB, rounded up.
    pub fee_rate_sat_vb: u64,
    /// Links that it pays for at this rate.
    pub links: Option<u64>,
    /// Links that it pays for at the charter's cap.
    pub links_at_cap: Option<u64>,
    /// Blocks for which it lasts at this rate.
    pub blocks: Option<u64>,
    /// `calm`, `low`, `urgent` or `empty`.
    pub alarm: String,
    /// All of it in a sentence.
    pub words: String,
}

/// A link that is paid more for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bump {
    /// Its epoch.
    pub epoch: u32,
    /// The version that waits.
    pub link: String,
    /// What it pays.
    pub paid_sat: u64,
    /// What the replacement, or the child, pays.
    pub fee_sat: u64,
    /// The rate that comes of it, sat/vB, rounded up; of link and child together.
    pub fee_rate_sat_vb: u64,
    /// Whether the link was replaced; else a child pays for it.
    pub is_replacement: bool,
    /// The replacement or the child.
    pub txid: String,
}

/// What a proof file rests on beside, or instead of, a proposal's tally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "statement", rename_all = "snake_case")]
pub enum Evidence {
    /// A proposal, or a milestone of a budget, was authorised (P-10).
    Authorised {
        /// The proposal: number, id or a beginning of it.
        proposal: String,
        /// Which milestone of a budget, from 1; absent for a spend.
        milestone: Option<u16>,
    },
    /// What of a budget was paid, may be paid, and is left (P-335).
    Budget {
        /// The proposal.
        proposal: String,
    },
    /// A member did not vote on a proposal (P-11).
    DidNotVote {
        /// The proposal.
        proposal: String,
        /// The member: vote key or name, or a treasurer's by the charter; the node's own when absent.
        member: Option<String>,
        /// In which of the bodies that decide it; the first in which they have a vote when absent.
        #[serde(default)]
        body: Option<Body>,
    },
    /// The hub promised an entry in a receipt and logged another (P-12).
    ReceiptFraud {
        /// The signed receipt, hex; with position, entry and path as in the messages.
        receipt: String,
        /// The entry promised, hex.
        entry: String,
        /// Its position.
        position: u64,
        /// Path in the batch, hex hashes.
        path: Vec<String>,
        /// A signed head that tells of another log, hex; the newest final header when absent.
        head: Option<String>,
    },
    /// The hub signed two heads that contradict each other (P-13).
    HeadFraud {
        /// Two signed heads, hex; with one, the other is sought in this node's log.
        heads: Vec<String>,
    },
    /// A member signed two entries for one place (P-14).
    Equivocation {
        /// Both entries, hex.
        entries: [String; 2],
    },
    /// A side of a channel signed two checkpoints of one number (P-400).
    TwoCheckpoints {
        /// Both, hex: each as the log has it, or followed by the signature of one side; none for what this node found by itself.
        checkpoints: Vec<String>,
    },
    /// A gate of the treasury was spent without authorisation (P-15).
    UnauthorisedSpend {
        /// The gate, `txid:vout`.
        gate: String,
    },
    /// Coins of the treasury were spent without authorisation (P-146).
    Theft {
        /// The transaction that spent them.
        txid: String,
    },
    /// The links up to the newest final epoch, for short proof files (P-160).
    Links,
}

/// Form of an OpenTimestamps file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampKind {
    /// From the output key of the link on.
    Split,
    /// By the OP_RETURN output of the link.
    Opreturn,
    /// By the witness of the link after it.
    Reveal,
}

/// What a timestamp is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampOf {
    /// The epoch header.
    Header,
    /// An entry of the log.
    Entry {
        /// Its position.
        position: u64,
    },
    /// A member's ballot on a proposal.
    Ballot {
        /// The proposal.
        proposal: String,
        /// The member; the node's own when absent.
        member: Option<String>,
    },
}

/// A timestamp that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamp {
    /// The OpenTimestamps file.
    pub path: PathBuf,
    /// The file that it stamps; of the split form there is none, only a digest.
    pub stamped: Option<PathBuf>,
    /// SHA-256 of that file, or for the split form the output key, hex.
    pub digest: String,
    /// Its form.
    pub kind: TimestampKind,
    /// What it is of, in words.
    pub of: String,
    /// The transaction that carries it.
    pub link: String,
    /// Height of the block that attests it.
    pub height: u32,
}

/// A link on Bitcoin whose header or log is not here: nothing from its epoch on is authorised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// Its epoch.
    pub epoch: u32,
    /// The transaction.
    pub link: String,
    /// Height of its block.
    pub height: u32,
    /// Whether it is no link at all: the seal went elsewhere.
    #[serde(default)]
    pub diverted: bool,
    /// What that means, in sentences.
    pub words: String,
}

/// A receipt as a file, with what it promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptFile {
    /// The signed receipt, hex.
    pub receipt: String,
    /// The entry promised, hex.
    pub entry: String,
    /// Its position.
    pub position: u64,
    /// Its path in the batch, hex.
    pub path: Vec<String>,
}

/// A fee rate in words.
pub fn rate_words(rate: FeeRate) -> String {
    let (whole, thousandths) = (rate.to_sat_per_kwu() * 4 / 1000, rate.to_sat_per_kwu() * 4 % 1000);
    match thousandths {
        0 => format!("{whole} sat/vB"),
        part => format!("{whole}.{part:03} sat/vB"),
    }
}
