//! The ledger: what was decided, epoch by epoch, and what follows from it for charter, members, treasury and deposits.
//!
//! The log says what was voted; the rolls say with which weight. A step of the ledger closes one epoch: votes that ended are
//! decided ([`Standing`]), what passed before takes effect once its veto window is over, payments are authorised, deposits
//! and rewards are settled. Every step is a function of the log up to the epoch's size, the rolls, and the step before.

mod account;
mod decide;
mod enact;
mod ending;
mod grounds;
mod guard;
mod obstacle;
mod pause;
mod pay;
mod poll;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::OutPoint;

pub use account::{AccountEntry, AccountKind, BondForfeit, EpochAccount, Settlement, rewards};
pub(crate) use decide::dormant_weight;
pub use decide::together;
pub use guard::{Bar, Common};
pub use obstacle::Obstacle;
pub use pause::PauseWindow;
pub use pay::{Payment, PaymentState};
pub use standing::{BodyStanding, Counted, Fate, Recount, Standing};

pub(crate) use enact::locked_roll;
pub use ending::Ending;
pub(crate) use ending::{Course, vote_end};
pub(crate) use grounds::{Question, Stakes, StepPolls};
pub(crate) use pay::milestone_key;
pub(crate) use poll::{office_roll, poll};

use crate::charter::Charter;
use crate::id::{MemberId, ProposalId};
use crate::parallel::{Alone, Workers};
use crate::roll::Roll;
use crate::state::LogState;
use crate::tally::TallyError;

/// Decisions of every epoch up to one, and their consequences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Number of epochs decided.
    epochs: usize,
    /// Closing height of the last of them; 0 before the first.
    closing_height: u32,
    /// Entries of the log that it covered.
    log_size: u64,
    standings: BTreeMap<ProposalId, Standing>,
    /// Proposals that passed and did not yet take effect, and those with payments to come.
    pending: BTreeSet<ProposalId>,
    /// The charter in force after the last epoch; `None` for the founding one.
    charter: Option<Charter>,
    memberships: Vec<MembershipChange>,
    pauses: Vec<PauseWindow>,
    /// Gates that a payment was authorised through.
    gates_given: BTreeSet<OutPoint>,
    /// Heights and satoshis of authorised payments, for spending caps.
    authorised: Vec<(u32, u64)>,
    /// Deposits that were returned or forfeited: of which thread, and whose.
    settled: BTreeMap<(ProposalId, MemberId), Settlement>,
    /// Rewards of each member so far.
    rewarded: BTreeMap<MemberId, u64>,
    /// Budgets of which nothing is authorised any more.
    stopped: BTreeSet<ProposalId>,
    accounts: Vec<EpochAccount>,
    /// Hub bonds that are forfeited.
    bonds: Vec<BondForfeit>,
}

/// The boundary at which an epoch closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochBoundary {
    /// 1 for the first.
    pub epoch: u32,
    /// Height of the boundary.
    pub closing_height: u32,
    /// Entries of the log that the epoch covers.
    pub log_size: u64,
}

/// A member who was admitted or expelled by a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipChange {
    /// In which epoch it took effect.
    pub epoch: u32,
    /// Who.
    pub member: MemberId,
    /// Whether admitted; else expelled.
    pub admitted: bool,
}

/// Why an epoch cannot be decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A roll was not given to the state.
    #[error("G-62: the roll of epoch {epoch} is missing; proposal {proposal} is decided by it")]
    RollMissing {
        /// Whose roll.
        epoch: u32,
        /// Who needs it.
        proposal: ProposalId,
    },
    /// The block that breaks a tie is not known.
    #[error("V-30: the hash of block {height} is missing; it breaks a tie in proposal {proposal}")]
    BlockHashMissing {
        /// Its height.
        height: u32,
        /// Who needs it.
        proposal: ProposalId,
    },
    /// Ballots cannot be counted.
    #[error(transparent)]
    Tally(#[from] TallyError),
}

/// What one step works with.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    /// Who counts; what comes out does not depend on it (L-14).
    pub(crate) workers: &'a dyn Workers,
    pub(crate) state: &'a LogState,
    pub(crate) boundary: EpochBoundary,
    /// The roll of the epoch that closes.
    pub(crate) roll: &'a Roll,
}

impl Ledger {
    /// Before the first epoch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Closes the next epoch: `state` holds at least its log, and `roll` is its own.
    ///
    /// # Errors
    /// [`LedgerError`] when a fact is missing; then the ledger is of no use and an earlier copy is to be kept.
    pub fn close_epoch(&mut self, state: &LogState, boundary: &EpochBoundary, roll: &Roll) -> Result<(), LedgerError> {
        self.close_step(&Step { workers: &Alone, state, boundary: *boundary, roll }, &mut StepPolls::default())
    }

    /// As [`Ledger::close_epoch`]; `polls` has what was made ready on the way.
    pub(crate) fn close_step(&mut self, step: &Step<'_>, polls: &mut StepPolls) -> Result<(), LedgerError> {
        let Step { state, boundary, .. } = *step;
        // the keys of the new hub are in the charter before anything is decided under it.
        if let Some(successor) = state.successor_after(boundary.epoch.saturating_sub(1)) {
            self.charter = Some(successor.charter_after(self.charter(state)));
        }
        let decided = self.decide(step, polls)?;
        self.enact(step, polls)?;
        self.pay(step);
        self.settle(step, &decided);
        self.epochs += 1;
        (self.closing_height, self.log_size) = (boundary.closing_height, boundary.log_size);
        Ok(())
    }

    /// Number of epochs decided.
    #[must_use]
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// Closing height of the last epoch decided; 0 before the first.
    #[must_use]
    pub fn closing_height(&self) -> u32 {
        self.closing_height
    }

    /// What became of a proposal; `None` before an epoch decided it.
    #[must_use]
    pub fn standing(&self, proposal: &ProposalId) -> Option<&Standing> {
        self.standings.get(proposal)
    }

    /// Everything decided, by proposal.
    #[must_use]
    pub fn standings(&self) -> &BTreeMap<ProposalId, Standing> {
        &self.standings
    }

    /// The charter in force after the last epoch.
    #[must_use]
    pub fn charter<'a>(&'a self, state: &'a LogState) -> &'a Charter {
        self.charter.as_ref().unwrap_or(&state.params().charter)
    }

    /// Members admitted and expelled by vote, in order.
    #[must_use]
    pub fn membership_changes(&self) -> &[MembershipChange] {
        &self.memberships
    }

    /// Gates that a payment was authorised through; each is given once.
    pub fn gates_given(&self) -> impl Iterator<Item = &OutPoint> {
        self.gates_given.iter()
    }

    /// Hub bonds that are forfeited, in order.
    #[must_use]
    pub fn bonds_forfeited(&self) -> &[BondForfeit] {
        &self.bonds
    }

    /// Deposits, rewards and dues of each epoch that had any.
    #[must_use]
    pub fn accounts(&self) -> &[EpochAccount] {
        &self.accounts
    }

    /// What became of what a member held for a thread; `None` while nothing did.
    #[must_use]
    pub fn settlement(&self, thread: &ProposalId, member: &MemberId) -> Option<&Settlement> {
        self.settled.get(&(*thread, *member))
    }

    /// Satoshis of rewards that a member got so far.
    #[must_use]
    pub fn rewarded_sat(&self, member: &MemberId) -> u64 {
        self.rewarded.get(member).copied().unwrap_or(0)
    }
}
