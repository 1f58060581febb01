//! Making blocks and unmaking them.

use bdk_bitcoind_rpc::bitcoincore_rpc::RpcApi;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Address, BlockHash, Transaction};
use serde_json::json;

use super::Node;
use crate::error::Error;

/// Blocks asked for in one call, so that a call ends well within the client's patience.
const BLOCKS_PER_CALL: u32 = 50;

impl Node {
    /// Mines `count` blocks with everything minable from the mempool; the miner of this node gets the coins.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Stopped`].
    pub fn mine(&self, count: u32) -> Result<Vec<BlockHash>, Error> {
        self.mine_to(count, &self.miner.address(0))
    }

    /// As [`Node::mine`], with the coins for `address`.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Stopped`].
    pub fn mine_to(&self, count: u32, address: &Address) -> Result<Vec<BlockHash>, Error> {
        let mut hashes = Vec::new();
        let mut left = count;
        while left > 0 {
            let now = left.min(BLOCKS_PER_CALL);
            let mined = self.rpc()?.generate_to_address(u64::from(now), address);
            hashes.extend(mined.map_err(Error::rpc("generatetoaddress"))?);
            left -= now;
        }
        Ok(hashes)
    }

    /// Mines `count` blocks without any transaction but the coinbase; the mempool keeps waiting.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Stopped`].
    pub fn mine_empty(&self, count: u32) -> Result<Vec<BlockHash>, Error> {
        (0..count).map(|_| self.generate_block(&self.miner.address(0), &[])).collect()
    }

    /// Mines one block with exactly these transactions, in this order; they need not be in the mempool, so a
    /// transaction that conflicts with one there can be confirmed.
    ///
    /// # Errors
    /// [`Error::Rpc`] (also if a transaction is invalid), [`Error::Stopped`].
    pub fn mine_with(&self, transactions: &[Transaction]) -> Result<BlockHash, Error> {
        self.generate_block(&self.miner.address(0), transactions)
    }

    /// Replaces the last `depth` blocks by `new_len` others and returns the hashes of these.
    ///
    /// Transactions of the replaced blocks return to the mempool and are mined again in the first new block. If the
    /// new branch is longer than the old, connected nodes follow; otherwise only this node sees the reorg, as the old
    /// branch is then declared invalid here. With `new_len` 0 the chain is just shorter.
    ///
    /// # Errors
    /// [`Error::ReorgDepth`], [`Error::Rpc`], [`Error::Stopped`].
    pub fn reorg(&self, depth: u32, new_len: u32) -> Result<Vec<BlockHash>, Error> {
        self.replace(depth, new_len, |node, address| node.mine_to(new_len, address))
    }

    /// As [`Node::reorg`], but the new blocks are empty: the transactions of the replaced blocks lose their
    /// confirmations and wait in the mempool.
    ///
    /// # Errors
    /// As [`Node::reorg`].
    pub fn reorg_empty(&self, depth: u32, new_len: u32) -> Result<Vec<BlockHash>, Error> {
        self.replace(depth, new_len, |node, address| (0..new_len).map(|_| node.generate_block(address, &[])).collect())
    }

    /// Declares a block, and all on top of it, invalid at this node.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Stopped`].
    pub fn invalidate(&self, block: &BlockHash) -> Result<(), Error> {
        self.rpc()?.invalidate_block(block).map_err(Error::rpc("invalidateblock"))
    }

    /// Takes [`Node::invalidate`] back.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Stopped`].
    pub fn reconsider(&self, block: &BlockHash) -> Result<(), Error> {
        self.rpc()?.reconsider_block(block).map_err(Error::rpc("reconsiderblock"))
    }

    /// Sets the node's clock to this Unix time, for the timestamps of blocks; `None` lets it run again.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Stopped`].
    pub fn mock_time(&self, unix_secs: Option<u32>) -> Result<(), Error> {
        // Zero means the system's clock.
        self.call("setmocktime", &[json!(unix_secs.unwrap_or(0))]).map(drop)
    }

    fn replace(
        &self,
        depth: u32,
        new_len: u32,
        mine: impl FnOnce(&Self, &Address) -> Result<Vec<BlockHash>, Error>,
    ) -> Result<Vec<BlockHash>, Error> {
        let height = self.tip()?.height;
        if depth == 0 || depth > height {
            return Err(Error::ReorgDepth { depth, height });
        }
        let first = self.block_hash(height - depth + 1)?;
        self.invalidate(&first)?;
        // Another address than the replaced blocks had: with the same one, in the same second, the same block would
        // come out, which is now invalid.
        let new = mine(self, &self.miner.branch_address(&first))?;
        if new_len > depth {
            // The old branch has less work, so it stays off the chain, but is no longer called invalid.
            self.reconsider(&first)?;
        }
        Ok(new)
    }

    fn generate_block(&self, address: &Address, transactions: &[Transaction]) -> Result<BlockHash, Error> {
        let raw: Vec<String> = transactions.iter().map(serialize_hex).collect();
        let answer = self.call("generateblock", &[json!(address.to_string()), json!(raw)])?;
        let hash = answer["hash"].as_str().and_then(|hex| hex.parse().ok());
        hash.ok_or_else(|| Error::answer("generateblock", &answer))
    }
}
