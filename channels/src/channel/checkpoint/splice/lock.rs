//! A new funding is confirmed and replaces the old one. Clauses C-144 and C-145.

use bitcoin::{OutPoint, TxOut};

use crate::channel::{Change, Channel, ChannelError, Effect, Phase, REQUIRED_CONFIRMATIONS, Violation, Wait};
use crate::commitment::funding_output;
use crate::musig::SessionSecret;
use crate::wire::{Msg, SpliceLocked};

impl Channel {
    /// The shell's own node shows `output` at the new funding outpoint with this many confirmations.
    ///
    /// # Errors
    /// [`Violation::FundingOutput`] when it is another output (C-19); [`Wait`] while it is not deep enough or not in force.
    pub fn splice_confirmed(
        &mut self,
        funding: OutPoint,
        output: &TxOut,
        confirmations: u32,
    ) -> Result<Vec<Effect>, ChannelError> {
        if self.state.phase != Phase::ForceClosing {
            self.expect_in_use("confirming a splice")?;
        }
        let ledger = self.money()?.ledger.clone();
        let wanted = funding_output(&self.context_in(&ledger, funding)?);
        if *output != wanted {
            return Err(Violation::FundingOutput {
                found_sat: output.value.to_sat(),
                found_script: output.script_pubkey.to_hex_string(),
                wanted_sat: wanted.value.to_sat(),
                wanted_script: wanted.script_pubkey.to_hex_string(),
            }
            .into()); // C-19
        }
        if confirmations < REQUIRED_CONFIRMATIONS {
            return Err(Wait::Confirmations { confirmations, required: REQUIRED_CONFIRMATIONS }.into());
        }
        let Some(splice) = self.money_mut()?.splice_mut(funding) else {
            return Ok(Vec::new()); // the only funding since long
        };
        splice.own_locked = true;
        let both = splice.is_locked();
        if self.state.phase == Phase::ForceClosing {
            return Ok(vec![Effect::Persist]); // C-145: `force_close` then signs over this funding
        }
        let mut effects = vec![Effect::Persist, self.splice_locked(funding)?];
        effects.extend(both.then_some(Effect::SpliceLocked { change: Change::FundingLocked { funding } }));
        Ok(effects)
    }

    pub(in crate::channel) fn on_splice_locked(&mut self, msg: &SpliceLocked) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        self.expect_in_use("splice_locked")?;
        let funding = msg.funding;
        let money = self.money_mut()?;
        let known = money.is_in_force(funding);
        let Some(splice) = money.splice_mut(funding).filter(|splice| known && !splice.peer_locked) else {
            return Ok(Vec::new()); // C-14: known already, or over
        };
        splice.peer_locked = true;
        let both = splice.is_locked();
        let mut effects = vec![Effect::Persist];
        effects.extend(both.then_some(Effect::SpliceLocked { change: Change::FundingLocked { funding } }));
        Ok(effects)
    }

    /// What the peer may have missed of splices under way. C-145.
    pub(in crate::channel) fn resend_splices(&mut self, session: SessionSecret) -> Result<Vec<Effect>, ChannelError> {
        let mut effects: Vec<Effect> = self.splice_init()?.into_iter().collect();
        effects.extend(self.splice_nonce(session)?);
        let money = self.money()?;
        for splice in money.splices.iter().filter(|splice| splice.own_locked) {
            effects.push(self.splice_locked(splice.funding)?);
        }
        Ok(effects)
    }

    fn splice_locked(&self, funding: OutPoint) -> Result<Effect, ChannelError> {
        Ok(Effect::Send(Msg::SpliceLocked(SpliceLocked { channel: self.channel_id()?, funding })))
    }
}
