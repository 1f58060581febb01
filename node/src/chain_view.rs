//! The running node's answers to the ledger's questions about Bitcoin: from the store where known, else from bitcoind.

use althing_anchor::{LinkEvidence, TxInclusion};
use althing_channels::funding_script;
use althing_governance::roll::{FundingFact, StakeClaim};
use anyhow::{Context, Result};
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, OutPoint, Transaction};

use crate::chain::Bitcoind;
use crate::facts::{Watch, locate, outpoint_bytes};
use crate::ledger::ChainView;
use crate::store::{FactRow, Store};

/// The best chain as this node follows it.
pub struct LiveChain<'a> {
    /// Blocks and facts followed so far.
    pub store: &'a mut Store,
    /// For outputs that were mined before this node knew of them.
    pub bitcoind: &'a Bitcoind,
    /// Where outputs found this way are watched from now on.
    pub watch: &'a mut Watch,
    /// First block that can matter.
    pub birthday: u32,
    /// Whether the entries asked about were judged by this node before: what was deep enough then stays so while a reorganisation
    /// shortens the chain.
    pub judged_before: bool,
}

impl ChainView for LiveChain<'_> {
    fn block_hash(&mut self, height: u32) -> Result<Option<BlockHash>> {
        Ok(self.store.block(height)?.map(|row| BlockHash::from_byte_array(row.hash)))
    }

    fn tip_height(&mut self) -> Result<u32> {
        match self.judged_before {
            true => Ok(u32::MAX),
            false => Ok(self.store.tip()?.map_or(0, |row| row.height)),
        }
    }

    fn funding(&mut self, claim: &StakeClaim, others: &[OutPoint]) -> Result<Vec<FundingFact>> {
        let tip = self.store.tip()?.map_or(0, |row| row.height);
        let Some(row) = locate(Some(self.store), self.bitcoind, claim.outpoint, self.birthday, tip)? else {
            return Ok(Vec::new());
        };
        if self.store.fact(&row.outpoint)?.is_none() && !self.store.is_read_only() {
            self.store.write(|writer| writer.put_fact(&row))?;
            if row.spent.is_none() {
                self.watch.outpoints.insert(claim.outpoint);
            }
        }
        let (birthday, bitcoind) = (self.birthday, self.bitcoind);
        funding_facts(claim, others, row, |outpoint| {
            let found = locate(Some(self.store), bitcoind, outpoint, birthday, tip)?;
            if let Some(row) = &found
                && self.store.fact(&row.outpoint)?.is_none()
                && !self.store.is_read_only()
            {
                self.store.write(|writer| writer.put_fact(row))?;
            }
            if found.as_ref().is_some_and(|row| row.spent.is_none()) {
                self.watch.outpoints.insert(outpoint);
            }
            Ok(found)
        })
    }

    fn spender_of_seal(&mut self, seal: OutPoint) -> Result<Option<LinkEvidence>> {
        let Some(row) = self.store.fact(&outpoint_bytes(&seal))? else { return Ok(None) };
        row.spent.map(|(_, tx, inclusion)| decode_evidence(&tx, &inclusion)).transpose()
    }

    fn creator(&mut self, outpoint: OutPoint) -> Result<Option<LinkEvidence>> {
        let tip = self.store.tip()?.map_or(0, |row| row.height);
        let Some(row) = locate(Some(self.store), self.bitcoind, outpoint, self.birthday, tip)? else { return Ok(None) };
        // Kept and watched: an auditor without a bitcoind has this evidence only, and its spending matters.
        if self.store.fact(&row.outpoint)?.is_none() && !self.store.is_read_only() {
            self.store.write(|writer| writer.put_fact(&row))?;
        }
        if row.spent.is_none() {
            self.watch.outpoints.insert(outpoint);
        }
        Ok(Some(decode_evidence(&row.tx, &row.inclusion)?))
    }

    fn judged_before(&self) -> bool {
        self.judged_before
    }

    fn entries_on_bitcoin(&mut self, first: u32, last: u32) -> Result<Vec<(u32, Vec<u8>)>> {
        Ok(self.store.forced(first, last)?.into_iter().map(|row| (row.height, row.entry)).collect())
    }
}

/// The facts for a claim, if the output is what the claim says, exactly the script of the two funding keys: about that output
/// and those into which it was spliced. `others` are the same member's other claims: the facts end where the stake moved into
/// one of them, which has its own. `find` looks up what is known of an output.
///
/// # Errors
/// Those of `find`, and a stored transaction that is malformed.
pub fn funding_facts(
    claim: &StakeClaim,
    others: &[OutPoint],
    row: FactRow,
    mut find: impl FnMut(OutPoint) -> Result<Option<FactRow>>,
) -> Result<Vec<FundingFact>> {
    let script = funding_script(&claim.member_funding_key, &claim.hub_funding_key);
    let mut facts = Vec::new();
    let mut next = (script.as_bytes() == row.script).then_some((claim.outpoint, row));
    while let Some((outpoint, row)) = next.take() {
        if let Some(successor) = successor_output(&row)?.filter(|successor| !others.contains(successor)) {
            next = find(successor)?.map(|row| (successor, row));
        }
        let spliced = next.as_ref().map(|(outpoint, _)| *outpoint);
        let successor = match spliced {
            Some(successor) => Some(successor),
            None => moved_output(others, &row)?,
        };
        let released_height = match own_output(claim.member_sat, &row)? {
            _ if successor.is_some() => None,
            // Nothing of the close can be the member's: their coins went with it.
            None => row.spent.as_ref().map(|(height, ..)| *height),
            Some(own) => find(own)?.and_then(|row| row.spent).map(|(height, ..)| height),
        };
        facts.push(FundingFact {
            outpoint,
            value_sat: row.value_sat,
            height: row.height,
            spent_height: row.spent.as_ref().map(|(height, ..)| *height),
            successor,
            released_height,
        });
    }
    Ok(facts)
}

/// G-33: the output into which a funding output was spliced: the first of its spending transaction to the same script.
///
/// # Errors
/// A stored transaction that is malformed.
pub fn successor_output(row: &FactRow) -> Result<Option<OutPoint>> {
    let Some((_, tx, _)) = &row.spent else { return Ok(None) };
    let tx: Transaction = bitcoin::consensus::deserialize(tx).context("a stored transaction is malformed")?;
    let vout = (0u32..).zip(&tx.output).find(|(_, output)| output.script_pubkey.as_bytes() == row.script);
    Ok(vout.map(|(vout, _)| OutPoint { txid: tx.compute_txid(), vout }))
}

/// G-33: the output of the spending transaction that another of the member's channels has for its funding; the first of several.
///
/// # Errors
/// A stored transaction that is malformed.
pub fn moved_output(others: &[OutPoint], row: &FactRow) -> Result<Option<OutPoint>> {
    let Some((_, tx, _)) = &row.spent else { return Ok(None) };
    let tx: Transaction = bitcoin::consensus::deserialize(tx).context("a stored transaction is malformed")?;
    let txid = tx.compute_txid();
    Ok(others.iter().filter(|outpoint| outpoint.txid == txid).min_by_key(|outpoint| outpoint.vout).copied())
}

/// G-37, N-76: the output of a close that is the member's: the largest that is not above the balance in the newest checkpoint, the
/// first of several. `None` while the channel is open, and when there is none.
///
/// # Errors
/// A stored transaction that is malformed.
pub fn own_output(member_sat: u64, row: &FactRow) -> Result<Option<OutPoint>> {
    let Some((_, tx, _)) = &row.spent else { return Ok(None) };
    let tx: Transaction = bitcoin::consensus::deserialize(tx).context("a stored transaction is malformed")?;
    let within = (0u32..).zip(&tx.output).filter(|(_, output)| output.value.to_sat() <= member_sat);
    let own = within.max_by_key(|(vout, output)| (output.value, std::cmp::Reverse(*vout)));
    Ok(own.map(|(vout, _)| OutPoint { txid: tx.compute_txid(), vout }))
}

/// Evidence from its stored parts.
///
/// # Errors
/// When the bytes are not of that form.
pub fn decode_evidence(tx: &[u8], inclusion: &[u8]) -> Result<LinkEvidence> {
    let tx = bitcoin::consensus::deserialize(tx).context("a stored transaction is malformed")?;
    Ok(LinkEvidence::new(tx, TxInclusion::decode(inclusion).context("a stored inclusion proof is malformed")?))
}
