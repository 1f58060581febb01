//! Commands about a hub that does not do its part, and about gates.

use std::path::{Path, PathBuf};

use althing_node::api::{Forced, Gate, GateRequest, RecourseRequest, Reply, Request};
use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::args::Global;
use super::console::Console;
use super::failure::Failure;
use super::node::{Caller, other_kind};
use super::say::permitted;
use super::{local, review, show};
use crate::backend::Backend;
use crate::format::sats;
use crate::untrusted::Untrusted;

/// `force`.
#[derive(Debug, Args)]
pub struct ForceArgs {
    /// `last` for my entry that the hub has not acknowledged, the id of an entry of mine, or a file with any whole entry, hex.
    pub entry: String,
    /// Fee rate of the transaction, sat/vB; what seems to be needed if absent.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub fee_rate: Option<u64>,
    /// Only write the whole entry to a file, hex, for others: they note it (`seen`) or put it on Bitcoin.
    #[arg(long, value_name = "FILE", conflicts_with = "fee_rate")]
    pub out: Option<PathBuf>,
}

/// `gates`.
#[derive(Debug, Subcommand)]
pub enum GatesCommand {
    /// Every gate, in the order in which payments get them.
    List,
    /// Hub: note in the log which gates a mined transaction of the treasury made, and which it took back.
    Refill {
        /// The transaction's id.
        txid: String,
        /// An output of it that is a gate from now on; may be given again.
        #[arg(long = "output", value_name = "N")]
        outputs: Vec<u32>,
    },
}

/// `althing force`.
pub(super) fn force(
    args: ForceArgs,
    global: &Global,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let caller = Caller::connect(global, backend, console)?;
    let entry = match Path::new(&args.entry).is_file() {
        true => local::read_file(&PathBuf::from(&args.entry))?.trim().to_owned(),
        false => args.entry,
    };
    if let Some(out) = &args.out {
        let Reply::WholeEntry(whole) = caller.call(Request::Recourse(RecourseRequest::Entry { entry }))? else {
            return Err(other_kind());
        };
        std::fs::write(out, format!("{}\n", whole.bytes)).with_context(|| format!("writing {}", out.display()))?;
        let reply = Reply::WholeEntry(whole);
        return console.answer(&reply, || show::reply(&reply));
    }
    let ask = |only_review| {
        let (entry, fee_rate_sat_vb) = (entry.clone(), args.fee_rate);
        let request = RecourseRequest::Force { entry, fee_rate_sat_vb, only_review };
        match caller.call(Request::Recourse(request))? {
            Reply::Forced(forced) => Ok(*forced),
            _ => Err(other_kind()),
        }
    };
    let planned: Forced = ask(true)?;
    review::confirm(console, "Put an entry on Bitcoin", &planned.sentences, "force", caller.assume_yes)?;
    let reply = Reply::Forced(Box::new(ask(false)?));
    console.answer(&reply, || show::reply(&reply))
}

/// `althing fraud`.
pub(super) fn fraud(
    file: &Path,
    global: &Global,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let caller = Caller::connect(global, backend, console)?;
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let proof = althing_node::keys::hex(&bytes);
    let ask = |only_review| Request::Recourse(RecourseRequest::Fraud { proof: proof.clone(), only_review });
    reviewed(&caller, "Prove the hub's fraud to the log", "prove", ask, console)
}

/// `althing gates`.
pub(super) fn gates(
    command: GatesCommand,
    global: &Global,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    match command {
        GatesCommand::List => {
            let reply = Caller::connect(global, backend, console)?.call(Request::Gates(GateRequest::List))?;
            console.answer(&reply, || show::reply(&reply))
        }
        GatesCommand::Refill { txid, outputs } => {
            let caller = Caller::attach(global, backend)?;
            let ask = |only_review| {
                let (txid, outputs) = (txid.clone(), outputs.clone());
                Request::Gates(GateRequest::Refill { txid, outputs, only_review })
            };
            reviewed(&caller, "Note gates of the treasury", "refill", ask, console)
        }
    }
}

/// The node says what the order would do, or why the rules refuse it; the word is typed; the node does it.
fn reviewed(
    caller: &Caller,
    title: &str,
    word: &str,
    ask: impl Fn(bool) -> Request,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let Reply::SayReview(effects) = caller.call(ask(true))? else { return Err(other_kind()) };
    permitted(effects.refusal.as_ref())?;
    review::confirm(console, title, &effects.sentences, word, caller.assume_yes)?;
    let reply = caller.call(ask(false))?;
    console.answer(&reply, || show::reply(&reply))
}

/// An entry on its way to Bitcoin.
pub(super) fn forced(forced: &Forced) -> Vec<String> {
    let (entry, kind) = (Untrusted::new(&forced.entry), Untrusted::new(&forced.kind));
    let mut lines = match &forced.txid {
        Some(txid) => {
            vec![format!("Entry {entry} ({kind}) is on its way to Bitcoin, in transaction {}.", Untrusted::new(txid))]
        }
        None => forced.sentences.iter().map(show::sentence).collect(),
    };
    lines.push(format!("It pays {} for {} vB, {} sat/vB.", sats(forced.fee_sat), forced.vsize, forced.fee_rate_sat_vb));
    lines
}

/// Gates, a line each.
pub(super) fn gate_list(gates: &[Gate]) -> Vec<String> {
    let line = |gate: &Gate| {
        let origin = if gate.refilled { ", of a refill" } else { "" };
        let given = gate.proposal.as_ref().map_or_else(String::new, |id| format!(": proposal {}", Untrusted::new(id)));
        format!("{} {}{origin}{given}", Untrusted::new(&gate.outpoint), Untrusted::new(&gate.state))
    };
    super::show::or(gates.iter().map(line).collect(), "The treasury has no gates; a charter names how many (G-108).")
}
