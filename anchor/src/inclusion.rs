//! That a transaction is in a block: a Merkle branch from its id to the block header's root.

use bitcoin::block::Header;
use bitcoin::consensus::encode;
use bitcoin::hashes::{Hash, HashEngine, sha256d};
use bitcoin::{Amount, BlockHash, Transaction, TxMerkleNode, Txid};
use thiserror::Error;

use crate::codec::{DecodeError, Reader, Writer};

/// Most levels a block's Merkle tree can have: a block holds at most 16,666 transactions (4,000,000 weight units, 240
/// for the smallest transaction).
pub const MAX_BRANCH_DEPTH: usize = 15;

/// Version of the stand-alone encoding.
const VERSION: u8 = 1;

/// Serialised size (without witness) that a transaction must not have, see [`InclusionError::SixtyFourBytes`].
const NODE_PREIMAGE_BYTES: usize = 64;

/// A block header and the Merkle branch of one transaction under it.
///
/// The height is a claim that only a header chain can confirm; [`TxInclusion::verify`] checks everything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxInclusion {
    header: Header,
    height: u32,
    index: u32,
    siblings: Vec<TxMerkleNode>,
}

/// Why a branch does not prove that a transaction is in a block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InclusionError {
    /// The block has no transaction with this id.
    #[error("A-20: the block has no transaction {txid}")]
    NotInBlock {
        /// The id looked for.
        txid: Txid,
    },
    /// The list of transaction ids does not give the header's Merkle root.
    #[error("A-20: the {transactions} transaction ids do not give the Merkle root {expected} of the block")]
    WrongBlock {
        /// How many ids were given.
        transactions: usize,
        /// Merkle root in the header.
        expected: TxMerkleNode,
    },
    /// The branch is longer than any block's tree is high.
    #[error("A-21: the branch has {depth} levels, at most {MAX_BRANCH_DEPTH} are possible")]
    TooDeep {
        /// Levels of the branch.
        depth: usize,
    },
    /// The index has bits that the branch's levels do not use.
    #[error("A-21: index {index} does not fit a branch of {depth} levels")]
    IndexOutOfRange {
        /// The index claimed.
        index: u32,
        /// Levels of the branch.
        depth: usize,
    },
    /// The transaction is 64 bytes long without witness, and so could be an inner node in disguise (CVE-2017-12842).
    #[error("A-22: a transaction of 64 bytes could be an inner node of the tree and proves nothing")]
    SixtyFourBytes,
    /// An inner node's 64 bytes read as a transaction, so the branch may go below a real leaf (CVE-2017-12842).
    #[error("A-23: the node at level {level} of the branch reads as a 64-byte transaction")]
    NodeIsTransaction {
        /// Level of the node, 1 is the parent of the transaction.
        level: usize,
    },
    /// A right child equals its left sibling: the copy that an odd level makes (CVE-2012-2459), not a transaction.
    #[error("A-24: at level {level} the branch stands on the copy that fills an odd level")]
    DuplicatedNode {
        /// Level of the pair, 0 is that of the transactions.
        level: usize,
    },
    /// The branch ends in another root than the header's.
    #[error("A-20: the branch of transaction {txid} ends in {found}, the block's Merkle root is {expected}")]
    WrongRoot {
        /// The transaction.
        txid: Txid,
        /// Root that the branch gives.
        found: TxMerkleNode,
        /// Merkle root in the header.
        expected: TxMerkleNode,
    },
}

impl TxInclusion {
    /// Builds the branch of `txid` from all transaction ids of its block, in block order.
    ///
    /// # Errors
    /// [`InclusionError::NotInBlock`]; [`InclusionError::WrongBlock`] when the ids are not those of the header.
    pub fn from_block_txids(header: Header, height: u32, txids: &[Txid], txid: Txid) -> Result<Self, InclusionError> {
        let position = txids.iter().position(|id| *id == txid).ok_or(InclusionError::NotInBlock { txid })?;
        let mut level: Vec<TxMerkleNode> =
            txids.iter().map(|id| TxMerkleNode::from_raw_hash(id.to_raw_hash())).collect();
        let mut siblings = Vec::new();
        let mut at = position;
        while level.len() > 1 {
            // An odd level is filled with a copy of its last node.
            siblings.push(*level.get(at ^ 1).unwrap_or(&level[at]));
            level = level
                .chunks(2)
                .map(|pair| parent(&preimage(pair[0], *pair.last().expect("chunks are not empty"))))
                .collect();
            at /= 2;
        }
        let wrong_block = InclusionError::WrongBlock { transactions: txids.len(), expected: header.merkle_root };
        let index = u32::try_from(position).ok().filter(|_| level[0] == header.merkle_root).ok_or(wrong_block)?;
        if siblings.len() > MAX_BRANCH_DEPTH {
            return Err(InclusionError::TooDeep { depth: siblings.len() });
        }
        Ok(Self { header, height, index, siblings })
    }

    /// The block's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Hash of the block.
    pub fn block_hash(&self) -> BlockHash {
        self.header.block_hash()
    }

    /// Height that is claimed for the block.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Position of the transaction in the block, the coinbase being 0.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Hashes beside the path, from the transactions' level upwards.
    pub fn siblings(&self) -> &[TxMerkleNode] {
        &self.siblings
    }

    /// Checks that `transaction` is in the block with this header.
    ///
    /// # Errors
    /// [`InclusionError`] naming the rule; nothing is said about whether the header is part of Bitcoin's chain.
    pub fn verify(&self, transaction: &Transaction) -> Result<(), InclusionError> {
        //
        if transaction.base_size() == NODE_PREIMAGE_BYTES {
            return Err(InclusionError::SixtyFourBytes);
        }
        self.verify_txid(transaction.compute_txid())
    }

    fn verify_txid(&self, txid: Txid) -> Result<(), InclusionError> {
        //
        let depth = self.siblings.len();
        if depth > MAX_BRANCH_DEPTH {
            return Err(InclusionError::TooDeep { depth });
        }
        if self.index >> depth != 0 {
            return Err(InclusionError::IndexOutOfRange { index: self.index, depth });
        }
        let mut node = TxMerkleNode::from_raw_hash(txid.to_raw_hash());
        for (level, sibling) in self.siblings.iter().enumerate() {
            let is_right_child = (self.index >> level) & 1 == 1;
            //
            if is_right_child && *sibling == node {
                return Err(InclusionError::DuplicatedNode { level });
            }
            let preimage = if is_right_child { preimage(*sibling, node) } else { preimage(node, *sibling) };
            //
            if reads_as_transaction(&preimage) {
                return Err(InclusionError::NodeIsTransaction { level: level + 1 });
            }
            node = parent(&preimage);
        }
        if node != self.header.merkle_root {
            return Err(InclusionError::WrongRoot { txid, found: node, expected: self.header.merkle_root });
        }
        Ok(())
    }

    /// Canonical bytes by themselves: version, then the fields.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u8(VERSION);
        self.write(&mut writer);
        writer.finish()
    }

    /// Reads what [`TxInclusion::encode`] wrote. Says nothing about whether the branch verifies.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not the canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VERSION)?;
        let inclusion = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(inclusion)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.array(&encode::serialize(&self.header));
        writer.u32(self.height);
        writer.u32(self.index);
        writer.count(self.siblings.len());
        for sibling in &self.siblings {
            writer.array(sibling.as_byte_array());
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = reader.take("header", Header::SIZE)?;
        let header = encode::deserialize(header).expect("any 80 bytes are a header");
        let height = reader.u32("height")?;
        let index = reader.u32("index")?;
        let count = reader.count("siblings", MAX_BRANCH_DEPTH)?;
        let mut siblings = Vec::with_capacity(count);
        for _ in 0..count {
            siblings.push(TxMerkleNode::from_byte_array(reader.array("sibling")?));
        }
        Ok(Self { header, height, index, siblings })
    }
}

fn preimage(left: TxMerkleNode, right: TxMerkleNode) -> [u8; NODE_PREIMAGE_BYTES] {
    let mut bytes = [0; NODE_PREIMAGE_BYTES];
    bytes[..32].copy_from_slice(left.as_byte_array());
    bytes[32..].copy_from_slice(right.as_byte_array());
    bytes
}

fn parent(preimage: &[u8; NODE_PREIMAGE_BYTES]) -> TxMerkleNode {
    let mut engine = sha256d::Hash::engine();
    engine.input(preimage);
    TxMerkleNode::from_raw_hash(sha256d::Hash::from_engine(engine))
}

/// Whether 64 bytes are a transaction that could stand in a block: they parse, have an input and an output, and pay no
/// more than exists. For the hashes of honest transactions the chance is below 2^-40 a level.
fn reads_as_transaction(preimage: &[u8; NODE_PREIMAGE_BYTES]) -> bool {
    encode::deserialize::<Transaction>(preimage).is_ok_and(|transaction| {
        !transaction.input.is_empty()
            && !transaction.output.is_empty()
            && transaction.output.iter().all(|output| output.value <= Amount::MAX_MONEY)
    })
}
