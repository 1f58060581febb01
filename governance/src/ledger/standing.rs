//! What became of one proposal.

use super::guard::Bar;
use super::pay::{Payment, PaymentState};
use crate::charter::{Body, Class, ClassRule, Quorum};
use crate::lifecycle::Phase;
use crate::voting::{Count, Outcome, share_at_least};

/// The decision on a proposal, from the first epoch that closes at or above the end of its vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What was decided: provisional until it takes effect, because stakes may leave before (G-37).
    pub outcome: Outcome,
    /// Whether that is the count at enactment.
    pub is_final: bool,
    /// What the epoch that decided it said, whatever stake left since.
    pub announced: Outcome,
    /// The guard that keeps it from having any effect.
    pub bar: Option<Bar>,
    /// Height at which its vote ended.
    pub closed_at: u32,
    /// The epoch whose header first decided it.
    pub decided_epoch: u32,
    /// The epoch whose header counted it again, for what passed.
    pub enacted_epoch: Option<u32>,
    /// Totals of its first body at the close.
    pub count: Count,
    /// What each body said, in the order of the rule, where others than the members decide, beside them or alone (G-45); else
    /// empty.
    pub bodies: Vec<BodyStanding>,
    /// Weight of dormant members that the quorum leaves out (G-46).
    pub dormant_weight: u128,
    /// What the count at enactment came to, where that is not what the close came to (V-34).
    pub again: Option<Recount>,
    /// It takes effect in the first epoch that closes at or above this height.
    pub authorised_at: u32,
    /// What is not executed by this height never is, but for what puts it off ([`Standing::expiry`], pauses).
    pub expires_at: u32,
    /// Of an answer to a request the last closing height at which it was not the best of them; else 0 (G-88).
    pub behind_until: u32,
    /// What happened since.
    pub fate: Fate,
    /// The epoch that brought about this fate.
    pub fate_epoch: u32,
    /// Payments that it makes, in their order.
    pub payments: Vec<Payment>,
}

/// What one of several bodies said at the close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyStanding {
    /// Which.
    pub body: Body,
    /// Its totals.
    pub count: Count,
    /// What it decided by itself.
    pub outcome: Outcome,
}

/// The same ballots with the stakes that were still locked at enactment (G-37).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recount {
    /// Totals of its first body.
    pub count: Count,
    /// What each body said, as in a [`Standing`].
    pub bodies: Vec<BodyStanding>,
    /// Weight that the quorum leaves out.
    pub dormant_weight: u128,
}

/// One count of a decided proposal.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// The epoch whose header counted it.
    pub epoch: u32,
    /// Height at which its vote ended, whose block breaks ties.
    pub closed_at: u32,
    /// What it came to.
    pub outcome: Outcome,
    /// Totals of its first body.
    pub count: &'a Count,
    /// What each body said, as in a [`Standing`].
    pub bodies: &'a [BodyStanding],
    /// Weight that the quorum leaves out.
    pub dormant_weight: u128,
}

/// What happened to a decided proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It did not pass, or a guard bars it.
    Failed,
    /// It passed and waits for the end of its veto window.
    Waiting,
    /// The guardians stopped it.
    Vetoed,
    /// Something else came first: another charter, or a better answer to the same request.
    Lapsed,
    /// It could not take effect in time.
    Expired,
    /// It took effect.
    Effective,
}

impl Fate {
    /// In a word or two.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Failed => "no effect",
            Self::Waiting => "waits",
            Self::Vetoed => "vetoed",
            Self::Lapsed => "lapsed",
            Self::Expired => "expired",
            Self::Effective => "in effect",
        }
    }

    /// Its number in the decision tree (G-64).
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Failed => 0,
            Self::Waiting => 1,
            Self::Vetoed => 2,
            Self::Lapsed => 3,
            Self::Expired => 4,
            Self::Effective => 5,
        }
    }
}

impl Standing {
    /// Whether ballots that took a side weigh what the rule's quorum asks for, of whichever kind it is. Who stands aside has not
    /// looked at it, and of an optimistic question nobody has to (G-100, G-105).
    #[must_use]
    pub fn was_taken_up(&self, rule: &ClassRule) -> bool {
        let (Quorum::ParticipationBp(bp) | Quorum::YesOfTotalBp(bp)) = rule.quorum;
        let whole = self.count.weight().saturating_sub(self.dormant_weight);
        self.count.cast() > 0 && share_at_least(self.count.cast(), whole, bp)
    }

    /// Height at which it expires: put off by as long as an answer that was due waited for others (G-88).
    #[must_use]
    pub const fn expiry(&self) -> u32 {
        self.expires_at.saturating_add(self.behind_until.saturating_sub(self.authorised_at))
    }

    /// From which height on its own time runs, which only pauses put off (G-87).
    pub(super) fn runs_from(&self) -> u32 {
        self.authorised_at.max(self.behind_until)
    }

    /// Outcome and fate as they were when `epoch`, not before the one that decided it, had closed.
    #[must_use]
    pub fn as_of(&self, epoch: u32) -> (Outcome, Fate) {
        let is_counted_later = self.enacted_epoch.is_some_and(|enacted| enacted > epoch);
        let outcome = if is_counted_later { self.announced } else { self.outcome };
        let fate = if self.fate_epoch > epoch { Fate::Waiting } else { self.fate };
        (outcome, fate)
    }

    /// Outcome, fate and the epoch that counted it again: what is told of it in a sentence.
    #[must_use]
    pub const fn as_told(&self) -> (Outcome, Fate, Option<u32>) {
        (self.outcome, self.fate, self.enacted_epoch)
    }

    /// V-34: the count at the close.
    #[must_use]
    pub fn at_close(&self) -> Counted<'_> {
        let Self { ref count, ref bodies, dormant_weight, .. } = *self;
        let (epoch, closed_at, outcome) = (self.decided_epoch, self.closed_at, self.announced);
        Counted { epoch, closed_at, outcome, count, bodies, dormant_weight }
    }

    /// V-34: the count at enactment, where that came to other sums.
    #[must_use]
    pub fn counted_again(&self) -> Option<Counted<'_>> {
        let Recount { ref count, ref bodies, dormant_weight } = *self.again.as_ref()?;
        let (epoch, closed_at, outcome) = (self.enacted_epoch?, self.closed_at, self.outcome);
        Some(Counted { epoch, closed_at, outcome, count, bodies, dormant_weight })
    }

    /// Whether it counts as a failure for whoever proposes the same again (G-100).
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        matches!(self.fate, Fate::Failed | Fate::Vetoed)
    }

    /// Where the proposal stands when the newest head's tip is `tip_height`.
    #[must_use]
    pub fn phase(&self, class: Class, tip_height: u32) -> Phase {
        if self.bar.is_some() {
            return Phase::Barred;
        }
        match (self.outcome, self.fate) {
            (_, Fate::Vetoed) | (Outcome::Vetoed, _) => Phase::Vetoed,
            (_, Fate::Lapsed) => Phase::Lapsed,
            (_, Fate::Expired) => Phase::Expired,
            (Outcome::Rejected, _) => Phase::Rejected,
            (Outcome::NoQuorum, _) => Phase::NoQuorum,
            (Outcome::Tied, _) => Phase::Tied,
            (Outcome::Passed { .. }, Fate::Effective) => self.effective_phase(class, tip_height),
            (Outcome::Passed { .. }, _) => Phase::Passed { authorised_at: self.authorised_at },
        }
    }

    fn effective_phase(&self, class: Class, tip_height: u32) -> Phase {
        if self.payments.is_empty() {
            // A resolution has nothing to execute.
            return match class {
                Class::Text => Phase::Passed { authorised_at: self.authorised_at },
                _ => Phase::Executed,
            };
        }
        let authorised = self.payments.iter().find(|payment| payment.state == PaymentState::Authorised);
        let authorised = authorised.and_then(|payment| payment.authorisation).map(|a| a.expires_height);
        match authorised {
            Some(expires_at) if tip_height < expires_at => Phase::Authorised { expires_at },
            _ if self.payments.iter().any(|p| p.state == PaymentState::Waiting) => {
                Phase::Passed { authorised_at: self.authorised_at }
            }
            Some(_) => Phase::Expired,
            None if self.payments.iter().any(|p| matches!(p.state, PaymentState::Executed { .. })) => Phase::Executed,
            None => Phase::Expired,
        }
    }
}
