//! Drives a pair by bytes: every byte is an action of a shell, the wire or fate.

use std::collections::BTreeSet;

use althing_channels::{Change, ChannelError, HoldId, Phase, Side, SignedHold, Voucher};
use lightning::util::ser::Writeable as _;

use super::money::lane_position;
use super::pair::{Fault, FaultKind, Pair, keys};

/// A stream of bytes; it ends, or it does not.
pub(crate) trait Bytes {
    fn next(&mut self) -> Option<u8>;
}

impl Bytes for std::slice::Iter<'_, u8> {
    fn next(&mut self) -> Option<u8> {
        Iterator::next(self).copied()
    }
}

/// Endless bytes of a seed (SplitMix64).
pub(crate) struct Seeded(pub(crate) u64);

impl Bytes for Seeded {
    fn next(&mut self) -> Option<u8> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some((mixed ^ (mixed >> 31)) as u8)
    }
}

/// A pair, and the wishes of its shells.
pub(crate) struct Driver {
    pub(crate) pair: Pair,
    pub(crate) seen: Seen,
    hold: u64,
    /// Whether a shell asked for a close together, or left alone, in this channel.
    asked: [bool; 2],
}

/// What happened in all channels of a run.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) checkpoints: usize,
    /// Kinds of changes that were folded.
    pub(crate) kinds: BTreeSet<u8>,
    /// Channels that were opened from the first message on.
    pub(crate) opened: usize,
    pub(crate) closed_together: usize,
    /// Rounds of a close beyond the first of a channel.
    pub(crate) raised: usize,
    pub(crate) left_alone: usize,
    /// Disks of the member that were lost; with a hub that gave an old backup.
    pub(crate) restores: usize,
    pub(crate) lies: usize,
    /// Hubs that came back with an old disk and closed together over what they were shown.
    pub(crate) put_back: usize,
    pub(crate) divided: usize,
}

impl Seen {
    pub(crate) fn add(&mut self, other: Self) {
        self.checkpoints += other.checkpoints;
        self.kinds.extend(other.kinds);
        self.opened += other.opened;
        self.closed_together += other.closed_together;
        self.raised += other.raised;
        self.left_alone += other.left_alone;
        self.restores += other.restores;
        self.lies += other.lies;
        self.put_back += other.put_back;
        self.divided += other.divided;
    }
}

impl Driver {
    /// A channel in use.
    pub(crate) fn new() -> Self {
        Self::of(Pair::in_use())
    }

    /// A channel of which the first message is on its way.
    pub(crate) fn unopened() -> Self {
        Self::of(Pair::new(Vec::new()))
    }

    fn of(pair: Pair) -> Self {
        Self { pair, seen: Seen::default(), hold: 0, asked: [false; 2] }
    }

    /// Acts on bytes until there are none, or `steps` are taken. A channel that has ended is followed by another.
    pub(crate) fn run(&mut self, bytes: &mut impl Bytes, steps: usize) {
        let end = self.pair.step + steps;
        while self.pair.step < end {
            if self.pair.is_over() {
                self.begin_anew();
            }
            let Some(action) = bytes.next() else { return };
            // A bound on actions that do nothing.
            self.pair.step += 1;
            self.act(action, bytes);
        }
    }

    /// Lets everything come to rest over a good connection, and compares with the model: the channel is in use at both, or over at both if
    /// one wanted that.
    pub(crate) fn come_to_rest(&mut self) {
        self.pair.faults.clear();
        let was_put_back = self.pair.observed.put_back;
        if was_put_back {
            // C-160: whatever the member came out of, both can leave together.
            self.pair.reconnect();
            self.pair.settle();
            self.pair.close(Side::Member);
        }
        for _ in 0..10 {
            self.pair.reconnect();
            self.pair.settle();
            for side in [Side::Member, Side::Hub] {
                self.pair.see_chain(side, Some(0));
                self.pair.settle();
            }
        }
        assert!(!was_put_back || self.pair.is_over(), "nobody could close: {:?}", self.pair.refusals.last());
        if !self.pair.is_over() {
            for side in [Side::Member, Side::Hub] {
                let stages: Vec<_> =
                    self.pair.channel(side).pending_splices().iter().map(|splice| splice.stage).collect();
                let (last, turn) = (self.pair.refusals.last().cloned(), self.pair.channel(side).turn_is_own());
                let (phase, closes) = (self.pair.phase(side), self.pair.closes.len());
                let can = self.pair.channel(side).can_propose_close();
                assert_eq!(
                    phase,
                    Some(Phase::Ready),
                    "{side:?}: {stages:?}, turn {turn}, {closes} closes, {can}, {last:?}"
                );
            }
            self.pair.check_against_model();
        }
        self.count();
    }

    /// Takes down what happened in this channel; what nobody asked for has not.
    fn count(&mut self) {
        let (pair, seen) = (&mut self.pair, &mut self.seen);
        assert!(pair.failures.is_empty(), "{:?}", pair.failures);
        let [together, alone] = self.asked;
        assert!(
            together || pair.closes.is_empty() && pair.phase(Side::Member) != Some(Phase::Closing),
            "an unexpected close"
        );
        assert!(alone || pair.commitments.is_empty(), "an unexpected end");
        for (_, proposal) in pair.observed.proposals.values() {
            seen.checkpoints += 1;
            seen.kinds.extend(proposal.changes.items().iter().map(|change| change.encode()[0]));
        }
        let is_over = pair.is_over();
        let left = is_over && !pair.commitments.is_empty();
        seen.left_alone += usize::from(left);
        seen.closed_together += usize::from(is_over && !left);
        let closes: BTreeSet<_> = pair.closes.iter().map(|close| close.compute_txid()).collect();
        seen.raised += closes.len().saturating_sub(1);
        seen.restores += pair.backups.restores;
        seen.lies += pair.backups.lies;
        seen.put_back += pair.backups.put_back;
        seen.divided += usize::from(pair.observed.put_back && is_over && !left);
    }

    /// Both sides know of the end; another channel is opened.
    fn begin_anew(&mut self) {
        self.count();
        self.seen.opened += 1;
        let (entropy, step) = (std::mem::take(&mut self.pair.entropy), self.pair.step);
        self.pair = Pair::anew(entropy, step);
        (self.hold, self.asked) = (0, [false; 2]);
    }

    fn act(&mut self, action: u8, bytes: &mut impl Bytes) {
        let side = if action & 0x80 == 0 { Side::Member } else { Side::Hub };
        match action & 0x7f {
            0..=83 => {
                if !self.pair.deliver_from(side) && !self.pair.deliver_from(side.other()) {
                    self.propose(side, bytes);
                }
            }
            84..=103 => self.propose(side, bytes),
            104..=109 => {
                self.pair.remember_past();
                match self.pair.observed.put_back && self.pair.phase(Side::Member) == Some(Phase::Ready) {
                    true => self.pair.close(Side::Member),
                    false => self.ask(side),
                }
            }
            110..=111 => self.voucher(side, bytes),
            112 => self.pair.observed.lane += 1,
            113..=115 => self.announce(bytes),
            116..=117 => {
                let takes = bytes.next().filter(|byte| byte % 4 == 0);
                self.pair.see_chain(side, takes.map(|byte| byte / 4));
            }
            118..=119 => self.pair.reconnect(),
            120 => self.pair.drop_next(side),
            121 => self.pair.duplicate_next(side),
            122 => self.pair.swap_next(side),
            123 => self.pair.crash(side),
            124 => self.end(side, bytes),
            125 => self.lose_disk(bytes),
            _ => {
                let within = usize::from(bytes.next().unwrap_or(0) % 8);
                self.pair.faults = vec![Fault { at: self.pair.step + within, kind: FaultKind::Crash(side) }];
            }
        }
    }

    /// A disk is lost; the hub gives the newest backup, or one of long ago.
    fn lose_disk(&mut self, bytes: &mut impl Bytes) {
        match bytes.next().unwrap_or(0) {
            0..=95 => drop(self.pair.lose_disk()),
            wish @ 96..=127 => {
                if self.pair.put_hub_back(wish % 4 != 0) {
                    self.asked = [true; 2];
                }
            }
            _ => {
                if self.pair.lose_disk_to_a_liar() {
                    // What was asked for on the way that is denied was not.
                    self.asked = [false; 2];
                }
            }
        }
    }

    /// Whatever a shell may want: to pay, or to have the turn for it.
    pub(super) fn wish(&mut self, side: Side, bytes: &mut impl Bytes) {
        match self.pair.channel(side).turn_is_own() {
            true => self.propose(side, bytes),
            false => self.ask(side),
        }
    }

    /// Rarely: a shell wants to close together, or leaves alone.
    fn end(&mut self, side: Side, bytes: &mut impl Bytes) {
        match (bytes.next().unwrap_or(255), self.pair.phase(side)) {
            (0..=23, Some(Phase::Ready)) => {
                self.asked[0] = true;
                self.pair.close(side);
            }
            (24..=31, Some(Phase::Ready | Phase::Closing | Phase::AwaitConfirmation)) if self.pair.may_leave(side) => {
                self.asked[1] = true;
                self.pair.force_close(side);
            }
            _ => {}
        }
    }

    /// Another round of a close that waits, paid by this side.
    fn raise(&mut self, side: Side, bytes: &mut impl Bytes) {
        self.pair.close_fee_sat += 100 + u64::from(bytes.next().unwrap_or(0));
        let fee_sat = self.pair.close_fee_sat;
        let _ = self.pair.propose_close(side, fee_sat);
    }

    fn ask(&mut self, side: Side) {
        if self.pair.phase(side).is_none() {
            return;
        }
        if let Ok(effects) = self.pair.channel(side).ask_turn() {
            self.pair.carry_out(side, effects);
        }
    }

    pub(super) fn announce(&mut self, bytes: &mut impl Bytes) {
        if self.pair.phase(Side::Member) != Some(Phase::Ready) {
            return;
        }
        let amount = i64::from(bytes.next().unwrap_or(1)) * 500;
        let _ = self.pair.announce(if amount % 1_000 == 0 { amount } else { -amount });
    }

    fn voucher(&mut self, side: Side, bytes: &mut impl Bytes) {
        let amount_sat = u64::from(bytes.next().unwrap_or(0)) * 8;
        if self.pair.phase(side).is_none() {
            return;
        }
        if let Ok(effects) = self.pair.channel(side).give_voucher(amount_sat, [7; 32]) {
            self.pair.carry_out(side, effects);
        }
    }

    /// Proposes anything; what is allowed has to be exactly what the model allows.
    fn propose(&mut self, side: Side, bytes: &mut impl Bytes) {
        let app = lane_position(self.pair.observed.lane);
        match self.pair.phase(side) {
            Some(Phase::Closing) => return self.raise(side, bytes),
            Some(Phase::Ready) if self.pair.channel(side).is_behind() => return,
            Some(Phase::Ready) if self.pair.channel(side).turn_is_own() => {}
            _ => return,
        }
        let count = bytes.next().unwrap_or(0) % 4;
        let mut changes: Vec<Change> = (0..count).filter_map(|_| self.change(side, bytes)).collect();
        changes.extend(self.pair.channel(side).due_splice_change());
        let number = self.pair.channel(side).number();
        let allowed = self.pair.model(number).after(side, &changes, app).is_some();
        let facts = match self.pair.channel(side).next_checkpoint(&changes, app) {
            Err(ChannelError::NotNow(_)) => return,
            judged => judged,
        };
        assert_eq!(facts.is_ok(), allowed, "{side:?} {changes:?}: {facts:?}");
        match facts {
            Ok(facts) => self.pair.propose_facts(side, changes, app, &facts),
            // One without changes folds the lane alone.
            Err(_) => self.pair.propose(side, Vec::new(), app),
        }
        .expect("it was asked before");
    }

    fn change(&mut self, side: Side, bytes: &mut impl Bytes) -> Option<Change> {
        let (kind, amount) = (bytes.next()?, bytes.next()?);
        let amount_sat = u64::from(amount) << (kind >> 4);
        let channel = self.pair.channel(Side::Member).id()?;
        let key = keys(Side::Member).funding_keypair();
        let held = self.pair.channel(side).ledger()?.holds().first().map(|hold| (hold.id, hold.amount_sat));
        Some(match kind & 0xf {
            0..=2 => Change::Dues { amount_sat },
            3..=5 => Change::Reward { amount_sat },
            6..=7 => {
                self.hold += 1;
                Change::Hold(SignedHold::sign(channel, self.hold, HoldId([amount; 32]), amount_sat, &key, [7; 32]))
            }
            8 => Change::HoldRelease { id: held.map_or(HoldId([amount; 32]), |(id, _)| id) },
            // The whole of it, a part, or more than is held.
            9 => {
                let (id, held_sat) = held.unwrap_or((HoldId([amount; 32]), amount_sat));
                let amount_sat = if amount % 2 == 0 { held_sat } else { amount_sat };
                Change::HoldForfeit { id, amount_sat }
            }
            _ => Change::Voucher(self.newest_voucher(side, amount)?),
        })
    }

    fn newest_voucher(&mut self, side: Side, amount: u8) -> Option<Voucher> {
        let from = if amount & 1 == 0 { Side::Member } else { Side::Hub };
        self.pair.channel(side).voucher(from)
    }
}
