//! The money lane: checkpoints in strict turns, each replacing and revoking the commitments before. Clauses C-100 to C-133.
//!
//! One round is three messages. The proposer signs the other side's new commitment (`checkpoint_sign`); the other side
//! stores it, revokes its old one (`checkpoint_revoke`) and signs the proposer's new one; the proposer stores that and
//! revokes its old one. What a checkpoint may hold is such that nobody can refuse it once it is signed.

mod answer;
mod change;
mod commitments;
mod ledger;
mod ledger_error;
mod lives;
mod money;
mod propose;
mod reestablish;
mod secrets;
mod splice;
mod turn;
mod voucher;

pub(super) use answer::ReviewedProposal;
pub use change::{Change, SignedHold, Voucher};
pub use commitments::CheckpointFacts;
pub(super) use commitments::Commitments;
pub use ledger::{AppPosition, FundingInForce, Hold, Ledger, LedgerKeys, MAX_FUNDINGS_IN_FORCE, MAX_HOLDS, PerSide};
pub use ledger_error::LedgerError;
pub(super) use money::Money;
pub use money::SignedCheckpoint;
pub(super) use propose::ReviewedAnswer;
pub(super) use splice::SpliceSession;
pub use splice::{MAX_SPLICE_BYTES, MAX_WAITING_SPLICES_BYTES, PendingSplice, SpliceStage};

use bitcoin::OutPoint;
use bitcoin::secp256k1::SecretKey;

use super::{Channel, ChannelError, Violation, Wait};

impl Channel {
    /// The ledger of the own newest commitment, once the channel is in use.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.state.money.as_ref().map(|money| &money.ledger)
    }

    /// The same with the checkpoint that this side has proposed and the other has not answered; it will be: nobody takes one back (C-110).
    pub fn newest_ledger(&self) -> Option<&Ledger> {
        let money = self.state.money.as_ref()?;
        let proposed = money.round.as_ref().filter(|round| round.number > money.number);
        Some(proposed.map_or(&money.ledger, |round| &round.other_ledger))
    }

    /// Dues or rewards in the checkpoint that this side has proposed and the other has not answered, in satoshis.
    pub fn proposed_sat(&self) -> u64 {
        let Some(money) = &self.state.money else { return 0 };
        let proposed = money.round.as_ref().filter(|round| round.number > money.number);
        let paid = |change: &Change| match change {
            Change::Dues { amount_sat } | Change::Reward { amount_sat } => *amount_sat,
            _ => 0,
        };
        let changes = proposed.map_or(&[][..], |round| round.proposal.changes.items());
        changes.iter().map(paid).fold(0, u64::saturating_add)
    }

    /// Number of the own newest commitment; those before it are revoked.
    pub fn number(&self) -> u64 {
        self.state.money.as_ref().map_or(0, |money| money.number)
    }

    /// Numbers of the peer's commitments that are not revoked and may be broadcast: the first and the last.
    pub fn peer_numbers(&self) -> (u64, u64) {
        self.state.money.as_ref().map_or((0, 0), |money| (money.secrets.count(), money.signed_number()))
    }

    /// The revealed secret of the peer's commitment `number`; `None` while that is not revoked.
    pub fn peer_secret(&self, number: u64) -> Option<SecretKey> {
        self.state.money.as_ref()?.secrets.get(number)
    }

    // C-115: a close divides what the last checkpoint says, so that has to be finished.
    pub(super) fn expect_idle(&self, step: &'static str) -> Result<(), ChannelError> {
        self.expect_current()?;
        let round = self.state.money.as_ref().and_then(|money| money.round.as_ref());
        round.map_or(Ok(()), |round| Err(Wait::Round { step, number: round.number }.into()))
    }

    // C-132: whoever is behind would sign balances of long ago.
    pub(super) fn expect_current(&self) -> Result<(), ChannelError> {
        if self.is_behind() { Err(Violation::Behind.into()) } else { Ok(()) }
    }

    /// Every funding output in force, the confirmed one first; empty before the outpoint is known.
    pub fn fundings(&self) -> Vec<OutPoint> {
        match &self.state.money {
            Some(money) => money.ledger.fundings().iter().map(|funding| funding.outpoint).collect(),
            None => self.state.funding.into_iter().collect(),
        }
    }

    /// The checkpoint of the round under way, canonical bytes, with the peer's signature once that is known.
    pub fn checkpoint_under_way(&self) -> Option<(&[u8], [u8; 64])> {
        let round = self.state.money.as_ref()?.round.as_ref()?;
        Some((round.proposal.checkpoint.as_slice(), round.peer_signature?))
    }

    /// The newest checkpoint after checkpoint 0 that both sides have signed.
    pub fn signed_checkpoint(&self) -> Option<&SignedCheckpoint> {
        self.state.money.as_ref()?.signed.as_ref()
    }
}
