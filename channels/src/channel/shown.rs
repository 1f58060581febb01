//! Closing together with a hub that came back with an old disk, over the newest checkpoint that its member shows. Clauses C-160 to C-165.
//!
//! A hub that is behind signs nothing of what it remembers (C-132), and a member whose newest commitment came out of a backup may not
//! broadcast it (C-92). A close together needs neither: only both keys, and a division that both have signed.

use bitcoin::OutPoint;
use lightning::impl_writeable_tlv_based;

use super::checkpoint::SignedCheckpoint;
use super::opening::check_checkpoint_size;
use super::{Channel, ChannelError, Effect, Phase, Violation};
use crate::commitment::{Balances, Side, check_amounts};
use crate::musig::SessionSecret;
use crate::wire::{CheckpointShown, Msg};

/// What a close together with a hub that is behind divides: the shown checkpoint's number, first funding and balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Division {
    /// Number of the checkpoint.
    pub number: u64,
    /// Its first funding.
    pub funding: OutPoint,
    /// The member's balance.
    pub member_sat: u64,
    /// The hub's balance.
    pub hub_sat: u64,
}

impl_writeable_tlv_based!(Division, {
    (0, number, required),
    (2, funding, required),
    (4, member_sat, required),
    (6, hub_sat, required),
});

impl Channel {
    /// Member: whether the hub has shown or said on this connection that its state is old. Then only a close is left, together by C-165 or
    /// alone.
    pub fn peer_is_behind(&self) -> bool {
        self.peer_behind
    }

    /// Hub that is behind: what it divides in a close together, once it has taken that.
    pub fn division(&self) -> Option<&Division> {
        self.state.division.as_ref().filter(|_| self.is_behind())
    }

    /// Hub: the checkpoint that the member shows is what C-163 wants, and says this. `on_chain_sat` is the value of its funding where the shell's
    /// own node shows that as an unspent output of C-5: this side may have forgotten the splice that made it.
    ///
    /// # Errors
    /// C-162 where this side is not behind, knows a newer number, or the funding is another or has another value.
    pub fn take_division(
        &mut self,
        division: Division,
        on_chain_sat: Option<u64>,
        session: SessionSecret,
    ) -> Result<Vec<Effect>, ChannelError> {
        self.expect_showable(division.number)?;
        let Division { funding, member_sat, hub_sat, .. } = division;
        let known = self.money()?.ledger().balances_over(funding);
        let known_sat = known.map(|known| known.member_sat.saturating_add(known.hub_sat));
        let funding_sat = known_sat.or(on_chain_sat).ok_or(Violation::FundingUnknown { funding })?;
        let shown_sat = member_sat.saturating_add(hub_sat);
        if shown_sat != funding_sat {
            return Err(Violation::ShownSum { shown_sat, funding_sat }.into());
        }
        let mut params = self.state.params;
        (params.member_sat, params.hub_sat) = (member_sat, hub_sat);
        check_amounts(&params, Balances { member_sat, hub_sat }).map_err(Violation::Amount)?;
        self.state.division = Some(division);
        let mut effects = vec![Effect::Persist];
        // C-164: the member's proposal came before this was known; a new nonce brings another.
        if core::mem::take(&mut self.close_refused) {
            effects.extend(self.resend_shutdown(session));
        }
        Ok(effects)
    }

    /// Hub: the checkpoint that the member shows is none that this side may divide by.
    #[must_use]
    pub fn refuse_shown(&self, detail: &str) -> Vec<Effect> {
        self.refuse(&Violation::ShownRefused { detail: detail.to_owned() }.into())
    }

    pub(super) fn on_checkpoint_shown(&mut self, msg: &CheckpointShown) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        check_checkpoint_size(&msg.checkpoint)?;
        self.expect_showable(msg.number)?;
        // C-14: what was taken is not asked about again.
        if self.division().is_some_and(|division| division.number == msg.number) {
            return Ok(Vec::new());
        }
        Ok(vec![Effect::CheckpointShown(Box::new(msg.clone()))])
    }

    /// What else the member does where it finds the hub behind.
    pub(super) fn with_newest_shown(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        effects.extend(self.show_newest());
        effects
    }

    /// C-161: once on each connection.
    pub(super) fn show_newest(&mut self) -> Vec<Effect> {
        let in_use = matches!(self.state.phase, Phase::Ready | Phase::Closing);
        if self.state.side != Side::Member || !in_use || self.is_behind() || self.peer_behind {
            return Vec::new();
        }
        let (Some(channel), Some(newest)) = (self.id(), self.newest_signed()) else { return Vec::new() };
        self.peer_behind = true;
        let SignedCheckpoint { number, bytes: checkpoint, member_signature, hub_signature } = newest;
        let shown = CheckpointShown { channel, number, checkpoint, member_signature, hub_signature };
        let mut effects = vec![Effect::Send(Msg::CheckpointShown(shown))];
        effects.extend(self.close_can_be_proposed().then_some(Effect::ProposeClose));
        effects
    }

    /// The checkpoint of the own newest commitment with both signatures: who holds the commitment has them.
    fn newest_signed(&self) -> Option<SignedCheckpoint> {
        let number = self.number();
        let (under_way, before) = self.state.money.as_ref()?.both_signed(self.state.side);
        let opening = || {
            let opening = self.state.checkpoint.as_ref()?;
            let (member_signature, hub_signature) = (opening.member_signature, opening.hub_signature?);
            Some(SignedCheckpoint { number: 0, bytes: opening.bytes.clone(), member_signature, hub_signature })
        };
        let known = under_way.into_iter().chain(before.cloned()).chain(opening());
        known.into_iter().find(|signed| signed.number == number)
    }

    // C-162
    fn expect_showable(&self, number: u64) -> Result<(), ChannelError> {
        if !matches!(self.state.phase, Phase::Ready | Phase::Closing) {
            return Err(self.wait("checkpoint_shown"));
        }
        if !self.is_behind() {
            return Err(Violation::NotBehind { number }.into());
        }
        let known = self.division().map_or(0, |division| division.number).max(self.number());
        if number < known {
            return Err(Violation::ShownOld { number, known }.into());
        }
        Ok(())
    }
}
