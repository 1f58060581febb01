//! A proposal's way through time. The clock is block height as told by signed heads in the log.

use crate::charter::{Charter, ClassRule};
use crate::entry::{Effect, ProposalContent};

/// The heights that matter to a proposal, fixed once the first head covers it (G-40). Values above the largest height
/// saturate, which means never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Tip height of the first head that covers the proposal.
    pub logged: u32,
    /// Voting is open from the head with this tip height on.
    pub open: u32,
    /// Voting ends with the first head of at least this tip height, if no late surge extends it; an epoch boundary.
    pub close: u32,
    /// The close that no late surge can move further; an epoch boundary.
    pub latest_close: u32,
    /// A proposal that passed at `close` is authorised from here on.
    pub authorised_at: u32,
    /// What is then not executed expires here.
    pub expires_at: u32,
}

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// In the log, but no head covers it yet.
    Logged,
    /// Under discussion; new versions may replace it.
    Review {
        /// Voting opens at this height.
        opens_at: u32,
    },
    /// Its author took it back.
    Withdrawn,
    /// A newer version took its place.
    Superseded,
    /// Ballots are taken.
    Voting {
        /// Until the head of this height.
        closes_at: u32,
    },
    /// Voting is over; no epoch header has decided it yet.
    Closed,
    /// A guard keeps it from having any effect.
    Barred,
    /// Passed; it waits for its authorisation.
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
    /// Enough no with veto, or the guardians stopped it.
    Vetoed,
    /// It may be executed now.
    Authorised {
        /// Until this height.
        expires_at: u32,
    },
    /// It took effect.
    Executed,
    /// Something else happened first, or it lost against another submission.
    Lapsed,
    /// It was not executed in time.
    Expired,
}

impl Schedule {
    /// The heights of a proposal that was first covered at height `logged` (G-40).
    #[must_use]
    pub fn new(charter: &Charter, rule: &ClassRule, content: &ProposalContent, logged: u32) -> Self {
        let open = match rule.review_blocks {
            0 => logged,
            review => boundary(charter, logged.saturating_add(review)),
        };
        Self::from_open(charter, rule, content, logged, open)
    }

    /// The heights of an answer to a request for proposals, all of which are voted on from `open` on (G-88).
    #[must_use]
    pub fn from_open(charter: &Charter, rule: &ClassRule, content: &ProposalContent, logged: u32, open: u32) -> Self {
        let close = boundary(charter, open.saturating_add(rule.voting_blocks));
        // G-43: at most twice the period, and on a boundary.
        let limit = open.saturating_add(close.saturating_sub(open).saturating_mul(2));
        let latest_close = match rule.late_surge {
            true => limit.checked_div(charter.epoch_blocks).map_or(close, |n| n * charter.epoch_blocks).max(close),
            false => close,
        };
        let schedule = Self { logged, open, close, latest_close, authorised_at: close, expires_at: close };
        let (authorised_at, expires_at) = schedule.after_close(rule, content, close);
        Self { authorised_at, expires_at, ..schedule }
    }

    /// Height of the authorisation and of its expiry when voting ended at `close` (G-40).
    #[must_use]
    pub fn after_close(&self, rule: &ClassRule, content: &ProposalContent, close: u32) -> (u32, u32) {
        let authorised_at = close.saturating_add(rule.veto_blocks);
        let own = content.options.iter().flat_map(|option| &option.effects).filter_map(|effect| match effect {
            Effect::Spend(spend) => Some(spend.expiry_blocks),
            _ => None,
        });
        let expiry_blocks = own.fold(rule.expiry_blocks, u32::min);
        (authorised_at, authorised_at.saturating_add(expiry_blocks))
    }

    /// Whether a ballot may be logged now: some head in the log has reached `open` and none has reached `latest_close`
    /// (G-41).
    #[must_use]
    pub fn is_open(&self, tip_height: u32) -> bool {
        tip_height >= self.open && tip_height < self.latest_close
    }
}

/// The first epoch boundary at or above a height; the largest height when there is none.
pub(crate) fn boundary(charter: &Charter, height: u32) -> u32 {
    charter.boundary_at_or_after(height).unwrap_or(u32::MAX)
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
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
            Self::Voting { .. } => "voting",
            Self::Closed => "closed",
            Self::Barred => "barred",
            Self::Passed { .. } => "passed",
            Self::Rejected => "rejected",
            Self::NoQuorum => "no_quorum",
            Self::Tied => "tied",
            Self::Vetoed => "vetoed",
            Self::Authorised { .. } => "authorised",
            Self::Executed => "executed",
            Self::Lapsed => "lapsed",
            Self::Expired => "expired",
        }
    }
}
