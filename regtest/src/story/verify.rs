//! Verifying: proof files for everything that was decided, checked by the offline verifier, and an audit of every node.

use std::path::PathBuf;

use althing_node::api::ProofStatement;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::assembly::Assembly;
use super::decide::Tabled;
use super::found::utf8;
use super::statements::BundleReport;

/// The files that show to everybody what was decided.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Proof files.
    pub proofs: Vec<PathBuf>,
    /// All block headers.
    pub headers: PathBuf,
}

/// What `althing audit` found in one data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// `valid`, `invalid` or `cannot_tell`.
    pub verdict: String,
    /// Entries of the log that were replayed.
    pub entries: u64,
}

/// Exports a proof of each member's ballot on each proposal and of each tally, and the headers to check them by.
///
/// # Errors
/// When a node cannot prove what it shows.
pub fn export(assembly: &Assembly, tabled: &[Tabled]) -> Result<Evidence> {
    assembly.narrator.step("exporting proof files and headers");
    let folder = assembly.data_dir.join("proofs");
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let mut proofs = Vec::new();
    for (number, proposal) in (1..).zip(tabled) {
        for (i, member) in assembly.members.iter().enumerate() {
            if proposal.motion.ballots[i].is_empty() {
                continue;
            }
            let path = folder.join(format!("proposal-{number}-ballot-{}.althing", member.name().to_lowercase()));
            proofs.push(member.export_proof(
                &proposal.id,
                ProofStatement::Ballot { member: None, body: None },
                &path,
            )?);
        }
        let path = folder.join(format!("proposal-{number}-tally.althing"));
        proofs.push(assembly.members[0].export_proof(&proposal.id, ProofStatement::Tally, &path)?);
    }
    let headers = assembly.data_dir.join("headers.bin");
    let (url, cookie) = bitcoin_source(assembly)?;
    let export = ["headers", "export", &utf8(&headers)?, "--bitcoind", &url, "--cookie", &cookie];
    assembly.members[0].cli().run(&export)?.succeeded()?;
    let expected = (u64::from(assembly.node.tip()?.height) + 1) * 80;
    let found = std::fs::metadata(&headers).with_context(|| headers.display().to_string())?.len();
    ensure!(found == expected, "{} has {found} bytes, the chain has {expected} bytes of headers", headers.display());
    assembly.narrator.say(&format!("{} proof files", proofs.len()));
    Ok(Evidence { proofs, headers })
}

/// Checks every proof file with `althing verify`, offline.
///
/// # Errors
/// When the verifier does not end with 0.
pub fn verify(assembly: &Assembly, evidence: &Evidence) -> Result<()> {
    assembly.narrator.step("verifying every proof file offline");
    let headers = utf8(&evidence.headers)?;
    for proof in &evidence.proofs {
        // Any data directory serves: the verifier reads nothing but the two files.
        assembly.members[1].cli().run(&["verify", &utf8(proof)?, "--headers", &headers])?.succeeded()?;
    }
    Ok(())
}

/// Checks the proof file of every statement with `althing verify`, offline.
///
/// # Errors
/// When the verifier does not end with 0.
pub fn verify_bundles(assembly: &Assembly, bundles: &[BundleReport], headers: &std::path::Path) -> Result<()> {
    assembly.narrator.step("verifying every statement offline");
    let headers = utf8(headers)?;
    for bundle in bundles {
        let report: serde_json::Value =
            assembly.members[1].cli().json(&["verify", &utf8(&bundle.file)?, "--headers", &headers])?;
        assembly.narrator.say(report["statement"].as_str().unwrap_or_default());
    }
    Ok(())
}

/// Stops everybody and replays each node's log from genesis against Bitcoin with `althing audit`.
///
/// # Errors
/// When an audit fails, or two logs differ in length.
pub fn audit(assembly: &mut Assembly) -> Result<Audit> {
    assembly.narrator.step("stopping everybody and auditing every log");
    assembly.stop()?;
    let (url, cookie) = bitcoin_source(assembly)?;
    let command = ["audit", "--bitcoind", &url, "--cookie", &cookie];
    let of_hub: Audit = assembly.hub.cli().json(&command)?;
    for member in &assembly.members {
        let audit: Audit = member.cli().json(&command)?;
        ensure!(audit == of_hub, "the audit of {} found {audit:?}, that of the hub {of_hub:?}", member.name());
    }
    ensure!(of_hub.verdict == "valid", "the audit found {of_hub:?}");
    assembly.narrator.say(&format!("{} entries, replayed six times", of_hub.entries));
    Ok(of_hub)
}

/// Arguments that lead a command to the story's bitcoind.
fn bitcoin_source(assembly: &Assembly) -> Result<(String, String)> {
    Ok((assembly.node.rpc_url(), utf8(&assembly.node.cookie_file())?))
}
