//! What a member's wallet keeps so that each of its channels can be closed alone at any moment: a mined coin of its own for each, whatever
//! else the wallet pays for (C-77). A commitment has no fee of its own, so without a coin for its child it is not even sent; and a coin that
//! is not mined would be a second parent of that child, which version 3 does not allow.

use althing_channels::fees::PRESSING_BLOCKS;
use althing_channels::monitor::{CoinForClosing, WalletCoin};
use althing_channels::{Phase, Side};
use anyhow::Result;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Transaction, TxOut};

use super::{StakeChannel, Stakes};
use crate::api::ApiError;
use crate::shell::Shell;
use crate::wallet::Wallet;

/// What the wallet has to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reserve {
    /// How many channels may have to be closed alone now.
    channels: usize,
    /// What the coin of each has to be worth.
    coin: CoinForClosing,
    /// The mined coins that are kept, the smallest that are enough; fewer than there are channels where the wallet has no more.
    coins: Vec<WalletCoin>,
    /// Satoshis in all the other mined coins.
    free_sat: u64,
}

impl Reserve {
    /// Whether as much can be paid beside what is kept; `opening` coins more are made by what pays.
    fn allows(&self, asked_sat: u64, opening: usize) -> bool {
        let made_sat = self.coin.kept.to_sat().saturating_mul(opening as u64);
        self.coins.len() >= self.channels && asked_sat.saturating_add(made_sat) <= self.free_sat
    }

    fn refusal(&self, asked_sat: u64) -> ApiError {
        let Self { channels, coin, coins, free_sat } = self;
        let kept_sat = coins.iter().map(|coin| coin.output.value.to_sat()).fold(0, u64::saturating_add);
        let confirmed_sat = kept_sat.saturating_add(*free_sat);
        let (has, least_sat) = (coins.len(), coin.kept.to_sat());
        let what = match channels {
            0 => {
                format!("a new stake channel gets a coin of at least {least_sat} sat, which pays for closing it alone")
            }
            1 => format!(
                "a stake channel keeps a mined coin of at least {least_sat} sat, which pays for closing it alone"
            ),
            _ => format!(
                "each of {channels} stake channels keeps a mined coin of its own of at least {least_sat} sat, which pays for closing it alone"
            ),
        };
        let there = match has < *channels {
            true => format!("of {confirmed_sat} sat confirmed in the wallet there are {has} such coins now"),
            false => format!("of {confirmed_sat} sat confirmed in the wallet {free_sat} sat are in other coins"),
        };
        ApiError::not_now(format!(
            "C-77: {what}; {there}, and {asked_sat} sat with the fee do not go beside. What is not mined yet counts once it is; another coin sent to `althing wallet address` counts too"
        ))
    }
}

impl Stakes {
    /// Member: channels that have no coin yet to be closed alone with. One whose funding is not mined cannot be closed, and what opened it
    /// makes its coin.
    fn to_be_closed<'a>(&'a self, makes_coin: impl Fn(&Transaction) -> bool + 'a) -> impl Iterator<Item = u32> + 'a {
        let needs = move |channel: &&StakeChannel| match channel.machine.phase() {
            Phase::Closed | Phase::Failed => false,
            Phase::ForceClosing => channel.child_coin.is_none() && self.end(channel.number).is_none(),
            Phase::Ready | Phase::Closing => self.end(channel.number).is_none(),
            // C-301: the coin of the channel that moves is this one's as soon as there is this one only.
            _ if self.funded_by(channel.number).is_some() => false,
            _ => channel.funding_tx.as_ref().is_some_and(|tx| !makes_coin(tx)),
        };
        let members = self.iter().filter(|channel| channel.machine.side() == Side::Member);
        members.filter(needs).map(|channel| channel.number)
    }
}

impl Shell {
    /// Whether the wallet can pay `asked_sat` and keep what it needs, before anything is built; `opening` channels are about to be opened.
    ///
    /// # Errors
    /// C-77 with what there is, what has to stay and what was asked for.
    pub(crate) fn expect_reserve(&self, asked_sat: u64, opening: usize) -> Result<(), ApiError> {
        let reserve = self.reserve(opening);
        if reserve.channels == 0 && opening == 0 || reserve.allows(asked_sat, opening) {
            return Ok(());
        }
        Err(reserve.refusal(asked_sat))
    }

    /// Satoshis that a channel can be opened with beside what stays, its own coin for closing among that; the fee is not taken off.
    pub(super) fn free_for_opening(&self) -> u64 {
        let reserve = self.reserve(1);
        reserve.free_sat.saturating_sub(reserve.coin.kept.to_sat())
    }

    /// Mined coins that nothing may spend but the child of a commitment.
    pub(crate) fn coins_for_closing(&self) -> Vec<OutPoint> {
        self.reserve(0).coins.into_iter().map(|coin| coin.outpoint).collect()
    }

    /// Pays from the wallet, beside the coins that stay for closing channels alone; for each channel that is `opening` with it the
    /// transaction makes another.
    ///
    /// # Errors
    /// W-1 for too little money at all, C-77 for too little beside what has to stay.
    pub(crate) fn pay(
        &mut self,
        outputs: &[(ScriptBuf, Amount)],
        rate: FeeRate,
        opening: usize,
    ) -> Result<Transaction, ApiError> {
        let reserve = self.reserve(opening);
        let asked_sat = outputs.iter().map(|(_, amount)| amount.to_sat()).fold(0, u64::saturating_add);
        let promised = self.stakes.promised_coins();
        let build = |wallet: &mut Wallet, made: &[(ScriptBuf, Amount)], kept: Vec<OutPoint>| {
            Ok((wallet.pay(&[outputs, made].concat(), rate, [promised.clone(), kept].concat())?, ()))
        };
        Ok(self.build_beside(&reserve, asked_sat, opening, build)?.0)
    }

    /// Pays everything that is not promised to one script; only a wallet that has to keep nothing can.
    ///
    /// # Errors
    /// As [`Shell::pay`].
    pub(crate) fn pay_all(&mut self, to: ScriptBuf, rate: FeeRate) -> Result<Transaction, ApiError> {
        let (reserve, promised) = (self.reserve(0), self.stakes.promised_coins());
        if reserve.channels > 0 {
            return Err(reserve.refusal(self.wallet.balance().confirmed_sat));
        }
        self.wallet.pay_all(to, rate, promised).map_err(|error| error.downcast().unwrap_or_else(ApiError::from))
    }

    /// The transaction of a top-up, likewise. One that `replaces` another may use the coins of that, which are no more `promised`; it is
    /// built whatever fees have risen to, beside the coins that there are.
    ///
    /// # Errors
    /// As [`Shell::pay`].
    pub(super) fn splice_in(
        &mut self,
        from: (OutPoint, TxOut),
        to: TxOut,
        rate: FeeRate,
        (promised, replaces): (&[OutPoint], bool),
    ) -> Result<(Transaction, Vec<TxOut>), ApiError> {
        let mut reserve = self.reserve(0);
        if replaces {
            reserve.channels = reserve.coins.len();
        }
        let asked_sat = to.value.to_sat().saturating_sub(from.1.value.to_sat());
        let build = |wallet: &mut Wallet, _: &[(ScriptBuf, Amount)], kept: Vec<OutPoint>| {
            wallet.splice_in(from.clone(), to.clone(), rate, [promised, kept.as_slice()].concat())
        };
        self.build_beside(&reserve, asked_sat, 0, build)
    }

    /// Builds with a coin for each channel that is opened, as large as it should be or else as small as it may be.
    fn build_beside<T>(
        &mut self,
        reserve: &Reserve,
        asked_sat: u64,
        opening: usize,
        build: impl Fn(&mut Wallet, &[(ScriptBuf, Amount)], Vec<OutPoint>) -> Result<(Transaction, T)>,
    ) -> Result<(Transaction, T), ApiError> {
        if reserve.coins.len() < reserve.channels {
            return Err(reserve.refusal(asked_sat));
        }
        let kept: Vec<OutPoint> = reserve.coins.iter().map(|coin| coin.outpoint).collect();
        let script = self.wallet.unused_change_script()?;
        let CoinForClosing { kept: least, made: most } = reserve.coin;
        for worth in [most, least] {
            let made = vec![(script.clone(), worth); opening];
            if let Ok(built) = build(&mut self.wallet, &made, kept.clone()) {
                return Ok(built);
            }
        }
        // What it is that does not go: the payment, or what has to stay beside it.
        match build(&mut self.wallet, &[], Vec::new()) {
            Ok(_) => Err(reserve.refusal(asked_sat)),
            Err(error) => Err(error.downcast().unwrap_or_else(ApiError::from)),
        }
    }

    fn reserve(&self, opening: usize) -> Reserve {
        let least = CoinForClosing::at(FeeRate::ZERO).kept;
        let channels = self.stakes.to_be_closed(|tx| self.wallet.coins_in(tx, least) > 0).count();
        // What is asked of the Bitcoin source only where it matters: a hub keeps none.
        let rate = match channels.saturating_add(opening) {
            0 => FeeRate::ZERO,
            _ => self.bitcoind.fee_market().rate(Some(PRESSING_BLOCKS)),
        };
        let coin = CoinForClosing::at(rate);
        let (mut coins, others): (Vec<_>, Vec<_>) = self
            .wallet
            .confirmed_coins(&self.stakes.promised_coins())
            .into_iter()
            .partition(|found| found.output.value >= coin.kept);
        coins.sort_by_key(|coin| (coin.output.value, coin.outpoint));
        let free = coins.split_off(coins.len().min(channels));
        let free_sat = free.iter().chain(&others).map(|coin| coin.output.value.to_sat()).fold(0, u64::saturating_add);
        Reserve { channels, coin, coins, free_sat }
    }
}
