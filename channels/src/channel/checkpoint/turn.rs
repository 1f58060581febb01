//! Whose turn it is to propose. Clause C-113.

use crate::channel::{Channel, ChannelError, Effect, Phase};
use crate::wire::{CheckpointTurn, Msg};

impl Channel {
    /// Asks for the turn; [`Effect::TurnGained`] tells when it is here. Asked again after a reconnect, not after a restart.
    ///
    /// # Errors
    /// [`Wait::Phase`](crate::Wait::Phase) outside [`Phase::Ready`].
    pub fn ask_turn(&mut self) -> Result<Vec<Effect>, ChannelError> {
        if self.state.phase != Phase::Ready {
            return Err(self.wait("asking for the turn"));
        }
        self.asked = true;
        if self.turn_is_own() {
            return Ok(self.turn_gained());
        }
        self.ask_again()
    }

    /// Whether this side may propose the next checkpoint once the one under way is finished.
    pub fn turn_is_own(&self) -> bool {
        self.state.money.as_ref().is_some_and(|money| money.round.is_none() && money.holder() == self.state.side)
    }

    pub(in crate::channel) fn on_checkpoint_turn(&mut self, msg: &CheckpointTurn) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        if self.state.phase != Phase::Ready {
            return Ok(Vec::new()); // C-115: nothing new begins
        }
        let side = self.state.side;
        let own = self.turn_is_own();
        let money = self.money_mut()?;
        if money.round.is_some() {
            return Ok(Vec::new()); // the turn goes over with the end of the round
        }
        if msg.given && !own && Some(msg.turn) == money.turn.checked_add(1) {
            money.turn = msg.turn;
            let mut effects = vec![Effect::Persist];
            effects.extend(self.turn_gained());
            return Ok(effects);
        }
        if !msg.given && own && msg.turn == money.turn {
            money.turn = money.turn.saturating_add(1);
            debug_assert_ne!(money.holder(), side);
            let turn = money.turn;
            // C-61: a side that forgot that it yielded would propose at the same time as the other.
            return Ok(vec![Effect::Persist, self.checkpoint_turn(turn, true)?]);
        }
        Ok(Vec::new()) // crossed on the way
    }

    pub(super) fn turn_gained(&mut self) -> Vec<Effect> {
        if self.state.phase != Phase::Ready || !self.turn_is_own() {
            return Vec::new();
        }
        self.asked = false;
        vec![Effect::TurnGained]
    }

    pub(super) fn ask_again(&self) -> Result<Vec<Effect>, ChannelError> {
        let money = self.money()?;
        if !self.asked || money.round.is_some() || money.holder() == self.state.side {
            return Ok(Vec::new());
        }
        Ok(vec![self.checkpoint_turn(money.turn, false)?])
    }

    fn checkpoint_turn(&self, turn: u64, given: bool) -> Result<Effect, ChannelError> {
        Ok(Effect::Send(Msg::CheckpointTurn(CheckpointTurn { channel: self.channel_id()?, turn, given })))
    }
}
