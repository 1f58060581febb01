//! Facts about Bitcoin that this node's own source showed: blocks, and the outputs that matter to the DAO.

use althing_governance::codec::Reader;
use anyhow::{Context, Result};
use bitcoin::OutPoint;
use rusqlite::{OptionalExtension, Row, params};

use super::{Store, Writer, signed, unsigned};

/// A block of the best chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockRow {
    /// Its height.
    pub height: u32,
    /// Its hash, in internal byte order.
    pub hash: [u8; 32],
    /// Its 80-byte header.
    pub header: Vec<u8>,
}

/// An output that matters to the DAO, with the evidence for its creation and its spending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactRow {
    /// `outpoint` in the canonical encoding, 36 bytes.
    pub outpoint: Vec<u8>,
    /// Value.
    pub value_sat: u64,
    /// Output script.
    pub script: Vec<u8>,
    /// Height of its block.
    pub height: u32,
    /// The transaction that made it, without witness.
    pub tx: Vec<u8>,
    /// Inclusion proof of that transaction.
    pub inclusion: Vec<u8>,
    /// Its spending: height, transaction without witness, inclusion proof.
    pub spent: Option<(u32, Vec<u8>, Vec<u8>)>,
}

const FACT_COLUMNS: &str =
    "outpoint, value_sat, script, height, tx, inclusion, spent_height, spending_tx, spending_inclusion";

impl Store {
    /// The block at a height.
    ///
    /// # Errors
    /// On I/O.
    pub fn block(&self, height: u32) -> Result<Option<BlockRow>> {
        Ok(self
            .connection
            .query_row("SELECT height, hash, header FROM block WHERE height = ?1", [height], block_row)
            .optional()?)
    }

    /// Height and hash of every block known, ascending.
    ///
    /// # Errors
    /// On I/O, or when a hash is not 32 bytes.
    pub fn block_hashes(&self) -> Result<Vec<(u32, [u8; 32])>> {
        let mut statement = self.connection.prepare("SELECT height, hash FROM block ORDER BY height")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The highest block known.
    ///
    /// # Errors
    /// On I/O.
    pub fn tip(&self) -> Result<Option<BlockRow>> {
        Ok(self
            .connection
            .query_row("SELECT height, hash, header FROM block ORDER BY height DESC LIMIT 1", [], block_row)
            .optional()?)
    }

    /// The lowest block known: where this node began to follow the chain.
    ///
    /// # Errors
    /// On I/O.
    pub fn first_block(&self) -> Result<Option<BlockRow>> {
        Ok(self
            .connection
            .query_row("SELECT height, hash, header FROM block ORDER BY height LIMIT 1", [], block_row)
            .optional()?)
    }

    /// What is known of an output.
    ///
    /// # Errors
    /// On I/O.
    pub fn fact(&self, outpoint: &[u8]) -> Result<Option<FactRow>> {
        let sql = format!("SELECT {FACT_COLUMNS} FROM fact WHERE outpoint = ?1");
        self.connection.query_row(&sql, [outpoint], |row| Ok(fact_row(row))).optional()?.transpose()
    }

    /// All outputs known.
    ///
    /// # Errors
    /// On I/O.
    pub fn facts(&self) -> Result<Vec<FactRow>> {
        let mut statement = self.connection.prepare(&format!("SELECT {FACT_COLUMNS} FROM fact ORDER BY height"))?;
        let rows = statement.query_map([], |row| Ok(fact_row(row)))?;
        rows.map(|row| row?).collect()
    }
}

impl Store {
    /// The outputs that are known and unspent.
    ///
    /// # Errors
    /// On I/O, or a damaged store.
    pub fn unspent_facts(&self) -> Result<Vec<OutPoint>> {
        let mut statement = self.connection.prepare("SELECT outpoint FROM fact WHERE spent_height IS NULL")?;
        let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        rows.map(|row| Reader::new(&row?).outpoint().context("a stored outpoint")).collect()
    }
}

impl Writer<'_> {
    /// Adds a block on top.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_block(&self, block: &BlockRow) -> Result<()> {
        self.transaction.execute(
            "INSERT OR REPLACE INTO block VALUES (?1, ?2, ?3)",
            params![block.height, block.hash.as_slice(), block.header],
        )?;
        Ok(())
    }

    /// Forgets everything that was seen at this height or above: those blocks were disconnected.
    ///
    /// # Errors
    /// On I/O.
    pub fn disconnect_from(&self, height: u32) -> Result<()> {
        self.transaction.execute("DELETE FROM block WHERE height >= ?1", [height])?;
        self.transaction.execute("DELETE FROM fact WHERE height >= ?1", [height])?;
        self.disconnect_forced_from(height)?;
        self.transaction.execute(
            "UPDATE fact SET spent_height = NULL, spending_tx = NULL, spending_inclusion = NULL WHERE spent_height >= ?1",
            [height],
        )?;
        Ok(())
    }

    /// Notes that an output was spent. An output that is not in the table is left aside.
    ///
    /// # Errors
    /// On I/O.
    pub fn mark_spent(&self, outpoint: &[u8], height: u32, tx: &[u8], inclusion: &[u8]) -> Result<()> {
        self.transaction.execute(
            "UPDATE fact SET spent_height = ?2, spending_tx = ?3, spending_inclusion = ?4 WHERE outpoint = ?1",
            params![outpoint, height, tx, inclusion],
        )?;
        Ok(())
    }

    /// Stores an output as it is now known.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_fact(&self, fact: &FactRow) -> Result<()> {
        let (spent_height, spending_tx, spending_inclusion) = match &fact.spent {
            None => (None, None, None),
            Some((height, tx, inclusion)) => (Some(height), Some(tx), Some(inclusion)),
        };
        self.transaction.execute(
            "INSERT OR REPLACE INTO fact VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                fact.outpoint,
                signed(fact.value_sat)?,
                fact.script,
                fact.height,
                fact.tx,
                fact.inclusion,
                spent_height,
                spending_tx,
                spending_inclusion
            ],
        )?;
        Ok(())
    }
}

fn block_row(row: &Row<'_>) -> rusqlite::Result<BlockRow> {
    Ok(BlockRow { height: row.get(0)?, hash: row.get(1)?, header: row.get(2)? })
}

fn fact_row(row: &Row<'_>) -> Result<FactRow> {
    let spent: Option<u32> = row.get(6)?;
    Ok(FactRow {
        outpoint: row.get(0)?,
        value_sat: unsigned(row.get(1)?)?,
        script: row.get(2)?,
        height: row.get(3)?,
        tx: row.get(4)?,
        inclusion: row.get(5)?,
        spent: match spent {
            None => None,
            Some(height) => Some((height, row.get(7)?, row.get(8)?)),
        },
    })
}
