//! From a funding that may be broadcast to a channel in use: confirmation and `channel_ready`. Clause C-19.

use bitcoin::TxOut;
use bitcoin::secp256k1::PublicKey;

use super::state::NextCommitment;
use super::{Channel, ChannelError, Effect, Phase, Violation, Wait};
use crate::commitment::{Side, funding_output};
use crate::ids::ChannelId;
use crate::musig::SessionSecret;
use crate::secp::secp;
use crate::wire::{ChannelReady, Msg};

/// Confirmations before a channel is used (to count as stake it needs more). Clause C-19.
pub const REQUIRED_CONFIRMATIONS: u32 = 1;

impl Channel {
    /// The shell's own node shows `output` at the funding outpoint with this many confirmations.
    ///
    /// # Errors
    /// [`Violation::FundingOutput`] when it is another output (C-19); [`Wait`] while it is not deep enough or not the time.
    pub fn funding_confirmed(&mut self, output: &TxOut, confirmations: u32) -> Result<Vec<Effect>, ChannelError> {
        if !matches!(self.state.phase, Phase::AwaitCommitmentSigned | Phase::AwaitConfirmation) {
            return Err(self.wait("confirming the funding"));
        }
        let wanted = funding_output(&self.funded_context()?);
        if *output != wanted {
            // C-19: a peer can name any outpoint; only the chain says what is there (CVE-2019-12998).
            return Err(Violation::FundingOutput {
                found_sat: output.value.to_sat(),
                found_script: output.script_pubkey.to_hex_string(),
                wanted_sat: wanted.value.to_sat(),
                wanted_script: wanted.script_pubkey.to_hex_string(),
            }
            .into());
        }
        if confirmations < REQUIRED_CONFIRMATIONS {
            return Err(Wait::Confirmations { confirmations, required: REQUIRED_CONFIRMATIONS }.into());
        }
        self.state.funding_confirmed = true;
        let mut effects = vec![Effect::Persist];
        effects.extend(self.advance()?);
        Ok(effects)
    }

    pub(super) fn on_channel_ready(&mut self, msg: &ChannelReady) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        let next = NextCommitment { point: msg.next_point, nonce: msg.next_nonce };
        match self.state.peer_next {
            Some(known) if known == next => return Ok(Vec::new()),
            Some(_) => {
                return Err(Violation::Changed { what: "channel_ready" }.into());
            } // C-14
            None => {}
        }
        if self.state.phase != Phase::AwaitConfirmation {
            return Err(self.wait("channel_ready"));
        }
        self.state.peer_next = Some(next);
        let mut effects = vec![Effect::Persist];
        effects.extend(self.advance()?);
        Ok(effects)
    }

    // The member does not know whether its signature arrived until the hub says that the channel is ready.
    pub(super) fn resend_signed(&self, session: SessionSecret) -> Result<Vec<Effect>, ChannelError> {
        let mut messages = Vec::new();
        if self.state.side == Side::Member && self.state.peer_next.is_none() {
            messages.push(self.commitment_signed(session)?);
        }
        if self.state.ready_sent {
            messages.push(self.channel_ready()?);
        }
        Ok(messages)
    }

    pub(super) fn advance(&mut self) -> Result<Vec<Effect>, ChannelError> {
        let mut effects = Vec::new();
        if self.state.phase != Phase::AwaitConfirmation {
            return Ok(effects);
        }
        if self.state.funding_confirmed && !self.state.ready_sent {
            effects.push(self.channel_ready()?);
            self.state.ready_sent = true;
        }
        if self.state.ready_sent && self.state.peer_next.is_some() {
            self.state.phase = Phase::Ready;
            self.state.begin_money();
            effects.push(Effect::Ready);
            effects.extend(self.reestablish());
        }
        Ok(effects)
    }

    fn channel_ready(&self) -> Result<Effect, ChannelError> {
        let context = self.funded_context()?;
        let (secret, txid) = (self.keys.funding_secret(), context.funding.txid);
        let nonce = context.aggregate().verification_nonce(&secret, txid, 1, None);
        Ok(Effect::Send(Msg::ChannelReady(ChannelReady {
            channel: ChannelId::new(context.params.dao, context.funding),
            // C-14: also when a life has begun since.
            next_point: PublicKey::from_secret_key(secp(), &self.keys.secret_in(&[], 1)),
            next_nonce: nonce.public(),
        })))
    }
}
