//! The treasury's commands.

mod args;
mod funds;
mod ownership;
mod qr;
mod robot;
mod words;

pub(super) use args::{PsbtCommand, SessionCommand, TreasurerArgs, TreasuryCommand};
pub(super) use ownership::OwnershipCommand;
pub(super) use robot::run as run_robot;
pub(super) use words::reply as lines;

use std::io::Read as _;
use std::path::Path;

use althing_node::api::{ApiError, PolicySource, Reply, Request, SessionView, TreasuryReply, TreasuryRequest};
use althing_node::config::Config;
use althing_node::dao::Dao;
use althing_node::keys::Keys;
use althing_node::treasury::exchange::{self, Form};
use althing_node::treasury::key::Signer;
use althing_node::treasury::offline::{StatedGates, check_file};
use althing_node::treasury::policy::{treasury, view};
use althing_node::treasury::text::{MAX_PSBT_BYTES, payout_text, psbt_from, psbt_text};
use anyhow::Context as _;
use serde_json::json;

use self::args::{BondArgs, FormArg, GateArg, LabelCommand, PolicyArgs, PsbtCheck};
use super::args::Global;
use super::console::Console;
use super::failure::{Failure, verdict_code};
use super::node::{Caller, other_kind};
use super::password::{data_folder, password};
use super::{local, review};
use crate::backend::Backend;
use crate::labels;

/// Carries out a command of the treasury.
pub(super) fn run(
    global: &Global,
    command: TreasuryCommand,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let ask = match command {
        TreasuryCommand::Key => return key(global, backend, console),
        TreasuryCommand::Policy(args) => match source(&args)? {
            Some(source) => return policy(&source, &args, console),
            None => {
                let reply = call(&Caller::connect(global, backend, console)?, TreasuryRequest::Overview)?;
                return console.answer(&reply, || match &reply {
                    TreasuryReply::Overview(found) => words::policy(&found.policy),
                    other => words::reply(other),
                });
            }
        },
        TreasuryCommand::Balance => TreasuryRequest::Overview,
        TreasuryCommand::Address => TreasuryRequest::Address,
        TreasuryCommand::Utxos => TreasuryRequest::Coins,
        TreasuryCommand::Freeze { outpoint, reason } => TreasuryRequest::Freeze { outpoint, reason: Some(reason) },
        TreasuryCommand::Thaw { outpoint } => TreasuryRequest::Freeze { outpoint, reason: None },
        TreasuryCommand::Flows => TreasuryRequest::Flows,
        TreasuryCommand::Bond(args) => return bond(global, &args, backend, console),
        TreasuryCommand::Labels(labels) => return label_files(global, &labels, backend, console),
        TreasuryCommand::Ownership(command) => return ownership::run(global, command, backend, console),
        TreasuryCommand::Export { form, descriptor, name, network, out } => {
            let descriptor = match descriptor {
                Some(descriptor) => descriptor,
                None => match call(&Caller::connect(global, backend, console)?, TreasuryRequest::Overview)? {
                    TreasuryReply::Overview(overview) => overview.policy.descriptor,
                    _ => return Err(other_kind()),
                },
            };
            let made = treasury(&PolicySource::Descriptor(descriptor)).map_err(|error| Failure(rule_error(&error)))?;
            let network = althing_node::setup::parse_network(&network_of(global, network))?;
            let text = exchange::write(&made, form.into(), &name, network);
            let text = text.map_err(|error| Failure(rule_error(&error)))?;
            std::fs::write(&out, text).with_context(|| format!("writing {}", out.display()))?;
            return console.answer(&json!({ "path": out }), || vec![format!("Written to {}.", out.display())]);
        }
        TreasuryCommand::Import { file, network } => {
            let network = althing_node::setup::parse_network(&network_of(global, network))?;
            let text = local::read_file(&file)?;
            // Only an encrypted backup needs the keys.
            let signer = match text.contains("hidden_secrets") {
                true => Some(Signer::new(&Keys::open(&data_folder(global)?, &password(global, backend, console)?)?)),
                false => None,
            };
            let made = exchange::read(&text, network, signer.as_ref());
            let made = made.map_err(|error| Failure(rule_error(&error)))?;
            let policy = view(&made, network, 3, None)?;
            return console.answer(&policy, || words::policy(&policy));
        }
        TreasuryCommand::Session(session) => return run_session(global, session, backend, console),
    };
    let caller = Caller::connect(global, backend, console)?;
    let reply = call(&caller, ask)?;
    console.answer(&reply, || words::reply(&reply))
}

/// The network that was named, else that of the folder, which a policy without one is for (T-16).
fn network_of(global: &Global, named: Option<String>) -> String {
    let own = || data_folder(global).ok().and_then(|dir| Config::load(&dir).ok()).map(|config| config.network);
    named.or_else(own).unwrap_or_else(|| "bitcoin".to_owned())
}

/// The hub's bond: shown, brought, or given back.
fn bond(global: &Global, args: &BondArgs, backend: &dyn Backend, console: &mut Console<'_>) -> Result<u8, Failure> {
    let caller = Caller::connect(global, backend, console)?;
    let ask = match args {
        BondArgs { bring: true, .. } => {
            let shown = call(&caller, TreasuryRequest::BringBond { only_review: true })?;
            let title = "Pay this hub's bond into the treasury";
            review::confirm(console, title, &words::reply(&shown), "bring", caller.assume_yes)?;
            TreasuryRequest::BringBond { only_review: false }
        }
        BondArgs { give_back: true, fee_rate, .. } => TreasuryRequest::ReturnBond { fee_rate_sat_vb: *fee_rate },
        _ => {
            let TreasuryReply::Overview(found) = call(&caller, TreasuryRequest::Overview)? else {
                return Err(other_kind());
            };
            return console.answer(&found.bond, || match &found.bond {
                Some(bond) => crate::words::bond(bond),
                None => vec!["The charter asks the hub for no bond.".to_owned()],
            });
        }
    };
    let reply = call(&caller, ask)?;
    console.answer(&reply, || words::reply(&reply))
}

/// What needs no node.
pub(super) fn run_psbt(global: &Global, command: PsbtCommand, console: &mut Console<'_>) -> Result<u8, Failure> {
    match command {
        PsbtCommand::Check(check) => check_psbt(global, check, console),
        PsbtCommand::Qr { file } => qr::show(&psbt_of(&file, console)?, console),
    }
}

/// `psbt check`: offline, by the proof in the file.
fn check_psbt(global: &Global, check: PsbtCheck, console: &mut Console<'_>) -> Result<u8, Failure> {
    let PsbtCheck { file, source, gate, dao, housekeeping_cost } = check;
    let bytes = psbt_file(&file, console)?;
    let dao = dao.map(|path| -> Result<Dao, Failure> { Ok(Dao::from_json(&local::read_file(&path)?)?) }).transpose()?;
    let gates = match gate {
        None => StatedGates::Unknown,
        Some(GateArg::Unspent) => StatedGates::Unspent,
        Some(GateArg::Spent) => StatedGates::Spent,
    };
    let report = check_file(&bytes, &local::source(&source, global)?, gates, dao.as_ref(), housekeeping_cost);
    console.answer(&report, || words::check(&report))?;
    Ok(verdict_code(report.verdict))
}

impl From<FormArg> for Form {
    fn from(form: FormArg) -> Self {
        match form {
            FormArg::Descriptor => Self::Descriptor,
            FormArg::Bsms => Self::Bsms,
            FormArg::Bip388 => Self::WalletPolicy,
            FormArg::Caravan => Self::Caravan,
            FormArg::Backup => Self::Backup,
        }
    }
}

fn run_session(
    global: &Global,
    command: SessionCommand,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let caller = Caller::connect(global, backend, console)?;
    let (ask, out) = match command {
        SessionCommand::Open { payments, fee_rate, recovery, out } => {
            (TreasuryRequest::Open { payments, fee_rate_sat_vb: fee_rate, rest_blocks: recovery }, out)
        }
        SessionCommand::Housekeeping { fee_rate, below, recovery, gates, out } => {
            let ask = TreasuryRequest::OpenHousekeeping {
                fee_rate_sat_vb: fee_rate,
                below_sat: below,
                rest_blocks: recovery,
                gates,
            };
            (ask, out)
        }
        SessionCommand::List => (TreasuryRequest::Sessions, None),
        SessionCommand::Papers => (TreasuryRequest::Papers, None),
        SessionCommand::Show { session, payout: false, out } => (TreasuryRequest::Session { session }, out),
        SessionCommand::Show { session, payout: true, out } => {
            let text = payout_of(&session_of(call(&caller, TreasuryRequest::Session { session })?)?)?;
            if let Some(path) = &out {
                std::fs::write(path, &text).with_context(|| format!("writing {}", path.display()))?;
            }
            return console.answer(&json!({ "payout": text }), || vec![text.clone()]);
        }
        SessionCommand::Qr { session, payout } => {
            let shown = session_of(call(&caller, TreasuryRequest::Session { session })?)?;
            let text = if payout { payout_of(&shown)? } else { shown.psbt.unwrap_or_default() };
            return qr::show(&text, console);
        }
        SessionCommand::Sign { session, out } => (sign(&caller, session, console)?, out),
        SessionCommand::Combine { files, out } => {
            let (last, first) = files.split_last().ok_or_else(|| Failure::usage("Name the files to combine."))?;
            for file in first {
                call(&caller, TreasuryRequest::Import { psbt: psbt_of(file, console)? })?;
            }
            (TreasuryRequest::Import { psbt: psbt_of(last, console)? }, out)
        }
        SessionCommand::Refuse { session, reason } => (TreasuryRequest::Refuse { session, reason }, None),
        SessionCommand::Comment { session, text } => (TreasuryRequest::Comment { session, text }, None),
        SessionCommand::Bump { session, fee_rate, out } => {
            (TreasuryRequest::Bump { session, fee_rate_sat_vb: fee_rate }, out)
        }
        SessionCommand::Child { session, fee_rate, out } => {
            let shown = session_of(call(&caller, TreasuryRequest::Session { session })?)?;
            match &shown.payout {
                Some(_) if out.is_some() => {
                    let why = "The child of a payout is paid by this node's wallet: nobody signs it as a treasurer, and there is no PSBT to write.";
                    return Err(Failure::usage(why.to_owned()));
                }
                Some(_) => (pay_for_payout(&caller, shown.id, fee_rate, console)?, None),
                None => (TreasuryRequest::Child { session: shown.id, fee_rate_sat_vb: fee_rate }, out),
            }
        }
        SessionCommand::Return { stage, fee_rate, out } => {
            (TreasuryRequest::ReturnStaged { stage, fee_rate_sat_vb: fee_rate }, out)
        }
        SessionCommand::Broadcast { session } => {
            let shown = session_of(call(&caller, TreasuryRequest::Session { session })?)?;
            review::confirm(
                console,
                "Broadcast a transaction of the treasury",
                &words::effects(&shown),
                "broadcast",
                caller.assume_yes,
            )?;
            (TreasuryRequest::Broadcast { session: shown.id }, None)
        }
    };
    let reply = call(&caller, ask)?;
    if let (Some(path), TreasuryReply::Session(session)) = (&out, &reply) {
        let text = session.psbt.as_deref().unwrap_or_default();
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    console.answer(&reply, || words::reply(&reply))
}

/// The review before a child of this node's wallet pays for a staged payment's payout (T-100).
fn pay_for_payout(
    caller: &Caller,
    session: String,
    fee_rate_sat_vb: u64,
    console: &mut Console<'_>,
) -> Result<TreasuryRequest, Failure> {
    let ask = |only_review| TreasuryRequest::PayForPayout { session: session.clone(), fee_rate_sat_vb, only_review };
    let TreasuryReply::PayoutChild(planned) = call(caller, ask(true))? else { return Err(other_kind()) };
    let title = "Pay more for the payout of a staged payment";
    review::confirm(console, title, &words::payout_child(&planned), "child", caller.assume_yes)?;
    Ok(ask(false))
}

/// The review before a signature: what the transaction does, from parsed values, beside the decision.
fn sign(caller: &Caller, session: String, console: &mut Console<'_>) -> Result<TreasuryRequest, Failure> {
    let path = Path::new(&session);
    if path.exists() || session == "-" {
        if session == "-" && !caller.assume_yes {
            let message = "the PSBT comes by the standard input, so that no word can be typed after it: look at it with `althing psbt check`, then add --yes, or name a file";
            return Err(Failure::usage(message));
        }
        let psbt = psbt_of(path, console)?;
        let TreasuryReply::Check(report) = call(caller, TreasuryRequest::Check { psbt: psbt.clone() })? else {
            return Err(other_kind());
        };
        review::confirm(console, "Sign with my treasury key", &words::check(&report), "sign", caller.assume_yes)?;
        return Ok(TreasuryRequest::SignPsbt { psbt });
    }
    let shown = session_of(call(caller, TreasuryRequest::Session { session })?)?;
    review::confirm(console, "Sign with my treasury key", &words::effects(&shown), "sign", caller.assume_yes)?;
    Ok(TreasuryRequest::Sign { session: shown.id })
}

fn key(global: &Global, backend: &dyn Backend, console: &mut Console<'_>) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    let keys = match backend.attach(&data)? {
        Some(service) => match service.call(Request::Treasury { about: TreasuryRequest::Keys })? {
            Reply::Treasury { reply: TreasuryReply::Keys(keys) } => keys,
            _ => return Err(other_kind()),
        },
        // Before there is a DAO there is no node to ask.
        None => Signer::new(&Keys::open(&data, &password(global, backend, console)?)?).public(),
    };
    console.answer(&keys, || words::keys(&keys))
}

fn policy(source: &PolicySource, args: &PolicyArgs, console: &mut Console<'_>) -> Result<u8, Failure> {
    let network = althing_node::setup::parse_network(&args.network)?;
    let made = treasury(source).map_err(|error| Failure(rule_error(&error)))?;
    let policy = view(&made, network, args.addresses, None)?;
    console.answer(&policy, || words::policy(&policy))
}

fn source(args: &PolicyArgs) -> Result<Option<PolicySource>, Failure> {
    if let Some(descriptor) = &args.descriptor {
        return Ok(Some(PolicySource::Descriptor(descriptor.clone())));
    }
    if let Some(text) = &args.policy {
        return Ok(Some(PolicySource::Policy { taproot: args.taproot, text: text.clone() }));
    }
    let Some(threshold) = args.threshold else { return Ok(None) };
    let mut recoveries = Vec::new();
    for text in &args.recoveries {
        let (what, keys) = text.split_once(':').unwrap_or((text, ""));
        let parsed = what.split_once('@').and_then(|(k, blocks)| Some((k.parse().ok()?, blocks.parse().ok()?)));
        let (k, blocks) = parsed
            .ok_or_else(|| Failure::usage(format!("{text:?} is not of the form K@BLOCKS or K@BLOCKS:KEY,KEY.")))?;
        let keys = keys.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
        recoveries.push((k, blocks, keys));
    }
    Ok(Some(PolicySource::Template { taproot: args.taproot, threshold, keys: args.keys.clone(), recoveries }))
}

fn label_files(
    global: &Global,
    command: &LabelCommand,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let caller = Caller::connect(global, backend, console)?;
    match command {
        LabelCommand::Export { file } => {
            let TreasuryReply::Labels { labels } = call(&caller, TreasuryRequest::Labels)? else {
                return Err(other_kind());
            };
            std::fs::write(file, labels::write(&labels)).with_context(|| format!("writing {}", file.display()))?;
            let count = labels.len();
            console.answer(&json!({ "labels": count, "path": file }), || vec![format!("{count} labels written.")])
        }
        LabelCommand::Import { file } => {
            let labels = labels::read(&local::read_file(file)?).map_err(|problem| Failure::rule("T-67", problem))?;
            let count = labels.len();
            call(&caller, TreasuryRequest::SetLabels { labels })?;
            console.answer(&json!({ "labels": count }), || vec![format!("{count} labels read.")])
        }
    }
}

pub(super) fn call(caller: &Caller, about: TreasuryRequest) -> Result<TreasuryReply, Failure> {
    match caller.call(Request::Treasury { about })? {
        Reply::Treasury { reply } => Ok(reply),
        _ => Err(other_kind()),
    }
}

/// The payout beside a session's stage, as base64.
fn payout_of(session: &SessionView) -> Result<String, Failure> {
    payout_text(session.psbt.as_deref().unwrap_or_default()).map_err(|error| Failure(rule_error(&error)))
}

fn session_of(reply: TreasuryReply) -> Result<SessionView, Failure> {
    match reply {
        TreasuryReply::Session(session) => Ok(*session),
        _ => Err(other_kind()),
    }
}

/// A PSBT file as base64.
fn psbt_of(file: &Path, console: &mut Console<'_>) -> Result<String, Failure> {
    let psbt = psbt_from(&psbt_file(file, console)?).map_err(|error| Failure(rule_error(&error)))?;
    Ok(psbt_text(&psbt))
}

fn psbt_file(file: &Path, console: &mut Console<'_>) -> Result<Vec<u8>, Failure> {
    let limit = MAX_PSBT_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        (&mut *console.input).take(limit).read_to_end(&mut bytes).context("the standard input")?;
    } else {
        let opened = std::fs::File::open(file).with_context(|| format!("{} cannot be opened", file.display()))?;
        opened.take(limit).read_to_end(&mut bytes).with_context(|| format!("{} cannot be read", file.display()))?;
    }
    Ok(bytes)
}

fn rule_error(error: &anyhow::Error) -> ApiError {
    let text = format!("{error:#}");
    let rule = text.split(':').next().filter(|rule| rule.len() < 8 && rule.contains('-')).unwrap_or("T-10").to_owned();
    ApiError::invalid(&rule, text)
}
