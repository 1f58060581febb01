//! Signatures that move nothing: the test of every key at the setup, and proof of funds.

use std::path::PathBuf;

use althing_node::api::{Funds, TreasuryReply, TreasuryRequest};
use althing_node::keys::Keys;
use althing_node::treasury::funds::differences;
use althing_node::treasury::key::Signer;
use althing_node::treasury::ownership::{OwnershipReport, check, open, sign};
use althing_node::treasury::text::psbt_text;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{call, psbt_of, rule_error};
use crate::backend::Backend;
use crate::cli::args::Global;
use crate::cli::console::Console;
use crate::cli::failure::{Failure, INVALID, OK};
use crate::cli::node::{Caller, other_kind};
use crate::cli::password::{data_folder, password};
use crate::format::{count_of, thousands};

/// `treasury ownership`.
#[derive(Debug, Subcommand)]
pub enum OwnershipCommand {
    /// Write the PSBT that every treasurer signs.
    Open {
        /// What is signed.
        #[command(flatten)]
        what: What,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign that PSBT with my key. It can move nothing.
    Sign {
        /// The file.
        file: PathBuf,
        /// What is signed.
        #[command(flatten)]
        what: What,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Of a folder in which robots' proofs of funds arrive, the newest one that holds by this node's chain: epoch, sum, who signed.
    Newest {
        /// The folder.
        folder: PathBuf,
    },
    /// Say which keys signed: exit 0 when all of them did, or, of a proof of funds, enough to spend all that the treasury had.
    Check {
        /// The signed files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// What is signed.
        #[command(flatten)]
        what: What,
    },
}

/// What is signed.
#[derive(Debug, Clone, Args)]
pub struct What {
    /// The message, such as the hash of an epoch header.
    #[arg(long, default_value = "althing treasury setup")]
    pub message: String,
    /// The treasury's descriptor; the one in force when absent.
    #[arg(long, value_name = "TEXT")]
    pub descriptor: Option<String>,
    /// Proof of funds: the hash of this epoch's header, and every coin that the treasury had when it closed, by this node's
    /// chain. Without a number, of the newest final epoch.
    #[arg(long, value_name = "EPOCH", num_args = 0..=1, require_equals = true, conflicts_with_all = ["message", "descriptor"])]
    pub funds: Option<Option<u32>>,
}

/// What is signed, with all that is needed to know it again.
struct Subject {
    message: String,
    descriptor: String,
    funds: Option<Funds>,
}

pub(super) fn run(
    global: &Global,
    command: OwnershipCommand,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let refuse = |error: anyhow::Error| Failure(rule_error(&error));
    match command {
        OwnershipCommand::Open { what, out } => {
            let subject = subject(global, &what, backend, console)?;
            let text = match &subject.funds {
                Some(funds) => funds.psbt.clone(),
                None => psbt_text(&open(&subject.descriptor, &subject.message, &[]).map_err(refuse)?),
            };
            std::fs::write(&out, &text).with_context(|| format!("writing {}", out.display()))?;
            let epoch = subject.funds.as_ref().map(|funds| funds.epoch);
            console.answer(&json!({ "path": out, "epoch": epoch, "message": subject.message }), || {
                let mut lines = vec![format!("Written to {}.", out.display())];
                lines.extend(epoch.map(|epoch| format!("It is signed and checked with --funds={epoch}.")));
                lines
            })
        }
        OwnershipCommand::Sign { file, what, out } => {
            let subject = subject(global, &what, backend, console)?;
            let psbt = psbt_of(&file, console)?;
            let keys = Keys::open(&data_folder(global)?, &password(global, backend, console)?)?;
            let signer = Signer::new(&keys);
            let signed = sign(&subject.descriptor, &subject.message, &psbt, &signer).map_err(refuse)?;
            std::fs::write(&out, psbt_text(&signed)).with_context(|| format!("writing {}", out.display()))?;
            console.answer(&json!({ "path": out }), || vec![format!("Signed; written to {}.", out.display())])
        }
        OwnershipCommand::Newest { folder } => {
            super::funds::newest(&Caller::connect(global, backend, console)?, &folder, console)
        }
        OwnershipCommand::Check { files, what } => {
            let subject = subject(global, &what, backend, console)?;
            let texts: Vec<String> = files.iter().map(|file| psbt_of(file, console)).collect::<Result<_, _>>()?;
            let report = check(&subject.descriptor, &subject.message, &texts).map_err(refuse)?;
            match &subject.funds {
                Some(funds) => judge_funds(&report, funds, console),
                None => judge_keys(&report, console),
            }
        }
    }
}

/// Every key has to be there.
fn judge_keys(report: &OwnershipReport, console: &mut Console<'_>) -> Result<u8, Failure> {
    let all = report.keys.iter().all(|key| key.signed);
    console.answer(report, || {
        let verdict = if all { "Every key signed." } else { "Not every key signed." };
        key_lines(report).chain([verdict.to_owned()]).collect()
    })?;
    Ok(if all { OK } else { INVALID })
}

/// Enough keys have to be there, and every coin.
pub(super) fn judge_funds(report: &OwnershipReport, funds: &Funds, console: &mut Console<'_>) -> Result<u8, Failure> {
    let differences = differences(funds, report);
    let holds = report.is_complete && differences.is_empty();
    let answer = json!({
        "epoch": funds.epoch, "height": funds.height, "keys": report.keys, "is_complete": report.is_complete,
        "coins": report.coins, "total_sat": report.total_sat, "differences": differences, "holds": holds,
    });
    console.answer(&answer, || {
        let sum = format!(
            "{} sat in {}, when epoch {} closed at height {}.",
            thousands(u128::from(report.total_sat)),
            count_of(report.coins.len() as u64, "coin"),
            funds.epoch,
            thousands(u128::from(funds.height))
        );
        let verdict = match (report.is_complete, differences.is_empty()) {
            (true, true) => "It is all that the treasury had, and these keys could spend it.",
            (false, true) => "Not enough keys signed.",
            (_, false) => "It is no proof of funds: the coins are not those that the treasury had.",
        };
        key_lines(report).chain([sum]).chain(differences.iter().cloned()).chain([verdict.to_owned()]).collect()
    })?;
    Ok(if holds { OK } else { INVALID })
}

fn key_lines(report: &OwnershipReport) -> impl Iterator<Item = String> {
    report.keys.iter().map(|key| format!("{} {}", if key.signed { "✓ signed" } else { "✗ missing" }, key.key))
}

fn subject(global: &Global, what: &What, backend: &dyn Backend, console: &mut Console<'_>) -> Result<Subject, Failure> {
    let message = what.message.clone();
    if let Some(descriptor) = &what.descriptor {
        return Ok(Subject { message, descriptor: descriptor.clone(), funds: None });
    }
    let caller = Caller::connect(global, backend, console)?;
    if let Some(epoch) = what.funds {
        let TreasuryReply::Funds(funds) = call(&caller, TreasuryRequest::Funds { epoch })? else {
            return Err(other_kind());
        };
        let (message, descriptor) = (funds.message.clone(), funds.descriptor.clone());
        return Ok(Subject { message, descriptor, funds: Some(*funds) });
    }
    match call(&caller, TreasuryRequest::Overview)? {
        TreasuryReply::Overview(overview) => {
            Ok(Subject { message, descriptor: overview.policy.descriptor, funds: None })
        }
        _ => Err(other_kind()),
    }
}
