//! Cooperative close: both name a script, either side proposes fees that it pays, the other signs. Clauses C-30 to C-35.

use bitcoin::{OutPoint, ScriptBuf, Transaction};

use super::{Channel, ChannelError, Division, Effect, Phase, Violation, Wait};
use crate::close::{CLOSE_RAISE_SAT, CloseScripts, CloseTx};
use crate::commitment::{Balances, CommitmentContext, Side, funding_output};
use crate::musig::{PartialSignatureWithNonce, PublicNonce, SessionSecret};
use crate::scripts::is_close_script;
use crate::wire::{ClosingComplete, ClosingSig, Msg, Shutdown};

/// The proposer's side of a close round; lost with a restart, after which the other side sends a new nonce.
#[derive(Default)]
#[allow(clippy::large_enum_variant, reason = "one value per channel")]
pub(super) enum ClosingRound {
    /// The peer has not announced a nonce on this connection.
    #[default]
    NoNonce,
    /// The peer's nonce is here and unused.
    Announced(PublicNonce),
    /// A proposal is out.
    Proposed { close: CloseTx, own: PartialSignatureWithNonce, peer_nonce: PublicNonce },
}

impl Channel {
    /// Begins, or answers, a cooperative close: own part goes to `script`. The script cannot be changed afterwards.
    ///
    /// # Errors
    /// [`Violation::CloseScript`] (C-32), [`Violation::Changed`] (C-14), [`Wait::Holds`] (C-36), or [`Wait::Phase`] outside
    /// [`Phase::Ready`] and [`Phase::Closing`].
    pub fn close(&mut self, script: ScriptBuf, session: SessionSecret) -> Result<Vec<Effect>, ChannelError> {
        if !matches!(self.state.phase, Phase::Ready | Phase::Closing) {
            return Err(self.wait("closing"));
        }
        self.expect_no_holds()?;
        check_close_script(&script)?;
        if self.state.own_close_script.as_ref().is_some_and(|known| *known != script) {
            return Err(Violation::Changed { what: "the close script" }.into());
        }
        self.state.own_close_script = Some(script);
        self.state.phase = Phase::Closing;
        let mut effects = vec![Effect::Persist];
        effects.extend(self.resend_shutdown(session));
        effects.extend(self.close_can_be_proposed().then_some(Effect::ProposeClose));
        Ok(effects)
    }

    /// Proposes the close at this fee, paid by this side: for the first time, the same again, or a higher one (C-35).
    ///
    /// # Errors
    /// [`Violation::Close`] (C-31) or [`Violation::FeeLowered`] (C-35); [`Wait`] while something is missing (C-33).
    pub fn propose_close(&mut self, fee_sat: u64, session: SessionSecret) -> Result<Vec<Effect>, ChannelError> {
        if self.closes_into() {
            return Err(Violation::Changed { what: "a close that funds another channel" }.into()); // C-302
        }
        self.propose(fee_sat, session)
    }

    pub(super) fn propose(&mut self, fee_sat: u64, session: SessionSecret) -> Result<Vec<Effect>, ChannelError> {
        if self.state.phase != Phase::Closing {
            return Err(self.wait("proposing a close"));
        }
        let ClosingRound::Announced(peer_nonce) = self.round else {
            return Err(Wait::ClosingNonce.into());
        };
        self.expect_proposable()?;
        let channel = self.id().ok_or_else(|| self.wait("proposing a close"))?;
        let (context, close) = self.build_close(self.state.side, fee_sat)?;
        let own = context.aggregate().sign_fresh(&self.keys.funding_secret(), session, &peer_nonce, close.sighash());
        // The peer's nonce leaves `Announced` here: it never meets a second signature of ours (C-33).
        self.round = ClosingRound::Proposed { close, own, peer_nonce };
        Ok(vec![Effect::Send(Msg::ClosingComplete(ClosingComplete { channel, fee_sat, signature: own }))])
    }

    /// The signed close that pays most, once there is one: the only one worth broadcasting.
    pub fn signed_close(&self) -> Option<&Transaction> {
        self.state.close_tx.as_ref()
    }

    /// Where the own part of a close goes, once that was said: it does not change any more (C-32).
    pub fn own_close_script(&self) -> Option<&ScriptBuf> {
        self.state.own_close_script.as_ref()
    }

    /// Whether a close can be proposed now: both scripts and a nonce of the peer are here.
    pub fn can_propose_close(&self) -> bool {
        self.state.phase == Phase::Closing
            && self.state.own_close_script.is_some()
            && self.state.peer_close_script.is_some()
            && matches!(self.round, ClosingRound::Announced(_))
            && self.expect_proposable().is_ok()
    }

    pub(super) fn on_shutdown(&mut self, msg: &Shutdown) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        match self.state.phase {
            Phase::Ready | Phase::Closing => {}
            Phase::ForceClosing | Phase::Closed => return Ok(Vec::new()), // C-34: the chain decides
            _ => return Err(self.wait("shutdown")),
        }
        self.expect_no_holds()?;
        check_close_script(&msg.script)?;
        // C-14; a hub that is behind may have lost what it said (C-165).
        let is_other = self.state.peer_close_script.as_ref().is_some_and(|known| *known != msg.script);
        if is_other && !self.peer_is_behind() {
            return Err(Violation::Changed { what: "the close script" }.into());
        }
        let announced = match (self.state.side, msg.nonce) {
            (Side::Member, None) => return Err(Violation::NonceMissing.into()), // C-33
            (_, Some(nonce)) => ClosingRound::Announced(nonce),
            (Side::Hub, None) => ClosingRound::NoNonce, // the hub cannot propose then, and need not
        };
        self.state.peer_close_script = Some(msg.script.clone());
        // A script that was named before the close was taken back (C-36) is said again, and not changed (C-32).
        let is_unsaid = self.state.phase == Phase::Ready || self.state.own_close_script.is_none();
        self.state.phase = Phase::Closing;
        self.round = announced;
        let mut effects = vec![Effect::Persist];
        if is_unsaid {
            effects.push(Effect::CloseRequested);
        } else if self.close_can_be_proposed() {
            effects.push(Effect::ProposeClose);
        }
        Ok(effects)
    }

    pub(super) fn on_closing_complete(
        &mut self,
        msg: &ClosingComplete,
        session: SessionSecret,
    ) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        if self.state.phase != Phase::Closing {
            return Err(self.wait("closing_complete"));
        }
        if self.is_behind() && self.division().is_none() {
            self.close_refused = true;
            return Err(Wait::Division.into());
        }
        if self.division().is_none() {
            self.expect_idle("closing_complete")?;
            self.expect_established()?; // C-304
        }
        let proposer = self.state.side.other();
        let (context, close) = self.build_close(proposer, msg.fee_sat)?;
        let aggregate = context.aggregate();
        let announced = self.closing_nonce.as_ref().map(|nonce| nonce.public()).ok_or(Wait::ClosingNonce)?;
        let signer = match proposer {
            Side::Member => &context.member.funding,
            Side::Hub => &context.hub.funding,
        };
        if !aggregate.verify_partial(signer, &msg.signature, &announced, close.sighash()) {
            return Err(Violation::PartialSignature { what: "the close" }.into()); // C-17
        }
        // C-33: checked first, then taken: the announced nonce is used once, or still there for a right proposal.
        let nonce = self.closing_nonce.take().ok_or(Wait::ClosingNonce)?;
        let secret = self.keys.funding_secret();
        let signature = aggregate.sign(&secret, nonce, &msg.signature.nonce, close.sighash());
        let own = PartialSignatureWithNonce { signature, nonce: announced };
        let full = aggregate
            .aggregate(&msg.signature, &own, close.sighash())
            .ok_or(Violation::PartialSignature { what: "the close" })?;
        let next = aggregate.fresh_nonce(&secret, session);
        let next_nonce = next.public();
        self.closing_nonce = Some(next);
        self.state.close_fee_sat = Some(msg.fee_sat);
        let transaction = close.into_signed(&full);
        self.state.close_tx = Some(transaction.clone());
        let answer = ClosingSig { channel: msg.channel, fee_sat: msg.fee_sat, signature, next_nonce };
        Ok(vec![Effect::Persist, Effect::Send(Msg::ClosingSig(answer)), Effect::BroadcastClose(transaction)])
    }

    pub(super) fn on_closing_sig(&mut self, msg: &ClosingSig) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        if self.state.phase != Phase::Closing {
            return Err(self.wait("closing_sig")); // C-26: after a force close only the commitment is broadcast
        }
        let ClosingRound::Proposed { close, own, peer_nonce } = &self.round else {
            return Err(self.wait("closing_sig"));
        };
        if close.fee_sat() != msg.fee_sat {
            return Err(Violation::Changed { what: "the fee of the close" }.into()); // C-14
        }
        let peer = PartialSignatureWithNonce { signature: msg.signature, nonce: *peer_nonce };
        let context = self.closing_context()?;
        let full = context
            .aggregate()
            .aggregate(own, &peer, close.sighash())
            .ok_or(Violation::PartialSignature { what: "the close" })?; // C-17
        let transaction = close.clone().into_signed(&full);
        self.round = ClosingRound::Announced(msg.next_nonce);
        // C-35: the peer's own proposal may have crossed this one; what pays more replaces the other in mempools.
        if self.close_over(context.funding).is_some_and(|signed| paid_out(signed) < paid_out(&transaction)) {
            return Ok(Vec::new());
        }
        self.state.close_fee_sat = Some(msg.fee_sat);
        self.state.close_tx = Some(transaction.clone());
        Ok(vec![Effect::Persist, Effect::BroadcastClose(transaction)])
    }

    // C-304; where the hub is behind no round is finished any more and no orderly `reestablish` comes (C-165).
    fn expect_proposable(&self) -> Result<(), ChannelError> {
        if self.peer_is_behind() {
            return self.expect_current();
        }
        self.expect_idle("propose a close")?;
        self.expect_established()
    }

    // C-36: in closing no hold can end any more (C-115), so it must not begin over one.
    fn expect_no_holds(&self) -> Result<(), ChannelError> {
        // C-164: no hold of an old ledger ends in the channel, and the log tells of those that are in force.
        if self.is_behind() || self.peer_is_behind() {
            return Ok(());
        }
        let Some(money) = self.state.money.as_ref().filter(|_| self.state.phase == Phase::Ready) else { return Ok(()) };
        match money.held_sat() {
            0 => Ok(()),
            held_sat => Err(Wait::Holds { held_sat }.into()),
        }
    }

    // C-36: the peer refused the own shutdown, or will: it came while the peer's round with a hold was under way. Had it come before, there
    // would be the peer's own, and no such round.
    pub(super) fn take_back_close(&mut self) {
        let holds = self.state.money.as_ref().is_some_and(|money| money.held_sat() > 0);
        if self.state.phase == Phase::Closing && self.state.peer_close_script.is_none() && holds {
            self.state.phase = Phase::Ready;
            self.closing_nonce = None;
        }
    }

    // C-33: after a reconnect both begin at shutdown, with a new nonce; an older one is dropped unused.
    pub(super) fn resend_shutdown(&mut self, session: SessionSecret) -> Vec<Effect> {
        let (Ok(context), Some(channel), Some(script)) =
            (self.closing_context(), self.id(), self.state.own_close_script.clone())
        else {
            return Vec::new();
        };
        // C-300: without a nonce the other side can propose nothing.
        self.closing_nonce =
            (!self.closes_into()).then(|| context.aggregate().fresh_nonce(&self.keys.funding_secret(), session));
        let nonce = self.closing_nonce.as_ref().map(|secret| secret.public());
        vec![Effect::Send(Msg::Shutdown(Shutdown { channel, script, nonce }))]
    }

    // The member begins: it wants its stake back. The hub may propose too, with coins of its own.
    pub(super) fn close_can_be_proposed(&self) -> bool {
        self.state.side == Side::Member && self.can_propose_close()
    }

    // C-35: one that was signed before a splice took the funding's place can never be mined, and binds no other.
    fn close_over(&self, funding: OutPoint) -> Option<&Transaction> {
        let spends = |close: &&Transaction| close.input.iter().any(|input| input.previous_output == funding);
        self.state.close_tx.as_ref().filter(spends)
    }

    // The confirmed funding: one that is not in the chain yet has nothing to divide. The amounts of the terms are what is divided.
    fn closing_context(&self) -> Result<CommitmentContext, ChannelError> {
        if let Some(Division { funding, member_sat, hub_sat, .. }) = self.division() {
            let mut context = self.context_over(*funding)?;
            (context.params.member_sat, context.params.hub_sat) = (*member_sat, *hub_sat);
            return Ok(context);
        }
        self.context().ok_or_else(|| self.wait("closing"))
    }

    pub(super) fn build_close(&self, payer: Side, fee_sat: u64) -> Result<(CommitmentContext, CloseTx), ChannelError> {
        let context = self.closing_context()?;
        let (Some(own), Some(peer)) = (self.state.own_close_script.clone(), self.state.peer_close_script.clone())
        else {
            return Err(self.wait("building a close"));
        };
        let scripts = match self.state.side {
            Side::Member => CloseScripts { member: own, hub: peer },
            Side::Hub => CloseScripts { member: peer, hub: own },
        };
        let output = funding_output(&context);
        let balances = Balances { member_sat: context.params.member_sat, hub_sat: context.params.hub_sat };
        let close =
            CloseTx::build(context.funding, &output, balances, &scripts, payer, fee_sat).map_err(Violation::Close)?;
        if let Some(signed) = self.close_over(context.funding)
            && signed.compute_txid() != close.txid()
        {
            // C-35: what does not pay enough more could not replace what is in mempools already.
            let capacity_sat = output.value.to_sat();
            let signed_sat = capacity_sat.saturating_sub(paid_out(signed));
            let pays_sat = capacity_sat.saturating_sub(paid_out(close.transaction()));
            if pays_sat < signed_sat.saturating_add(CLOSE_RAISE_SAT) {
                return Err(Violation::FeeLowered { fee_sat: pays_sat, signed_sat }.into());
            }
        }
        Ok((context, close))
    }
}

/// Sum of the outputs in satoshis: of two closes of one channel, the one with less pays more to miners.
fn paid_out(close: &Transaction) -> u64 {
    close.output.iter().map(|output| output.value.to_sat()).fold(0, u64::saturating_add)
}

fn check_close_script(script: &ScriptBuf) -> Result<(), Violation> {
    if is_close_script(script) {
        Ok(())
    } else {
        Err(Violation::CloseScript { script: script.to_hex_string() }) // C-32
    }
}
