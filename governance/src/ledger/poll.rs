//! Who decides a proposal: its bodies, each with a roll of its own.

use std::borrow::Cow;

use super::Step;
use crate::charter::Body;
use crate::id::MemberId;
use crate::roll::Roll;
use crate::state::{LogState, ProposalRecord, topic, vote_key};
use crate::tally::{Delegations, Poll};

/// One body that decides a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Electors<'a> {
    pub(crate) body: Body,
    pub(crate) roll: Cow<'a, Roll>,
}

/// The bodies of a proposal's rule (G-45), `members` being the roll of the members. Treasurers and founders are those of the
/// charter whose rules the proposal keeps, one key one vote.
pub(crate) fn electors<'a>(state: &LogState, proposal: &ProposalRecord, members: &'a Roll) -> Vec<Electors<'a>> {
    let bodies = state.rule_of(proposal).map_or(&[][..], |rule| &rule.bodies);
    let roll = |body: Body| match office_roll(state, proposal, body) {
        Some(office) => Cow::Owned(office),
        None => Cow::Borrowed(members),
    };
    bodies.iter().map(|body| Electors { body: *body, roll: roll(*body) }).collect()
}

/// Who votes in a body that is an office; `None` for the members, whose roll is a snapshot.
pub(crate) fn office_roll(state: &LogState, proposal: &ProposalRecord, body: Body) -> Option<Roll> {
    let charter = state.charter_of(proposal);
    // Ballots are the members', whatever key they use by now (G-90).
    let seat = |key: MemberId| (state.member_of_key_at(&key, proposal.position), 0, 1);
    match body {
        Body::Members => None,
        Body::Treasurers => Some(Roll::from_stakes(charter.treasurers.iter().map(|t| seat(vote_key(&t.key))))),
        Body::Founders => Some(Roll::from_stakes(charter.founders.iter().map(|founder| seat(*founder)))),
    }
}

/// The poll of one body over the ballots below position `cutoff`. Only members delegate.
pub(crate) fn poll<'a>(
    state: &'a LogState,
    proposal: &'a ProposalRecord,
    body: Body,
    roll: &'a Roll,
    cutoff: u64,
) -> Poll<'a> {
    let delegating = body == Body::Members && state.charter_of(proposal).delegation.enabled;
    let delegations = proposal.schedule.filter(|_| delegating).map(|schedule| Delegations {
        book: state.delegations(),
        topic: topic(proposal),
        cutoff: state.delegation_cutoff(proposal, cutoff),
        close_height: schedule.close,
    });
    Poll {
        system: proposal.content.system,
        options: proposal.content.option_count(),
        roll,
        ballots: &proposal.ballots,
        entries: state.entries(),
        cutoff,
        delegations,
    }
}

impl Step<'_> {
    /// Position below which entries count when voting ended at `close` (G-42).
    pub(crate) fn cutoff(&self, close: u32) -> u64 {
        let size = self.state.first_head_at(close).map_or(self.boundary.log_size, |record| record.head.size);
        size.min(self.boundary.log_size)
    }
}
