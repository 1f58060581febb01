//! What a shell has to know of splices under way: coins that are promised, transactions to watch and to send again.

use bitcoin::{OutPoint, Transaction, TxOut};

use super::Splice;
use crate::channel::Channel;
use crate::channel::checkpoint::money::Money;

/// How far a splice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpliceStage {
    /// The member has announced it; the hub has not agreed.
    Announced,
    /// The hub agrees; the checkpoint with commitments over the new funding is due.
    Agreed,
    /// Commitments over the new funding are signed; the old funding's input is not.
    InForce,
    /// The old funding's input is signed by both sides, as far as this side knows.
    Signed,
    /// This side has seen the new funding confirmed.
    Confirmed,
}

/// A new funding beside the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSplice {
    /// The new funding output.
    pub funding: OutPoint,
    /// What it holds more than the old one, in satoshis.
    pub added_sat: u64,
    /// What it holds less, in satoshis.
    pub removed_sat: u64,
    /// The transaction; from [`SpliceStage::Signed`] on with the old funding's witness.
    pub transaction: Transaction,
    /// Outputs that its inputs spend, in their order.
    pub prevouts: Vec<TxOut>,
    /// How far it is.
    pub stage: SpliceStage,
}

impl Channel {
    /// Splices that are announced or in force and not the only funding yet, the oldest first. Clauses C-142 to C-144.
    pub fn pending_splices(&self) -> Vec<PendingSplice> {
        let Some(money) = &self.state.money else { return Vec::new() };
        let alive =
            money.splices.iter().filter(|splice| splice.number > money.number || money.is_in_force(splice.funding));
        alive.map(|splice| splice.pending(money)).collect()
    }
}

impl Splice {
    fn pending(&self, money: &Money) -> PendingSplice {
        let in_force = money.is_in_force(self.funding);
        let signed = self.signed(money.ledger.fundings()[0].outpoint);
        let stage = match (in_force, &signed) {
            (true, _) if self.own_locked => SpliceStage::Confirmed,
            (true, Some(_)) => SpliceStage::Signed,
            (true, None) => SpliceStage::InForce,
            (false, _) if self.peer_nonce.is_some() => SpliceStage::Agreed,
            (false, _) => SpliceStage::Announced,
        };
        PendingSplice {
            funding: self.funding,
            added_sat: self.added_sat,
            removed_sat: self.removed_sat,
            transaction: signed.unwrap_or_else(|| self.transaction.clone()),
            prevouts: self.prevouts.clone(),
            stage,
        }
    }
}
