//! The chain of links in words.

use althing_governance::codec::Canonical as _;
use althing_governance::epoch::EpochHeader;
use anyhow::Context as _;
use bitcoin::{OutPoint, Transaction, Txid};

use crate::api::{ApiError, Link};
use crate::facts::outpoint_bytes;
use crate::shell::Shell;

/// A link and what this node knows of it.
#[derive(Debug, Clone)]
pub struct LinkFacts {
    /// Header of the epoch it commits.
    pub header: EpochHeader,
    /// Its transaction id.
    pub txid: Txid,
    /// Virtual size of the signed transaction.
    pub vsize: u64,
    /// Height of its block in this node's chain.
    pub height: Option<u32>,
    /// Whether this node recomputed the header from the log.
    pub verified: bool,
}

/// All links known, from epoch 1.
///
/// # Errors
/// On I/O, or when the store holds other bytes than links.
pub fn link_facts(shell: &Shell) -> Result<Vec<LinkFacts>, ApiError> {
    let rows = shell.store.links()?;
    let known = |header: &EpochHeader| shell.ledger.headers().any(|ours| ours == header);
    let mut links = Vec::new();
    for row in rows {
        let header = EpochHeader::from_bytes(&row.header).context("a stored epoch header")?;
        let tx: Transaction = bitcoin::consensus::deserialize(&row.tx).context("a stored link")?;
        let txid = tx.compute_txid();
        let output = outpoint_bytes(&OutPoint { txid, vout: 0 });
        links.push(LinkFacts {
            verified: known(&header),
            txid,
            vsize: tx.vsize() as u64,
            height: shell.store.fact(&output)?.map(|fact| fact.height),
            header,
        });
    }
    Ok(links)
}

/// All links in the words of the API.
pub(super) fn list(shell: &Shell) -> Result<Vec<Link>, ApiError> {
    let final_depth = shell.ledger.state().charter().final_depth;
    let links = link_facts(shell)?.into_iter().map(|link| {
        let confirmations = link.height.map_or(0, |height| (shell.tip_height() + 1).saturating_sub(height));
        let state = match confirmations {
            0 => "broadcast",
            n if n < final_depth => "mined",
            _ => "final",
        };
        Link {
            epoch: link.header.epoch,
            txid: link.txid.to_string(),
            vout: 0,
            commitment: link.header.hash().to_string(),
            height: link.height,
            confirmations,
            state: state.to_owned(),
            vsize: link.vsize,
            closing_height: link.header.closing_height,
            log_size: link.header.log_size,
            verified: link.verified,
        }
    });
    Ok(links.collect())
}
