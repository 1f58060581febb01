//! Payments that somebody ordered in a channel (N-150): from the answer on they are durable, until a checkpoint proposes them or it is known,
//! and stored, why none can.

use althing_channels::{Change, ChannelError, Ledger, Phase, Side};
use anyhow::{Context, Result};

use super::{StakeChannel, StakeNews};
use crate::api::ApiError;
use crate::shell::Shell;

impl StakeChannel {
    /// What this side has ordered to pay and no checkpoint has folded, in satoshis.
    pub fn paid_next_sat(&self) -> u64 {
        self.orders.iter().copied().fold(0, u64::saturating_add)
    }

    /// The same with what a checkpoint has folded that the other side has not answered, and what vouchers promise.
    pub fn paying_sat(&self) -> u64 {
        self.leaving_sat().saturating_add(self.machine.proposed_sat())
    }

    /// What leaves the own part of the newest ledger, the one that is under way counted as made.
    pub(super) fn leaving_sat(&self) -> u64 {
        self.paid_next_sat().saturating_add(self.machine.promised_sat())
    }

    /// What this side can still give away beside the reserve when everything ordered is paid, in satoshis (C-107).
    pub fn to_spend_sat(&self) -> u64 {
        let reserve = self.machine.newest_ledger().map_or(0, Ledger::reserve_sat);
        self.to_promise_sat().saturating_sub(reserve)
    }

    /// The same with the reserve, which vouchers may use (C-104).
    fn to_promise_sat(&self) -> u64 {
        let spendable = self.machine.newest_ledger().map_or(0, |ledger| ledger.spendable_sat(self.machine.side()));
        spendable.saturating_sub(self.leaving_sat())
    }

    /// What cannot be carried out any more is not taken (C-132, C-133, N-33).
    ///
    /// # Errors
    /// With why the channel does not go on.
    pub(super) fn expect_going_on(&self) -> Result<(), ApiError> {
        if let Some(why) = &self.lost {
            return Err(ApiError::not_now(why.clone()));
        }
        if self.machine.is_behind() {
            let why = "C-132: what this folder knows of the channel is old; nothing is paid in it any more, and the other side was asked to close it";
            return Err(ApiError::not_now(why));
        }
        Ok(())
    }

    /// The orders as a checkpoint folds them: a member pays its dues, the hub a reward.
    pub(super) fn ordered(&self) -> Vec<Change> {
        let change = |amount_sat: &u64| match self.machine.side() {
            Side::Member => Change::Dues { amount_sat: *amount_sat },
            Side::Hub => Change::Reward { amount_sat: *amount_sat },
        };
        self.orders.iter().map(change).collect()
    }
}

impl Shell {
    /// Pays the other side out of a channel: a member its dues, the hub a reward. Done with the next checkpoint, at the own turn; stored
    /// when this returns.
    ///
    /// # Errors
    /// A channel that is not in use, more than this side may spend, or I/O.
    pub fn pay_in_channel(&mut self, number: u32, amount_sat: u64) -> Result<Vec<StakeNews>, ApiError> {
        let channel = self.stakes.channel_mut(number).context("the channel exists")?;
        if channel.machine.phase() != Phase::Ready {
            return Err(ApiError::not_now("C-101: the stake channel is not in use"));
        }
        channel.expect_going_on()?;
        // Judged by the newest state that is known, together with what waits already. What the other side folds before the own turn
        // comes can change the answer; then the refusal is kept with the channel.
        channel.orders.push(amount_sat);
        if let Err(ChannelError::Invalid(violation)) = channel.machine.judge_changes(&channel.ordered()) {
            channel.orders.pop();
            return Err(ApiError::invalid(violation.rule(), violation.to_string()));
        }
        let effects = match channel.machine.ask_turn() {
            Ok(effects) => effects,
            Err(error) => {
                channel.orders.pop();
                return Err(ApiError::not_now(error.to_string()));
            }
        };
        channel.refusal.clear();
        if let Err(error) = self.persist_channel(number) {
            self.restore_channel(number)?;
            return Err(error.into());
        }
        Ok(self.carry_out(number, effects)?)
    }

    /// Pays the other side at once by a voucher (C-104), ahead of what the log decides (N-97). The other side folds it (N-261).
    ///
    /// # Errors
    /// A channel that is not in use, more than may be promised or spent, or I/O.
    pub fn promise_in_channel(&mut self, number: u32, amount_sat: u64) -> Result<Vec<StakeNews>, ApiError> {
        let channel = self.channel(number)?;
        channel.expect_going_on()?;
        let left = channel.to_promise_sat();
        if amount_sat > left {
            let why = format!(
                "C-104: {amount_sat} sat are more than the {left} sat that are left beside what is held and what is being paid already"
            );
            return Err(ApiError::invalid("C-104", why));
        }
        let aux_rand = self.aux_rand()?;
        let given = self.machine(number)?.give_voucher(amount_sat, aux_rand);
        let effects = given.map_err(|error| match error {
            ChannelError::Invalid(violation) => ApiError::invalid(violation.rule(), violation.to_string()),
            other => ApiError::not_now(other.to_string()),
        })?;
        Ok(self.carry_out(number, effects)?)
    }

    /// The orders of a channel end unpaid; why is stored, since whoever gave them was answered long ago.
    pub(super) fn refuse_orders(&mut self, number: u32, why: &str) -> Result<()> {
        let channel = self.stakes.channel_mut(number).context("the channel exists")?;
        let sat = channel.paid_next_sat();
        channel.orders.clear();
        channel.refusal = format!("A payment of {sat} sat was refused when its turn came: {why}.");
        // No news: whoever waits for an answer about this channel waits for something else.
        self.alarms.insert("stake", channel.refusal.clone());
        self.persist_channel(number)
    }

    /// After each step: nothing is paid any more in a channel that is being left (C-115).
    pub(super) fn end_orders(&mut self, number: u32) -> Result<()> {
        let Some(channel) = self.stakes.channel(number).filter(|channel| !channel.orders.is_empty()) else {
            return Ok(());
        };
        if channel.machine.phase() <= Phase::Ready {
            return Ok(());
        }
        self.refuse_orders(number, "C-115: the channel is being left")
    }

    /// At a start: what was refused before it is told again.
    pub(super) fn tell_refusals(&mut self) {
        let lives = self.stakes.iter().filter(|channel| channel.machine.phase() < Phase::Closed);
        let refused = lives.map(|channel| &channel.refusal).filter(|refusal| !refusal.is_empty()).last();
        self.alarms.extend(refused.map(|words| ("stake", words.clone())));
    }
}
