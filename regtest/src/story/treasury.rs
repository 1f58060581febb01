//! From a decision to a payment: a session, two treasurers' signatures, the transaction, and the note in the log.

use std::path::Path;
use std::time::Duration;

use althing_node::api::{CheckReport, Choice, DraftEffect, DraftOutput, Flow, ProposalDraft, ProposalState, WaitFor};
use anyhow::{Context, Result, ensure};
use bitcoin::Amount;
use serde::Serialize;
use serde_json::Value;

use super::actor::Actor;
use super::assembly::Assembly;
use super::found::{regtest_address, utf8};
use crate::wait::{Look, wait_for};

/// Blocks from the last ballot until a payment is authorised, and from its transaction until the log says so.
const WITHIN_BLOCKS: u32 = 90;

/// A payment out of the treasury.
#[derive(Debug, Clone, Serialize)]
pub struct SpendReport {
    /// The proposal, hex.
    pub proposal: String,
    /// Hash of the intent that was decided, hex.
    pub intent: String,
    /// The PSBT with all signatures, base64.
    pub psbt: String,
    /// The transaction.
    pub txid: String,
    /// Height of its block.
    pub height: u32,
}

impl Actor {
    /// Runs a command that must succeed, and gives its answer as JSON.
    ///
    /// # Errors
    /// When it does not succeed.
    pub fn command(&self, arguments: &[&str]) -> Result<Value> {
        self.cli().json(arguments).with_context(|| format!("{}: {arguments:?}", self.name()))
    }

    /// What left the treasury, as this node judges it.
    ///
    /// # Errors
    /// When the node does not answer.
    pub fn treasury_flows(&self) -> Result<Vec<Flow>> {
        let answer = self.command(&["treasury", "flows"])?;
        Ok(serde_json::from_value(answer["flows"].clone())?)
    }
}

/// Pays money into the treasury and waits until everybody has seen it.
///
/// # Errors
/// When a node does not follow.
pub fn fund_treasury(assembly: &Assembly, sat: u64) -> Result<bitcoin::OutPoint> {
    let answer = assembly.members[0].command(&["treasury", "address"])?;
    let address = answer["address"].as_str().context("an address")?.to_owned();
    let coin = assembly.node.fund(&regtest_address(&address)?, Amount::from_sat(sat))?;
    assembly.settle()?;
    Ok(coin)
}

/// Proposes a payment, lets everybody vote for it, and mines until it is authorised in a final epoch.
///
/// # Errors
/// When it is not.
pub fn authorise(assembly: &Assembly, title: &str, outputs: &[(String, u64)], fee_cap_sat: u64) -> Result<String> {
    let outputs =
        outputs.iter().map(|(address, sat)| DraftOutput { address: address.clone(), amount_sat: *sat }).collect();
    let effects = vec![DraftEffect::Spend { outputs, fee_cap_sat }];
    let proposal = assembly.members[2].propose(ProposalDraft::question(title, "As discussed.", effects))?;
    assembly.mine(1)?;
    assembly.mine_until("voting to open", WITHIN_BLOCKS, || {
        let open = assembly.members[0].has_seen(WaitFor::VotingOpen(proposal.id.clone()))?;
        Ok(open.then_some(()))
    })?;
    assembly.at_once(|_, member| member.vote(&proposal.id, Choice::Yes, None).map(drop))?;
    await_authorised(assembly, &proposal.id)?;
    Ok(proposal.id)
}

/// Mines until a payment is authorised in a final epoch.
///
/// # Errors
/// When it is not.
pub fn await_authorised(assembly: &Assembly, proposal: &str) -> Result<()> {
    assembly.mine_until("the payment authorised in a final epoch", WITHIN_BLOCKS, || {
        for member in &assembly.members {
            let found = member.proposal(proposal)?;
            let payments = member.command(&["treasury", "balance"])?["payments"].clone();
            let known = payments.as_array().is_some_and(|list| list.iter().any(|p| p["proposal"] == proposal));
            if found.state != ProposalState::Authorised || !known {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

/// Opens a session for an authorised payment at the first treasurer, lets the second sign a file, combines and broadcasts.
///
/// # Errors
/// When a step fails.
pub fn pay(assembly: &Assembly, proposal: &str, folder: &Path) -> Result<SpendReport> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let base = folder.join(format!("{}-base.psbt", &proposal[..8]));
    let open = ["treasury", "session", "open", proposal, "--fee-rate", "3", "--out", &utf8(&base)?];
    let opened = assembly.members[0].command(&open)?;
    carry_out(assembly, proposal, opened["id"].as_str().context("a session")?, &base)
}

/// Two treasurers sign a session, whoever opened it, and one block mines it. `base` has its PSBT.
///
/// # Errors
/// When a node refuses, or the payment is not made by the session.
pub fn carry_out(assembly: &Assembly, proposal: &str, id: &str, base: &Path) -> Result<SpendReport> {
    let [first, second] = &assembly.members[..2] else { anyhow::bail!("two treasurers") };
    let (id, signed) = (id.to_owned(), utf8(&base.with_extension("signed.psbt"))?);
    let base = utf8(base)?;
    wait_for("the session at both treasurers", Duration::from_secs(60), || {
        let known = |actor: &Actor| actor.command(&["treasury", "session", "show", &id]);
        match (known(first), known(second)) {
            (Ok(_), Ok(_)) => Look::Ready(()),
            others => Look::NotYet(format!("{others:?}")),
        }
    })?;
    first.command(&["treasury", "session", "sign", &id, "--yes"])?;
    second.command(&["treasury", "session", "sign", &base, "--out", &signed, "--yes"])?;
    let complete = first.command(&["treasury", "session", "combine", &signed])?;
    ensure!(complete["state"] == "complete", "after two signatures: {complete}");
    let sent = first.command(&["treasury", "session", "broadcast", &id, "--yes"])?;
    ensure!(sent["state"] == "broadcast", "{sent}");
    let psbt = complete["psbt"].as_str().context("a PSBT")?.to_owned();
    assembly.mine(1)?;
    let height = assembly.node.tip()?.height;
    let payments = first.command(&["treasury", "balance"])?["payments"].clone();
    let payment = payments.as_array().and_then(|list| list.iter().find(|p| p["proposal"] == proposal).cloned());
    let payment = payment.with_context(|| format!("{proposal} is not among {payments}"))?;
    ensure!(payment["state"] == "mined" && payment["txid"] == id.as_str(), "{payment}");
    let intent = payment["intent"].as_str().context("an intent")?.to_owned();
    Ok(SpendReport { proposal: proposal.to_owned(), intent, psbt, txid: id, height })
}

/// Mines until the log of every member says that a payment was executed.
///
/// # Errors
/// When it does not.
pub fn await_executed(assembly: &Assembly, proposal: &str) -> Result<()> {
    assembly.mine_until("the payment noted as executed", WITHIN_BLOCKS, || {
        for member in &assembly.members {
            if member.proposal(proposal)?.state != ProposalState::Executed {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

/// The check of a PSBT file offline; with the exit code.
///
/// # Errors
/// When the command cannot be run, or answers something else.
pub fn check_psbt(actor: &Actor, file: &Path, more: &[&str]) -> Result<(Option<i32>, CheckReport)> {
    let file = utf8(file)?;
    let arguments = [&["psbt", "check", file.as_str()], more, &["--json"]].concat();
    let ran = actor.cli().run(&arguments)?;
    let report = serde_json::from_str(&ran.stdout).with_context(|| format!("{ran:?}"))?;
    Ok((ran.code, report))
}
