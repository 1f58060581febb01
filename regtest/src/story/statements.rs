//! One proof file for each statement that Althing can prove, and timestamps of each form, all made by the real program.

use std::path::PathBuf;

use althing_node::api::ProposalState;
use althing_node::config::{Config, OtsSwitch};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use super::assembly::Assembly;
use super::decide::Tabled;
use super::found::utf8;
use super::rogue;

/// Blocks within which two epochs close, are anchored and become final, and as much again for a busy machine.
const WITHIN_BLOCKS: u32 = 90;

/// A proof file and what it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleReport {
    /// The file.
    pub file: PathBuf,
    /// `counted_as_cast`, `tally_and_quorum`, `authorised`, `did_not_vote`, `hub_fraud_by_receipt`, `hub_fraud_by_two_heads`,
    /// `member_equivocation` or `unauthorised_spend`.
    pub statement: String,
}

/// An OpenTimestamps file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtsReport {
    /// The timestamp.
    pub file: PathBuf,
    /// `split`, `opreturn` or `reveal`.
    pub kind: String,
    /// What it is of: the stamped file, or for the split form the digest to give to the client.
    pub of: String,
    /// The link that carries it.
    pub link: String,
}

/// What two more epochs left behind.
#[derive(Debug, Clone)]
pub struct LastEpochs {
    /// Epoch of the link with an OP_RETURN output, which the next link reveals as well.
    pub stamped: u32,
    /// The gate that treasurers spent without authorisation.
    pub gate: String,
}

/// Anchors two more epochs, one in each of the dearer timestamp forms, while two treasurers pay themselves.
///
/// # Errors
/// When a link has not the form asked for.
pub fn last_epochs(assembly: &Assembly, gates: &[String]) -> Result<LastEpochs> {
    assembly.narrator.step("two treasurers pay themselves; two links are made for timestamps");
    let gate = gates.last().context("the DAO has no gate")?.clone();
    let before = assembly.hub.links()?.len();
    switch(assembly, OtsSwitch::Opreturn)?;
    let theft = rogue::unauthorised_spend(assembly, &gate)?;
    assembly.narrator.say(&format!("gate {gate} is spent by {}", theft.compute_txid()));
    assembly.mine(1)?;
    let stolen_at = assembly.node.tip()?.height;
    let made = |count: usize| move || Ok((assembly.hub.links()?.len() > count).then_some(()));
    assembly.mine_until("a link with an OP_RETURN output", WITHIN_BLOCKS, made(before))?;
    switch(assembly, OtsSwitch::Reveal)?;
    assembly.mine_until("a link that reveals", WITHIN_BLOCKS, made(before + 1))?;
    switch(assembly, OtsSwitch::Split)?;
    let stamped = u32::try_from(before)? + 1;
    // A decision that allows the theft could still be in an epoch that closes later than it.
    assembly.mine_until("both links and an epoch behind the theft final", WITHIN_BLOCKS, || {
        let newest = assembly.members[0].status()?.final_epoch;
        let links = assembly.members[0].links()?;
        let covers = links.iter().any(|link| Some(link.epoch) == newest && link.closing_height >= stolen_at);
        Ok((covers && newest > Some(stamped)).then_some(()))
    })?;
    for (epoch, vsize) in [(stamped, 154), (stamped + 1, 137)] {
        let link = assembly.hub.links()?.into_iter().find(|link| link.epoch == epoch).context("a link is gone")?;
        ensure!(link.vsize == vsize, "link {epoch} has {} vB, its form makes {vsize}", link.vsize);
    }
    Ok(LastEpochs { stamped, gate })
}

/// Exports timestamps of every form: of a link, of a header, and of a ballot.
///
/// # Errors
/// When a command fails.
pub fn timestamps(assembly: &Assembly, tabled: &[Tabled], last: &LastEpochs) -> Result<Vec<OtsReport>> {
    assembly.narrator.step("exporting timestamps");
    let folder = assembly.data_dir.join("timestamps");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let (proposal, voter) = voter(tabled)?;
    let (epoch, member) = (last.stamped.to_string(), &assembly.members[voter]);
    let mut reports = Vec::new();
    let stamps = [
        ("split", None),
        ("opreturn", None),
        ("opreturn", Some(proposal)),
        ("reveal", None),
        ("reveal", Some(proposal)),
    ];
    for (kind, of) in stamps {
        let name = if of.is_some() { "ballot" } else { "link" };
        let out = folder.join(format!("{kind}-{name}.ots"));
        let out = utf8(&out)?;
        let mut command = vec!["ots", "export", &epoch, "--kind", kind, "--out", &out];
        command.extend(of.iter().flat_map(|proposal| ["--ballot", proposal]));
        let made: Value = member.cli().json(&command)?;
        let text = |field: &str| made[field].as_str().map(str::to_owned);
        let of = text("stamped").or_else(|| text("digest")).context("a timestamp of nothing")?;
        let link = text("link").context("no link")?;
        reports.push(OtsReport { file: out.into(), kind: kind.to_owned(), of, link });
    }
    Ok(reports)
}

/// Makes one proof file for each statement; of tallies and ballots those that exist are named.
///
/// # Errors
/// When a command fails.
pub fn bundles(
    assembly: &Assembly,
    tabled: &[Tabled],
    proofs: &[PathBuf],
    last: &LastEpochs,
) -> Result<Vec<BundleReport>> {
    assembly.narrator.step("proving every statement, also the frauds");
    let folder = assembly.data_dir.join("proofs");
    let member = &assembly.members[0];
    let mut reports = Vec::new();
    for (words, statement) in [("ballot", "counted_as_cast"), ("tally", "tally_and_quorum")] {
        let file = proofs.iter().find(|path| utf8(path).is_ok_and(|path| path.contains(words)));
        let file = file.with_context(|| format!("there is no proof of a {words}"))?.clone();
        reports.push(BundleReport { file, statement: statement.to_owned() });
    }
    let evidence = |name: &str, lines: &[String]| -> Result<String> {
        let path = folder.join(name);
        rogue::write_lines(&path, lines)?;
        utf8(&path)
    };
    let paid = tabled.iter().find(|proposal| proposal.motion.outcome == ProposalState::Authorised);
    let paid = paid.context("nothing was authorised")?.id.clone();
    let (silent_on, silent) = silent(assembly, tabled)?;
    let receipt = serde_json::to_string(&rogue::broken_receipt(assembly)?)?;
    let receipt = evidence("receipt.json", &[receipt])?;
    let [honest, other] = rogue::two_heads(assembly)?
        .map(|head| althing_node::keys::hex(&althing_governance::codec::Canonical::to_bytes(&head)));
    let head = evidence("head.hex", std::slice::from_ref(&honest))?;
    let heads = evidence("heads.hex", &[other])?;
    let entries = evidence("entries.hex", &rogue::two_comments(assembly, 4, &paid)?)?;
    let commands: [(&str, &str, Vec<&str>); 7] = [
        ("authorised", "authorised", vec![&paid]),
        ("did-not-vote", "did_not_vote", vec![&silent_on, "--member", &silent]),
        ("receipt-fraud", "hub_fraud_by_receipt", vec!["--evidence", &receipt]),
        ("receipt-fraud", "hub_fraud_by_receipt", vec!["--evidence", &receipt, "--head", &head]),
        ("head-fraud", "hub_fraud_by_two_heads", vec!["--evidence", &heads]),
        ("equivocation", "member_equivocation", vec!["--evidence", &entries]),
        ("unauthorised-spend", "unauthorised_spend", vec!["--gate", &last.gate]),
    ];
    for (number, (kind, statement, arguments)) in commands.into_iter().enumerate() {
        let file = folder.join(format!("statement-{number}-{kind}.althing"));
        let out = utf8(&file)?;
        let command = [&["proof", "export", "--statement", kind, "--out", &out], arguments.as_slice()].concat();
        let _: Value = member.cli().json(&command)?;
        reports.push(BundleReport { file, statement: statement.to_owned() });
    }
    Ok(reports)
}

/// A proposal and a member who voted on it.
fn voter(tabled: &[Tabled]) -> Result<(&str, usize)> {
    let found = tabled.iter().find_map(|proposal| {
        let voter = proposal.motion.ballots.iter().position(|ballots| !ballots.is_empty())?;
        Some((proposal.id.as_str(), voter))
    });
    found.context("nobody voted")
}

/// A proposal and a member who did not vote on it.
fn silent(assembly: &Assembly, tabled: &[Tabled]) -> Result<(String, String)> {
    for proposal in tabled {
        if let Some(silent) = proposal.motion.ballots.iter().position(|ballots| ballots.is_empty()) {
            let key = assembly.members[silent].status()?.vote_key.context("no vote key")?;
            return Ok((proposal.id.clone(), key));
        }
    }
    anyhow::bail!("everybody voted on everything")
}

/// Sets the form of the links from the next one on, as an operator does: in the settings of the hub.
fn switch(assembly: &Assembly, ots: OtsSwitch) -> Result<()> {
    let mut config = Config::load(assembly.hub.data_dir())?;
    config.links.ots = ots;
    config.save(assembly.hub.data_dir())
}
