//! What a light member keeps of the log (N-220): own entries and what proofs of them need. The log itself is read anew at each start.

use anyhow::{Result, bail};
use rusqlite::{OptionalExtension, params};

use super::{Store, Writer, signed, unsigned};
use crate::api::ApiError;

/// Tables beside those of the schema.
pub(super) const TABLES: &str = "
-- A light member's: entries of the log that it keeps, with the receipt and path of its own.
CREATE TABLE IF NOT EXISTS held_entry (position INTEGER PRIMARY KEY, entry BLOB NOT NULL, receipt BLOB) STRICT;
-- Epochs that lead to a proof: header, link and its block.
CREATE TABLE IF NOT EXISTS held_epoch (epoch INTEGER PRIMARY KEY, part BLOB NOT NULL) STRICT;
-- Proofs, as proof files without their epochs.
CREATE TABLE IF NOT EXISTS held_proof (proposal BLOB NOT NULL, kind INTEGER NOT NULL, number INTEGER NOT NULL, title TEXT NOT NULL,
                                       epoch INTEGER NOT NULL, words TEXT NOT NULL, bundle BLOB NOT NULL,
                                       PRIMARY KEY (proposal, kind)) STRICT, WITHOUT ROWID;
";

/// Name under which it is stored that the segments here are not the whole log any more.
const LOG: &str = "log";

/// Its value then.
const PRUNED: &[u8] = b"pruned";

/// Segments that leave the file in one step.
const AT_ONCE: u32 = 1024;

/// How much of the log was read since the start, and how much there is at least.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streamed {
    size: u64,
    floor: u64,
}

/// An entry that a light member keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldEntry {
    /// Its place in the log.
    pub position: u64,
    /// Its canonical bytes.
    pub entry: Vec<u8>,
    /// The hub's receipt with the entry's position and path, of own entries.
    pub receipt: Option<Vec<u8>>,
}

/// A proof that a light member keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldProofRow {
    /// Id of the proposal.
    pub proposal: Vec<u8>,
    /// 0 the own ballot, 1 the tally.
    pub kind: u8,
    /// Number of the proposal in the log.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// The epoch under whose header it is.
    pub epoch: u32,
    /// The statement in words.
    pub words: String,
    /// The proof file without its epochs.
    pub bundle: Vec<u8>,
}

impl Store {
    /// Whether this node keeps its own part of the log only.
    pub fn is_light(&self) -> bool {
        self.light.is_some()
    }

    /// N-221: whether less of the log was read since the start than this store has proof of.
    pub fn reads_anew(&self) -> bool {
        self.light.is_some_and(|light| light.size < light.floor)
    }

    /// How much was read since the start and how much there is at least; `None` where the whole log is kept.
    pub fn streamed(&self) -> Option<(u64, u64)> {
        self.light.map(|light| (light.size, light.floor))
    }

    /// From here on the log is not kept: `size` entries of it are known, of at least `floor`.
    pub fn keep_no_log(&mut self, size: u64, floor: u64) {
        self.light = Some(Streamed { size, floor });
    }

    /// Whether segments of the log have left this store.
    ///
    /// # Errors
    /// On I/O.
    pub fn is_pruned(&self) -> Result<bool> {
        Ok(self.meta(LOG)?.as_deref() == Some(PRUNED))
    }

    /// Whoever reads a whole log needs one.
    ///
    /// # Errors
    /// N-223 where segments have left.
    pub fn expect_whole_log(&self) -> Result<()> {
        if !self.is_pruned()? {
            return Ok(());
        }
        let message = format!(
            "N-223: {} is a light member's: it holds own entries and proofs, not the log. A member with the whole log can do this, and this folder after `althing light off` and a start of its node",
            self.path.display()
        );
        Err(ApiError { rule: Some("N-223".to_owned()), ..ApiError::not_now(message) }.into())
    }

    /// Lets all segments leave, a part at a time: a run that ends in between goes on at the next start. What is to stay was stored before.
    ///
    /// # Errors
    /// On I/O.
    pub fn drop_log(&mut self) -> Result<()> {
        self.write(|writer| writer.set_meta(LOG, PRUNED))?;
        let mut any = false;
        while self.write(|writer| writer.drop_segments())? > 0 {
            any = true;
        }
        if any && let Err(error) = self.connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "the file of the store stays as long as it is; its room is used again");
        }
        Ok(())
    }

    /// Begins a whole log in a store whose segments have left.
    ///
    /// # Errors
    /// On I/O.
    pub fn begin_whole_log(&mut self) -> Result<()> {
        self.drop_log()?;
        self.write(|writer| writer.forget_meta(LOG))
    }

    /// Keeps what a light member keeps of the entries from `first` up to `end`, with a named value; both are durable when it returns.
    ///
    /// # Errors
    /// When the entries do not follow those read before, or on I/O.
    pub fn append_held(
        &mut self,
        (first, end): (u64, u64),
        held: &[HeldEntry],
        beside: Option<(&str, &[u8])>,
    ) -> Result<()> {
        match self.light {
            Some(light) if light.size == first => {}
            other => bail!("N-20: entries from position {first} cannot follow those read before: {other:?}"),
        }
        if !held.is_empty() || beside.is_some() {
            self.write(|writer| {
                writer.put_held(held)?;
                beside.map_or(Ok(()), |(name, value)| writer.set_meta(name, value))
            })?;
        }
        self.light = self.light.map(|light| Streamed { size: end, ..light });
        Ok(())
    }

    /// Entries kept from position `first` up to `end`, in order.
    ///
    /// # Errors
    /// On I/O.
    pub fn held_entries(&self, first: u64, end: u64) -> Result<Vec<HeldEntry>> {
        let sql =
            "SELECT position, entry, receipt FROM held_entry WHERE position >= ?1 AND position < ?2 ORDER BY position";
        let mut statement = self.connection.prepare_cached(sql)?;
        let end = end.min(i64::MAX.unsigned_abs());
        let rows = statement.query_map(params![signed(first)?, signed(end)?], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
        })?;
        rows.map(|row| {
            let (position, entry, receipt) = row?;
            Ok(HeldEntry { position: unsigned(position)?, entry, receipt })
        })
        .collect()
    }

    /// Position behind the last entry kept; 0 where none is.
    ///
    /// # Errors
    /// On I/O.
    pub fn held_end(&self) -> Result<u64> {
        let sql = "SELECT COALESCE(MAX(position) + 1, 0) FROM held_entry";
        unsigned(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// The entry kept at a position.
    pub(super) fn held_entry_at(&self, position: u64) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT entry FROM held_entry WHERE position = ?1";
        Ok(self.connection.query_row(sql, [signed(position)?], |row| row.get(0)).optional()?)
    }

    /// All proofs kept, by the numbers of their proposals.
    ///
    /// # Errors
    /// On I/O.
    pub fn held_proofs(&self) -> Result<Vec<HeldProofRow>> {
        let sql = "SELECT proposal, kind, number, title, epoch, words, bundle FROM held_proof ORDER BY number, kind";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok(HeldProofRow {
                proposal: row.get(0)?,
                kind: row.get(1)?,
                number: row.get(2)?,
                title: row.get(3)?,
                epoch: row.get(4)?,
                words: row.get(5)?,
                bundle: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The epochs kept from the first to `last`, in order.
    ///
    /// # Errors
    /// On I/O.
    pub fn held_epochs(&self, last: u32) -> Result<Vec<Vec<u8>>> {
        let mut statement =
            self.connection.prepare_cached("SELECT part FROM held_epoch WHERE epoch <= ?1 ORDER BY epoch")?;
        let rows = statement.query_map([last], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Writer<'_> {
    /// Keeps entries; one that is kept already stays.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_held(&self, held: &[HeldEntry]) -> Result<()> {
        let mut statement = self.transaction.prepare_cached("INSERT OR IGNORE INTO held_entry VALUES (?1, ?2, ?3)")?;
        for row in held {
            statement.execute(params![signed(row.position)?, row.entry, row.receipt])?;
        }
        Ok(())
    }

    /// Keeps a proof in the place of an older one of the same statement, with the epochs that lead to it.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_held_proof(&self, row: &HeldProofRow, epochs: &[(u32, Vec<u8>)]) -> Result<()> {
        for (epoch, part) in epochs {
            self.transaction.execute("INSERT OR REPLACE INTO held_epoch VALUES (?1, ?2)", params![epoch, part])?;
        }
        self.transaction.execute(
            "INSERT OR REPLACE INTO held_proof VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![row.proposal, row.kind, row.number, row.title, row.epoch, row.words, row.bundle],
        )?;
        Ok(())
    }

    /// What is kept of the log from `size` on, and of the epochs above `epoch`, goes with them.
    pub(super) fn cut_held(&self, size: u64, epoch: u32) -> Result<()> {
        self.transaction.execute("DELETE FROM held_entry WHERE position >= ?1", [signed(size)?])?;
        self.transaction.execute("DELETE FROM held_epoch WHERE epoch > ?1", [epoch])?;
        self.transaction.execute("DELETE FROM held_proof WHERE epoch > ?1", [epoch])?;
        Ok(())
    }

    fn drop_segments(&self) -> Result<usize> {
        let sql = "DELETE FROM segment WHERE first_position IN (SELECT first_position FROM segment ORDER BY first_position LIMIT ?1)";
        Ok(self.transaction.execute(sql, [AT_ONCE])?)
    }
}
