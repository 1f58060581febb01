//! Judging proof files and whole logs against a Bitcoin source that the caller chooses.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use althing_anchor::{BlockHashes, HeaderChain, HeaderError, work_caveat};
use althing_governance::codec::Canonical as _;
use althing_governance::id::DaoId;
use bitcoin::{BlockHash, Network, OutPoint};
use serde::{Deserialize, Serialize};

use crate::chain::{Access, Bitcoind};
use crate::proof::{self, Finding, Rejection, ShortFile, ShortRefusal};

/// Where block hashes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file of 80-byte block headers from the network's first block on.
    Headers(PathBuf),
    /// A bitcoind.
    Bitcoind(Access),
    /// Nowhere: what needs blocks cannot be told.
    None,
}

/// The answer of a judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything holds. Exit status 0.
    Valid,
    /// Something does not hold. Exit status 1.
    Invalid,
    /// The source does not tell enough. Exit status 2.
    CannotTell,
}

/// What the check of a proof file found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// The answer.
    pub verdict: Verdict,
    /// What the file shows, if it holds.
    pub statement: String,
    /// The DAO that it is about, if it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dao: Option<String>,
    /// What was checked.
    pub checked: Vec<String>,
    /// What the statement says and the file does not show (P-7).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
    /// What was believed without a check.
    pub trusted: Vec<String>,
    /// Depth of the newest link.
    pub depth: Option<u32>,
    /// Why the answer is not `Valid`.
    pub reason: Option<String>,
}

/// Judges a proof file, a short one (P-161) with the file that has its links.
pub fn verify(bundle: &[u8], links: Option<&[u8]>, source: &Source) -> VerifyReport {
    // Not false, but beyond this program.
    if let Some(version) = proof::newer_version(bundle) {
        let reason = format!("P-60: this is a proof file of version {version}; a newer program is needed to judge it");
        return VerifyReport::of(Verdict::CannotTell, reason);
    }
    if proof::is_short(bundle) {
        return verify_short(bundle, links, source);
    }
    let (needed_height, network) = match proof::decode(bundle) {
        Ok((bundle, network)) => (bundle.highest_block(), network),
        Err(rejection) => return VerifyReport::of(Verdict::Invalid, rejection.to_string()),
    };
    let judged =
        with_blocks(source, network, needed_height, |blocks| proof::verify(bundle, blocks).map_err(ShortRefusal::from));
    if links.is_none() || judged.statement.is_empty() {
        return judged;
    }
    let unneeded = "The link file: this proof file has its links itself, the other was not looked at.".to_owned();
    VerifyReport { unchecked: [judged.unchecked, vec![unneeded]].concat(), ..judged }
}

/// P-163: the verdict on a short file.
fn verify_short(bundle: &[u8], links: Option<&[u8]>, source: &Source) -> VerifyReport {
    let short = match ShortFile::from_bytes(bundle) {
        Ok(short) => short,
        Err(error) => return VerifyReport::of(Verdict::Invalid, Rejection::from(error).to_string()),
    };
    let Some(links) = links else {
        let (epoch, dao) = (short.epoch.header.epoch, short.epoch.header.dao);
        let reason = format!(
            "P-163: this is a short proof file; it takes a file with the links of DAO {dao} up to epoch {epoch} or later, given with --links. \
             Any member writes one with althing proof export --statement links --out FILE, and every proof file that is not short has them up to its own epoch"
        );
        return VerifyReport::of(Verdict::CannotTell, reason);
    };
    match short.with_links(links) {
        Ok(joined) => {
            let (network, needed_height) = (joined.network, joined.whole.highest_block());
            with_blocks(source, network, needed_height, |blocks| joined.judge(blocks))
        }
        Err(refusal) => VerifyReport::refused(&refusal),
    }
}

/// The verdict by a source of blocks (P-8).
fn with_blocks(
    source: &Source,
    network: Network,
    needed_height: u32,
    judge: impl FnOnce(&Blocks) -> Result<Finding, ShortRefusal>,
) -> VerifyReport {
    let blocks = match Blocks::open(source, network) {
        Ok(blocks) => blocks,
        Err(refusal) => return VerifyReport::of(refusal.verdict, refusal.reason),
    };
    if blocks.tip_height() < needed_height {
        let tip = blocks.tip_height();
        let reason = format!("P-8: the blocks given end at height {tip}, the file speaks of block {needed_height}");
        return VerifyReport::of(Verdict::CannotTell, reason);
    }
    let judged = judge(&blocks);
    if let Some(reason) = blocks.trouble() {
        return VerifyReport::of(Verdict::CannotTell, reason);
    }
    let finding = match judged {
        Ok(finding) => finding,
        Err(refusal) => return VerifyReport::refused(&refusal),
    };
    let is_final = finding.depth >= finding.final_depth;
    let shallow = (!is_final).then(|| {
        let (depth, needed) = (finding.depth, finding.final_depth);
        format!("P-8: the newest link is {depth} deep in the blocks given; it is final at {needed}")
    });
    let mut trusted = blocks.trusted();
    let void = finding.spare_seal.map_or(Spare::Unspent, |spare_seal| blocks.look_at_spare(&spare_seal));
    let void = match void {
        Spare::Unspent => None,
        Spare::Spent(reason) => Some(reason),
        Spare::NotAsked(words) => {
            trusted.push(words);
            None
        }
    };
    let reason = shallow.or(void);
    VerifyReport {
        verdict: if reason.is_none() { Verdict::Valid } else { Verdict::CannotTell },
        reason,
        statement: finding.statement,
        dao: Some(finding.dao.dao_id.to_string()),
        checked: finding.checked,
        unchecked: finding.unchecked,
        trusted,
        depth: Some(finding.depth),
    }
}

impl VerifyReport {
    /// The verdict where the file has to be about this DAO (P-167). What does not hold is not said again.
    #[must_use]
    pub fn must_be_of(self, dao: &DaoId) -> Self {
        let asked = dao.to_string();
        match self.dao.as_ref().filter(|found| **found != asked) {
            Some(found) => {
                let reason = format!("P-167: the file is about DAO {found}, and had to be about DAO {asked}");
                Self::of(Verdict::Invalid, reason)
            }
            None => self,
        }
    }

    fn refused(refusal: &ShortRefusal) -> Self {
        let verdict = match refusal {
            ShortRefusal::Invalid(_) => Verdict::Invalid,
            ShortRefusal::Links(_) => Verdict::CannotTell,
        };
        Self::of(verdict, refusal.to_string())
    }

    fn of(verdict: Verdict, reason: String) -> Self {
        Self {
            verdict,
            statement: String::new(),
            dao: None,
            checked: Vec::new(),
            unchecked: Vec::new(),
            trusted: Vec::new(),
            depth: None,
            reason: Some(reason),
        }
    }
}

/// Whether another hub may have been put in the place of the one whose links a file holds (P-8).
enum Spare {
    /// No: the spare seal is there.
    Unspent,
    /// Perhaps: why it cannot be told.
    Spent(String),
    /// The source does not say: what is believed.
    NotAsked(String),
}

/// Block hashes from a [`Source`].
pub(crate) enum Blocks {
    /// A checked chain of headers.
    Headers(Box<HeaderChain>),
    /// A bitcoind, asked as needed; what went wrong on the way is kept.
    Bitcoind(Box<AskedBlocks>),
}

/// A bitcoind's block hashes.
pub(crate) struct AskedBlocks {
    pub(crate) bitcoind: Bitcoind,
    url: String,
    tip: u32,
    known: RefCell<BTreeMap<u32, Option<BlockHash>>>,
    trouble: RefCell<Option<String>>,
}

/// Why a source cannot be used.
pub(crate) struct Refusal {
    pub(crate) verdict: Verdict,
    pub(crate) reason: String,
}

impl Refusal {
    fn cannot_tell(reason: String) -> Self {
        Self { verdict: Verdict::CannotTell, reason }
    }
}

impl Blocks {
    pub(crate) fn open(source: &Source, network: Network) -> Result<Self, Refusal> {
        match source {
            Source::Headers(path) => {
                let bytes = std::fs::read(path)
                    .map_err(|error| Refusal::cannot_tell(format!("reading {}: {error}", path.display())))?;
                let headers = HeaderChain::from_bytes(network, &bytes).map_err(|error| header_refusal(&error))?;
                headers.check_minimum_work().map_err(|error| header_refusal(&error))?;
                Ok(Self::Headers(Box::new(headers)))
            }
            // Checked from the first block on, like a file of them.
            Source::Bitcoind(access) if access.has_headers_only() => {
                let bytes =
                    Bitcoind::new(access).header_file().map_err(|error| Refusal::cannot_tell(error.to_string()))?;
                let headers = HeaderChain::from_bytes(network, &bytes).map_err(|error| header_refusal(&error))?;
                headers.check_minimum_work().map_err(|error| header_refusal(&error))?;
                Ok(Self::Headers(Box::new(headers)))
            }
            Source::Bitcoind(access) => {
                let asked = || -> Result<AskedBlocks, crate::chain::BitcoindError> {
                    let bitcoind = Bitcoind::new(access);
                    let found = bitcoind.network()?;
                    if found != network {
                        let reason = format!("it runs on {found}, the file is of {network}");
                        return Err(crate::chain::BitcoindError::Unreachable { url: access.url.clone(), reason });
                    }
                    let tip = bitcoind.height()?;
                    let (known, trouble) = (RefCell::default(), RefCell::default());
                    Ok(AskedBlocks { bitcoind, url: access.url.clone(), tip, known, trouble })
                };
                asked()
                    .map(|blocks| Self::Bitcoind(Box::new(blocks)))
                    .map_err(|error| Refusal::cannot_tell(error.to_string()))
            }
            Source::None => Err(Refusal::cannot_tell(
                "P-8: without block headers or a Bitcoin source nobody can tell whether the links are on Bitcoin"
                    .into(),
            )),
        }
    }

    /// What this source is believed for, in sentences.
    pub(crate) fn trusted(&self) -> Vec<String> {
        match self {
            Self::Headers(headers) => {
                let mut trusted = vec![
                    "Block headers from the file or server, with their work checked from the first block on; that they are the best chain is believed.".to_owned(),
                    "That no newer link exists is not shown by headers.".to_owned(),
                ];
                trusted.extend(work_caveat(headers.network()).map(str::to_owned));
                trusted
            }
            Self::Bitcoind(asked) => vec![format!("The Bitcoin source at {} tells the best chain.", asked.url)],
        }
    }

    /// Whether the spare seal behind the newest link of a file is spent in a block.
    fn look_at_spare(&self, spare_seal: &OutPoint) -> Spare {
        let believed = |why: &str| {
            Spare::NotAsked(format!(
                "That no succession over the spare seal {spare_seal} has made these links void is believed: {why}."
            ))
        };
        match self {
            Self::Headers(_) => believed("headers do not show it"),
            Self::Bitcoind(asked) => match asked.bitcoind.unspent_confirmations(spare_seal) {
                Ok(Some(_)) => Spare::Unspent,
                Ok(None) => Spare::Spent(format!(
                    "P-8: the spare seal {spare_seal} is spent: if members have put another hub in place over it, the links of this file may be void \
                     (A-108); a file that a node of the successor writes shows the succession"
                )),
                Err(error) => believed(&error.to_string()),
            },
        }
    }

    /// What went wrong while asking; an answer that rests on it is worth nothing.
    pub(crate) fn trouble(&self) -> Option<String> {
        match self {
            Self::Headers(_) => None,
            Self::Bitcoind(asked) => asked.trouble.borrow().clone(),
        }
    }
}

impl BlockHashes for Blocks {
    fn hash_at(&self, height: u32) -> Option<BlockHash> {
        match self {
            Self::Headers(headers) => headers.hash_at(height),
            Self::Bitcoind(asked) => *asked.known.borrow_mut().entry(height).or_insert_with(|| {
                asked.bitcoind.block_hash(height).unwrap_or_else(|error| {
                    asked.trouble.borrow_mut().get_or_insert(error.to_string());
                    None
                })
            }),
        }
    }

    fn tip_height(&self) -> u32 {
        match self {
            Self::Headers(headers) => headers.tip_height(),
            Self::Bitcoind(asked) => asked.tip,
        }
    }
}

/// Too little work tells nothing; headers that break a rule are wrong, but say nothing about the file that is judged.
fn header_refusal(error: &HeaderError) -> Refusal {
    Refusal::cannot_tell(format!("the headers: {error}"))
}
