//! Channels that move to another hub (C-300 to C-303): what was ordered, and which channel takes the place of which.

use anyhow::Result;
use rusqlite::params;

use super::{Store, Writer, signed, unsigned};

/// The table beside those of the schema.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, target TEXT NOT NULL, fee_rate INTEGER NOT NULL,
                                      fee_sat INTEGER NOT NULL, alone INTEGER NOT NULL, successor INTEGER,
                                      failure TEXT NOT NULL) STRICT;
";

/// A move that was ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationRow {
    /// Number of the channel that moves.
    pub number: u32,
    /// The hub that it moves to: `node_id@host:port`.
    pub target: String,
    /// Fee rate that was asked for, sat/vB; 1..=1000.
    pub fee_rate_sat_vb: u64,
    /// Fee of the one transaction, in satoshis; 0 until it is fixed, and where the old hub is not asked.
    pub fee_sat: u64,
    /// Without the old hub: closed alone, and opened anew with what came home.
    pub alone: bool,
    /// Number of the channel with the other hub, before anybody hears of it.
    pub successor: Option<u32>,
    /// Why it does not go on; empty while it does.
    pub failure: String,
}

impl Store {
    /// All moves, by the number of the channel that moves.
    ///
    /// # Errors
    /// On I/O.
    pub fn migrations(&self) -> Result<Vec<MigrationRow>> {
        let sql = "SELECT number, target, fee_rate, fee_sat, alone, successor, failure FROM migration ORDER BY number";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            let fees: (i64, i64) = (row.get(2)?, row.get(3)?);
            let row = MigrationRow {
                number: row.get(0)?,
                target: row.get(1)?,
                fee_rate_sat_vb: 0,
                fee_sat: 0,
                alone: row.get(4)?,
                successor: row.get(5)?,
                failure: row.get(6)?,
            };
            Ok((row, fees))
        })?;
        let mut found = Vec::new();
        for row in rows {
            let (row, (rate, fee)) = row?;
            found.push(MigrationRow { fee_rate_sat_vb: unsigned(rate)?, fee_sat: unsigned(fee)?, ..row });
        }
        Ok(found)
    }
}

impl Writer<'_> {
    /// Stores a move as it now is.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_migration(&self, row: &MigrationRow) -> Result<()> {
        let MigrationRow { number, target, fee_rate_sat_vb, fee_sat, alone, successor, failure } = row;
        self.transaction.execute(
            "INSERT OR REPLACE INTO migration VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![number, target, signed(*fee_rate_sat_vb)?, signed(*fee_sat)?, alone, successor, failure],
        )?;
        Ok(())
    }

    /// Forgets a move.
    ///
    /// # Errors
    /// On I/O.
    pub fn drop_migration(&self, number: u32) -> Result<()> {
        self.transaction.execute("DELETE FROM migration WHERE number = ?1", [number])?;
        Ok(())
    }
}
