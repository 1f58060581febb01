//! Proof of funds: what the treasury had when an epoch closed, as this node's chain says, against what signed files show (T-83).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use althing_anchor::TreasuryCoin;
use althing_governance::EpochHeader;
use anyhow::Context as _;
use bitcoin::{OutPoint, Psbt};

use super::ownership::{OwnershipReport, check, open};
use super::text::psbt_text;
use super::wallet::TreasuryWallet;
use crate::api::{ApiError, Funds, FundsProof};
use crate::config::Config;
use crate::shell::Shell;

/// Epochs of which the files are looked at, from the newest back, for one that holds.
const LOOKED_AT: usize = 16;

/// Files of proofs of funds in a folder, by the epoch in their names: `funds-EPOCH-*.psbt` (T-84).
///
/// # Errors
/// A folder that cannot be read.
pub fn files_in(folder: &Path) -> anyhow::Result<BTreeMap<u32, Vec<PathBuf>>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut found: BTreeMap<u32, Vec<PathBuf>> = BTreeMap::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let rest = name.strip_prefix("funds-").and_then(|rest| rest.strip_suffix(".psbt"));
        let epoch = rest.and_then(|rest| rest.split_once('-')?.0.parse().ok());
        if let Some(epoch) = epoch {
            found.entry(epoch).or_default().push(path);
        }
    }
    found.values_mut().for_each(|files| files.sort());
    Ok(found)
}

/// The newest proof in the folder that the settings name; where none of the epochs that are looked at holds, the newest with what it lacks
/// (T-85).
///
/// # Errors
/// Settings that cannot be read.
pub(super) fn newest(shell: &Shell) -> Result<Option<FundsProof>, ApiError> {
    let mut shown = proofs(shell)?;
    let holds = shown.iter().position(|proof| proof.lacks.is_empty());
    Ok((!shown.is_empty()).then(|| shown.swap_remove(holds.unwrap_or(0))))
}

/// What the files of each of the newest final epochs in that folder show, the newest first.
///
/// # Errors
/// Settings that cannot be read.
pub(crate) fn proofs(shell: &Shell) -> Result<Vec<FundsProof>, ApiError> {
    let folder = Config::load(&shell.dir).map_err(|error| ApiError::ours(format!("{error:#}")))?.funds_folder;
    // A folder that is away is no trouble of the treasury: there is nothing to be shown.
    let files = folder.and_then(|folder| files_in(&folder).ok()).unwrap_or_default();
    let proofs = files.into_iter().rev().take(LOOKED_AT).filter_map(|(epoch, files)| {
        // Not final here yet, or of a treasury that is not watched.
        let funds = funds(shell, Some(epoch)).ok()?;
        Some(judged(&funds, &files))
    });
    Ok(proofs.collect())
}

/// What files show of an epoch's funds. Files that are none, or of something else, are what it lacks.
fn judged(funds: &Funds, files: &[PathBuf]) -> FundsProof {
    let mut proof = FundsProof {
        epoch: funds.epoch,
        height: funds.height,
        coins: 0,
        total_sat: 0,
        signed: Vec::new(),
        keys: 0,
        lacks: Vec::new(),
    };
    let texts = files.iter().map(std::fs::read_to_string).collect::<std::io::Result<Vec<String>>>();
    let shown = texts.map_err(anyhow::Error::from).and_then(|texts| check(&funds.descriptor, &funds.message, &texts));
    match shown {
        Ok(shown) => {
            proof.lacks = differences(funds, &shown);
            if !shown.is_complete {
                proof.lacks.push("T-83: not enough keys signed".to_owned());
            }
            (proof.coins, proof.total_sat, proof.keys) = (shown.coins.len(), shown.total_sat, shown.keys.len());
            proof.signed = shown.keys.into_iter().filter(|key| key.signed).map(|key| key.key).collect();
        }
        Err(error) => proof.lacks.push(format!("{error:#}")),
    }
    proof
}

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
