//! Stake channels: the state machine's bytes, stored before each message that rests on them.

use std::collections::BTreeMap;

use althing_channels::monitor::Monitor;
use anyhow::Result;
use rusqlite::params;

use super::{Store, Writer, signed};

/// The table beside those of the schema: payments that were ordered and no checkpoint proposes, in satoshis, why the last was not made, and
/// the fee that was named for the close.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS channel_order (number INTEGER PRIMARY KEY, amounts BLOB NOT NULL, refusal TEXT NOT NULL,
                                          close_fee_sat INTEGER) STRICT;
";

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
    /// Payments that were ordered and no checkpoint proposes, in satoshis: with the state, so that none is lost and none made twice.
    pub orders: Vec<u64>,
    /// Why the last order was not carried out; empty otherwise.
    pub refusal: String,
    /// The fee that was named for the close, in satoshis.
    pub close_fee_sat: Option<u64>,
}

impl Store {
    /// All channels by number.
    ///
    /// # Errors
    /// On I/O.
    pub fn channels(&self) -> Result<Vec<ChannelRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT number, peer, state, funding_tx, note, amounts, refusal, close_fee_sat FROM channel LEFT JOIN channel_order USING (number)
             ORDER BY number",
        )?;
        let rows = statement.query_map([], |row| {
            let amounts: Option<Vec<u8>> = row.get(5)?;
            let (amounts, _) = amounts.as_deref().unwrap_or_default().as_chunks();
            Ok(ChannelRow {
                number: row.get(0)?,
                peer: row.get(1)?,
                state: row.get(2)?,
                funding_tx: row.get(3)?,
                note: row.get(4)?,
                orders: amounts.iter().map(|amount| u64::from_be_bytes(*amount)).collect(),
                refusal: row.get::<_, Option<String>>(6)?.unwrap_or_default(),
                close_fee_sat: row.get::<_, Option<i64>>(7)?.and_then(|fee| u64::try_from(fee).ok()),
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
        self.transaction.execute("DELETE FROM channel_order WHERE number = ?1", [number])?;
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
        if row.orders.is_empty() && row.refusal.is_empty() && row.close_fee_sat.is_none() {
            self.transaction.execute("DELETE FROM channel_order WHERE number = ?1", [row.number])?;
        } else {
            let amounts: Vec<u8> = row.orders.iter().flat_map(|amount| amount.to_be_bytes()).collect();
            let values = params![row.number, amounts, row.refusal, row.close_fee_sat.map(signed).transpose()?];
            self.transaction.execute("INSERT OR REPLACE INTO channel_order VALUES (?1, ?2, ?3, ?4)", values)?;
        }
        Ok(())
    }
}
