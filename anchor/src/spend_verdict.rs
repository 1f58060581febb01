//! What the spending of a seal or a gate proves, from the mined transaction alone.

use bitcoin::{OutPoint, ScriptBuf, TxOut, Txid, XOnlyPublicKey};

use crate::chain::{ChainError, mined};
use crate::commitment::Commitment;
use crate::evidence::LinkEvidence;
use crate::headers::BlockHashes;
use crate::link::{LinkError, verify_link};

/// What became of a seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealVerdict {
    /// The transaction does not spend the seal: it proves nothing.
    Unrelated,
    /// It is the next link, for one of the headers known.
    NextLink {
        /// What it commits to.
        commitment: Commitment,
        /// The new seal.
        seal: OutPoint,
    },
    /// It spends the seal and is no link for any header known: the hub ended the primary chain, or withholds a
    /// header. Until somebody shows one that it opens to, nothing goes on but by the spare seal.
    SpentElsewhere {
        /// The transaction.
        txid: Txid,
        /// Why it is no link, for the last of the headers known; `None` when none is known.
        reason: Option<LinkError>,
    },
}

/// What a passed proposal allows its gate to be spent into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSpend {
    /// The outputs, in this order, first in the transaction.
    pub outputs: Vec<TxOut>,
    /// First height at which it may be mined.
    pub from_height: u32,
    /// First height at which it may not be mined any more.
    pub expiry_height: u32,
    /// Scripts of the treasury, to which anything beyond the outputs has to go.
    pub treasury: Vec<ScriptBuf>,
}

/// What the spending of a gate was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateVerdict {
    /// The transaction does not spend the gate: it proves nothing.
    Unrelated,
    /// It is what the decision allows.
    Allowed,
    /// It is not: proof against those who signed it.
    Unauthorised(UnauthorisedReason),
}

/// What is wrong with a spend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnauthorisedReason {
    /// No decision allows the gate to be spent.
    NoDecision,
    /// It was mined before or after the heights allowed.
    WrongHeight {
        /// Height of its block.
        height: u32,
    },
    /// Output `vout` is missing or differs from the decision.
    WrongOutput {
        /// Index of the output.
        vout: usize,
    },
    /// Output `vout` goes beyond the decision and not back to the treasury.
    ExtraOutput {
        /// Index of the output.
        vout: usize,
    },
}

/// Judges the mined spender of `seal`; `headers` are the anchor key and commitment of every next header known.
///
/// # Errors
/// [`ChainError`] when the evidence does not show that the transaction is in `blocks`.
pub fn judge_seal_spend(
    seal: OutPoint,
    headers: &[(XOnlyPublicKey, Commitment)],
    evidence: &LinkEvidence,
    blocks: &impl BlockHashes,
) -> Result<SealVerdict, ChainError> {
    let transaction = evidence.transaction();
    if !spends(evidence, seal) {
        return Ok(SealVerdict::Unrelated);
    }
    mined(0, Commitment::new([0; 32]), evidence, blocks)?;
    let mut reason = None;
    for (anchor_key, commitment) in headers {
        match verify_link(transaction, seal, *anchor_key, *commitment) {
            Ok(seal) => return Ok(SealVerdict::NextLink { commitment: *commitment, seal }),
            Err(error) => reason = Some(error),
        }
    }
    //
    Ok(SealVerdict::SpentElsewhere { txid: evidence.txid(), reason })
}

/// Judges the mined spender of `gate`; `allowed` is what the decision that was assigned the gate allows, if there is one.
///
/// # Errors
/// [`ChainError`] when the evidence does not show that the transaction is in `blocks`.
pub fn judge_gate_spend(
    gate: OutPoint,
    allowed: Option<&AllowedSpend>,
    evidence: &LinkEvidence,
    blocks: &impl BlockHashes,
) -> Result<GateVerdict, ChainError> {
    if !spends(evidence, gate) {
        return Ok(GateVerdict::Unrelated);
    }
    let height = mined(0, Commitment::new([0; 32]), evidence, blocks)?.height;
    //
    let Some(allowed) = allowed else { return Ok(GateVerdict::Unauthorised(UnauthorisedReason::NoDecision)) };
    if !(allowed.from_height..allowed.expiry_height).contains(&height) {
        return Ok(GateVerdict::Unauthorised(UnauthorisedReason::WrongHeight { height }));
    }
    let outputs = &evidence.transaction().output;
    let wrong = (0..allowed.outputs.len()).find(|vout| outputs.get(*vout) != Some(&allowed.outputs[*vout]));
    if let Some(vout) = wrong {
        return Ok(GateVerdict::Unauthorised(UnauthorisedReason::WrongOutput { vout }));
    }
    let beyond = outputs.iter().enumerate().skip(allowed.outputs.len());
    let extra = beyond.filter(|(_, output)| !allowed.treasury.contains(&output.script_pubkey)).map(|(vout, _)| vout);
    Ok(match extra.min() {
        Some(vout) => GateVerdict::Unauthorised(UnauthorisedReason::ExtraOutput { vout }),
        None => GateVerdict::Allowed,
    })
}

fn spends(evidence: &LinkEvidence, outpoint: OutPoint) -> bool {
    evidence.transaction().input.iter().any(|input| input.previous_output == outpoint)
}
