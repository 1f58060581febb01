//! Children that pay for transactions which others signed: for links and for payouts of staged payments (T-100, T-103).

use anyhow::Result;
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::{Transaction, Txid};
use rusqlite::{OptionalExtension, params};

use super::{Store, Writer};

/// The table of this module.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS fee_child (parent TEXT PRIMARY KEY, parent_tx BLOB NOT NULL, child_tx BLOB NOT NULL) STRICT, WITHOUT ROWID;
";

/// A child, and what it pays for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeChild {
    /// What it pays for.
    pub parent: Transaction,
    /// The child, signed. Its first input is the parent's pay-to-anchor output, the others are the wallet's coins.
    pub child: Transaction,
}

impl Store {
    /// All of them.
    ///
    /// # Errors
    /// Damaged rows, or I/O.
    pub fn fee_children(&self) -> Result<Vec<FeeChild>> {
        let mut statement = self.connection.prepare_cached("SELECT parent_tx, child_tx FROM fee_child")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        rows.map(|row| row_of(&row?)).collect()
    }

    /// The child that pays for that transaction.
    ///
    /// # Errors
    /// A damaged row, or I/O.
    pub fn fee_child(&self, parent: &Txid) -> Result<Option<FeeChild>> {
        let sql = "SELECT parent_tx, child_tx FROM fee_child WHERE parent = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?));
        let found = self.connection.query_row(sql, [parent.to_string()], row).optional()?;
        found.map(|found| row_of(&found)).transpose()
    }
}

impl Writer<'_> {
    /// Stores a child; it takes the place of the one before.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_fee_child(&self, row: &FeeChild) -> Result<()> {
        let parent = row.parent.compute_txid().to_string();
        self.transaction.execute(
            "INSERT OR REPLACE INTO fee_child VALUES (?1, ?2, ?3)",
            params![parent, serialize(&row.parent), serialize(&row.child)],
        )?;
        Ok(())
    }

    /// Forgets the child of that transaction.
    ///
    /// # Errors
    /// On I/O.
    pub fn forget_fee_child(&self, parent: &Txid) -> Result<()> {
        self.transaction.execute("DELETE FROM fee_child WHERE parent = ?1", [parent.to_string()])?;
        Ok(())
    }
}

fn row_of((parent, child): &(Vec<u8>, Vec<u8>)) -> Result<FeeChild> {
    Ok(FeeChild { parent: deserialize(parent)?, child: deserialize(child)? })
}
