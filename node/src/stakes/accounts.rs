//! What the log decides about money is done in the channels: deposits are held, released or forfeited, rewards and dues are paid.
//!
//! Nothing is remembered for it. What is due is the difference between what the log says and what the channel's ledger says, so
//! that a crash, a restore or a repetition pays nothing twice: holds have ids that follow from the log, and payments go by
//! vouchers, which count up (C-104). Clauses N-95 to N-97.

use std::collections::{BTreeMap, BTreeSet};

use althing_channels::{
    Change, ChannelError, CheckpointReview, HoldId, Ledger, Phase, Side, SignedHold, Voucher, tagged_hash,
};
use althing_governance::id::MemberId;
use althing_governance::state::{HoldFate, HoldRecord};
use anyhow::Result;

use super::{StakeChannel, StakeNews};
use crate::shell::Shell;

/// Smallest part of a commitment that is an output; a smaller one must be 0 (C-22).
const LEAST_PART_SAT: u64 = 330;

/// Most vouchers in one checkpoint, which has room for 64 changes.
const VOUCHERS_MAX: usize = 24;

/// Most holds folded or ended in one checkpoint.
const HOLDS_MAX: usize = 16;

impl Shell {
    /// At a new tip: asks for the turn in every channel in which the log wants something done.
    ///
    /// # Errors
    /// On I/O.
    pub fn settle_accounts(&mut self) -> Result<Vec<StakeNews>> {
        let mut news = Vec::new();
        let in_use = self.stakes.iter().filter(|channel| channel.machine.phase() == Phase::Ready);
        let numbers: Vec<u32> = in_use.map(|channel| channel.number).collect();
        for number in numbers {
            // What was refused is sent again behind a reconnect (C-131).
            if let Some(channel) = self.stakes.channel_mut(number).filter(|channel| channel.refused) {
                channel.refused = false;
                let peer = channel.peer;
                self.peers.disconnect(peer);
            }
            news.extend(self.seek_turn(number)?);
        }
        Ok(news)
    }

    /// What the log wants done in a channel that is this side's to propose, as far as the channel allows it now.
    pub(super) fn due_changes(&self, channel: &StakeChannel) -> Vec<Change> {
        let Some(ledger) = channel.machine.ledger() else { return Vec::new() };
        // Each is made by itself; what does not fit together waits for the next round.
        let mut due = match channel.machine.side() {
            Side::Member => self.holds_to_fold(channel, ledger),
            Side::Hub => self.holds_to_end(channel, ledger),
        };
        due.extend(self.vouchers_due(channel, ledger));
        // N-261; last, so that one that does not fit holds nothing else up.
        due.extend(
            channel.machine.open_voucher(channel.machine.side().other()).map(|voucher| vec![Change::Voucher(voucher)]),
        );
        let app = self.lane_position(channel);
        let refused = |due: &[Vec<Change>]| {
            let judged = channel.machine.next_checkpoint(&due.concat(), app);
            matches!(judged, Err(ChannelError::Invalid(_)))
        };
        while !due.is_empty() && refused(&due) {
            due.pop();
        }
        due.concat()
    }

    /// N-96: a hold is forfeited only as the log says.
    pub(super) fn judge_forfeits(&self, channel: &StakeChannel, review: &CheckpointReview) -> Result<()> {
        let fates: BTreeMap<[u8; 32], HoldFate> =
            self.holds_in_log(channel).map(|(id, _, fate)| (id.0, fate)).collect();
        for change in &review.changes {
            let Change::HoldForfeit { id, amount_sat } = change else { continue };
            match fates.get(&id.0).copied() {
                Some(HoldFate::Forfeited(sat)) if *amount_sat <= sat => {}
                Some(HoldFate::Forfeited(sat)) => anyhow::bail!(
                    "N-96: of hold {} {sat} sat are forfeited in the log here, not {amount_sat} sat",
                    hex_of(id)
                ),
                _ => anyhow::bail!("N-96: hold {} is not forfeited in the log here", hex_of(id)),
            }
        }
        Ok(())
    }

    /// N-96: satoshis of deposits in a channel that nothing settled; while there are any it is not closed together (C-36).
    pub(super) fn unsettled_deposits_sat(&self, channel: &StakeChannel) -> u64 {
        // C-164: where the hub is behind no hold ends in the channel any more, and the log alone tells which are in force.
        let is_over = channel.machine.is_behind() || channel.machine.peer_is_behind();
        let in_channel = channel.machine.ledger().filter(|_| !is_over).map_or(0, Ledger::held_sat);
        let unsettled = self.holds_in_log(channel).filter(|(_, _, fate)| *fate == HoldFate::Held);
        in_channel.max(unsettled.fold(0, |sum, (_, hold, _)| sum.saturating_add(hold.amount_sat)))
    }

    /// Satoshis that deposits in a channel lost by the log, whether or not the channel has them forfeited.
    pub(super) fn forfeited_in_log_sat(&self, channel: &StakeChannel) -> u64 {
        let lost = self.holds_in_log(channel).map(|(_, _, fate)| match fate {
            HoldFate::Forfeited(sat) => sat,
            _ => 0,
        });
        lost.fold(0, u64::saturating_add)
    }

    /// N-95: what the log holds and the channel does not, signed by the member.
    fn holds_to_fold(&self, channel: &StakeChannel, ledger: &Ledger) -> Vec<Vec<Change>> {
        let (Some(id), Ok(aux_rand)) = (channel.machine.id(), self.aux_rand()) else { return Vec::new() };
        let folded: BTreeSet<[u8; 32]> = ledger.holds().iter().map(|hold| hold.id.0).collect();
        let missing =
            self.holds_in_log(channel).filter(|(id, _, fate)| *fate == HoldFate::Held && !folded.contains(&id.0));
        let (last, key) = (ledger.last_hold(), channel.machine.keys().funding_keypair());
        let sign = |(serial, (hold, record, _)): (u64, (HoldId, &HoldRecord, HoldFate))| {
            vec![Change::Hold(SignedHold::sign(id, serial, hold, record.amount_sat, &key, aux_rand))]
        };
        (last + 1..).zip(missing.take(HOLDS_MAX)).map(sign).collect()
    }

    /// N-96: what the channel holds and the log has settled.
    fn holds_to_end(&self, channel: &StakeChannel, ledger: &Ledger) -> Vec<Vec<Change>> {
        let in_channel: BTreeMap<[u8; 32], _> = ledger.holds().iter().map(|hold| (hold.id.0, hold)).collect();
        let known =
            self.holds_in_log(channel).filter_map(|(id, _, fate)| in_channel.get(&id.0).map(|hold| (*hold, fate)));
        let ended = known.filter(|(_, fate)| *fate != HoldFate::Held).take(HOLDS_MAX);
        let changes = ended.map(|(hold, fate)| match fate {
            HoldFate::Forfeited(sat) => {
                vec![Change::HoldForfeit { id: hold.id, amount_sat: sat.min(hold.amount_sat) }]
            }
            _ => vec![Change::HoldRelease { id: hold.id }],
        });
        changes.collect()
    }

    /// N-97: what the log owes the other side beyond what this side's vouchers have settled in all its channels.
    fn vouchers_due(&self, channel: &StakeChannel, ledger: &Ledger) -> Vec<Vec<Change>> {
        let (from, member) = (channel.machine.side(), self.ledger.state().member_of_key(&channel.member));
        let of_member = self.stakes.iter().filter(|other| other.member == channel.member);
        let settled = of_member.filter_map(|other| Some(other.machine.ledger()?.settled_sat(from)));
        let paid = settled.fold(0u64, u64::saturating_add);
        let mut owed = self.owed_sat(from, &member).saturating_sub(paid);
        let spendable = ledger.spendable_sat(from);
        owed = match spendable.saturating_sub(owed) {
            1..LEAST_PART_SAT => spendable.saturating_sub(LEAST_PART_SAT),
            _ => owed.min(spendable),
        };
        let (Some(id), Ok(aux_rand)) = (channel.machine.id(), self.aux_rand()) else { return Vec::new() };
        let (key, cap) = (channel.machine.keys().funding_keypair(), ledger.voucher_cap_sat());
        let mut cumulative = ledger.settled_sat(from);
        let mut vouchers = Vec::new();
        while owed > 0 && cap > 0 && vouchers.len() < VOUCHERS_MAX {
            let part = owed.min(cap);
            cumulative = cumulative.saturating_add(part);
            owed -= part;
            vouchers.push(vec![Change::Voucher(Voucher::sign(id, from, cumulative, &key, aux_rand))]);
        }
        vouchers
    }

    /// All that a side owes the other by the final epochs in the log: the hub rewards, the member dues.
    fn owed_sat(&self, from: Side, member: &MemberId) -> u64 {
        let state = self.ledger.state();
        if from == Side::Hub {
            return state.ledger().rewarded_sat(member);
        }
        let on_roll = |epoch: u32| state.roll(epoch).is_some_and(|roll| roll.weight(member) > 0);
        let due = state.ledger().accounts().iter().filter(|account| account.dues_sat > 0 && on_roll(account.epoch));
        due.fold(0, |sum, account| sum.saturating_add(account.dues_sat))
    }

    /// The holds of a channel in the order of the log, by the ids that channels know them by.
    fn holds_in_log(&self, channel: &StakeChannel) -> impl Iterator<Item = (HoldId, &HoldRecord, HoldFate)> {
        let id = channel.machine.id().map(|id| althing_governance::ChannelId(id.0));
        let fates = id.map(|id| self.ledger.state().hold_fates(&id)).unwrap_or_default();
        let dao = self.dao.params.dao_id;
        let id_of =
            move |hold: &HoldRecord| HoldId(tagged_hash("althing/deposit/v1", &[&dao.0, &hold.position.to_be_bytes()]));
        fates.into_iter().map(move |(hold, fate)| (id_of(hold), hold, fate))
    }
}

fn hex_of(id: &HoldId) -> String {
    crate::keys::hex(&id.0[..4])
}
