//! Blobs for watchtowers, written with the step that revokes what they punish, and the towers' receipts.

use althing_channels::tower::{Hint, SealedJustice, TowerReceipt};
use anyhow::Result;
use rusqlite::{OptionalExtension, params};

use super::{Store, Writer, signed};

/// The tables of this module.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS tower_blob (digest BLOB PRIMARY KEY, channel INTEGER NOT NULL, number INTEGER NOT NULL,
                                       hint BLOB NOT NULL, blob BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tower_blob_channel ON tower_blob (channel, number);
CREATE TABLE IF NOT EXISTS tower_receipt (tower BLOB NOT NULL, digest BLOB NOT NULL, from_height INTEGER NOT NULL,
                                          until_height INTEGER NOT NULL, signature BLOB NOT NULL,
                                          PRIMARY KEY (tower, digest)) STRICT, WITHOUT ROWID;
";

/// A blob of one revoked commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRow {
    /// Number of the channel.
    pub channel: u32,
    /// Number of the commitment.
    pub number: u64,
    /// The blob.
    pub sealed: SealedJustice,
}

impl Store {
    /// Blobs for which a tower has given no receipt that lasts to `until_height`, oldest commitments first.
    ///
    /// # Errors
    /// On I/O.
    pub fn blobs_without_receipt(&self, tower: &[u8], until_height: u32, limit: u32) -> Result<Vec<SealedJustice>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT hint, blob FROM tower_blob b WHERE NOT EXISTS
               (SELECT 1 FROM tower_receipt r WHERE r.tower = ?1 AND r.digest = b.digest AND r.until_height >= ?2)
             ORDER BY channel, number LIMIT ?3",
        )?;
        let rows = statement.query_map(params![tower, until_height, limit], |row| {
            Ok(SealedJustice { hint: Hint(row.get(0)?), blob: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The blob with a digest.
    ///
    /// # Errors
    /// On I/O.
    pub fn blob(&self, digest: &[u8; 32]) -> Result<Option<SealedJustice>> {
        let sql = "SELECT hint, blob FROM tower_blob WHERE digest = ?1";
        let found = self
            .connection
            .query_row(sql, [digest], |row| Ok(SealedJustice { hint: Hint(row.get(0)?), blob: row.get(1)? }));
        Ok(found.optional()?)
    }

    /// How many blobs a channel has, and the highest commitment number among them.
    ///
    /// # Errors
    /// On I/O.
    pub fn blobs_of(&self, channel: u32) -> Result<(u64, Option<u64>)> {
        let sql = "SELECT count(*), max(number) FROM tower_blob WHERE channel = ?1";
        let (count, newest): (i64, Option<i64>) =
            self.connection.query_row(sql, [channel], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((super::unsigned(count)?, newest.map(super::unsigned).transpose()?))
    }

    /// Whether there is a blob of that commitment.
    ///
    /// # Errors
    /// On I/O.
    pub fn has_blob(&self, channel: u32, number: u64) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM tower_blob WHERE channel = ?1 AND number = ?2)";
        Ok(self.connection.query_row(sql, params![channel, signed(number)?], |row| row.get(0))?)
    }

    /// How many receipts a tower has given for a channel's blobs, and where the first of them ends.
    ///
    /// # Errors
    /// On I/O.
    pub fn receipts_of(&self, tower: &[u8], channel: u32) -> Result<(u64, Option<u32>)> {
        let sql = "SELECT count(*), min(r.until_height) FROM tower_receipt r JOIN tower_blob b ON b.digest = r.digest
                   WHERE r.tower = ?1 AND b.channel = ?2";
        let (count, until): (i64, Option<u32>) =
            self.connection.query_row(sql, params![tower, channel], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((super::unsigned(count)?, until))
    }
}

impl Writer<'_> {
    /// Queues blobs for the towers.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_blobs(&self, blobs: &[BlobRow]) -> Result<()> {
        for BlobRow { channel, number, sealed } in blobs {
            self.transaction.execute(
                "INSERT OR IGNORE INTO tower_blob (digest, channel, number, hint, blob) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![sealed.digest(), channel, signed(*number)?, sealed.hint.0, sealed.blob],
            )?;
        }
        Ok(())
    }

    /// Keeps a tower's receipt.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_tower_receipt(&self, tower: &[u8], receipt: &TowerReceipt) -> Result<()> {
        let TowerReceipt { blob, from_height, until_height, signature, .. } = receipt;
        self.transaction.execute(
            "INSERT OR REPLACE INTO tower_receipt VALUES (?1, ?2, ?3, ?4, ?5)",
            params![tower, blob, from_height, until_height, signature],
        )?;
        Ok(())
    }

    /// Forgets the blobs of a channel that ended for good, and what was promised for them.
    ///
    /// # Errors
    /// On I/O.
    pub fn drop_blobs(&self, channel: u32) -> Result<()> {
        self.transaction.execute(
            "DELETE FROM tower_receipt WHERE digest IN (SELECT digest FROM tower_blob WHERE channel = ?1)",
            [channel],
        )?;
        self.transaction.execute("DELETE FROM tower_blob WHERE channel = ?1", [channel])?;
        Ok(())
    }
}
