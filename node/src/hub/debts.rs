//! What the hub owes the treasury is paid by itself (N-334).

use anyhow::{Context, Result};
use bitcoin::{Amount, FeeRate, Transaction};

use super::Hub;
use crate::config::Config;
use crate::shell::unix_time;
use crate::treasury::{debts, mark, office_now, script_for_payment, settles};

impl Hub {
    /// Sends a settlement that waits again, or pays what is due and nothing settles yet.
    ///
    /// # Errors
    /// Too little money in the wallet, or I/O.
    pub(super) fn pay_treasury(&mut self) -> Result<()> {
        let (dao, office) = (self.shell.dao.params.dao_id, office_now(&self.shell));
        let is_own = |tx: &Transaction| settles(tx, &dao) == Some(office);
        if let Some(waiting) = self.shell.wallet.unconfirmed().into_iter().find(is_own) {
            return self.hurry(&waiting);
        }
        let debt = debts(&self.shell).into_iter().find(|debt| debt.office == office);
        // What is not due by itself waits for more (G-110).
        let Some(debt) = debt.filter(|debt| debt.since_height.is_some()) else { return Ok(()) };
        let script = script_for_payment(&self.shell)?;
        let outputs = [(script, Amount::from_sat(debt.owed_sat())), mark(&dao, office)];
        let rate = self.settlement_rate()?;
        let paid = self.shell.wallet.pay(&outputs, rate, self.shell.stakes.promised_coins());
        let settlement = paid.with_context(|| {
            format!("G-110: this hub owes the treasury {} sat of forfeited deposits and cannot pay", debt.owed_sat())
        })?;
        tracing::info!(txid = %settlement.compute_txid(), sat = debt.owed_sat(), "the treasury is paid what is owed");
        self.send_settlement(&settlement)
    }

    /// A settlement that waits is sent again; when much more is asked for by now, one that spends the same coins and pays it.
    fn hurry(&mut self, waiting: &Transaction) -> Result<()> {
        let (txid, rate) = (waiting.compute_txid(), self.settlement_rate()?);
        let paid = self.shell.wallet.fee_rate_of(waiting)?;
        if rate.to_sat_per_kwu() / 3 < paid.to_sat_per_kwu() / 2 {
            return self.send_settlement(waiting);
        }
        let raised = self.shell.wallet.raise(txid, rate)?;
        self.shell.wallet.let_go([txid], unix_time())?;
        self.send_settlement(&raised)
    }

    /// Its coins are spent from now on, whether it is taken at once or with a later block.
    pub(super) fn send_settlement(&mut self, settlement: &Transaction) -> Result<()> {
        self.shell.wallet.note_broadcast(settlement, unix_time())?;
        if let Err(error) = self.shell.bitcoind.submit(settlement) {
            tracing::warn!(%error, "a payment to the treasury was not taken; it is sent again with the next block");
        }
        Ok(())
    }

    pub(super) fn settlement_rate(&self) -> Result<FeeRate> {
        let settings = Config::load(&self.shell.dir)?.links;
        let market = self.shell.bitcoind.link_market(settings.target_blocks);
        let floor = FeeRate::from_sat_per_vb(settings.floor_sat_vb).context("N-11: links.floor_sat_vb is too large")?;
        Ok(market.estimate.unwrap_or(floor).max(market.mempool_minimum).max(floor))
    }
}
