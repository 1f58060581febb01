//! Guards: what keeps a proposal from having any effect, whatever the votes say.

use super::{Fate, Ledger, Step};
use crate::charter::{ALL_BP, Charter, Class};
use crate::codec::{Canonical as _, Writer};
use crate::entry::{Effect, ProposalContent};
use crate::hash::{tag, tagged_hash};
use crate::id::{MemberId, ProposalId};
use crate::roll::Roll;
use crate::state::{LogState, ProposalRecord};

/// Which guard bars a proposal (G-100).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bar {
    /// The same effect failed too short a time before.
    Cooldown {
        /// From this height on it could have been proposed again.
        until: u32,
        /// Whether one of the failures was the author's own.
        is_own: bool,
    },
    /// The deposit, which rises with every failure, is too small.
    Deposit {
        /// Satoshis that were needed.
        needed_sat: u64,
        /// Satoshis held.
        held_sat: u64,
        /// Whether they are too few for the author's own failures alone.
        is_own: bool,
    },
    /// Too little stake was awake when voting opened.
    InactiveStake {
        /// Satoshis of members who are not dormant.
        active_sat: u64,
        /// Satoshis that the charter asks for.
        needed_sat: u64,
    },
    /// It would take the vote from too much weight.
    ElectorateShrink {
        /// Weight that would lose its vote.
        lost: u128,
        /// Weight of the whole roll.
        of: u128,
    },
    /// The request that it answers did not pass.
    RequestFailed,
}

impl Bar {
    /// Its number in the decision tree, from 1 (G-64).
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Cooldown { .. } => 1,
            Self::Deposit { .. } => 2,
            Self::InactiveStake { .. } => 3,
            Self::ElectorateShrink { .. } => 4,
            Self::RequestFailed => 5,
        }
    }

    /// Whether the author failed with the same before, so that the deposit is forfeited. Others' failures, which anybody can
    /// bring about, bar a proposal and cost its author nothing.
    #[must_use]
    pub const fn is_authors_fault(self) -> bool {
        matches!(self, Self::Cooldown { is_own: true, .. } | Self::Deposit { is_own: true, .. })
    }
}

impl Ledger {
    /// The first guard that bars a proposal (G-100).
    pub(super) fn bar(&self, step: &Step<'_>, proposal: &ProposalRecord, has_passed: bool) -> Option<Bar> {
        let (state, charter, content) = (step.state, step.state.charter_of(proposal), &proposal.content);
        let logged = proposal.schedule.map_or(0, |schedule| schedule.logged);
        let (author, position) = (&proposal.author, proposal.position);
        let thread = &proposal.thread;
        let by_history = self
            .cooldown(state, charter, content, thread, author, logged)
            .or_else(|| self.deposit_bar(state, charter, content, thread, author, position));
        match has_passed {
            true => by_history
                .or_else(|| inactive_stake(step, proposal))
                .or_else(|| electorate_shrink(step, proposal))
                .or_else(|| self.request_failed(proposal)),
            false => by_history,
        }
    }

    /// Satoshis that the author of `content` has to hold now: the rule's deposit, raised by every failure of the same
    /// effect, and of the same author in the same class, before `position` (G-100).
    #[must_use]
    pub fn deposit_needed(
        &self,
        state: &LogState,
        charter: &Charter,
        content: &ProposalContent,
        author: &MemberId,
        position: u64,
    ) -> u64 {
        self.deposit_raised(state, charter, content, author, position, |_| true)
    }

    /// The guard that would bar `content` of `author` if it were logged now, as far as the past tells: for authors, and for
    /// hubs that spare everybody the vote.
    #[must_use]
    pub fn forecast(&self, state: &LogState, content: &ProposalContent, author: &MemberId) -> Option<Bar> {
        let charter = state.charter();
        let p = state.params();
        let thread = content.thread(content.id(p.network, p.dao_id, *author));
        let now = state.tip_height().unwrap_or(0);
        let cooldown = self.cooldown(state, charter, content, &thread, author, now);
        cooldown.or_else(|| self.deposit_bar(state, charter, content, &thread, author, state.size()))
    }

    /// The rule's deposit, raised by those of the failures that `counts` takes, by their author.
    fn deposit_raised(
        &self,
        state: &LogState,
        charter: &Charter,
        content: &ProposalContent,
        author: &MemberId,
        position: u64,
        counts: impl Fn(&MemberId) -> bool,
    ) -> u64 {
        let base = charter.rule_for(content.class, content.amount_sat()).map_or(0, |(_, rule)| rule.deposit_sat);
        if base == 0 || charter.guards.deposit_growth_bp == 0 {
            return base;
        }
        let key = effect_key(content);
        let height = state.entry_height(position).unwrap_or(u32::MAX);
        let failed = state.proposals().values().filter(|other| {
            let same =
                effect_key(&other.content) == key || (other.author == *author && other.content.class == content.class);
            let over = self.standing(&other.id).is_some_and(|s| s.has_failed() && s.closed_at <= height);
            other.position < position && same && counts(&other.author) && over
        });
        let growth = u128::from(charter.guards.deposit_growth_bp);
        failed.fold(base, |needed, _| {
            let raised = u128::from(needed) * (u128::from(ALL_BP) + growth);
            u64::try_from(raised.div_ceil(u128::from(ALL_BP))).unwrap_or(u64::MAX)
        })
    }

    /// Whether holds of the author for the thread, logged before `position`, are too little.
    fn deposit_bar(
        &self,
        state: &LogState,
        charter: &Charter,
        content: &ProposalContent,
        thread: &ProposalId,
        author: &MemberId,
        position: u64,
    ) -> Option<Bar> {
        let needed_sat = self.deposit_needed(state, charter, content, author, position);
        let held_sat = state.deposit_sat(thread, author, position);
        let own_sat = self.deposit_raised(state, charter, content, author, position, |other| other == author);
        (held_sat < needed_sat).then_some(Bar::Deposit { needed_sat, held_sat, is_own: held_sat < own_sat })
    }

    fn cooldown(
        &self,
        state: &LogState,
        charter: &Charter,
        content: &ProposalContent,
        thread: &ProposalId,
        author: &MemberId,
        logged: u32,
    ) -> Option<Bar> {
        let blocks = charter.guards.cooldown_blocks;
        if blocks == 0 {
            return None;
        }
        let key = effect_key(content);
        let same = state.proposals().values().filter(|p| p.thread != *thread && effect_key(&p.content) == key);
        let bars = same.filter_map(|other| {
            let standing = self.standing(&other.id).filter(|standing| standing.has_failed())?;
            let until = standing.closed_at.saturating_add(blocks);
            (standing.closed_at <= logged && logged < until).then_some((until, other.author == *author))
        });
        let latest = bars.reduce(|(until, is_own), (other, also)| (until.max(other), is_own || also));
        latest.map(|(until, is_own)| Bar::Cooldown { until, is_own })
    }

    fn request_failed(&self, proposal: &ProposalRecord) -> Option<Bar> {
        let request = proposal.content.request?;
        let passed = self.standing(&request).is_some_and(|standing| standing.fate == Fate::Effective);
        (!passed).then_some(Bar::RequestFailed)
    }
}

/// What proposals have in common that do the same to the same: whom they pay, but not how much, lest one satoshi less make
/// it another (G-100). For text it is the title.
pub(super) fn effect_key(content: &ProposalContent) -> [u8; 32] {
    let mut w = Writer::new();
    content.class.encode(&mut w);
    let effects: Vec<&Effect> = content.options.iter().flat_map(|option| &option.effects).collect();
    if effects.is_empty() {
        w.text(&content.title);
    }
    for effect in effects {
        match effect {
            Effect::Spend(spend) => spend.outputs.iter().for_each(|output| w.bytes(output.script.as_bytes())),
            Effect::Budget(budget) => w.bytes(budget.payee.as_bytes()),
            other => other.encode(&mut w),
        }
    }
    tagged_hash(tag::EFFECT, &[&w.into_bytes()])
}

/// G-101: no class that pays opens while too little stake is awake.
fn inactive_stake(step: &Step<'_>, proposal: &ProposalRecord) -> Option<Bar> {
    let charter = step.state.charter_of(proposal);
    let needed_sat = charter.guards.active_stake_min_sat;
    if !proposal.content.class.pays() || needed_sat == 0 {
        return None;
    }
    let roll = step.state.roll(proposal.snapshot_epoch)?;
    let size = step.cutoff(proposal.schedule?.open);
    let active_sat = roll.stake_sat(|member| !step.state.is_dormant(charter, member, size));
    (active_sat < needed_sat).then_some(Bar::InactiveStake { active_sat, needed_sat })
}

/// G-102: no rule change takes the vote from more than a share of the weight.
fn electorate_shrink(step: &Step<'_>, proposal: &ProposalRecord) -> Option<Bar> {
    if proposal.content.class != Class::RuleChange {
        return None;
    }
    let roll = step.state.roll(proposal.snapshot_epoch)?;
    let limit = step.state.charter_of(proposal).guards.electorate_shrink_bp;
    let changes = proposal.content.options.iter().flat_map(|option| &option.effects);
    let after = changes.filter_map(|effect| match effect {
        Effect::RuleChange(change) => Some(&*change.charter),
        _ => None,
    });
    let lost = after.map(|charter| lost_weight(step, roll, charter)).max()?;
    let of = roll.total();
    let (cut, allowed) = (lost.checked_mul(u128::from(ALL_BP)), of.checked_mul(u128::from(limit)));
    let is_too_much = cut.zip(allowed).is_none_or(|(cut, allowed)| cut > allowed);
    (lost > 0 && is_too_much).then_some(Bar::ElectorateShrink { lost, of })
}

/// Weight of the members who have a vote and would have none under `after`.
fn lost_weight(step: &Step<'_>, roll: &Roll, after: &Charter) -> u128 {
    let size = step.boundary.log_size;
    let (now, then) = (step.state.membership(size), step.state.membership_under(after, size));
    let keeps = |member: &MemberId, stake_sat: u64| stake_sat >= after.admission.min_stake_sat() && then.allows(member);
    let lost = roll.iter().filter(|(member, entry)| now.allows(member) && !keeps(member, entry.stake_sat));
    lost.fold(0, |sum, (_, entry)| sum.saturating_add(entry.weight))
}
