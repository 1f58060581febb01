//! Stake channels: the state machine's bytes, stored before each message that rests on them.

use std::collections::BTreeMap;

use althing_channels::monitor::Monitor;
use anyhow::Result;
use rusqlite::params;

use super::{Store, Writer};

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRow {
    /// Number of the channel: with a member the index of its seed, with a hub a running number.
    pub number: u32,
    /// Node id of the other side, compressed.
    pub peer: Vec<u8>,
    /// State of the channel machine.
    pub state: Vec<u8>,
    /// The member's signed funding transaction, kept from before its broadcast until it is final.
    pub funding_tx: Option<Vec<u8>>,
    /// Why it failed, if it did; empty otherwise.
    pub note: String,
}

impl Store {
    /// All channels by number.
    ///
    /// # Errors
    /// On I/O.
    pub fn channels(&self) -> Result<Vec<ChannelRow>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT number, peer, state, funding_tx, note FROM channel ORDER BY number")?;
        let rows = statement.query_map([], |row| {
            Ok(ChannelRow {
                number: row.get(0)?,
                peer: row.get(1)?,
                state: row.get(2)?,
                funding_tx: row.get(3)?,
                note: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Store {
    /// Monitors of the channels that are ending, by number, encoded.
    ///
    /// # Errors
    /// On I/O.
    pub fn monitors(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let mut statement = self.connection.prepare_cached("SELECT number, state FROM monitor ORDER BY number")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Writer<'_> {
    /// Stores these monitors and no others.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_monitors(&self, monitors: &BTreeMap<u32, Monitor>) -> Result<()> {
        self.transaction.execute("DELETE FROM monitor", [])?;
        for (number, monitor) in monitors {
            self.transaction.execute("INSERT INTO monitor VALUES (?1, ?2)", params![number, monitor.encode()])?;
        }
        Ok(())
    }

    /// Forgets a channel.
    ///
    /// # Errors
    /// On I/O.
    pub fn drop_channel(&self, number: u32) -> Result<()> {
        self.transaction.execute("DELETE FROM channel WHERE number = ?1", [number])?;
        Ok(())
    }

    /// Stores a channel as it now is.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_channel(&self, row: &ChannelRow) -> Result<()> {
        self.transaction.execute(
            "INSERT OR REPLACE INTO channel VALUES (?1, ?2, ?3, ?4, ?5)",
            params![row.number, row.peer, row.state, row.funding_tx, row.note],
        )?;
        Ok(())
    }
}
