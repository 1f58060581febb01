//! What this node has bound itself to for a seal.

use althing_anchor::SealPledge;
use anyhow::{Context, Result};
use bitcoin::OutPoint;
use rusqlite::{OptionalExtension, params};

use super::{Store, Writer};
use crate::facts::outpoint_bytes;

/// The table beside those of the schema.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS pledge (seal BLOB PRIMARY KEY, pledge BLOB NOT NULL) STRICT, WITHOUT ROWID;
";

impl Store {
    /// The pledge for a seal, if one was made.
    ///
    /// # Errors
    /// On I/O, or when another thing than a pledge is stored.
    pub fn pledge(&self, seal: &OutPoint) -> Result<Option<SealPledge>> {
        let sql = "SELECT pledge FROM pledge WHERE seal = ?1";
        let found = self.connection.query_row(sql, [outpoint_bytes(seal)], |row| row.get(0)).optional()?;
        found.map(|bytes: Vec<u8>| SealPledge::decode(&bytes).context("a stored pledge")).transpose()
    }
}

impl Writer<'_> {
    /// Keeps a pledge; the first one for a seal stays.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_pledge(&self, pledge: &SealPledge) -> Result<()> {
        let row = params![outpoint_bytes(&pledge.seal()), pledge.encode()];
        self.transaction.execute("INSERT OR IGNORE INTO pledge VALUES (?1, ?2)", row)?;
        Ok(())
    }
}
