//! The other side's part of a round: check what is proposed, replace and revoke, sign. Clauses C-110 to C-112.

use super::commitments::{Commitments, facts};
use super::ledger::{Ledger, LedgerKeys, PerSide};
use super::money::Round;
use crate::channel::opening::check_checkpoint_size;
use crate::channel::{Channel, ChannelError, CheckpointReview, Effect, Violation, Wait};
use crate::commitment::Side;
use crate::musig::SessionSecret;
use crate::wire::{CheckpointProposal, CheckpointSign};

/// The peer's proposal, waiting for the shell's check; lost with a restart, then sent again.
pub(in crate::channel) struct ReviewedProposal {
    msg: CheckpointSign,
    proposal: CheckpointProposal,
    ledger: Ledger,
    built: Vec<Commitments>,
}

impl Channel {
    /// The peer's checkpoint states the facts and is signed by the peer; `signature` is this side's on it.
    ///
    /// # Errors
    /// [`Wait::Phase`] when no such check is due.
    pub fn answer_checkpoint(
        &mut self,
        signature: [u8; 64],
        session: SessionSecret,
    ) -> Result<Vec<Effect>, ChannelError> {
        let Some(ReviewedProposal { msg, proposal, ledger, built }) = self.proposal.take() else {
            return Err(self.wait("answering a checkpoint"));
        };
        let signatures = self.sign_peer(&built, session)?;
        let proposer = self.state.side.other();
        let money = self.money_mut()?;
        let before = core::mem::replace(&mut money.ledger, ledger);
        money.number = msg.number;
        money.signatures = msg.signatures.items().to_vec();
        money.round = Some(Round {
            proposer,
            number: msg.number,
            proposal,
            own_signature: signature,
            peer_signature: Some(msg.checkpoint_signature),
            other_ledger: before,
        });
        money.forget_splices();
        // C-61: the new commitment with the peer's signature is durable before the old one is revoked.
        Ok(vec![Effect::Persist, self.checkpoint_revoke()?, self.checkpoint_sign(signatures)?])
    }

    /// The peer's checkpoint or its signature on it is not good. Nothing was signed or revoked for it.
    ///
    /// # Errors
    /// [`Wait::Phase`] when no such check is due.
    pub fn refuse_checkpoint(&mut self, detail: &str) -> Result<Vec<Effect>, ChannelError> {
        if self.proposal.take().is_none() && self.answer.take().is_none() {
            return Err(self.wait("refusing a checkpoint"));
        }
        Ok(self.refuse(&Violation::CheckpointRefused { detail: detail.to_owned() }.into()))
    }

    pub(in crate::channel) fn on_checkpoint_sign(&mut self, msg: &CheckpointSign) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        self.expect_in_use("checkpoint_sign")?;
        let Some(proposal) = &msg.proposal else {
            return self.on_checkpoint_answer(msg);
        };
        let money = self.money()?;
        if let Some(round) = money.round.as_ref().filter(|round| round.number == msg.number) {
            return self.on_known_proposal(round, msg, proposal);
        }
        if msg.number <= money.number {
            return Ok(Vec::new()); // C-14: finished long ago
        }
        if let Some(pending) = &self.proposal {
            // C-14: what the shell is looking at is not exchanged under its hands.
            let same = pending.proposal == *proposal && pending.msg.checkpoint_signature == msg.checkpoint_signature;
            let changed = Violation::Changed { what: "checkpoint_sign" };
            return if same { Ok(Vec::new()) } else { Err(changed.into()) };
        }
        if money.round.is_some() || Some(msg.number) != money.number.checked_add(1) {
            return Err(Wait::Round { step: "checkpoint_sign", number: msg.number }.into());
        }
        if money.holder() == self.state.side {
            return Err(Violation::Turn { turn: money.turn }.into()); // C-113
        }
        // C-130: a life that the proposer begins (C-154) may not be known before.
        self.expect_established()?;
        check_checkpoint_size(&proposal.checkpoint)?;
        money.check_splices(proposal.changes.items())?;
        let proposer = self.state.side.other();
        let ledger = money
            .ledger
            .apply(&self.ledger_keys()?, proposer, proposal.changes.items(), proposal.app)
            .map_err(Violation::Ledger)?;
        let built = self.commitments(msg.number, &ledger)?;
        self.verify_own(msg.number, &built, msg.signatures.items())?;
        let review = CheckpointReview {
            checkpoint: proposal.checkpoint.clone(),
            changes: proposal.changes.items().to_vec(),
            facts: facts(msg.number, &ledger, &built),
            peer_signature: msg.checkpoint_signature,
            own_signature: None,
        };
        self.proposal = Some(ReviewedProposal { msg: msg.clone(), proposal: proposal.clone(), ledger, built });
        Ok(vec![Effect::ReviewCheckpoint(Box::new(review))])
    }

    // C-14: a repeat is ignored, other content for one number is a broken rule (and proof of equivocation).
    fn on_known_proposal(
        &self,
        round: &Round,
        msg: &CheckpointSign,
        proposal: &CheckpointProposal,
    ) -> Result<Vec<Effect>, ChannelError> {
        let same = round.proposer != self.state.side
            && round.proposal == *proposal
            && round.peer_signature == Some(msg.checkpoint_signature);
        if same { Ok(Vec::new()) } else { Err(Violation::Changed { what: "checkpoint_sign" }.into()) }
    }

    pub(super) fn ledger_keys(&self) -> Result<LedgerKeys, ChannelError> {
        let peer = self.state.peer.ok_or_else(|| self.wait("the money lane"))?.funding;
        let own = self.state.own.funding;
        let funding = match self.state.side {
            Side::Member => PerSide { member: own, hub: peer },
            Side::Hub => PerSide { member: peer, hub: own },
        };
        Ok(LedgerKeys { channel: self.channel_id()?, funding })
    }
}
