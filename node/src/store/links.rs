//! Links: header, signed transaction and where it stands.

use anyhow::Result;
use rusqlite::params;

use super::{Store, Writer};

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// The epoch it commits.
    pub epoch: u32,
    /// Canonical bytes of the epoch header.
    pub header: Vec<u8>,
    /// The transaction as Bitcoin serialises it; a hub keeps it with its witness, to send it again.
    pub tx: Vec<u8>,
    /// State of the link's tracker.
    pub tracker: Vec<u8>,
}

impl Store {
    /// All links by epoch.
    ///
    /// # Errors
    /// On I/O.
    pub fn links(&self) -> Result<Vec<LinkRow>> {
        let mut statement =
            self.connection.prepare_cached("SELECT epoch, header, tx, tracker FROM link ORDER BY epoch")?;
        let rows = statement.query_map([], |row| {
            Ok(LinkRow { epoch: row.get(0)?, header: row.get(1)?, tx: row.get(2)?, tracker: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Writer<'_> {
    /// Stores a link as it now is.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_link(&self, row: &LinkRow) -> Result<()> {
        self.transaction.execute(
            "INSERT OR REPLACE INTO link VALUES (?1, ?2, ?3, ?4)",
            params![row.epoch, row.header, row.tx, row.tracker],
        )?;
        Ok(())
    }
}
