//! A regtest chain that exists only in a data directory: real proof of work, real Merkle roots, no bitcoind.

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

use crate::facts::Watch;
use crate::store::{BlockRow, Store};

/// The newest block of a chain whose every block goes into a store, with what the store's owner looks for in it.
pub(super) struct Chain {
    tip: Header,
    height: u32,
}

impl Chain {
    /// Regtest's first block.
    pub(super) fn new() -> Self {
        let first = bitcoin::blockdata::constants::genesis_block(Network::Regtest);
        Self { tip: first.header, height: 0 }
    }

    pub(super) fn tip(&self) -> (u32, BlockHash) {
        (self.height, self.tip.block_hash())
    }

    /// Mines a block of a coinbase and these transactions, and stores it with the facts that `watch` finds in it.
    pub(super) fn mine(&mut self, store: &mut Store, watch: &mut Watch, transactions: Vec<Transaction>) -> Result<()> {
        let height = self.height + 1;
        let mut txdata = vec![coinbase(height)];
        txdata.extend(transactions);
        let root = merkle_tree::calculate_root(txdata.iter().map(Transaction::compute_txid));
        let header = mined(Header {
            version: BlockVersion::from_consensus(0x2000_0000),
            prev_blockhash: self.tip.block_hash(),
            merkle_root: TxMerkleNode::from_raw_hash(root.unwrap_or(Txid::all_zeros()).to_raw_hash()),
            time: self.tip.time + 600,
            bits: self.tip.bits,
            nonce: 0,
        });
        let block = Block { header, txdata };
        let seen = watch.scan(height, &block);
        let row = BlockRow { height, hash: header.block_hash().to_byte_array(), header: serialize(&header) };
        store.write(|writer| {
            writer.put_block(&row)?;
            writer.put_seen(&seen)
        })?;
        (self.tip, self.height) = (header, height);
        Ok(())
    }
}

/// A transaction from nowhere with this output; nothing here checks scripts or inputs.
pub(super) fn from_nowhere(seed: [u8; 32], output: Vec<TxOut>) -> Transaction {
    let previous_output = OutPoint { txid: Txid::from_byte_array(seed), vout: 0 };
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn { previous_output, sequence: Sequence::ENABLE_RBF_NO_LOCKTIME, ..TxIn::default() }],
        output,
    }
}

fn coinbase(height: u32) -> Transaction {
    let input = TxIn {
        previous_output: OutPoint::null(),
        script_sig: ScriptBuf::builder().push_int(height.into()).push_int(0).into_script(),
        sequence: Sequence::MAX,
        witness: Witness::new(),
    };
    let output = TxOut { value: Amount::from_sat(50), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) };
    Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input: vec![input], output: vec![output] }
}

fn mined(mut header: Header) -> Header {
    while !header.target().is_met_by(header.block_hash()) {
        header.nonce += 1;
    }
    header
}
