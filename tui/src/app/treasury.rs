//! The treasury as the screen shows it: its parts, what decisions allow to be paid, and budgets.

use althing_node::api::{PaymentView, Proposal, ProposalState, Snapshot};

/// A part of the treasury screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Section {
    /// What proposals ask for, and what may be paid.
    #[default]
    Payments,
    /// Transactions on their way to enough signatures.
    Sessions,
    /// What is left of each budget.
    Budgets,
    /// Every coin.
    Coins,
    /// What left the treasury, judged.
    Flows,
    /// Who can spend when.
    Policy,
}

impl Section {
    /// In the order of the screen.
    pub const ALL: [Section; 6] =
        [Section::Payments, Section::Sessions, Section::Budgets, Section::Coins, Section::Flows, Section::Policy];

    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Section::Payments => "Payments",
            Section::Sessions => "Sessions",
            Section::Budgets => "Budgets",
            Section::Coins => "Coins",
            Section::Flows => "Flows",
            Section::Policy => "Policy",
        }
    }

    /// The part that many places on; behind the last comes the first.
    #[must_use]
    pub fn along(self, places: usize) -> Self {
        let here = Self::ALL.iter().position(|section| *section == self).unwrap_or(0);
        Self::ALL[(here + places) % Self::ALL.len()]
    }
}

/// Whether a payment is in a block.
#[must_use]
pub fn is_paid(payment: &PaymentView) -> bool {
    matches!(payment.state.as_str(), "mined" | "executed")
}

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
