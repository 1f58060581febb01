//! The chain of links in words.

use althing_anchor::{
    Commitment, FeeMarket, LinkShape, LinkState, LinkTracker, OtsForm, Reserve, ReserveAlarm, verify_link,
};
use althing_governance::codec::Canonical as _;
use althing_governance::epoch::EpochHeader;
use anyhow::Context as _;
use bitcoin::{Amount, FeeRate, Transaction, TxOut, Txid};

use crate::api::{ApiError, Link, LinkReserve, Withheld, rate_words};
use crate::config::{LinkSettings, OtsSwitch};
use crate::facts::outpoint_bytes;
use crate::shell::Shell;
use crate::undone::may_be_a_link;

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
    /// How far its follower is, at a hub.
    pub followed: Option<LinkState>,
}

/// All links known, from epoch 1.
///
/// # Errors
/// On I/O, or when the store holds other bytes than links.
pub fn link_facts(shell: &Shell) -> Result<Vec<LinkFacts>, ApiError> {
    let rows = shell.store.links()?;
    let known = |header: &EpochHeader| shell.ledger.headers().any(|ours| ours == header);
    let mut mined = mined_chain(shell)?.into_iter();
    let mut links = Vec::new();
    for row in rows {
        let header = EpochHeader::from_bytes(&row.header).context("a stored epoch header")?;
        let stored: Transaction = bitcoin::consensus::deserialize(&row.tx).context("a stored link")?;
        let (tx, height) = match mined.next() {
            Some((tx, height)) => (with_witness_of(tx, &stored), Some(height)),
            None => (stored, None),
        };
        links.push(LinkFacts {
            verified: known(&header),
            txid: tx.compute_txid(),
            vsize: tx.vsize() as u64,
            height,
            header,
            followed: match row.tracker.is_empty() {
                true => None,
                false => Some(LinkTracker::decode(&row.tracker).context("a stored link tracker")?.state()),
            },
        });
    }
    Ok(links)
}

/// Where a link stands (N-243), in the words of. A hub knows by its follower what it has handed to the network; a member's node
/// knows what its own source has seen.
fn state_of(shell: &Shell, link: &LinkFacts, confirmations: u32) -> &'static str {
    let state = shell.ledger.state();
    if confirmations > 0 {
        return if confirmations < state.charter().final_depth { "mined" } else { "final" };
    }
    if state.newest_anchored().is_some_and(|record| link.header.epoch <= record.header.epoch) {
        return "undone";
    }
    match link.followed {
        Some(LinkState::Halted(_)) => "halted",
        Some(LinkState::Built) => "built",
        Some(LinkState::Seen) => "seen",
        Some(LinkState::Broadcast | LinkState::Mined { .. } | LinkState::Final { .. }) => "broadcast",
        // A source that does not answer has shown nothing.
        None if shell.bitcoind.in_mempool(&link.txid).unwrap_or(false) => "seen",
        None => "broadcast",
    }
}

/// The links on Bitcoin by epoch, without witness, with the heights of their blocks: each spends the one before, or what a
/// succession put behind that.
///
/// # Errors
/// On I/O, or when a stored transaction is malformed.
pub fn mined_chain(shell: &Shell) -> Result<Vec<(Transaction, u32)>, ApiError> {
    let mut seal = shell.dao.params.first_seal;
    let mut chain = Vec::new();
    let mut epoch = 0;
    while let Some((height, tx, _)) = shell.store.fact(&outpoint_bytes(&seal))?.and_then(|row| row.spent) {
        let tx: Transaction = bitcoin::consensus::deserialize(&tx).context("a stored link")?;
        epoch += 1;
        seal = shell.ledger.seal_after(epoch, tx.compute_txid());
        chain.push((tx, height));
    }
    Ok(chain)
}

/// Links that are final on Bitcoin while their header, or the log under it, is not here (N-83). Whoever signs payments asks for these:
/// from the first of them on nothing is authorised.
///
/// # Errors
/// As [`mined_chain`].
pub fn withheld(shell: &Shell) -> Result<Vec<Withheld>, ApiError> {
    if shell.is_refused() {
        // N-429: the hub gives what it has to the folder that is in use.
        return Ok(Vec::new());
    }
    let final_depth = shell.ledger.state().charter().final_depth;
    let mut seal = shell.dao.params.first_seal;
    let mut found = Vec::new();
    for (epoch, (tx, height)) in (1..).zip(mined_chain(shell)?) {
        let header = shell.ledger.headers().find(|header| header.epoch == epoch);
        let key = shell.ledger.link_key(epoch);
        let opens = header
            .is_some_and(|header| verify_link(&tx, seal, key, Commitment::new(*header.hash().as_bytes())).is_ok());
        let txid = tx.compute_txid();
        // a header that is known and does not fit, or an output that none can fit.
        let diverted = header.is_some() || !may_be_a_link(&tx, seal);
        seal = shell.ledger.seal_after(epoch, txid);
        // Until then the header may be on its way.
        if opens || shell.tip_height() + 1 < height + final_depth {
            continue;
        }
        let what = match diverted {
            true => format!(
                "A-111: transaction {txid} at height {height} spent the seal of link {} and is no link: no data can come to it.",
                epoch - 1
            ),
            false => format!(
                "The link of epoch {epoch} is on Bitcoin at height {height}, and its header or the log under it is not here: the data is withheld. \
                 The link stays valid."
            ),
        };
        let remedy =
            "Nothing is authorised from that epoch on; treasurers must not sign. The remedy is the spare seal.";
        found.push(Withheld { epoch, link: txid.to_string(), height, diverted, words: format!("{what} {remedy}") });
    }
    Ok(found)
}

/// Evidence has no witness. All versions of a link have one of the same size.
fn with_witness_of(mut tx: Transaction, version: &Transaction) -> Transaction {
    for (input, like) in tx.input.iter_mut().zip(&version.input) {
        input.witness = like.witness.clone();
    }
    tx
}

/// Shape of the links by the charter in force.
pub fn link_shape(shell: &Shell) -> LinkShape {
    match shell.ledger.state().charter().anchored_links {
        true => LinkShape::Anchored,
        false => LinkShape::Plain,
    }
}

/// How long the newest seal pays for links.
///
/// # Errors
/// On I/O.
pub fn reserve(shell: &Shell, market: FeeMarket, settings: &LinkSettings) -> Result<LinkReserve, ApiError> {
    let charter = shell.ledger.state().charter();
    let (shape, form) = (
        link_shape(shell),
        match settings.ots {
            OtsSwitch::Split => OtsForm::Split,
            OtsSwitch::Opreturn => OtsForm::OpReturn,
            OtsSwitch::Reveal => OtsForm::Reveal,
        },
    );
    let seal = newest_seal(shell)?;
    let reserve = Reserve { seal, shape, form, epoch_blocks: charter.epoch_blocks };
    let cap = FeeRate::from_sat_per_vb(charter.max_link_fee_rate_sat_vb).unwrap_or(FeeRate::MAX);
    let floor = FeeRate::from_sat_per_vb(settings.floor_sat_vb).unwrap_or(FeeRate::MAX);
    let rate = market.estimate.unwrap_or(floor).max(market.mempool_minimum).max(floor).min(cap);
    let forecast = reserve.forecast(rate, cap, settings.reserve_blocks);
    let cost = shape.cost(form, rate, cap).unwrap_or(Amount::ZERO);
    let alarm = match forecast.alarm {
        ReserveAlarm::Calm => "calm",
        ReserveAlarm::Low => "low",
        ReserveAlarm::Urgent => "urgent",
        ReserveAlarm::Empty => "empty",
    };
    let links = forecast.links.map_or_else(|| "any number of".to_owned(), |links| links.to_string());
    let blocks = forecast.blocks.map_or_else(String::new, |blocks| format!(", about {blocks} blocks"));
    let at_cap = forecast.links_at_cap.map_or_else(String::new, |links| format!("; at the cap for {links}"));
    let words = format!(
        "A-82: the reserve of the links is {alarm}: the seal holds {} sat and pays for {links} links at {}{blocks}{at_cap}.",
        seal.to_sat(),
        rate_words(rate)
    );
    Ok(LinkReserve {
        seal_sat: seal.to_sat(),
        link_sat: cost.to_sat(),
        fee_rate_sat_vb: rate.to_sat_per_vb_ceil(),
        links: forecast.links,
        links_at_cap: forecast.links_at_cap,
        blocks: forecast.blocks,
        alarm: alarm.to_owned(),
        words,
    })
}

/// What the newest seal holds, whether or not its link is mined.
fn newest_seal(shell: &Shell) -> Result<Amount, ApiError> {
    let mined = mined_chain(shell)?;
    let rows = shell.store.links()?;
    let newest = match rows.get(mined.len()..).and_then(<[_]>::last) {
        Some(row) => Some(bitcoin::consensus::deserialize::<Transaction>(&row.tx).context("a stored link")?),
        None => mined.into_iter().last().map(|(tx, _)| tx),
    };
    let value = |output: &TxOut| output.value;
    Ok(match newest {
        Some(tx) => tx.output.first().map_or(Amount::ZERO, value),
        None => shell.dao.genesis.first_seal.value,
    })
}

/// All links in the words of the API.
pub(super) fn list(shell: &Shell) -> Result<Vec<Link>, ApiError> {
    let links = link_facts(shell)?.into_iter().map(|link| {
        let confirmations = link.height.map_or(0, |height| (shell.tip_height() + 1).saturating_sub(height));
        let state = state_of(shell, &link, confirmations);
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
    let mut links: Vec<Link> = links.collect();
    for missing in withheld(shell)? {
        let unavailable = if missing.diverted { "diverted" } else { "unavailable" }.to_owned();
        match links.iter_mut().find(|link| link.epoch == missing.epoch) {
            Some(link) => link.state = unavailable,
            None => links.push(Link {
                epoch: missing.epoch,
                txid: missing.link,
                vout: 0,
                commitment: String::new(),
                height: Some(missing.height),
                confirmations: (shell.tip_height() + 1).saturating_sub(missing.height),
                state: unavailable,
                vsize: 0,
                closing_height: 0,
                log_size: 0,
                verified: false,
            }),
        }
    }
    Ok(links)
}
