//! What a close by the other side leaves to a member stays where it is while it weighs in a vote: a hub that closes takes nobody's vote
//! away (N-191). The output is the member's alone and waits for nothing, so that nothing presses.

use althing_channels::Side;
use althing_channels::monitor::{Claim, ClaimKind, ClaimState};
use althing_governance::ledger::Fate;
use althing_governance::state::{LogState, ProposalRecord};
use anyhow::Result;

use super::StakeChannel;
use crate::shell::Shell;

/// Blocks since the newest head after which nobody goes on with the log, and its votes keep no coins.
const LOG_ENDED_AFTER: u32 = 144;

impl Shell {
    /// Votes under way in which the stake of a channel counts as long as the member's own output of its close is unspent (G-37). None where
    /// the member wants the coins.
    pub(crate) fn votes_with(&self, channel: &StakeChannel) -> usize {
        let state = self.ledger.state();
        let goes_on = state.tip_height().is_some_and(|head| self.tip_height().saturating_sub(head) <= LOG_ENDED_AFTER);
        let leaves = self.stakes.migration(channel.number).is_some_and(|row| row.alone);
        if channel.machine.side() != Side::Member || !goes_on || leaves || self.wants_home(channel.number) {
            return 0;
        }
        let claims = state.stake_claims(u64::MAX);
        let id = channel.machine.id().map(|id| id.0);
        let Some(claim) = claims.iter().find(|claim| Some(claim.channel.0) == id) else { return 0 };
        let weighs = |vote: &&ProposalRecord| {
            let roll = state.roll(vote.snapshot_epoch);
            is_under_way(state, vote) && roll.is_some_and(|roll| roll.entry(&claim.member).is_some())
        };
        state.proposals().values().filter(weighs).count()
    }

    /// The same for a channel that is known by its number.
    pub(super) fn weighs_in_votes(&self, number: u32) -> bool {
        self.stakes.channel(number).is_some_and(|channel| self.votes_with(channel) > 0)
    }

    /// Whether the other side closed the channel and the member's part of that has not come home.
    pub(crate) fn has_part_left(&self, number: u32) -> bool {
        let is_left = |claim: &Claim| claim.kind == ClaimKind::ToRemote && claim.state == ClaimState::Open;
        self.stakes.end(number).is_some_and(|end| end.claims.iter().any(is_left))
    }

    /// Takes the member's part home now, whatever it weighs in.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn take_home(&mut self, number: u32) -> Result<()> {
        self.store.write(|writer| writer.set_meta(&wish(number), &[1]))?;
        self.revision += 1;
        self.advance_monitors()
    }

    fn wants_home(&self, number: u32) -> bool {
        self.store.meta(&wish(number)).is_ok_and(|wish| wish.is_some())
    }
}

/// Name under which the wish for the coins is stored.
fn wish(number: u32) -> String {
    format!("home/{number}")
}

/// Until it has failed or is in effect its votes are counted again (G-37).
fn is_under_way(state: &LogState, vote: &ProposalRecord) -> bool {
    let standing = state.ledger().standing(&vote.id);
    vote.dropped.is_none() && standing.is_none_or(|standing| standing.fate == Fate::Waiting)
}
