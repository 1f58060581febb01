//! A tower's view of the chain: breaches found, and justice broadcast until it is buried. Clauses C-83 and C-84.

use std::collections::BTreeMap;

use bitcoin::{BlockHash, OutPoint, Transaction, Txid};

use super::blob::{Hint, SealedJustice};
use crate::monitor::{BlockId, FORGET_DEPTH, MonitorError};

/// A breach in the chain and what the tower does about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Height of the block with the breach.
    pub breach_height: u32,
    /// Justice transactions of every blob that the breach opened; any one of them is enough.
    pub justice: Vec<Transaction>,
    /// Height of the block in which an output of the breach was taken, by justice or by the cheat.
    pub ended_height: Option<u32>,
}

/// Breaches that a tower has found, by the revoked commitment. A function of the chain and of the blobs held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TowerWatch {
    tip: BlockId,
    responses: BTreeMap<Txid, Response>,
}

impl TowerWatch {
    /// A tower that has seen the chain up to `tip`.
    pub fn new(tip: BlockId) -> Self {
        Self { tip, responses: BTreeMap::new() }
    }

    /// The last block seen.
    pub fn tip(&self) -> BlockId {
        self.tip
    }

    /// Breaches found that are not forgotten.
    pub fn responses(&self) -> &BTreeMap<Txid, Response> {
        &self.responses
    }

    /// The next block, whole; `held` gives every blob of a hint.
    ///
    /// # Errors
    /// [`MonitorError::NotNext`] when the block does not follow the tip; nothing has changed then.
    pub fn apply_block<'a>(
        &mut self,
        block: BlockId,
        prev: BlockHash,
        transactions: impl IntoIterator<Item = &'a Transaction>,
        held: impl Fn(&Hint) -> Vec<SealedJustice>,
    ) -> Result<(), MonitorError> {
        if prev != self.tip.hash || Some(block.height) != self.tip.height.checked_add(1) {
            return Err(MonitorError::NotNext { block, prev, tip: self.tip });
        }
        self.tip = block;
        for transaction in transactions {
            self.note_spends(transaction, block.height);
            let txid = transaction.compute_txid();
            // A blob that does not open is somebody else's with the same hint, or somebody's nonsense.
            let justice: Vec<Transaction> =
                held(&Hint::of(txid)).iter().filter_map(|sealed| sealed.open(transaction).ok()).collect();
            if !justice.is_empty() {
                let response = Response { breach_height: block.height, justice, ended_height: None };
                self.responses.insert(txid, response);
            }
        }
        self.responses.retain(|_, response| {
            response
                .ended_height
                .is_none_or(|height| block.height.saturating_add(1).saturating_sub(height) < FORGET_DEPTH)
        });
        Ok(())
    }

    /// Blocks above `tip` are no longer in the chain.
    ///
    /// # Errors
    /// [`MonitorError::NotBelow`] when `tip` is above the last block seen; nothing has changed then.
    pub fn disconnect_to(&mut self, tip: BlockId) -> Result<(), MonitorError> {
        if tip.height > self.tip.height {
            return Err(MonitorError::NotBelow { to: tip.height, from: self.tip.height });
        }
        self.tip = tip;
        self.responses.retain(|_, response| response.breach_height <= tip.height);
        for response in self.responses.values_mut() {
            response.ended_height = response.ended_height.filter(|height| *height <= tip.height);
        }
        Ok(())
    }

    /// What to broadcast now; said again at every tip until an output of the breach is taken (C-84).
    pub fn broadcasts(&self) -> impl Iterator<Item = &Transaction> {
        self.responses
            .values()
            .filter(|response| response.ended_height.is_none())
            .flat_map(|response| &response.justice)
    }

    fn note_spends(&mut self, transaction: &Transaction, height: u32) {
        for OutPoint { txid, .. } in transaction.input.iter().map(|input| input.previous_output) {
            let Some(response) = self.responses.get_mut(&txid) else { continue };
            // The victim may take its own part first, which makes the joint justice of the blob invalid: the revoked part is
            // what the tower is for, and only a spend of one of its inputs ends its work.
            let taken = |justice: &Transaction| {
                justice
                    .input
                    .iter()
                    .any(|input| transaction.input.iter().any(|spent| spent.previous_output == input.previous_output))
            };
            if response.justice.iter().any(taken) {
                response.ended_height.get_or_insert(height);
            }
        }
    }
}
