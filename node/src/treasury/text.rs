//! PSBTs as files have them: binary, base64, hexadecimal, or what was read from a row of QR codes.

use althing_anchor::read_payout;
use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bitcoin::psbt::Psbt;

/// Longest PSBT read, in bytes.
pub const MAX_PSBT_BYTES: usize = 8 * 1024 * 1024;

const MAGIC: &[u8] = b"psbt\xff";

/// The bytes of a PSBT, whichever way a file has them.
///
/// # Errors
/// When they are none of these, or too long.
pub fn psbt_bytes(file: &[u8]) -> Result<Vec<u8>> {
    if file.len() > MAX_PSBT_BYTES {
        bail!("T-40: {} bytes are too long for a PSBT", file.len());
    }
    if file.starts_with(MAGIC) {
        return Ok(file.to_vec());
    }
    let text: String =
        std::str::from_utf8(file).context("T-40: this is neither a PSBT nor text")?.split_whitespace().collect();
    if super::ur::is_ur(&text) {
        return super::ur::read(file).context("T-40");
    }
    let bytes = match crate::keys::unhex(&text) {
        Ok(bytes) => bytes,
        Err(_) => STANDARD.decode(&text).context("T-40: this is neither a PSBT, nor base64, nor hexadecimal")?,
    };
    if !bytes.starts_with(MAGIC) {
        bail!("T-40: this is no PSBT: it does not begin with the letters psbt");
    }
    Ok(bytes)
}

/// A PSBT from a file.
///
/// # Errors
/// As [`psbt_bytes`], and what the format refuses.
pub fn psbt_from(file: &[u8]) -> Result<Psbt> {
    Psbt::deserialize(&psbt_bytes(file)?).map_err(|error| anyhow::anyhow!("T-40: not a PSBT: {error}"))
}

/// Base64, as every wallet reads it.
pub fn psbt_text(psbt: &Psbt) -> String {
    STANDARD.encode(psbt.serialize())
}

/// The payout beside a stage transaction as a file of its own (T-87): for a signer that knows nothing of pairs.
///
/// # Errors
/// A file that is no PSBT, or has no payout beside it.
pub fn payout_text(stage: &str) -> Result<String> {
    let payout = read_payout(&psbt_from(stage.as_bytes())?).map_err(|error| anyhow::anyhow!("T-88: {error}"))?;
    Ok(psbt_text(&payout.context("T-87: nothing that it pays is staged")?))
}
