//! Who spends the spare seal ends or replaces the hub: everybody is told, also who was not asked (N-244).

use anyhow::{Context as _, Result};
use bitcoin::Transaction;

use crate::facts::outpoint_bytes;
use crate::shell::Shell;
use crate::treasury;

/// Subject of the alarm.
const SPARE: &str = "spare seal";

impl Shell {
    /// Looks whether the spare seal in force is spent, and no succession known here explains it; with every block.
    ///
    /// # Errors
    /// On I/O, or when something stored is malformed.
    pub(crate) fn watch_spare_seal(&mut self) -> Result<()> {
        let words = self.spent_spare_seal()?;
        if self.alarms.get(SPARE) == words.as_ref() {
            return Ok(());
        }
        match words {
            Some(words) => {
                tracing::error!("{words}");
                self.alarms.insert(SPARE, words);
            }
            None => drop(self.alarms.remove(SPARE)),
        }
        self.revision += 1;
        Ok(())
    }

    /// What is told of a spare seal that is spent; `None` while it is not.
    ///
    /// # Errors
    /// As [`Self::watch_spare_seal`].
    pub(crate) fn spent_spare_seal(&self) -> Result<Option<String>> {
        if self.ledger.awaits_succession() {
            return Ok(None);
        }
        let spare = self.ledger.state().spare_seal();
        let Some((height, tx, _)) = self.store.fact(&outpoint_bytes(&spare))?.and_then(|row| row.spent) else {
            return Ok(None);
        };
        let tx: Transaction = bitcoin::consensus::deserialize(&tx).context("a stored transaction is malformed")?;
        let txid = tx.compute_txid();
        let flow = treasury::movements(self).into_iter().find(|flow| flow.txid == txid);
        let signers = flow.map(|flow| flow.signers.join(", ")).filter(|names| !names.is_empty());
        let signed = signers.map_or_else(String::new, |names| format!(" Signed by {names}."));
        Ok(Some(format!(
            "N-244: the spare seal {spare} was spent by {txid} at height {height}.{signed} If members have put another hub in this one's place, links of \
             this one from then on are void: ask for the certificate, look with `althing succession check`, and go on with `althing succession follow`. \
             If nobody has one, these treasurers have taken from the members the only way to replace the hub: vote about them."
        )))
    }
}
