//! Certificates by which another hub came into place, and where that hub is.

use althing_anchor::{SuccessionCertificate, SuccessionStatement};
use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, params};

use super::{Store, Writer, signed, unsigned};
use crate::facts::outpoint_bytes;

/// The table beside those of the schema.
///
/// A succession is the one over its spare seal: several can stand behind one size of the log, with nothing logged between.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS succession_over (number INTEGER PRIMARY KEY, spare_seal BLOB NOT NULL UNIQUE, log_size INTEGER NOT NULL,
                                            certificate BLOB NOT NULL, address TEXT NOT NULL) STRICT;
-- What was the log before a reorganisation took the ground from it (N-246).
CREATE TABLE IF NOT EXISTS segment_aside (first_position INTEGER NOT NULL, entries INTEGER NOT NULL, bytes BLOB NOT NULL,
                                          digest BLOB NOT NULL PRIMARY KEY) STRICT;
";

/// Where the statement in a certificate names the spare seal, counted from 1, and its length.
const SPARE_SEAL: (u32, u32) = (102, 36);

/// Takes over what a former version of this program kept by the size of the log alone.
pub(super) fn take_over(connection: &Connection, drops: bool) -> Result<()> {
    let is_there: bool = connection.query_row(
        "SELECT COUNT(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = 'succession'",
        [],
        |row| row.get(0),
    )?;
    if is_there {
        let (at, length) = SPARE_SEAL;
        connection.execute_batch(&format!(
            "INSERT OR IGNORE INTO succession_over (spare_seal, log_size, certificate, address)
             SELECT substr(certificate, {at}, {length}), log_size, certificate, address FROM succession ORDER BY log_size;"
        ))?;
    }
    if is_there && drops {
        connection.execute_batch("DROP TABLE succession;")?;
    }
    Ok(())
}

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
    /// Successions by the size of the log that they go on from; of one size those that were followed last are last.
    ///
    /// # Errors
    /// On I/O.
    pub fn successions(&self) -> Result<Vec<SuccessionRow>> {
        let sql = "SELECT certificate, address FROM succession_over ORDER BY log_size, number";
        let mut statement = self.connection.prepare_cached(sql)?;
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
    /// Keeps a succession, in the place of another over the same spare seal, which is spent once.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_succession(&self, statement: &SuccessionStatement, row: &SuccessionRow) -> Result<()> {
        self.transaction.execute(
            "INSERT OR REPLACE INTO succession_over (spare_seal, log_size, certificate, address) VALUES (?1, ?2, ?3, ?4)",
            params![
                outpoint_bytes(&statement.spare_seal),
                signed(statement.log_size)?,
                row.certificate,
                row.address
            ],
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

    /// Sets the log from `size` on aside, which is the end of a segment: it is no part of the log any more, and kept (N-246).
    ///
    /// # Errors
    /// On I/O.
    pub fn set_log_aside(&self, size: u64) -> Result<()> {
        let size = signed(size)?;
        self.transaction
            .execute("INSERT OR REPLACE INTO segment_aside SELECT * FROM segment WHERE first_position >= ?1", [size])?;
        self.transaction.execute("DELETE FROM segment WHERE first_position >= ?1", [size])?;
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
