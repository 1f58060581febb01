//! The rule every link obeys: input 0 spends the seal, output 0 carries the commitment.

use bitcoin::{OutPoint, ScriptBuf, Transaction, XOnlyPublicKey};
use thiserror::Error;

use crate::commitment::{Commitment, link_output_script};

/// What makes a transaction not the link it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The transaction has no input.
    #[error("A-5: the transaction has no input 0")]
    NoInput,
    /// Input 0 spends another output than the seal.
    #[error("A-5: input 0 spends {found}, the seal is {expected}")]
    WrongSeal {
        /// Output that input 0 spends.
        found: OutPoint,
        /// The seal.
        expected: OutPoint,
    },
    /// The transaction has no output.
    #[error("A-6: the transaction has no output 0")]
    NoOutput,
    /// Output 0 is not pay-to-taproot (segwit version 1, 32 bytes).
    #[error("A-6: output 0 is not P2TR: {found:x}")]
    NotTaproot {
        /// Script of output 0.
        found: ScriptBuf,
    },
    /// Output 0 is P2TR with another output key: another commitment, another anchor key, or another tree shape.
    #[error(
        "A-6: output 0 does not open to the commitment {commitment}: its script is {found:x}, should be {expected:x}"
    )]
    DoesNotOpen {
        /// Commitment that the output should carry.
        commitment: Commitment,
        /// Script of output 0.
        found: ScriptBuf,
        /// Script it should have, from the commitment and the anchor key.
        expected: ScriptBuf,
    },
}

/// Checks that `transaction` is the link that spends `seal` and commits to `commitment` under `anchor_key`.
///
/// `anchor_key` is the internal key of the new output 0. More inputs (a wallet topping up the seal) and more outputs
/// (change, an OP_RETURN) are allowed and mean nothing. Signatures are not checked: a confirmed transaction has
/// them checked by consensus.
///
/// Returns the outpoint of the new seal.
///
/// # Errors
/// [`LinkError`] naming the first difference.
pub fn verify_link(
    transaction: &Transaction,
    seal: OutPoint,
    anchor_key: XOnlyPublicKey,
    commitment: Commitment,
) -> Result<OutPoint, LinkError> {
    //
    let found = transaction.input.first().ok_or(LinkError::NoInput)?.previous_output;
    if found != seal {
        return Err(LinkError::WrongSeal { found, expected: seal });
    }
    //
    let output = transaction.output.first().ok_or(LinkError::NoOutput)?;
    verify_link_output(&output.script_pubkey, anchor_key, commitment)?;
    Ok(OutPoint { txid: transaction.compute_txid(), vout: 0 })
}

/// A-6 for a script: the link output of `(anchor_key, commitment)` and no other.
pub(crate) fn verify_link_output(
    script: &ScriptBuf,
    anchor_key: XOnlyPublicKey,
    commitment: Commitment,
) -> Result<(), LinkError> {
    if !script.is_p2tr() {
        return Err(LinkError::NotTaproot { found: script.clone() });
    }
    let expected = link_output_script(anchor_key, commitment);
    if *script != expected {
        return Err(LinkError::DoesNotOpen { commitment, found: script.clone(), expected });
    }
    Ok(())
}
