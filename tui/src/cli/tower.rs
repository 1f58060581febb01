//! Watchtowers: running one, and naming those that watch for this folder.

use althing_node::api::{ErrorKind, Reply, Request, TowerStatus};
use clap::{Args, Subcommand};
use serde_json::json;

use super::args::Global;
use super::console::Console;
use super::failure::Failure;
use super::node::{other_kind, run_named};
use super::password::{data_folder, password};
use crate::backend::{Backend, TowerLimits};
use crate::format::{sats, thousands};
use crate::untrusted::Untrusted;

/// `tower`.
#[derive(Debug, Subcommand)]
pub enum TowerCommand {
    /// Run a tower in this folder, which has keys of its own (`althing init`), until stopped.
    Run(TowerRun),
    /// The state of the tower that runs in this folder.
    Status,
    /// Let a tower watch for this folder, from the next start of its node on.
    Add {
        /// Its address as it says it: NODE_ID@HOST:PORT.
        address: String,
    },
    /// Give a tower nothing more, from the next start of the node on; it keeps what it has.
    Remove {
        /// Its address, or its node id.
        address: String,
    },
    /// The towers that watch for this folder.
    List,
}

/// `tower run`.
#[derive(Debug, Args)]
pub struct TowerRun {
    /// Address to listen on, HOST:PORT; clients name it.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: String,
    /// Most clients.
    #[arg(long, default_value_t = 1024, value_name = "NUMBER")]
    pub clients: u32,
    /// Most blobs of one client.
    #[arg(long, default_value_t = 100_000, value_name = "NUMBER")]
    pub blobs_per_client: u64,
    /// Most bytes of one client's blobs.
    #[arg(long, default_value_t = 64 << 20, value_name = "BYTES")]
    pub bytes_per_client: u64,
    /// Blocks that a blob is kept for; clients renew theirs in time.
    #[arg(long, default_value_t = 52_560, value_name = "BLOCKS", value_parser = clap::value_parser!(u32).range(4_320..=525_600))]
    pub keep_blocks: u32,
    /// Work for this client only, by node id; may be given several times.
    #[arg(long, value_name = "NODE_ID")]
    pub only: Vec<String>,
}

/// Carries the command out.
pub(super) fn tower(
    global: &Global,
    command: TowerCommand,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    match command {
        TowerCommand::Run(options) => {
            let password = password(global, backend, console)?;
            let limits = TowerLimits {
                clients: options.clients,
                blobs_per_client: options.blobs_per_client,
                bytes_per_client: options.bytes_per_client,
                keep_blocks: options.keep_blocks,
                only: options.only,
            };
            let node = backend.start_tower(&data, &password, &options.listen, &limits)?;
            let Reply::Tower(status) = node.service().call(Request::Tower)? else {
                return Err(other_kind());
            };
            run_named(&node, "tower", json!({ "running": "tower", "address": status.address }), console)
        }
        TowerCommand::Status => {
            let Some(service) = backend.attach(&data)? else {
                return Err(Failure::usage(format!("No tower runs on {}.", data.display())));
            };
            let reply = match service.call(Request::Tower) {
                Err(error) if error.kind == ErrorKind::Ours => {
                    let why =
                        "No tower, but another node runs on this folder; `althing tower list` says who watches for it.";
                    return Err(Failure::usage(why.to_owned()));
                }
                answer => answer?,
            };
            console.answer(&reply, || super::show::reply(&reply))
        }
        TowerCommand::Add { address } => changed(console, &backend.towers(&data, Some((&address, true)))?),
        TowerCommand::Remove { address } => changed(console, &backend.towers(&data, Some((&address, false)))?),
        TowerCommand::List => named(console, &backend.towers(&data, None)?),
    }
}

fn named(console: &mut Console<'_>, towers: &[String]) -> Result<u8, Failure> {
    console.answer(&json!({ "towers": towers }), || match towers {
        [] => vec!["No tower watches for this folder; `althing tower add` asks one to.".to_owned()],
        towers => towers.iter().map(|tower| Untrusted::new(tower).line()).collect(),
    })
}

/// The towers, after a change that a node which runs does not know yet (N-172).
fn changed(console: &mut Console<'_>, towers: &[String]) -> Result<u8, Failure> {
    console.note("A node that runs takes this up when it is started again.");
    named(console, towers)
}

/// A tower's state in words.
pub(super) fn status(status: &TowerStatus) -> Vec<String> {
    let mut lines: Vec<String> = status.alarms.iter().map(|a| format!("✗ {}", super::show::sentence(a))).collect();
    let mut field = |name: &str, value: String| lines.push(format!("{name:<14}{value}"));
    field("address", Untrusted::new(&status.address).line());
    field("network", Untrusted::new(&status.network).line());
    field("tip", thousands(u128::from(status.tip_height)));
    field("clients", thousands(u128::from(status.clients)));
    field("blobs", format!("{}, {} bytes", thousands(u128::from(status.blobs)), thousands(u128::from(status.bytes))));
    field("wallet", sats(status.balance.confirmed_sat));
    for breach in &status.breaches {
        let settled = breach.settled_height.map_or_else(
            || "justice waits for a block".to_owned(),
            |height| format!("settled at {}", thousands(u128::from(height))),
        );
        field(
            "breach",
            format!("{} at {}, {settled}", Untrusted::new(&breach.commitment), thousands(u128::from(breach.height))),
        );
    }
    lines
}
