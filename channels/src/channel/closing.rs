//! Cooperative close: both name a script, the member proposes fees, the hub signs. Clauses C-30 to C-34.

use bitcoin::ScriptBuf;

use super::{Channel, ChannelError, Effect, Phase, Violation, Wait};
use crate::close::{CloseScripts, CloseTx};
use crate::commitment::{CommitmentContext, Side, funding_output};
use crate::ids::ChannelId;
use crate::musig::{PartialSignatureWithNonce, PublicNonce, SessionSecret};
use crate::scripts::is_close_script;
use crate::wire::{ClosingComplete, ClosingSig, Msg, Shutdown};

/// The member's side of a close round; lost with a restart, after which the hub sends a new nonce.
#[derive(Default)]
#[allow(clippy::large_enum_variant, reason = "one value per channel")]
pub(super) enum ClosingRound {
    /// The hub has not announced a nonce on this connection.
    #[default]
    NoNonce,
    /// The hub's nonce is here and unused.
    Announced(PublicNonce),
    /// A proposal is out.
    Proposed { close: CloseTx, own: PartialSignatureWithNonce, hub_nonce: PublicNonce },
}

impl Channel {
    /// Begins, or answers, a cooperative close: own part goes to `script`. The script cannot be changed afterwards.
    ///
    /// # Errors
    /// [`Violation::CloseScript`] (C-32), [`Violation::Changed`] (C-14), or [`Wait::Phase`] outside [`Phase::Ready`] and
    /// [`Phase::Closing`].
    pub fn close(&mut self, script: ScriptBuf, session: SessionSecret) -> Result<Vec<Effect>, ChannelError> {
        if !matches!(self.state.phase, Phase::Ready | Phase::Closing) {
            return Err(self.wait("closing"));
        }
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

    /// Member: proposes the close at this fee, for the first time or (higher) again.
    ///
    /// # Errors
    /// [`Violation::Close`] or [`Violation::FeeLowered`] (C-31); [`Wait`] while something is missing (C-33).
    pub fn propose_close(&mut self, fee_sat: u64, session: SessionSecret) -> Result<Vec<Effect>, ChannelError> {
        if self.state.side != Side::Member || self.state.phase != Phase::Closing {
            return Err(self.wait("proposing a close"));
        }
        let ClosingRound::Announced(hub_nonce) = self.round else {
            return Err(Wait::ClosingNonce.into());
        };
        self.expect_idle("propose a close")?;
        let (context, close) = self.build_close(fee_sat)?;
        let own =
            self.aggregate(&context).sign_fresh(&self.keys.funding_secret(), session, &hub_nonce, close.sighash());
        // The hub's nonce leaves `Announced` here: it never meets a second signature of ours (C-33).
        self.round = ClosingRound::Proposed { close, own, hub_nonce };
        Ok(vec![Effect::Send(Msg::ClosingComplete(ClosingComplete {
            channel: ChannelId::new(context.params.dao, context.funding),
            fee_sat,
            signature: own,
        }))])
    }

    pub(super) fn on_shutdown(&mut self, msg: &Shutdown) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        match self.state.phase {
            Phase::Ready | Phase::Closing => {}
            Phase::ForceClosing | Phase::Closed => return Ok(Vec::new()), // C-34: the chain decides
            _ => return Err(self.wait("shutdown")),
        }
        check_close_script(&msg.script)?;
        if self.state.peer_close_script.as_ref().is_some_and(|known| *known != msg.script) {
            return Err(Violation::Changed { what: "the close script" }.into()); // C-14
        }
        let announced = match (self.state.side, msg.nonce) {
            (Side::Member, None) => return Err(Violation::NonceMissing.into()), // C-33
            (Side::Member, Some(nonce)) => ClosingRound::Announced(nonce),
            (Side::Hub, _) => ClosingRound::NoNonce,
        };
        self.state.peer_close_script = Some(msg.script.clone());
        self.state.phase = Phase::Closing;
        self.round = announced;
        let mut effects = vec![Effect::Persist];
        if self.state.own_close_script.is_none() {
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
        self.expect_idle("closing_complete")?;
        let (context, close) = self.build_close(msg.fee_sat)?;
        let aggregate = self.aggregate(&context);
        let announced = self.closing_nonce.as_ref().map(|nonce| nonce.public()).ok_or(Wait::ClosingNonce)?;
        let signer = &context.member.funding;
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
        let ClosingRound::Proposed { close, own, hub_nonce } = &self.round else {
            return Err(self.wait("closing_sig"));
        };
        if close.fee_sat() != msg.fee_sat {
            return Err(Violation::Changed { what: "the fee of the close" }.into()); // C-14
        }
        let hub = PartialSignatureWithNonce { signature: msg.signature, nonce: *hub_nonce };
        let context = self.funded_context()?;
        let full = self
            .aggregate(&context)
            .aggregate(own, &hub, close.sighash())
            .ok_or(Violation::PartialSignature { what: "the close" })?; // C-17
        let transaction = close.clone().into_signed(&full);
        self.state.close_fee_sat = Some(msg.fee_sat);
        self.state.close_tx = Some(transaction.clone());
        self.round = ClosingRound::Announced(msg.next_nonce);
        Ok(vec![Effect::Persist, Effect::BroadcastClose(transaction)])
    }

    // C-33: after a reconnect both begin at shutdown, with a new nonce; an older one is dropped unused.
    pub(super) fn resend_shutdown(&mut self, session: SessionSecret) -> Vec<Effect> {
        let (Ok(context), Some(script)) = (self.funded_context(), self.state.own_close_script.clone()) else {
            return Vec::new();
        };
        let nonce = match self.state.side {
            Side::Member => None,
            Side::Hub => {
                let nonce = self.aggregate(&context).fresh_nonce(&self.keys.funding_secret(), session);
                let public = nonce.public();
                self.closing_nonce = Some(nonce);
                Some(public)
            }
        };
        vec![Effect::Send(Msg::Shutdown(Shutdown {
            channel: ChannelId::new(context.params.dao, context.funding),
            script,
            nonce,
        }))]
    }

    pub(super) fn close_can_be_proposed(&self) -> bool {
        self.state.side == Side::Member
            && self.state.own_close_script.is_some()
            && self.state.peer_close_script.is_some()
            && matches!(self.round, ClosingRound::Announced(_))
            && self.is_idle()
    }

    fn build_close(&self, fee_sat: u64) -> Result<(CommitmentContext, CloseTx), ChannelError> {
        let context = self.funded_context()?;
        let (Some(own), Some(peer)) = (self.state.own_close_script.clone(), self.state.peer_close_script.clone())
        else {
            return Err(self.wait("building a close"));
        };
        if let Some(signed_sat) = self.state.close_fee_sat.filter(|signed| fee_sat < *signed) {
            // C-31: a lower fee could not replace what is in mempools already.
            return Err(Violation::FeeLowered { fee_sat, signed_sat }.into());
        }
        let scripts = match self.state.side {
            Side::Member => CloseScripts { member: own, hub: peer },
            Side::Hub => CloseScripts { member: peer, hub: own },
        };
        let close = CloseTx::build(context.funding, &funding_output(&context), self.balances(), &scripts, fee_sat)
            .map_err(Violation::Close)?;
        Ok((context, close))
    }
}

fn check_close_script(script: &ScriptBuf) -> Result<(), Violation> {
    if is_close_script(script) {
        Ok(())
    } else {
        Err(Violation::CloseScript { script: script.to_hex_string() }) // C-32
    }
}
