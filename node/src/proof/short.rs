//! Short proof files: one epoch and one statement, judged with the links of another file (docs/spec/proofs.md, P-160 to P-163).

use althing_anchor::BlockHashes;
use althing_governance::codec::{Canonical, DecodeError, Reader, Writer};
use althing_governance::dao::DaoParams;
use bitcoin::Network;

use super::bundle::{Bundle, EpochPart, MAGIC, SHORT_VERSION, Statement, version};
use super::history::{History, cut};
use super::later::up_to_its_last_succession;
use super::verify::{Finding, Rejection, decode, fail, judge};

/// A proof file without the links that lead to its epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortFile {
    /// The epoch that the statement is about.
    pub epoch: EpochPart,
    /// What is proven.
    pub statement: Statement,
}

/// Why a short file with its link file is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShortRefusal {
    /// The short file does not hold.
    #[error(transparent)]
    Invalid(#[from] Rejection),
    /// The link file does not tell.
    #[error("P-163: {0}")]
    Links(String),
}

/// The links up to the epoch of a short file, from a link file that is not judged yet.
pub(crate) struct ShortWithLinks {
    epoch: EpochPart,
    /// The link file cut at that epoch, with the statement of the short one in it.
    pub(crate) whole: Bundle,
    /// The link file cut at the last epoch that a succession of it stands behind, if that is a later one (P-337).
    later: Option<Bundle>,
    pub(crate) network: Network,
}

/// Whether the file says of itself that it is a short one.
pub(crate) fn is_short(file: &[u8]) -> bool {
    file.strip_prefix(MAGIC).and_then(|rest| rest.first()) == Some(&SHORT_VERSION)
}

/// Judges a short file with a file that has the links up to its epoch.
///
/// # Errors
/// [`ShortRefusal`] naming the file, the rule and the values.
pub fn verify_short(short: &[u8], links: &[u8], blocks: &impl BlockHashes) -> Result<Finding, ShortRefusal> {
    ShortFile::from_bytes(short).map_err(Rejection::from)?.with_links(links)?.judge(blocks)
}

impl ShortFile {
    /// Takes the links up to this file's epoch from a link file.
    ///
    /// # Errors
    /// [`ShortRefusal::Links`] when it is of no use here.
    pub(crate) fn with_links(self, links: &[u8]) -> Result<ShortWithLinks, ShortRefusal> {
        let of_no_use = |problem: String| ShortRefusal::Links(format!("the link file is of no use here: {problem}"));
        let header = &self.epoch.header;
        if let Some(version) = super::newer_version(links) {
            return Err(of_no_use(format!("it has version {version}, which a newer program is needed for")));
        }
        if is_short(links) {
            return Err(of_no_use("it is a short proof file itself".to_owned()));
        }
        let (links, network) = decode(links).map_err(|rejection| of_no_use(rejection.to_string()))?;
        let mut whole = links.joined();
        let found = DaoParams::new(whole.charter.clone(), whole.genesis.txid()).dao_id;
        if found != header.dao {
            return Err(of_no_use(format!("it is of DAO {found}, the proof is of DAO {}", header.dao)));
        }
        let last = usize::try_from(header.epoch).unwrap_or(usize::MAX);
        if last == 0 || whole.epochs.len() < last {
            let ends = whole.epochs.len();
            return Err(of_no_use(format!("it ends with epoch {ends}, the proof is about epoch {last}")));
        }
        whole.statement = self.statement;
        let later = up_to_its_last_succession(&whole, last);
        cut(&mut whole, last);
        Ok(ShortWithLinks { epoch: self.epoch, whole, later, network })
    }
}

impl ShortWithLinks {
    /// Judges the links, then the short file with them.
    ///
    /// # Errors
    /// [`ShortRefusal`].
    pub(crate) fn judge(self, blocks: &impl BlockHashes) -> Result<Finding, ShortRefusal> {
        let Self { epoch, whole, later, network } = self;
        let mut history = History::check(&whole, blocks)
            .map_err(|rejection| ShortRefusal::Links(format!("the link file: {rejection}")))?;
        let (header, Some(in_links)) = (&epoch.header, whole.epochs.last()) else {
            return Err(ShortRefusal::Links("the link file has no epoch".to_owned()));
        };
        let number = header.epoch;
        if in_links.header != *header {
            // Each is behind another succession, or one behind none: which of them counts neither says.
            if in_links.header.spare_seal != header.spare_seal {
                return Err(ShortRefusal::Links(format!(
                    "the link file has another history: by it the spare seal is {} in epoch {number}, by the proof {}; a succession lies between",
                    in_links.header.spare_seal, header.spare_seal
                )));
            }
            let (found, shown) = (in_links.header.hash(), header.hash());
            let reason = format!("P-162: the link on Bitcoin commits to the header {found}, the file shows {shown}");
            return Err(fail(format!("header of epoch {number}"))(reason).into());
        }
        if in_links.link != epoch.link {
            let reason = "P-162: the evidence of the link is another than in the link file, which holds".to_owned();
            return Err(fail(format!("link of epoch {number}"))(reason).into());
        }
        let not_used = later.and_then(|later| history.go_on(&later, blocks).err());
        let mut finding = judge(&whole, network, history, blocks)?;
        finding.unchecked.extend(not_used.map(|why| {
            format!(
                "What the link file has behind epoch {number}: it tells nothing of who came after that hub ({why})."
            )
        }));
        Ok(finding)
    }
}

impl Bundle {
    /// The same proof without the links to its epoch; `None` of what is about no epoch.
    #[must_use]
    pub fn shortened(&self) -> Option<ShortFile> {
        let is_about_an_epoch = self.statement.is_under_a_header() && self.statement != Statement::Links;
        let epoch = self.epochs.last().filter(|_| is_about_an_epoch)?;
        Some(ShortFile { epoch: epoch.clone(), statement: self.statement.clone() })
    }
}

impl Canonical for ShortFile {
    fn encode(&self, w: &mut Writer) {
        w.fixed(MAGIC);
        w.u8(SHORT_VERSION);
        self.epoch.encode(w);
        w.set_short_sums(true);
        self.statement.encode(w);
        w.set_short_sums(false);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = version(r)?;
        if version != SHORT_VERSION {
            return Err(DecodeError::UnknownVariant { field: "version of a short proof file", found: version });
        }
        let epoch = EpochPart::decode(r)?;
        r.set_short_sums(true);
        let statement = Statement::decode(r)?;
        r.set_short_sums(false);
        if !statement.is_under_a_header() || statement == Statement::Links {
            let problem = "it is about no epoch, so that only a whole file shows it".to_owned();
            return Err(DecodeError::Rule { rule: "P-161", field: "statement of a short proof file", problem });
        }
        Ok(Self { epoch, statement })
    }
}
