//! Verifying the chain of links from the genesis transaction.

use bitcoin::{BlockHash, OutPoint, Txid, XOnlyPublicKey};
use thiserror::Error;

use crate::commitment::Commitment;
use crate::evidence::LinkEvidence;
use crate::genesis::Genesis;
use crate::headers::BlockHashes;
use crate::inclusion::InclusionError;
use crate::link::{LinkError, verify_link};

/// A link as somebody claims it: what it should commit to under which key, and the evidence.
#[derive(Clone, Copy, Debug)]
pub struct ClaimedLink<'a> {
    /// What output 0 should commit to.
    pub commitment: Commitment,
    /// Internal key that output 0 should have.
    pub anchor_key: XOnlyPublicKey,
    /// The transaction and where it is.
    pub evidence: &'a LinkEvidence,
}

/// A link that was found valid and mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedLink {
    /// Number of the link: 0 is the genesis transaction, link 1 spends its first seal.
    pub number: u32,
    /// Id of the transaction.
    pub txid: Txid,
    /// What it commits to.
    pub commitment: Commitment,
    /// Height of its block.
    pub height: u32,
    /// Hash of its block.
    pub block_hash: BlockHash,
    /// Position in its block.
    pub index: u32,
}

impl VerifiedLink {
    /// The link's output 0, which the next link spends.
    pub fn outpoint(&self) -> OutPoint {
        OutPoint { txid: self.txid, vout: 0 }
    }

    /// Confirmations under a chain with this tip: 1 in the newest block, 0 when the tip is below.
    pub fn depth(&self, tip_height: u32) -> u32 {
        tip_height.saturating_add(1).saturating_sub(self.height)
    }
}

/// Why a chain of links is not valid. `link` is the number of the offending link; 0 is the genesis transaction.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The evidence for the genesis transaction is of another transaction.
    #[error("A-50: the evidence is of transaction {found}, the genesis transaction is {expected}")]
    WrongGenesis {
        /// Transaction of the evidence.
        found: Txid,
        /// The genesis transaction.
        expected: Txid,
    },
    /// The transaction is not the link it should be.
    #[error("link {link}: {error}")]
    Link {
        /// Number of the link.
        link: u32,
        /// The rule broken.
        error: LinkError,
    },
    /// The transaction is not in the block given.
    #[error("link {link}: {error}")]
    Inclusion {
        /// Number of the link.
        link: u32,
        /// The rule broken.
        error: InclusionError,
    },
    /// The block is not in the chain at the height claimed.
    #[error(
        "A-51: link {link}: block {found} is claimed at height {height}, where the chain has {}",
        describe(expected)
    )]
    NotInChain {
        /// Number of the link.
        link: u32,
        /// Height claimed.
        height: u32,
        /// Block of the evidence.
        found: BlockHash,
        /// Block of the chain at that height, if the chain is that long.
        expected: Option<BlockHash>,
    },
    /// The link is mined before the link that it spends.
    #[error("A-52: link {link} is at height {height} index {index}, before the link that it spends")]
    OutOfOrder {
        /// Number of the link.
        link: u32,
        /// Height of its block.
        height: u32,
        /// Position in its block.
        index: u32,
    },
}

/// Result of [`verify_chain`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedChain {
    /// The genesis transaction and every link, in order.
    pub links: Vec<VerifiedLink>,
    /// Height of the tip that depths are counted from.
    pub tip_height: u32,
    /// How many of `links`, from the start, are at least `final_depth` deep.
    pub final_links: usize,
}

impl VerifiedChain {
    /// The seal that the next link will spend.
    pub fn seal(&self) -> OutPoint {
        self.newest().outpoint()
    }

    /// The newest link, or the genesis transaction when there is none.
    pub fn newest(&self) -> &VerifiedLink {
        self.links.last().expect("a chain has its genesis transaction")
    }

    /// Confirmations of link `number`, if there is such a link.
    pub fn depth(&self, number: usize) -> Option<u32> {
        self.links.get(number).map(|link| link.depth(self.tip_height))
    }
}

/// Checks a whole history: the genesis transaction and every link in order, each mined in `blocks`.
///
/// `genesis` comes from [`crate::verify_genesis`]. Uniqueness follows from Bitcoin's consensus; that no newer link
/// exists does not follow.
///
/// # Errors
/// [`ChainError`] with the number of the first bad link. A link that is not yet `final_depth` deep is no error, see
/// [`VerifiedChain::final_links`].
pub fn verify_chain(
    genesis: &Genesis,
    genesis_evidence: &LinkEvidence,
    links: &[ClaimedLink<'_>],
    blocks: &impl BlockHashes,
    final_depth: u32,
) -> Result<VerifiedChain, ChainError> {
    let mut chain = LinkChain::begin(genesis, genesis_evidence, blocks)?;
    let mut verified = vec![chain.newest()];
    for link in links {
        verified.push(chain.extend(link, blocks)?);
    }
    let tip_height = blocks.tip_height();
    // Heights never fall along the chain, so the final links are a prefix.
    let final_links = verified.iter().take_while(|link| link.depth(tip_height) >= final_depth.max(1)).count();
    Ok(VerifiedChain { links: verified, tip_height, final_links })
}

/// The same check one link at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkChain {
    newest: VerifiedLink,
}

impl LinkChain {
    /// Starts with a genesis transaction mined in `blocks`.
    ///
    /// # Errors
    /// [`ChainError`] for link 0.
    pub fn begin(genesis: &Genesis, evidence: &LinkEvidence, blocks: &impl BlockHashes) -> Result<Self, ChainError> {
        //
        let (found, expected) = (evidence.txid(), genesis.first_seal.outpoint.txid);
        if found != expected {
            return Err(ChainError::WrongGenesis { found, expected });
        }
        Ok(Self { newest: mined(0, genesis.first_seal.commitment, evidence, blocks)? })
    }

    /// Goes on from a link that was verified before, for example one pinned in a file.
    pub fn resume(newest: VerifiedLink) -> Self {
        Self { newest }
    }

    /// The newest link verified so far.
    pub fn newest(&self) -> VerifiedLink {
        self.newest
    }

    /// Checks that `link` is the one after the newest, mined in `blocks`. On an error the chain is unchanged.
    ///
    /// # Errors
    /// [`ChainError`] with the number of the link.
    pub fn extend(&mut self, link: &ClaimedLink<'_>, blocks: &impl BlockHashes) -> Result<VerifiedLink, ChainError> {
        let number = self.newest.number.saturating_add(1);
        let transaction = link.evidence.transaction();
        verify_link(transaction, self.newest.outpoint(), link.anchor_key, link.commitment)
            .map_err(|error| ChainError::Link { link: number, error })?;
        let next = mined(number, link.commitment, link.evidence, blocks)?;
        //
        if (next.height, next.index) <= (self.newest.height, self.newest.index) {
            return Err(ChainError::OutOfOrder { link: number, height: next.height, index: next.index });
        }
        self.newest = next;
        Ok(next)
    }
}

/// The height at which the transaction was mined.
///
/// # Errors
/// [`ChainError`] when the evidence does not show that it is in a block of `blocks`.
pub fn mined_height(evidence: &LinkEvidence, blocks: &impl BlockHashes) -> Result<u32, ChainError> {
    mined(0, Commitment::new([0; 32]), evidence, blocks).map(|found| found.height)
}

/// the transaction is in its block and the block is in the chain at the height claimed.
pub(crate) fn mined(
    number: u32,
    commitment: Commitment,
    evidence: &LinkEvidence,
    blocks: &impl BlockHashes,
) -> Result<VerifiedLink, ChainError> {
    evidence.verify().map_err(|error| ChainError::Inclusion { link: number, error })?;
    let inclusion = evidence.inclusion();
    let (height, found) = (inclusion.height(), inclusion.block_hash());
    let expected = blocks.hash_at(height).filter(|_| height <= blocks.tip_height());
    if expected != Some(found) {
        return Err(ChainError::NotInChain { link: number, height, found, expected });
    }
    let (txid, index) = (evidence.txid(), inclusion.index());
    Ok(VerifiedLink { number, txid, commitment, height, block_hash: found, index })
}

fn describe(hash: &Option<BlockHash>) -> String {
    hash.map_or_else(|| "no block".to_owned(), |hash| format!("block {hash}"))
}
