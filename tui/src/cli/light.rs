//! `light`: whether a member's folder keeps the whole log, or own entries and proofs only (N-220).

use althing_node::api::{LightView, Request};
use clap::Subcommand;
use serde_json::json;

use super::args::Global;
use super::console::Console;
use super::failure::Failure;
use super::node::Caller;
use super::password::data_folder;
use super::{review, show};
use crate::backend::Backend;
use crate::format::{entries, thousands};
use crate::untrusted::Untrusted;

/// `light`.
#[derive(Debug, Subcommand)]
pub enum LightCommand {
    /// What this folder holds by itself: own entries with receipts, and proofs; also without the hub.
    Show,
    /// Keep own entries and proofs only, from the next start of the node on; the log leaves the folder.
    On,
    /// Keep the whole log again, from the next start of the node on; it is fetched from the hub.
    Off,
}

/// Carries the command out.
pub(super) fn light(
    global: &Global,
    command: &LightCommand,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let switch = match command {
        LightCommand::Show => {
            let reply = Caller::connect_at_once(global, backend, console)?.call(Request::Light)?;
            return console.answer(&reply, || show::reply(&reply));
        }
        LightCommand::On => true,
        LightCommand::Off => false,
    };
    let data = data_folder(global)?;
    if switch && !backend.light(&data, None)? {
        review::confirm(console, "Become a light member", &effects(), "light", global.yes)?;
    }
    let light = backend.light(&data, Some(switch))?;
    console.answer(&json!({ "light": light }), || {
        vec![match light {
            true => "From the next start of the node on this folder keeps own entries and proofs only.".to_owned(),
            false => "From the next start of the node on this folder keeps the whole log, which is fetched from the hub then.".to_owned(),
        }]
    })
}

/// What a light member is, and what it cannot do.
pub(super) fn effects() -> Vec<String> {
    [
        "With the next start of the node the log leaves this folder. Own entries with their receipts, the hub's signed heads, the proposals, \
         and proofs of your ballots and of results stay.",
        "At each start the log is read from the hub again and checked whole, as it is now, before anything is signed. That takes time and traffic.",
        "Without the hub you see what this folder holds, checked by proof: `althing light show`.",
        "A light member cannot give a hub that lost its disk the log back, beyond its own entries; it cannot audit, nor export tiles. Somebody \
         has to keep the whole log: if only light members are left, the history is lost with the hub.",
        "`althing light off` takes it back; the whole log is then fetched again.",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What a folder holds, in words.
pub(super) fn held(view: &LightView) -> Vec<String> {
    let mut lines = match &view.light {
        Some(light) if light.reads_anew => vec![format!(
            "Light member; {} of at least {} entries of the log are read since the start. What follows is what this folder holds, checked by proof.",
            thousands(u128::from(light.read)),
            thousands(u128::from(light.at_least))
        )],
        Some(light) => vec![format!("Light member; the log is read and checked: {}, not kept.", entries(light.read))],
        None => vec!["This folder keeps the whole log; `althing light on` changes that.".to_owned()],
    };
    lines.push(format!(
        "Own entries with receipts: {}. Proposals, heads and replaced keys: {}.",
        view.own.len(),
        thousands(u128::from(view.others))
    ));
    lines.extend(view.own.iter().map(|own| {
        format!(
            "  {}  {} at position {}, anchored by height {}",
            Untrusted::new(&own.entry).line().get(..8).unwrap_or_default(),
            Untrusted::new(&own.kind),
            thousands(u128::from(own.position)),
            thousands(u128::from(own.anchored_by_height))
        )
    }));
    for proof in &view.proofs {
        let what = if proof.own_ballot { "own ballot" } else { "result" };
        lines.push(format!(
            "#{} {} ({what}, epoch {}): checked by proof",
            proof.number,
            Untrusted::new(&proof.title),
            proof.epoch
        ));
        lines.push(format!("    {}", show::sentence(&proof.words)));
    }
    lines
}
