//! What a member's wallet keeps so that each of its channels can be closed alone: a coin of its own for each, whatever else the wallet
//! pays for (C-77). A commitment has no fee of its own, so without a coin for its child it is not even sent.

use althing_channels::fees::PRESSING_BLOCKS;
use althing_channels::monitor::reserve_per_close;
use althing_channels::{Phase, Side};
use anyhow::Result;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Transaction, TxOut};

use super::{StakeChannel, Stakes};
use crate::api::ApiError;
use crate::shell::Shell;
use crate::wallet::Wallet;

/// What the wallet has to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reserve {
    /// How many channels may have to be closed alone.
    channels: usize,
    /// Least value of the coin of each, in satoshis.
    least_sat: u64,
}

impl Reserve {
    fn refusal(&self, confirmed_sat: u64, asked_sat: u64) -> ApiError {
        let Self { channels, least_sat } = self;
        let keep_sat = least_sat.saturating_mul(*channels as u64);
        let coins = if *channels == 1 { "a coin" } else { "coins" };
        ApiError::not_now(format!(
            "C-77: of {confirmed_sat} sat confirmed in the wallet {keep_sat} sat have to stay, in {coins} of at least {least_sat} sat for each of {channels} stake channels, which pays for closing it alone; {asked_sat} sat and the fee do not fit beside them"
        ))
    }
}

impl Stakes {
    /// Member: channels that have no coin yet to be closed alone with.
    fn to_be_closed(&self) -> usize {
        let needs = |channel: &&StakeChannel| match channel.machine.phase() {
            Phase::Closed | Phase::Failed => false,
            Phase::ForceClosing => channel.child_coin.is_none() && self.end(channel.number).is_none(),
            _ => true,
        };
        self.iter().filter(|channel| channel.machine.side() == Side::Member).filter(needs).count()
    }
}

impl Shell {
    /// Whether the wallet can pay `asked_sat` and keep what it needs, before anything is built; `more` channels are about to be opened.
    ///
    /// # Errors
    /// C-77 with what there is, what has to stay and what was asked for.
    pub(crate) fn expect_reserve(&self, asked_sat: u64, more: usize) -> Result<(), ApiError> {
        let reserve = self.reserve(more);
        if reserve.channels == 0 {
            return Ok(());
        }
        let promised = self.stakes.promised_coins();
        let confirmed_sat = self.wallet.confirmed_coins(&promised).iter().map(|coin| coin.output.value.to_sat()).sum();
        // What comes back from a payment that waits is a coin as soon as that is mined.
        let coming = self.wallet.own_change(&promised, Amount::from_sat(reserve.least_sat));
        let missing = reserve.channels.saturating_sub(coming) as u64;
        match reserve.least_sat.saturating_mul(missing).saturating_add(asked_sat) > confirmed_sat {
            true => Err(reserve.refusal(confirmed_sat, asked_sat)),
            false => Ok(()),
        }
    }

    /// Pays from the wallet, and leaves a coin in it for each channel: change counts, and where the coins are too few, more outputs to
    /// this wallet are made.
    ///
    /// # Errors
    /// W-1 for too little money at all, C-77 for too little beside what has to stay.
    pub(crate) fn pay(
        &mut self,
        outputs: &[(ScriptBuf, Amount)],
        rate: FeeRate,
        more: usize,
    ) -> Result<Transaction, ApiError> {
        let asked_sat = outputs.iter().map(|(_, amount)| amount.to_sat()).sum();
        let promised = self.stakes.promised_coins();
        let build = |wallet: &mut Wallet, kept: &[(ScriptBuf, Amount)]| {
            let tx = wallet.pay(&[outputs, kept].concat(), rate, promised.clone())?;
            Ok((tx, ()))
        };
        Ok(self.build_keeping_reserve(&promised, asked_sat, more, build)?.0)
    }

    /// Pays everything that is not promised to one script; only a wallet that has to keep nothing can.
    ///
    /// # Errors
    /// As [`Shell::pay`].
    pub(crate) fn pay_all(&mut self, to: ScriptBuf, rate: FeeRate) -> Result<Transaction, ApiError> {
        let (reserve, promised) = (self.reserve(0), self.stakes.promised_coins());
        if reserve.channels > 0 {
            let confirmed_sat = self.wallet.balance().confirmed_sat;
            return Err(reserve.refusal(confirmed_sat, confirmed_sat));
        }
        self.wallet.pay_all(to, rate, promised).map_err(|error| error.downcast().unwrap_or_else(ApiError::from))
    }

    /// The transaction of a top-up, likewise.
    ///
    /// # Errors
    /// As [`Shell::pay`].
    pub(super) fn splice_in(
        &mut self,
        from: (OutPoint, TxOut),
        to: TxOut,
        rate: FeeRate,
        promised: &[OutPoint],
    ) -> Result<(Transaction, Vec<TxOut>), ApiError> {
        let asked_sat = to.value.to_sat().saturating_sub(from.1.value.to_sat());
        let build = |wallet: &mut Wallet, kept: &[(ScriptBuf, Amount)]| {
            wallet.splice_in(from.clone(), to.clone(), kept, rate, promised.to_vec())
        };
        self.build_keeping_reserve(promised, asked_sat, 0, build)
    }

    /// Builds with ever more outputs to the own wallet until enough coins are left.
    fn build_keeping_reserve<T>(
        &mut self,
        promised: &[OutPoint],
        asked_sat: u64,
        more: usize,
        build: impl Fn(&mut Wallet, &[(ScriptBuf, Amount)]) -> Result<(Transaction, T)>,
    ) -> Result<(Transaction, T), ApiError> {
        let reserve = self.reserve(more);
        let least = Amount::from_sat(reserve.least_sat);
        let refusal = |shell: &Self| reserve.refusal(shell.wallet.balance().confirmed_sat, asked_sat);
        let mut kept = Vec::new();
        loop {
            let built = match build(&mut self.wallet, &kept) {
                Ok(built) => built,
                Err(error) if kept.is_empty() => return Err(error.downcast().unwrap_or_else(ApiError::from)),
                Err(_) => return Err(refusal(self)),
            };
            let left = self.wallet.left_after(&built.0, promised, least);
            let Some(missing) = reserve.channels.checked_sub(left).filter(|missing| *missing > 0) else {
                return Ok(built);
            };
            if kept.len() >= reserve.channels {
                return Err(refusal(self));
            }
            let script = self.wallet.unused_change_script()?;
            kept.extend(vec![(script, least); missing]);
        }
    }

    fn reserve(&self, more: usize) -> Reserve {
        let channels = self.stakes.to_be_closed().saturating_add(more);
        // What is asked of the Bitcoin source only where it matters: a hub has none of its own.
        let rate = if channels == 0 { FeeRate::ZERO } else { self.bitcoind.fee_market().rate(Some(PRESSING_BLOCKS)) };
        Reserve { channels, least_sat: reserve_per_close(rate).to_sat() }
    }
}
