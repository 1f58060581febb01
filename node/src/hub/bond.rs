//! The hub brings its bond into the treasury (T-94).

use bitcoin::{Amount, Transaction};

use super::Hub;
use crate::api::{ApiError, TreasuryReply};
use crate::treasury::{Mark, bond_view, office_now, script_for_payment};

/// What marks the way back: an output of the hub's own wallet.
const WAY_BACK_SAT: u64 = 1000;

impl Hub {
    /// Pays what is missing of the bond, with a way back to the hub's own wallet.
    ///
    /// # Errors
    /// Nothing is missing, a bond is on its way, or the wallet has too little.
    pub(super) fn bring_bond(&mut self, only_review: bool) -> Result<TreasuryReply, ApiError> {
        let (dao, office) = (self.shell.dao.params.dao_id, office_now(&self.shell));
        let sat = bond_view(&self.shell).map_or(0, |bond| bond.missing_sat);
        if sat == 0 {
            return Err(ApiError::invalid("T-94", "T-94: nothing is missing of this hub's bond"));
        }
        let is_bond = |tx: &Transaction| Mark::Bond.find(tx, &dao).is_some();
        if let Some(waiting) = self.shell.wallet.unconfirmed().into_iter().find(is_bond) {
            self.send_settlement(&waiting)?;
            let txid = waiting.compute_txid();
            return Err(ApiError::not_now(format!("T-94: transaction {txid} brings the bond and is not mined yet")));
        }
        if only_review {
            return Ok(TreasuryReply::Bond { sat, txid: None });
        }
        let script = script_for_payment(&self.shell)?;
        let home = self.shell.wallet.fresh_address()?.script_pubkey();
        let outputs =
            [(script, Amount::from_sat(sat)), Mark::Bond.output(&dao, office), (home, Amount::from_sat(WAY_BACK_SAT))];
        let rate = self.settlement_rate()?;
        let paid = self.shell.wallet.pay(&outputs, rate, self.shell.stakes.promised_coins())?;
        self.send_settlement(&paid)?;
        tracing::info!(txid = %paid.compute_txid(), sat, "the bond is on its way into the treasury");
        Ok(TreasuryReply::Bond { sat, txid: Some(paid.compute_txid().to_string()) })
    }
}
