//! Timestamps of links.

use bitcoin::consensus::encode;
use bitcoin::hashes::Hash;
use bitcoin::taproot::LeafVersion;
use bitcoin::{Block, ScriptBuf, Transaction, TxIn, Txid, Witness, Wtxid};
use thiserror::Error;

use super::file::TimestampFile;
use super::path::OtsPath;
use super::reader::OtsError;
use crate::commitment::{Commitment, commitment_leaf};
use crate::evidence::LinkEvidence;
use crate::inclusion::InclusionError;
use crate::merkle::{Branch, branch_of};
use crate::seal::Seal;

/// Start of a coinbase output that carries the witness commitment (BIP141): OP_RETURN, push of 36 bytes, tag.
const WITNESS_COMMITMENT_PREFIX: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];

/// Why a link cannot be exported.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The transaction is not in the block.
    #[error(transparent)]
    Inclusion(#[from] InclusionError),
    /// A message would be longer than clients accept, for example in a block with a long coinbase.
    #[error(transparent)]
    Ots(#[from] OtsError),
    /// Output 0 is no P2TR output.
    #[error("A-94: output 0 of {link} is not P2TR")]
    NotTaproot {
        /// The transaction.
        link: Txid,
    },
    /// The link has no OP_RETURN output with the commitment.
    #[error("A-95: {link} has no OP_RETURN output with commitment {commitment}")]
    NoOpReturn {
        /// The transaction.
        link: Txid,
        /// The commitment looked for.
        commitment: Commitment,
    },
    /// The link does not show the leaf of the seal that it spends.
    #[error("A-96: {link} does not spend its seal by the commitment leaf")]
    NotRevealed {
        /// The transaction.
        link: Txid,
    },
    /// The block's coinbase has no witness commitment or no reserved value, so it commits to no witness.
    #[error("A-96: the block commits to no witness")]
    NoWitnessCommitment,
}

/// The split form: from the key of output 0 to the block. The digest of the file is that key, the x coordinate;
/// clients are given it instead of a file (`ots verify -d KEY`). That the key is made of the anchor key and the
/// commitment is checked with [`crate::opens`].
///
/// # Errors
/// [`ExportError`]: not a link, not in the block given, or too long.
pub fn split_timestamp(link: &LinkEvidence) -> Result<TimestampFile, ExportError> {
    let not_taproot = ExportError::NotTaproot { link: link.txid() };
    let script = link.transaction().output.first().map(|output| output.script_pubkey.clone());
    let script = script.filter(|script| script.is_p2tr()).ok_or(not_taproot.clone())?;
    let key: [u8; 32] = script.as_bytes()[2..].try_into().expect("a P2TR script is 34 bytes");
    let path = link_steps(link, &key)?.ok_or(not_taproot)?;
    Ok(TimestampFile::new(key, &path, link.inclusion().height())?)
}

/// The OP_RETURN form: `to_commitment` leads from the SHA-256 hash `digest` of a file to `commitment`, which the link
/// repeats in an output. With an empty path, the digest is the commitment itself.
///
/// # Errors
/// [`ExportError`]: the link does not repeat the commitment, is not in the block given, or is too long.
pub fn op_return_timestamp(
    digest: [u8; 32],
    to_commitment: OtsPath,
    commitment: Commitment,
    link: &LinkEvidence,
) -> Result<TimestampFile, ExportError> {
    let script = ScriptBuf::new_op_return(commitment.to_bytes());
    let no_op_return = ExportError::NoOpReturn { link: link.txid(), commitment };
    if !link.transaction().output.iter().any(|output| output.script_pubkey == script) {
        return Err(no_op_return);
    }
    let steps = link_steps(link, &commitment.to_bytes())?.ok_or(no_op_return)?;
    Ok(TimestampFile::new(digest, &to_commitment.then(steps), link.inclusion().height())?)
}

/// The reveal form: `to_commitment` leads from the SHA-256 hash `digest` of a file to the commitment of `seal`, which the
/// transaction `link` spends by its leaf; the block's coinbase commits to the witness that shows it.
///
/// `block` is the whole block with witnesses, at `height`.
///
/// # Errors
/// [`ExportError`]: the link does not reveal the leaf, is not in the block, or a message is too long.
pub fn reveal_timestamp(
    digest: [u8; 32],
    to_commitment: OtsPath,
    seal: &Seal,
    link: Txid,
    block: &Block,
    height: u32,
) -> Result<TimestampFile, ExportError> {
    let txids: Vec<Txid> = block.txdata.iter().map(Transaction::compute_txid).collect();
    let position = txids.iter().position(|id| *id == link).ok_or(InclusionError::NotInBlock { txid: link })?;
    let transaction = &block.txdata[position];

    // Commitment to leaf, leaf to transaction with witness.
    let not_revealed = ExportError::NotRevealed { link };
    let leaf = commitment_leaf(seal.anchor_key, seal.commitment);
    let shows_leaf = |input: &TxIn| {
        let shown = input.witness.taproot_leaf_script();
        input.previous_output == seal.outpoint
            && shown.is_some_and(|shown| shown.version == LeafVersion::TapScript && shown.script == leaf.as_script())
    };
    if !transaction.input.first().is_some_and(shows_leaf) {
        return Err(not_revealed);
    }
    let leaf_steps = around(leaf.as_bytes(), &seal.commitment.to_bytes()).ok_or(not_revealed.clone())?;
    let witness_steps = around(&encode::serialize(transaction), leaf.as_bytes()).ok_or(not_revealed)?.sha256d();

    // Witness root to coinbase (BIP141): the coinbase counts as 32 zero bytes.
    let coinbase = block.coinbase().ok_or(ExportError::NoWitnessCommitment)?;
    let reserved = coinbase.input[0].witness.nth(0).filter(|value| value.len() == 32);
    let reserved = reserved.ok_or(ExportError::NoWitnessCommitment)?;
    let wtxids = block.txdata.iter().skip(1).map(Transaction::compute_wtxid);
    let leaves = std::iter::once(Wtxid::all_zeros()).chain(wtxids).map(|id| id.to_byte_array()).collect();
    let branch = branch_of(leaves, position).ok_or(ExportError::NoWitnessCommitment)?;
    let to_witness_root = up(OtsPath::new(), &branch).wrap(&[], reserved).sha256d();
    let full = leaf_steps.then(witness_steps).then(to_witness_root);
    let witness_commitment = full.apply(&seal.commitment.to_bytes())?;
    let carried = [&WITNESS_COMMITMENT_PREFIX[..], &witness_commitment].concat();
    if !coinbase.output.iter().any(|output| output.script_pubkey.as_bytes().starts_with(&carried)) {
        return Err(ExportError::NoWitnessCommitment);
    }

    // Coinbase to block.
    let stripped = stripped_bytes(coinbase);
    let to_coinbase = around(&stripped, &witness_commitment).ok_or(ExportError::NoWitnessCommitment)?.sha256d();
    let ids = txids.iter().map(|id| id.to_byte_array()).collect();
    let branch = branch_of(ids, 0).ok_or(ExportError::NoWitnessCommitment)?;
    let path = to_commitment.then(full).then(up(to_coinbase, &branch));
    Ok(TimestampFile::new(digest, &path, height)?)
}

/// Operations from 32 bytes that stand somewhere in a mined transaction (without witness) to its block's Merkle root;
/// `None` when they do not stand there.
///
/// # Errors
/// [`ExportError::Inclusion`] when the transaction is not in the block of the evidence.
pub fn link_steps(link: &LinkEvidence, bytes: &[u8; 32]) -> Result<Option<OtsPath>, ExportError> {
    link.verify()?;
    let Some(to_txid) = around(&encode::serialize(link.transaction()), bytes) else { return Ok(None) };
    let inclusion = link.inclusion();
    let sides = inclusion.siblings().iter().enumerate();
    let branch = sides.map(|(level, node)| (node.to_byte_array(), (inclusion.index() >> level) & 1 == 1)).collect();
    Ok(Some(up(to_txid.sha256d(), &branch)))
}

/// Operations that put the rest of `whole` around `part`, where it first stands.
fn around(whole: &[u8], part: &[u8]) -> Option<OtsPath> {
    let at = whole.windows(part.len()).position(|window| window == part)?;
    Some(OtsPath::new().wrap(&whole[..at], &whole[at + part.len()..]))
}

fn up(path: OtsPath, branch: &Branch) -> OtsPath {
    branch.iter().fold(path, |path, (sibling, is_left)| path.block_node(sibling, *is_left))
}

fn stripped_bytes(transaction: &Transaction) -> Vec<u8> {
    let mut stripped = transaction.clone();
    for input in &mut stripped.input {
        input.witness = Witness::new();
    }
    encode::serialize(&stripped)
}
