//! Facts about outputs on Bitcoin that matter to the DAO: seals and stake fundings, when they were mined, when they were spent.
//!
//! The cores take such facts as arguments. Here they are gathered from this node's own source, each with the evidence
//! (transaction and Merkle branch) by which an auditor can check it later against block headers alone.

use std::collections::BTreeSet;

use althing_anchor::{MOVED_SPARE_VOUT, SpareSeal, TxInclusion};
use althing_governance::codec::Writer as Encoder;
use anyhow::{Context, Result};
use bitcoin::consensus::encode::serialize;
use bitcoin::{Block, OutPoint, ScriptBuf, Transaction, Txid};

use crate::chain::Bitcoind;
use crate::store::{FactRow, Store, Writer};

/// What to look for in each new block.
#[derive(Debug, Default, Clone)]
pub struct Watch {
    /// Outputs whose spending matters.
    pub outpoints: BTreeSet<OutPoint>,
    /// Transactions whose first appearance matters, and the output of each that does.
    pub expected: BTreeSet<OutPoint>,
    /// The newest seals, of the primary chain and of successions: the spender of one is a link, whose output 0 is the next seal.
    pub seals: BTreeSet<OutPoint>,
    /// The newest spare seal, and its script where it is known: its spender may be a succession, whose output 0 is a seal and output 1 the
    /// next spare seal, or have moved it to another treasury.
    pub spare: Option<(OutPoint, Option<ScriptBuf>)>,
}

/// Something that a block showed.
#[derive(Debug, Clone)]
pub enum Seen {
    /// A watched output was created.
    Created(Box<FactRow>, OutPoint),
    /// A watched output was spent.
    Spent {
        /// The output.
        outpoint: OutPoint,
        /// Height of the spending.
        height: u32,
        /// By which transaction.
        tx: Box<Transaction>,
        /// Where that is.
        inclusion: Box<TxInclusion>,
    },
}

impl Watch {
    /// Watches an output: for its spending when it is known to be unspent, for its creation when it is not known.
    ///
    /// # Errors
    /// On I/O.
    pub fn expect(&mut self, store: &Store, outpoint: OutPoint) -> Result<()> {
        match store.fact(&outpoint_bytes(&outpoint))? {
            None => {
                self.expected.insert(outpoint);
            }
            Some(row) if row.spent.is_none() => {
                self.outpoints.insert(outpoint);
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// The newest seal, following spent seals from `seal` on; watched from now on.
    ///
    /// # Errors
    /// On I/O, or when a stored transaction is malformed.
    pub fn follow_seals(&mut self, store: &Store, mut seal: OutPoint) -> Result<OutPoint> {
        while let Some((_, tx, _)) = store.fact(&outpoint_bytes(&seal))?.and_then(|row| row.spent) {
            let tx: Transaction = bitcoin::consensus::deserialize(&tx).context("a stored link is malformed")?;
            seal = OutPoint { txid: tx.compute_txid(), vout: 0 };
        }
        self.expect(store, seal)?;
        Ok(seal)
    }

    /// Watches every seal that follows from the first one, and from the spare seals that were spent; and the newest spare seal.
    ///
    /// # Errors
    /// As [`Self::follow_seals`].
    pub fn follow_all_seals(&mut self, store: &Store, first: OutPoint, mut spare: OutPoint) -> Result<()> {
        let newest = self.follow_seals(store, first)?;
        self.seals.insert(newest);
        let script = loop {
            let Some(row) = store.fact(&outpoint_bytes(&spare))? else { break None };
            let script = Some(ScriptBuf::from_bytes(row.script));
            let Some((_, tx, _)) = row.spent else { break script };
            let tx: Transaction = bitcoin::consensus::deserialize(&tx).context("a stored transaction is malformed")?;
            let (seal, next) = after_spare(&SpentSpare { outpoint: spare, script }, &tx);
            if let Some(seal) = seal {
                let newest = self.follow_seals(store, seal)?;
                self.seals.insert(newest);
            }
            spare = next;
        };
        self.expect(store, spare)?;
        self.spare = Some((spare, script));
        Ok(())
    }

    /// Looks through a block, and goes on watching what it finds: an expected output is watched for its spending, a link's
    /// output 0 is the new seal.
    pub fn scan(&mut self, height: u32, block: &Block) -> Vec<Seen> {
        let mut seen = Vec::new();
        let txids: Vec<Txid> = block.txdata.iter().map(Transaction::compute_txid).collect();
        for (index, (tx, txid)) in block.txdata.iter().zip(&txids).enumerate() {
            for input in &tx.input {
                let outpoint = input.previous_output;
                if !self.outpoints.remove(&outpoint) {
                    continue;
                }
                let Some(inclusion) = include(height, block, &txids, index) else { continue };
                seen.push(Seen::Spent { outpoint, height, tx: Box::new(tx.clone()), inclusion: Box::new(inclusion) });
                let next = |vout| OutPoint { txid: *txid, vout };
                if self.seals.remove(&outpoint) {
                    self.seals.insert(next(0));
                    self.expected.insert(next(0));
                }
                if let Some((outpoint, script)) = self.spare.take_if(|(spare, _)| *spare == outpoint) {
                    let (seal, newest) = after_spare(&SpentSpare { outpoint, script }, tx);
                    self.seals.extend(seal);
                    self.expected.extend(seal);
                    self.expected.insert(newest);
                    self.spare = Some((newest, None));
                }
            }
            let created: Vec<OutPoint> = self.expected.iter().filter(|o| o.txid == *txid).copied().collect();
            for outpoint in created {
                self.expected.remove(&outpoint);
                if let Some(row) = fact(outpoint, height, block, &txids, index) {
                    self.outpoints.insert(outpoint);
                    if let Some((_, script)) = self.spare.as_mut().filter(|(spare, _)| *spare == outpoint) {
                        *script = Some(ScriptBuf::from_bytes(row.script.clone()));
                    }
                    seen.push(Seen::Created(Box::new(row), outpoint));
                }
            }
        }
        seen
    }
}

/// A spare seal that is spent.
struct SpentSpare {
    outpoint: OutPoint,
    script: Option<ScriptBuf>,
}

/// The seal that the spender of a spare seal makes, if it may be a succession link, and the next spare seal: told by the shape alone,
/// since which treasuries there are the log says, which may be read later. What is none in truth is followed in vain.
fn after_spare(spare: &SpentSpare, spender: &Transaction) -> (Option<OutPoint>, OutPoint) {
    let txid = spender.compute_txid();
    let seal = spare.script.clone().map(|script| SpareSeal { outpoint: spare.outpoint, script });
    match seal.is_none_or(|seal| seal.is_kept_by(spender)) {
        true => (Some(OutPoint { txid, vout: 0 }), OutPoint { txid, vout: 1 }),
        false => (None, OutPoint { txid, vout: MOVED_SPARE_VOUT }),
    }
}

impl Writer<'_> {
    /// Stores what a block showed.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_seen(&self, seen: &[Seen]) -> Result<()> {
        for seen in seen {
            match seen {
                Seen::Created(row, _) => self.put_fact(row)?,
                Seen::Spent { outpoint, height, tx, inclusion } => {
                    self.mark_spent(&outpoint_bytes(outpoint), *height, &stripped(tx), &inclusion.encode())?;
                }
            }
        }
        Ok(())
    }
}

/// Finds an output that was mined before this node knew that it matters: in the store if one is given, among the unspent outputs first, else by reading the
/// blocks from `birthday` up to `tip_height`. `None` when it is in none of them.
///
/// # Errors
/// When the source does not answer.
pub fn locate(
    store: Option<&Store>,
    bitcoind: &Bitcoind,
    outpoint: OutPoint,
    birthday: u32,
    tip_height: u32,
) -> Result<Option<FactRow>> {
    if let Some(row) = store.map(|store| store.fact(&outpoint_bytes(&outpoint))).transpose()?.flatten() {
        return Ok(Some(row));
    }
    let unspent = bitcoind.unspent_confirmations(&outpoint)?;
    let first = match unspent {
        Some(0) => return Ok(None),
        Some(confirmations) => bitcoind.height()?.saturating_add(1).saturating_sub(confirmations),
        // A funding that is bound before it is mined (N-331): in no block, so none is read for it.
        None if bitcoind.in_mempool(&outpoint.txid)? => return Ok(None),
        None => birthday,
    };
    let mut watch = Watch { expected: [outpoint].into(), ..Watch::default() };
    let mut found: Option<FactRow> = None;
    for height in first..=tip_height {
        let Some(hash) = bitcoind.block_hash(height)? else { break };
        for seen in watch.scan(height, &bitcoind.block(&hash)?) {
            match (seen, &mut found) {
                (Seen::Created(row, _), found) => *found = Some(*row),
                (Seen::Spent { height, tx, inclusion, .. }, Some(row)) => {
                    row.spent = Some((height, stripped(&tx), inclusion.encode()));
                }
                (Seen::Spent { .. }, None) => {}
            }
        }
        if found.as_ref().is_some_and(|row| unspent.is_some() || row.spent.is_some()) {
            break;
        }
    }
    Ok(found)
}

/// `outpoint` in the canonical encoding (E-9).
pub fn outpoint_bytes(outpoint: &OutPoint) -> Vec<u8> {
    let mut w = Encoder::new();
    w.outpoint(outpoint);
    w.into_bytes()
}

fn fact(outpoint: OutPoint, height: u32, block: &Block, txids: &[Txid], index: usize) -> Option<FactRow> {
    let tx = block.txdata.get(index)?;
    let output = tx.output.get(usize::try_from(outpoint.vout).ok()?)?;
    Some(FactRow {
        outpoint: outpoint_bytes(&outpoint),
        value_sat: output.value.to_sat(),
        script: output.script_pubkey.to_bytes(),
        height,
        tx: stripped(tx),
        inclusion: include(height, block, txids, index)?.encode(),
        spent: None,
    })
}

pub(crate) fn include(height: u32, block: &Block, txids: &[Txid], index: usize) -> Option<TxInclusion> {
    TxInclusion::from_block_txids(block.header, height, txids, *txids.get(index)?).ok()
}

/// A transaction without its witness.
pub(crate) fn stripped(tx: &Transaction) -> Vec<u8> {
    let mut tx = tx.clone();
    for input in &mut tx.input {
        input.witness.clear();
    }
    serialize(&tx)
}
