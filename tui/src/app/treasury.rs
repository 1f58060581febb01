//! What decisions allow to be paid: the one place where the treasury screen gets its rows from.

use althing_node::api::{Proposal, ProposalState, Snapshot};

/// A payment that a proposal asks for, wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorisation<'a> {
    /// The proposal.
    pub proposal: &'a Proposal,
    /// Where it stands among payments.
    pub stage: Stage,
    /// From this height on it may be paid.
    pub from: Option<u32>,
    /// At this height it expires.
    pub expires: Option<u32>,
    /// The gate assigned to it: `txid:vout`.
    pub gate: Option<&'a str>,
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// May be paid now.
    Authorised,
    /// Passed, and waits out its window.
    Waiting,
    /// Not decided yet.
    Asked,
    /// Paid.
    Paid,
    /// Will not be paid.
    Over,
}

impl Stage {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Stage::Authorised => "may be paid",
            Stage::Waiting => "waits",
            Stage::Asked => "asked for",
            Stage::Paid => "paid",
            Stage::Over => "over",
        }
    }
}

/// Every payment that proposals ask for, what may be paid now first.
#[must_use]
pub fn treasury(snapshot: &Snapshot) -> Vec<Authorisation<'_>> {
    let tip = snapshot.status.tip_height;
    let pays = |proposal: &&Proposal| {
        matches!(proposal.class.as_str(), "spend" | "budget")
            || proposal.gate.is_some()
            || !proposal.vote.payments.is_empty()
    };
    let mut found: Vec<Authorisation<'_>> = snapshot
        .proposals
        .iter()
        .filter(pays)
        .map(|proposal| {
            let (from, expires) = (proposal.vote.authorised_at, proposal.vote.expires_at);
            Authorisation { proposal, stage: stage(proposal, tip), from, expires, gate: proposal.gate.as_deref() }
        })
        .collect();
    found.sort_by_key(|authorisation| authorisation.stage);
    found
}

fn stage(proposal: &Proposal, tip: u32) -> Stage {
    match proposal.state {
        ProposalState::Logged | ProposalState::Review | ProposalState::Voting | ProposalState::Closed => Stage::Asked,
        ProposalState::Authorised if proposal.vote.expires_at.is_some_and(|height| height <= tip) => Stage::Over,
        ProposalState::Authorised => Stage::Authorised,
        ProposalState::Passed => Stage::Waiting,
        ProposalState::Executed => Stage::Paid,
        _ => Stage::Over,
    }
}
