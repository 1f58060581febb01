//! The transparency report of this node.

use althing_governance::report::{self, Facts, FundsFact, LinkFact};

use super::links::{LinkFacts, link_facts};
use crate::api::{ApiError, ReportFormat};
use crate::shell::Shell;

/// The report on the epochs `from` to `to`, in a form.
pub(super) fn render(
    shell: &Shell,
    from: Option<u32>,
    to: Option<u32>,
    format: ReportFormat,
) -> Result<String, ApiError> {
    let state = shell.ledger.state();
    let Some(newest) = state.newest_anchored().map(|record| record.header.epoch) else {
        return Err(ApiError::not_now("F-5: no epoch is final yet"));
    };
    let (first, last) = (from.unwrap_or(1), to.unwrap_or(newest));
    if first == 0 || first > last || last > newest {
        let message = format!("F-5: epochs {first} to {last} are no part of the final epochs 1 to {newest}");
        return Err(ApiError::invalid("F-5", message));
    }
    let links = link_facts(shell)?;
    let facts = Facts {
        links: links.iter().map(link_fact).collect(),
        flows: crate::treasury::movements(shell),
        alarms: shell.alarms.values().cloned().collect(),
        proofs: proofs_of_funds(shell)?,
    };
    let report = report::collect(state, first, last, &facts);
    Ok(match format {
        ReportFormat::Markdown => report.to_markdown(),
        ReportFormat::Html => report.to_html(),
        ReportFormat::Csv => report.to_csv(),
        ReportFormat::Json => {
            serde_json::to_string_pretty(&report).map_err(|error| ApiError::ours(error.to_string()))?
        }
    })
}

fn link_fact(link: &LinkFacts) -> LinkFact {
    LinkFact { epoch: link.header.epoch, txid: link.txid, height: link.height }
}

fn proofs_of_funds(shell: &Shell) -> Result<Vec<FundsFact>, ApiError> {
    let proofs = crate::treasury::funds::proofs(shell)?.into_iter().filter(|proof| proof.lacks.is_empty());
    Ok(proofs
        .map(|proof| FundsFact {
            epoch: proof.epoch,
            coins: proof.coins as u64,
            total_sat: proof.total_sat,
            signed: (proof.signed.len() as u64, proof.keys as u64),
        })
        .collect())
}
