//! Moving to another hub: the close with this one is the funding of a channel with the other. Clauses C-300, C-301, C-302 and C-303.

use bitcoin::{OutPoint, ScriptBuf};

use super::{Channel, ChannelError, Effect, Phase, Violation};
use crate::close::CloseTx;
use crate::commitment::Side;
use crate::musig::SessionSecret;

impl Channel {
    /// Member: begins a close whose own output is `script`, the funding script of a channel with another hub (C-5).
    ///
    /// No nonce is announced, so this hub proposes nothing and the transaction that [`Channel::planned_close`] gives is the only
    /// one that can come of it. The turn must be this side's and nothing held or under way: then no balance can change any more.
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) when it is not the time; [`Violation::Changed`] when another
    /// close was begun (C-14), [`Violation::CloseScript`] (C-32).
    pub fn close_into(&mut self, script: ScriptBuf, session: SessionSecret) -> Result<Vec<Effect>, ChannelError> {
        let is_time = match self.state.phase {
            Phase::Ready => self.can_move(),
            Phase::Closing => self.closes_into(),
            _ => false,
        };
        if !is_time {
            return Err(self.wait("moving to another hub"));
        }
        let before = self.state.closes_into;
        self.state.closes_into = Some(true);
        self.close(script, session).inspect_err(|_| self.state.closes_into = before)
    }

    /// Member: whether the channel could begin to move now: its turn, no checkpoint, splice or hold under way.
    pub fn can_move(&self) -> bool {
        let holds = self.ledger().is_some_and(|ledger| !ledger.holds().is_empty());
        let is_free = self.turn_is_own() && self.pending_splices().is_empty() && !holds;
        self.state.side == Side::Member && !self.is_behind() && is_free
    }

    /// Whether the close under way funds a channel with another hub.
    pub fn closes_into(&self) -> bool {
        self.state.closes_into == Some(true)
    }

    /// Member: the close at this fee, unsigned, once both scripts are known: its id is known before anybody signs it.
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) before that; [`Violation::Close`] for a fee that does not fit
    /// (C-31).
    pub fn planned_close(&self, fee_sat: u64) -> Result<CloseTx, ChannelError> {
        if self.state.phase != Phase::Closing || self.state.side != Side::Member {
            return Err(self.wait("planning the close"));
        }
        self.expect_idle("planning the close")?;
        Ok(self.build_close(Side::Member, fee_sat)?.1)
    }

    /// Member: proposes the close at this fee, if its transaction has the new channel's funding outpoint: the new channel's
    /// commitment is signed by then, and of no other transaction.
    ///
    /// # Errors
    /// [`Violation::Changed`] for a fee that makes another transaction (C-302); else as [`Channel::propose_close`].
    pub fn propose_move(
        &mut self,
        funding: OutPoint,
        fee_sat: u64,
        session: SessionSecret,
    ) -> Result<Vec<Effect>, ChannelError> {
        if !self.closes_into() || self.planned_close(fee_sat)?.txid() != funding.txid {
            return Err(Violation::Changed { what: "a close that funds another channel" }.into()); // C-302
        }
        self.propose(fee_sat, session)
    }
}
