//! Splicing: a new funding output comes into force beside the old one, and replaces it once it is confirmed.
//!
//! The member announces the transaction, a checkpoint signs commitments over its output, only then both sign the
//! transaction. So at no time does money lie in an output without a commitment. Clauses C-140 to C-145.

mod announce;
#[cfg(test)]
mod largest;
mod lock;
mod pending;
mod sign;

pub use announce::{MAX_SPLICE_BYTES, MAX_WAITING_SPLICES_BYTES};
pub use pending::{PendingSplice, SpliceStage};
pub(in crate::channel) use sign::SpliceSession;

use bitcoin::{OutPoint, Transaction, TxOut};
use lightning::impl_writeable_tlv_based;

use super::change::Change;
use super::money::Money;
use crate::channel::{Channel, Violation};
use crate::commitment::{Side, key_spend_sighash_of};
use crate::musig::PublicNonce;

/// A new funding from its announcement until it is the only one, or can never be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::channel) struct Splice {
    pub(super) funding: OutPoint,
    /// What the new funding holds more than the old one.
    pub(super) added_sat: u64,
    /// What it holds less.
    pub(super) removed_sat: u64,
    /// Number of the first commitment over it.
    pub(super) number: u64,
    transaction: Transaction,
    prevouts: Vec<TxOut>,
    /// The peer's verification nonce for its first commitment over the new funding.
    pub(super) peer_nonce: Option<PublicNonce>,
    /// The old funding's signature, aggregated, once this side has it.
    signature: Option<[u8; 64]>,
    own_locked: bool,
    peer_locked: bool,
}

impl_writeable_tlv_based!(Splice, {
    (0, funding, required),
    (2, added_sat, required),
    (4, removed_sat, required),
    (6, number, required),
    (8, transaction, required),
    (10, prevouts, required_vec),
    (11, peer_nonce, option),
    (13, signature, option),
    (14, own_locked, required),
    (16, peer_locked, required),
});

impl Splice {
    pub(super) fn is_sound(&self) -> bool {
        let has_output = self.transaction.output.len() > self.funding.vout as usize;
        has_output && self.prevouts.len() == self.transaction.input.len()
    }

    /// What its transaction and the outputs that it spends take in a stored channel.
    fn stored_bytes(&self) -> usize {
        let spent = self.prevouts.iter().map(|output| output.size());
        self.transaction.total_size() + spent.sum::<usize>()
    }

    /// Whether this side has seen the new funding confirmed.
    pub(super) fn is_confirmed(&self) -> bool {
        self.own_locked
    }

    fn is_locked(&self) -> bool {
        self.own_locked && self.peer_locked
    }

    fn change(&self) -> Change {
        let funding = self.funding;
        match self.removed_sat {
            0 => Change::Deposit { funding, amount_sat: self.added_sat },
            amount_sat => Change::PayOut { funding, amount_sat },
        }
    }

    // BIP341 message of the spend of the old funding.
    fn sighash(&self, old: OutPoint) -> Option<[u8; 32]> {
        let at = self.transaction.input.iter().position(|input| input.previous_output == old)?;
        key_spend_sighash_of(&self.transaction, at, &self.prevouts)
    }
}

impl Money {
    /// The splice that brings `funding` into force.
    pub(super) fn splice(&self, funding: OutPoint) -> Option<&Splice> {
        self.splices.iter().find(|splice| splice.funding == funding)
    }

    fn splice_mut(&mut self, funding: OutPoint) -> Option<&mut Splice> {
        self.splices.iter_mut().find(|splice| splice.funding == funding)
    }

    /// The announced splice whose funding is not in force yet.
    fn announced(&self) -> Option<&Splice> {
        let next = self.number.checked_add(1)?;
        self.splices.iter().find(|splice| splice.number == next && !self.is_in_force(splice.funding))
    }

    fn is_in_force(&self, funding: OutPoint) -> bool {
        self.ledger.fundings().iter().any(|known| known.outpoint == funding)
    }

    /// Whether both sides have agreed to what the changes do to fundings. C-142, C-144.
    pub(super) fn check_splices(&self, changes: &[Change]) -> Result<(), Violation> {
        for change in changes {
            let (funding, agreed) = match change {
                Change::Deposit { funding, .. } | Change::PayOut { funding, .. } => {
                    let announced = self.announced().filter(|splice| splice.peer_nonce.is_some());
                    (*funding, announced.is_some_and(|splice| splice.change() == *change))
                }
                Change::FundingLocked { funding } => (*funding, self.splice(*funding).is_some_and(Splice::is_locked)),
                _ => continue,
            };
            if !agreed {
                return Err(Violation::NotAgreed { funding });
            }
        }
        Ok(())
    }

    /// Drops what is announced and not in force.
    pub(super) fn forget_announcements(&mut self) {
        let in_force: Vec<OutPoint> = self.ledger.fundings().iter().map(|funding| funding.outpoint).collect();
        self.splices.retain(|splice| in_force.contains(&splice.funding));
    }

    /// Drops announcements that led to nothing, and everything that a locked funding has made impossible.
    pub(super) fn forget_splices(&mut self) {
        let number = self.number;
        let in_force: Vec<OutPoint> = self.ledger.fundings().iter().map(|funding| funding.outpoint).collect();
        let base = in_force.first().copied();
        self.splices.retain(|splice| {
            Some(splice.funding) != base && (splice.number > number || in_force.contains(&splice.funding))
        });
    }
}

impl Channel {
    /// The change that a splice needs next from whoever has the turn; a shell proposes it after a restart too.
    pub fn due_splice_change(&self) -> Option<Change> {
        let money = self.state.money.as_ref()?;
        if let Some(locked) =
            money.splices.iter().find(|splice| splice.is_locked() && money.is_in_force(splice.funding))
        {
            return Some(Change::FundingLocked { funding: locked.funding });
        }
        let agreed = money.announced().filter(|splice| splice.peer_nonce.is_some() && self.state.side == Side::Member);
        agreed.map(Splice::change)
    }

    /// The transactions of splices in force that both sides have signed, each with the signature of its old funding's input.
    pub fn splice_transactions(&self) -> Vec<Transaction> {
        let Some(money) = &self.state.money else { return Vec::new() };
        money.splices.iter().filter_map(|splice| splice.signed(money.ledger.fundings()[0].outpoint)).collect()
    }
}
