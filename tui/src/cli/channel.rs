//! Commands that change a channel in use: more stake, or less.

use althing_node::api::{Reply, Request, Stake};

use super::args::{TakeOut, TopUp};
use super::console::Console;
use super::failure::Failure;
use super::node::{Caller, other_kind};
use super::{review, show};

impl Caller {
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

    /// The channel that was named, or the only one in use.
    fn meant_stake(&self, channel: Option<&str>) -> Result<Stake, Failure> {
        if let Some(channel) = channel {
            return self.named_stake(channel);
        }
        let Reply::Stakes { stakes } = self.call(Request::Stakes)? else { return Err(other_kind()) };
        let mut in_use = stakes.into_iter().filter(|stake| stake.state == "ready");
        match (in_use.next(), in_use.next()) {
            (Some(stake), None) => Ok(stake),
            (None, _) => Err(Failure::usage("No stake channel is in use here.".to_owned())),
            (Some(_), Some(_)) => {
                Err(Failure::usage("Several stake channels are in use; name one with --channel.".to_owned()))
            }
        }
    }
}
