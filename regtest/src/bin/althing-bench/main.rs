//! Measures what `docs/performance.md` shows: `just bench`, `just bench NAME`, `just bench --quick`.
//!
//! Every figure is taken several times, alternately with what it is compared with, in one process over the same data. Ratios
//! of one run can be trusted; times of two runs cannot be compared. The order of reading: `goals` (what is measured and what is wanted), then
//! one file for each group of measures, `executor` and `servers` for what Althing is compared with, `summary` and `charts`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a report")]

mod charts;
mod checkpoints;
mod executor;
mod goals;
mod growth;
mod invalid;
mod latency;
mod machine;
mod member;
mod pipeline;
mod proofs;
mod servers;
mod signatures;
mod summary;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;

use summary::Summary;

/// As the program that is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures a hub on this machine and what it is compared with.
#[derive(Debug, Parser)]
#[command(name = "althing-bench")]
struct Options {
    /// Only this group (signatures, proofs, executor, checkpoints, pipeline, latency, member, invalid, threads, growth), or the groups of the
    /// measures with this in their name; without it, all.
    name: Option<String>,
    /// Smaller and fewer, for a first look: under ten minutes.
    #[arg(long)]
    quick: bool,
    /// How often each figure is taken [default: 7, or 3 when quick].
    #[arg(long)]
    rounds: Option<usize>,
    /// Rates by computing time instead of time that passed: for machines that do other work meanwhile.
    #[arg(long)]
    busy: bool,
    /// Where the summary goes.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Measures nothing; draws the charts of the last summary into this folder.
    #[arg(long, value_name = "DIR")]
    charts: Option<PathBuf>,
    /// A figure that needs a process of its own.
    #[arg(long, hide = true, value_name = "JSON")]
    child: Option<String>,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Plan {
    quick: bool,
    rounds: usize,
    busy: bool,
    cores: usize,
}

impl Plan {
    /// `full`, or `quick` when there is little time.
    fn size(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

type Group = fn(&Plan, &mut Summary) -> Result<()>;

/// Groups of measures, cheapest first.
const GROUPS: [(&str, Group); 10] = [
    ("signatures", signatures::measure),
    ("proofs", proofs::measure),
    ("executor", executor::measure),
    ("checkpoints", checkpoints::measure),
    ("pipeline", pipeline::measure),
    ("latency", latency::measure),
    ("member", member::measure),
    ("invalid", invalid::measure),
    ("threads", pipeline::measure_threads),
    ("growth", growth::measure),
];

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(task) = &options.child {
        return growth::child(task);
    }
    let file = options.out.join("summary.json");
    if let Some(folder) = &options.charts {
        return charts::draw(&Summary::read(&file)?, folder);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let rounds = options.rounds.unwrap_or(if options.quick { 3 } else { 7 }).max(1);
    let plan = Plan { quick: options.quick, rounds, busy: options.busy, cores };
    // A subset replaces its own measures in the last summary.
    let mut summary = match (&options.name, Summary::read(&file)) {
        (Some(_), Ok(before)) => before.of_this_machine()?,
        _ => Summary::new()?,
    };
    // The name of a group means that group; anything else is looked for in the names of measures.
    let names_group = |wanted: &str| GROUPS.iter().any(|(name, _)| *name == wanted);
    for (name, measure) in GROUPS {
        let wanted = options.name.as_deref();
        if wanted.is_none_or(|wanted| name == wanted || !names_group(wanted) && goals::is_in(name, wanted)) {
            eprintln!("== {name}");
            let begun = Instant::now();
            measure(&plan, &mut summary)?;
            summary.write(&file)?;
            eprintln!("   {} s", begun.elapsed().as_secs());
        }
    }
    summary.print();
    println!("{}", file.display());
    Ok(())
}
