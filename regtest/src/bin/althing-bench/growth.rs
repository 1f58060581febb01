//! What a vote costs when there are many: in time, memory and on disk, and how long a hub takes to check its whole log.
//!
//! Each run is a process of its own, whose memory nothing else has used before.

use std::path::{Path, PathBuf};
use std::time::Instant;

use althing_node::audit::audit;
use althing_node::bench::{Pace, Scale, Session, Voting, Way, World, cpu};
use althing_node::judge::{Source, Verdict};
use althing_node::store::Store;
use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::goals::Goal;
use crate::pipeline::{MEMBERS, PEERS, seconds};
use crate::summary::Summary;
use crate::{Plan, goals};

/// Votes signed and sent at a time.
const CHUNK: usize = 100_000;

/// What a child process does.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Task {
    /// Votes a second on the cores that it is given.
    Rate { votes: usize, busy: bool },
    /// A log that grows.
    Growth { votes: usize, members: u32, proposals: u32, checked: bool, busy: bool },
    /// An audit of the log in a data directory, by a file of headers.
    Audit { dir: PathBuf, headers: PathBuf, busy: bool },
}

/// What a growing log showed.
#[derive(Debug, Serialize, Deserialize)]
struct Grown {
    /// Microseconds of computing for a vote, chunk by chunk.
    cost: Vec<f64>,
    /// Bytes of memory for a vote, by the growth of the process.
    memory: f64,
    /// Bytes on disk for a vote.
    disk: f64,
    /// Votes a second, all chunks together.
    rate: f64,
    /// Seconds to start the hub on the log.
    start_up: Option<f64>,
    /// The whole log checked.
    audit: Option<Audited>,
}

/// What an audit showed.
#[derive(Debug, Serialize, Deserialize)]
struct Audited {
    /// Entries a second.
    rate: f64,
    /// The most memory that the process had, in bytes for an entry.
    memory: f64,
}

pub(crate) fn child(task: &str) -> Result<()> {
    match serde_json::from_str(task)? {
        Task::Rate { votes, busy } => println!("{}", rate(votes, busy)?),
        Task::Growth { votes, members, proposals, checked, busy } => {
            let scale = Scale { members, proposals };
            println!("{}", serde_json::to_string(&grow(votes, scale, checked, busy)?)?);
        }
        Task::Audit { dir, headers, busy } => println!("{}", serde_json::to_string(&audited(&dir, headers, busy)?)?),
    }
    Ok(())
}

/// The system's view of the cores that this process may use.
fn plan(busy: bool) -> Plan {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Plan { quick: false, rounds: 1, busy, cores }
}

fn rate(votes: usize, busy: bool) -> Result<f64> {
    let plan = plan(busy);
    let folder = tempfile::tempdir()?;
    let world = World::found(&folder.path().join("hub"), Scale { members: 3000, proposals: 100 }, &mut |_| ())?;
    let mut session = Session::open(&world, PEERS, Way::InProcess)?;
    let mut voting = Voting::of(&world);
    session.run(&voting.sign(20_000, plan.cores), Pace::FULL)?;
    let votes = voting.sign(votes, plan.cores);
    let (passed, _, report) = seconds(&plan, || session.run(&votes, Pace::FULL))?;
    session.close()?;
    Ok(report.receipted as f64 / passed)
}

fn grow(votes: usize, scale: Scale, checked: bool, busy: bool) -> Result<Grown> {
    let plan = plan(busy);
    let folder = tempfile::tempdir()?;
    let dir = folder.path().join("hub");
    let world = World::found(&dir, scale, &mut |what| eprintln!("   making {what}"))?;
    let mut session = Session::open(&world, PEERS, Way::InProcess)?;
    let mut voting = Voting::of(&world);
    let (mut cost, mut passed) = (Vec::new(), 0.0);
    let mut begin = (0, 0);
    let chunks = votes.div_ceil(CHUNK);
    for chunk in 0..=chunks {
        let signed = voting.sign(CHUNK, plan.cores);
        if chunk == 1 {
            // The first fills caches, buffers and the allocator's pools.
            begin = (cpu::resident().unwrap_or(0), disk(&dir)?);
        }
        let own = cpu::of_thread().unwrap_or(0.0);
        let (seconds, computed, report) = seconds(&plan, || session.run(&signed, Pace::FULL))?;
        ensure!(report.receipted == CHUNK as u64 && report.troubles.is_empty(), "{report:?}");
        // What the sender computed is not the hub's.
        let own = cpu::of_thread().unwrap_or(0.0) - own;
        if chunk > 0 {
            cost.push((computed - own) / CHUNK as f64 * 1e6);
            passed += seconds;
        }
        if chunk % 10 == 0 {
            eprintln!("   {} votes", (chunk + 1) * CHUNK);
        }
    }
    let all = (chunks * CHUNK) as f64;
    let end = (cpu::resident().unwrap_or(0), disk(&dir)?);
    session.close()?;
    let (mut start_up, mut audit) = (None, None);
    if checked {
        let start = Instant::now();
        let session = Session::open(&world, 1, Way::InProcess)?;
        start_up = Some(start.elapsed().as_secs_f64());
        session.close()?;
        let headers = folder.path().join("headers");
        write_headers(&dir, &headers)?;
        audit = Some(in_child(&Task::Audit { dir, headers, busy })?);
    }
    Ok(Grown {
        cost,
        memory: (end.0.saturating_sub(begin.0)) as f64 / all,
        disk: (end.1.saturating_sub(begin.1)) as f64 / all,
        rate: all / passed,
        start_up,
        audit,
    })
}

fn audited(dir: &Path, headers: PathBuf, busy: bool) -> Result<Audited> {
    let (seconds, _, report) = seconds(&plan(busy), || audit(dir, &Source::Headers(headers), &mut |_, _| ()))?;
    ensure!(report.verdict == Verdict::Valid, "the audit says {report:?}");
    let entries = report.entries as f64;
    let peak = cpu::peak().context("the system does not tell what memory was used")? as f64;
    Ok(Audited { rate: entries / seconds, memory: peak / entries })
}

/// Runs a task in a process of its own.
fn in_child<T: DeserializeOwned>(task: &Task) -> Result<T> {
    let output = std::process::Command::new(std::env::current_exe()?)
        .args(["--child", &serde_json::to_string(task)?])
        // What is freed is given back at once: what is in use is measured, not what the allocator keeps for a while.
        .env("MIMALLOC_PURGE_DELAY", "0")
        .stderr(std::process::Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the run {task:?} failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

pub(crate) fn measure(plan: &Plan, summary: &mut Summary) -> Result<()> {
    let grown = |votes, members, proposals, checked| -> Result<Grown> {
        in_child(&Task::Growth { votes, members, proposals, checked, busy: plan.busy })
    };
    let (mut memory, mut disk, mut start_up) = (vec![], vec![], vec![]);
    let (mut audit, mut audit_rate, mut audit_memory) = (vec![], vec![], vec![]);
    let (mut short, mut long) = (vec![], vec![]);
    // Once for the long run: it takes minutes.
    let sizes: &[usize] = if plan.quick { &[1_000_000] } else { &[1_000_000, 1_000_000, 1_000_000, 10_000_000] };
    for votes in sizes {
        let run = grown(*votes, MEMBERS, 1000, true)?;
        let ratio = mean(&run.cost[run.cost.len().saturating_sub(3)..]) / run.cost[0];
        if *votes > 1_000_000 {
            long.push(ratio)
        } else {
            short.push(ratio)
        }
        memory.push(run.memory);
        disk.push(run.disk);
        if let Some(audited) = run.audit {
            audit.push(audited.rate / run.rate);
            audit_rate.push(audited.rate);
            audit_memory.push(audited.memory);
        }
        start_up.extend(run.start_up.map(|seconds| seconds / *votes as f64 * 1e6));
    }
    // Bytes for a vote are megabytes for a million of them.
    summary.put(&goals::MEMORY, memory);
    summary.put(&goals::DISK, disk);
    summary.put(&goals::AUDIT, audit);
    summary.put(&goals::AUDIT_RATE, audit_rate);
    summary.put(&goals::AUDIT_MEMORY, audit_memory);
    summary.put(&goals::START_UP, start_up);
    // A quick run is shorter than what the row is about, and says so.
    match plan.quick {
        true => summary.put(&Goal { unit: "x (at 1M votes)", ..goals::COST_GROWTH }, short.clone()),
        false => summary.put(&goals::COST_GROWTH, long),
    }
    summary.put(&goals::COST_GROWTH_1M, short);
    let votes = plan.size(500_000, 100_000);
    let (mut members, mut proposals) = (vec![], vec![]);
    for _ in 0..plan.size(3, 1) {
        let few = mean(&grown(votes, 1000, 100, false)?.cost);
        let many = mean(&grown(votes, if plan.quick { 10_000 } else { 100_000 }, 100, false)?.cost);
        members.push(many / few);
        let one = mean(&grown(votes, MEMBERS, 1, false)?.cost);
        let many = mean(&grown(votes, MEMBERS, 10_000, false)?.cost);
        proposals.push(many / one);
    }
    let fewer = Goal { unit: "x (of 10,000)", ..goals::MEMBERS };
    summary.put(if plan.quick { &fewer } else { &goals::MEMBERS }, members);
    summary.put(&goals::PROPOSALS, proposals);
    Ok(())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Bytes in the files of a folder.
fn disk(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for file in std::fs::read_dir(dir)? {
        let file = file?;
        // The write-ahead log is used over and over.
        if !file.file_name().to_string_lossy().ends_with("-wal") {
            bytes += file.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// The file of block headers by which an auditor judges.
fn write_headers(dir: &Path, file: &Path) -> Result<()> {
    let first =
        althing_regtest::bitcoin::blockdata::constants::genesis_block(althing_regtest::bitcoin::Network::Regtest);
    let mut bytes = althing_regtest::bitcoin::consensus::encode::serialize(&first.header);
    let store = Store::open_read_only(dir)?;
    let tip = store.tip()?.context("a world has blocks")?.height;
    for height in 1..=tip {
        bytes.extend(store.block(height)?.context("every block is stored")?.header);
    }
    Ok(std::fs::write(file, bytes)?)
}
