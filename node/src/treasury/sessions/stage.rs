//! Sessions of staged payments: what became of what was put to rest, its payout, and bringing it back (T-89, T-95).

use althing_anchor::{PsbtProof, finalise_payout, read_payout, return_psbt, write_proof};
use anyhow::Context as _;
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, OutPoint, Transaction, Txid};

use super::open::{fee_rate, start};
use super::rows::{named, psbt_of};
use super::{Answered, refusal};
use crate::api::{ApiError, SessionView};
use crate::shell::Shell;
use crate::store::SessionRow;
use crate::treasury::intents::housekeeping_rate;
use crate::treasury::requests::fresh_script;

/// What became of what a stage transaction put to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::treasury) enum Rest {
    /// It rests; from this height on a block can hold the payout.
    Until(u32),
    /// The payout was mined, at this height.
    Paid(Txid, u32),
    /// It was brought back into the treasury, at this height.
    Returned(Txid, u32),
    /// Something else was done with it: an alarm says who signed that.
    Taken(Txid, u32),
}

impl Rest {
    /// The word for it.
    pub(in crate::treasury) fn word(self) -> &'static str {
        match self {
            Self::Until(_) => "staged",
            Self::Paid(..) => "mined",
            Self::Returned(..) => "returned",
            Self::Taken(..) => "taken",
        }
    }

    /// Height at which it ended.
    pub(in crate::treasury) fn height(self) -> Option<u32> {
        match self {
            Self::Until(_) => None,
            Self::Paid(_, height) | Self::Returned(_, height) | Self::Taken(_, height) => Some(height),
        }
    }
}

/// What became of what this mined transaction put to rest; `None` when it is no stage.
pub(in crate::treasury) fn rest_of(shell: &Shell, stage: &Txid) -> Option<Rest> {
    let staged = shell.treasury.staged().remove(&OutPoint { txid: *stage, vout: 0 })?;
    let Some((spender, height)) = staged.spent else {
        let delay = shell.treasury.stages().get(staged.stage).and_then(delay_of).unwrap_or(0);
        return Some(Rest::Until(staged.height.saturating_add(delay)));
    };
    let txid = spender.compute_txid();
    let flow = crate::treasury::flows::flows(shell).into_iter().find(|flow| flow.txid == txid.to_string());
    Some(match flow.as_ref().map(|flow| flow.verdict.as_str()) {
        Some("decided") => Rest::Paid(txid, height),
        Some("returned") => Rest::Returned(txid, height),
        // Before the log's head is that high the transaction itself tells.
        Some("pending") if is_kept(shell, &spender) => Rest::Returned(txid, height),
        Some("pending") => Rest::Paid(txid, height),
        _ => Rest::Taken(txid, height),
    })
}

/// Opens a session by which guardians and a treasurer bring back what a stage transaction put to rest (T-95).
pub(in crate::treasury) fn return_staged(shell: &mut Shell, stage: &str, rate: Option<u64>) -> Answered<SessionView> {
    let typed = stage.trim().to_ascii_lowercase();
    let all = shell.treasury.staged();
    let mut found =
        all.values().filter(|coin| typed.len() >= 4 && coin.coin.outpoint.txid.to_string().starts_with(&typed));
    let staged = match (found.next(), found.next()) {
        (Some(one), None) => one.clone(),
        (None, _) => {
            let message = format!(
                "T-95: no mined stage transaction begins with {stage:?}; a payment that is not staged, or not mined, cannot be brought back"
            );
            return Err(ApiError::invalid("T-95", message));
        }
        _ => return Err(ApiError::invalid("T-95", format!("T-95: several stage transactions begin with {stage}"))),
    };
    if let Some((spender, height)) = &staged.spent {
        let txid = spender.compute_txid();
        let message = format!("T-95: it is too late, transaction {txid} at height {height} has spent what was staged");
        return Err(ApiError::invalid("T-95", message));
    }
    let policy = shell.treasury.stages().get(staged.stage).cloned().context("a stage")?;
    let own_rate = housekeeping_rate(shell.ledger.state().charter().max_link_fee_rate_sat_vb);
    let rate: FeeRate = fee_rate(shell, rate)?.min(own_rate);
    let (index, _) = fresh_script(shell)?;
    let treasury = shell.treasury.treasuries().pop().context("there is no treasury")?;
    let psbt = return_psbt(&[(staged.coin, policy)], &treasury, index, rate);
    let mut psbt = psbt.map_err(|error| refusal("T-95", &error))?;
    write_proof(&mut psbt, &PsbtProof { bundles: Vec::new(), note: Some("Bring back what is staged".to_owned()) });
    start(shell, psbt)
}

/// The session of the stage that a payout belongs to, where a signer gave the payout back as a file of its own.
pub(super) fn stage_of_payout(shell: &Shell, payout: &Psbt) -> Answered<Option<SessionRow>> {
    let txid = payout.unsigned_tx.compute_txid();
    let is_its = |row: &SessionRow| {
        let own = psbt_of(row).ok().and_then(|psbt| read_payout(&psbt).ok().flatten());
        own.is_some_and(|own| own.unsigned_tx.compute_txid() == txid)
    };
    Ok(shell.store.treasury_sessions()?.into_iter().find(is_its))
}

/// Gives the payout of a mined stage to the network: what this node can, whoever sent the stage (T-89).
///
/// # Errors
/// Why it is not taken.
pub(super) fn send_payout(shell: &Shell, psbt: &Psbt) -> Answered<()> {
    let payout = finalise_payout(psbt, &shell.treasury.policies());
    let payout = payout.map_err(|error| ApiError::not_now(error.to_string()))?;
    let Some(payout) = payout else { return Ok(()) };
    shell.bitcoind.submit(&payout).map(drop).map_err(|error| {
        let error = error.to_string();
        let rests = if error.contains("non-BIP68-final") { "it has not rested long enough yet: " } else { "" };
        ApiError { rule: Some("T-89".into()), ..ApiError::not_now(format!("T-89: the payout waits: {rests}{error}")) }
    })
}

/// T-100: the payout of a session that waits for a block, and what it pays by itself.
///
/// # Errors
/// Why there is nothing to pay for.
pub(crate) fn waiting_payout(shell: &Shell, session: &str) -> Answered<(Transaction, Amount)> {
    let row = named(shell, session)?;
    let psbt = psbt_of(&row)?;
    let nothing = |why: String| format!("T-100: there is nothing to pay for: {why}");
    let now = |why: String| ApiError { rule: Some("T-100".into()), ..ApiError::not_now(nothing(why)) };
    let over = |why: String| ApiError::invalid("T-100", nothing(why));
    if !matches!(read_payout(&psbt), Ok(Some(_))) {
        return Err(over(format!("session {} is of no staged payment", row.id)));
    }
    let next = shell.tip_height().saturating_add(1);
    match rest_of(shell, &psbt.unsigned_tx.compute_txid()) {
        None => return Err(now(format!("no block has the stage {} yet", row.id))),
        Some(Rest::Until(from)) if next < from => {
            return Err(now(format!("the payout can be in a block from height {from} on, the next is {next}")));
        }
        Some(Rest::Until(_)) => {}
        Some(Rest::Paid(by, height)) => return Err(over(format!("payout {by} was mined at height {height}"))),
        Some(Rest::Returned(by, height) | Rest::Taken(by, height)) => {
            return Err(over(format!("transaction {by} at height {height} has spent what was staged")));
        }
    }
    let payout = finalise_payout(&psbt, &shell.treasury.policies());
    let payout = payout.map_err(|error| ApiError::not_now(error.to_string()))?.context("a payout")?;
    let held = psbt.unsigned_tx.output.first().map_or(Amount::ZERO, |output| output.value);
    let paid: Amount = payout.output.iter().map(|output| output.value).sum();
    Ok((payout, held.checked_sub(paid).unwrap_or(Amount::ZERO)))
}

/// T-89: with every block, the payouts of stages that were mined and whose rest is over.
pub(super) fn send_payouts(shell: &Shell, rows: &[SessionRow]) {
    let next = shell.tip_height().saturating_add(1);
    for row in rows {
        let Ok(psbt) = psbt_of(row) else { continue };
        if !matches!(read_payout(&psbt), Ok(Some(_))) {
            continue;
        }
        let is_due =
            matches!(rest_of(shell, &psbt.unsigned_tx.compute_txid()), Some(Rest::Until(from)) if next >= from);
        if is_due && let Err(error) = send_payout(shell, &psbt) {
            tracing::warn!(
                session = row.id,
                error = error.message,
                "the payout is given to the network with the next block"
            );
        }
    }
}

/// Value of what rests, and the first height of a block that can hold its payout.
pub(in crate::treasury) fn resting(shell: &Shell) -> Vec<(OutPoint, Amount, u32)> {
    let staged = shell.treasury.staged().into_iter().filter(|(_, coin)| coin.spent.is_none());
    staged
        .filter_map(|(outpoint, coin)| {
            let delay = delay_of(shell.treasury.stages().get(coin.stage)?)?;
            Some((outpoint, coin.coin.output()?.value, coin.height.saturating_add(delay)))
        })
        .collect()
}

/// The rest that a stage asks of its payout.
fn delay_of(stage: &althing_anchor::Treasury) -> Option<u32> {
    stage.paths(|_| String::new()).iter().map(|path| path.after_blocks).max()
}

fn is_kept(shell: &Shell, transaction: &Transaction) -> bool {
    transaction.output.iter().all(|output| shell.treasury.owner_of(&output.script_pubkey).is_some())
}
