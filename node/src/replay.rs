//! Replaying a stored log: what needs no state on all cores, ahead of the one thread that has the state.
//!
//! Every digest, signature, rule and root is checked, as when the entries came in.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use althing_batch::{KeyCache, Lanes, Verifier};
use anyhow::{Context, Result};
use bitcoin::secp256k1::XOnlyPublicKey;

use crate::intake::{Examined, examine_segments, read_segments};
use crate::ledger::{ChainView, Ledger};
use crate::store::{Segment, Store};

/// Entries that are examined together: beyond some thousands a batch check gains little.
const TOGETHER: usize = 4096;

/// Groups of segments that wait, for each thread: enough that none is idle, little memory.
const AHEAD: usize = 2;

/// Keys that each thread remembers in the form in which it computes with them.
const KEYS_REMEMBERED: usize = 1 << 17;

type Numbered<T> = (u64, Result<T>);

/// Replays the log in the store of `dir` into `ledger`, which is empty. `done` is told of each segment that went in.
///
/// # Errors
/// The first entry that is not acceptable ([`crate::ledger::LedgerError`]), a damaged store, those of `done`, or I/O.
pub fn replay(
    dir: &Path,
    ledger: &mut Ledger,
    chain: &mut dyn ChainView,
    done: impl FnMut(&Segment, &Ledger) -> Result<()>,
) -> Result<()> {
    replay_behind(dir, 0, ledger, chain, done)
}

/// As [`replay`], without checking the signatures of segments that end within the first `checked` entries: the caller vouches.
///
/// # Errors
/// As [`replay`].
pub fn replay_behind(
    dir: &Path,
    checked: u64,
    ledger: &mut Ledger,
    chain: &mut dyn ChainView,
    mut done: impl FnMut(&Segment, &Ledger) -> Result<()>,
) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let key = Mutex::new(ledger.state().hub_log_key());
    let (read, unread) = sync_channel::<Numbered<Vec<Segment>>>(AHEAD * cores);
    let (examined, results) = sync_channel::<Numbered<Vec<Examined>>>(AHEAD * cores);
    let unread = Mutex::new(unread);
    std::thread::scope(|scope| -> Result<()> {
        scope.spawn(|| read_all(dir, read));
        for _ in 0..cores {
            let examined = examined.clone();
            let (unread, key) = (&unread, &key);
            scope.spawn(move || examine(unread, key, checked, &examined));
        }
        drop(examined);
        let outcome = in_order(&results, |segments| {
            for segment in segments {
                let segment = ledger.append_examined(segment, chain)?;
                done(&segment, ledger)?;
            }
            *key.lock().unwrap_or_else(PoisonError::into_inner) = ledger.state().hub_log_key();
            Ok(())
        });
        // Those who still send find nobody, and end.
        drop(results);
        while unread.lock().unwrap_or_else(PoisonError::into_inner).recv().is_ok() {}
        outcome
    })
}

/// Reads the log in groups. A fault of the store comes behind what was read before it.
fn read_all(dir: &Path, out: SyncSender<Numbered<Vec<Segment>>>) {
    let (mut number, mut entries, mut group) = (0, 0, Vec::new());
    let mut send = |group: Result<Vec<Segment>>| {
        number += 1;
        out.send((number - 1, group)).is_ok()
    };
    let read = Store::open_read_only(dir).and_then(|store| {
        store.visit_segments(|segment| {
            entries += segment.entries.len();
            group.push(segment);
            if entries >= TOGETHER {
                entries = 0;
                anyhow::ensure!(send(Ok(std::mem::take(&mut group))), "nobody listens any more");
            }
            Ok(())
        })
    });
    send(Ok(group));
    if let Err(error) = read {
        send(Err(error));
    }
}

fn examine(
    unread: &Mutex<Receiver<Numbered<Vec<Segment>>>>,
    key: &Mutex<XOnlyPublicKey>,
    checked: u64,
    out: &SyncSender<Numbered<Vec<Examined>>>,
) {
    let mut verifier = Verifier::with(Lanes::detect(), KeyCache::with_capacity(KEYS_REMEMBERED));
    loop {
        let next = unread.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, segments)) = next else { return };
        let key = *key.lock().unwrap_or_else(PoisonError::into_inner);
        let examined = segments.map(|mut segments| {
            let behind = segments.split_off(segments.partition_point(|segment| segment.end() <= checked));
            let mut examined = read_segments(&key, segments);
            examined.extend(examine_segments(&mut verifier, &key, behind));
            examined
        });
        if let Some(found) = verifier.disagreement() {
            tracing::error!(?found, "checking signatures in batches went wrong; one by one from now on");
        }
        if out.send((number, examined)).is_err() {
            return;
        }
    }
}

fn in_order<T>(results: &Receiver<Numbered<T>>, mut take: impl FnMut(T) -> Result<()>) -> Result<()> {
    let (mut next, mut early) = (0, BTreeMap::new());
    for (number, result) in results {
        early.insert(number, result);
        while let Some(result) = early.remove(&next) {
            take(result?)?;
            next += 1;
        }
    }
    early.is_empty().then_some(()).context("a thread that examines the log has ended early")
}
