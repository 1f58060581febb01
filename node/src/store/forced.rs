//! Entries found on Bitcoin (N-301).

use anyhow::Result;
use rusqlite::params;

use super::{Store, Writer};

pub(super) const TABLES: &str = "
-- Entries that blocks of the best chain carry. In step with the block table: written in the transaction of each block.
CREATE TABLE IF NOT EXISTS forced (height INTEGER NOT NULL, place INTEGER NOT NULL, entry BLOB NOT NULL, tx BLOB NOT NULL,
                                   inclusion BLOB NOT NULL, PRIMARY KEY (height, place)) STRICT, WITHOUT ROWID;
";

/// An entry that a block carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForcedRow {
    /// Height of the block.
    pub height: u32,
    /// Its number among those of the block, from 0.
    pub place: u32,
    /// The entry's canonical bytes.
    pub entry: Vec<u8>,
    /// The transaction that carries it, without witness.
    pub tx: Vec<u8>,
    /// Inclusion proof of that transaction.
    pub inclusion: Vec<u8>,
}

impl Store {
    /// Entries that the blocks from height `first` to `last` carry, in the order of the chain.
    ///
    /// # Errors
    /// On I/O.
    pub fn forced(&self, first: u32, last: u32) -> Result<Vec<ForcedRow>> {
        let sql = "SELECT height, place, entry, tx, inclusion FROM forced WHERE height BETWEEN ?1 AND ?2 ORDER BY height, place";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([first, last], |row| {
            Ok(ForcedRow {
                height: row.get(0)?,
                place: row.get(1)?,
                entry: row.get(2)?,
                tx: row.get(3)?,
                inclusion: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Writer<'_> {
    /// Stores what a block carries.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_forced(&self, rows: &[ForcedRow]) -> Result<()> {
        for row in rows {
            self.transaction.execute(
                "INSERT OR REPLACE INTO forced VALUES (?1, ?2, ?3, ?4, ?5)",
                params![row.height, row.place, row.entry, row.tx, row.inclusion],
            )?;
        }
        Ok(())
    }

    /// Forgets what blocks from this height on carried.
    ///
    /// # Errors
    /// On I/O.
    pub fn disconnect_forced_from(&self, height: u32) -> Result<()> {
        self.transaction.execute("DELETE FROM forced WHERE height >= ?1", [height])?;
        Ok(())
    }
}
