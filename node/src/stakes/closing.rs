//! Closing together: scripts, rounds of fees, and the broadcast of what both signed.

use althing_channels::{CloseTx, Effect, Phase, Violation};
use anyhow::Result;
use bitcoin::{ScriptBuf, Transaction};

use super::{DEFAULT_CLOSE_FEE_SAT, StakeChannel, StakeNews, Stakes};
use crate::api::ApiError;
use crate::shell::Shell;

impl Stakes {
    /// The channel whose id begins with `id`, at least 4 hex digits.
    ///
    /// # Errors
    /// N-61 when there is none.
    pub fn named(&self, id: &str) -> Result<&StakeChannel, ApiError> {
        let wanted = id.trim().to_ascii_lowercase();
        let begins = |channel: &&StakeChannel| {
            wanted.len() >= 4 && channel.machine.id().is_some_and(|id| id.to_string().starts_with(&wanted))
        };
        let none = || ApiError::invalid("N-61", format!("no stake channel here begins with {wanted:?}"));
        self.iter().find(begins).ok_or_else(none)
    }
}

/// The least that is relayed: 1 sat/vB of the larger close.
const LEAST_CLOSE_FEE_SAT: u64 = 154;

impl Shell {
    /// Begins a cooperative close at that fee, or a further round of one that waits (C-35).
    ///
    /// # Errors
    /// A channel that cannot be closed now, a fee that would not replace the last, or I/O.
    pub fn close_together(&mut self, number: u32, fee_sat: u64) -> Result<Vec<StakeNews>, ApiError> {
        if self.channel(number)?.machine.phase() == Phase::Ready && !self.channel(number)?.pending_splices().is_empty()
        {
            return Err(ApiError::not_now(
                "C-144: a splice of this channel waits for its confirmations; close it after that, or alone",
            ));
        }
        self.expect_settled(number)?;
        // What pays less is relayed by nobody, and the channel would be closing until somebody pays more.
        if fee_sat < LEAST_CLOSE_FEE_SAT {
            let why = format!(
                "C-31: a close of 154 vB that pays {fee_sat} sat is not relayed; it needs {LEAST_CLOSE_FEE_SAT} sat"
            );
            return Err(ApiError::invalid("C-31", why));
        }
        // After the word `shutdown` the channel is out of use: nothing may be said before it is known that a close can be made.
        let machine = &self.channel(number)?.machine;
        CloseTx::after_fee(machine.balances(), machine.side(), fee_sat)
            .map_err(|error| ApiError::invalid("C-31", error.to_string()))?;
        let session = self.session()?;
        let refused = |error: althing_channels::ChannelError| ApiError::invalid(error.rule(), error.to_string());
        let begun = self.machine(number)?.phase() == Phase::Closing;
        let effects = if begun && self.machine(number)?.can_propose_close() {
            self.machine(number)?.propose_close(fee_sat, session).map_err(refused)?
        } else if begun {
            return Err(ApiError::not_now("C-33: a round of this close is under way; try again when it is answered"));
        } else {
            let script = self.own_close_script(number)?;
            self.machine(number)?.close(script, session).map_err(refused)?
        };
        // Stored with the step: what is proposed behind a restart is not less than what the other side may have signed by then.
        if let Some(channel) = self.stakes.channel_mut(number) {
            channel.close_fee_sat = Some(fee_sat);
        }
        self.persist_channel(number)?;
        Ok(self.carry_out(number, effects)?)
    }

    /// Closes alone with the own newest commitment (C-26). What it costs is paid by the wallet, at rates that rise with time. Where the other
    /// side has done so, the own part comes home without waiting for votes (N-191).
    ///
    /// # Errors
    /// A channel that has no commitment to broadcast, a member's folder that may be old (C-150), or I/O.
    pub fn close_alone(&mut self, number: u32) -> Result<Vec<StakeNews>, ApiError> {
        let mut news = self.confirm_mined_splices(number)?;
        if self.has_part_left(number) {
            self.take_home(number)?;
            return Ok(news);
        }
        self.expect_newest(number)?;
        let effects =
            self.machine(number)?.force_close().map_err(|error| ApiError::invalid(error.rule(), error.to_string()))?;
        news.extend(self.carry_out(number, effects)?);
        self.advance_monitors()?;
        Ok(news)
    }

    /// N-96: a channel that has not begun to close, and holds deposits.
    pub(super) fn expect_settled(&self, number: u32) -> Result<(), ApiError> {
        let channel = self.channel(number)?;
        let held_sat = self.unsettled_deposits_sat(channel);
        if channel.machine.phase() != Phase::Ready || held_sat == 0 {
            return Ok(());
        }
        Err(ApiError::not_now(format!(
            "C-36: {held_sat} sat of this channel are held as deposits; it can be closed once they are settled (`althing deposits`), or alone"
        )))
    }

    /// Begins, or answers, a close together without proposing a fee.
    pub(super) fn answer_close(&mut self, number: u32) -> Result<Vec<Effect>> {
        let held_sat = self.unsettled_deposits_sat(self.channel(number)?);
        if held_sat > 0 {
            tracing::warn!(number, held_sat, "C-36: a close together is not answered while deposits are held");
            return Ok(Vec::new());
        }
        let script = self.own_close_script(number)?;
        let session = self.session()?;
        Ok(self.machine(number)?.close(script, session)?)
    }

    /// C-32: the one that was named before, if a close was begun and taken back (C-36).
    fn own_close_script(&mut self, number: u32) -> Result<ScriptBuf> {
        match self.channel(number)?.machine.own_close_script() {
            Some(script) => Ok(script.clone()),
            None => Ok(self.wallet.fresh_address()?.script_pubkey()),
        }
    }

    pub(super) fn propose_close(&mut self, number: u32, news: &mut Vec<StakeNews>) -> Result<Vec<Effect>> {
        let named = self.channel(number)?.close_fee_sat;
        let (fee_sat, session) = (named.unwrap_or(DEFAULT_CLOSE_FEE_SAT), self.session()?);
        match self.machine(number)?.propose_close(fee_sat, session) {
            Ok(effects) => Ok(effects),
            // What is signed pays more already.
            Err(althing_channels::ChannelError::Invalid(Violation::FeeLowered { .. })) => Ok(Vec::new()),
            Err(error) => {
                news.push(StakeNews::Reported(number, error.to_string()));
                Ok(Vec::new())
            }
        }
    }

    pub(super) fn broadcast_close(&mut self, number: u32, tx: &Transaction, news: &mut Vec<StakeNews>) {
        let txid = tx.compute_txid();
        if let Some(channel) = self.stakes.channel_mut(number) {
            channel.closing_txid = Some(txid);
        }
        if let Err(error) = self.bitcoind.submit(tx) {
            tracing::warn!(%txid, %error, "the closing transaction was not taken; it is sent again with the next block");
        }
        news.push(StakeNews::Closing(number, txid));
    }

    /// Sends every signed close again that is not in the chain.
    pub(super) fn rebroadcast_closes(&self) {
        for channel in self.stakes.iter().filter(|channel| channel.machine.phase() == Phase::Closing) {
            let Some(tx) = channel.machine.signed_close() else { continue };
            if let Err(error) = self.bitcoind.submit(tx) {
                tracing::debug!(number = channel.number, %error, "the signed close was not taken again");
            }
        }
    }
}
