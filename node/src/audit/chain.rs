//! The chain as an auditor sees it.

use althing_anchor::{BlockHashes, LinkEvidence};
use althing_governance::roll::{FundingFact, StakeClaim};
use anyhow::{Context, Result, bail, ensure};
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, OutPoint};

use super::rows::{OffChain, fork, in_words};

use crate::chain_view::{decode_evidence, funding_facts};
use crate::dao::Dao;
use crate::facts::{Watch, locate, outpoint_bytes};
use crate::judge::Blocks;
use crate::ledger::ChainView;
use crate::store::{FactRow, Store};

/// The chain as an auditor sees it: evidence from the directory checked against headers, or a bitcoind's own answers.
pub(super) struct AuditedChain<'a> {
    pub(super) store: &'a Store,
    pub(super) blocks: &'a Blocks,
    pub(super) dao: &'a Dao,
    pub(super) seals: SealScan,
    /// From where on the directory's blocks are beside the chain ([`fork`]).
    pub(super) fork: Option<u32>,
}

impl<'a> AuditedChain<'a> {
    pub(super) fn begin(store: &'a Store, blocks: &'a Blocks, dao: &'a Dao) -> Result<Self> {
        Ok(Self { store, blocks, dao, seals: SealScan::default(), fork: fork(store, blocks)? })
    }
}

/// How far a bitcoind's blocks were read for spent seals.
#[derive(Default)]
pub(super) struct SealScan {
    next: u32,
    watch: Watch,
    rows: Vec<(OutPoint, FactRow)>,
}

impl AuditedChain<'_> {
    /// What is known of an output, checked.
    pub(super) fn row(&mut self, outpoint: OutPoint) -> Result<Option<FactRow>> {
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
        let (named, in_chain) = (inclusion.block_hash(), self.blocks.hash_at(height));
        if inclusion.height() == height && in_chain == Some(named) {
            return Ok(());
        }
        // N-26: what the directory's own branch had is no lie.
        let own = self.store.block(height)?.map(|row| BlockHash::from_byte_array(row.hash));
        if let Some(fork) =
            self.fork.filter(|fork| height >= *fork && inclusion.height() == height && own == Some(named))
        {
            return Err(OffChain::of(self.blocks, fork, height, named)).context("the evidence stored here");
        }
        bail!(
            "A-51: transaction {} is said to be in block {named} at height {height}, the chain has {}",
            evidence.txid(),
            in_words(in_chain)
        )
    }
}

impl ChainView for AuditedChain<'_> {
    fn block_hash(&mut self, height: u32) -> Result<Option<BlockHash>> {
        Ok(self.blocks.hash_at(height))
    }

    fn tip_height(&mut self) -> Result<u32> {
        Ok(self.blocks.tip_height())
    }

    fn funding(&mut self, claim: &StakeClaim, others: &[OutPoint]) -> Result<Vec<FundingFact>> {
        let Some(row) = self.row(claim.outpoint)? else { return Ok(Vec::new()) };
        funding_facts(claim, others, row, |outpoint| self.row(outpoint))
    }

    fn spender_of_seal(&mut self, seal: OutPoint) -> Result<Option<LinkEvidence>> {
        let row = match self.blocks {
            Blocks::Headers(_) => self.row(seal)?,
            Blocks::Bitcoind(asked) => {
                let scan = &mut self.seals;
                if scan.next == 0 {
                    scan.next = self.dao.birthday.max(1);
                    scan.watch.expected.insert(self.dao.params.first_seal);
                    scan.watch.seals.insert(self.dao.params.first_seal);
                    scan.watch.expected.insert(self.dao.params.spare_seal);
                    scan.watch.spare = Some((self.dao.params.spare_seal, None));
                    // Payments are noted by what spent their gates (G-99).
                    scan.watch.expected.extend(&self.dao.params.gates);
                }
                scan.read_on(&asked.bitcoind, seal, self.blocks.tip_height())?
            }
        };
        // A gate of a refill is not known from the beginning.
        let row = match row {
            None => self.row(seal)?,
            found => found,
        };
        row.and_then(|row| row.spent).map(|(_, tx, inclusion)| decode_evidence(&tx, &inclusion)).transpose()
    }

    fn creator(&mut self, outpoint: OutPoint) -> Result<Option<LinkEvidence>> {
        self.row(outpoint)?.map(|row| decode_evidence(&row.tx, &row.inclusion)).transpose()
    }

    fn entries_on_bitcoin(&mut self, first: u32, last: u32) -> Result<Vec<(u32, Vec<u8>)>> {
        match self.blocks {
            Blocks::Headers(_) => {
                let rows = self.store.forced(first, last)?.into_iter();
                rows.map(|row| {
                    let evidence = crate::forced::evidence(&row)?;
                    let what = || format!("N-301: the entry on Bitcoin at height {}", row.height);
                    self.check_evidence(&evidence, row.height).with_context(what)?;
                    Ok((row.height, row.entry))
                })
                .collect()
            }
            Blocks::Bitcoind(asked) => {
                let mut found = Vec::new();
                for height in first.max(self.dao.birthday)..=last.min(self.blocks.tip_height()) {
                    let Some(hash) = asked.bitcoind.block_hash(height)? else { break };
                    let rows = crate::forced::scan(height, &asked.bitcoind.block(&hash)?);
                    found.extend(rows.into_iter().map(|row| (row.height, row.entry)));
                }
                Ok(found)
            }
        }
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
