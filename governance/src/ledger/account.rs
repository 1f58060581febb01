//! Deposits, rewards and dues: exact amounts, which the money lane settles.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fate, Ledger, Standing, Step};
use bitcoin::secp256k1::XOnlyPublicKey;

use crate::charter::RewardShare;
use crate::entry::Confiscate;
use crate::id::{MemberId, ProposalId};
use crate::state::{DropCause, ProposalRecord};
use crate::voting::Outcome;

/// What an epoch settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochAccount {
    /// Which epoch.
    pub epoch: u32,
    /// Amounts by member, in the order in which they arise.
    pub entries: Vec<AccountEntry>,
    /// Satoshis that every member of the epoch's roll owes.
    pub dues_sat: u64,
}

/// The hub's bond, which its fraud cost it (G-109).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BondForfeit {
    /// In which epoch.
    pub epoch: u32,
    /// The log key that signed the fraud.
    pub hub_log_key: XOnlyPublicKey,
    /// Satoshis, above 0: the bond of the charter in force where the proof stands.
    pub sat: u64,
}

/// One amount of one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountEntry {
    /// Whose.
    pub member: MemberId,
    /// What for.
    pub kind: AccountKind,
    /// Satoshis, above 0.
    pub sat: u64,
    /// The first version of the proposal that it is about; `None` for rewards.
    pub thread: Option<ProposalId>,
}

/// What an amount is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccountKind {
    /// A deposit is free again.
    DepositReturned,
    /// A deposit goes to the treasury.
    DepositForfeited,
    /// The treasury pays for participation.
    Reward,
}

/// What became of all that a member held for a thread: it is settled once (G-104).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settlement {
    /// In which epoch.
    pub epoch: u32,
    /// Satoshis that are free again.
    pub returned_sat: u64,
    /// Satoshis that are the treasury's.
    pub forfeited_sat: u64,
}

impl Ledger {
    /// Returns or forfeits the deposits of what this epoch decided, and shares the rewards among who voted on it.
    pub(super) fn settle(&mut self, step: &Step<'_>, decided: &[ProposalId]) {
        self.settle_offenders(step);
        self.forfeit_bonds(step);
        let held = self.unsettled_threads(step);
        for proposal in step.state.proposals().values().filter(|proposal| held.contains(&proposal.thread)) {
            if let Some(is_returned) = self.deposit_fate(step, proposal) {
                self.settle_deposit(step, &proposal.thread, is_returned);
            }
        }
        let charter = self.charter(step.state);
        let (pool, share, dues) =
            (charter.rewards.pool_sat_per_epoch, charter.rewards.share, charter.rewards.dues_sat_per_epoch);
        for (member, sat) in rewards(pool, share, &voters(step, self, decided)) {
            self.enter(step, AccountEntry { member, kind: AccountKind::Reward, sat, thread: None });
        }
        if dues > 0 {
            self.account(step.boundary.epoch).dues_sat = dues;
        }
    }

    /// G-86: forfeits up to what is held, if nothing settled it before.
    pub(super) fn confiscate(&mut self, step: &Step<'_>, confiscate: &Confiscate) {
        let held = self.unsettled_sat(step, &confiscate.thread, &confiscate.member);
        let taken = held.min(confiscate.amount_sat);
        let (member, thread) = (confiscate.member, Some(confiscate.thread));
        if taken > 0 {
            self.enter(step, AccountEntry { member, kind: AccountKind::DepositForfeited, sat: taken, thread });
        }
        if held > taken {
            let (kind, sat) = (AccountKind::DepositReturned, held - taken);
            self.enter(step, AccountEntry { member, kind, sat, thread });
        }
    }

    /// Whether the deposit of a proposal is returned or forfeited by now (G-104); `None` while it is held.
    fn deposit_fate(&self, step: &Step<'_>, proposal: &ProposalRecord) -> Option<bool> {
        if proposal.position >= step.boundary.log_size {
            return None;
        }
        match proposal.dropped.filter(|dropped| dropped.position < step.boundary.log_size).map(|d| d.cause) {
            Some(DropCause::Withdrawn) => return Some(true),
            Some(DropCause::Void) => return Some(false),
            // The deposit is the thread's, and the newer version has it.
            Some(DropCause::Superseded { .. }) => return None,
            None => {}
        }
        let min_support_bp = step.state.rule_of(proposal)?.min_support_bp;
        is_returned(self.standing(&proposal.id)?, min_support_bp)
    }

    /// Threads for which somebody holds a deposit that nothing settled.
    fn unsettled_threads(&self, step: &Step<'_>) -> BTreeSet<ProposalId> {
        let covered = step.state.holds().iter().filter(|hold| hold.position < step.boundary.log_size);
        let unsettled = covered.filter(|hold| !self.settled.contains_key(&(hold.thread, hold.member)));
        unsettled.map(|hold| hold.thread).collect()
    }

    fn settle_deposit(&mut self, step: &Step<'_>, thread: &ProposalId, is_returned: bool) {
        let members: Vec<MemberId> = step.state.holders(thread, step.boundary.log_size).collect();
        members.iter().for_each(|member| self.settle_hold(step, thread, member, is_returned));
    }

    /// Settles what one member holds for a thread. What others hold for it stays held.
    fn settle_hold(&mut self, step: &Step<'_>, thread: &ProposalId, member: &MemberId, is_returned: bool) {
        let kind = if is_returned { AccountKind::DepositReturned } else { AccountKind::DepositForfeited };
        let sat = self.unsettled_sat(step, thread, member);
        if sat > 0 {
            self.enter(step, AccountEntry { member: *member, kind, sat, thread: Some(*thread) });
        }
        // Nothing is settled twice, nor what was nothing.
        let epoch = step.boundary.epoch;
        self.settled.entry((*thread, *member)).or_insert(Settlement { epoch, ..Settlement::default() });
    }

    /// G-98: whoever is proven to have equivocated loses every deposit of their own that was held by then.
    fn settle_offenders(&mut self, step: &Step<'_>) {
        let new = self.log_size..step.boundary.log_size;
        let proofs = step.state.equivocations().iter().filter(|proof| new.contains(&proof.position));
        let of_offenders = proofs.flat_map(|proof| {
            let holds = step.state.holds().iter();
            let own = holds.filter(|hold| hold.member == proof.member && hold.position < proof.position);
            own.map(|hold| (hold.thread, hold.member))
        });
        let lost: BTreeSet<(ProposalId, MemberId)> = of_offenders.collect();
        for (thread, member) in lost.iter().filter(|place| !self.settled.contains_key(place)).collect::<Vec<_>>() {
            self.settle_hold(step, thread, member, false);
        }
    }

    /// G-109: the log takes one proof for each key, so that no bond is taken twice.
    fn forfeit_bonds(&mut self, step: &Step<'_>) {
        let new = self.log_size..step.boundary.log_size;
        let proven = step.state.frauds().iter().filter(|fraud| new.contains(&fraud.position));
        let (epoch, bond) = (step.boundary.epoch, |position| step.state.charter_at(position).hub_bond_sat);
        let forfeits = proven.map(|fraud| (fraud.hub_log_key, bond(fraud.position))).filter(|(_, sat)| *sat > 0);
        self.bonds.extend(forfeits.map(|(hub_log_key, sat)| BondForfeit { epoch, hub_log_key, sat }));
    }

    /// Satoshis that `member` holds for a thread that nothing settled.
    fn unsettled_sat(&self, step: &Step<'_>, thread: &ProposalId, member: &MemberId) -> u64 {
        if self.settled.contains_key(&(*thread, *member)) {
            return 0;
        }
        let holds = step.state.holds_for(thread, member);
        let size = step.boundary.log_size;
        let held = holds.filter(|hold| hold.position < size && !step.state.has_lapsed(hold, size));
        held.fold(0, |sum, hold| sum.saturating_add(hold.amount_sat))
    }

    fn enter(&mut self, step: &Step<'_>, entry: AccountEntry) {
        let epoch = step.boundary.epoch;
        if let Some(thread) = entry.thread {
            let settled = self.settled.entry((thread, entry.member)).or_default();
            settled.epoch = epoch;
            match entry.kind {
                AccountKind::DepositReturned => settled.returned_sat = settled.returned_sat.saturating_add(entry.sat),
                AccountKind::DepositForfeited => {
                    settled.forfeited_sat = settled.forfeited_sat.saturating_add(entry.sat);
                }
                AccountKind::Reward => {}
            }
        } else if entry.kind == AccountKind::Reward {
            let sum = self.rewarded.entry(entry.member).or_default();
            *sum = sum.saturating_add(entry.sat);
        }
        self.account(epoch).entries.push(entry);
    }

    fn account(&mut self, epoch: u32) -> &mut EpochAccount {
        if self.accounts.last().is_none_or(|account| account.epoch != epoch) {
            self.accounts.push(EpochAccount { epoch, entries: Vec::new(), dues_sat: 0 });
        }
        self.accounts.last_mut().expect("it was pushed just now")
    }
}

/// G-104: a deposit is forfeited by whoever wasted everybody's time, not by whoever lost.
fn is_returned(standing: &Standing, min_support_bp: u16) -> Option<bool> {
    if let Some(bar) = standing.bar {
        return Some(!bar.is_authors_fault());
    }
    match (standing.fate, standing.outcome) {
        (Fate::Waiting, _) => None,
        (Fate::Failed, Outcome::Vetoed) => Some(false),
        (Fate::Failed, _) => Some(min_support_bp == 0 || standing.count.is_supported(min_support_bp)),
        (Fate::Vetoed | Fate::Lapsed | Fate::Expired | Fate::Effective, _) => Some(true),
    }
}

/// Members who voted on what an epoch decided, with their weights; the greatest where rolls differ.
fn voters(step: &Step<'_>, ledger: &Ledger, decided: &[ProposalId]) -> BTreeMap<MemberId, u128> {
    let mut voters: BTreeMap<MemberId, u128> = BTreeMap::new();
    for id in decided {
        let Some((proposal, standing)) = step.state.proposals().get(id).zip(ledger.standing(id)) else { continue };
        // G-105: what nobody else took up is no reason to pay those who proposed it.
        let is_heard = standing.outcome != Outcome::NoQuorum
            && step.state.rule_of(proposal).is_some_and(|rule| standing.was_taken_up(rule));
        if standing.bar.is_some() || !is_heard {
            continue;
        }
        let Some(roll) = step.state.roll(proposal.snapshot_epoch) else { continue };
        for (member, _) in proposal.ballots.all_counted(step.cutoff(standing.closed_at)) {
            let weight = roll.weight(&member);
            if weight > 0 {
                let known = voters.entry(member).or_default();
                *known = weight.max(*known);
            }
        }
    }
    voters
}

/// Divides a pool over voters so that it adds up (G-105), by cumulative floors over weights, each 1 for equal shares. The pool
/// is the epoch's, however many votes there were; parts of 0 are left out.
#[must_use]
pub fn rewards(pool_sat: u64, share: RewardShare, voters: &BTreeMap<MemberId, u128>) -> Vec<(MemberId, u64)> {
    let weight = |weight: &u128| match share {
        RewardShare::Equal => 1,
        RewardShare::ByWeight => *weight,
    };
    let total = voters.values().map(weight).fold(0u128, u128::saturating_add);
    // So that the product with 64 bits of satoshis fits. What is cut off is below 2^-60 of the whole.
    let cut = (128 - total.leading_zeros()).saturating_sub(63);
    let (mut sum, mut given) = (0u128, 0u128);
    let mut shares = Vec::new();
    for (member, of) in voters {
        sum = sum.saturating_add(weight(of));
        let upto = u128::from(pool_sat) * (sum >> cut) / (total >> cut).max(1);
        let part = u64::try_from(upto - given).unwrap_or(u64::MAX);
        given = upto;
        if part > 0 {
            shares.push((*member, part));
        }
    }
    shares
}
