//! The audit: replays the whole log of a data directory from genesis against Bitcoin and names the first difference.
//!
//! Nothing that the directory says of itself is believed: digests, ids and roots are recomputed, every signature is
//! checked, every roll, tally and header is recomputed from the log and the chain, every link is looked up.

mod chain;
mod difference;
mod progress;
mod random;
mod rows;
mod spot;

pub use random::audit_random;
pub use spot::spot_check;

use std::path::{Path, PathBuf};

use althing_anchor::BlockHashes as _;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{EntryKind, LogHead};
use althing_governance::epoch::EpochHeader;
use althing_governance::signing::Signed;
use anyhow::{Context, Result, bail, ensure};
use bitcoin::Transaction;
use bitcoin::consensus::encode::deserialize;
use bitcoin::secp256k1::Secp256k1;
use serde::{Deserialize, Serialize};

use self::chain::AuditedChain;
use self::progress::Progress;
use crate::dao::Dao;
use crate::judge::{Blocks, Source, Verdict};
use crate::ledger::{ChainView as _, Ledger, LedgerError};
use crate::shell::NEWEST_HEAD;
use crate::store::{LinkRow, OutboxRow, Store};

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// The answer.
    pub verdict: Verdict,
    /// Entries checked.
    pub entries: u64,
    /// Signed heads among them.
    pub heads: u64,
    /// Final epochs recomputed.
    pub epochs: u64,
    /// Ballots among the entries.
    pub ballots: u64,
    /// Links found on Bitcoin.
    pub links: u64,
    /// The first thing that does not hold, with its place; or why it cannot be told.
    pub first_difference: Option<String>,
    /// What was believed without a check.
    pub trusted: Vec<String>,
    /// Entries whose signatures an earlier run had checked (N-360).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resumed_from: u64,
    /// What the proof file of the difference shows, if one was written (N-361).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What an audit keeps and writes besides its report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFiles {
    /// Where it keeps how far it came, to go on there when it is stopped. Whoever can write it can make the audit pass signatures.
    pub resume: Option<PathBuf>,
    /// Where a proof of the first difference goes, if there is one.
    pub proof: Option<PathBuf>,
}

impl AuditReport {
    fn empty() -> Self {
        Self {
            verdict: Verdict::Valid,
            entries: 0,
            heads: 0,
            epochs: 0,
            ballots: 0,
            links: 0,
            first_difference: None,
            trusted: Vec::new(),
            resumed_from: 0,
            proof: None,
        }
    }
}

/// Audits the log of a data directory. `progress` gets the entries checked so far and the entries there are.
///
/// # Errors
/// When the directory is none, or holds no log.
pub fn audit(dir: &Path, source: &Source, progress: &mut dyn FnMut(u64, u64)) -> Result<AuditReport> {
    audit_with(dir, source, &AuditFiles::default(), progress)
}

/// As [`audit`], going on where an earlier run was stopped, and with a proof of what differs.
///
/// # Errors
/// As [`audit`], and when one of the files cannot be read or written.
pub fn audit_with(
    dir: &Path,
    source: &Source,
    files: &AuditFiles,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<AuditReport> {
    let dao = Dao::load(dir)?;
    let store = Store::open_read_only(dir)?;
    store.expect_whole_log()?;
    let mut report = AuditReport::empty();
    let blocks = match Blocks::open(source, dao.network()) {
        Ok(blocks) => blocks,
        Err(refusal) => {
            report.verdict = refusal.verdict;
            report.first_difference = Some(without_blocks(source, refusal.reason));
            return Ok(report);
        }
    };
    let (tip, reaches) = (blocks.tip_height(), highest_evidence(&store)?);
    if tip < reaches {
        report.verdict = Verdict::CannotTell;
        report.first_difference =
            Some(format!("A-51: the blocks given end at height {tip}, the evidence here reaches {reaches}"));
        return Ok(report);
    }
    report.trusted = blocks.trusted();
    if matches!(blocks, Blocks::Headers(_)) {
        report.trusted.push(
            "That no stake was spent before a closing height, other than those shown spent, is not shown by headers; a bitcoind would.".into(),
        );
        report.trusted.push(
            "That Bitcoin carries no entry besides those stored here is not shown by headers; a bitcoind would.".into(),
        );
    }
    // What stands beside the log is read before it: a node that runs may add to both meanwhile.
    let beside = Beside::read(&store)?;
    let mut kept = Progress::take_up(files.resume.as_deref(), &dao.params)?;
    let mut ledger = begun(&dao, &store)?;
    let mut chain = AuditedChain::begin(&store, &blocks, &dao)?;
    let fork = chain.fork;
    let mut replayed = replay(&store, &mut ledger, &mut chain, &mut kept, &mut report, progress);
    if kept.checked_before() > 0 && (replayed.is_err() || kept.is_same != Some(true)) {
        // Not the log that the file is about, or something is wrong: everything is looked at again.
        kept.begin_anew();
        ledger = begun(&dao, &store)?;
        (report.heads, report.ballots) = (0, 0);
        replayed = replay(&store, &mut ledger, &mut chain, &mut kept, &mut report, progress);
    }
    report.resumed_from = kept.checked_before();
    if report.resumed_from > 0 {
        report.trusted.push(format!(
            "The signatures of the first {} entries: an earlier run checked them, as its file says.",
            report.resumed_from
        ));
    }
    if replayed.is_ok() {
        kept.write(ledger.state().size())?;
    }
    let judged = replayed
        .and_then(|()| check_founding(&dao, &mut chain))
        .and_then(|()| check_newest_head(beside.newest_head.as_deref(), &store, &ledger))
        .and_then(|()| rows::check_own_entries(&beside.outbox, &ledger))
        .and_then(|()| rows::check_blocks(&store, &blocks, fork))
        .and_then(|()| check_links(&beside.links, &mut ledger, &mut chain, &mut report));
    report.epochs = ledger.state().anchored().len() as u64;
    if let Err(error) = judged {
        let cannot_tell = blocks.trouble().is_some() || is_not_yet(&error);
        report.verdict = if cannot_tell { Verdict::CannotTell } else { Verdict::Invalid };
        report.first_difference = Some(match fork.filter(|_| cannot_tell) {
            Some(fork) if !rows::is_off_chain(&error) => format!("{error:#}; {}", rows::follow_first(fork)),
            _ => format!("{error:#}"),
        });
        if let Some(path) = files.proof.as_deref().filter(|_| !cannot_tell)
            && let Some((bytes, statement)) =
                difference::prove(&store, &dao, &ledger, &mut chain, &blocks, &error).unwrap_or_default()
        {
            crate::proof::write(path, &bytes)?;
            report.proof = Some(statement);
        }
    }
    Ok(report)
}

/// An empty log, with the successions that the directory knows.
fn begun(dao: &Dao, store: &Store) -> Result<Ledger> {
    let mut ledger = Ledger::new(dao.params.clone());
    for row in store.successions()? {
        ledger.expect_succession(row.certificate()?);
    }
    Ok(ledger)
}

/// Height of the highest block that the directory's evidence speaks of.
fn highest_evidence(store: &Store) -> Result<u32> {
    let heights = store.facts()?.into_iter().map(|fact| fact.spent.map_or(fact.height, |(height, ..)| height));
    Ok(heights.max().unwrap_or(0))
}

fn replay(
    store: &Store,
    ledger: &mut Ledger,
    chain: &mut AuditedChain<'_>,
    kept: &mut Progress,
    report: &mut AuditReport,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let total = store.log_size()?;
    let dir = store.path().parent().context("the database is in a directory")?;
    crate::replay::replay_behind(dir, kept.checked_before(), ledger, chain, |segment, ledger| {
        ensure!(kept.note(segment)?, "N-360: this is not the log that the audit began with");
        // Every entry was decoded; its second byte is its kind (G-20).
        for kind in segment.entries.iter().filter_map(|bytes| EntryKind::from_number(*bytes.get(1)?)) {
            match kind {
                EntryKind::Head => report.heads += 1,
                EntryKind::Ballot => report.ballots += 1,
                _ => {}
            }
        }
        report.entries = ledger.state().size();
        progress(report.entries, total);
        Ok(())
    })
}

fn check_founding(dao: &Dao, chain: &mut AuditedChain<'_>) -> Result<()> {
    let seal = dao.params.first_seal;
    let row =
        chain.row(seal)?.with_context(|| format!("A-50: the genesis transaction {} is not on chain", seal.txid))?;
    let tx: Transaction = deserialize(&row.tx).context("the genesis transaction")?;
    ensure!(
        tx.compute_txid() == seal.txid,
        "A-50: the genesis transaction is {}, not {}",
        tx.compute_txid(),
        seal.txid
    );
    Ok(())
}

/// What a directory holds beside the log that speaks of the log.
struct Beside {
    newest_head: Option<Vec<u8>>,
    outbox: Vec<OutboxRow>,
    links: Vec<LinkRow>,
}

impl Beside {
    fn read(store: &Store) -> Result<Self> {
        Ok(Self { newest_head: store.meta(NEWEST_HEAD)?, outbox: store.outbox()?, links: store.links()? })
    }
}

/// The newest head that the directory ever had is in its log: nothing was cut off behind or before it. `before` is what was
/// stored as the newest head before the log was read; where a running node has stored another since, the log read may be the
/// one of any time in between.
fn check_newest_head(before: Option<&[u8]>, store: &Store, ledger: &Ledger) -> Result<()> {
    let has_grown = store.meta(NEWEST_HEAD)?.as_deref() != before;
    let Some(bytes) = before else {
        ensure!(has_grown || ledger.state().heads().is_empty(), "N-22: the newest head that was stored is missing");
        return Ok(());
    };
    let stored = Signed::<LogHead>::from_bytes(bytes).context("N-22: the stored newest head")?;
    let key = ledger.hub_log_key_at(stored.size);
    stored.signature_check(&key, "the stored newest head").verify(&Secp256k1::verification_only())?;
    let newest = ledger.newest_head().map_or(0, |head| head.size);
    let is_in_log = || ledger.state().heads().iter().any(|record| record.head == stored.statement);
    ensure!(
        ledger.newest_head() == Some(&stored) || has_grown && is_in_log(),
        "N-22: entry {}: the newest signed head covers {} entries, the newest head in the log covers {newest}; the log was cut",
        stored.size,
        stored.size
    );
    Ok(())
}

/// Every link that is mined commits to the header that the log gives, also those that are not final yet (N-24).
fn check_links(
    stored: &[LinkRow],
    ledger: &mut Ledger,
    chain: &mut AuditedChain<'_>,
    report: &mut AuditReport,
) -> Result<()> {
    let rows = rows::links(stored, ledger)?;
    let mut rows = rows.iter();
    let mut seal = ledger.state().params().first_seal;
    let mut epoch = 1;
    while let Some(evidence) = chain.spender_of_seal(seal)? {
        let row = rows.next();
        let header = link_header(ledger, chain, row, epoch)?;
        let commitment = althing_anchor::Commitment::new(*header.hash().as_bytes());
        if let Some(row) = row {
            let (stored, mined) = (row.tx.compute_txid(), evidence.txid());
            ensure!(
                stored == mined || is_version(&row.tx, evidence.transaction()),
                "N-25: link {epoch}: the stored transaction is {stored}, on Bitcoin it is {mined}"
            );
        }
        seal = althing_anchor::verify_link(evidence.transaction(), seal, ledger.link_key(epoch), commitment)
            .map(|next| ledger.seal_after(epoch, next.txid))
            .with_context(|| format!("link {epoch}"))?;
        report.links += 1;
        epoch += 1;
    }
    for row in rows {
        match link_header(ledger, chain, Some(row), row.header.epoch) {
            // The blocks given may end before its closing height.
            Err(error) if is_not_yet(&error) => {}
            other => drop(other?),
        }
        report.trusted.push(format!("Link of epoch {} is not in the blocks given.", row.header.epoch));
    }
    Ok(())
}

/// the same seal and the same output 0 script.
fn is_version(stored: &Transaction, mined: &Transaction) -> bool {
    let key = |tx: &Transaction| Some((tx.input.first()?.previous_output, tx.output.first()?.script_pubkey.clone()));
    key(stored).is_some_and(|stored| Some(stored) == key(mined))
}

/// The header of a link's epoch as the log gives it; a stored one has to be the same (N-25).
fn link_header(
    ledger: &mut Ledger,
    chain: &mut AuditedChain<'_>,
    row: Option<&rows::Link>,
    epoch: u32,
) -> Result<EpochHeader> {
    let known = ledger.headers().find(|header| header.epoch == epoch).copied();
    match (known, row) {
        (Some(known), Some(row)) => {
            if let Some(difference) = known.difference(&row.header) {
                bail!("N-25: link {epoch}: the stored header is not what the log gives: {difference}");
            }
            Ok(known)
        }
        (Some(known), None) => Ok(known),
        (None, Some(row)) => {
            ledger.check_header(row.header.log_size, &row.header, chain)?;
            Ok(row.header)
        }
        // The directory may have been behind when it was copied.
        (None, None) => {
            let reason = format!("N-24: link {epoch} is on Bitcoin, its epoch header is not here");
            Err(LedgerError::NotYet { position: ledger.state().size(), reason }.into())
        }
    }
}

/// Why there are no blocks to audit against (N-441): a log is no proof file, so no clause of those is named.
fn without_blocks(source: &Source, reason: String) -> String {
    match source {
        Source::None => {
            "N-441: no block headers and no Bitcoin source were given, so nothing tells what is on Bitcoin".to_owned()
        }
        _ => reason,
    }
}

/// Whether it is no fault, but something that this directory or the chain given does not have yet.
fn is_not_yet(error: &anyhow::Error) -> bool {
    error.downcast_ref::<LedgerError>().is_some_and(|error| matches!(error, LedgerError::NotYet { .. }))
        || rows::is_off_chain(error)
}
