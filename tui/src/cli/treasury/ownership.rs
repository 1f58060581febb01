//! Signatures that move nothing: the test of every key at the setup, and proof of funds.

use std::path::PathBuf;

use althing_node::api::{TreasuryReply, TreasuryRequest};
use althing_node::keys::Keys;
use althing_node::treasury::key::Signer;
use althing_node::treasury::ownership::{check, open, sign};
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

/// `treasury ownership`.
#[derive(Debug, Subcommand)]
pub enum OwnershipCommand {
    /// Write the PSBT that every treasurer signs.
    Open {
        /// What is signed.
        #[command(flatten)]
        what: What,
        /// Show that the treasury's coins can be spent too (proof of funds); asks the node.
        #[arg(long, conflicts_with = "descriptor")]
        funds: bool,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign it with my key. It can move nothing.
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
    /// Say which keys signed: exit 0 when all of them did, or, of a proof of funds, enough to spend.
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
}

pub(super) fn run(
    global: &Global,
    command: OwnershipCommand,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let refuse = |error: anyhow::Error| Failure(rule_error(&error));
    match command {
        OwnershipCommand::Open { what, funds, out } => {
            let text = match (&what.descriptor, funds) {
                (Some(descriptor), _) => psbt_text(&open(descriptor, &what.message, &[]).map_err(refuse)?),
                (None, _) => {
                    let caller = Caller::connect(global, backend, console)?;
                    let ask = TreasuryRequest::Ownership { message: what.message.clone(), funds };
                    let TreasuryReply::Ownership { psbt } = call(&caller, ask)? else { return Err(other_kind()) };
                    psbt
                }
            };
            std::fs::write(&out, &text).with_context(|| format!("writing {}", out.display()))?;
            console.answer(&json!({ "path": out }), || vec![format!("Written to {}.", out.display())])
        }
        OwnershipCommand::Sign { file, what, out } => {
            let descriptor = descriptor(global, &what, backend, console)?;
            let psbt = psbt_of(&file, console)?;
            let keys = Keys::open(&data_folder(global)?, &password(global, backend, console)?)?;
            let signed = sign(&descriptor, &what.message, &psbt, &Signer::new(&keys)).map_err(refuse)?;
            std::fs::write(&out, psbt_text(&signed)).with_context(|| format!("writing {}", out.display()))?;
            console.answer(&json!({ "path": out }), || vec![format!("Signed; written to {}.", out.display())])
        }
        OwnershipCommand::Check { files, what } => {
            let descriptor = descriptor(global, &what, backend, console)?;
            let texts: Vec<String> = files.iter().map(|file| psbt_of(file, console)).collect::<Result<_, _>>()?;
            let report = check(&descriptor, &what.message, &texts).map_err(refuse)?;
            console.answer(&report, || {
                let mut lines: Vec<String> = report
                    .keys
                    .iter()
                    .map(|key| format!("{} {}", if key.signed { "✓ signed" } else { "✗ missing" }, key.key))
                    .collect();
                if !report.coins.is_empty() {
                    lines.push(format!("{} sat in {} coins", report.total_sat, report.coins.len()));
                }
                lines.push(if report.is_complete {
                    "The treasury can spend.".into()
                } else {
                    "Not enough keys signed.".into()
                });
                lines
            })?;
            let done =
                if report.coins.is_empty() { report.keys.iter().all(|key| key.signed) } else { report.is_complete };
            Ok(if done { OK } else { INVALID })
        }
    }
}

fn descriptor(
    global: &Global,
    what: &What,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<String, Failure> {
    if let Some(descriptor) = &what.descriptor {
        return Ok(descriptor.clone());
    }
    let caller = Caller::connect(global, backend, console)?;
    match call(&caller, TreasuryRequest::Overview)? {
        TreasuryReply::Overview(overview) => Ok(overview.policy.descriptor),
        _ => Err(other_kind()),
    }
}
