//! Guards: what keeps a proposal from having any effect, whatever the votes say.

mod electorate;
mod subject;

use super::{Fate, Ledger, Standing, Step};
use crate::charter::Charter;
use crate::entry::ProposalContent;
use crate::id::{MemberId, ProposalId};
use crate::state::{LogState, ProposalRecord};
use crate::voting::Outcome;
use electorate::electorate_shrink;
use subject::{Paid, Side, Subject, common_by, payees};

/// Which guard bars a proposal (G-100).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bar {
    /// The same failed too short a time before.
    Cooldown {
        /// From this height on it could have been proposed again.
        until: u32,
        /// Whether one of the failures was the author's own.
        is_own: bool,
        /// By what it is the same.
        common: Common,
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
    /// It would take too much of the weight from those who have it.
    ElectorateShrink {
        /// Weight that would be lost: the votes of those who go, and of the others what their share of the whole would shrink by.
        lost: u128,
        /// Weight of all who have a vote.
        of: u128,
    },
    /// The request that it answers did not pass.
    RequestFailed,
    /// Its author weighs too little to propose it.
    LightAuthor {
        /// What the author weighs on its snapshot.
        weight: u128,
        /// What its rule asks for.
        needed: u64,
    },
}

/// What a proposal has in common with one that failed (G-100); the plainest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Common {
    /// A payee, member, budget, thread, class to pause, or field of the charter.
    Subject,
    /// Its author, and that it pays somebody whom no vote ever paid: a fresh address may be the one that was refused.
    UnknownPayee,
    /// Its author and class, where neither has a subject that tells it from the other.
    Words,
}

impl std::fmt::Display for Bar {
    /// The guard in one sentence, with its figures.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whose = |is_own: bool| if is_own { "its author" } else { "others" };
        match self {
            Self::Cooldown { until, is_own, common: Common::Subject } => {
                write!(f, "the same failed before, by {}: not again below height {until}", whose(*is_own))
            }
            Self::Cooldown { until, common: Common::UnknownPayee, .. } => write!(
                f,
                "a payment by its author failed before, and this one goes to somebody whom no vote ever paid: none such by \
                 this author below height {until}"
            ),
            Self::Cooldown { until, common: Common::Words, .. } => write!(
                f,
                "another by its author in this class failed before, and nothing but words tells them apart: none such by \
                 this author below height {until}"
            ),
            Self::Deposit { needed_sat, held_sat, is_own } => {
                let whose = whose(*is_own);
                write!(
                    f,
                    "the same failed before, by {whose}: it needs a deposit of {needed_sat} sat and has {held_sat}"
                )
            }
            Self::InactiveStake { active_sat, needed_sat } => {
                write!(f, "members who are not dormant hold {active_sat} sat, and it needs {needed_sat}")
            }
            Self::ElectorateShrink { lost, of } => {
                write!(f, "it would take {lost} of the weight of {of} from its holders")
            }
            Self::RequestFailed => f.write_str("the request that it answers did not pass"),
            Self::LightAuthor { weight, needed } => {
                write!(f, "its author weighs {weight}, and proposing it takes {needed}")
            }
        }
    }
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
            Self::LightAuthor { .. } => 6,
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
        let logged = proposal.schedule.map_or(0, |schedule| schedule.logged);
        let past = Past {
            ledger: self,
            state: step.state,
            charter: step.state.charter_of(proposal),
            content: &proposal.content,
            thread: proposal.thread,
            author: proposal.author,
            position: proposal.position,
        };
        let before_vote = past.cooldown(logged).or_else(|| past.deposit_bar()).or_else(|| light_author(step, proposal));
        match has_passed {
            true => before_vote
                .or_else(|| inactive_stake(step, proposal))
                .or_else(|| electorate_shrink(self, step, proposal))
                .or_else(|| self.request_failed(proposal)),
            false => before_vote,
        }
    }

    /// Satoshis that the author of `content` in that thread has to hold: the rule's deposit, raised by every failure with the same
    /// subject, and of the same author in the same class, before `position` (G-100).
    #[must_use]
    pub fn deposit_needed(
        &self,
        state: &LogState,
        charter: &Charter,
        content: &ProposalContent,
        (author, thread): (&MemberId, ProposalId),
        position: u64,
    ) -> u64 {
        Past { ledger: self, state, charter, content, thread, author: *author, position }.deposit(|_| true)
    }

    /// The guard that would bar `content` of `author` if it were logged now, as far as the past tells: for authors, and for
    /// hubs that spare everybody the vote.
    #[must_use]
    pub fn forecast(&self, state: &LogState, content: &ProposalContent, author: &MemberId) -> Option<Bar> {
        let thread = content.thread(state.id_if_said(content, author));
        let (charter, position) = (state.charter(), state.size());
        let past = Past { ledger: self, state, charter, content, thread, author: *author, position };
        past.cooldown(state.tip_height().unwrap_or(0)).or_else(|| past.deposit_bar())
    }

    /// A proposal that has something in common with `content`, whose vote has ended and which no final epoch decided yet: if it
    /// failed, it bars what is proposed now (G-100), though [`Self::forecast`] cannot tell.
    #[must_use]
    pub fn undecided<'a>(
        &'a self,
        state: &'a LogState,
        content: &'a ProposalContent,
        author: &MemberId,
    ) -> Option<&'a ProposalRecord> {
        let thread = content.thread(state.id_if_said(content, author));
        let (charter, position) = (state.charter(), state.size());
        let past = Past { ledger: self, state, charter, content, thread, author: *author, position };
        let paid = (charter.guards.cooldown_blocks > 0).then(|| past.paid())?;
        let waits = |other: &&ProposalRecord| {
            other.dropped.is_none() && self.standing(&other.id).is_none() && state.ended_at(other).is_some()
        };
        state.proposals().values().filter(waits).find(|other| past.common_subject(other, &paid).is_some())
    }

    /// Whether `content` would be barred by G-102 if it passed with the stakes of the newest roll.
    #[must_use]
    pub fn forecast_shrink(&self, state: &LogState, content: &ProposalContent, author: &MemberId) -> Option<Bar> {
        electorate::forecast_shrink(self, state, content, &content.thread(state.id_if_said(content, author)))
    }

    fn request_failed(&self, proposal: &ProposalRecord) -> Option<Bar> {
        let request = proposal.content.request?;
        let passed = self.standing(&request).is_some_and(|standing| standing.fate == Fate::Effective);
        (!passed).then_some(Bar::RequestFailed)
    }
}

/// Whether so many members took a side that its outcome is theirs.
fn is_heard(state: &LogState, proposal: &ProposalRecord, standing: &Standing) -> bool {
    standing.outcome != Outcome::NoQuorum && state.rule_of(proposal).is_some_and(|rule| standing.was_taken_up(rule))
}

/// A proposal seen against what failed before it.
struct Past<'a> {
    ledger: &'a Ledger,
    state: &'a LogState,
    /// Whose rules it keeps.
    charter: &'a Charter,
    content: &'a ProposalContent,
    thread: ProposalId,
    author: MemberId,
    position: u64,
}

impl<'a> Past<'a> {
    /// Failures that count against the proposal (G-100): the author's own with a common subject, and those of others in which
    /// the members were heard and said no. Anybody can let a proposal fail that nobody looks at; that must bar nobody else.
    fn failures(&self) -> impl Iterator<Item = (&'a ProposalRecord, &'a Standing)> + '_ {
        let (ledger, state) = (self.ledger, self.state);
        let failed = state.proposals().values().filter_map(move |other| {
            let standing = ledger.standing(&other.id).filter(|standing| standing.has_failed())?;
            Some((other, standing))
        });
        failed.filter(|(other, standing)| match other.author == self.author {
            true => standing.bar.is_none_or(Bar::is_authors_fault),
            false => standing.bar.is_none() && (is_heard(state, other, standing) || standing.fate == Fate::Vetoed),
        })
    }

    /// What it has in common with a failure before it.
    fn common_subject(&self, other: &ProposalRecord, paid: &Paid<'_>) -> Option<Common> {
        let sides = match other.author == self.author {
            true => (Side::OwnFailed, Side::OwnNew(paid)),
            false => (Side::Others, Side::Others),
        };
        self.common(other, sides)
    }

    /// What it has in common with a proposal that failed while it stood in the log already. Of its own author only, and only
    /// what asks for no less for the same: several copies at once are several tries, and other proposals are not.
    fn common_beside(&self, other: &ProposalRecord) -> Option<Common> {
        let is_copy = other.author == self.author && self.content.amount_sat() >= other.content.amount_sat();
        self.common(other, (Side::Others, Side::Others)).filter(|_| is_copy)
    }

    fn common(&self, other: &ProposalRecord, (failed, new): (Side<'_>, Side<'_>)) -> Option<Common> {
        let (state, charter) = (self.state, self.state.charter_of(other));
        let theirs = Subject { state, charter, content: &other.content, position: other.position, side: failed };
        let ours = Subject { state, charter: self.charter, content: self.content, position: self.position, side: new };
        let (theirs, ours) = (theirs.keys(), ours.keys());
        theirs.intersection(&ours).map(|key| common_by(key, self.content.class)).min()
    }

    /// Whom proposals paid that took effect.
    fn paid(&self) -> Paid<'a> {
        let effective = self.ledger.standings.values().filter(|standing| standing.fate == Fate::Effective);
        effective.flat_map(|standing| &standing.payments).flat_map(|payment| payees(&payment.spend.outputs)).collect()
    }

    /// What failed bars what is proposed after its end, and copies that stood beside it.
    fn cooldown(&self, logged: u32) -> Option<Bar> {
        let blocks = self.charter.guards.cooldown_blocks;
        if blocks == 0 {
            return None;
        }
        let paid = self.paid();
        let bars = self.failures().filter_map(|(other, standing)| {
            let until = standing.closed_at.saturating_add(blocks);
            if other.thread == self.thread || logged >= until {
                return None;
            }
            let common = match logged >= standing.closed_at {
                true => self.common_subject(other, &paid),
                false => self.common_beside(other),
            };
            Some((until, other.author == self.author, common?))
        });
        let latest = bars
            .reduce(|(until, is_own, common), (other, also, by)| (until.max(other), is_own || also, common.min(by)));
        latest.map(|(until, is_own, common)| Bar::Cooldown { until, is_own, common })
    }

    /// The rule's deposit, raised by those of the failures before that `counts` takes, by their author.
    fn deposit(&self, counts: impl Fn(&MemberId) -> bool) -> u64 {
        let (charter, content) = (self.charter, self.content);
        let base = charter.rule_for(content.class, content.amount_sat()).map_or(0, |(_, rule)| rule.deposit_sat);
        if base == 0 || charter.guards.deposit_growth_bp == 0 {
            return base;
        }
        let height = self.state.entry_height(self.position).unwrap_or(u32::MAX);
        let paid = self.paid();
        let failed = self.failures().filter(|(other, standing)| {
            let is_earlier = other.position < self.position && standing.closed_at <= height;
            let same_author = other.author == self.author && other.content.class == content.class;
            is_earlier && counts(&other.author) && (same_author || self.common_subject(other, &paid).is_some())
        });
        charter.guards.deposit_after(base, u32::try_from(failed.count()).unwrap_or(u32::MAX))
    }

    /// Whether holds of the author for the thread, logged before the proposal, are too little.
    fn deposit_bar(&self) -> Option<Bar> {
        let needed_sat = self.deposit(|_| true);
        let held_sat = self.state.deposit_sat(&self.thread, &self.author, self.position);
        let own_sat = self.deposit(|author| *author == self.author);
        (held_sat < needed_sat).then_some(Bar::Deposit { needed_sat, held_sat, is_own: held_sat < own_sat })
    }
}

/// a hub refuses such a proposal (G-35). One that logs it all the same gives it no effect by that.
fn light_author(step: &Step<'_>, proposal: &ProposalRecord) -> Option<Bar> {
    let needed = step.state.rule_of(proposal)?.min_proposer_weight;
    if needed == 0 {
        return None;
    }
    let weight = step.state.roll(proposal.snapshot_epoch)?.weight(&proposal.author);
    (weight < u128::from(needed)).then_some(Bar::LightAuthor { weight, needed })
}

/// G-101: nothing is paid by a vote that opened while too little stake was awake, however many woke for it.
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
