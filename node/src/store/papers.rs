//! Papers of treasurers: what they say to each other about sessions, and when each was heard last (T-303 to T-312, N-390).

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::{OptionalExtension, Row, params};

use super::{Store, Writer};

/// The tables of this module.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS treasury_paper (id BLOB PRIMARY KEY, author BLOB NOT NULL, session TEXT NOT NULL, kind TEXT NOT NULL,
                                           height INTEGER NOT NULL, bytes BLOB NOT NULL, state TEXT NOT NULL,
                                           note TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS treasury_paper_session ON treasury_paper (session, state);
CREATE TABLE IF NOT EXISTS treasurer_heard (author BLOB PRIMARY KEY, height INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// A paper without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperRow {
    /// Its id.
    pub id: [u8; 32],
    /// The treasurer's key, x-only.
    pub author: [u8; 32],
    /// The transaction it is about, hex.
    pub session: String,
    /// `transaction`, `signatures`, `comment`, `refusal` or `presence`.
    pub kind: String,
    /// Height at which it was written.
    pub height: u32,
    /// `held` at a hub; at a treasurer `taken`, `waiting` or `refused`.
    pub state: String,
    /// Why it waits or was refused.
    pub note: String,
}

impl Store {
    /// Whether a paper is here.
    ///
    /// # Errors
    /// On I/O.
    pub fn has_paper(&self, id: &[u8; 32]) -> Result<bool> {
        let found = self.connection.prepare_cached("SELECT 1 FROM treasury_paper WHERE id = ?1")?.exists([id])?;
        Ok(found)
    }

    /// The bytes of a paper.
    ///
    /// # Errors
    /// On I/O.
    pub fn paper(&self, id: &[u8; 32]) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT bytes FROM treasury_paper WHERE id = ?1";
        Ok(self.connection.query_row(sql, [id], |row| row.get(0)).optional()?)
    }

    /// A paper without its bytes.
    ///
    /// # Errors
    /// On I/O.
    pub fn paper_row(&self, id: &[u8; 32]) -> Result<Option<PaperRow>> {
        let sql = "SELECT id, author, session, kind, height, state, note FROM treasury_paper WHERE id = ?1";
        Ok(self.connection.query_row(sql, [id], paper_row).optional()?)
    }

    /// All papers, the oldest first.
    ///
    /// # Errors
    /// On I/O.
    pub fn papers(&self) -> Result<Vec<PaperRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, author, session, kind, height, state, note FROM treasury_paper ORDER BY height, id",
        )?;
        let rows = statement.query_map([], paper_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Papers about a session that wait for it, the oldest first.
    ///
    /// # Errors
    /// On I/O.
    pub fn waiting_papers(&self, session: &str) -> Result<Vec<Vec<u8>>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT bytes FROM treasury_paper WHERE session = ?1 AND state = 'waiting' ORDER BY height, id",
        )?;
        let rows = statement.query_map([session], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many papers of an author are here, and their bytes.
    ///
    /// # Errors
    /// On I/O.
    pub fn papers_of(&self, author: &[u8; 32]) -> Result<(u64, u64)> {
        let sql = "SELECT COUNT(*), COALESCE(SUM(LENGTH(bytes)), 0) FROM treasury_paper WHERE author = ?1";
        let (count, bytes): (i64, i64) =
            self.connection.query_row(sql, [author], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((super::unsigned(count)?, super::unsigned(bytes)?))
    }

    /// When each treasurer was heard last, by height.
    ///
    /// # Errors
    /// On I/O.
    pub fn treasurers_heard(&self) -> Result<BTreeMap<[u8; 32], u32>> {
        let mut statement = self.connection.prepare_cached("SELECT author, height FROM treasurer_heard")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Writer<'_> {
    /// Stores a paper, or what became of it.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_paper(&self, row: &PaperRow, bytes: &[u8]) -> Result<()> {
        let PaperRow { id, author, session, kind, height, state, note } = row;
        self.transaction.execute(
            "INSERT OR REPLACE INTO treasury_paper VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![id, author, session, kind, height, bytes, state, note],
        )?;
        self.transaction.execute(
            "INSERT INTO treasurer_heard VALUES (?1, ?2) ON CONFLICT (author) DO UPDATE SET height = MAX(height, ?2)",
            params![author, height],
        )?;
        Ok(())
    }

    /// Forgets papers that were written below a height.
    ///
    /// # Errors
    /// On I/O.
    pub fn forget_papers_below(&self, height: u32) -> Result<()> {
        self.transaction.execute("DELETE FROM treasury_paper WHERE height < ?1", [height])?;
        Ok(())
    }
}

fn paper_row(row: &Row<'_>) -> rusqlite::Result<PaperRow> {
    Ok(PaperRow {
        id: row.get(0)?,
        author: row.get(1)?,
        session: row.get(2)?,
        kind: row.get(3)?,
        height: row.get(4)?,
        state: row.get(5)?,
        note: row.get(6)?,
    })
}
