//! Certificates by which another hub came into place, and where that hub is.

use althing_anchor::SuccessionCertificate;
use anyhow::{Context, Result, ensure};
use rusqlite::params;

use super::{Store, Writer, signed, unsigned};

/// The table beside those of the schema.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS succession (log_size INTEGER PRIMARY KEY, certificate BLOB NOT NULL, address TEXT NOT NULL) STRICT;
";

/// A succession that this node follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessionRow {
    /// Canonical bytes of the certificate.
    pub certificate: Vec<u8>,
    /// Where the new hub listens: `host:port`.
    pub address: String,
}

impl SuccessionRow {
    /// The certificate.
    ///
    /// # Errors
    /// When other bytes are stored.
    pub fn certificate(&self) -> Result<SuccessionCertificate> {
        SuccessionCertificate::decode(&self.certificate).context("a stored certificate of a succession")
    }
}

impl Store {
    /// Successions by the size of the log that they go on from.
    ///
    /// # Errors
    /// On I/O.
    pub fn successions(&self) -> Result<Vec<SuccessionRow>> {
        let mut statement =
            self.connection.prepare_cached("SELECT certificate, address FROM succession ORDER BY log_size")?;
        let rows =
            statement.query_map([], |row| Ok(SuccessionRow { certificate: row.get(0)?, address: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The largest end of a stored segment that is not above `position`.
    ///
    /// # Errors
    /// On I/O.
    pub fn segment_end_up_to(&self, position: u64) -> Result<u64> {
        let sql = "SELECT COALESCE(MAX(first_position + entries), 0) FROM segment WHERE first_position + entries <= ?1";
        super::unsigned(self.connection.query_row(sql, [signed(position)?], |row| row.get(0))?)
    }
}

impl Writer<'_> {
    /// Keeps a succession.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_succession(&self, log_size: u64, row: &SuccessionRow) -> Result<()> {
        self.transaction.execute(
            "INSERT OR REPLACE INTO succession VALUES (?1, ?2, ?3)",
            params![signed(log_size)?, row.certificate, row.address],
        )?;
        Ok(())
    }

    /// Drops the log from `size` on, which is the end of a segment, and the links above `epoch`.
    ///
    /// # Errors
    /// When a segment reaches over that end, or on I/O.
    pub fn cut_log(&self, size: u64, epoch: u32) -> Result<()> {
        let size = signed(size)?;
        let over: u32 = self.transaction.query_row(
            "SELECT COUNT(*) FROM segment WHERE first_position < ?1 AND first_position + entries > ?1",
            [size],
            |row| row.get(0),
        )?;
        ensure!(over == 0, "A-300: a batch of the log reaches over position {size}");
        self.transaction.execute("DELETE FROM segment WHERE first_position >= ?1", [size])?;
        self.cut_held(unsigned(size)?, epoch)?;
        self.transaction.execute("DELETE FROM link WHERE epoch > ?1", [epoch])?;
        Ok(())
    }

    /// Forgets the receipt for an own entry: what it promised is no longer in the log, and the entry is said again.
    ///
    /// # Errors
    /// On I/O.
    pub fn forget_receipt(&self, incarnation: u32, sequence: u64) -> Result<()> {
        self.transaction.execute(
            "UPDATE outbox SET receipt = NULL WHERE incarnation = ?1 AND sequence = ?2",
            params![incarnation, signed(sequence)?],
        )?;
        Ok(())
    }

    /// Forgets a named value.
    ///
    /// # Errors
    /// On I/O.
    pub fn forget_meta(&self, name: &str) -> Result<()> {
        self.transaction.execute("DELETE FROM meta WHERE name = ?1", [name])?;
        Ok(())
    }
}
