//! Commands that change a channel in use: more stake, or less.

use althing_node::api::{ChannelDetail, CurveOf, Reply, Request, Stake};

use super::args::{Bump, Migrate, Send, TakeOut, TopUp};
use super::console::Console;
use super::failure::Failure;
use super::newest::Newest;
use super::node::{Caller, other_kind};
use super::{review, show};
use crate::format::{cost_alone, sats, thousands};
use crate::untrusted::Untrusted;

impl Caller {
    /// Sends coins of the wallet after the review.
    pub(super) fn wallet_send(&self, options: Send, console: &mut Console<'_>) -> Result<u8, Failure> {
        let Send { to, amount_sat, all: _, fee_rate } = options;
        let ask = |review| Request::WalletSend { to: to.clone(), amount_sat, fee_rate_sat_vb: fee_rate, review };
        self.splice("Send coins of the wallet", "send", ask, console)
    }

    /// Pays the other side ahead by a voucher after the review.
    pub(super) fn channel_voucher(
        &self,
        channel: &str,
        amount_sat: u64,
        console: &mut Console<'_>,
    ) -> Result<u8, Failure> {
        let stake = self.named_stake(channel)?;
        let reserve_sat = stake.detail.as_deref().map_or(0, |detail| detail.reserve_sat);
        let effects = [
            format!("Gives {} to the other side at once, by a voucher; it cannot be taken back.", sats(amount_sat)),
            format!(
                "The other side folds it into the channel with one of the next blocks; until then vouchers promise at most {}, half the reserve.",
                sats(reserve_sat / 2)
            ),
            "It is paid ahead: dues or rewards that the log decides from now on are less by it.".to_owned(),
        ];
        review::confirm(console, "Pay ahead by a voucher", &effects, "pay", self.assume_yes)?;
        let reply = self.call(Request::ChannelVoucher { channel: stake.channel, amount_sat })?;
        console.answer(&reply, || show::reply(&reply))
    }

    /// Adds coins of the wallet to a channel after the review.
    pub(super) fn channel_top_up(&self, options: TopUp, console: &mut Console<'_>) -> Result<u8, Failure> {
        let TopUp { amount_sat, channel, fee_rate } = options;
        let channel = self.meant_stake(channel.as_deref())?.channel;
        let ask =
            |review| Request::ChannelTopUp { channel: channel.clone(), amount_sat, fee_rate_sat_vb: fee_rate, review };
        self.splice("Add to a stake channel", "topup", ask, console)
    }

    /// Takes coins out of a channel after the review.
    pub(super) fn channel_take_out(&self, options: TakeOut, console: &mut Console<'_>) -> Result<u8, Failure> {
        let TakeOut { amount_sat, to, channel, fee_rate } = options;
        let channel = self.meant_stake(channel.as_deref())?.channel;
        let ask = |review| Request::ChannelWithdraw {
            channel: channel.clone(),
            amount_sat,
            to: to.clone(),
            fee_rate_sat_vb: fee_rate,
            review,
        };
        self.splice("Take coins out of a stake channel", "withdraw", ask, console)
    }

    /// Replaces a splice that waits after the review.
    pub(super) fn channel_bump(&self, options: Bump, console: &mut Console<'_>) -> Result<u8, Failure> {
        let Bump { fee_rate, channel } = options;
        let channel = self.meant_stake(channel.as_deref())?.channel;
        let ask = |review| Request::ChannelBump { channel: channel.clone(), fee_rate_sat_vb: fee_rate, review };
        self.splice("Raise the fee of a transaction that waits", "bump", ask, console)
    }

    /// Moves a channel to another hub after the review.
    pub(super) fn channel_migrate(&self, options: Migrate, console: &mut Console<'_>) -> Result<u8, Failure> {
        let Migrate { to, channel, fee_rate, alone, newest, cancel } = options;
        let stake = match (channel.as_deref(), alone || cancel) {
            (None, true) => self.moving_stake()?,
            (named, _) => self.meant_stake(named)?,
        };
        let channel = stake.channel.clone();
        let Some(to) = to.filter(|_| !cancel) else {
            let reply = self.call(Request::ChannelMigrateCancel { channel })?;
            return console.answer(&reply, || show::reply(&reply));
        };
        let newest = match alone {
            true => Newest::of(&self.known_stake(stake)?, newest, self.assume_yes)?,
            false => Newest::Known,
        };
        let ask = |review| Request::ChannelMigrate {
            channel: channel.clone(),
            to: to.clone(),
            fee_rate_sat_vb: fee_rate,
            alone,
            newest: newest.is_answered(),
            review,
        };
        let word = newest.word(if alone { "migrate alone" } else { "migrate" });
        self.splice("Move a stake channel to another hub", word, ask, console)
    }

    /// Shows one channel, with how its balances came to be.
    pub(super) fn channel_show(&self, channel: &str, console: &mut Console<'_>) -> Result<u8, Failure> {
        let mut stake = self.named_stake(channel)?;
        let of = CurveOf::Channel { channel: stake.channel.clone() };
        if let Some(detail) = &mut stake.detail
            // A channel that is not bound in the log has none yet.
            && let Ok(Reply::Curve(curve)) = self.call(Request::Curve { of })
        {
            detail.balances = Some(curve);
        }
        let reply = Reply::Stake(stake);
        console.answer(&reply, || show::reply(&reply))
    }

    /// The node says what the order would do; the word is typed; the node does it.
    fn splice(
        &self,
        title: &str,
        word: &str,
        ask: impl Fn(bool) -> Request,
        console: &mut Console<'_>,
    ) -> Result<u8, Failure> {
        let Reply::SayReview(effects) = self.call(ask(true))? else { return Err(other_kind()) };
        review::confirm(console, title, &effects.sentences, word, self.assume_yes)?;
        let reply = self.call(ask(false))?;
        console.answer(&reply, || show::reply(&reply))
    }

    /// The only channel that moves, however far; else the only one that is not closed. One that is closing already can still go on to
    /// another hub, and of one whose coins are home the order can be changed or taken back.
    fn moving_stake(&self) -> Result<Stake, Failure> {
        let Reply::Stakes { stakes } = self.call(Request::Stakes)? else { return Err(other_kind()) };
        let moves = |stake: &&Stake| {
            let migration = stake.detail.as_ref().and_then(|detail| detail.migration.as_ref());
            migration.is_some_and(|migration| migration.step != "done")
        };
        let mut moving = stakes.iter().filter(moves);
        if let (Some(stake), None) = (moving.next(), moving.next()) {
            return Ok(stake.clone());
        }
        let lives = |stake: &Stake| matches!(stake.state.as_str(), "ready" | "halted" | "closing");
        let mut alive = stakes.into_iter().filter(lives);
        match (alive.next(), alive.next()) {
            (Some(stake), None) => Ok(stake),
            _ => Err(Failure::usage("Name the stake channel with --channel.".to_owned())),
        }
    }

    /// The channel that was named, or the only one in use.
    fn meant_stake(&self, channel: Option<&str>) -> Result<Stake, Failure> {
        if let Some(channel) = channel {
            return self.named_stake(channel);
        }
        let Reply::Stakes { stakes } = self.call(Request::Stakes)? else { return Err(other_kind()) };
        // Of one that does not go on the node says why.
        let in_use = |stake: &Stake| matches!(stake.state.as_str(), "ready" | "halted");
        let mut in_use = stakes.into_iter().filter(in_use);
        match (in_use.next(), in_use.next()) {
            (Some(stake), None) => Ok(stake),
            (None, _) => Err(Failure::usage("No stake channel is in use here.".to_owned())),
            (Some(_), Some(_)) => {
                Err(Failure::usage("Several stake channels are in use; name one with --channel.".to_owned()))
            }
        }
    }
}

/// What is in a channel and what leaving it costs, in words.
pub(super) fn detail(detail: &ChannelDetail) -> Vec<String> {
    let count = |number: u64| thousands(u128::from(number));
    let mut lines = vec![
        format!("    with {}, checkpoint {}", Untrusted::new(&detail.peer), count(detail.checkpoint)),
        format!(
            "    the hub's {}, held {}{}, to spend {}, reserve {}",
            sats(detail.hub_sat),
            sats(detail.held_sat),
            if detail.paying_sat > 0 { format!(", being paid {}", sats(detail.paying_sat)) } else { String::new() },
            sats(detail.spendable_sat),
            sats(detail.reserve_sat)
        ),
    ];
    let weight =
        detail.weight_lost.as_ref().map(|weight| format!("; up to {} of weight end", crate::format::weight(weight)));
    lines.push(format!(
        "    a close together costs {}, one alone {} and {} blocks of waiting{}",
        sats(detail.close_fee_sat),
        cost_alone(detail),
        count(u64::from(detail.lock_blocks)),
        weight.unwrap_or_default()
    ));
    if let Some(migration) = &detail.migration {
        lines.push(format!("    {} ({})", super::show::sentence(&migration.words), Untrusted::new(&migration.to)));
    }
    if let Some(curve) = &detail.balances {
        lines.push(format!("    balances by height: {}", curve.labels.join(", ")));
        let points = curve.points.iter().rev().take(12).rev();
        lines.extend(points.map(|point| format!("      {}  {}", point.height, point.values.join("  "))));
    }
    lines
}
