//! What the statements beyond ballot and tally hold (docs/spec/proofs.md, P-10 to P-15).

use althing_anchor::LinkEvidence;
use althing_governance::codec::{Canonical, DecodeError, Reader, Writer};
use althing_governance::entry::{Checkpoint, LogHead, MAX_ENTRY};
use althing_governance::epoch::{BallotProof, DecisionProof, RollProof};
use althing_governance::id::{MemberId, ProposalId, TreeHash};
use althing_governance::receipt::Receipt;
use althing_governance::signing::Signed;
use althing_governance::tree::SumLeaf;
use bitcoin::OutPoint;
use bitcoin::secp256k1::schnorr::Signature;

use super::bundle::{LoggedEntry, MAX_PATH, evidence};

/// Most decisions in a file.
pub(super) const MAX_DECISIONS: usize = 1 << 16;

/// Evidence that a payment is authorised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorisedPart {
    /// The proposal in the log.
    pub entry: LoggedEntry,
    /// Which milestone of a budget, from 0.
    pub milestone: Option<u16>,
    /// Its leaf in T4.
    pub decision: DecisionProof,
}

/// Evidence that a member did not vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DidNotVotePart {
    /// On which proposal.
    pub proposal: ProposalId,
    /// Who.
    pub member: MemberId,
    /// Their leaf in T2, up to the header.
    pub counted: BallotProof,
    /// Epoch of the roll that gives the weights.
    pub snapshot: u32,
    /// Their leaf in that roll, up to the header.
    pub weight: RollProof,
}

/// Evidence that the hub broke the promise of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptFraudPart {
    /// The promise.
    pub receipt: Signed<Receipt>,
    /// Position of the entry promised.
    pub position: u64,
    /// The entry promised.
    pub entry: Vec<u8>,
    /// Its path in the batch.
    pub path: Vec<TreeHash>,
    /// Under what the log is another.
    pub against: Against,
    /// How it is another.
    pub contradiction: Contradiction,
}

/// What the hub said of its log besides the receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// The last header of the file, which is on Bitcoin.
    Header,
    /// A signed head.
    Head(Box<Signed<LogHead>>),
}

/// In which way a log is not the one promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contradiction {
    /// Another entry is at the position.
    Entry {
        /// Hash of its leaf (RFC 9162).
        leaf: TreeHash,
        /// Its path in the log tree.
        path: Vec<TreeHash>,
    },
    /// The log has the size of the receipt and another root.
    Root,
}

/// Evidence that the hub logged an entry that nobody signed so (P-333).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEntryPart {
    /// The hub's receipt for it.
    pub receipt: Signed<Receipt>,
    /// Its position.
    pub position: u64,
    /// Its bytes, whatever they are.
    pub entry: Vec<u8>,
    /// Path in the batch.
    pub path: Vec<TreeHash>,
}

/// A side of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelSide {
    /// Signs checkpoints by the vote key that they name.
    Member,
    /// Signs them by its log key.
    Hub,
}

/// Evidence that one side of a channel signed two checkpoints of one number (P-400).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoCheckpointsPart {
    /// Who signed both.
    pub side: ChannelSide,
    /// Both, in the order of their bytes, with that side's signature.
    pub checkpoints: [(Checkpoint, Signature); 2],
}

/// Evidence that a gate was spent without authorisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendPart {
    /// The gate.
    pub gate: OutPoint,
    /// The transaction that spent it, and its block.
    pub spending: LinkEvidence,
    /// Every leaf of T4 in the order of the tree.
    pub decisions: Vec<SumLeaf>,
    /// The proposal that the gate was assigned to, if it was.
    pub proposal: Option<LoggedEntry>,
}

impl Canonical for AuthorisedPart {
    fn encode(&self, w: &mut Writer) {
        self.entry.encode(w);
        w.option(self.milestone, Writer::u16);
        self.decision.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            entry: Canonical::decode(r)?,
            milestone: r.option("milestone", Reader::u16)?,
            decision: Canonical::decode(r)?,
        })
    }
}

impl Canonical for DidNotVotePart {
    fn encode(&self, w: &mut Writer) {
        self.proposal.encode(w);
        self.member.encode(w);
        self.counted.encode(w);
        w.u32(self.snapshot);
        self.weight.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            proposal: Canonical::decode(r)?,
            member: Canonical::decode(r)?,
            counted: Canonical::decode(r)?,
            snapshot: r.u32()?,
            weight: Canonical::decode(r)?,
        })
    }
}

impl Canonical for ReceiptFraudPart {
    fn encode(&self, w: &mut Writer) {
        self.receipt.encode(w);
        w.u64(self.position);
        w.bytes(&self.entry);
        w.list(&self.path);
        match &self.against {
            Against::Header => w.u8(1),
            Against::Head(head) => {
                w.u8(2);
                head.encode(w);
            }
        }
        match &self.contradiction {
            Contradiction::Entry { leaf, path } => {
                w.u8(1);
                leaf.encode(w);
                w.list(path);
            }
            Contradiction::Root => w.u8(2),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            receipt: Canonical::decode(r)?,
            position: r.u64()?,
            entry: r.bytes("entry", MAX_ENTRY)?,
            path: r.list("path in the batch", MAX_PATH)?,
            against: match r.u8()? {
                1 => Against::Header,
                2 => Against::Head(Box::new(Canonical::decode(r)?)),
                found => return Err(DecodeError::UnknownVariant { field: "against", found }),
            },
            contradiction: match r.u8()? {
                1 => Contradiction::Entry {
                    leaf: Canonical::decode(r)?,
                    path: r.list("path in the log tree", MAX_PATH)?,
                },
                2 => Contradiction::Root,
                found => return Err(DecodeError::UnknownVariant { field: "contradiction", found }),
            },
        })
    }
}

impl Canonical for BadEntryPart {
    fn encode(&self, w: &mut Writer) {
        self.receipt.encode(w);
        w.u64(self.position);
        w.bytes(&self.entry);
        w.list(&self.path);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            receipt: Canonical::decode(r)?,
            position: r.u64()?,
            entry: r.bytes("entry", MAX_ENTRY)?,
            path: r.list("path in the batch", MAX_PATH)?,
        })
    }
}

impl Canonical for TwoCheckpointsPart {
    fn encode(&self, w: &mut Writer) {
        w.u8(match self.side {
            ChannelSide::Member => 0,
            ChannelSide::Hub => 1,
        });
        for (checkpoint, signature) in &self.checkpoints {
            checkpoint.encode(w);
            w.signature(signature);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let side = match r.u8()? {
            0 => ChannelSide::Member,
            1 => ChannelSide::Hub,
            found => return Err(DecodeError::UnknownVariant { field: "side", found }),
        };
        let mut signed = || Ok((Canonical::decode(r)?, r.signature()?));
        Ok(Self { side, checkpoints: [signed()?, signed()?] })
    }
}

impl Canonical for SpendPart {
    fn encode(&self, w: &mut Writer) {
        w.outpoint(&self.gate);
        w.bytes(&self.spending.encode());
        w.list(&self.decisions);
        w.option(self.proposal.as_ref(), |w, entry| entry.encode(w));
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            gate: r.outpoint()?,
            spending: evidence(r)?,
            decisions: r.list("decisions", MAX_DECISIONS)?,
            proposal: r.option("proposal", Canonical::decode)?,
        })
    }
}
