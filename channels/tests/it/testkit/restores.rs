//! Disks that are lost: the member comes back with the backup that the hub keeps, or with an old one of a hub that lies.

use std::collections::{BTreeMap, BTreeSet};

use althing_channels::{Breach, Channel, Msg, Phase, Side};
use bitcoin::Transaction;

use super::pair::{Pair, keys};

/// The member's backups, and what the hub can ever have learned from it.
#[derive(Default)]
pub(crate) struct Backups {
    /// Counter of the newest.
    counter: u64,
    /// What is on its way beside a message, by that message (C-94).
    on_the_way: BTreeMap<Vec<u8>, (u64, Vec<u8>)>,
    /// What the hub keeps.
    kept: Option<(u64, Vec<u8>)>,
    /// Every secret that any life of the member has given away, also in a past that the hub denies.
    secrets: BTreeSet<[u8; 32]>,
    /// What the hub was, and keeps to go back to.
    past: Option<Past>,
    /// How often the member came back; how often to a past.
    pub(crate) restores: usize,
    pub(crate) lies: usize,
    /// How often the hub's disk was put back under an honest hub.
    pub(crate) put_back: usize,
}

struct Past {
    backup: (u64, Vec<u8>),
    hub: Vec<u8>,
    number: u64,
    splices: u64,
}

impl Pair {
    /// A folder that is as old as `state` comes up: it finds out, and never closes alone.
    pub(crate) fn finds_itself_behind(&mut self, state: Option<Vec<u8>>) {
        self.observed.rollbacks = true;
        *self.stored(Side::Member) = state;
        self.crash(Side::Member);
        self.reconnect();
        self.settle();
        assert!(self.channel(Side::Member).is_behind());
        assert!(self.channel(Side::Member).force_close().is_err());
    }

    /// C-94: the member's newest backup goes before what lets the hub go on.
    pub(super) fn back_up_beside(&mut self, msg: &Msg, payload: &[u8]) {
        let secret = match msg {
            Msg::CheckpointRevoke(msg) => Some(msg.secret),
            _ => None,
        };
        self.backups.secrets.extend(secret);
        let moves_on = match msg {
            Msg::CheckpointSign(sign) => sign.proposal.is_some(),
            Msg::CheckpointRevoke(_) | Msg::GiveVoucher(_) => true,
            Msg::CheckpointTurn(turn) => turn.given,
            // It can stand for a yield that was lost (C-131).
            Msg::Reestablish(_) => true,
            _ => false,
        };
        let made = if moves_on { self.channel(Side::Member).encode_backup() } else { None };
        if let Some(made) = made {
            self.backups.counter += 1;
            let counter = self.backups.counter;
            self.backups.on_the_way.insert(payload.to_vec(), (counter, made));
        }
    }

    /// The hub stores the backup no later than what it does with the message.
    pub(super) fn take_backup(&mut self, payload: &[u8]) {
        let Some((counter, made)) = self.backups.on_the_way.get(payload) else { return };
        if self.backups.kept.as_ref().is_none_or(|(kept, _)| kept < counter) {
            self.backups.kept = Some((*counter, made.clone()));
        }
    }

    pub(super) fn lose_backups(&mut self) {
        self.backups.on_the_way.clear();
    }

    /// The member's disk is lost, and it comes back with the backup that the hub keeps; `false` when nothing can.
    pub(crate) fn lose_disk(&mut self) -> bool {
        let Some((_, state)) = self.backups.kept.clone().filter(|_| self.can_be_lost()) else { return false };
        if self.observed.put_back {
            // The hub has forgotten what arrived. The backup knows it (C-94), and nothing is proposed any more.
            let restored = Channel::decode(&state, keys(Side::Member)).unwrap();
            (self.observed.revealed.member, self.observed.given.member) =
                (restored.number(), restored.peer_numbers().1);
        } else {
            // What never arrived gave nothing away, and nobody has seen it.
            let (revealed, hub) = (self.channel(Side::Hub).peer_numbers(), self.channel(Side::Hub).number());
            let known = revealed.1.max(hub);
            (self.observed.revealed.member, self.observed.given.member) = (revealed.0, hub);
            self.observed.proposals.retain(|number, _| *number <= known);
            self.observed.models.truncate(usize::try_from(known).unwrap() + 1);
        }
        self.backups.restores += 1;
        self.come_back(state);
        true
    }

    /// The hub remembers where both are now, to deny later what comes after.
    pub(crate) fn remember_past(&mut self) {
        let (Some(backup), Some(hub)) = (self.backups.kept.clone(), self.stored(Side::Hub).clone()) else { return };
        if self.backups.past.is_some() || !self.can_be_lost() || !self.is_quiet() {
            return;
        }
        let (number, splices) = (self.channel(Side::Hub).number(), self.observed.splices);
        // The backup may be of a moment before.
        if Channel::decode(&backup.1, keys(Side::Member)).unwrap().number() == number {
            self.backups.past = Some(Past { backup, hub, number, splices });
        }
    }

    /// The member's disk is lost, and the hub gives the backup of long ago, and goes on from there as if nothing had come behind it.
    pub(crate) fn lose_disk_to_a_liar(&mut self) -> bool {
        let Some(past) = self.backups.past.take() else { return false };
        let same_chain = past.splices == self.observed.splices && self.closes.is_empty() && self.commitments.is_empty();
        if !self.can_be_lost() || !same_chain {
            return false;
        }
        self.backups.kept = Some(past.backup.clone());
        *self.stored(Side::Hub) = Some(past.hub);
        let back_to = past.number;
        self.observed.proposals.retain(|number, _| *number <= back_to);
        self.observed.models.truncate(usize::try_from(back_to).unwrap() + 1);
        self.observed.signed.retain(|number, _| *number <= back_to);
        for (at, value) in [(Side::Member, back_to), (Side::Hub, back_to)] {
            let (revealed, given) = (&mut self.observed.revealed, &mut self.observed.given);
            match at {
                Side::Member => (revealed.member, given.member) = (value, value),
                Side::Hub => (revealed.hub, given.hub) = (value, value),
            }
        }
        // Its lane begins anew; the model takes any that goes on.
        self.crash(Side::Hub);
        self.backups.restores += 1;
        self.backups.lies += 1;
        self.come_back(past.backup.1);
        true
    }

    /// The hub's disk is put back to the past that it remembers, and it wants nothing but the truth; the member, which has proof of what came
    /// behind it, may have lost its own disk as well, and come out of the newest backup. All that is left is to close.
    pub(crate) fn put_hub_back(&mut self, member_too: bool) -> bool {
        let Some(Past { number, splices, .. }) = &self.backups.past else { return false };
        let (number, splices) = (*number, *splices);
        let same_chain = splices == self.observed.splices && self.closes.is_empty() && self.commitments.is_empty();
        let newest = self.backups.kept.clone().filter(|_| member_too);
        let newest = newest.map(|(_, state)| Channel::decode(&state, keys(Side::Member)).unwrap());
        let knows = |channel: &Channel| channel.peer_numbers().0 > number && channel.pending_splices().is_empty();
        if !self.can_be_lost()
            || !same_chain
            || !knows(self.channel(Side::Member))
            || !newest.as_ref().is_none_or(knows)
        {
            return false;
        }
        if member_too && !self.lose_disk() {
            return false;
        }
        let past = self.backups.past.take().expect("looked at before");
        self.observed.put_back = true;
        *self.stored(Side::Hub) = Some(past.hub);
        self.crash(Side::Hub);
        self.backups.put_back += 1;
        true
    }

    fn come_back(&mut self, state: Vec<u8>) {
        *self.stored(Side::Member) = Some(state);
        let rollbacks = std::mem::replace(&mut self.observed.rollbacks, true);
        self.crash(Side::Member);
        self.observed.rollbacks = rollbacks;
    }

    fn can_be_lost(&self) -> bool {
        let lives = |side| matches!(self.phase(side), Some(Phase::Ready | Phase::Closing));
        lives(Side::Member) && lives(Side::Hub) && self.commitments.is_empty()
    }

    /// No round or splice is under way at either side.
    fn is_quiet(&mut self) -> bool {
        [Side::Member, Side::Hub].into_iter().all(|side| {
            let channel = self.channel(side);
            let number = channel.number();
            channel.peer_numbers() == (number, number)
                && channel.pending_splices().is_empty()
                && channel.phase() == Phase::Ready
        })
    }

    /// C-156: whether the member may leave without answering for a backup.
    pub(crate) fn may_leave(&mut self, side: Side) -> bool {
        match side {
            // N-332: of a hub that was put back the shell knows.
            Side::Hub => !self.observed.put_back,
            Side::Member => !self.channel(side).secret_may_be_known(),
        }
    }

    /// C-156: what the member broadcasts is nothing that the hub can punish with anything it was ever given.
    pub(super) fn check_unpunishable(&mut self, side: Side, transaction: &Transaction) {
        if side == Side::Hub {
            return;
        }
        let funding = transaction.input[0].previous_output;
        let context = self.channel(Side::Member).context().unwrap().over(funding);
        let punishes = |secret: &[u8; 32]| {
            let secret = bitcoin::secp256k1::SecretKey::from_slice(secret).unwrap();
            Breach::find(&keys(Side::Hub), &context, Side::Hub, secret, transaction).is_ok()
        };
        // The newest of thousands suffice: what can come again are the numbers behind the newest past.
        let number = self.channel(Side::Member).number();
        let own = self.channel(Side::Member).keys().per_commitment_secret(number).secret_bytes();
        let has_part = self.channel(Side::Member).balances().member_sat >= 330;
        assert!(punishes(&own) || !has_part, "the secret of what is broadcast is another");
        assert!(!self.backups.secrets.contains(&own), "the hub has the secret of what is broadcast");
        let known: Vec<[u8; 32]> = self.backups.secrets.iter().take(50).copied().collect();
        assert!(!known.iter().any(punishes), "the hub can punish what is broadcast");
    }
}
