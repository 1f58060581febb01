//! What the story leaves behind for programs: one JSON document.

use std::path::{Path, PathBuf};

use althing_node::api::{Link, Member, Proposal, ProposalState};
use anyhow::{Context, Result};
use serde::Serialize;

use super::statements::{BundleReport, OtsReport};
use super::treasury::SpendReport;

/// The outcome of a story in which everything was verified.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The Bitcoin node.
    pub bitcoind: BitcoindReport,
    /// The DAO's id, hex.
    pub dao_id: String,
    /// `regtest`.
    pub network: String,
    /// The members with their stakes.
    pub members: Vec<MemberReport>,
    /// The proposals with their outcomes.
    pub proposals: Vec<ProposalReport>,
    /// The final links, from epoch 1 on.
    pub links: Vec<LinkReport>,
    /// Payments out of the treasury.
    pub spends: Vec<SpendReport>,
    /// What a member's node raises an alarm about, in sentences.
    pub alarms: Vec<String>,
    /// Proof files.
    pub proofs: Vec<PathBuf>,
    /// The file of block headers that the proofs are checked by.
    pub headers: PathBuf,
    /// Proof files, one at least for each statement.
    pub bundles: Vec<BundleReport>,
    /// Timestamps of every form.
    pub ots: Vec<OtsReport>,
    /// What the audits found.
    pub audit: AuditReport,
    /// Folder with the data directories of all nodes.
    pub data_dir: PathBuf,
}

/// The bitcoind of a story.
#[derive(Debug, Clone, Serialize)]
pub struct BitcoindReport {
    /// Its version, such as `31.99.0`.
    pub version: String,
}

/// A member.
#[derive(Debug, Clone, Serialize)]
pub struct MemberReport {
    /// Vote key, hex.
    pub id: String,
    /// The name it goes by.
    pub name: String,
    /// Its stake.
    pub stake_sat: u64,
    /// `txid:vout` of the output that holds the stake.
    pub funding_outpoint: String,
}

/// A proposal.
#[derive(Debug, Clone, Serialize)]
pub struct ProposalReport {
    /// Its id, hex.
    pub id: String,
    /// `text` or `spend`.
    pub class: String,
    /// Where it ended.
    pub outcome: ProposalState,
    /// The final sums.
    pub sums: SumsReport,
    /// Weight of the whole roll, a decimal integer.
    pub total_weight: String,
}

/// Sums of a proposal; decimal integers.
#[derive(Debug, Clone, Serialize)]
pub struct SumsReport {
    /// Weight for.
    pub yes: String,
    /// Weight against.
    pub no: String,
    /// Weight abstaining.
    pub abstain: String,
}

/// A link.
#[derive(Debug, Clone, Serialize)]
pub struct LinkReport {
    /// Its epoch.
    pub epoch: u32,
    /// Transaction id.
    pub txid: String,
    /// Output that commits.
    pub vout: u32,
    /// Height of its block.
    pub height: u32,
    /// The commitment, hex.
    pub commitment: String,
    /// Virtual size.
    pub vsize: u64,
}

/// The audits.
#[derive(Debug, Clone, Serialize)]
pub struct AuditReport {
    /// Whether each of them found every entry right.
    pub ok: bool,
    /// Entries of the log.
    pub entries: u64,
}

impl Report {
    /// Writes the document.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }
}

impl MemberReport {
    /// From what a node says of a member.
    ///
    /// # Errors
    /// When it has no stake.
    pub fn new(member: Member) -> Result<Self> {
        let funding_outpoint = member.funding_outpoints.into_iter().next();
        let funding_outpoint = funding_outpoint.with_context(|| format!("{} has no stake", member.name))?;
        Ok(Self { id: member.vote_key, name: member.name, stake_sat: member.stake_sat, funding_outpoint })
    }
}

impl ProposalReport {
    /// From what a node says of a proposal.
    ///
    /// # Errors
    /// When it has no tally.
    pub fn new(proposal: Proposal) -> Result<Self> {
        let tally = proposal.tally.with_context(|| format!("proposal {} has no tally", proposal.id))?;
        let sums = SumsReport { yes: tally.yes, no: tally.no, abstain: tally.abstain };
        let (id, class, outcome) = (proposal.id, proposal.class, proposal.state);
        Ok(Self { id, class, outcome, sums, total_weight: tally.total_weight })
    }
}

impl LinkReport {
    /// From what a node says of a link.
    ///
    /// # Errors
    /// When it is not mined.
    pub fn new(link: Link) -> Result<Self> {
        let height = link.height.with_context(|| format!("link {} is not mined", link.txid))?;
        let Link { epoch, txid, vout, commitment, vsize, .. } = link;
        Ok(Self { epoch, txid, vout, height, commitment, vsize })
    }
}
