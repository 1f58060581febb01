//! A regtest chain that the tests mine themselves: real proof of work, real Merkle roots, and what it says of outputs.

use althing_anchor::{BlockHashes, HeaderChain, LinkEvidence, TxInclusion};
use althing_channels::funding_script;
use althing_governance::roll::{FundingFact, StakeClaim};
use althing_node::forced;
use althing_node::ledger::ChainView;
use anyhow::Result;
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version as BlockVersion};
use bitcoin::consensus::encode::serialize;
use bitcoin::hashes::Hash as _;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, Block, BlockHash, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut, Txid,
    Witness, merkle_tree,
};

/// Blocks from the network's first on.
#[derive(Clone)]
pub(crate) struct Chain {
    checked: HeaderChain,
    headers: Vec<Header>,
    blocks: Vec<Vec<Transaction>>,
    stakes_hidden: bool,
    entries_hidden: bool,
    /// Makes the blocks of a branch others than those that they replace.
    branch: u32,
}

impl Chain {
    pub(crate) fn new() -> Self {
        let first = bitcoin::blockdata::constants::genesis_block(Network::Regtest);
        Self {
            checked: HeaderChain::new(Network::Regtest),
            headers: vec![first.header],
            blocks: vec![first.txdata],
            stakes_hidden: false,
            entries_hidden: false,
            branch: 0,
        }
    }

    /// Mines a block of a coinbase and these transactions.
    pub(crate) fn mine(&mut self, transactions: Vec<Transaction>) {
        let height = self.height() + 1;
        let mut block = vec![coinbase(height)];
        block.extend(transactions);
        let previous = self.headers[height as usize - 1];
        let header = mined(Header {
            version: BlockVersion::from_consensus(0x2000_0000),
            prev_blockhash: previous.block_hash(),
            merkle_root: merkle_root(&block),
            time: previous.time + 600 + self.branch,
            bits: previous.bits,
            nonce: 0,
        });
        self.checked.connect(&header).unwrap();
        self.headers.push(header);
        self.blocks.push(block);
    }

    pub(crate) fn height(&self) -> u32 {
        self.checked.tip_height()
    }

    pub(crate) fn hash(&self, height: u32) -> BlockHash {
        self.headers[height as usize].block_hash()
    }

    /// The file of 80-byte headers that a verifier is given.
    pub(crate) fn header_bytes(&self) -> Vec<u8> {
        self.headers.iter().flat_map(serialize).collect()
    }

    pub(crate) fn block(&self, height: u32) -> Block {
        Block { header: self.headers[height as usize], txdata: self.blocks[height as usize].clone() }
    }

    /// A transaction with its place in the chain.
    pub(crate) fn evidence(&self, txid: Txid) -> LinkEvidence {
        let (height, index) = self.find(txid).unwrap();
        let block = &self.blocks[height];
        LinkEvidence::new(block[index].clone(), included(self.headers[height], height as u32, block, txid))
    }

    /// The same block with its last transaction replaced: Merkle root and proof of work made anew.
    pub(crate) fn forged_block(&self, height: u32, replacement: Transaction) -> (Header, LinkEvidence) {
        let mut block = self.blocks[height as usize].clone();
        *block.last_mut().unwrap() = replacement.clone();
        let header = mined(Header { merkle_root: merkle_root(&block), ..self.headers[height as usize] });
        let inclusion = included(header, height, &block, replacement.compute_txid());
        (header, LinkEvidence::new(replacement, inclusion))
    }

    /// As [`Self::forged_block`], with so many transactions beside it.
    pub(crate) fn forged_full_block(
        &self,
        height: u32,
        replacement: Transaction,
        beside: u32,
    ) -> (Header, LinkEvidence) {
        let other =
            |n: u32| Txid::from_byte_array(bitcoin::hashes::sha256::Hash::hash(&n.to_be_bytes()).to_byte_array());
        let txid = replacement.compute_txid();
        let txids: Vec<Txid> = (0..beside).map(other).chain([txid]).collect();
        let root = merkle_tree::calculate_root(txids.iter().copied()).unwrap();
        let merkle_root = TxMerkleNode::from_raw_hash(root.to_raw_hash());
        let header = mined(Header { merkle_root, ..self.headers[height as usize] });
        let inclusion = TxInclusion::from_block_txids(header, height, &txids, txid).unwrap();
        (header, LinkEvidence::new(replacement, inclusion))
    }

    /// The chain after a reorganisation: its blocks up to `height`; those mined on top are others than before.
    pub(crate) fn branch_at(&self, height: u32) -> Self {
        let mut branch = Self { branch: self.branch + 1, ..Self::new() };
        for (header, block) in self.headers.iter().zip(&self.blocks).skip(1).take(height as usize) {
            branch.checked.connect(header).unwrap();
            branch.headers.push(*header);
            branch.blocks.push(block.clone());
        }
        branch
    }

    /// The transactions of the blocks above a height, without those that make new coins.
    pub(crate) fn transactions_above(&self, height: u32) -> Vec<Transaction> {
        self.blocks.iter().skip(height as usize + 1).flat_map(|block| &block[1..]).cloned().collect()
    }

    /// The height of a transaction's block.
    pub(crate) fn height_of(&self, txid: Txid) -> u32 {
        self.find(txid).unwrap().0 as u32
    }

    /// The same blocks, seen by a source that hides every stake.
    pub(crate) fn with_stakes_hidden(&self) -> Self {
        Self { stakes_hidden: true, ..self.clone() }
    }

    /// The same blocks, seen by somebody who looks for entries in them, or does not.
    pub(crate) fn with_entries_hidden(&self, entries_hidden: bool) -> Self {
        Self { entries_hidden, ..self.clone() }
    }

    fn find(&self, txid: Txid) -> Option<(usize, usize)> {
        self.find_transaction(|tx| tx.compute_txid() == txid)
    }

    fn find_transaction(&self, mut wanted: impl FnMut(&Transaction) -> bool) -> Option<(usize, usize)> {
        self.blocks.iter().enumerate().find_map(|(height, block)| Some((height, block.iter().position(&mut wanted)?)))
    }

    fn spender(&self, outpoint: OutPoint) -> Option<(usize, usize)> {
        self.find_transaction(|tx| tx.input.iter().any(|input| input.previous_output == outpoint))
    }
}

impl BlockHashes for Chain {
    fn hash_at(&self, height: u32) -> Option<BlockHash> {
        self.checked.hash_at(height)
    }

    fn tip_height(&self) -> u32 {
        self.height()
    }
}

impl ChainView for Chain {
    fn block_hash(&mut self, height: u32) -> Result<Option<BlockHash>> {
        Ok(self.hash_at(height))
    }

    fn tip_height(&mut self) -> Result<u32> {
        Ok(self.height())
    }

    fn funding(&mut self, claim: &StakeClaim, _others: &[OutPoint]) -> Result<Vec<FundingFact>> {
        let Some((height, index)) = self.find(claim.outpoint.txid) else { return Ok(Vec::new()) };
        let output = &self.blocks[height][index].output[claim.outpoint.vout as usize];
        let wanted = funding_script(&claim.member_funding_key, &claim.hub_funding_key);
        let fact = (output.script_pubkey == wanted && !self.stakes_hidden).then(|| FundingFact {
            outpoint: claim.outpoint,
            value_sat: output.value.to_sat(),
            height: height as u32,
            spent_height: self.spender(claim.outpoint).map(|(height, _)| height as u32),
            successor: None,
            released_height: self.spender(claim.outpoint).map(|(height, _)| height as u32),
        });
        Ok(fact.into_iter().collect())
    }

    fn spender_of_seal(&mut self, seal: OutPoint) -> Result<Option<LinkEvidence>> {
        Ok(self.spender(seal).map(|(height, index)| self.evidence(self.blocks[height][index].compute_txid())))
    }

    fn creator(&mut self, outpoint: OutPoint) -> Result<Option<LinkEvidence>> {
        Ok(self.find(outpoint.txid).map(|_| self.evidence(outpoint.txid)))
    }

    fn entries_on_bitcoin(&mut self, first: u32, last: u32) -> Result<Vec<(u32, Vec<u8>)>> {
        let heights = first..=last.min(self.height());
        let heights = heights.filter(|_| !self.entries_hidden);
        let outputs = heights.flat_map(|height| {
            let outputs = self.blocks[height as usize].iter().flat_map(|tx| &tx.output);
            outputs.filter_map(move |output| Some((height, forced::carried(&output.script_pubkey)?.to_vec())))
        });
        Ok(outputs.collect())
    }
}

/// An input without signature; none of these chains checks scripts.
pub(crate) fn input(txid: Txid, vout: u32) -> TxIn {
    TxIn {
        previous_output: OutPoint { txid, vout },
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    }
}

pub(crate) fn transaction(input: Vec<TxIn>, output: Vec<TxOut>) -> Transaction {
    Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output }
}

fn coinbase(height: u32) -> Transaction {
    let mut input = input(Txid::all_zeros(), u32::MAX);
    input.script_sig = ScriptBuf::builder().push_int(height.into()).push_int(0).into_script();
    let output = TxOut { value: Amount::from_sat(50), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) };
    transaction(vec![input], vec![output])
}

fn mined(mut header: Header) -> Header {
    while !header.target().is_met_by(header.block_hash()) {
        header.nonce += 1;
    }
    header
}

fn merkle_root(block: &[Transaction]) -> TxMerkleNode {
    let root = merkle_tree::calculate_root(block.iter().map(Transaction::compute_txid)).unwrap();
    TxMerkleNode::from_raw_hash(root.to_raw_hash())
}

fn included(header: Header, height: u32, block: &[Transaction], txid: Txid) -> TxInclusion {
    let txids: Vec<Txid> = block.iter().map(Transaction::compute_txid).collect();
    TxInclusion::from_block_txids(header, height, &txids, txid).unwrap()
}
