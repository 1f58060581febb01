//! Stake channels, the keys over them, and deposits out of them.

use super::super::refusal::{Refusal, invalid, not_now};
use super::super::{ChannelRecord, LogState};
use crate::dao::channel_id;
use crate::entry::{Bind, Checkpoint, DepositHold, KeyRotation, LaneEntry, lane_start};

/// The least that a side of a channel keeps, in satoshis (C-107).
const LEAST_RESERVE_SAT: u64 = 1000;

/// What can be held of a channel at most: the member's part, without the reserve if that binds it (C-107). The channel's ledger
/// lets no hold use more.
fn most_held_sat(channel: &ChannelRecord) -> u64 {
    let reserve = |c: &Checkpoint| (c.member_sat.saturating_add(c.hub_sat) / 100).max(LEAST_RESERVE_SAT);
    let Some((_, newest)) = channel.checkpoints.last() else { return 0 };
    let is_bound = channel.checkpoints.iter().any(|(_, checkpoint)| checkpoint.member_sat > reserve(checkpoint));
    newest.member_sat.saturating_sub(if is_bound { reserve(newest) } else { 0 })
}

impl LogState {
    pub(super) fn check_bind(&self, e: &LaneEntry<Bind>) -> Result<(), Refusal> {
        self.check_dao(e.lane.network, e.lane.dao)?;
        let named = self.member_of_key(&e.lane.member);
        self.check_key(&e.lane, &named, self.members.get(&named))?;
        self.check_lane(&e.lane)?;
        let bind = &e.body;
        let expected = channel_id(e.lane.dao, bind.funding);
        if bind.channel != expected {
            return invalid("G-22", format!("channel id is {}, from the outpoint it is {expected}", bind.channel));
        }
        if self.outpoints.contains_key(&bind.funding) {
            return invalid("G-22", format!("outpoint {} is bound already", bind.funding));
        }
        Ok(())
    }

    pub(super) fn check_checkpoint(&self, c: &Checkpoint) -> Result<(), Refusal> {
        self.check_dao(c.network, c.dao)?;
        let Some(channel) = self.channels.get(&c.channel) else {
            return invalid("G-23", format!("channel {} is not bound", c.channel));
        };
        if channel.member != self.member_of_key(&c.member) || self.is_retired(&c.member) {
            return invalid("G-23", format!("channel {} is bound to {}, not {}", c.channel, channel.member, c.member));
        }
        if let Some((_, newest)) = channel.checkpoints.last()
            && c.number <= newest.number
        {
            return invalid("G-23", format!("checkpoint {} is not newer than {}", c.number, newest.number));
        }
        super::funding::check_funding(channel, c)?;
        let collected = channel.checkpoints.last().map_or(0, |(_, newest)| newest.forfeited_sat);
        if c.forfeited_sat < collected {
            let what =
                format!("{} sat are said to be forfeited in the channel, before it were {collected}", c.forfeited_sat);
            return invalid("G-23", what);
        }
        let held = self.held_beside(&c.channel, c.forfeited_sat);
        if c.member_sat < held {
            return invalid(
                "G-96",
                format!("the member has {} sat, of which {held} are held as deposits", c.member_sat),
            );
        }
        self.check_checkpoint_lane(c)
    }

    /// G-96: only what the newest checkpoint says is the member's, and what is not held already.
    pub(super) fn check_deposit_hold(&self, e: &LaneEntry<DepositHold>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        let hold = &e.body;
        let Some(channel) = self.channels.get(&hold.channel).filter(|channel| channel.member == member) else {
            return invalid("G-96", format!("channel {} is not bound to {member}", hold.channel));
        };
        // What no vote will ask for would only be held for nothing.
        let tip = self.tip_height();
        let newest = self.newest_version(&hold.thread);
        if let Some(dropped) = newest.and_then(|proposal| proposal.dropped) {
            return invalid("G-96", format!("proposal {} {}: it needs no deposit", hold.thread, dropped.cause.words()));
        }
        if let Some((schedule, tip)) = newest.and_then(|proposal| proposal.schedule).zip(tip)
            && tip >= schedule.open
        {
            let open = schedule.open;
            return invalid(
                "G-96",
                format!("the vote on {} opened at height {open}, the log is at {tip}", hold.thread),
            );
        }
        let can_hold = most_held_sat(channel);
        let held = self.held_sat(&hold.channel);
        match held.checked_add(hold.amount_sat) {
            Some(sum) if sum <= can_hold => Ok(()),
            _ => {
                let (wanted, channel) = (hold.amount_sat, hold.channel);
                let what = format!(
                    "{wanted} sat beside the {held} sat held are more than the {can_hold} sat that channel {channel} can hold beside its reserve"
                );
                invalid("G-96", what)
            }
        }
    }

    /// G-90: the funding key of one of the member's channels names another vote key, which nobody has.
    pub(super) fn check_key_rotation(&self, r: &KeyRotation) -> Result<(), Refusal> {
        self.check_dao(r.network, r.dao)?;
        let member = self.member_of_key(&r.old_key);
        if self.members.get(&member).is_none_or(|record| record.key != r.old_key) {
            return invalid("G-90", format!("{} speaks for no member", r.old_key));
        }
        let is_known = self.members.contains_key(&r.new_key) || self.rotated_keys.contains_key(&r.new_key);
        if is_known || self.lanes.get(&r.new_key).is_some() || self.holds_office(&r.new_key) {
            return invalid("G-90", format!("{} speaks in this DAO already", r.new_key));
        }
        match self.channels.get(&r.channel) {
            Some(channel) if channel.member == member && channel.bind.member_funding_key == r.member_funding_key => {
                Ok(())
            }
            _ => invalid("G-90", format!("{} holds no channel {} of {member}", r.member_funding_key, r.channel)),
        }
    }

    /// G-23: a checkpoint repeats the lane's state; where the log knows that state, it must be the same.
    fn check_checkpoint_lane(&self, c: &Checkpoint) -> Result<(), Refusal> {
        let Some(lane) = self.lanes.get(&c.member) else {
            return invalid("G-23", format!("member {} has no lane", c.member));
        };
        let start = lane_start(c.network, c.dao, c.member, c.incarnation);
        if c.sequence == 0 {
            // A restored device may sign a checkpoint before its first entry.
            return if c.head == start {
                Ok(())
            } else {
                invalid("G-23", format!("lane head is {}, of an empty lane it is {start}", c.head))
            };
        }
        let (there, here) = ((c.incarnation, c.sequence), (lane.incarnation, lane.sequence));
        if there > here {
            return not_now("G-23", format!("lane is said to be at {there:?}, in the log it is at {here:?}"));
        }
        if there == here && c.head != lane.head {
            return invalid("G-23", format!("lane head is {}, in the log it is {}", c.head, lane.head));
        }
        Ok(())
    }
}
