//! Callers that wait for the ledger or the chain to get somewhere.

use althing_governance::id::{MemberId, ProposalId};

use crate::api::{ApiError, Reply, WaitFor};
use crate::engine::Waiters;
use crate::shell::Shell;

/// A parsed [`WaitFor`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Chain and log have reached this height.
    Height(u32),
    /// This epoch is final in the log.
    EpochFinal(u32),
    /// The node's member is on the newest final roll.
    OnRoll,
    /// The log has this many entries.
    LogSize(u64),
    /// Voting has begun.
    VotingOpen(ProposalId),
    /// The outcome is in a final epoch.
    Decided(ProposalId),
    /// The folder's state of this channel is known to be the newest.
    ChannelKnown(String),
}

impl Condition {
    /// Parses what a caller waits for.
    ///
    /// # Errors
    /// `N-50` for a proposal id that is not 64 hexadecimal digits.
    pub fn parse(until: &WaitFor) -> Result<Self, ApiError> {
        let id = |text: &str| {
            text.parse::<ProposalId>()
                .map_err(|error| ApiError::invalid("N-50", format!("waiting for a proposal: {error}")))
        };
        Ok(match until {
            WaitFor::Height(height) => Self::Height(*height),
            WaitFor::EpochFinal(epoch) => Self::EpochFinal(*epoch),
            WaitFor::OnRoll => Self::OnRoll,
            WaitFor::LogSize(size) => Self::LogSize(*size),
            WaitFor::VotingOpen(proposal) => Self::VotingOpen(id(proposal)?),
            WaitFor::Decided(proposal) => Self::Decided(id(proposal)?),
            WaitFor::ChannelKnown(channel) => Self::ChannelKnown(channel.clone()),
        })
    }

    /// Whether it is so now.
    pub fn holds(&self, shell: &Shell, me: Option<MemberId>) -> bool {
        let state = shell.ledger.state();
        match self {
            Self::Height(height) => {
                shell.tip_height() >= *height && state.tip_height().is_some_and(|head| head >= *height)
            }
            Self::EpochFinal(epoch) => state.newest_anchored().is_some_and(|record| record.header.epoch >= *epoch),
            Self::OnRoll => {
                let roll = state.newest_anchored().and_then(|record| state.roll(record.header.epoch));
                me.zip(roll).is_some_and(|(me, roll)| roll.weight(&me) > 0)
            }
            Self::LogSize(size) => state.size() >= *size,
            Self::VotingOpen(id) => state
                .proposals()
                .get(id)
                .and_then(|record| record.schedule)
                .zip(state.tip_height())
                .is_some_and(|(schedule, tip)| tip >= schedule.open),
            Self::ChannelKnown(id) => shell.stakes.named(id).is_ok_and(|channel| shell.doubts(channel).is_empty()),
            Self::Decided(id) => state
                .proposals()
                .get(id)
                .is_some_and(|record| record.dropped.is_some() || state.ledger().standing(id).is_some()),
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Height(height) => write!(f, "height {height}"),
            Self::EpochFinal(epoch) => write!(f, "a final epoch {epoch}"),
            Self::OnRoll => f.write_str("a roll with this member on it"),
            Self::LogSize(size) => write!(f, "a log of {size} entries"),
            Self::VotingOpen(id) => write!(f, "the vote on {id}"),
            Self::Decided(id) => write!(f, "the decision on {id}"),
            Self::ChannelKnown(id) => write!(f, "that the state of channel {id} here is the newest"),
        }
    }
}

/// Answers the callers whose condition holds, and those whose time is over.
pub fn settle(waiters: &mut Waiters<Condition>, shell: &Shell, me: Option<MemberId>) {
    if waiters.is_empty() {
        return;
    }
    waiters.settle(
        |condition| condition.holds(shell, me).then_some(Ok(Reply::Done)),
        |condition| {
            let head = shell.ledger.state().tip_height();
            ApiError::not_now(format!(
                "the time to wait is over, and {condition} is not reached; the chain is at height {}, the log at {} entries, its newest \
                 signed head {}",
                shell.tip_height(),
                shell.ledger.state().size(),
                head.map_or("is missing".to_owned(), |height| format!("at height {height}")),
            ))
        },
    );
}
