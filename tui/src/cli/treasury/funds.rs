//! Proof of funds without asking anybody: a robot signs for each final epoch, and a folder of such files shows the newest proof (T-84).

use std::path::{Path, PathBuf};

use althing_node::api::{Funds, Reply, Request, TreasuryReply, TreasuryRequest};
use althing_node::keys::Keys;
use althing_node::treasury::funds::{differences, files_in};
use althing_node::treasury::key::Signer;
use althing_node::treasury::ownership::{check, sign};
use althing_node::treasury::text::psbt_text;
use anyhow::Context as _;

use super::ownership::judge_funds;
use super::{call, psbt_of, rule_error};
use crate::backend::Backend;
use crate::cli::args::Global;
use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::node::{Caller, other_kind};
use crate::cli::password::{data_folder, password};

/// A robot's part of each proof.
pub(super) struct Answering {
    folder: PathBuf,
    signer: Signer,
    /// The newest epoch that it has signed for.
    answered: Option<u32>,
}

impl Answering {
    pub(super) fn new(
        global: &Global,
        folder: &Path,
        backend: &dyn Backend,
        console: &mut Console<'_>,
    ) -> Result<Self, Failure> {
        let keys = Keys::open(&data_folder(global)?, &password(global, backend, console)?)?;
        Ok(Self { folder: folder.to_owned(), signer: Signer::new(&keys), answered: None })
    }

    /// Signs for the newest final epoch, if it did not yet. Says whether it did now.
    pub(super) fn look(&mut self, caller: &Caller, console: &mut Console<'_>) -> Result<bool, Failure> {
        let Reply::Status(status) = caller.call(Request::Status)? else { return Err(other_kind()) };
        let Some(epoch) = status.final_epoch.filter(|epoch| self.answered < Some(*epoch)) else { return Ok(false) };
        let funds = funds(caller, epoch)?;
        let out = self.folder.join(format!("funds-{epoch}-{}.psbt", self.signer.public().fingerprint));
        self.answered = Some(epoch);
        if out.exists() {
            return Ok(false);
        }
        let signed = sign(&funds.descriptor, &funds.message, &funds.psbt, &self.signer);
        let signed = psbt_text(&signed.map_err(|error| Failure(rule_error(&error)))?);
        // Whoever collects the files finds whole ones only.
        let part = out.with_extension("part");
        std::fs::write(&part, signed).with_context(|| format!("writing {}", part.display()))?;
        std::fs::rename(&part, &out).with_context(|| format!("writing {}", out.display()))?;
        console.note(&format!("epoch {epoch}: signed for the funds"));
        Ok(true)
    }
}

/// The newest epoch of which the files in a folder are a proof of funds by this node's own chain; else of the newest that has files, what is missing.
pub(super) fn newest(caller: &Caller, folder: &Path, console: &mut Console<'_>) -> Result<u8, Failure> {
    let refuse = |error: anyhow::Error| Failure(rule_error(&error));
    let mut shown = None;
    for (epoch, files) in files_in(folder)?.into_iter().rev() {
        let funds = funds(caller, epoch)?;
        let texts: Vec<String> = files.iter().map(|file| psbt_of(file, console)).collect::<Result<_, _>>()?;
        let report = check(&funds.descriptor, &funds.message, &texts).map_err(refuse)?;
        let holds = report.is_complete && differences(&funds, &report).is_empty();
        if holds {
            return judge_funds(&report, &funds, console);
        }
        shown.get_or_insert((report, funds));
    }
    match shown {
        Some((report, funds)) => judge_funds(&report, &funds, console),
        None => Err(Failure::usage("There is no file funds-EPOCH-*.psbt in that folder.")),
    }
}

fn funds(caller: &Caller, epoch: u32) -> Result<Funds, Failure> {
    match call(caller, TreasuryRequest::Funds { epoch: Some(epoch) })? {
        TreasuryReply::Funds(funds) => Ok(*funds),
        _ => Err(other_kind()),
    }
}
