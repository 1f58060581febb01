//! Load on a hub of this machine: how many signed votes a second it takes in, and how long each waits for its receipt.

use std::path::PathBuf;

use althing_node::bench::{Forgers, LoadReport, Pace, Scale, Session, Voting, Way, World};
use clap::{Args, Subcommand};

use super::console::Console;
use super::failure::Failure;

/// Measures.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Votes signed beforehand into a hub made for it: signed, checked, ordered, durable, under a Merkle root, receipted.
    Load(Load),
}

/// What load.
#[derive(Debug, Args)]
pub struct Load {
    /// Members with a stake.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    members: u32,
    /// Open proposals; 1 for one that everybody votes on.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    proposals: u32,
    /// Votes; more than there are members are several of each.
    #[arg(long, default_value_t = 500_000)]
    votes: usize,
    /// Votes of one member side by side, as in the traffic of a channel.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    turn: u64,
    /// Votes a second, sent whether or not the hub keeps up; as many as it takes when not given.
    #[arg(long)]
    rate: Option<f64>,
    /// Peers that send the votes.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    peers: u16,
    /// Forged votes beside each vote, such as 0.01.
    #[arg(long, default_value_t = 0.0, conflicts_with = "loopback")]
    forged: f64,
    /// Each forged vote comes from a peer not heard of before, instead of all from one.
    #[arg(long)]
    newcomers: bool,
    /// Over encrypted connections on the loopback, whose other ends compute on the same cores; else by the door behind them.
    #[arg(long)]
    loopback: bool,
    /// Folder for the hub, kept afterwards, which must not have keys yet; else one that is deleted.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Carries it out.
pub(super) fn bench(Bench::Load(load): Bench, console: &mut Console<'_>) -> Result<u8, Failure> {
    let scratch = tempfile::tempdir().map_err(anyhow::Error::from)?;
    let dir = load.dir.clone().unwrap_or_else(|| scratch.path().join("hub"));
    let scale = Scale { members: load.members, proposals: load.proposals };
    let world = World::found(&dir, scale, &mut |what| console.note(&format!("Making {what}.")))?;
    console.note(&format!("Signing {} votes.", load.votes));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let votes = Voting::of(&world).sign_in_turns(load.votes, threads, load.turn);
    console.note("Starting the hub, which checks its log.");
    let way = if load.loopback { Way::Loopback } else { Way::InProcess };
    let mut session = Session::open(&world, usize::from(load.peers), way)?;
    if load.newcomers {
        session.prepare_newcomers((load.votes as f64 * load.forged).ceil() as usize);
    }
    console.note("Sending.");
    let forger = if load.newcomers { Forgers::Newcomers } else { Forgers::One };
    let report = session.run(&votes, Pace { rate: load.rate, forged: load.forged, forgers: forger })?;
    session.close()?;
    console.answer(&report, || words(&report))
}

fn words(report: &LoadReport) -> Vec<String> {
    let latency = report.latency;
    let mut lines = vec![
        format!(
            "{} of {} votes have a receipt, in {:.2} s: {:.0} votes/s, {:.0} signatures/s.",
            report.receipted, report.votes, report.seconds, report.votes_per_second, report.signatures_per_second
        ),
        format!(
            "Waited for the receipt: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, longest {:.1} ms.",
            latency.p50, latency.p90, latency.p99, latency.p999, latency.max
        ),
        format!("{} receipts were checked afterwards, and hold.", report.receipts_checked),
    ];
    if report.forged > 0 {
        lines.push(format!("{} of {} forged votes were refused.", report.refused, report.forged));
    }
    let micros = |seconds: &f64| seconds * 1e6 / report.receipted.max(1) as f64;
    lines.extend(
        report.cpu.iter().map(|(name, s)| format!("{:.2} us of each vote were computed by {name}.", micros(s))),
    );
    lines.extend(report.troubles.iter().map(|(what, count)| format!("{count} times: {what}")));
    lines
}
