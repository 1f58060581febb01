//! What other sides of channels signed, and pairs of it that convict them (N-335).

use anyhow::Result;
use rusqlite::params;

use super::{Store, Writer, signed};

/// The tables beside those of the schema.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS heard_checkpoint (channel BLOB NOT NULL, number INTEGER NOT NULL, checkpoint BLOB NOT NULL,
                                             signature BLOB NOT NULL, PRIMARY KEY (channel, number)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS two_checkpoints (found INTEGER PRIMARY KEY, channel BLOB NOT NULL, number INTEGER NOT NULL,
                                            one BLOB NOT NULL, other BLOB NOT NULL, UNIQUE (channel, number)) STRICT;
";

/// Numbers of a channel that are kept before the newest.
const HEARD_MAX: u64 = 64;

impl Store {
    /// Checkpoints of a channel that its other side signed and that are nowhere else, with the signatures.
    ///
    /// # Errors
    /// On I/O.
    pub fn heard(&self, channel: &[u8; 32]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let sql = "SELECT checkpoint, signature FROM heard_checkpoint WHERE channel = ?1 ORDER BY number";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([channel.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Pairs of checkpoints of one number by one signer, each followed by the signature, in the order in which they were found.
    ///
    /// # Errors
    /// On I/O.
    pub fn two_checkpoints(&self) -> Result<Vec<[Vec<u8>; 2]>> {
        let mut statement = self.connection.prepare_cached("SELECT one, other FROM two_checkpoints ORDER BY found")?;
        let rows = statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?]))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Writer<'_> {
    /// Keeps a signed checkpoint; the first of a number stays, and those of much lower numbers go.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_heard(&self, channel: &[u8; 32], number: u64, checkpoint: &[u8], signature: &[u8; 64]) -> Result<()> {
        let place = params![channel.as_slice(), signed(number.saturating_sub(HEARD_MAX))?];
        self.transaction.execute("DELETE FROM heard_checkpoint WHERE channel = ?1 AND number < ?2", place)?;
        let row = params![channel.as_slice(), signed(number)?, checkpoint, signature.as_slice()];
        self.transaction.execute("INSERT OR IGNORE INTO heard_checkpoint VALUES (?1, ?2, ?3, ?4)", row)?;
        Ok(())
    }

    /// Forgets what was compared with the log.
    ///
    /// # Errors
    /// On I/O.
    pub fn drop_heard(&self, channel: &[u8; 32], number: u64) -> Result<()> {
        let place = params![channel.as_slice(), signed(number)?];
        self.transaction.execute("DELETE FROM heard_checkpoint WHERE channel = ?1 AND number = ?2", place)?;
        Ok(())
    }

    /// Keeps the evidence; one pair for each number suffices.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_two_checkpoints(&self, channel: &[u8; 32], number: u64, one: &[u8], other: &[u8]) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO two_checkpoints (channel, number, one, other) VALUES (?1, ?2, ?3, ?4)";
        self.transaction.execute(sql, params![channel.as_slice(), signed(number)?, one, other])?;
        Ok(())
    }
}
