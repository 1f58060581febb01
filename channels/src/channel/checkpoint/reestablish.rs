//! After a reconnect: where both sides stand, and what has to be sent again. Clauses C-130 to C-133.

use core::cmp::Ordering;

use super::money::Money;
use crate::channel::{Channel, ChannelError, Effect, Violation, Wait};
use crate::musig::SessionSecret;
use crate::wire::{LaneStatus, List, Msg, Reestablish};

impl Channel {
    /// Like [`Channel::on_reconnect`], and tells the peer how far this side's view of the member's lane goes.
    #[must_use]
    pub fn on_reconnect_with_lane(&mut self, lane: LaneStatus, session: SessionSecret) -> Vec<Effect> {
        self.lane = Some(lane);
        self.on_reconnect(session)
    }

    /// The peer has proved that this side's state is old; it must not be broadcast. C-132.
    pub fn is_behind(&self) -> bool {
        self.state.money.as_ref().is_some_and(|money| money.behind)
    }

    /// Whether the peer has said, since this channel was read from the store, where it stands, and did not prove this state old. Of a
    /// channel that began since then there is no older state.
    ///
    /// A side that may have been put back from an old copy signs nothing of the channel alone before (C-304), unless its person answers for the copy (C-150).
    pub fn peer_has_shown(&self) -> bool {
        self.shown
    }

    pub(in crate::channel) fn reestablish(&mut self) -> Vec<Effect> {
        (self.established, self.peer_behind, self.close_refused) = (false, false, false);
        // A state that was loaded is complete, so that nothing is missing here.
        self.reestablish_message().map(Effect::Send).into_iter().collect()
    }

    pub(in crate::channel) fn expect_established(&self) -> Result<(), ChannelError> {
        if self.established { Ok(()) } else { Err(Wait::Reestablish.into()) }
    }

    pub(in crate::channel) fn on_reestablish(
        &mut self,
        msg: &Reestablish,
        session: SessionSecret,
    ) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        self.expect_in_use("reestablish")?;
        // C-130: what comes again on the same connection tells of what was.
        if self.established {
            return Ok(Vec::new());
        }
        if let Some(effects) = self.judge_own_age(msg)? {
            self.shown |= !self.is_behind();
            return Ok(self.with_newest_shown(effects));
        }
        self.shown = true;
        let money = self.money()?;
        let (signed, revoked) = (money.signed_number(), money.secrets.count());
        if msg.number < revoked {
            // C-133: the peer forgot a commitment for which it revealed the one before.
            let effects = vec![Effect::PeerBehind { number: msg.number, expected: revoked }];
            return Ok(self.with_newest_shown(effects));
        }
        if msg.number > signed {
            return Err(Violation::Number { number: msg.number, expected: signed }.into());
        }
        // C-154: what is sent from here on follows from where the lives begin.
        let settled = self.take_life(msg)? | self.place_life(msg)?;
        let mut effects: Vec<_> = settled.then_some(Effect::Persist).into_iter().collect();
        effects.extend(msg.lane.map(Effect::PeerLane));
        let (revoke_again, sign_again) = (msg.revoked < self.money()?.number, msg.number < signed);
        // C-131: in the order in which they were sent at first.
        if revoke_again {
            effects.push(self.checkpoint_revoke()?);
        }
        let mut sessions = session.split(2);
        if let (true, Some(session)) = (sign_again, sessions.next()) {
            effects.extend(self.splice_init_of_round()?);
            effects.push(self.sign_again(signed, session)?);
        }
        // Stores what it changes, so before what is sent next; nothing of the above is sent when it changes anything.
        effects.extend(self.align_turn(msg)?);
        effects.extend(self.give_voucher_again()?);
        self.established = true;
        effects.extend(self.ask_again()?);
        if let Some(session) = sessions.next() {
            effects.extend(self.resend_splices(session)?);
        }
        Ok(effects)
    }

    // C-132: the newest secret that the peer has shows whether it knows more than this side remembers.
    fn judge_own_age(&mut self, msg: &Reestablish) -> Result<Option<Vec<Effect>>, ChannelError> {
        let number = self.money()?.number;
        let Some(last) = msg.revoked.checked_sub(1) else {
            return match msg.last_secret {
                None => Ok(None),
                Some(_) => Err(Violation::Secret { number: 0 }.into()),
            };
        };
        // What only a later life of this side can have given away is of one that this old state does not know (C-155).
        let named = (msg.revoked > number).then(|| msg.lives.as_ref().map_or(&[][..], List::items));
        if !self.gave_away(last, msg.last_secret, named) {
            return Err(Violation::Secret { number: last }.into());
        }
        if msg.revoked <= number {
            // A peer that has lost a revocation it once had would need one that is no longer the newest.
            return match number - msg.revoked {
                0 | 1 => Ok(None),
                _ => Ok(Some(vec![Effect::PeerBehind { number: msg.number, expected: number }])),
            };
        }
        self.money_mut()?.behind = true;
        let refusal = Violation::Behind;
        let (rule, detail) = (refusal.rule(), refusal.to_string());
        Ok(Some(vec![Effect::Persist, self.error_message(rule, &detail), Effect::Behind]))
    }

    fn sign_again(&self, number: u64, session: SessionSecret) -> Result<Effect, ChannelError> {
        let money = self.money()?;
        let ledger = money.ledger_of(number).ok_or_else(|| self.wait("signing again"))?;
        // C-131: identical content, a new nonce.
        self.checkpoint_sign(self.sign_peer(&self.commitments(number, ledger)?, session)?)
    }

    // A yield that did not arrive; the end of a round brings its own.
    fn align_turn(&mut self, msg: &Reestablish) -> Result<Vec<Effect>, ChannelError> {
        let side = self.state.side;
        let money = self.money_mut()?;
        let idle = money.round.is_none() && msg.number == money.number && msg.revoked == money.number;
        match msg.turn.cmp(&money.turn) {
            Ordering::Greater if idle && money.holder() != side && Some(msg.turn) == money.turn.checked_add(1) => {
                money.turn = msg.turn;
                let mut effects = vec![Effect::Persist];
                effects.extend(self.turn_gained());
                Ok(effects)
            }
            Ordering::Greater if idle => Err(Violation::Turn { turn: msg.turn }.into()),
            _ => Ok(Vec::new()),
        }
    }

    fn reestablish_message(&self) -> Option<Msg> {
        let money = self.money().ok()?;
        let Money { number, turn, .. } = *money;
        let revoked = money.secrets.count();
        let last_secret = revoked.checked_sub(1).and_then(|last| money.secrets.get(last));
        let (signed, lives) = self.lives_of_peer(money);
        Some(Msg::Reestablish(Reestablish {
            channel: self.channel_id().ok()?,
            number,
            revoked,
            last_secret: last_secret.map(|secret| secret.secret_bytes()),
            turn,
            next: self.next_nonces(number.checked_add(1)?, &money.ledger).ok()?,
            lane: self.lane,
            signed,
            lives,
            life: self.new_life(),
        }))
    }
}
