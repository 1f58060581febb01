//! The audit: replays the whole log of a data directory from genesis against Bitcoin and names the first difference.
//!
//! Nothing that the directory says of itself is believed: digests, ids and roots are recomputed, every signature is
//! checked, every roll, tally and header is recomputed from the log and the chain, every link is looked up.

use std::path::Path;

use althing_anchor::{BlockHashes, LinkEvidence};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Entry, LogHead};
use althing_governance::roll::{FundingFact, StakeClaim};
use althing_governance::signing::Signed;
use anyhow::{Context, Result, bail, ensure};
use bitcoin::consensus::encode::deserialize;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{BlockHash, OutPoint, Transaction};
use serde::{Deserialize, Serialize};

use crate::chain_view::{decode_evidence, funding_fact};
use crate::dao::Dao;
use crate::facts::{Watch, locate, outpoint_bytes};
use crate::judge::{Blocks, Source, Verdict};
use crate::ledger::{ChainView, Ledger, LedgerError};
use crate::shell::NEWEST_HEAD;
use crate::store::{FactRow, Store};

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
}

/// Audits the log of a data directory. `progress` gets the entries checked so far and the entries there are.
///
/// # Errors
/// When the directory is none, or holds no log.
pub fn audit(dir: &Path, source: &Source, progress: &mut dyn FnMut(u64, u64)) -> Result<AuditReport> {
    let dao = Dao::load(dir)?;
    let store = Store::open_read_only(dir)?;
    let mut report = AuditReport {
        verdict: Verdict::Valid,
        entries: 0,
        heads: 0,
        epochs: 0,
        ballots: 0,
        links: 0,
        first_difference: None,
        trusted: Vec::new(),
    };
    let blocks = match Blocks::open(source, dao.network()) {
        Ok(blocks) => blocks,
        Err(refusal) => {
            report.verdict = refusal.verdict;
            report.first_difference = Some(refusal.reason);
            return Ok(report);
        }
    };
    report.trusted = blocks.trusted();
    if matches!(blocks, Blocks::Headers(_)) {
        report.trusted.push(
            "That no stake was spent before a closing height, other than those shown spent, is not shown by headers; a bitcoind would.".into(),
        );
    }
    let mut ledger = Ledger::new(dao.params.clone());
    let mut chain = AuditedChain { store: &store, blocks: &blocks, dao: &dao, seals: SealScan::default() };
    let judged = replay(&store, &mut ledger, &mut chain, &mut report, progress)
        .and_then(|()| check_founding(&dao, &mut chain))
        .and_then(|()| check_newest_head(&store, &ledger))
        .and_then(|()| check_own_entries(&store, &ledger))
        .and_then(|()| check_links(&store, &mut ledger, &mut chain, &mut report));
    report.epochs = ledger.state().anchored().len() as u64;
    if let Err(error) = judged {
        let cannot_tell = blocks.trouble().is_some()
            || error.downcast_ref::<LedgerError>().is_some_and(|error| matches!(error, LedgerError::NotYet { .. }));
        report.verdict = if cannot_tell { Verdict::CannotTell } else { Verdict::Invalid };
        report.first_difference = Some(format!("{error:#}"));
    }
    Ok(report)
}

fn replay(
    store: &Store,
    ledger: &mut Ledger,
    chain: &mut AuditedChain<'_>,
    report: &mut AuditReport,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let total = store.log_size()?;
    store.visit_segments(|segment| {
        ledger.append_segment(&segment, chain)?;
        for bytes in &segment.entries {
            match Entry::from_bytes(bytes) {
                Ok(Entry::Head(_)) => report.heads += 1,
                Ok(Entry::Ballot(_)) => report.ballots += 1,
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

/// The newest head that the directory ever had is in its log: nothing was cut off behind or before it.
fn check_newest_head(store: &Store, ledger: &Ledger) -> Result<()> {
    let Some(bytes) = store.meta(NEWEST_HEAD)? else {
        ensure!(ledger.state().heads().is_empty(), "N-22: the newest head that was stored is missing");
        return Ok(());
    };
    let stored = Signed::<LogHead>::from_bytes(&bytes).context("N-22: the stored newest head")?;
    let key = &ledger.state().params().charter.hub_log_key;
    stored.signature_check(key, "the stored newest head").verify(&Secp256k1::verification_only())?;
    let newest = ledger.newest_head().map(|head| head.size);
    ensure!(
        ledger.newest_head() == Some(&stored),
        "N-22: entry {}: the newest signed head covers {} entries, the newest head in the log covers {newest:?}; the log was cut",
        stored.size,
        stored.size
    );
    Ok(())
}

/// What the hub promised to this member is in the log.
fn check_own_entries(store: &Store, ledger: &Ledger) -> Result<()> {
    for row in store.outbox()? {
        let Some(receipt) = &row.receipt else { continue };
        let (signed, position) = crate::view::stored_receipt(receipt).context("a stored receipt")?;
        let id = Entry::from_bytes(&row.entry).context("a stored own entry")?.id();
        if ledger.state().size() >= signed.log_size && ledger.position_of(&id) != Some(position) {
            bail!(
                "N-23: entry {position}: the hub's receipt promises own entry {id} there, the log has another: proof of fraud"
            );
        }
    }
    Ok(())
}

/// Every link that is mined commits to the header that the log gives, also those that are not final yet.
fn check_links(
    store: &Store,
    ledger: &mut Ledger,
    chain: &mut AuditedChain<'_>,
    report: &mut AuditReport,
) -> Result<()> {
    let mut seal = ledger.state().params().first_seal;
    let mut epoch = 1;
    while let Some(evidence) = chain.spender_of_seal(seal)? {
        let known = ledger.headers().find(|header| header.epoch == epoch).copied();
        let header = match known {
            Some(header) => header,
            None => {
                let row = store.links()?.into_iter().find(|row| row.epoch == epoch);
                let row =
                    row.with_context(|| format!("link {epoch} is on Bitcoin, but its epoch header is not here"))?;
                let header = althing_governance::epoch::EpochHeader::from_bytes(&row.header)
                    .with_context(|| format!("header of epoch {epoch}"))?;
                match ledger.check_header(ledger.state().size(), &header, chain) {
                    // A link may be newer than the log that is audited.
                    Err(LedgerError::NotYet { .. }) => return Ok(()),
                    other => other?,
                }
                header
            }
        };
        let commitment = althing_anchor::Commitment::new(*header.hash().as_bytes());
        seal = althing_anchor::verify_link(evidence.transaction(), seal, ledger.link_key(epoch), commitment)
            .with_context(|| format!("link {epoch}"))?;
        report.links += 1;
        epoch += 1;
    }
    Ok(())
}

/// The chain as an auditor sees it: evidence from the directory checked against headers, or a bitcoind's own answers.
struct AuditedChain<'a> {
    store: &'a Store,
    blocks: &'a Blocks,
    dao: &'a Dao,
    seals: SealScan,
}

/// How far a bitcoind's blocks were read for spent seals.
#[derive(Default)]
struct SealScan {
    next: u32,
    watch: Watch,
    rows: Vec<(OutPoint, FactRow)>,
}

impl AuditedChain<'_> {
    /// What is known of an output, checked.
    fn row(&mut self, outpoint: OutPoint) -> Result<Option<FactRow>> {
        match self.blocks {
            Blocks::Headers(_) => {
                let Some(row) = self.store.fact(&outpoint_bytes(&outpoint))? else { return Ok(None) };
                self.check_row(outpoint, &row)?;
                Ok(Some(row))
            }
            Blocks::Bitcoind(asked) => {
                locate(None, &asked.bitcoind, outpoint, self.dao.birthday, self.blocks.tip_height())
            }
        }
    }

    fn check_row(&self, outpoint: OutPoint, row: &FactRow) -> Result<()> {
        let evidence = decode_evidence(&row.tx, &row.inclusion)?;
        self.check_evidence(&evidence, row.height).with_context(|| format!("the transaction of output {outpoint}"))?;
        let output = usize::try_from(outpoint.vout).ok().and_then(|vout| evidence.transaction().output.get(vout));
        let output = output.with_context(|| format!("there is no output {outpoint}"))?;
        ensure!(
            evidence.txid() == outpoint.txid
                && output.value.to_sat() == row.value_sat
                && output.script_pubkey.as_bytes() == row.script,
            "the stored value or script of output {outpoint} is not what its transaction says"
        );
        if let Some((height, tx, inclusion)) = &row.spent {
            let spending = decode_evidence(tx, inclusion)?;
            self.check_evidence(&spending, *height).with_context(|| format!("the spending of output {outpoint}"))?;
            ensure!(
                spending.transaction().input.iter().any(|input| input.previous_output == outpoint),
                "transaction {} does not spend output {outpoint}",
                spending.txid()
            );
        }
        Ok(())
    }

    fn check_evidence(&self, evidence: &LinkEvidence, height: u32) -> Result<()> {
        evidence.verify()?;
        let inclusion = evidence.inclusion();
        let in_chain = self.blocks.hash_at(height);
        ensure!(
            inclusion.height() == height && in_chain == Some(inclusion.block_hash()),
            "A-51: transaction {} is said to be in block {} at height {height}, the chain has {in_chain:?}",
            evidence.txid(),
            inclusion.block_hash()
        );
        Ok(())
    }
}

impl ChainView for AuditedChain<'_> {
    fn block_hash(&mut self, height: u32) -> Result<Option<BlockHash>> {
        Ok(self.blocks.hash_at(height))
    }

    fn tip_height(&mut self) -> Result<u32> {
        Ok(self.blocks.tip_height())
    }

    fn funding(&mut self, claim: &StakeClaim) -> Result<Option<FundingFact>> {
        Ok(self.row(claim.outpoint)?.and_then(|row| funding_fact(claim, &row)))
    }

    fn spender_of_seal(&mut self, seal: OutPoint) -> Result<Option<LinkEvidence>> {
        let row = match self.blocks {
            Blocks::Headers(_) => self.row(seal)?,
            Blocks::Bitcoind(asked) => {
                let scan = &mut self.seals;
                if scan.next == 0 {
                    scan.next = self.dao.birthday.max(1);
                    scan.watch.expected.insert(self.dao.params.first_seal);
                    scan.watch.seal = Some(self.dao.params.first_seal);
                }
                scan.read_on(&asked.bitcoind, seal, self.blocks.tip_height())?
            }
        };
        row.and_then(|row| row.spent).map(|(_, tx, inclusion)| decode_evidence(&tx, &inclusion)).transpose()
    }
}

impl SealScan {
    /// Reads blocks until the spending of `seal` is known or there are no more.
    fn read_on(&mut self, bitcoind: &crate::chain::Bitcoind, seal: OutPoint, tip: u32) -> Result<Option<FactRow>> {
        use crate::facts::Seen;
        loop {
            let known = self.rows.iter().find(|(outpoint, _)| *outpoint == seal).map(|(_, row)| row);
            if self.next > tip || known.is_some_and(|row| row.spent.is_some()) {
                return Ok(known.cloned());
            }
            let Some(hash) = bitcoind.block_hash(self.next)? else { return Ok(known.cloned()) };
            for seen in self.watch.scan(self.next, &bitcoind.block(&hash)?) {
                match seen {
                    Seen::Created(row, outpoint) => self.rows.push((outpoint, *row)),
                    Seen::Spent { outpoint, height, tx, inclusion } => {
                        if let Some((_, row)) = self.rows.iter_mut().find(|(known, _)| *known == outpoint) {
                            row.spent = Some((height, crate::facts::stripped(&tx), inclusion.encode()));
                        }
                    }
                }
            }
            self.next += 1;
        }
    }
}
