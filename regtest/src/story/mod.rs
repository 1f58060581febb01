//! A DAO from its founding to its first decisions, on a real bitcoind and with the real program.
//!
//! One story serves the demo, the end-to-end tests and anybody who wants to see how the parts are used: a hub and five
//! members, each in a process and a data directory of its own, found a DAO, lock stakes, propose, discuss and vote; the
//! hub is killed, a block is reorganised away; everybody must come to the same sums, every proof file must verify
//! offline, and every log must pass its audit. Nothing here waits by sleeping: each step waits for a condition, with a
//! deadline, and blocks are mined when everybody has seen the last one.

mod actor;
mod asking;
mod assembly;
mod cli;
mod decide;
mod found;
mod guests;
mod interactive;
mod join;
mod links;
mod motions;
mod narrator;
mod report;
pub mod rogue;
mod statements;
mod treasury;
mod verify;

use std::path::Path;

use althing_node::setup::Founded;
use anyhow::{Context, Result};

pub use actor::Actor;
pub use assembly::{Assembly, MEMBER_NAMES, at_once};
pub use cli::{Cli, PASSWORD, Ran};
pub use decide::{
    Acknowledged, Tabled, check_none_missing, conclude, propose, reorganise, vote, vote_until_acknowledged,
};
pub use found::{Periods, found, found_by, found_under, found_with, own_treasury, regtest_address};
pub use guests::{join_as_guest, newest as newest_demo};
pub use interactive::play;
pub use join::{STAKES_SAT, enter, open_stakes, reach_roll};
pub use links::check_links;
pub use motions::{ExpectedSums, Motion, motions};
pub use narrator::Narrator;
pub use report::{AuditReport, BitcoindReport, LinkReport, MemberReport, ProposalReport, Report, SumsReport};
pub use statements::{BundleReport, LastEpochs, OtsReport, bundles, last_epochs, timestamps};
pub use treasury::{
    SpendReport, authorise, await_authorised, await_executed, carry_out, check_psbt, fund_treasury, pay,
};
pub use verify::{Audit, Evidence, audit, export, verify, verify_bundles};

/// A story told to its end: everything it left behind, with bitcoind still running.
#[derive(Debug)]
pub struct Told {
    /// Everybody; hub and members are stopped.
    pub assembly: Assembly,
    /// What was verified.
    pub report: Report,
}

/// Tells the whole story in `data_dir`, which must be empty or absent; everything is verified when it returns.
///
/// # Errors
/// Names the step that failed, with the ends of all logs.
pub fn tell(data_dir: &Path) -> Result<Told> {
    let mut assembly = Assembly::gather(data_dir, Narrator::new())?;
    match tell_in(&mut assembly) {
        Ok(report) => Ok(Told { assembly, report }),
        Err(error) => Err(explain(&assembly, error)),
    }
}

/// Adds to an error what was going on and what everybody said last.
#[must_use]
pub fn explain(assembly: &Assembly, error: anyhow::Error) -> anyhow::Error {
    let (step, logs) = (assembly.narrator.current_step(), assembly.log_tails());
    error.context(format!("{logs}\n\nfailed at: {step}"))
}

/// Founds a DAO and lets five members join; their stakes are on the roll of a final epoch afterwards.
///
/// # Errors
/// As the steps.
pub fn found_and_join(assembly: &mut Assembly, periods: Periods) -> Result<Founded> {
    let founded = found(assembly, periods)?;
    enter(assembly, &founded)?;
    open_stakes(assembly)?;
    reach_roll(assembly)?;
    Ok(founded)
}

/// A fresh address that a proposal can pay from the treasury: the carpenter's, who is a member.
///
/// # Errors
/// When the node's answer is no address.
pub fn payee(assembly: &Assembly) -> Result<String> {
    assembly.members[4].wallet_address()
}

fn tell_in(assembly: &mut Assembly) -> Result<Report> {
    let founded = found_and_join(assembly, Periods::SHORT)?;
    assembly.narrator.step("paying into the treasury");
    fund_treasury(assembly, 500_000)?;
    let payee = payee(assembly)?;
    let tabled = propose(assembly, motions(&payee))?;
    vote(assembly, &tabled)?;
    reorganise(assembly)?;
    let proposals = conclude(assembly, &tabled)?;
    let spends = pay_authorised(assembly, &proposals)?;
    let last = last_epochs(assembly, &founded.gates)?;

    assembly.narrator.step("checking the links against bitcoind");
    let member = &assembly.members[0];
    let status = member.status()?;
    let anchor_key = founded_anchor_key(assembly)?;
    let links = check_links(&assembly.node, &founded.first_seal, anchor_key, &member.links()?)?;
    let members = member.members()?;
    let alarms = status.alarms.clone();
    assembly.narrator.say(&format!("{} final links", links.len()));

    let evidence = export(assembly, &tabled)?;
    verify(assembly, &evidence)?;
    let ots = timestamps(assembly, &tabled, &last)?;
    let bundles = bundles(assembly, &tabled, &evidence.proofs, &last)?;
    verify_bundles(assembly, &bundles, &evidence.headers)?;
    let audit = audit(assembly)?;
    assembly.narrator.step("everything verified");
    Ok(Report {
        bitcoind: BitcoindReport { version: assembly.node.bitcoind().version().to_string() },
        dao_id: founded.dao_id,
        network: status.network,
        members: members.into_iter().map(MemberReport::new).collect::<Result<_>>()?,
        proposals: proposals.into_iter().map(ProposalReport::new).collect::<Result<_>>()?,
        links: links.into_iter().map(LinkReport::new).collect::<Result<_>>()?,
        spends,
        alarms,
        proofs: evidence.proofs,
        headers: evidence.headers,
        bundles,
        ots,
        audit: AuditReport { ok: audit.verdict == "valid", entries: audit.entries },
        data_dir: assembly.data_dir.clone(),
    })
}

/// Two of the three treasurers pay what was decided; the log notes it.
fn pay_authorised(assembly: &Assembly, proposals: &[althing_node::api::Proposal]) -> Result<Vec<SpendReport>> {
    assembly.narrator.step("two of three treasurers pay what was decided");
    let mut spends = Vec::new();
    for proposal in proposals.iter().filter(|p| p.state == althing_node::api::ProposalState::Authorised) {
        await_authorised(assembly, &proposal.id)?;
        let spend = pay(assembly, &proposal.id, &assembly.data_dir.join("psbt"))?;
        assembly.narrator.say(&format!("{} is paid by {} at height {}", proposal.title, spend.txid, spend.height));
        await_executed(assembly, &proposal.id)?;
        spends.push(spend);
    }
    Ok(spends)
}

/// The key of the links, from the charter as it was written.
fn founded_anchor_key(assembly: &Assembly) -> Result<bitcoin::secp256k1::XOnlyPublicKey> {
    let path = assembly.data_dir.join("charter.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let charter = althing_governance::Charter::from_toml(&text)?;
    Ok(charter.anchor_key)
}
