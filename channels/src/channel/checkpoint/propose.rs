//! The proposer's part of a round: propose, take the peer's revocation, take its signature, revoke. Clauses C-110 to C-112.

use super::change::Change;
use super::commitments::{CheckpointFacts, facts};
use super::ledger::{AppPosition, Ledger};
use super::money::Round;
use crate::channel::opening::check_checkpoint_size;
use crate::channel::{Channel, ChannelError, CheckpointReview, Effect, Phase, Violation, Wait};
use crate::commitment::CommitmentContext;
use crate::ids::ChannelId;
use crate::musig::SessionSecret;
use crate::wire::{CheckpointProposal, CheckpointRevoke, CheckpointSign, List, Msg};

/// The peer's answer, waiting for the shell's check of the checkpoint signature; lost with a restart, then sent again.
pub(in crate::channel) struct ReviewedAnswer(CheckpointSign);

impl Channel {
    /// The facts that a checkpoint with these changes has to state; the shell writes and signs it.
    ///
    /// # Errors
    /// [`Violation`] naming the rule that a change breaks (C-101 to C-109); [`Wait`] when this side cannot propose now.
    pub fn next_checkpoint(&self, changes: &[Change], app: AppPosition) -> Result<CheckpointFacts, ChannelError> {
        let (number, ledger) = self.next_ledger(changes, app)?;
        Ok(facts(number, &ledger, &self.commitments(number, &ledger)?))
    }

    /// Whether this side could fold these changes into what is known now, whoever has the turn; a round under way counts as finished.
    /// What the other side folds before the own turn comes can still make a difference.
    ///
    /// # Errors
    /// [`Violation`] naming the rule that a change breaks (C-101 to C-109); [`Wait`] before the channel is in use.
    pub fn judge_changes(&self, changes: &[Change]) -> Result<(), ChannelError> {
        let newest = self.newest_ledger().ok_or_else(|| self.wait("the money lane"))?;
        newest.apply(&self.ledger_keys()?, self.state.side, changes, newest.app()).map_err(Violation::Ledger)?;
        Ok(())
    }

    // What a checkpoint with these changes leaves, and its number.
    fn next_ledger(&self, changes: &[Change], app: AppPosition) -> Result<(u64, Ledger), ChannelError> {
        let money = self.can_propose(changes)?;
        money.check_splices(changes)?;
        let ledger =
            money.ledger.apply(&self.ledger_keys()?, self.state.side, changes, app).map_err(Violation::Ledger)?;
        let number = money.number.checked_add(1).ok_or(Violation::Number { number: money.number, expected: 0 })?;
        Ok((number, ledger))
    }

    /// Proposes the checkpoint with the facts of [`Channel::next_checkpoint`]; `signature` is this side's on it.
    ///
    /// There is no way back: the same checkpoint is sent until the peer has answered it (C-110).
    ///
    /// # Errors
    /// As [`Channel::next_checkpoint`], and [`Violation::CheckpointSize`].
    pub fn propose_checkpoint(
        &mut self,
        changes: Vec<Change>,
        app: AppPosition,
        checkpoint: Vec<u8>,
        signature: [u8; 64],
        session: SessionSecret,
    ) -> Result<Vec<Effect>, ChannelError> {
        check_checkpoint_size(&checkpoint)?;
        let (number, ledger) = self.next_ledger(&changes, app)?;
        let count = changes.len();
        let changes = List::new(changes).ok_or(Violation::Changes { count })?;
        let built = self.commitments(number, &ledger)?;
        let signatures = self.sign_peer(&built, session)?;
        self.proposed = Some((number, built));
        let round = Round {
            proposer: self.state.side,
            number,
            proposal: CheckpointProposal { changes, app, checkpoint },
            own_signature: signature,
            peer_signature: None,
            other_ledger: ledger,
        };
        self.money_mut()?.round = Some(round);
        // C-61: that the peer may hold the new number is durable before it can.
        Ok(vec![Effect::Persist, self.checkpoint_sign(signatures)?])
    }

    /// The peer's signature on the checkpoint under way is good: the own commitment before is replaced and revoked.
    ///
    /// # Errors
    /// [`Wait::Phase`] when no such check is due.
    pub fn finish_checkpoint(&mut self) -> Result<Vec<Effect>, ChannelError> {
        let Some(ReviewedAnswer(answer)) = self.answer.take() else {
            return Err(self.wait("finishing a checkpoint"));
        };
        let side = self.state.side;
        let money = self.money_mut()?;
        let Some(mut round) = money.round.take() else {
            return Err(self.wait("finishing a checkpoint"));
        };
        round.peer_signature = Some(answer.checkpoint_signature);
        money.signed = round.signed(side);
        money.number = round.number;
        money.ledger = round.other_ledger;
        money.signatures = answer.signatures.items().to_vec();
        money.turn = money.turn.saturating_add(1); // C-113
        money.forget_splices();
        let signed = money.signed.clone();
        // C-61: the new commitment with the peer's signature is durable before the old one is revoked.
        let mut effects = vec![Effect::Persist, self.checkpoint_revoke()?];
        effects.extend(signed.map(Effect::Checkpointed));
        effects.extend(self.after_round());
        Ok(effects)
    }

    pub(in crate::channel) fn on_checkpoint_revoke(
        &mut self,
        msg: &CheckpointRevoke,
        session: SessionSecret,
    ) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        let side = self.state.side;
        self.expect_in_use("checkpoint_revoke")?;
        let money = self.money()?;
        let expected = money.secrets.count();
        if msg.number < expected {
            return Ok(Vec::new()); // C-14: known already
        }
        let revocable = money.round.as_ref().is_some_and(|round| round.number.checked_sub(1) == Some(expected));
        if msg.number != expected || !revocable {
            return Err(Wait::Round { step: "checkpoint_revoke", number: msg.number }.into());
        }
        let ledger = money.ledger_of(expected + 1).ok_or(Violation::Number { number: msg.number, expected })?;
        let named = msg.next.nonces.items().iter().map(|nonce| nonce.funding);
        if !ledger.fundings().iter().map(|funding| funding.outpoint).eq(named) {
            return Err(Violation::FundingSet { number: msg.number }.into()); // C-141
        }
        let revoked = money.ledger_of(expected).ok_or(Violation::Number { number: msg.number, expected })?;
        let over = revoked.fundings().iter().map(|funding| self.context_in(revoked, funding.outpoint));
        let over: Vec<CommitmentContext> = over.collect::<Result<_, _>>()?;
        let money = self.money_mut()?;
        let point = money.peer_point;
        if !money.secrets.push(msg.secret, &point) {
            return Err(Violation::Secret { number: msg.number }.into()); // C-112
        }
        money.peer_point = money.peer_next.point;
        money.peer_next = msg.next.clone();
        let mut effects = vec![Effect::Persist, Effect::PeerRevoked { number: msg.number, over }];
        let finished = money.round.take_if(|round| round.proposer != side);
        if let Some(round) = finished {
            money.signed = round.signed(side);
            money.turn = money.turn.saturating_add(1); // C-113
            effects.extend(money.signed.clone().map(Effect::Checkpointed));
            effects.extend(self.splice_nonce(session)?);
            effects.extend(self.after_round());
        }
        Ok(effects)
    }

    // The peer's signature on the own new commitment, after its revocation of the one before.
    pub(super) fn on_checkpoint_answer(&mut self, msg: &CheckpointSign) -> Result<Vec<Effect>, ChannelError> {
        let proposed = self.proposed.take();
        let money = self.money()?;
        if msg.number <= money.number || self.answer.is_some() {
            return Ok(Vec::new()); // C-14: the first verified signature is kept
        }
        let round = money.round.as_ref().filter(|round| round.number == msg.number);
        let (Some(round), true) = (round, money.secrets.count() == msg.number) else {
            return Err(Wait::Round { step: "checkpoint_sign", number: msg.number }.into());
        };
        let built = match proposed {
            Some((number, built)) if number == msg.number => built,
            _ => self.commitments(msg.number, &round.other_ledger)?,
        };
        self.verify_own(msg.number, &built, msg.signatures.items())?;
        if self.state.next_life.is_some() {
            // C-130: the revocation would announce points of the life before, and the other side may have settled the new one already.
            self.expect_established()?;
        }
        let review = CheckpointReview {
            checkpoint: round.proposal.checkpoint.clone(),
            changes: round.proposal.changes.items().to_vec(),
            facts: facts(msg.number, &round.other_ledger, &built),
            peer_signature: msg.checkpoint_signature,
            own_signature: Some(round.own_signature),
        };
        self.answer = Some(ReviewedAnswer(msg.clone()));
        Ok(vec![Effect::ReviewCheckpoint(Box::new(review))])
    }

    /// The `checkpoint_sign` of the round under way, of either side.
    pub(super) fn checkpoint_sign(
        &self,
        signatures: Vec<crate::wire::FundingSignature>,
    ) -> Result<Effect, ChannelError> {
        let money = self.money()?;
        let round = money.round.as_ref().ok_or_else(|| self.wait("checkpoint_sign"))?;
        let number = round.number;
        Ok(Effect::Send(Msg::CheckpointSign(CheckpointSign {
            channel: self.channel_id()?,
            number,
            signatures: List::new(signatures).ok_or(Violation::FundingSet { number })?,
            checkpoint_signature: round.own_signature,
            proposal: (round.proposer == self.state.side).then(|| round.proposal.clone()),
        })))
    }

    /// The revocation of the commitment before the own newest one. C-111.
    pub(super) fn checkpoint_revoke(&self) -> Result<Effect, ChannelError> {
        let money = self.money()?;
        let number = money.number.checked_sub(1).ok_or_else(|| self.wait("checkpoint_revoke"))?;
        let after = money.number.checked_add(1).ok_or_else(|| self.wait("checkpoint_revoke"))?;
        Ok(Effect::Send(Msg::CheckpointRevoke(CheckpointRevoke {
            channel: self.channel_id()?,
            number,
            secret: self.keys.per_commitment_secret(number).secret_bytes(),
            next: self.next_nonces(after, &money.ledger)?,
        })))
    }

    /// What a finished round makes possible.
    pub(super) fn after_round(&mut self) -> Vec<Effect> {
        self.take_back_close();
        let mut effects = Vec::new();
        if self.close_can_be_proposed() {
            effects.push(Effect::ProposeClose);
        }
        effects.extend(self.turn_gained());
        effects
    }

    pub(super) fn channel_id(&self) -> Result<ChannelId, ChannelError> {
        self.id().ok_or_else(|| self.wait("naming the channel"))
    }

    pub(super) fn expect_in_use(&self, step: &'static str) -> Result<(), ChannelError> {
        // A round under way when a side wanted to close is finished first (C-115).
        if !matches!(self.state.phase, Phase::Ready | Phase::Closing) {
            return Err(self.wait(step));
        }
        self.expect_current()
    }

    fn can_propose(&self, changes: &[Change]) -> Result<&super::money::Money, ChannelError> {
        // C-115: a close needs the funding that it can spend.
        let only_locks = self.state.phase == Phase::Closing && matches!(changes, [Change::FundingLocked { .. }]);
        if self.state.phase != Phase::Ready && !only_locks {
            return Err(self.wait("proposing a checkpoint"));
        }
        let money = self.money()?;
        self.expect_current()?;
        self.expect_established()?; // C-130
        if let Some(round) = &money.round {
            return Err(Wait::Round { step: "proposing a checkpoint", number: round.number }.into());
        }
        if money.holder() != self.state.side || self.proposal.is_some() {
            return Err(Wait::Turn { turn: money.turn }.into()); // C-113
        }
        Ok(money)
    }
}
