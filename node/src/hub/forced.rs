//! Entries that stand on Bitcoin: the hub logs each, in the order of the chain, before its next head (G-107, N-302).

use althing_governance::entry::Entry;
use anyhow::Result;

use super::Hub;
use crate::forced::forceable;

impl Hub {
    /// Logs what blocks that no head has weighed carry, as far as the log takes it.
    ///
    /// # Errors
    /// On I/O, or when an entry that the rules allow cannot be logged.
    pub(super) fn log_forced(&mut self) -> Result<()> {
        let state = self.shell.ledger.state();
        let Some((first, _)) = state.heights_to_weigh(u32::MAX) else { return Ok(()) };
        let rows = self.shell.store.forced(first, self.shell.tip_height())?;
        if rows.is_empty() {
            return Ok(());
        }
        let secp = bitcoin::secp256k1::Secp256k1::verification_only();
        let entries: Vec<Entry> = rows.iter().filter_map(|row| forceable(&secp, &row.entry).ok()).collect();
        let wanted = state.loggable(&entries);
        for entry in wanted.into_iter().filter_map(|index| entries.get(index)) {
            tracing::info!(entry = %entry.id(), kind = entry.kind().name(), "an entry on Bitcoin is logged");
            self.log_without_peer(entry)?;
        }
        Ok(())
    }
}
