//! Lives: a channel that came out of a backup goes on with secrets and nonces that nobody can know. Clauses C-152 to C-156.
//!
//! Whoever served the backup may have served an old one, and then has the secrets of numbers that this side comes to again. Both sides
//! settle by `reestablish` alone from which number on the new life counts: above every number that either has signed anything for, so
//! that no number ever has two contents.

use super::money::Money;
use crate::channel::{Channel, ChannelError, Effect, Phase, Violation};
use crate::commitment::Side;
use crate::life::{Life, MAX_LIVES};
use crate::musig::SessionSecret;
use crate::wire::{List, NewLife, Reestablish};

impl Channel {
    /// Whether the other side may have the secret of the own newest commitment: it was made, or could be, in a life that a backup brought
    /// back. A state like that is broadcast only when its owner answers for the backup (C-150, C-156).
    pub fn secret_may_be_known(&self) -> bool {
        let begun_here = self.state.own_from.is_some_and(|first| first <= self.number());
        self.state.restored.is_some() && !begun_here
    }

    /// C-153: a restored channel draws the value of its next life once. It is on disk before the other side hears of it.
    pub(in crate::channel) fn draw_life(&mut self, session: SessionSecret) -> Vec<Effect> {
        let state = &mut self.state;
        let lives_on = matches!(state.phase, Phase::AwaitConfirmation | Phase::Ready | Phase::Closing);
        let is_due = state.side == Side::Member
            && state.restored.is_some()
            && state.next_life.is_none()
            && state.own_from.is_none();
        if !lives_on || !is_due || state.lives.len() >= MAX_LIVES {
            return Vec::new();
        }
        state.next_life = Some(session.into_life());
        vec![Effect::Persist]
    }

    /// What `reestablish` says of the own next life, until the other side has signed a commitment of it.
    pub(super) fn new_life(&self) -> Option<NewLife> {
        let money = self.money().ok()?;
        let after = money.number.checked_add(1)?;
        let settled = (self.state.next_life, self.state.own_from, self.state.lives.last());
        let (value, from) = match (self.life_of_round(), settled) {
            (Some(life), _) => (life.value, life.first),
            (None, (Some(value), ..)) => (value, money.signed_number().checked_add(1)?),
            (None, (None, Some(first), Some(newest))) if money.number < first => (newest.value, first),
            _ => return None,
        };
        let mut lives = self.state.lives.clone();
        lives.retain(|life| life.first < after);
        lives.push(Life { first: after, value });
        let next = self.next_nonces_of(&self.keys.clone().with_lives(lives), after, &money.ledger).ok()?;
        Some(NewLife { value, from, next })
    }

    /// C-153: the life of the own round under way, which the other side may never have heard of. Its content is fixed, so that life is said
    /// until the round ends; the next one begins behind it.
    fn life_of_round(&self) -> Option<Life> {
        let money = self.money().ok()?;
        let is_of_round = |life: &&Life| money.number < life.first && life.first <= money.signed_number();
        self.state.lives.last().filter(is_of_round).copied()
    }

    /// What `reestablish` says of the other side's lives: the last number that this side signed, where it takes a further life, and the lives that
    /// it knows.
    pub(super) fn lives_of_peer(&self, money: &Money) -> (Option<u64>, Option<List<Life, MAX_LIVES>>) {
        if self.state.side == Side::Member {
            return (None, None); // C-152: a hub has one life, and a member's backup no room for more (C-91)
        }
        let lives: Vec<Life> = money.secrets.lives().collect();
        let signed = (lives.len() < MAX_LIVES).then(|| money.signed_number());
        (signed, List::new(lives).filter(|lives| !lives.items().is_empty()))
    }

    /// C-154: the life that the other side begins, and what it says its next commitment needs (C-16); whether anything changed.
    pub(super) fn take_life(&mut self, msg: &Reestablish) -> Result<bool, ChannelError> {
        let is_hub = self.state.side == Side::Hub;
        let money = self.money_mut()?;
        let (signed, revoked) = (money.signed_number(), money.secrets.count());
        let newest = money.secrets.lives().next_back();
        let has_room = money.secrets.lives().count() < MAX_LIVES;
        let life = msg.life.as_ref().filter(|_| is_hub); // C-152
        let known =
            life.zip(newest).filter(|(life, newest)| life.value == newest.value).map(|(_, newest)| newest.first);
        if let (Some(life), None, true) = (life, known, has_room) {
            let is_near = msg.number < life.from && life.from - msg.number <= 2;
            let came_before = money.secrets.lives().any(|known| known.value == life.value);
            if !is_near || came_before {
                return Err(Violation::Life { first: life.from, number: msg.number }.into());
            }
            let first = life.from.max(signed.saturating_add(1));
            if first == revoked.saturating_add(1) {
                let named = life.next.nonces.items().iter().map(|nonce| nonce.funding);
                if !money.ledger.fundings().iter().map(|funding| funding.outpoint).eq(named) {
                    return Err(Violation::FundingSet { number: first }.into()); // C-141
                }
                money.peer_next = life.next.clone();
                // C-142: announced with a nonce of the life before; the member announces again.
                money.forget_announcements();
            }
            money.secrets.begin(Life { first, value: life.value });
            return Ok(true);
        }
        let begins_next = known.is_some_and(|first| Some(first) == msg.number.checked_add(1));
        let next = life.filter(|_| begins_next).map_or(&msg.next, |life| &life.next);
        if msg.number == revoked && *next != money.peer_next {
            return Err(Violation::Changed { what: "the next nonces" }.into()); // C-16
        }
        Ok(false)
    }

    /// C-154: from which number on the own life counts, as the other side settles it too; whether anything changed.
    pub(super) fn place_life(&mut self, msg: &Reestablish) -> Result<bool, ChannelError> {
        let money = self.money()?;
        let (number, signed) = (money.number, money.signed_number());
        let told = msg.lives.as_ref().map_or(&[][..], List::items);
        let told_newest = told.last();
        let refuse = |first: u64| Err(Violation::Life { first, number }.into());
        let Some(value) = self.state.next_life.filter(|_| self.life_of_round().is_none()) else {
            // Settled on a connection before, of which the other side may have heard nothing.
            let unused = self.state.own_from.or(self.life_of_round().map(|life| life.first));
            let unused = unused.filter(|first| number < *first);
            let (Some(first), Some(newest)) = (unused, self.state.lives.last()) else { return Ok(false) };
            return match told_newest.filter(|told| told.value == newest.value) {
                Some(told) if told.first != first => refuse(told.first),
                None if msg.signed.is_none_or(|signed| signed >= first) => refuse(first),
                _ => Ok(false),
            };
        };
        let first = match (told_newest.filter(|told| told.value == value), msg.signed) {
            (Some(told), _) => told.first,
            (None, Some(of_peer)) => signed.max(of_peer).saturating_add(1),
            (None, None) => return Ok(false), // C-152: it takes no further one; the channel goes on as it is
        };
        if first <= signed || first - number > 2 {
            return refuse(first);
        }
        // C-155: a life that was settled and lost with the disk may already have a commitment that the other side signed.
        let mut lives = self.state.lives.clone();
        for life in told.iter().filter(|life| number < life.first && life.first < first) {
            if lives.last().is_none_or(|newest| newest.first < life.first) {
                lives.push(*life);
            }
        }
        lives.retain(|life| life.first < first);
        lives.push(Life { first, value });
        if lives.len() > MAX_LIVES {
            return refuse(first);
        }
        self.keys = self.keys.clone().with_lives(lives.clone());
        (self.state.lives, self.state.next_life, self.state.own_from) = (lives, None, Some(first));
        Ok(true)
    }

    /// C-132, C-155: whether this is the secret that the own seed gives for `number`, in the own lives or in those that the other side
    /// names: the value of a life alone gives nobody a secret.
    pub(super) fn gave_away(&self, number: u64, secret: Option<[u8; 32]>, named: Option<&[Life]>) -> bool {
        let keys = &self.keys;
        let in_named = named.map(|lives| keys.secret_in(lives, number));
        let known = [keys.per_commitment_secret(number)].into_iter().chain(in_named);
        secret.is_some_and(|secret| known.into_iter().any(|known| known.secret_bytes() == secret))
    }
}
