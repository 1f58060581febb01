//! What keeps back what passed and is due, for whoever asks why nothing happens. It decides nothing: steps of the ledger do.

use super::pay::within;
use super::{EpochBoundary, Fate, Ledger, Payment, PaymentState, Standing};
use crate::charter::{Class, SpendingCap};
use crate::id::{EntryId, ProposalId};
use crate::state::{LogState, ProposalRecord};
use crate::voting::TIE_DEPTH;

/// Something that kept back a decision or a payment when the last epoch closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The log leaves out entries that members noted or somebody put on Bitcoin (G-97, G-107).
    LeftOut {
        /// Which.
        entries: Vec<EntryId>,
    },
    /// A pause of its class (G-87).
    Pause {
        /// It is over at this height, as far as pauses are ordered by now.
        until: u32,
    },
    /// Other answers to its request are not decided, or a tie among them waits for its block (G-88).
    UndecidedAnswers,
    /// Another answer to its request is better, and waits itself (G-88).
    BetterAnswer {
        /// Which.
        proposal: ProposalId,
    },
    /// Another change of the charter took effect in this epoch (G-85).
    OtherCharter,
    /// A tie is broken by a block that the epoch does not reach (V-31).
    TieBlock {
        /// The block's height.
        height: u32,
    },
    /// Every gate of the treasury is given out or retired (G-108).
    NoGate,
    /// The spending cap leaves no room for its first output with its fee (G-103).
    Cap {
        /// Satoshis that it leaves now.
        left_sat: u64,
        /// Satoshis that the least part of the payment takes.
        least_sat: u64,
        /// The first boundary at which it leaves enough, if nothing else is authorised before; `None` when it never does.
        from: Option<u32>,
    },
}

impl Ledger {
    /// What keeps back a proposal that passed and whose time had come when the last epoch closed; empty for any other.
    #[must_use]
    pub fn obstacles(&self, state: &LogState, id: &ProposalId) -> Vec<Obstacle> {
        let Some((proposal, standing)) = state.proposals().get(id).zip(self.standing(id)) else { return Vec::new() };
        if standing.fate != Fate::Waiting || standing.authorised_at > self.closing_height {
            return Vec::new();
        }
        let mut found = self.of_class(state, proposal.content.class);
        let boundary = self.boundary();
        match self.is_best_answer(state, &boundary, proposal) {
            Ok(Some(true)) => {}
            Ok(Some(false)) => found.extend(self.better_answer(state, &boundary, proposal)),
            Ok(None) | Err(_) => found.push(Obstacle::UndecidedAnswers),
        }
        let changes = |id: &ProposalId| state.proposals().get(id).is_some_and(|p| p.content.class.changes_charter());
        let took_effect = |other: &Standing| (other.fate, other.fate_epoch) == (Fate::Effective, boundary.epoch);
        if changes(id) && self.standings.iter().any(|(id, other)| took_effect(other) && changes(id)) {
            found.push(Obstacle::OtherCharter);
        }
        let height = standing.closed_at.saturating_add(TIE_DEPTH);
        if found.is_empty() && height > self.closing_height {
            found.push(Obstacle::TieBlock { height });
        }
        found
    }

    /// What keeps back a payment that was due when the last epoch closed; empty for any other.
    #[must_use]
    pub fn payment_obstacles(&self, state: &LogState, id: &ProposalId, payment: &Payment) -> Vec<Obstacle> {
        let Some(proposal) = state.proposals().get(id) else { return Vec::new() };
        if payment.state != PaymentState::Waiting || payment.due_at > self.closing_height {
            return Vec::new();
        }
        let mut found = self.of_class(state, proposal.content.class);
        if !state.gates(self.log_size).any(|gate| !self.gates_given.contains(&gate)) {
            found.push(Obstacle::NoGate);
        }
        let cap = state.charter_of(proposal).guards.spending_cap;
        found.extend(cap.and_then(|cap| self.cap_obstacle(state, &cap, payment)));
        found
    }

    /// The height at which what waits expires, with the pauses ordered by now (G-87).
    #[must_use]
    pub fn expiry_of(&self, state: &LogState, id: &ProposalId, payment: Option<&Payment>) -> Option<u32> {
        let (proposal, standing) = state.proposals().get(id).zip(self.standing(id))?;
        let (runs_from, expiry) = payment
            .map_or((standing.runs_from(), standing.expiry()), |payment| (payment.runs_from, payment.expires_at));
        let longest = state.charter_of(proposal).guards.pause_max_blocks;
        Some(expiry.saturating_add(self.put_off(proposal.content.class, runs_from, u32::MAX, longest)))
    }

    /// What keeps back everything of a class.
    fn of_class(&self, state: &LogState, class: Class) -> Vec<Obstacle> {
        let mut found = Vec::new();
        let entries = state.overdue_entries(self.log_size);
        if !entries.is_empty() {
            found.push(Obstacle::LeftOut { entries });
        }
        if let Some(until) = self.paused_until(class, self.closing_height) {
            found.push(Obstacle::Pause { until });
        }
        found
    }

    fn better_answer(&self, state: &LogState, boundary: &EpochBoundary, proposal: &ProposalRecord) -> Option<Obstacle> {
        let others = state.proposals().values().filter(|other| other.content.request == proposal.content.request);
        let mut waiting =
            others.filter(|other| self.standing(&other.id).is_some_and(|standing| standing.fate == Fate::Waiting));
        let best = waiting.find(|other| self.is_best_answer(state, boundary, other) == Ok(Some(true)))?;
        Some(Obstacle::BetterAnswer { proposal: best.id })
    }

    fn cap_obstacle(&self, state: &LogState, cap: &SpendingCap, payment: &Payment) -> Option<Obstacle> {
        let fits = |left_sat| within(&payment.spend, Some(left_sat)).is_some();
        let left_sat = self.left_of(cap, self.closing_height);
        if fits(left_sat) {
            return None;
        }
        let first = payment.spend.outputs.first().map_or(0, |output| output.sat);
        let least_sat = first.saturating_add(payment.spend.fee_cap_sat);
        // Room comes back only where something that was authorised leaves the window.
        let charter = &state.params().charter;
        let boundary = |(at, _): &(u32, u64)| charter.boundary_at_or_after(at.saturating_add(cap.window_blocks));
        let mut freed: Vec<u32> = self.authorised.iter().filter_map(boundary).collect();
        freed.sort_unstable();
        let from = freed.into_iter().find(|height| *height > self.closing_height && fits(self.left_of(cap, *height)));
        Some(Obstacle::Cap { left_sat, least_sat, from })
    }

    fn boundary(&self) -> EpochBoundary {
        let epoch = u32::try_from(self.epochs).unwrap_or(u32::MAX);
        EpochBoundary { epoch, closing_height: self.closing_height, log_size: self.log_size }
    }
}
