//! The form of a proof file (docs/spec/proofs.md, P-1 to P-7; what further statements hold is in `parts`).
//!
//! Every byte of it is committed to by a hash that ends in a block header, or compared with such a byte: a file with
//! any byte changed is refused.

use althing_anchor::{LinkEvidence, MAX_SUCCESSION_SIGNERS, SuccessionCertificate};
use althing_governance::charter::Charter;
use althing_governance::codec::{Canonical, DecodeError, Reader, Writer};
use althing_governance::entry::{Equivocation, LogHead};
use althing_governance::epoch::{BallotProof, DecisionProof, EpochHeader, RollProof};
use althing_governance::id::TreeHash;
use althing_governance::signing::Signed;
use bitcoin::hashes::Hash as _;
use bitcoin::taproot::TapNodeHash;

use super::budget::BudgetPart;
use super::office::OfficePart;
use super::parts::{
    Against, AuthorisedPart, BadEntryPart, DidNotVotePart, ReceiptFraudPart, SpendPart, TwoCheckpointsPart,
};
use super::refill::RefilledPart;
use super::tallies::Tallies;
use super::theft::TheftPart;

/// First bytes of every proof file (P-1).
pub const MAGIC: &[u8; 8] = b"ALTHING\x00";

/// The newest version of proof files that this program reads and makes.
const NEWEST_VERSION: u8 = LATER_VERSION;

/// P-161: the version of files whose links are in another file.
pub(super) const SHORT_VERSION: u8 = 4;

/// P-166: the version of files in which the spare seal moved.
const MOVED_VERSION: u8 = 5;

/// P-336: the version of files that go on behind the epoch of their statement.
const LATER_VERSION: u8 = 6;

/// P-166: most moves in one place of a file.
const MAX_MOVES: usize = 1 << 10;

/// Most links in a file: at one a day, more than a thousand years.
const MAX_LINKS: usize = 1 << 19;

// P-165.
const MAX_EVIDENCE: usize = 128 * 1024;
const MAX_CHARTER: usize = 64 * 1024;
const MAX_SUCCESSIONS: usize = 1 << 10;
const MAX_CERTIFICATE: usize = 512 + 96 * MAX_SUCCESSION_SIGNERS;
pub(super) const MAX_PATH: usize = 64;

/// A proof file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The founding charter.
    pub charter: Charter,
    /// Charters that came into force in the epochs of the file, in that order.
    pub changes: Vec<Charter>,
    /// Hubs that a succession put in, in that order.
    pub successions: Vec<SuccessionPart>,
    /// What moved the spare seal behind the last of these (P-166).
    pub moves: Vec<SealMove>,
    /// The genesis transaction and its block.
    pub genesis: LinkEvidence,
    /// Every epoch from 1 to the one that the statement is about.
    pub epochs: Vec<EpochPart>,
    /// The epochs behind that one, up to the one that the last succession stands behind, where it does behind a later one (P-336).
    pub behind: Vec<EpochPart>,
    /// What is proven.
    pub statement: Statement,
}

/// P-60: the version of a file that only a newer program than this one can judge.
pub(crate) fn newer_version(file: &[u8]) -> Option<u8> {
    let version = *file.strip_prefix(MAGIC)?.first()?;
    (version > NEWEST_VERSION).then_some(version)
}

/// One epoch: its header, and the link that commits to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochPart {
    /// The header.
    pub header: EpochHeader,
    /// The link and its block.
    pub link: LinkEvidence,
}

/// One succession: what members signed, that they have the weight, and the transaction that carries it out (P-330).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessionPart {
    /// Statement and signatures.
    pub certificate: SuccessionCertificate,
    /// The signers' weights in the roll of the last epoch accepted, in the order of the signatures.
    pub weights: Vec<RollProof>,
    /// The spender of the spare seal and its block.
    pub link: LinkEvidence,
    /// The replacements of the signers' vote keys, in the log that the statement takes over (P-334).
    pub rotations: Vec<LoggedEntry>,
    /// What moved the spare seal before (P-166).
    pub moves: Vec<SealMove>,
}

/// One move of the spare seal from a treasury to another (A-120, P-166).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealMove {
    /// The transaction and its block.
    pub evidence: LinkEvidence,
    /// The root of the script tree that it moved to, if that is P2TR: it shows that the transaction is no succession link.
    pub root: Option<TapNodeHash>,
}

/// What a proof file shows, always under its last epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// A ballot is counted as cast (P-6).
    Ballot(Box<BallotPart>),
    /// Sums, quorum, outcome and authorisation of a proposal (P-7, and by its bodies P-130).
    Tally(Box<TallyPart>),
    /// A payment is authorised (P-10).
    Authorised(Box<AuthorisedPart>),
    /// A member did not vote (P-11).
    DidNotVote(Box<DidNotVotePart>),
    /// The hub promised an entry and logged another (P-12).
    ReceiptFraud(Box<ReceiptFraudPart>),
    /// The hub signed two heads that contradict each other (P-13).
    HeadFraud(Box<[Signed<LogHead>; 2]>),
    /// A member signed two entries for one place (P-14).
    Equivocation(Box<Equivocation>),
    /// A gate of the treasury was spent without authorisation (P-15).
    UnauthorisedSpend(Box<SpendPart>),
    /// Coins of the treasury were spent without authorisation, with a gate or without one (P-146).
    Theft(Box<TheftPart>),
    /// The hub logged an entry that nobody signed so (P-333).
    BadEntry(Box<BadEntryPart>),
    /// One side of a channel signed two checkpoints of one number (P-400).
    TwoCheckpoints(Box<TwoCheckpointsPart>),
    /// A payment may be made: what was decided, and its authorisation under the last epoch (P-20).
    Payment(Box<PaymentPart>),
    /// What is left of a budget (P-335).
    Budget(Box<BudgetPart>),
    /// How the holder of an office voted where the office decides (P-140).
    Office(Box<OfficePart>),
    /// One of these with a gate that the treasury made later (P-300).
    Refilled(Box<RefilledPart>),
    /// The links of the file, and nothing else (P-160).
    Links,
}

impl Statement {
    /// Whether it is about an epoch: about the last one of the file.
    pub fn is_under_a_header(&self) -> bool {
        match self {
            Self::HeadFraud(_) | Self::Equivocation(_) | Self::BadEntry(_) | Self::TwoCheckpoints(_) => false,
            Self::ReceiptFraud(part) => part.against == Against::Header,
            _ => true,
        }
    }

    /// Whether it holds only as long as the links of the file count. The others hold by what somebody signed (P-8).
    pub fn rests_on_links(&self) -> bool {
        self.is_under_a_header() && !matches!(self, Self::ReceiptFraud(_))
    }
}

/// A log entry and its path in the log tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEntry {
    /// Its position.
    pub position: u64,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// Path in T1 at the header's log size.
    pub path: Vec<TreeHash>,
}

/// Evidence for [`Statement::Ballot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BallotPart {
    /// The ballot in the log.
    pub entry: LoggedEntry,
    /// Its leaf in T2, up to the header.
    pub counted: BallotProof,
    /// Epoch of the roll that gives the weights.
    pub snapshot: u32,
    /// The member's leaf in that roll, up to the header.
    pub weight: RollProof,
}

/// Evidence for [`Statement::Tally`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyPart {
    /// The proposal in the log.
    pub entry: LoggedEntry,
    /// The sums, and the roll they are measured by, up to the header.
    pub tally: Tallies,
    /// Its leaf in T4.
    pub decision: DecisionProof,
}

/// Evidence for [`Statement::Payment`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentPart {
    /// The epoch whose header has the final tally.
    pub decided: u32,
    /// The proposal, its tally and its decision under that header.
    pub tally: TallyPart,
    /// Which milestone of a budget, from 0; `None` for a spend.
    pub milestone: Option<u16>,
    /// The payment's leaf in T4 of the last header.
    pub payment: DecisionProof,
}

impl Bundle {
    /// Height of the highest block that the file speaks of.
    pub fn highest_block(&self) -> u32 {
        let links = self
            .epochs
            .iter()
            .chain(&self.behind)
            .map(|part| part.link.inclusion().height().max(part.header.closing_height));
        let successions = self.successions.iter().map(|part| part.link.inclusion().height());
        let moves = self.successions.iter().flat_map(|part| &part.moves).chain(&self.moves);
        let moves = moves.map(|moved| moved.evidence.inclusion().height());
        links.chain(successions).chain(moves).chain([self.genesis.inclusion().height()]).max().unwrap_or(0)
    }
}

impl Canonical for Bundle {
    fn encode(&self, w: &mut Writer) {
        w.fixed(MAGIC);
        let rotated = self.successions.iter().any(|part| !part.rotations.is_empty());
        let moved = !self.moves.is_empty() || self.successions.iter().any(|part| !part.moves.is_empty());
        let later = !self.behind.is_empty();
        w.u8(match (later, moved, self.successions.is_empty(), rotated) {
            (true, ..) => LATER_VERSION,
            (false, true, ..) => MOVED_VERSION,
            (false, false, true, _) => 1,
            (false, false, false, false) => 2,
            (false, false, false, true) => 3,
        });
        let (moved, rotated) = (moved || later, rotated || later);
        w.bytes(&self.charter.to_bytes());
        w.count(self.changes.len());
        self.changes.iter().for_each(|charter| w.bytes(&charter.to_bytes()));
        if moved || !self.successions.is_empty() {
            w.list(&self.successions);
        }
        if moved || rotated {
            self.successions.iter().for_each(|part| w.list(&part.rotations));
        }
        if moved {
            self.successions.iter().for_each(|part| w.list(&part.moves));
            w.list(&self.moves);
        }
        w.bytes(&self.genesis.encode());
        w.list(&self.epochs);
        if later {
            w.list(&self.behind);
        }
        self.statement.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = version(r)?;
        if version == SHORT_VERSION {
            let problem = "this is a short proof file, without its links; a whole one is needed here".to_owned();
            return Err(DecodeError::Rule { rule: "P-161", field: "version", problem });
        }
        let (charter, changes) = (Charter::from_bytes(&r.bytes("charter", MAX_CHARTER)?)?, changes(r)?);
        let (successions, moves) = match version {
            1 => (Vec::new(), Vec::new()),
            2 => (successions(r)?, Vec::new()),
            3 => (rotated_successions(r)?, Vec::new()),
            _ => moved_successions(r, version)?,
        };
        Ok(Self {
            charter,
            changes,
            successions,
            moves,
            genesis: evidence(r)?,
            epochs: r.list("epochs", MAX_LINKS)?,
            behind: if version == LATER_VERSION { behind(r)? } else { Vec::new() },
            statement: Statement::decode(r)?,
        })
    }
}

impl Canonical for SuccessionPart {
    fn encode(&self, w: &mut Writer) {
        w.bytes(&self.certificate.encode());
        w.list(&self.weights);
        w.bytes(&self.link.encode());
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = r.bytes("certificate", MAX_CERTIFICATE)?;
        let certificate = SuccessionCertificate::decode(&bytes).map_err(|error| DecodeError::Rule {
            rule: "P-330",
            field: "certificate",
            problem: error.to_string(),
        })?;
        let weights = r.list("weights of signers", MAX_SUCCESSION_SIGNERS)?;
        Ok(Self { certificate, weights, link: evidence(r)?, rotations: Vec::new(), moves: Vec::new() })
    }
}

impl Canonical for SealMove {
    fn encode(&self, w: &mut Writer) {
        w.bytes(&self.evidence.encode());
        w.option(self.root, |w, root| w.fixed(root.as_byte_array()));
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let evidence = evidence(r)?;
        let root = r.option("root of a script tree", Reader::fixed)?;
        Ok(Self { evidence, root: root.map(TapNodeHash::from_byte_array) })
    }
}

impl Canonical for EpochPart {
    fn encode(&self, w: &mut Writer) {
        self.header.encode(w);
        w.bytes(&self.link.encode());
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { header: Canonical::decode(r)?, link: evidence(r)? })
    }
}

impl Canonical for Statement {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Ballot(part) => {
                w.u8(1);
                part.entry.encode(w);
                part.counted.encode(w);
                w.u32(part.snapshot);
                part.weight.encode(w);
            }
            Self::Tally(part) => {
                w.u8(if part.tally.by_bodies() { 14 } else { 2 });
                part.encode(w);
            }
            Self::Payment(part) => {
                w.u8(if part.tally.tally.by_bodies() { 15 } else { 9 });
                w.u32(part.decided);
                part.tally.encode(w);
                w.option(part.milestone, Writer::u16);
                part.payment.encode(w);
            }
            Self::Refilled(part) => {
                w.u8(10);
                part.encode(w);
            }
            Self::Authorised(part) => {
                w.u8(3);
                part.encode(w);
            }
            Self::DidNotVote(part) => {
                w.u8(4);
                part.encode(w);
            }
            Self::ReceiptFraud(part) => {
                w.u8(5);
                part.encode(w);
            }
            Self::HeadFraud(heads) => {
                w.u8(6);
                heads.iter().for_each(|head| head.encode(w));
            }
            Self::Equivocation(part) => {
                w.u8(7);
                part.encode(w);
            }
            Self::UnauthorisedSpend(part) => {
                w.u8(8);
                part.encode(w);
            }
            Self::BadEntry(part) => {
                w.u8(11);
                part.encode(w);
            }
            Self::Budget(part) => {
                w.u8(12);
                part.encode(w);
            }
            Self::TwoCheckpoints(part) => {
                w.u8(13);
                part.encode(w);
            }
            Self::Office(part) => {
                w.u8(16);
                part.encode(w);
            }
            Self::Links => w.u8(17),
            Self::Theft(part) => {
                w.u8(18);
                part.encode(w);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            10 => Ok(Self::Refilled(Box::new(Canonical::decode(r)?))),
            kind => Self::decode_kind(kind, r),
        }
    }
}

impl Statement {
    /// Decodes a statement that is not about a refilled gate itself: none is inside another.
    pub(super) fn decode_without_refill(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = r.u8()?;
        Self::decode_kind(kind, r)
    }

    fn decode_kind(kind: u8, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match kind {
            1 => Ok(Self::Ballot(Box::new(BallotPart {
                entry: Canonical::decode(r)?,
                counted: Canonical::decode(r)?,
                snapshot: r.u32()?,
                weight: Canonical::decode(r)?,
            }))),
            2 | 14 => Ok(Self::Tally(Box::new(TallyPart::decode(r, kind == 14)?))),
            9 | 15 => Ok(Self::Payment(Box::new(PaymentPart {
                decided: r.u32()?,
                tally: TallyPart::decode(r, kind == 15)?,
                milestone: r.option("milestone", Reader::u16)?,
                payment: Canonical::decode(r)?,
            }))),
            3 => Ok(Self::Authorised(Box::new(Canonical::decode(r)?))),
            4 => Ok(Self::DidNotVote(Box::new(Canonical::decode(r)?))),
            5 => Ok(Self::ReceiptFraud(Box::new(Canonical::decode(r)?))),
            6 => Ok(Self::HeadFraud(Box::new([Canonical::decode(r)?, Canonical::decode(r)?]))),
            7 => Ok(Self::Equivocation(Box::new(Canonical::decode(r)?))),
            8 => Ok(Self::UnauthorisedSpend(Box::new(Canonical::decode(r)?))),
            11 => Ok(Self::BadEntry(Box::new(Canonical::decode(r)?))),
            12 => Ok(Self::Budget(Box::new(Canonical::decode(r)?))),
            13 => Ok(Self::TwoCheckpoints(Box::new(Canonical::decode(r)?))),
            16 => Ok(Self::Office(Box::new(Canonical::decode(r)?))),
            17 => Ok(Self::Links),
            18 => Ok(Self::Theft(Box::new(Canonical::decode(r)?))),
            found => Err(DecodeError::UnknownVariant { field: "statement", found }),
        }
    }
}

impl TallyPart {
    fn encode(&self, w: &mut Writer) {
        self.entry.encode(w);
        self.tally.encode(w);
        self.decision.encode(w);
    }

    /// The kind of the statement says whether it is by bodies.
    fn decode(r: &mut Reader<'_>, by_bodies: bool) -> Result<Self, DecodeError> {
        let (entry, tally) = (Canonical::decode(r)?, Tallies::decode(r, by_bodies)?);
        Ok(Self { entry, tally, decision: Canonical::decode(r)? })
    }
}

impl Canonical for LoggedEntry {
    fn encode(&self, w: &mut Writer) {
        w.u64(self.position);
        w.bytes(&self.bytes);
        w.list(&self.path);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            position: r.u64()?,
            bytes: r.bytes("entry", althing_governance::entry::MAX_ENTRY)?,
            path: r.list("path in the log tree", MAX_PATH)?,
        })
    }
}

/// The first bytes of a proof file, up to the version.
pub(super) fn version(r: &mut Reader<'_>) -> Result<u8, DecodeError> {
    for expected in MAGIC {
        if r.u8()? != *expected {
            let problem = "this is not an Althing proof file".to_owned();
            return Err(DecodeError::Rule { rule: "P-1", field: "first bytes", problem });
        }
    }
    let version = r.u8()?;
    if !(1..=NEWEST_VERSION).contains(&version) {
        let problem =
            format!("proof file version {version} is not known to this program, which knows 1 to {NEWEST_VERSION}");
        return Err(DecodeError::Rule { rule: "P-1", field: "version", problem });
    }
    Ok(version)
}

fn successions(r: &mut Reader<'_>) -> Result<Vec<SuccessionPart>, DecodeError> {
    let found: Vec<SuccessionPart> = r.list("successions", MAX_SUCCESSIONS)?;
    if found.is_empty() {
        let problem = "a file without a succession has version 1".to_owned();
        return Err(DecodeError::Rule { rule: "P-330", field: "successions", problem });
    }
    Ok(found)
}

fn rotated_successions(r: &mut Reader<'_>) -> Result<Vec<SuccessionPart>, DecodeError> {
    let mut found = successions(r)?;
    for part in &mut found {
        part.rotations = r.list("replaced keys of signers", MAX_SUCCESSION_SIGNERS)?;
    }
    if found.iter().all(|part| part.rotations.is_empty()) {
        let problem = "a file in which no signer's key was replaced has version 2".to_owned();
        return Err(DecodeError::Rule { rule: "P-334", field: "replaced keys of signers", problem });
    }
    Ok(found)
}

/// P-166: with what moved the spare seal before each, and behind the last.
fn moved_successions(r: &mut Reader<'_>, version: u8) -> Result<(Vec<SuccessionPart>, Vec<SealMove>), DecodeError> {
    let mut found: Vec<SuccessionPart> = r.list("successions", MAX_SUCCESSIONS)?;
    for part in &mut found {
        part.rotations = r.list("replaced keys of signers", MAX_SUCCESSION_SIGNERS)?;
    }
    for part in &mut found {
        part.moves = r.list("moves of the spare seal", MAX_MOVES)?;
    }
    let moves: Vec<SealMove> = r.list("moves of the spare seal", MAX_MOVES)?;
    if version == MOVED_VERSION && moves.is_empty() && found.iter().all(|part| part.moves.is_empty()) {
        let problem = "a file in which the spare seal did not move has version 1, 2 or 3".to_owned();
        return Err(DecodeError::Rule { rule: "P-166", field: "moves of the spare seal", problem });
    }
    Ok((found, moves))
}

/// P-336: the epochs behind the one of the statement.
fn behind(r: &mut Reader<'_>) -> Result<Vec<EpochPart>, DecodeError> {
    let found: Vec<EpochPart> = r.list("epochs behind the one of the statement", MAX_LINKS)?;
    if found.is_empty() {
        let problem = "a file that ends with the epoch of its statement has version 1, 2, 3 or 5".to_owned();
        return Err(DecodeError::Rule { rule: "P-336", field: "epochs behind the one of the statement", problem });
    }
    Ok(found)
}

fn changes(r: &mut Reader<'_>) -> Result<Vec<Charter>, DecodeError> {
    // Each takes an epoch at least, so there are no more of them.
    let count = r.count("charter changes", MAX_LINKS)?;
    let mut charters = Vec::new();
    for _ in 0..count {
        charters.push(Charter::from_bytes(&r.bytes("charter", MAX_CHARTER)?)?);
    }
    Ok(charters)
}

/// The anchor core has a codec and errors of its own.
pub(super) fn evidence(r: &mut Reader<'_>) -> Result<LinkEvidence, DecodeError> {
    let bytes = r.bytes("transaction evidence", MAX_EVIDENCE)?;
    LinkEvidence::decode(&bytes).map_err(|error| DecodeError::Rule {
        rule: "P-2",
        field: "transaction evidence",
        problem: error.to_string(),
    })
}
