//! Proof of funds: what the treasury had when an epoch closed, as this node's chain says, against what signed files show (T-83).

use althing_anchor::TreasuryCoin;
use althing_governance::EpochHeader;
use bitcoin::{OutPoint, Psbt};

use super::ownership::{OwnershipReport, open};
use super::text::psbt_text;
use super::wallet::TreasuryWallet;
use crate::api::{ApiError, Funds};
use crate::shell::Shell;

/// What there is to be shown for an epoch; of the newest final one when none is named.
///
/// # Errors
/// An epoch that this node has no final header of, and one whose treasury it does not watch.
pub(super) fn funds(shell: &Shell, epoch: Option<u32>) -> Result<Funds, ApiError> {
    let header = header(shell, epoch)?;
    let charters = shell.ledger.state().charters();
    let then = charters.iter().rposition(|version| version.hash == header.charter);
    let so_far = charters[..then.map_or(0, |place| place + 1)].iter().map(|version| &version.charter);
    let generation = super::generations(so_far).len().checked_sub(1);
    let wallet = generation.and_then(|generation| shell.treasury.wallets().get(generation));
    let wallet = wallet.ok_or_else(|| ApiError::ours("the treasury of that epoch is not watched"))?;
    let coins = coins_at(wallet, header.closing_height);
    let message = header.hash().to_string();
    let descriptor = wallet.treasury.to_string();
    let psbt = psbt_text(&psbt(&descriptor, &message, &coins)?);
    let value = |coin: &TreasuryCoin| coin.output().map_or(0, |output| output.value.to_sat());
    Ok(Funds {
        epoch: header.epoch,
        height: header.closing_height,
        message,
        descriptor,
        coins: coins.iter().map(|coin| (coin.outpoint.to_string(), value(coin))).collect(),
        psbt,
    })
}

/// What keeps signed files from being a proof of these funds: coins that the treasury had and they do not show, and coins that
/// they show and it did not have, or not with this value, or not twice. Empty when they are the same.
#[must_use]
pub fn differences(funds: &Funds, shown: &OwnershipReport) -> Vec<String> {
    let (mut there, mut shown) = (funds.coins.clone(), shown.coins.clone());
    there.sort();
    shown.sort();
    let mut found = Vec::new();
    shown.retain(|coin| match there.iter().position(|other| other == coin) {
        Some(place) => {
            there.remove(place);
            false
        }
        None => true,
    });
    let (epoch, height) = (funds.epoch, funds.height);
    found.extend(there.iter().map(|(outpoint, sat)| {
        format!("T-83: {outpoint} with {sat} sat was in the treasury when epoch {epoch} closed at height {height}, and is not shown")
    }));
    found.extend(shown.iter().map(|(outpoint, sat)| {
        format!("T-83: {outpoint} with {sat} sat is shown, and was not in the treasury when epoch {epoch} closed at height {height}")
    }));
    found
}

fn header(shell: &Shell, epoch: Option<u32>) -> Result<EpochHeader, ApiError> {
    let anchored = shell.ledger.state().anchored();
    let Some(newest) = anchored.last() else {
        return Err(ApiError::not_now("T-83: no epoch is final yet, so there is no header to sign for"));
    };
    let wanted = epoch.unwrap_or(newest.header.epoch);
    anchored.iter().map(|record| record.header).find(|header| header.epoch == wanted).ok_or_else(|| {
        let newest = newest.header.epoch;
        ApiError::not_now(format!("T-83: epoch {wanted} is not final here; the newest that is has number {newest}"))
    })
}

/// Coins of this generation that were mined by a height and not spent by then.
fn coins_at(wallet: &TreasuryWallet, height: u32) -> Vec<TreasuryCoin> {
    let mined: Vec<_> = wallet.mined().filter(|(_, (at, _))| *at <= height).collect();
    let inputs = mined.iter().flat_map(|(_, (_, transaction))| &transaction.input);
    let spent: std::collections::BTreeSet<OutPoint> = inputs.map(|input| input.previous_output).collect();
    let mut coins = Vec::new();
    for (txid, (_, transaction)) in &mined {
        let outpoints = (0..).take(transaction.output.len()).map(|vout| OutPoint { txid: *txid, vout });
        coins.extend(outpoints.filter(|outpoint| !spent.contains(outpoint)).filter_map(|point| wallet.coin(&point)));
    }
    coins.sort_by_key(|coin| coin.outpoint);
    coins
}

fn psbt(descriptor: &str, message: &str, coins: &[TreasuryCoin]) -> Result<Psbt, ApiError> {
    Ok(open(descriptor, message, coins)?)
}
