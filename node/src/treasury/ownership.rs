//! Signatures that move nothing, by files: who holds which key, and what the treasury can spend (T-80 to T-83).

use althing_anchor::{Treasury, TreasuryCoin, check_ownership, merge_signatures, ownership_psbt};
use anyhow::{Context, Result};
use bitcoin::psbt::Psbt;
use serde::{Deserialize, Serialize};

use super::key::Signer;
use super::text::psbt_from;

/// What signed ownership files show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnershipReport {
    /// Every key of the descriptor.
    pub keys: Vec<OwnershipKey>,
    /// Whether enough keys signed every input.
    pub is_complete: bool,
    /// Coins shown: `txid:vout` and satoshis.
    pub coins: Vec<(String, u64)>,
    /// Their sum.
    pub total_sat: u64,
}

/// One key of the descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnershipKey {
    /// As the descriptor has it.
    pub key: String,
    /// Whether it signed.
    pub signed: bool,
}

/// The PSBT that every treasurer signs.
///
/// # Errors
/// A descriptor that is no treasury, or coins of another.
pub fn open(descriptor: &str, message: &str, coins: &[TreasuryCoin]) -> Result<Psbt> {
    Ok(ownership_psbt(&Treasury::parse(descriptor.trim())?, message.as_bytes(), 0, coins)?)
}

/// Signs it, and nothing else: any other PSBT is refused.
///
/// # Errors
/// A PSBT that signs another message or could move coins, or a key that is not there.
pub fn sign(descriptor: &str, message: &str, psbt: &str, signer: &Signer) -> Result<Psbt> {
    let treasury = Treasury::parse(descriptor.trim())?;
    let mut psbt = psbt_from(psbt.as_bytes())?;
    check_ownership(&psbt, &treasury, message.as_bytes())?;
    signer.sign(&mut psbt)?;
    check_ownership(&psbt, &treasury, message.as_bytes())?;
    Ok(psbt)
}

/// Puts signed files together and says what they show.
///
/// # Errors
/// Files of different messages or transactions, or a signature that is not good.
pub fn check(descriptor: &str, message: &str, files: &[String]) -> Result<OwnershipReport> {
    let treasury = Treasury::parse(descriptor.trim())?;
    let mut psbts = files.iter().map(|file| psbt_from(file.as_bytes()));
    let mut all = psbts.next().context("T-80: there is no file")??;
    for other in psbts {
        merge_signatures(&mut all, &other?, std::slice::from_ref(&treasury))?;
    }
    let proof = check_ownership(&all, &treasury, message.as_bytes())?;
    let keys = treasury.keys().iter().enumerate();
    let total = proof.coins.iter().fold(0u64, |sum, (_, value)| sum.saturating_add(value.to_sat()));
    Ok(OwnershipReport {
        keys: keys
            .map(|(number, key)| OwnershipKey { key: key.to_string(), signed: proof.signed.contains(&number) })
            .collect(),
        is_complete: proof.is_complete,
        coins: proof.coins.iter().map(|(outpoint, value)| (outpoint.to_string(), value.to_sat())).collect(),
        total_sat: total,
    })
}
