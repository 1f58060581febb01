//! The treasury's tables: watch-only wallets, signing sessions, frozen coins, labels, and what was spent.

use anyhow::Result;
use rusqlite::{OptionalExtension as _, params};

use super::{Store, Writer, signed};

pub(super) const SCHEMA: &str = "
-- Watch-only wallets, one for each generation of the treasury: changes in the order in which they came.
CREATE TABLE IF NOT EXISTS treasury_wallet  (generation INTEGER NOT NULL, number INTEGER NOT NULL, changes BLOB NOT NULL,
                                             PRIMARY KEY (generation, number)) STRICT, WITHOUT ROWID;
-- Transactions that are being signed, by the id of the transaction.
CREATE TABLE IF NOT EXISTS treasury_session (id TEXT PRIMARY KEY, opened_height INTEGER NOT NULL, psbt BLOB NOT NULL,
                                             final_tx BLOB) STRICT;
CREATE TABLE IF NOT EXISTS treasury_remark  (session TEXT NOT NULL, number INTEGER NOT NULL, height INTEGER NOT NULL, kind TEXT NOT NULL,
                                             author TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (session, number)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS treasury_frozen  (outpoint TEXT PRIMARY KEY, reason TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS treasury_label   (kind TEXT NOT NULL, reference TEXT NOT NULL, label TEXT NOT NULL,
                                             PRIMARY KEY (kind, reference)) STRICT, WITHOUT ROWID;
-- Mined transactions that spend coins of the treasury, with their witness: it names who signed.
CREATE TABLE IF NOT EXISTS treasury_spend   (txid TEXT PRIMARY KEY, height INTEGER NOT NULL, tx BLOB NOT NULL) STRICT, WITHOUT ROWID;
-- That these are in their blocks (A-30): what a file about one of them shows (P-146).
CREATE TABLE IF NOT EXISTS treasury_spend_block (txid TEXT PRIMARY KEY, inclusion BLOB NOT NULL) STRICT, WITHOUT ROWID;
";

/// A transaction that is being signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Id of the transaction, hex.
    pub id: String,
    /// Height at which it was opened or first seen here.
    pub opened_height: u32,
    /// The PSBT with every signature known.
    pub psbt: Vec<u8>,
    /// The complete transaction, once there is one.
    pub final_tx: Option<Vec<u8>>,
}

/// Something said about a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemarkRow {
    /// Height at which it was said.
    pub height: u32,
    /// `comment`, `refusal` or `signature`.
    pub kind: String,
    /// Who: the key of an office (T-322), hex, or in words; untrusted text.
    pub author: String,
    /// What; untrusted text.
    pub text: String,
}

/// A mined transaction that spends coins of the treasury.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendRow {
    /// Its id, hex.
    pub txid: String,
    /// Height of its block.
    pub height: u32,
    /// The transaction with its witness.
    pub tx: Vec<u8>,
    /// That it is in its block; `None` of what was noted by a program that did not keep this.
    pub inclusion: Option<Vec<u8>>,
}

impl Store {
    /// The changes of one generation's wallet, in order.
    ///
    /// # Errors
    /// On I/O.
    pub fn treasury_changes(&self, generation: u32) -> Result<Vec<Vec<u8>>> {
        let mut statement =
            self.connection.prepare("SELECT changes FROM treasury_wallet WHERE generation = ?1 ORDER BY number")?;
        let rows = statement.query_map([generation], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All sessions, the oldest first.
    ///
    /// # Errors
    /// On I/O.
    pub fn treasury_sessions(&self) -> Result<Vec<SessionRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, opened_height, psbt, final_tx FROM treasury_session ORDER BY opened_height, id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(SessionRow { id: row.get(0)?, opened_height: row.get(1)?, psbt: row.get(2)?, final_tx: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One session.
    ///
    /// # Errors
    /// On I/O.
    pub fn treasury_session(&self, id: &str) -> Result<Option<SessionRow>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, opened_height, psbt, final_tx FROM treasury_session WHERE id = ?1")?;
        let row = statement.query_row([id], |row| {
            Ok(SessionRow { id: row.get(0)?, opened_height: row.get(1)?, psbt: row.get(2)?, final_tx: row.get(3)? })
        });
        Ok(row.optional()?)
    }

    /// What was said about a session, in order.
    ///
    /// # Errors
    /// On I/O.
    pub fn treasury_remarks(&self, session: &str) -> Result<Vec<RemarkRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT height, kind, author, text FROM treasury_remark WHERE session = ?1 ORDER BY number",
        )?;
        let rows = statement.query_map([session], |row| {
            Ok(RemarkRow { height: row.get(0)?, kind: row.get(1)?, author: row.get(2)?, text: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Frozen coins with the reason.
    ///
    /// # Errors
    /// On I/O.
    pub fn treasury_frozen(&self) -> Result<Vec<(String, String)>> {
        let mut statement = self.connection.prepare_cached("SELECT outpoint, reason FROM treasury_frozen")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Labels: kind (`tx`, `addr`, `output`), reference, text (BIP329).
    ///
    /// # Errors
    /// On I/O.
    pub fn treasury_labels(&self) -> Result<Vec<(String, String, String)>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT kind, reference, label FROM treasury_label ORDER BY kind, reference")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Mined spends, the oldest first.
    ///
    /// # Errors
    /// On I/O.
    pub fn treasury_spends(&self) -> Result<Vec<SpendRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT txid, height, tx, inclusion FROM treasury_spend LEFT JOIN treasury_spend_block USING (txid) ORDER BY height, txid",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(SpendRow { txid: row.get(0)?, height: row.get(1)?, tx: row.get(2)?, inclusion: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Writer<'_> {
    /// Adds changes of one generation's wallet.
    ///
    /// # Errors
    /// On I/O.
    pub fn add_treasury_changes(&self, generation: u32, number: u64, changes: &[u8]) -> Result<()> {
        self.transaction.execute(
            "INSERT OR REPLACE INTO treasury_wallet VALUES (?1, ?2, ?3)",
            params![generation, signed(number)?, changes],
        )?;
        Ok(())
    }

    /// Replaces all changes of one generation's wallet by their sum.
    ///
    /// # Errors
    /// On I/O.
    pub fn compact_treasury_changes(&self, generation: u32, changes: &[u8]) -> Result<()> {
        self.transaction.execute("DELETE FROM treasury_wallet WHERE generation = ?1", [generation])?;
        self.add_treasury_changes(generation, 0, changes)
    }

    /// Stores a session as it now is.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_treasury_session(&self, row: &SessionRow) -> Result<()> {
        self.transaction.execute(
            "INSERT OR REPLACE INTO treasury_session VALUES (?1, ?2, ?3, ?4)",
            params![row.id, row.opened_height, row.psbt, row.final_tx],
        )?;
        Ok(())
    }

    /// Adds a remark to a session.
    ///
    /// # Errors
    /// On I/O.
    pub fn add_treasury_remark(&self, session: &str, row: &RemarkRow) -> Result<()> {
        self.transaction.execute(
            "INSERT INTO treasury_remark VALUES (?1, (SELECT COUNT(*) FROM treasury_remark WHERE session = ?1), ?2, ?3, ?4, ?5)",
            params![session, row.height, row.kind, row.author, row.text],
        )?;
        Ok(())
    }

    /// Freezes a coin, or thaws it when there is no reason.
    ///
    /// # Errors
    /// On I/O.
    pub fn freeze_treasury_coin(&self, outpoint: &str, reason: Option<&str>) -> Result<()> {
        match reason {
            Some(reason) => self
                .transaction
                .execute("INSERT OR REPLACE INTO treasury_frozen VALUES (?1, ?2)", params![outpoint, reason])?,
            None => self.transaction.execute("DELETE FROM treasury_frozen WHERE outpoint = ?1", [outpoint])?,
        };
        Ok(())
    }

    /// Labels something (BIP329).
    ///
    /// # Errors
    /// On I/O.
    pub fn put_treasury_label(&self, kind: &str, reference: &str, label: &str) -> Result<()> {
        self.transaction
            .execute("INSERT OR REPLACE INTO treasury_label VALUES (?1, ?2, ?3)", params![kind, reference, label])?;
        Ok(())
    }

    /// Notes a mined spend.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_treasury_spend(&self, row: &SpendRow) -> Result<()> {
        self.transaction.execute(
            "INSERT OR REPLACE INTO treasury_spend VALUES (?1, ?2, ?3)",
            params![row.txid, row.height, row.tx],
        )?;
        if let Some(inclusion) = &row.inclusion {
            self.transaction
                .execute("INSERT OR REPLACE INTO treasury_spend_block VALUES (?1, ?2)", params![row.txid, inclusion])?;
        }
        Ok(())
    }

    /// Forgets the spends of blocks from a height on: they were disconnected.
    ///
    /// # Errors
    /// On I/O.
    pub fn disconnect_treasury_from(&self, height: u32) -> Result<()> {
        self.transaction.execute(
            "DELETE FROM treasury_spend_block WHERE txid IN (SELECT txid FROM treasury_spend WHERE height >= ?1)",
            [height],
        )?;
        self.transaction.execute("DELETE FROM treasury_spend WHERE height >= ?1", [height])?;
        Ok(())
    }
}
