//! Looking at chain and mempool.

use std::fs;
use std::io::Write;
use std::path::Path;

use bdk_bitcoind_rpc::bitcoincore_rpc::RpcApi;
use bitcoin::block::Header;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hashes::Hash;
use bitcoin::{Block, BlockHash, Transaction, Txid, consensus};
use serde_json::{Value, json};

use super::Node;
use crate::error::Error;

/// The last block of a node's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Its height; the genesis block has 0.
    pub height: u32,
    /// Its hash.
    pub hash: BlockHash,
}

/// Where a transaction is in the chain, with all that an inclusion proof is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// Height of its block.
    pub height: u32,
    /// Hash of its block.
    pub block_hash: BlockHash,
    /// Header of its block.
    pub header: Header,
    /// Its place in the block; the coinbase has 0.
    pub position: usize,
    /// Identifiers of all transactions of the block in order: the leaves of the tree whose root is in the header.
    pub txids: Vec<Txid>,
    /// The transaction itself.
    pub transaction: Transaction,
    /// Blocks from its block to the tip, both counted: 1 for the tip.
    pub depth: u32,
}

impl Node {
    /// The last block of the chain.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Stopped`].
    pub fn tip(&self) -> Result<Tip, Error> {
        let answer = self.call("getblockchaininfo", &[])?;
        let tip = || {
            let height = u32::try_from(answer["blocks"].as_u64()?).ok()?;
            Some(Tip { height, hash: answer["bestblockhash"].as_str()?.parse().ok()? })
        };
        tip().ok_or_else(|| Error::answer("getblockchaininfo", &answer))
    }

    /// The hash of the block at `height` of the active chain.
    ///
    /// # Errors
    /// [`Error::Rpc`] above the tip, [`Error::Stopped`].
    pub fn block_hash(&self, height: u32) -> Result<BlockHash, Error> {
        self.rpc()?.get_block_hash(u64::from(height)).map_err(Error::rpc("getblockhash"))
    }

    /// A block, whether in the active chain or not.
    ///
    /// # Errors
    /// [`Error::Rpc`] if unknown, [`Error::Stopped`].
    pub fn block(&self, hash: &BlockHash) -> Result<Block, Error> {
        self.rpc()?.get_block(hash).map_err(Error::rpc("getblock"))
    }

    /// A header, whether in the active chain or not.
    ///
    /// # Errors
    /// [`Error::Rpc`] if unknown, [`Error::Stopped`].
    pub fn header(&self, hash: &BlockHash) -> Result<Header, Error> {
        self.rpc()?.get_block_header(hash).map_err(Error::rpc("getblockheader"))
    }

    /// All headers from genesis to the tip. They link up even if a reorg happens meanwhile.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Stopped`].
    pub fn headers(&self) -> Result<Vec<Header>, Error> {
        let mut headers = Vec::new();
        let mut hash = self.tip()?.hash;
        // From the tip backwards: the tip seen first fixes the branch.
        while hash != BlockHash::all_zeros() {
            let header = self.header(&hash)?;
            hash = header.prev_blockhash;
            headers.push(header);
        }
        headers.reverse();
        Ok(headers)
    }

    /// Writes all headers from genesis to the tip to a file, 80 bytes each, nothing between, and returns how many.
    ///
    /// The file appears complete or not at all.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Rpc`], [`Error::Stopped`].
    pub fn export_headers(&self, path: &Path) -> Result<u32, Error> {
        let headers = self.headers()?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(Error::io(folder))?;
        let mut bytes = Vec::with_capacity(headers.len() * Header::SIZE);
        for header in &headers {
            bytes.extend(consensus::serialize(header));
        }
        file.write_all(&bytes).map_err(Error::io(path))?;
        let file = file.persist(path).map_err(|error| Error::io(path)(error.error))?;
        make_readable(&file, path)?;
        Ok(u32::try_from(headers.len()).expect("heights are 32 bits wide"))
    }

    /// Where a transaction is in the active chain; `None` while it is unconfirmed or unknown.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Answer`], [`Error::Stopped`].
    pub fn inclusion(&self, txid: &Txid) -> Result<Option<Inclusion>, Error> {
        const CALL: &str = "getrawtransaction";
        let answer = match self.call(CALL, &[json!(txid.to_string()), json!(1)]) {
            Ok(answer) => answer,
            Err(error) if is_not_found(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let depth = answer["confirmations"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        if depth == 0 {
            return Ok(None);
        }
        let block_hash: BlockHash = answer["blockhash"]
            .as_str()
            .and_then(|hex| hex.parse().ok())
            .ok_or_else(|| Error::answer(CALL, &answer))?;
        let block = self.block(&block_hash)?;
        let txids: Vec<Txid> = block.txdata.iter().map(Transaction::compute_txid).collect();
        let position = txids.iter().position(|id| id == txid).ok_or_else(|| Error::answer(CALL, &answer))?;
        let info = self.call("getblockheader", &[json!(block_hash.to_string())])?;
        let height = info["height"].as_u64().and_then(|n| u32::try_from(n).ok());
        Ok(Some(Inclusion {
            height: height.ok_or_else(|| Error::answer("getblockheader", &info))?,
            block_hash,
            header: block.header,
            position,
            txids,
            transaction: block.txdata[position].clone(),
            depth,
        }))
    }

    /// The transactions waiting in the mempool, in no particular order.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Stopped`].
    pub fn mempool(&self) -> Result<Vec<Txid>, Error> {
        self.rpc()?.get_raw_mempool().map_err(Error::rpc("getrawmempool"))
    }

    /// bitcoind's own account of one waiting transaction (sizes, fees, ancestors); `None` if it is not in the mempool.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Stopped`].
    pub fn mempool_entry(&self, txid: &Txid) -> Result<Option<Value>, Error> {
        match self.call("getmempoolentry", &[json!(txid.to_string())]) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hands a transaction to the node.
    ///
    /// # Errors
    /// [`Error::Rpc`] with bitcoind's reason for refusing it, [`Error::Stopped`].
    pub fn broadcast(&self, transaction: &Transaction) -> Result<Txid, Error> {
        self.rpc()?.send_raw_transaction(transaction).map_err(Error::rpc("sendrawtransaction"))
    }

    /// What bitcoind would say to these transactions (one, or a package parents first), without taking them.
    ///
    /// # Errors
    /// [`Error::Rpc`] if the question itself is refused, [`Error::Stopped`].
    pub fn test_accept(&self, transactions: &[Transaction]) -> Result<Value, Error> {
        let raw: Vec<String> = transactions.iter().map(serialize_hex).collect();
        self.call("testmempoolaccept", &[json!(raw)])
    }

    /// Hands over a child with its unconfirmed parents, parents first, to be judged together (BIP431 packages).
    ///
    /// # Errors
    /// [`Error::Rpc`]; a package that is refused comes back as an answer with a `package_msg` other than `success`.
    pub fn submit_package(&self, transactions: &[Transaction]) -> Result<Value, Error> {
        let raw: Vec<String> = transactions.iter().map(serialize_hex).collect();
        self.call("submitpackage", &[json!(raw)])
    }
}

/// Whether bitcoind said that it does not know a thing (`RPC_INVALID_ADDRESS_OR_KEY`).
fn is_not_found(error: &Error) -> bool {
    use bdk_bitcoind_rpc::bitcoincore_rpc::{Error as RpcError, jsonrpc};
    matches!(
        error,
        Error::Rpc { source: RpcError::JsonRpc(jsonrpc::Error::Rpc(answer)), .. } if answer.code == -5
    )
}

/// Temporary files are for their owner's eyes only; headers are for everybody's.
#[cfg(unix)]
fn make_readable(file: &fs::File, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644)).map_err(Error::io(path))
}

#[cfg(not(unix))]
fn make_readable(_: &fs::File, _: &Path) -> Result<(), Error> {
    Ok(())
}
