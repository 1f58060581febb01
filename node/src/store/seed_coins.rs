//! Coins that only the seed tells are this node's: `to_remote` outputs of channels that it has no memory of.

use anyhow::Result;
use bitcoin::OutPoint;
use bitcoin::consensus::encode::{deserialize, serialize};
use rusqlite::params;

use super::{Store, Writer};

/// The table of this module, in step with the block table.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS seed_coin (outpoint BLOB PRIMARY KEY, seed INTEGER NOT NULL, height INTEGER NOT NULL,
                                      tx BLOB NOT NULL, spent_height INTEGER) STRICT, WITHOUT ROWID;
";

/// One such coin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedCoin {
    /// The output.
    pub outpoint: OutPoint,
    /// Index of the channel's seed.
    pub seed: u32,
    /// Height of its block.
    pub height: u32,
    /// The transaction that has it.
    pub tx: bitcoin::Transaction,
    /// Height of the block in which it was spent.
    pub spent_height: Option<u32>,
}

impl Store {
    /// All of them.
    ///
    /// # Errors
    /// Damaged rows, or I/O.
    pub fn seed_coins(&self) -> Result<Vec<SeedCoin>> {
        let mut statement =
            self.connection.prepare_cached("SELECT outpoint, seed, height, tx, spent_height FROM seed_coin")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?, row.get(4)?))
        })?;
        rows.map(|row| {
            let (outpoint, seed, height, tx, spent_height) = row?;
            Ok(SeedCoin { outpoint: deserialize(&outpoint)?, seed, height, tx: deserialize(&tx)?, spent_height })
        })
        .collect()
    }
}

impl Writer<'_> {
    /// Stores what a block showed of them: new ones, and those spent in it.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_seed_coins(&self, found: &[SeedCoin]) -> Result<()> {
        for coin in found {
            let SeedCoin { outpoint, seed, height, tx, spent_height } = coin;
            self.transaction.execute(
                "INSERT OR REPLACE INTO seed_coin VALUES (?1, ?2, ?3, ?4, ?5)",
                params![serialize(outpoint), seed, height, serialize(tx), spent_height],
            )?;
        }
        Ok(())
    }

    /// Blocks from `height` upward are gone.
    ///
    /// # Errors
    /// On I/O.
    pub fn disconnect_seed_coins(&self, height: u32) -> Result<()> {
        self.transaction.execute("DELETE FROM seed_coin WHERE height >= ?1", [height])?;
        self.transaction.execute("UPDATE seed_coin SET spent_height = NULL WHERE spent_height >= ?1", [height])?;
        Ok(())
    }
}
