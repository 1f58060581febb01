//! What travels in a PSBT beside the transaction: the proof of the decision (T-30).

use bitcoin::psbt::Psbt;
use bitcoin::psbt::raw::ProprietaryKey;

/// Identifier of our proprietary fields (BIP174).
const PREFIX: &[u8] = b"althing";

const PROOF: u8 = 0;
const NOTE: u8 = 1;
const PAYOUT: u8 = 2;

/// The proof that a PSBT carries. Wallets that do not know the fields keep them and can still sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PsbtProof {
    /// Proof files, one for each payment, in the order of their outputs.
    pub bundles: Vec<Vec<u8>>,
    /// A label for people; untrusted text.
    pub note: Option<String>,
}

/// Puts the proof into the global fields of a PSBT, replacing one that is there. A payout stays.
pub fn write_proof(psbt: &mut Psbt, proof: &PsbtProof) {
    psbt.proprietary.retain(|key, _| key.prefix != PREFIX || key.subtype == PAYOUT);
    for (number, bundle) in (0u32..).zip(&proof.bundles) {
        psbt.proprietary.insert(field(PROOF, &number.to_be_bytes()), bundle.clone());
    }
    if let Some(note) = &proof.note {
        psbt.proprietary.insert(field(NOTE, &[]), note.as_bytes().to_vec());
    }
}

/// The proof in the global fields of a PSBT; empty when there is none.
pub fn read_proof(psbt: &Psbt) -> PsbtProof {
    // Big-endian numbers: the map's order is theirs.
    let ours = || psbt.proprietary.iter().filter(|(key, _)| key.prefix == PREFIX);
    let bundles = ours().filter(|(key, _)| key.subtype == PROOF).map(|(_, bytes)| bytes.clone()).collect();
    let note =
        ours().find(|(key, _)| key.subtype == NOTE).map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
    PsbtProof { bundles, note }
}

/// Puts the payout of a staged payment beside the stage transaction (T-87).
pub fn write_payout(psbt: &mut Psbt, payout: &Psbt) {
    psbt.proprietary.insert(field(PAYOUT, &[]), payout.serialize());
}

/// The payout beside a stage transaction; `None` when there is none.
///
/// # Errors
/// The parser's message.
pub fn read_payout(psbt: &Psbt) -> Result<Option<Psbt>, String> {
    let Some(bytes) = psbt.proprietary.get(&field(PAYOUT, &[])) else { return Ok(None) };
    Psbt::deserialize(bytes).map(Some).map_err(|error| error.to_string())
}

fn field(subtype: u8, key: &[u8]) -> ProprietaryKey {
    ProprietaryKey { prefix: PREFIX.to_vec(), subtype, key: key.to_vec() }
}
