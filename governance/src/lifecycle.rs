//! A proposal's way through time. The clock is block height as told by signed heads in the log.

use crate::charter::{Charter, ClassRule};
use crate::entry::{Effect, ProposalContent};
use crate::tally::Outcome;

/// The heights that matter to a proposal, fixed once the first head covers it (G-40). Values above the largest height
/// saturate, which means never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Tip height of the first head that covers the proposal.
    pub logged: u32,
    /// Voting is open from the head with this tip height on.
    pub open: u32,
    /// Voting ends with the first head of at least this tip height; an epoch boundary.
    pub close: u32,
    /// A passed spend is authorised from here on.
    pub authorised_at: u32,
    /// An unexecuted spend expires here.
    pub expires_at: u32,
}

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// In the log, but no head covers it yet.
    Logged,
    /// Under discussion.
    Review {
        /// Voting opens at this height.
        opens_at: u32,
    },
    /// Ballots are taken.
    Voting {
        /// Until the head of this height.
        closes_at: u32,
    },
    /// Voting is over; no epoch header has decided it yet.
    Closed,
    /// Passed; a spend waits for its authorisation.
    Passed {
        /// Height of the authorisation; for text without meaning beyond the veto period.
        authorised_at: u32,
    },
    /// More no than the threshold allows.
    Rejected,
    /// Too little turnout.
    NoQuorum,
    /// As many yes as no, which fails.
    Tied,
    /// A spend that may be paid now.
    Authorised {
        /// Until this height.
        expires_at: u32,
    },
    /// A spend that was not paid in time.
    Expired,
}

impl Schedule {
    /// The heights of a proposal that was first covered at height `logged` (G-40).
    #[must_use]
    pub fn new(charter: &Charter, rule: &ClassRule, content: &ProposalContent, logged: u32) -> Self {
        let boundary = |height| charter.boundary_at_or_after(height).unwrap_or(u32::MAX);
        let open = match rule.review_blocks {
            0 => logged,
            review => boundary(logged.saturating_add(review)),
        };
        let close = boundary(open.saturating_add(rule.voting_blocks));
        let authorised_at = close.saturating_add(rule.veto_blocks);
        let expiry_blocks = match &content.effect {
            Effect::Spend(spend) => spend.expiry_blocks.min(rule.expiry_blocks),
            Effect::None => rule.expiry_blocks,
        };
        Self { logged, open, close, authorised_at, expires_at: authorised_at.saturating_add(expiry_blocks) }
    }

    /// Whether a ballot may be logged now: some head in the log has reached `open` and none has reached `close` (G-41).
    #[must_use]
    pub fn is_open(&self, tip_height: u32) -> bool {
        tip_height >= self.open && tip_height < self.close
    }

    /// Where the proposal stands when the newest head's tip is `tip_height`, with its outcome once a header decided it.
    #[must_use]
    pub fn phase(&self, tip_height: u32, effect: &Effect, outcome: Option<Outcome>) -> Phase {
        if tip_height < self.open {
            return Phase::Review { opens_at: self.open };
        }
        if tip_height < self.close {
            return Phase::Voting { closes_at: self.close };
        }
        match outcome {
            None => Phase::Closed,
            Some(Outcome::Rejected) => Phase::Rejected,
            Some(Outcome::NoQuorum) => Phase::NoQuorum,
            Some(Outcome::Tied) => Phase::Tied,
            Some(Outcome::Passed) => match effect {
                Effect::Spend(_) if tip_height >= self.expires_at => Phase::Expired,
                Effect::Spend(_) if tip_height >= self.authorised_at => {
                    Phase::Authorised { expires_at: self.expires_at }
                }
                _ => Phase::Passed { authorised_at: self.authorised_at },
            },
        }
    }
}

impl Phase {
    /// Blocks until the phase ends by itself, seen from `tip_height`; `None` when it does not.
    #[must_use]
    pub fn blocks_left(&self, tip_height: u32) -> Option<u32> {
        match *self {
            Self::Review { opens_at: end }
            | Self::Voting { closes_at: end }
            | Self::Passed { authorised_at: end }
            | Self::Authorised { expires_at: end } => Some(end.saturating_sub(tip_height)),
            _ => None,
        }
    }

    /// One word for lists and JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Logged => "logged",
            Self::Review { .. } => "review",
            Self::Voting { .. } => "voting",
            Self::Closed => "closed",
            Self::Passed { .. } => "passed",
            Self::Rejected => "rejected",
            Self::NoQuorum => "no_quorum",
            Self::Tied => "tied",
            Self::Authorised { .. } => "authorised",
            Self::Expired => "expired",
        }
    }
}
