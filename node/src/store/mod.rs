//! The store: one SQLite file per data directory, in write-ahead mode with `synchronous=FULL`.
//!
//! What is acknowledged is in here first. Each step of a protocol is one transaction ([`Store::write`]); the tables that
//! are derived from the log can be dropped and rebuilt.

mod channels;
mod facts;
mod fee_children;
mod forced;
mod home;
mod light;
mod links;
mod log;
mod migrations;
mod outbox;
mod papers;
mod pledges;
mod seed_coins;
mod successions;
mod towers;
mod treasury;
mod witness;

pub use channels::ChannelRow;
pub use facts::{BlockRow, FactRow};
pub use fee_children::FeeChild;
pub use forced::ForcedRow;
pub use light::{HeldEntry, HeldProofRow};
pub use links::LinkRow;
pub use log::{Segment, SegmentError};
pub use migrations::MigrationRow;
pub use outbox::OutboxRow;
pub use papers::PaperRow;
pub use seed_coins::SeedCoin;
pub use successions::SuccessionRow;
pub use towers::BlobRow;
pub use treasury::{RemarkRow, SessionRow, SpendRow};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

/// Name of the database in a data directory.
pub const DATABASE_FILE: &str = "althing.db";

/// Name under which a member's app incarnation is stored.
pub const INCARNATION: &str = "incarnation";

/// Name under which the incarnation of the treasury key's own lane is stored.
pub const TREASURERS_INCARNATION: &str = "treasurers_incarnation";

/// Version of the tables; a database of another version is refused, never guessed at.
const SCHEMA_VERSION: u32 = 2;

const SCHEMA: &str = "
CREATE TABLE meta     (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
-- The log, one row per batch; the bytes of all its entries are in it.
CREATE TABLE segment  (first_position INTEGER PRIMARY KEY, entries INTEGER NOT NULL, bytes BLOB NOT NULL, digest BLOB NOT NULL) STRICT;
-- Own entries, and the receipts of those that the hub has acknowledged.
CREATE TABLE outbox   (incarnation INTEGER NOT NULL, sequence INTEGER NOT NULL, entry BLOB NOT NULL, receipt BLOB,
                       PRIMARY KEY (incarnation, sequence)) STRICT, WITHOUT ROWID;
CREATE TABLE channel  (number INTEGER PRIMARY KEY, peer BLOB NOT NULL, state BLOB NOT NULL, funding_tx BLOB, note TEXT NOT NULL) STRICT;
CREATE TABLE link     (epoch INTEGER PRIMARY KEY, header BLOB NOT NULL, tx BLOB NOT NULL, tracker BLOB NOT NULL) STRICT;
-- What this node's own Bitcoin source showed. Rows above a fork go when blocks are disconnected.
CREATE TABLE block    (height INTEGER PRIMARY KEY, hash BLOB NOT NULL, header BLOB NOT NULL) STRICT;
CREATE TABLE fact     (outpoint BLOB PRIMARY KEY, value_sat INTEGER NOT NULL, script BLOB NOT NULL,
                       height INTEGER NOT NULL, tx BLOB NOT NULL, inclusion BLOB NOT NULL,
                       spent_height INTEGER, spending_tx BLOB, spending_inclusion BLOB) STRICT, WITHOUT ROWID;
";

/// What version 2 has beyond version 1.
const SCHEMA_2: &str = "
-- How channels end on the chain. In step with the block table: written in the transaction of each block.
CREATE TABLE monitor  (number INTEGER PRIMARY KEY, state BLOB NOT NULL) STRICT;
";

/// An open store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    read_only: bool,
    /// Where the log is not kept: how much of it was read (N-221).
    light: Option<light::Streamed>,
}

impl Store {
    /// Opens the database in `dir`, creating it when it is not there.
    ///
    /// # Errors
    /// A database of another version, one that fails SQLite's own quick check, or I/O.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(DATABASE_FILE);
        let mut connection = Connection::open(&path).with_context(|| format!("opening {}", path.display()))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match version {
            0 => {
                transaction.execute_batch(SCHEMA)?;
                transaction.execute_batch(SCHEMA_2)?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            }
            1 => {
                transaction.execute_batch(SCHEMA_2)?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            }
            SCHEMA_VERSION => {}
            other => return Err(unknown_version(&path, other)),
        }
        create_later_tables(&transaction)?;
        successions::take_over(&transaction, true)?;
        transaction.commit()?;
        let store = Self { connection, path, read_only: false, light: None };
        store.quick_check()?;
        Ok(store)
    }

    /// Opens the database in `dir` for reading only; for the audit, which must not change what it judges. What an older program wrote is
    /// read as it is (N-190).
    ///
    /// # Errors
    /// As [`Self::open`], and when it does not exist.
    pub fn open_read_only(dir: &Path) -> Result<Self> {
        let path = dir.join(DATABASE_FILE);
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .with_context(|| format!("opening {} for reading", path.display()))?;
        let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if !(1..=SCHEMA_VERSION).contains(&version) {
            return Err(unknown_version(&path, version));
        }
        stand_in_for_missing_tables(&connection)?;
        Ok(Self { connection, path, read_only: true, light: None })
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it was opened for reading only.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Runs one durable step: all of it is on disk when this returns `Ok`, none of it otherwise.
    ///
    /// # Errors
    /// Those of the step, and of the commit (a full disk, say); the database is then as before.
    pub fn write<T>(&mut self, step: impl FnOnce(&Writer<'_>) -> Result<T>) -> Result<T> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = step(&Writer { transaction: &transaction })?;
        transaction.commit().with_context(|| format!("committing to {}", self.path.display()))?;
        Ok(value)
    }

    /// A named value.
    ///
    /// # Errors
    /// On I/O.
    pub fn meta(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()?)
    }

    fn quick_check(&self) -> Result<()> {
        let verdict: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            bail!("N-4: {} is damaged: {verdict}; restore it from a copy or sync anew", self.path.display());
        }
        Ok(())
    }
}

/// N-3: a later program's tables may mean something else, and none at all are no store.
fn unknown_version(path: &Path, version: u32) -> anyhow::Error {
    let why = match version {
        0 => "nothing was stored in it yet; it is made when the node starts",
        _ => "a newer althing wrote it; use that one or a newer one",
    };
    anyhow::anyhow!(
        "N-3: {} has table version {version}, this program knows 1 to {SCHEMA_VERSION}: {why}",
        path.display()
    )
}

/// Tables that came without a new version: they are made where they are not.
fn create_later_tables(connection: &Connection) -> Result<()> {
    for tables in [
        treasury::SCHEMA,
        papers::TABLES,
        pledges::SCHEMA,
        channels::TABLES,
        towers::TABLES,
        seed_coins::TABLES,
        forced::TABLES,
        fee_children::TABLES,
        migrations::TABLES,
        successions::TABLES,
        witness::TABLES,
        light::TABLES,
    ] {
        connection.execute_batch(tables)?;
    }
    Ok(())
}

/// N-190: a table that the file does not have, because who wrote it did not know it yet, is an empty one of this connection alone.
fn stand_in_for_missing_tables(connection: &Connection) -> Result<()> {
    const TABLES: &str = "SELECT name, sql FROM sqlite_master WHERE type = 'table'";
    let tables = |of: &Connection| -> Result<BTreeMap<String, String>> {
        let mut statement = of.prepare(TABLES)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    let model = Connection::open_in_memory()?;
    model.execute_batch(SCHEMA)?;
    model.execute_batch(SCHEMA_2)?;
    create_later_tables(&model)?;
    let there = tables(connection)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    for (_, sql) in tables(&model)?.into_iter().filter(|(name, _)| !there.contains_key(name)) {
        connection.execute_batch(&sql.replacen("CREATE TABLE", "CREATE TEMP TABLE", 1))?;
    }
    successions::take_over(connection, false)?;
    // What stands in could be written to.
    Ok(connection.pragma_update(None, "query_only", true)?)
}

/// The writes of one durable step.
pub struct Writer<'a> {
    transaction: &'a Transaction<'a>,
}

impl Writer<'_> {
    /// Sets a named value.
    ///
    /// # Errors
    /// On I/O.
    pub fn set_meta(&self, name: &str, value: &[u8]) -> Result<()> {
        self.transaction.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![name, value])?;
        Ok(())
    }
}

/// SQLite keeps signed integers; positions and amounts never reach 2^63.
fn signed(value: u64) -> Result<i64> {
    i64::try_from(value).with_context(|| format!("{value} does not fit the store"))
}

fn unsigned(value: i64) -> Result<u64> {
    u64::try_from(value).with_context(|| format!("the store holds the negative number {value}"))
}
