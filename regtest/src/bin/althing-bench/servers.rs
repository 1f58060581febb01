//! What a hub is compared with: servers that check votes one by one and keep them in SQLite.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use althing_batch::Item;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::Entry;
use althing_node::bench::Vote;
use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, TransactionBehavior, params};

use crate::signatures::is_valid;

/// Votes that one thread takes at a time, and that are in one transaction.
const GROUP: usize = 1000;

/// A vote as these servers keep it.
struct Row {
    proposal: [u8; 32],
    voter: [u8; 32],
    bytes: Vec<u8>,
}

/// Both cores check signatures one by one, one thread commits groups of a thousand (`synchronous=FULL`, WAL), each vote replaces
/// the one before of the same voter. No order, no tree, no receipt: less than a hub does. Returns when the last vote is durable.
///
/// # Errors
/// On I/O, or when a vote is not valid.
pub(crate) fn strong(dir: &Path, votes: &[Vote], threads: usize) -> Result<()> {
    let mut connection = open(dir)?;
    let next = AtomicUsize::new(0);
    let (checked, groups) = sync_channel::<Result<Vec<Row>>>(4);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (checked, next) = (checked.clone(), &next);
            scope.spawn(move || {
                while let Some(group) = votes.chunks(GROUP).nth(next.fetch_add(1, Ordering::Relaxed)) {
                    if checked.send(group.iter().map(|vote| check(&vote.bytes)).collect()).is_err() {
                        return;
                    }
                }
            });
        }
        drop(checked);
        let mut stored = 0;
        for group in groups {
            let group = group?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut insert = transaction.prepare_cached(INSERT)?;
                for row in &group {
                    insert.execute(params![row.proposal, row.voter, row.bytes])?;
                }
            }
            transaction.commit()?;
            stored += group.len();
        }
        ensure!(stored == votes.len(), "{stored} of {} votes were stored", votes.len());
        Ok(())
    })
}

/// One thread, one transaction for each vote.
///
/// # Errors
/// As [`strong`].
pub(crate) fn naive(dir: &Path, votes: &[Vote]) -> Result<()> {
    let connection = open(dir)?;
    for vote in votes {
        let row = check(&vote.bytes)?;
        connection.prepare_cached(INSERT)?.execute(params![row.proposal, row.voter, row.bytes])?;
    }
    Ok(())
}

const INSERT: &str = "INSERT INTO vote VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET bytes = excluded.bytes";

fn open(dir: &Path) -> Result<Connection> {
    let connection = Connection::open(dir.join("votes.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS vote (proposal BLOB NOT NULL, voter BLOB NOT NULL, bytes BLOB NOT NULL, UNIQUE (proposal, voter))",
    )?;
    Ok(connection)
}

fn check(bytes: &[u8]) -> Result<Row> {
    let Entry::Ballot(ballot) = Entry::from_bytes(bytes)? else { anyhow::bail!("this is no ballot") };
    let check = ballot.signature_check("ballot");
    let item = Item { key: check.key, message: &check.message, signature: check.signature.serialize() };
    is_valid(&item).then_some(()).context("a signature that does not verify")?;
    Ok(Row { proposal: ballot.body.proposal.0, voter: check.key, bytes: bytes.to_vec() })
}
