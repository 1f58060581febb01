//! The member's own lane entries: stored before they are sent, with the receipt once the hub gave it.

use anyhow::Result;
use rusqlite::{OptionalExtension, params};

use super::{Store, Writer, signed, unsigned};

/// One own entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// App incarnation.
    pub incarnation: u32,
    /// Sequence in the lane, from 1.
    pub sequence: u64,
    /// Canonical bytes of the signed entry.
    pub entry: Vec<u8>,
    /// The hub's receipt with this entry's path.
    pub receipt: Option<Vec<u8>>,
}

impl Store {
    /// All own entries, oldest first.
    ///
    /// # Errors
    /// On I/O.
    pub fn outbox(&self) -> Result<Vec<OutboxRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT incarnation, sequence, entry, receipt FROM outbox ORDER BY incarnation, sequence",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?, row.get(3)?)))?;
        rows.map(|row| {
            let (incarnation, sequence, entry, receipt) = row?;
            Ok(OutboxRow { incarnation, sequence: unsigned(sequence)?, entry, receipt })
        })
        .collect()
    }

    /// The receipt (with path) stored for an own entry.
    ///
    /// # Errors
    /// On I/O.
    pub fn own_receipt(&self, incarnation: u32, sequence: u64) -> Result<Option<Vec<u8>>> {
        Ok(self
            .connection
            .query_row(
                "SELECT receipt FROM outbox WHERE incarnation = ?1 AND sequence = ?2",
                params![incarnation, signed(sequence)?],
                |row| row.get::<_, Option<Vec<u8>>>(0),
            )
            .optional()?
            .flatten())
    }
}

impl Writer<'_> {
    /// Stores an own entry before it is sent.
    ///
    /// # Errors
    /// When that sequence is taken (two entries for one sequence would be equivocation), or I/O.
    pub fn put_outbox(&self, incarnation: u32, sequence: u64, entry: &[u8]) -> Result<()> {
        self.transaction.execute(
            "INSERT INTO outbox (incarnation, sequence, entry) VALUES (?1, ?2, ?3)",
            params![incarnation, signed(sequence)?, entry],
        )?;
        Ok(())
    }

    /// Stores the hub's receipt for an own entry.
    ///
    /// # Errors
    /// On I/O.
    pub fn acknowledge(&self, incarnation: u32, sequence: u64, receipt: &[u8]) -> Result<()> {
        self.transaction.execute(
            "UPDATE outbox SET receipt = ?3 WHERE incarnation = ?1 AND sequence = ?2",
            params![incarnation, signed(sequence)?, receipt],
        )?;
        Ok(())
    }

    /// Removes an own entry that the hub refused; its sequence was never used in the log.
    ///
    /// # Errors
    /// On I/O.
    pub fn withdraw_outbox(&self, incarnation: u32, sequence: u64) -> Result<()> {
        self.transaction.execute(
            "DELETE FROM outbox WHERE incarnation = ?1 AND sequence >= ?2 AND receipt IS NULL",
            params![incarnation, signed(sequence)?],
        )?;
        Ok(())
    }
}
